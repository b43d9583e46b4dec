/* SPDX-License-Identifier: MIT
 *
 * Plain JSON: what other programs read and write. Only values that lose nothing by it
 * have a form: None, bool, int, finite float, str, list, and dict with keys of str. */
#ifndef PB__TOOLS_JSON_PLAIN_H
#define PB__TOOLS_JSON_PLAIN_H

#include "libpb/base/buf.h"
#include "pb/value.h"

/* The value of a text that is one JSON value, *new*. NULL with PB_ERR_SYNTAX and the
 * offset of the place, PB_ERR_RANGE for a number that no float holds, PB_ERR_NOMEM. */
pb_value *value_from_plain_json(pb_span text, pb_error *err);
/* Appends v on one line. With `bytes_are_text`, as on Python 2, byte strings that are
 * UTF-8 count as str. PB_ERR_TYPE for a value without a form, and for a list or dict that
 * stands in two places, err->where being its place; PB_ERR_NOMEM. */
int value_append_plain_json(struct pb__buf *out, const pb_value *v, bool bytes_are_text,
                            pb_error *err);

#endif
