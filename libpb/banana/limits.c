/* SPDX-License-Identifier: MIT
 *
 * The defaults of the limits, and the names of the dialects: what decoder and encoder are
 * set up with. */
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
        .prefix = limit_or_default(l->prefix, 64, PTRDIFF_MAX),
        .list = limit_or_default(l->list, (size_t)640 * 1024, UINT32_MAX),
        .bytes = limit_or_default(l->bytes, (size_t)640 * 1024, PTRDIFF_MAX),
        .depth = limit_or_default(l->depth, 4096, UINT32_MAX),
        .message = limit_or_default(l->message, (size_t)256 << 20, PTRDIFF_MAX),
        .values = limit_or_default(l->values, (size_t)16 << 20, PTRDIFF_MAX),
    };
}

pb_limits pb__limits_public(const struct pb__limits *l)
{
    return (pb_limits){
        .prefix = l->prefix,
        .list = l->list,
        .bytes = l->bytes,
        .depth = l->depth,
        .message = l->message,
        .values = l->values,
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
