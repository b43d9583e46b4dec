/* SPDX-License-Identifier: MIT
 *
 * The actions that a sink may take on the decoder that calls it: fail, pause it, change
 * its settings, read its offset, and set its own loop. */
#include <criterion/criterion.h>

#include "libpb/banana/decode.h"
#include "libpb/banana/tests/recorder.h"
#include "tests/support.h"

/* A sink that counts its calls, and acts in one of them. */
struct meddler {
    pb_decoder *d;
    unsigned calls;
    unsigned at; /* the call at which it acts, from 1; 0: never */
    void (*act)(pb_decoder *d);
    int result;      /* the result of that call */
    uint64_t offset; /* of d, at the last call */
};

static int meddle(void *ctx)
{
    struct meddler *m = ctx;
    m->offset = pb_decoder_offset(m->d);
    if (++m->calls != m->at) {
        return 0;
    }
    if (m->act) {
        m->act(m->d);
    }
    return m->result;
}

static int meddle_list(void *ctx, size_t n)
{
    (void)n;
    return meddle(ctx);
}

static int meddle_integer(void *ctx, int64_t i)
{
    (void)i;
    return meddle(ctx);
}

static int meddle_big(void *ctx, bool negative, pb_span base128)
{
    (void)negative, (void)base128;
    return meddle(ctx);
}

static int meddle_real(void *ctx, double d)
{
    (void)d;
    return meddle(ctx);
}

static int meddle_bytes(void *ctx, pb_span s)
{
    (void)s;
    return meddle(ctx);
}

static void meddle_attach(void *ctx, pb_decoder *d)
{
    struct meddler *m = ctx;
    m->d = d;
}

static const pb_sink_ops meddler_ops = {
    .list = meddle_list,
    .end = meddle,
    .integer = meddle_integer,
    .big = meddle_big,
    .real = meddle_real,
    .bytes = meddle_bytes,
    .attach = meddle_attach,
};

static pb_decoder *meddler_decoder(struct meddler *m, pb_dialect dialect)
{
    pb_decoder *d =
        pb_decoder_new(dialect, NULL, (pb_sink){.ops = &meddler_ops, .ctx = m});
    cr_assert_eq(m->d, d, "the sink is told of its decoder");
    return d;
}

/* Every kind of token: 12 calls, the last of them the end of the outer list. */
static const uint8_t all_tokens[] =
    "\x07\x80\x01\x81\x01\x83\0\0\0\0\0\0\0\0\0\x02\x85"
    "\x84\0\0\0\0\0\0\0\0\x02\x82hi\x01\x87\x01\x80\x00\x80";
#define ALL_TOKENS ((pb_span){all_tokens, sizeof all_tokens - 1})
#define ALL_CALLS 12

PB_TEST(decode_sink, every_refusal_ends_the_stream)
{
    for (unsigned at = 1; at <= ALL_CALLS; at++) {
        for (size_t step = 1; step <= ALL_TOKENS.len; step += ALL_TOKENS.len - 1) {
            struct meddler m = {.at = at, .result = 7};
            pb_error err = {0};
            pb_decoder *d = meddler_decoder(&m, PB_DIALECT_PB);
            cr_expect_eq(feed(d, ALL_TOKENS, step, step, &err), 7);
            cr_expect_eq(m.calls, at);
            cr_expect_eq(err.code, 0, "the error is the sink's to fill");
            cr_expect_eq(pb_decoder_recv(d, ALL_TOKENS, &err), 7);
            cr_expect_eq(m.calls, at, "called again");
            cr_expect_eq(pb_decoder_count(d), 0);
            pb_decoder_free(d);
        }
    }
    struct meddler m = {.at = ALL_CALLS + 1};
    pb_decoder *d = meddler_decoder(&m, PB_DIALECT_PB);
    cr_expect_eq(pb_decoder_recv(d, ALL_TOKENS, NULL), 0);
    cr_expect_eq(m.calls, ALL_CALLS);
    pb_decoder_free(d);
}

PB_TEST(decode_sink, a_pause_leaves_the_rest_to_be_given_again)
{
    for (unsigned at = 1; at <= ALL_CALLS; at++) {
        struct meddler m = {.at = at, .act = pb_decoder_pause};
        pb_decoder *d = meddler_decoder(&m, PB_DIALECT_PB);
        cr_expect_eq(pb_decoder_recv(d, ALL_TOKENS, NULL), 0);
        size_t rest = pb_decoder_rest(d);
        cr_expect_eq(rest == 0, at >= 9, "paused at call %u with %zu bytes left", at,
                     rest);
        /* The list that the last token completes has ended. */
        cr_expect_eq(m.calls, at >= 9 ? ALL_CALLS : at);
        pb_span again = {all_tokens + (ALL_TOKENS.len - rest), rest};
        cr_expect_eq(pb_decoder_recv(d, again, NULL), 0);
        cr_expect_eq(pb_decoder_rest(d), 0);
        cr_expect_eq(m.calls, ALL_CALLS);
        cr_expect_eq(pb_decoder_count(d), 1);
        pb_decoder_free(d);
    }
}

PB_TEST(decode_sink, a_pause_between_expressions)
{
    struct meddler m = {.at = 1, .act = pb_decoder_pause};
    pb_decoder *d = meddler_decoder(&m, PB_DIALECT_PB);
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x01\x81\x02\x81"), NULL), 0);
    cr_assert_eq(pb_decoder_rest(d), 2);
    cr_assert_eq(pb_decoder_count(d), 1);
    cr_assert_eq(pb_decoder_offset(d), 0);
    /* The pause has no effect any more. */
    cr_assert_eq(pb_decoder_recv(d, BYTES(""), NULL), 0);
    cr_assert_eq(pb_decoder_rest(d), 0);
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x02\x81\x03\x81"), NULL), 0);
    cr_assert_eq(m.calls, 3);
    pb_decoder_free(d);
}

