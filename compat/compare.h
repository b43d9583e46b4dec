/* SPDX-License-Identifier: MIT
 *
 * Equality and hash, as the tables use them. */
#ifndef PB__COMPARE_H
#define PB__COMPARE_H

#include <string.h>

#include "compat/limbs.h"
#include "compat/value.h"

/* Whether two values that stand in containers are equal: the very same one, or by
 * Python's ==. 1, 0, or PB_ERR_NOMEM. */
int pb__equal(const pb_value *a, const pb_value *b);
/* The same where at least one is neither list, tuple, dict, set nor frozenset. */
int pb__atoms_equal(const pb_value *a, const pb_value *b);
/* Python's hash in spirit: equal values have equal hashes within one run of a program.
 * PB_ERR_TYPE for what Python cannot hash (list, dict, set, sNaN, and tuples that hold
 * one, or themselves), PB_ERR_NOMEM. */
int pb__hash(const pb_value *v, uint64_t *out);
/* The hash of text, be it str or bytes. */
uint64_t pb__hash_bytes(const uint8_t *data, size_t len);

/* Whether two texts, of whatever kinds, hold the same bytes. */
static inline bool pb__texts_equal(const pb_value *a, const pb_value *b)
{
    const struct pb__text *x = (const struct pb__text *)a;
    const struct pb__text *y = (const struct pb__text *)b;
    return x->len == y->len && memcmp(x->data, y->data, x->len) == 0;
}

/* Mixes two words; both halves of the product count. */
static inline uint64_t pb__mix(uint64_t a, uint64_t b)
{
    pb__wide product = (pb__wide)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* What hashes begin with: an address, which differs from run to run and which a peer
 * cannot know, so that it cannot choose keys that collide. */
static inline uint64_t pb__hash_seed(void)
{
    return pb__mix((uint64_t)(uintptr_t)&pb__none_value ^ 0x9e3779b97f4a7c15u,
                   0xbf58476d1ce4e5b9u);
}

#endif
