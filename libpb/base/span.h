/* SPDX-License-Identifier: MIT
 *
 * Comparing spans with C strings. */
#ifndef PB__BASE_SPAN_H
#define PB__BASE_SPAN_H

#include <stdbool.h>
#include <string.h>

#include "pb/error.h"

/* Returns whether s equals the text. */
static inline bool pb__span_is(pb_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

/* Returns whether s has a length but no data, which counts as NULL (pb/error.h). */
static inline bool pb__span_is_null(pb_span s)
{
    return !s.data && s.len != 0;
}

#endif
