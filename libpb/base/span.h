/* SPDX-License-Identifier: MIT
 *
 * Spans beside C's texts. */
#ifndef PB__BASE_SPAN_H
#define PB__BASE_SPAN_H

#include <stdbool.h>
#include <string.h>

#include "pb/error.h"

/* Whether s is that text. */
static inline bool pb__span_is(pb_span s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.data, text, s.len) == 0;
}

/* Whether it has a length but no data: by the rule for NULL it is none. */
static inline bool pb__span_is_null(pb_span s)
{
    return !s.data && s.len != 0;
}

#endif
