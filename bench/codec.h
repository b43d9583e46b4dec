/* SPDX-License-Identifier: MIT
 *
 * A codec that is measured: libpb's own, its peers, and memcpy, which is none. */
#ifndef PB__BENCH_CODEC_H
#define PB__BENCH_CODEC_H

#include "pb/value.h"

struct codec {
    const char *name;
    /* What it needs to decode and encode v, and how many bytes v takes; NULL if there is
     * no memory. banana is v in libpb's own format. */
    void *(*open)(pb_value *v, pb_span banana, size_t *len);
    /* Once: bytes to values and those freed, values to bytes. False if it fails. */
    bool (*decode)(void *state);
    bool (*encode)(void *state);
};

/* By name; the last is zero. The first is libpb's. */
extern const struct codec codecs[];

#endif
