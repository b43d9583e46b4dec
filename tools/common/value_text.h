/* SPDX-License-Identifier: MIT
 *
 * Comparing values with C strings. */
#ifndef PB__TOOLS_COMMON_VALUE_TEXT_H
#define PB__TOOLS_COMMON_VALUE_TEXT_H

#include "libpb/base/span.h"
#include "pb/value.h"

/* Whether v is bytes with this content, as the words of the protocol are. v may be
 * NULL. */
static inline bool value_is_bytes(const pb_value *v, const char *text)
{
    pb_span s;
    return v && pb_as_bytes(v, &s) == 0 && pb__span_is(s, text);
}

/* Whether v is str or bytes with this content. v may be NULL. */
static inline bool value_is_text(const pb_value *v, const char *text)
{
    pb_span s;
    return v && pb_as_text(v, &s) == 0 && pb__span_is(s, text);
}

#endif
