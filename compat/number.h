/* SPDX-License-Identifier: MIT
 *
 * Equality and hash of int, bool, float and Decimal across kinds, as in Python. */
#ifndef PB__NUMBER_H
#define PB__NUMBER_H

#include "compat/value.h"

static inline bool pb__is_number(pb_kind kind)
{
    return kind == PB_INT || kind == PB_FLOAT || kind == PB_BOOL || kind == PB_DECIMAL;
}

/* Returns whether two numbers are equal: 1, 0, or PB_ERR_NOMEM. */
int pb__number_equal(const pb_value *a, const pb_value *b);
/* The hash of a number. PB_ERR_TYPE for a signalling NaN, PB_ERR_NOMEM. */
int pb__number_hash(const pb_value *v, uint64_t *out);

#endif
