/* SPDX-License-Identifier: MIT
 *
 * `pb replay --check`: what its parts share. replay.c reads the files and counts;
 * replay_vectors.c judges rows of vectors, replay_scenario.c connections,
 * replay_calls.c what the calls in them came to, and replay_session.c a session in the
 * place of either side. */
#ifndef PB__TOOLS_REPLAY_ENGINE_CHECK_H
#define PB__TOOLS_REPLAY_ENGINE_CHECK_H

#include <jansson.h>

#include "pb/jelly.h"

/* One file being checked. */
struct replay {
    const char *file;
    size_t line;          /* of the file, for reports */
    const char *scenario; /* or the kind of the vectors */
    const char *role;     /* of the session that is played; NULL: none is */
    size_t passed, failed;

    pb_profile profile; /* of the file's header */
    bool recorded;      /* by pb record: nobody knows what the programs saw */
};

void replay_pass(struct replay *r);
/* Reports a failure, with its place, on standard error. */
void replay_fail(struct replay *r, const char *format, ...) PB_PRINTF(2, 3);
/* Passes where both are the same; else fails, and shows both around the first
 * difference. */
bool replay_same(struct replay *r, const char *what, pb_span expected, pb_span got);

/* One row of a file of vectors. */
void replay_vector(struct replay *r, const json_t *row);

/* A scenario: lines holds all of the file after its header, each with its number in
 * "line". */
void replay_scenario(struct replay *r, const json_t *lines);

#endif
