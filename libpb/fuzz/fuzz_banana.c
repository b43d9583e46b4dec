/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the decoder and the encoder. The first byte selects dialect and limits, the
 * second the size of the pieces, and the rest is sent by the peer. Decoding all at once
 * and in pieces must give the same tokens and the same error. The output of the encoder
 * must decode and encode to the same bytes again. */
#include <stdbool.h>
#include <string.h>

#include "libpb/fuzz/fuzz.h"
#include "pb/banana.h"

const char pb__fuzz_name[] = "banana";

/* Passes tokens on to an encoder, and counts the elements of lists. */
struct checker {
    pb_encoder *e;
    pb_sink out;
    size_t left[64]; /* missing elements of each open list */
    size_t depth;
    uint8_t place[4096];
};

/* One more element has begun. */
static void count(struct checker *c)
{
    if (c->depth > 0) {
        must(c->left[c->depth - 1] > 0);
        c->left[c->depth - 1]--;
    }
}

static int check_list(void *ctx, size_t n)
{
    struct checker *c = ctx;
    count(c);
    must(c->depth < sizeof c->left / sizeof *c->left);
    c->left[c->depth++] = n;
    return c->out.ops->list(c->e, n);
}

static int check_end(void *ctx)
{
    struct checker *c = ctx;
    must(c->depth > 0 && c->left[c->depth - 1] == 0);
    c->depth--;
    return c->out.ops->end(c->e);
}

static int check_integer(void *ctx, int64_t i)
{
    struct checker *c = ctx;
    count(c);
    return c->out.ops->integer(c->e, i);
}

static int check_big(void *ctx, bool negative, pb_span base128)
{
    struct checker *c = ctx;
    count(c);
    must(base128.len >= 10 && base128.data[base128.len - 1] != 0);
    return c->out.ops->big(c->e, negative, base128);
}

static int check_real(void *ctx, double d)
{
    struct checker *c = ctx;
    count(c);
    return c->out.ops->real(c->e, d);
}

static int check_bytes(void *ctx, pb_span s)
{
    struct checker *c = ctx;
    count(c);
    return c->out.ops->bytes(c->e, s);
}

static uint8_t *check_place(void *ctx, size_t len)
{
    struct checker *c = ctx;
    return len <= sizeof c->place && len % 2 == 0 ? c->place : NULL;
}

static const pb_sink_ops ops = {
    .list = check_list,
    .end = check_end,
    .integer = check_integer,
    .big = check_big,
    .real = check_real,
    .bytes = check_bytes,
    .place = check_place,
};

struct outcome {
    pb_encoder *e;
    pb_error err;
    int result;
    uint64_t count, offset;
};

static struct outcome decode(pb_dialect dialect, const pb_limits *limits, pb_span in,
                             size_t step)
{
    struct outcome o = {.e = pb_encoder_new(dialect, NULL)};
    must(o.e);
    struct checker c = {.e = o.e, .out = pb_encoder_sink(o.e)};
    pb_decoder *d = pb_decoder_new(dialect, limits, (pb_sink){.ops = &ops, .ctx = &c});
    must(d);
    for (size_t at = 0; at < in.len && o.result == 0; at += step) {
        size_t n = step < in.len - at ? step : in.len - at;
        o.result = pb_decoder_recv(d, (pb_span){in.data + at, n}, &o.err);
    }
    must(o.result == o.err.code);
    must((o.result == 0) == (o.err.text[0] == '\0'));
    o.count = pb_decoder_count(d);
    o.offset = pb_decoder_offset(d);
    pb_decoder_free(d);
    return o;
}

static void must_be_equal(const struct outcome *a, const struct outcome *b)
{
    pb_span x = pb_encoder_send(a->e), y = pb_encoder_send(b->e);
    must(x.len == y.len && (x.len == 0 || memcmp(x.data, y.data, x.len) == 0));
    must(a->count == b->count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) {
        return 0;
    }
    pb_dialect dialect = data[0] & 1 ? PB_DIALECT_PB : PB_DIALECT_NONE;
    const pb_limits wide = {.depth = 60};
    const pb_limits narrow = {.prefix = 11,
                              .list = 50,
                              .bytes = 100,
                              .depth = 8,
                              .message = 200,
                              .values = 100};
    const pb_limits *limits = data[0] & 2 ? &narrow : &wide;
    pb_span in = {data + 2, size - 2};
    struct outcome whole = decode(dialect, limits, in, size);
    struct outcome pieces = decode(dialect, limits, in, (size_t)data[1] + 1);
    must_be_equal(&whole, &pieces);
    must(whole.result == pieces.result && whole.err.offset == pieces.err.offset);
    must(whole.result != 0 || whole.offset == pieces.offset);

    /* An empty prefix is written with one digit, so the narrow limits may not suffice. */
    struct outcome again = decode(dialect, &wide, pb_encoder_send(whole.e), size);
    must_be_equal(&whole, &again);
    must(again.result == 0);
    pb_encoder_free(whole.e);
    pb_encoder_free(pieces.e);
    pb_encoder_free(again.e);
    return 0;
}
