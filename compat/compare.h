/* SPDX-License-Identifier: MIT
 *
 * Equality and hash, as the tables use them. */
#ifndef PB__COMPARE_H
#define PB__COMPARE_H

#include <string.h>

#include "compat/siphash.h"
#include "compat/value.h"
#include "libpb/base/secret.h"

/* Whether two values that stand in containers are equal: the very same one, or by
 * Python's ==. 1, 0, or PB_ERR_NOMEM. */
int pb__equal(const pb_value *a, const pb_value *b);
/* The same where at least one is neither list, tuple, dict, set nor frozenset. */
int pb__atoms_equal(const pb_value *a, const pb_value *b);
/* Python's hash in spirit: equal values have equal hashes within one run of a program.
 * PB_ERR_TYPE for what Python cannot hash (list, dict, set, sNaN, and tuples that hold
 * one, or themselves), PB_ERR_NOMEM. */
int pb__hash(const pb_value *v, uint64_t *out);
/* The hash of a text of that kind: str, bytes, or the name of a class, module or
 * function. */
uint64_t pb__hash_text(pb_kind kind, const uint8_t *data, size_t len);

/* Whether two texts, of whatever kinds, hold the same bytes. */
static inline bool pb__texts_equal(const pb_value *a, const pb_value *b)
{
    const struct pb__text *x = (const struct pb__text *)a;
    const struct pb__text *y = (const struct pb__text *)b;
    return x->len == y->len && memcmp(x->data, y->data, x->len) == 0;
}

/* The hash of two words that a value of that kind comes to. */
static inline uint64_t pb__hash_words(pb_kind kind, uint64_t a, uint64_t b)
{
    struct pb__siphash s;
    pb__siphash_init(&s, pb__secret);
    pb__siphash_add(&s, (uint64_t)kind);
    pb__siphash_add(&s, a);
    pb__siphash_add(&s, b);
    return pb__siphash_end(&s);
}

#endif
