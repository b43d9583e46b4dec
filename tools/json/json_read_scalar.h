/* SPDX-License-Identifier: MIT
 *
 * Reads values that hold no other values from lossless JSON. */
#ifndef PB__TOOLS_JSON_JSON_READ_SCALAR_H
#define PB__TOOLS_JSON_JSON_READ_SCALAR_H

#include <jansson.h>

#include "pb/value.h"

/* The value of that kind, *new*, from the content of its JSON object. NULL as
 * value_from_json. */
pb_value *value_from_json_scalar(pb_kind kind, const json_t *content, pb_error *err);
/* Sets err to PB_ERR_SYNTAX, with the JSON that describes no value; returns NULL. */
pb_value *value_json_malformed(const json_t *j, pb_error *err);

#endif
