/* SPDX-License-Identifier: MIT
 *
 * The inside of the encoder, and its inline writers, so that jelly writes a value without
 * a call. Each writer returns 0, or PB_ERR_LIMIT or PB_ERR_NOMEM; then the fault is set,
 * and nothing was written. */
#ifndef PB__ENCODE_H
#define PB__ENCODE_H

#include <assert.h>

#include "libpb/banana/fault.h"
#include "libpb/banana/limits.h"
#include "libpb/banana/vocab.h"
#include "libpb/banana/type_bytes.h"
#include "libpb/base/buf.h"
#include "pb/banana.h"

#define PB__HEADER_MAX 11 /* the longest header whose number is a uint64_t */

/* The fields are private to banana/. Use the functions below. */
struct pb_encoder {
    /* what was written; the first `gone` bytes of it have been sent */
    struct pb__buf out;
    size_t gone;
    uint64_t base;   /* number of bytes sent before those in `out` */
    size_t expected; /* size of recent output, for the next allocation */
    struct pb__limits limits;
    struct pb__fault fault;
    uint32_t deepest; /* list that jelly has written: pb__encoder_check compares it */
    uint8_t dialect;
};

void pb__encoder_init(pb_encoder *e, pb_dialect dialect, const pb_limits *limits);
void pb__encoder_fini(pb_encoder *e);

/* pb_encoder_mark and pb_encoder_send, for an encoder that is not NULL. */
static inline uint64_t pb__encoder_mark(const pb_encoder *e)
{
    return e->base + e->out.len;
}

static inline pb_span pb__encoder_unsent(const pb_encoder *e)
{
    size_t len = e->out.len - e->gone;
    return (pb_span){len ? e->out.data + e->gone : NULL, len};
}

/* An expression of which jelly finds out later that it is shared. */
struct pb__patch {
    uint64_t mark;  /* where the expression begins: from pb_encoder_mark */
    int64_t number; /* its reference number */
};

/* Inserts LIST 3, "reference", number at each mark. The marks must ascend, and nothing
 * after the first may have been sent. PB_ERR_NOMEM leaves the output unchanged. */
int pb__encoder_insert(pb_encoder *e, const struct pb__patch *patches, size_t n);

/* Whether a reader with these limits can read the expression that begins at the mark: its
 * length, its depth, and the number of its elements. Sets the fault, and returns
 * PB_ERR_LIMIT or PB_ERR_NOMEM, if not. Begins a new count of `deepest`. */
int pb__encoder_check(pb_encoder *e, uint64_t mark, const struct pb__limits *l);
int pb__encoder_grow(pb_encoder *e, size_t n);
int pb__encode_refuse(pb_encoder *e, enum pb__fault_kind kind, uint64_t n,
                      uint64_t limit);

/* Makes room for n more bytes. */
static inline int pb__encoder_reserve(pb_encoder *e, size_t n)
{
    return PB__LIKELY(n <= e->out.cap - e->out.len) ? 0 : pb__encoder_grow(e, n);
}

/* ---- Writing directly into the buffer ----
 *
 * Reserve room, write from pb__encoder_cursor on, and commit the end of what was written.
 * No other function may write to the encoder between these calls. */

/* Where the next byte goes. */
static inline uint8_t *pb__encoder_cursor(const pb_encoder *e)
{
    return e->out.data + e->out.len;
}

/* The end of the room. */
static inline const uint8_t *pb__encoder_room_end(const pb_encoder *e)
{
    return e->out.data + e->out.cap;
}

/* The bytes up to `end` have been written. */
static inline void pb__encoder_commit(pb_encoder *e, const uint8_t *end)
{
    e->out.len = (size_t)(end - e->out.data);
}

/* Passes the buffer to the caller, *new*, if nothing was sent. The encoder ends. */
static inline uint8_t *pb__encoder_take(pb_encoder *e, size_t *len)
{
    uint8_t *data = e->out.data;
    *len = e->out.len;
    e->out = (struct pb__buf){0};
    return data;
}

/* ---- Writing tokens ---- */

static inline const struct pb__limits *pb__encoder_limits(const pb_encoder *e)
{
    return &e->limits;
}