PB_TEST(decode_sink, a_pause_at_a_string_that_was_cut)
{
    struct meddler m = {.at = 1, .act = pb_decoder_pause};
    pb_decoder *d = meddler_decoder(&m, PB_DIALECT_PB);
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x03\x82h"), NULL), 0);
    cr_assert_eq(pb_decoder_recv(d, BYTES("ey\x01\x81"), NULL), 0);
    cr_assert_eq(m.calls, 1);
    cr_assert_eq(pb_decoder_rest(d), 2);
    pb_decoder_free(d);
}

static void select_pb(pb_decoder *d)
{
    pb_decoder_set_dialect(d, PB_DIALECT_PB);
}

static void select_none(pb_decoder *d)
{
    pb_decoder_set_dialect(d, PB_DIALECT_NONE);
}

PB_TEST(decode_sink, the_dialect_changes_from_the_next_token_on)
{
    struct meddler m = {.at = 1, .act = select_pb};
    pb_decoder *d = meddler_decoder(&m, PB_DIALECT_UNKNOWN);
    cr_expect_eq(pb_decoder_recv(d, BYTES("\x02\x82pb\x13\x87"), NULL), 0);
    cr_expect_eq(m.calls, 2);
    pb_decoder_free(d);

    struct meddler n = {.at = 1, .act = select_none};
    d = meddler_decoder(&n, PB_DIALECT_PB);
    cr_expect_eq(pb_decoder_recv(d, BYTES("\x13\x87\x13\x87"), NULL), PB_ERR_PROTOCOL);
    cr_expect_eq(n.calls, 1);
    pb_decoder_free(d);
}

static void narrow(pb_decoder *d)
{
    pb_limits limits = {
        .prefix = 1, .list = 2, .bytes = 3, .depth = 1, .message = 4, .values = 2};
    pb__decoder_set_limits(d, &limits);
}

PB_TEST(decode_sink, limits_change_from_the_next_token_on)
{
    static const struct {
        pb_span in;
        unsigned calls;
        int result;
    } cases[] = {
        {BYTES("\x01\x81\x01\x01\x81"), 1, PB_ERR_LIMIT},
        {BYTES("\x01\x81\x03\x80"), 1, PB_ERR_LIMIT},
        {BYTES("\x01\x81\x02\x80"), 1, PB_ERR_LIMIT}, /* three elements in all */
        {BYTES("\x01\x81\x04\x82"), 1, PB_ERR_LIMIT},
        {BYTES("\x01\x81\x03\x82xyz"), 1, PB_ERR_LIMIT}, /* five bytes */
        {BYTES("\x01\x81\x02\x82xy"), 2, 0},
        {BYTES("\x01\x81\x01\x80\x80"), 2, PB_ERR_LIMIT},
        /* The expression in which they change keeps its limit of elements. */
        {BYTES("\x05\x80\x81\x81\x81\x81\x81"), 7, 0},
        /* The current depth is allowed, but no deeper list. */
        {BYTES("\x02\x80\x81\x80"), 2, PB_ERR_LIMIT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct meddler m = {.at = 1, .act = narrow};
        pb_decoder *d = meddler_decoder(&m, PB_DIALECT_PB);
        cr_expect_eq(pb_decoder_recv(d, cases[i].in, NULL), cases[i].result, "case %zu",
                     i);
        cr_expect_eq(m.calls, cases[i].calls, "case %zu: %u calls", i, m.calls);
        pb_decoder_free(d);
    }
}

PB_TEST(decode_sink, the_offset_within_a_call)
{
    struct meddler m = {0};
    pb_decoder *d = meddler_decoder(&m, PB_DIALECT_PB);
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x01\x81\x03\x80\x05\x82hello"), NULL), 0);
    cr_assert_eq(m.offset, 4);
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x07\x81\x01\x02"), NULL), 0);
    cr_assert_eq(m.offset, 11);
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x81"), NULL), 0);
    cr_assert_eq(m.calls, 6); /* with the list's end */
    cr_assert_eq(m.offset, 14);
    cr_assert_eq(pb_decoder_offset(d), 0);
    pb_decoder_free(d);
}

static int own_run(pb_decoder *d, void *ctx, const uint8_t *in, size_t len)
{
    return pb__decode_loop(d, &recorder_ops, ctx, in, len, false);
}

static void bring_own_loop(void *ctx, pb_decoder *d)
{
    (void)ctx;
    pb__decoder_set_loop(d, own_run);
}

PB_TEST(decode_sink, a_loop_of_its_own)
{
    for (size_t step = 1; step <= ALL_TOKENS.len; step++) {
        /* The ordinary loop would crash. */
        static const pb_sink_ops empty = {.attach = bring_own_loop};
        struct recorder r;
        pb_sink sink = recorder_sink(&r);
        sink.ops = &empty;
        pb_decoder d;
        pb__decoder_init(&d, PB_DIALECT_PB, NULL, sink);
        cr_assert_eq(feed(&d, ALL_TOKENS, step, step, NULL), 0);
        cr_expect_str_eq(recorder_text(&r), "[7 1 -1 b+00000000000000000002 0x0p+0 'hi' "
                                            "'None' [1 [0 ] ] ] ");
        pb__decoder_fini(&d);
        recorder_fini(&r);
    }
}
