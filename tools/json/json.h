/* SPDX-License-Identifier: MIT
 *
 * The neutral notation of the captures, JSON without loss, and values: both ways. The
 * notation is described in interop-tests/captures/README.md. */
#ifndef PB__TOOLS_JSON_JSON_H
#define PB__TOOLS_JSON_JSON_H

#include <jansson.h>

#include "pb/value.h"

/* The value that j describes, *new*; NULL with PB_ERR_SYNTAX for what describes none,
 * PB_ERR_TYPE for what only a broker can make (a reference, a copy, a cache) or for an
 * unhashable key, PB_ERR_RANGE for a time that there is not, PB_ERR_NOMEM. */
pb_value *json_to_value(json_t *j, pb_error *err);

/* The notation of v, *new*; NULL for lack of memory. A reference is {"remote": luid}, an
 * object of one's own {"referenceable": name}. */
json_t *json_from_value(const pb_value *v);

#endif
