/* SPDX-License-Identifier: MIT
 *
 * Ints of any size as limbs, and as text. */
#ifndef PB__INTEGER_H
#define PB__INTEGER_H

#include "compat/limbs.h"
#include "compat/value.h"
#include "libpb/base/buf.h"

/* The limbs of an int or bool. Those of a small int are written to `room`. */
struct pb__limbs_view {
    const uint32_t *limbs;
    size_t len;
    bool negative;
    uint32_t room[2];
};

void pb__int_view(const pb_value *v, struct pb__limbs_view *out);
/* Makes an int from limbs, which may have high zeros. NULL if memory is exhausted. */
pb_value *pb__int_limbs(struct pb__slab_pool *pool, bool negative, const uint32_t *limbs,
                        size_t len);
/* Makes an int from digits of base 2, 8, 10 or 16, which the caller has checked;
 * underscores are skipped. */
pb_value *pb__int_digits(bool negative, const char *digits, size_t len, unsigned base);
/* Appends an int in decimal. */
int pb__int_print(struct pb__buf *out, const pb_value *v);

#endif