static inline pb_dialect pb__encoder_dialect(const pb_encoder *e)
{
    return (pb_dialect)e->dialect;
}

/* Writes prefix and type byte at p, where there must be room for PB__HEADER_MAX bytes.
 * Returns their end. */
static inline uint8_t *pb__put_header(uint8_t *p, uint64_t n, uint8_t type)
{
    unsigned digits = 1;
    p[0] = (uint8_t)(n & 0x7f);
    if (n > 0x7f) {
        digits = pb__digits_count(n);
        pb__store_le64(p, pb__digits_spread(n));
        p[8] = (uint8_t)(n >> 56 & 0x7f);
        p[9] = (uint8_t)(n >> 63);
    }
    p[digits] = type;
    return p + digits + 1;
}

static inline int pb__encode_header(pb_encoder *e, uint64_t n, uint8_t type)
{
    int failed = pb__encoder_reserve(e, PB__HEADER_MAX);
    if (!failed) {
        pb__encoder_commit(e, pb__put_header(pb__encoder_cursor(e), n, type));
    }
    return failed;
}

static inline int pb__encode_list(pb_encoder *e, size_t n)
{
    if (PB__UNLIKELY(n > e->limits.list)) {
        return pb__encode_refuse(e, PB__FAULT_SEND_LIST, n, e->limits.list);
    }
    return pb__encode_header(e, n, PB__TYPE_LIST);
}

static inline uint8_t pb__int_type(int64_t i)
{
    bool is_long = i != (int32_t)i;
    return i < 0 ? (is_long ? PB__TYPE_LONGNEG : PB__TYPE_NEG)
                 : (is_long ? PB__TYPE_LONGINT : PB__TYPE_INT);
}

static inline int pb__encode_int(pb_encoder *e, int64_t i)
{
    uint64_t n = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
    if (PB__UNLIKELY(e->limits.prefix < 10) && pb__digits_count(n) > e->limits.prefix) {
        return pb__encode_refuse(e, PB__FAULT_SEND_INT, pb__digits_count(n),
                                 e->limits.prefix);
    }
    return pb__encode_header(e, n, pb__int_type(i));
}

/* Writes an int of any size from base 128 digits, least significant first. High zeros are
 * left out. */
int pb__encode_big(pb_encoder *e, bool negative, pb_span base128);

static inline int pb__encode_real(pb_encoder *e, double d)
{
    int failed = pb__encoder_reserve(e, 9);
    if (!failed) {
        uint8_t *p = pb__encoder_cursor(e);
        p[0] = PB__TYPE_FLOAT;
        pb__store_real(p + 1, d);
        pb__encoder_commit(e, p + 9);
    }
    return failed;
}

/* Writes a STRING, also if the bytes are a word of the vocabulary. */
static inline int pb__encode_string(pb_encoder *e, const uint8_t *data, size_t len)
{
    if (PB__UNLIKELY(len > e->limits.bytes)) {
        return pb__encode_refuse(e, PB__FAULT_SEND_STRING, len, e->limits.bytes);
    }
    int failed = pb__encoder_reserve(e, len + PB__HEADER_MAX);
    if (!failed) {
        uint8_t *p = pb__put_header(pb__encoder_cursor(e), len, PB__TYPE_STRING);
        if (len > 0) {
            memcpy(p, data, len);
        }
        pb__encoder_commit(e, p + len);
    }
    return failed;
}

/* Writes a word of the vocabulary: its number, or the string if the dialect has no
 * vocabulary. */
static inline int pb__encode_word(pb_encoder *e, unsigned number)
{
    pb_span word = pb__word(number);
    return e->dialect == PB_DIALECT_PB ? pb__encode_header(e, number, PB__TYPE_VOCAB)
                                       : pb__encode_string(e, word.data, word.len);
}

static inline int pb__encode_bytes(pb_encoder *e, pb_span s)
{
    unsigned number = e->dialect == PB_DIALECT_PB ? pb__vocab_find(s.data, s.len) : 0;
    return number ? pb__encode_header(e, number, PB__TYPE_VOCAB)
                  : pb__encode_string(e, s.data, s.len);
}

#endif
