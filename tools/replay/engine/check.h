/* SPDX-License-Identifier: MIT
 *
 * `pb replay --check`, the test engine of interop-tests/captures. check.c reads the
 * files and counts; vectors.c checks the rows of vectors, scenario.c connections,
 * expectations.c the calls on a connection, and player.c plays each side of a
 * connection by a real session. */
#ifndef PB__TOOLS_REPLAY_ENGINE_CHECK_H
#define PB__TOOLS_REPLAY_ENGINE_CHECK_H

#include <jansson.h>

#include "pb/jelly.h"

/* The check of one file, and the counts of all files. */
struct check {
    const char *file;
    size_t line;          /* of the file, for reports */
    const char *scenario; /* or the kind of the vectors */
    const char *role;     /* the side that is played by a session; NULL: none is */
    size_t passed, failed;

    pb_profile profile; /* of the file's header */
    bool recorded;      /* by pb record: the file has no expectations */
};

/* Checks files, and prints the counts; returns the exit status. */
int check_files(int count, char **files);

void check_pass(struct check *c);
/* Prints a failure, with its place, on standard error. */
void check_fail(struct check *c, const char *format, ...) PB_PRINTF(2, 3);
/* Passes if both are equal; else fails, and prints both around the first difference. */
bool check_same_bytes(struct check *c, const char *what, pb_span expected, pb_span got);

/* Checks one row of a file of vectors: vectors.c. */
void check_vector(struct check *c, const json_t *row);

/* Checks a scenario: scenario.c. lines holds all lines of the file after its header, each
 * with its number as "line". */
void check_scenario(struct check *c, const json_t *lines);

#endif
