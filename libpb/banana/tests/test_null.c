/* SPDX-License-Identifier: MIT
 *
 * The rule for NULL in decoders and encoders: see tests/null.h. */
#include "pb/banana.h"
#include "tests/null.h"

static pb_error err;

/* A sink that takes everything. */

static int take_list(void *ctx, size_t n)
{
    (void)ctx;
    (void)n;
    return 0;
}

static int take_end(void *ctx)
{
    (void)ctx;
    return 0;
}

static int take_integer(void *ctx, int64_t i)
{
    (void)ctx;
    (void)i;
    return 0;
}

static int take_big(void *ctx, bool negative, pb_span base128)
{
    (void)ctx;
    (void)negative;
    (void)base128;
    return 0;
}

static int take_real(void *ctx, double d)
{
    (void)ctx;
    (void)d;
    return 0;
}

static int take_bytes(void *ctx, pb_span s)
{
    (void)ctx;
    (void)s;
    return 0;
}

static const pb_sink_ops taking = {.list = take_list,
                                   .end = take_end,
                                   .integer = take_integer,
                                   .big = take_big,
                                   .real = take_real,
                                   .bytes = take_bytes};

static pb_decoder *decoder(void)
{
    pb_decoder *d = pb_decoder_new(PB_DIALECT_NONE, NULL, (pb_sink){&taking, NULL});
    cr_assert_not_null(d);
    return d;
}

PB_TEST(null, pb_limits_default)
{
    pb_limits_default(NULL);
    pb_limits most;
    memset(&most, 0xff, sizeof most);
    pb_limits_default(&most);
    GIVES(most.list, UINT32_MAX);
    GIVES(most.bytes, (size_t)PTRDIFF_MAX);
}

/* ---- Decoders ---- */

PB_TEST(null, pb_decoder_new)
{
    const pb_sink sink = {&taking, NULL};
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, sink);
    cr_assert_not_null(d);
    pb_decoder_free(d);
    GIVES(pb_decoder_new(PB_DIALECT_PB, NULL, (pb_sink){0}), NULL);
    for (size_t i = 0; i < 6; i++) {
        pb_sink_ops lacking = taking;
        int (**each[])(void) = {
            (int (**)(void)) & lacking.list,    (int (**)(void)) & lacking.end,
            (int (**)(void)) & lacking.integer, (int (**)(void)) & lacking.big,
            (int (**)(void)) & lacking.real,    (int (**)(void)) & lacking.bytes};
        *each[i] = NULL;
        GIVES(pb_decoder_new(PB_DIALECT_PB, NULL, (pb_sink){&lacking, NULL}), NULL);
    }
    d = pb_decoder_new((pb_dialect)-1, NULL, sink);
    GIVES(pb_decoder_recv(d, (pb_span){(const uint8_t *)"\x01\x87", 2}, NULL),
          PB_ERR_PROTOCOL);
    pb_decoder_free(d);
}

PB_TEST(null, pb_decoder_recv)
{
    pb_decoder *d = decoder();
    const pb_span one = {(const uint8_t *)"\x01\x81", 2};
    GIVES(pb_decoder_recv(NULL, one, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the decoder");
    GIVES(pb_decoder_recv(d, no_bytes, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the input");
    GIVES(pb_decoder_recv(NULL, no_bytes, NULL), PB_ERR_ARG);
    GIVES(pb_decoder_recv(d, one, NULL), 0); /* the stream continues */
    GIVES(pb_decoder_count(d), 1u);
    pb_decoder_free(d);
}

PB_TEST(null, pb_decoder_set_dialect)
{
    pb_decoder_set_dialect(NULL, PB_DIALECT_PB);
    pb_decoder *d = decoder();
    pb_decoder_set_dialect(d, (pb_dialect)-1);
    pb_decoder_free(d);
}

PB_TEST(null, pb_decoder_pause)
{
    pb_decoder_pause(NULL);
}

PB_TEST(null, pb_decoder_rest)
{
    GIVES(pb_decoder_rest(NULL), 0u);
}

PB_TEST(null, pb_decoder_count)
{
    GIVES(pb_decoder_count(NULL), 0u);
}

PB_TEST(null, pb_decoder_offset)
{
    GIVES(pb_decoder_offset(NULL), 0u);
}

PB_TEST(null, pb_decoder_free)
{
    pb_decoder_free(NULL);
}

/* ---- Encoders ---- */

/* One with two bytes to send. */
static pb_encoder *encoder(void)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_NONE, NULL);
    pb_sink sink = pb_encoder_sink(e);
    GIVES(sink.ops->integer(sink.ctx, 1), 0);
    return e;
}

PB_TEST(null, pb_encoder_new)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    cr_assert_not_null(e);
    pb_encoder_free(e);
    e = pb_encoder_new((pb_dialect)-1, NULL);
    pb_sink sink = pb_encoder_sink(e);
    GIVES(sink.ops->bytes(sink.ctx, (pb_span){(const uint8_t *)"list", 4}), 0);
    GIVES(pb_encoder_send(e).len, 6u);
    pb_encoder_free(e);
}

PB_TEST(null, pb_encoder_sink)
{
    pb_sink none = pb_encoder_sink(NULL);
    GIVES(!none.ops && !none.ctx, true);
    GIVES(pb_decoder_new(PB_DIALECT_NONE, NULL, none), NULL);
}

PB_TEST(null, pb_encoder_error)
{
    pb_encoder *e = encoder();
    GIVES(pb_encoder_error(NULL, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the encoder");
    GIVES(pb_encoder_error(e, NULL), 0);
    GIVES(pb_encoder_error(NULL, NULL), PB_ERR_ARG);
    pb_encoder_free(e);
}

PB_TEST(null, pb_encoder_mark)
{
    GIVES(pb_encoder_mark(NULL), 0u);
}

PB_TEST(null, pb_encoder_rewind)
{
    pb_encoder *e = encoder();
    pb_encoder_rewind(NULL, 0);
    pb_encoder_rewind(e, UINT64_MAX);
    GIVES(pb_encoder_mark(e), 2u);
    pb_encoder_sent(e, 1);
    pb_encoder_rewind(e, 0); /* bytes that were sent stay */
    GIVES(pb_encoder_mark(e), 1u);
    GIVES(pb_encoder_send(e).len, 0u);
    pb_encoder_free(e);
}

PB_TEST(null, pb_encoder_send)
{
    pb_span s = pb_encoder_send(NULL);
    GIVES(!s.data && s.len == 0, true);
}

PB_TEST(null, pb_encoder_sent)
{
    pb_encoder *e = encoder();
    pb_encoder_sent(NULL, 1);
    pb_encoder_sent(e, SIZE_MAX);
    GIVES(pb_encoder_send(e).len, 0u);
    pb_encoder_free(e);
}

PB_TEST(null, pb_encoder_set_dialect)
{
    pb_encoder_set_dialect(NULL, PB_DIALECT_PB);
    pb_encoder *e = encoder();
    pb_encoder_set_dialect(e, (pb_dialect)-1);
    pb_encoder_free(e);
}

PB_TEST(null, pb_encoder_free)
{
    pb_encoder_free(NULL);
}
