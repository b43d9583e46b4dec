/* SPDX-License-Identifier: MIT
 *
 * The value of a word on the command line: a Python literal, or text if it does not begin
 * like one; "-" or @FILE, the value in a file. */
#ifndef PB__TOOLS_CALL_ARGUMENT_VALUE_H
#define PB__TOOLS_CALL_ARGUMENT_VALUE_H

#include <stdbool.h>

#include "pb/value.h"

/* The part of --help about arguments. */
extern const char argument_help[];

/* The value, *new*; NULL after an error message. With `json`, what is plain JSON is read
 * as that. */
pb_value *argument_value(const char *word, bool json);

#endif
