/* SPDX-License-Identifier: MIT
 *
 * A connection out of a capture as a list of messages, for somebody to play again. */
#ifndef PB__TOOLS_REPLAY_RECORDING_H
#define PB__TOOLS_REPLAY_RECORDING_H

#include "tools/common/conversation.h"

struct line {
    enum talk_kind kind;
    int from;
    double time;
    pb_value *value; /* as talk_message has it */
    bool refused;    /* a member of it is malformed */
    /* Of an answer or error: its call, an index of lines; else NO_LINE. */
    size_t call;
    /* Of a call: what it calls, "root.getTwo", and its method alone; *new*. Else NULL. */
    char *name, *method;
    bool wants_answer, cache;
    size_t answer;  /* of a call: the index of its answer or error; NO_LINE: none came */
    bool done;      /* for the player: it was sent, or came */
    pb_value *live; /* for the player: what came in its place; owned */
};

#define NO_LINE SIZE_MAX

struct script {
    struct pb__buf lines; /* struct line */
    int closed_by;   /* who ended the connection first; -1: the capture doesn't say */
    double damaged;  /* seconds: from there on a side cannot be read; negative: none */
    pb_error damage; /* why */
};

/* Reads the connection of that number of a capture, or a pcap file. PB_ERR_SYSTEM,
 * PB_ERR_SYNTAX (also where there is no such connection), PB_ERR_NOMEM. */
int script_read(struct script *s, const char *path, size_t connection, pb_error *err);
void script_fini(struct script *s);

static inline size_t script_count(const struct script *s)
{
    return s->lines.len / sizeof(struct line);
}

static inline struct line *script_line(const struct script *s, size_t i)
{
    return (struct line *)(void *)s->lines.data + i;
}

#endif
