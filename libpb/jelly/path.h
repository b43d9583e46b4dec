/* SPDX-License-Identifier: MIT
 *
 * Paths into a value, for pb_error.where: "[3]['key']". */
#ifndef PB__PATH_H
#define PB__PATH_H

#include "compat/value.h"

/* Appends the step to the value under a key: ['text'], [b'bytes'], [12]. For a key of
 * another kind, the step has the number of its pair: .values[2]. */
void pb__path_key(pb_error *err, const pb_value *key, size_t pair);

#endif
