/* SPDX-License-Identifier: MIT
 *
 * Lossless JSON: each value is a JSON object that names its kind. Values to this notation
 * and back. It is described in interop-tests/captures/README.md and pb-jelly(1). */
#ifndef PB__TOOLS_JSON_JSON_H
#define PB__TOOLS_JSON_JSON_H

#include <jansson.h>

#include "pb/value.h"

/* The value that j describes, *new*. NULL with PB_ERR_SYNTAX if j describes no value,
 * PB_ERR_TYPE for what only a broker can make (a reference, a copy, a cache) and for an
 * unhashable key, PB_ERR_RANGE for a time that does not exist, PB_ERR_NOMEM. */
pb_value *value_from_json(json_t *j, pb_error *err);

/* The notation of v, *new* (json_tree_free); NULL for lack of memory. A reference is
 * {"remote": luid}, an object of this program {"referenceable": name}. Another expression
 * of the broker's, in recorded traffic, is {"expression": head} with the values "luid"
 * and "state", as far as it has them. */
json_t *value_to_json(const pb_value *v);

#endif
