/* SPDX-License-Identifier: MIT
 *
 * Values that hold no others, out of the neutral notation. */
#ifndef PB__TOOLS_JSON_JSON_READ_SCALAR_H
#define PB__TOOLS_JSON_JSON_READ_SCALAR_H

#include <jansson.h>

#include "pb/value.h"

/* The value of that kind whose notation has this content, *new*. NULL as json_to_value. */
pb_value *json_scalar(pb_kind kind, const json_t *content, pb_error *err);
/* NULL, and err: the notation describes no value. */
pb_value *json_no_value(const json_t *j, pb_error *err);

#endif
