/* SPDX-License-Identifier: MIT
 *
 * Equality and hash, for tables. */
#ifndef PB__COMPARE_H
#define PB__COMPARE_H

#include <string.h>

#include "compat/siphash.h"
#include "compat/value.h"
#include "libpb/base/secret.h"

/* Returns whether two values in containers are equal: identical, or equal by Python's ==.
 * 1, 0, or PB_ERR_NOMEM. */
int pb__equal(const pb_value *a, const pb_value *b);
/* The same if at least one of them is not a list, tuple, dict, set or frozenset. */
int pb__atoms_equal(const pb_value *a, const pb_value *b);
/* A hash with the properties of Python's: equal values have equal hashes within one run
 * of a program. PB_ERR_TYPE for values that Python cannot hash (list, dict, set, sNaN,
 * and tuples that contain one of them, or themselves), PB_ERR_NOMEM. */
int pb__hash(const pb_value *v, uint64_t *out);
/* The hash of a text of that kind: str, bytes, or the name of a class, module or
 * function. */
uint64_t pb__hash_text(pb_kind kind, const uint8_t *data, size_t len);

/* Returns whether two texts of any kind have the same bytes. */
static inline bool pb__texts_equal(const pb_value *a, const pb_value *b)
{
    const struct pb__text *x = (const struct pb__text *)a;
    const struct pb__text *y = (const struct pb__text *)b;
    return x->len == y->len && memcmp(x->data, y->data, x->len) == 0;
}

/* The hash of a value of that kind that is represented by two words. */
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
