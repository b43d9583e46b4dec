/* SPDX-License-Identifier: MIT
 *
 * Compares two values of different connections: the expected one of a capture, and the
 * one that was received. Numbers of references differ between connections, so the
 * caller compares these. */
#ifndef PB__TOOLS_REPLAY_VALUE_DIFF_H
#define PB__TOOLS_REPLAY_VALUE_DIFF_H

#include "tools/replay/rules.h"

/* The kind of thing that a luid identifies. */
enum luid_kind { LUID_OBJECT, LUID_CACHE, LUID_KINDS };

struct value_diff {
    const struct rules *rules;
    const char
        *method; /* the method that is called or answered, for the rules; or NULL */
    /* Whether a number of the sender stands for the expected one. */
    bool (*same_luid)(enum luid_kind kind, int64_t expected, int64_t got, void *ctx);
    /* Reports a difference and its place. Either value may be NULL: there is none. */
    void (*report)(const char *path, const pb_value *expected, const pb_value *got,
                   void *ctx);
    void *ctx;
};

/* Compares two values; path is the place of both. Either may be NULL: a malformed member.
 * PB_ERR_NOMEM. */
int value_diff_compare(const struct value_diff *d, const char *path, pb_value *expected,
                       pb_value *got);

#endif
