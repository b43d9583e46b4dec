/* SPDX-License-Identifier: MIT
 *
 * The codecs that are measured: libpb's, msgpack-c, libcbor, and memcpy for
 * comparison. */
#ifndef PB__BENCH_CODEC_H
#define PB__BENCH_CODEC_H

#include "pb/value.h"

struct codec {
    const char *name;
    /* Makes the state for decoding and encoding v, and *len, the bytes that v takes in
     * this format; NULL for lack of memory. banana is v in libpb's format. */
    void *(*open)(pb_value *v, pb_span banana, size_t *len);
    /* decode: bytes to values, which are freed; encode: values to bytes. False on
     * failure. */
    bool (*decode)(void *state);
    bool (*encode)(void *state);
};

/* The first is libpb's. A row of zeros ends the table. */
extern const struct codec codecs[];

#endif
