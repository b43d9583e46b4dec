/* SPDX-License-Identifier: MIT
 *
 * The repr of dates and times. */
#ifndef PB__DATETIME_H
#define PB__DATETIME_H

#include "compat/value.h"
#include "libpb/base/buf.h"

/* Appends the repr of a datetime, date, time or timedelta. */
int pb__datetime_print(struct pb__buf *out, const pb_value *v);

#endif
