/* SPDX-License-Identifier: MIT
 *
 * `pb replay --client` and `--server`: one side of a capture speaks to a live peer, which
 * stands in the place of the other. stand_in.c speaks and waits, stand_in_write.c puts what
 * the capture says into the numbers of this connection, stand_in_match.c finds out which
 * message of the capture one of the peer's is, and stand_in_report.c tells how they
 * differ. */
#ifndef PB__TOOLS_REPLAY_PLAYED_SIDE_H
#define PB__TOOLS_REPLAY_PLAYED_SIDE_H

#include "tools/replay/value_diff.h"
#include "tools/replay/recording.h"
#include "tools/replay/socket_wait.h"

struct stand_in {
    const char *file; /* for reports */
    struct script script;
    struct rules rules;
    int who;                /* which side is played; the peer is the other */
    int64_t timeout;        /* milliseconds in which the peer has to say what it is to */
    char *const *passwords; /* NAME:PASSWORD */
    size_t password_count;
    const char *password; /* of everybody else; NULL: unknown */

    struct wire wire;
    struct talk live;
    struct pb_encoder *encoder;
    struct pb__invoker invoker;
    /* What the capture's numbers are here: luids of the peer's, and its requests; a number
     * plus one. And the luids the other way. */
    struct pb__map luids[DIFFER_LUIDS], back[DIFFER_LUIDS], requests;

    size_t first;          /* no line before it still waits for the peer */
    const struct line *at; /* what is being compared */
    bool trying;           /* nothing is told, or bound: differences are only counted */
    bool told;             /* the head of a report on `at` has been printed */
    size_t found;          /* differences in `at` */
    size_t compared, differences;
    bool ended;   /* the peer has */
    pb_error why; /* if it did not end by itself */
    int status;   /* enum tool_status */
};

/* Plays; s->status has the outcome, and all differences were told. wire is connected, and
 * taken. */
void stand_in_run(struct stand_in *s, struct wire wire);

/* ---- stand_in_write.c ---- */

/* Makes the encoder. PB_ERR_NOMEM. */
int stand_in_begin(struct stand_in *s);
/* Sends a line of the script. False where that cannot be done: *why is a text that
 * lasts, or NULL where nobody misses it. */
bool stand_in_write(struct stand_in *s, const struct line *l, const char **why);
/* Answers a call of the peer's that the capture doesn't have: as it has another call of
 * that method answered, or else with None. */
void stand_in_answer(struct stand_in *s, const struct talk_message *call);

/* ---- stand_in_match.c ---- */

/* A message of the peer's: compares it with the line that it stands for. */
void stand_in_hear(struct stand_in *s, const struct talk_message *m);
/* Whether nobody waits for a message: it comes when it comes, or not. */
bool stand_in_is_loose(const pb_value *message);

/* ---- stand_in_report.c ---- */

/* Tells of a difference in s->at; either value may be NULL. */
void stand_in_differs(struct stand_in *s, const char *path, const pb_value *expected,
                      const pb_value *got);
/* Tells of one in a line as a whole (NULL: there is none for it). */
void stand_in_tell(struct stand_in *s, const struct line *l, const char *format, ...)
    PB_PRINTF(3, 4);

#endif
