/* SPDX-License-Identifier: MIT
 *
 * Paths into a value, for pb_error.where: "[3]['key']" and the like. */
#ifndef PB__PATH_H
#define PB__PATH_H

#include "compat/value.h"

/* Appends the step to the value under a key: ['text'], [b'bytes'], [12]; a key of another
 * kind is told by the number of its pair, as in .values[2]. */
void pb__path_key(pb_error *err, const pb_value *key, size_t pair);

#endif
