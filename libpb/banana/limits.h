/* SPDX-License-Identifier: MIT
 *
 * The limits with their defaults, the names of the dialects, and the functions that
 * change limits while a decoder or an encoder is in use. */
#ifndef PB__LIMITS_H
#define PB__LIMITS_H

#include <stdint.h>

#include "pb/banana.h"

/* Each limit: its name in pb_limits, its default, and the largest value that a decoder
 * can count. tests/check-limits compares the defaults with pb/banana.h and
 * docs/guide-c.md. */
#define PB__LIMIT_MAP(X)                       \
    X(prefix, 64, PTRDIFF_MAX)                 \
    X(list, (size_t)640 * 1024, UINT32_MAX)    \
    X(bytes, (size_t)640 * 1024, PTRDIFF_MAX)  \
    X(depth, 4096, UINT32_MAX)                 \
    X(message, (size_t)256 << 20, PTRDIFF_MAX) \
    X(values, (size_t)16 << 20, PTRDIFF_MAX)   \
    X(memory, (size_t)128 << 20, PTRDIFF_MAX)

/* As pb_limits, without the reserved fields: the form in which encoders and decoders
 * store it. */
struct pb__limits {
#define PB__LIMIT_FIELD(name, fallback, most) size_t name;
    PB__LIMIT_MAP(PB__LIMIT_FIELD)
#undef PB__LIMIT_FIELD
};

/* The limits with every 0 replaced by the default, and each limit reduced to the largest
 * that a decoder can count. NULL gives the defaults. */
struct pb__limits pb__limits_resolve(const pb_limits *limits);
/* Converts limits to the public form. */
pb_limits pb__limits_public(const struct pb__limits *l);

/* Sets the limits of a decoder. Those of message and values take effect with the next
 * top-level expression at the latest. The sink may call it. */
void pb__decoder_set_limits(pb_decoder *d, const pb_limits *limits);
/* Sets the limits of an encoder; NULL: the defaults. */
void pb__encoder_set_limits(pb_encoder *e, const pb_limits *limits);

/* The name of a dialect on the wire, a constant: "none", "pb"; NULL for
 * PB_DIALECT_UNKNOWN. */
const char *pb__dialect_name(pb_dialect d);
/* The dialect of that name; PB_DIALECT_UNKNOWN if there is none. */
pb_dialect pb__dialect_find(pb_span name);

#endif
