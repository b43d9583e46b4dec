/* SPDX-License-Identifier: MIT
 *
 * The defaults of the limits, and the names of the dialects: what decoder and encoder are
 * set up with. */
#include "libpb/base/span.h"
#include "pb/banana.h"

static size_t limit(size_t given, size_t fallback, size_t most)
{
    size_t n = given ? given : fallback;
    return n < most ? n : most;
}

pb_limits pb_limits_default(const pb_limits *limits)
{
    static const pb_limits none;
    const pb_limits *l = limits ? limits : &none;
    return (pb_limits){
        .prefix = limit(l->prefix, 64, PTRDIFF_MAX),
        .list = limit(l->list, (size_t)640 * 1024, UINT32_MAX),
        .bytes = limit(l->bytes, (size_t)640 * 1024, PTRDIFF_MAX),
        .depth = limit(l->depth, 4096, UINT32_MAX),
        .message = limit(l->message, (size_t)256 << 20, PTRDIFF_MAX),
        .values = limit(l->values, (size_t)16 << 20, PTRDIFF_MAX),
    };
}

const char *pb_dialect_name(pb_dialect d)
{
    return d == PB_DIALECT_PB ? "pb" : d == PB_DIALECT_NONE ? "none" : NULL;
}

pb_dialect pb_dialect_find(pb_span name)
{
    for (pb_dialect d = PB_DIALECT_NONE; d <= PB_DIALECT_PB; d++) {
        const char *known = pb_dialect_name(d);
        if (pb__span_is(name, known)) {
            return d;
        }
    }
    return PB_DIALECT_UNKNOWN;
}
