/* SPDX-License-Identifier: MIT
 *
 * `pb replay --client` and `--server`: one side of a capture is played to a live peer.
 * played_side.c sends and waits in the order of the capture; played_side_write.c
 * translates the numbers of the capture to those of this connection;
 * played_side_match.c finds the message of the capture for each message of the peer;
 * played_side_report.c prints how they differ. */
#ifndef PB__TOOLS_REPLAY_PLAYED_SIDE_H
#define PB__TOOLS_REPLAY_PLAYED_SIDE_H

#include "tools/replay/blocking_socket.h"
#include "tools/replay/recording.h"
#include "tools/replay/value_diff.h"

struct played_side {
    const char *file; /* for reports */
    struct recording recording;
    struct rules rules;
    int side;               /* the side that is played; the peer is the other */
    int64_t timeout;        /* milliseconds to wait for an expected message */
    char *const *passwords; /* NAME:PASSWORD */
    size_t password_count;
    const char *password; /* of all other users; NULL: unknown */

    struct blocking_socket socket;
    struct conversation live; /* the messages of this connection */
    struct pb_encoder *encoder;
    struct pb__invoker invoker;
    /* The numbers of the capture to those of this connection: luids of the peer's objects
     * and caches, and its requests, each plus one. And the luids the other way. */
    struct pb__map live_luids[LUID_KINDS], recorded_luids[LUID_KINDS], requests;

    size_t first; /* no message before this index is expected any more */
    const struct recorded_message *current; /* the message that is being compared */
    bool dry_run; /* differences are counted, but not reported; no number is bound */
    bool heading_printed; /* of the report on `current` */
    size_t found;         /* differences in `current` */
    size_t compared, differences;
    bool peer_ended;
    pb_error why; /* why the peer's stream ended; code 0: the peer ended it */
    int status;   /* enum tool_status */
};

/* Plays the side over a connected socket, which it takes; s->status is the outcome,
 * and all differences have been printed. */
void played_side_run(struct played_side *s, struct blocking_socket socket);

/* ---- played_side_write.c ---- */

/* Makes the encoder. PB_ERR_NOMEM. */
int played_side_begin(struct played_side *s);
/* Sends a message of the capture. False if it cannot be sent: *why is a constant text, or
 * NULL if the message is not needed on this connection. */
bool played_side_send(struct played_side *s, const struct recorded_message *m,
                      const char **why);
/* Answers a call of the peer that is not in the capture: as the capture answers another
 * call of the method, or with None. */
void played_side_answer_unexpected(struct played_side *s,
                                   const struct conversation_message *call);

/* ---- played_side_match.c ---- */

/* Handles a message of the peer: finds its message in the capture, and compares them. */
void played_side_receive(struct played_side *s, const struct conversation_message *m);
/* Whether a message may or may not come, at any time: a decref or decache. */
bool played_side_is_optional(const pb_value *message);

/* ---- played_side_report.c ---- */

/* Reports a difference in s->current; either value may be NULL. */
void played_side_report_difference(struct played_side *s, const char *path,
                                   const pb_value *expected, const pb_value *got);
/* Reports a difference that concerns a whole message (NULL: none of the capture). */
void played_side_report(struct played_side *s, const struct recorded_message *m,
                        const char *format, ...) PB_PRINTF(3, 4);

#endif
