/* SPDX-License-Identifier: MIT
 *
 * The limits with their defaults, and the names of the dialects. */
#include "libpb/banana/limits.h"

#include "libpb/base/span.h"

static size_t limit_or_default(size_t given, size_t fallback, size_t most)
{
    size_t n = given ? given : fallback;
    return n < most ? n : most;
}

struct pb__limits pb__limits_resolve(const pb_limits *limits)
{
    static const pb_limits none;
    const pb_limits *l = limits ? limits : &none;
    return (struct pb__limits){
#define LIMIT_RESOLVE(name, fallback, most) \
    .name = limit_or_default(l->name, fallback, most),
        PB__LIMIT_MAP(LIMIT_RESOLVE)
#undef LIMIT_RESOLVE
    };
}

pb_limits pb__limits_public(const struct pb__limits *l)
{
    return (pb_limits){
#define LIMIT_COPY(name, fallback, most) .name = l->name,
        PB__LIMIT_MAP(LIMIT_COPY)
#undef LIMIT_COPY
    };
}

void pb_limits_default(pb_limits *limits)
{
    if (limits) {
        const struct pb__limits l = pb__limits_resolve(limits);
        *limits = pb__limits_public(&l);
    }
}

const char *pb__dialect_name(pb_dialect d)
{
    return d == PB_DIALECT_PB ? "pb" : d == PB_DIALECT_NONE ? "none" : NULL;
}

pb_dialect pb__dialect_find(pb_span name)
{
    for (pb_dialect d = PB_DIALECT_NONE; d <= PB_DIALECT_PB; d++) {
        const char *known = pb__dialect_name(d);
        if (pb__span_is(name, known)) {
            return d;
        }
    }
    return PB_DIALECT_UNKNOWN;
}
