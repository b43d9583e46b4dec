/* SPDX-License-Identifier: MIT
 *
 * A connection of a capture as a list of messages, to be played again. */
#ifndef PB__TOOLS_REPLAY_RECORDING_H
#define PB__TOOLS_REPLAY_RECORDING_H

#include "tools/common/conversation.h"

struct recorded_message {
    enum message_kind kind;
    int from;
    double time;
    pb_value *value; /* as in conversation_message */
    bool refused;    /* a member of it is malformed */
    /* Of an answer or error: the index of its call; NO_MESSAGE for other kinds. */
    size_t call;
    /* Of a call: its name, "root.getTwo", and its method, *new*; NULL for other kinds. */
    char *name, *method;
    bool wants_answer, cache;
    size_t
        answer; /* of a call: the index of its answer or error; NO_MESSAGE: none came */

    /* Set by the replay. */
    bool done;          /* it was sent, or a message of the peer was matched with it */
    pb_value *received; /* that message of the peer, owned */
};

#define NO_MESSAGE SIZE_MAX

struct recording {
    struct pb__buf messages; /* struct recorded_message */
    int closed_by;      /* the side that ended the connection; -1: not in the capture */
    double damage_time; /* seconds: when a side could not be read any more */
    pb_error damage;    /* why; code 0: both could be read to their ends */
};

/* Reads one connection of a capture or a pcap file. PB_ERR_SYSTEM, PB_ERR_SYNTAX (also if
 * there is no such connection), PB_ERR_NOMEM. */
int recording_read(struct recording *r, const char *path, size_t connection,
                   pb_error *err);
/* The numbers of the connections in which the client sent anything: *new* (pb_free), in
 * order, *count of them. A client that only tried the port has none. NULL with err. */
size_t *recording_connections(const char *path, size_t *count, pb_error *err);
void recording_fini(struct recording *r);

static inline size_t recording_count(const struct recording *r)
{
    return r->messages.len / sizeof(struct recorded_message);
}

static inline struct recorded_message *recording_at(const struct recording *r, size_t i)
{
    return (struct recorded_message *)(void *)r->messages.data + i;
}

#endif
