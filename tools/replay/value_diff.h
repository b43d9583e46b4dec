/* SPDX-License-Identifier: MIT
 *
 * Comparing two values of different connections: what a capture has with what came. The
 * numbers of references are others there, so somebody else judges these. */
#ifndef PB__TOOLS_REPLAY_VALUE_DIFF_H
#define PB__TOOLS_REPLAY_VALUE_DIFF_H

#include "tools/replay/rules.h"

/* Whose number a reference or cache has. */
enum differ_luid { DIFFER_OBJECT, DIFFER_CACHE, DIFFER_LUIDS };

struct differ {
    const struct rules *rules;
    const char *method; /* that is called or answered, for the rules; NULL: none is */
    /* Whether a number of the sender's stands for the one expected. */
    bool (*same_luid)(enum differ_luid kind, int64_t expected, int64_t got, void *ctx);
    /* Told of each difference, and its place. Either value may be NULL: there is none. */
    void (*report)(const char *path, const pb_value *expected, const pb_value *got,
                   void *ctx);
    void *ctx;
};

/* Compares; path is that of the whole. Either may be NULL: a member that was malformed.
 * PB_ERR_NOMEM. */
int differ_compare(const struct differ *d, const char *path, pb_value *expected,
                   pb_value *got);

#endif
