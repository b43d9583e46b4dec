/* SPDX-License-Identifier: MIT
 *
 * Asks a taster about names that are given as strings. */
#ifndef PB__TASTING_H
#define PB__TASTING_H

#include <string.h>

#include "pb/jelly.h"

static inline pb_span span(const char *s)
{
    return (pb_span){(const uint8_t *)s, strlen(s)};
}

static inline bool type(const pb_taster *t, const char *name)
{
    return pb_taster_type_allowed(t, span(name));
}

static inline bool module(const pb_taster *t, const char *name)
{
    return pb_taster_module_allowed(t, span(name));
}

static inline bool class(const pb_taster *t, const char *name)
{
    return pb_taster_class_allowed(t, span(name));
}

#endif
