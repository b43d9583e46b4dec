/* SPDX-License-Identifier: MIT
 *
 * The defaults of the limits, the names of the dialects, and what changes them while a
 * decoder or an encoder is in use. */
#ifndef PB__LIMITS_H
#define PB__LIMITS_H

#include "pb/banana.h"

/* As pb_limits, without its reserve: what encoders and decoders keep. */
struct pb__limits {
    size_t prefix, list, bytes, depth, message, values;
};

/* The limits with every 0 replaced by its default, and those past what a decoder can count
 * (list: UINT32_MAX; bytes, message, values: PTRDIFF_MAX) by that. NULL gives the
 * defaults. */
struct pb__limits pb__limits_resolve(const pb_limits *limits);
/* The same limits in the public form. */
pb_limits pb__limits_public(const struct pb__limits *l);

/* The limits from now on (of message and values: from the next top-level expression on, at
 * the latest); may be called by the sink. */
void pb__decoder_set_limits(pb_decoder *d, const pb_limits *limits);
/* The limits from now on; NULL: the defaults. */
void pb__encoder_set_limits(pb_encoder *e, const pb_limits *limits);

/* The dialect's name on the wire, a constant: "none", "pb"; NULL for
 * PB_DIALECT_UNKNOWN. */
const char *pb__dialect_name(pb_dialect d);
/* The dialect of that name; PB_DIALECT_UNKNOWN if there is none. */
pb_dialect pb__dialect_find(pb_span name);

#endif
