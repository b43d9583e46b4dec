/* SPDX-License-Identifier: MIT
 *
 * The encoder: the same bytes as Twisted for every token, the tokens that it refuses to
 * send, and its buffer. */
#include <criterion/criterion.h>

#include "libpb/banana/encode.h"
#include "libpb/banana/tests/recorder.h"
#include "tests/support.h"

static void holds(const pb_encoder *e, pb_span want)
{
    pb_span got = pb_encoder_send(e);
    cr_expect_eq(got.len, want.len, "%zu bytes, not %zu", got.len, want.len);
    if (got.len == want.len && got.len > 0) {
        cr_expect_eq(memcmp(got.data, want.data, got.len), 0);
    }
}

/* Checks the output, and clears the encoder. */
static void wrote(pb_encoder *e, int result, pb_span want)
{
    cr_expect_eq(result, 0);
    cr_expect_eq(pb_encoder_error(e, NULL), 0);
    holds(e, want);
    pb_encoder_sent(e, pb_encoder_send(e).len);
}

static void refused(pb_encoder *e, int result, const char *text)
{
    pb_error err = {0};
    cr_expect_eq(result, PB_ERR_LIMIT);
    cr_expect_eq(pb_encoder_error(e, &err), PB_ERR_LIMIT);
    cr_expect_eq(err.code, PB_ERR_LIMIT);
    cr_expect_str_eq(err.text, text);
    cr_expect_eq(pb_encoder_send(e).len, 0);
    pb_encoder_rewind(e, pb_encoder_mark(e));
    cr_expect_eq(pb_encoder_error(e, NULL), 0);
}

PB_TEST(encode, ints_at_every_boundary)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    pb_sink s = pb_encoder_sink(e);
    static const struct {
        int64_t i;
        pb_span bytes;
    } cases[] = {
        {0, BYTES("\x00\x81")},
        {1, BYTES("\x01\x81")},
        {-1, BYTES("\x01\x83")},
        {127, BYTES("\x7f\x81")},
        {128, BYTES("\x00\x01\x81")},
        {-128, BYTES("\x00\x01\x83")},
        {16383, BYTES("\x7f\x7f\x81")},
        {16384, BYTES("\x00\x00\x01\x81")},
        {300, BYTES("\x2c\x02\x81")},
        {INT32_MAX, BYTES("\x7f\x7f\x7f\x7f\x07\x81")},
        {INT32_MAX + INT64_C(1), BYTES("\x00\x00\x00\x00\x08\x85")},
        {INT32_MIN, BYTES("\x00\x00\x00\x00\x08\x83")},
        {INT32_MIN - INT64_C(1), BYTES("\x01\x00\x00\x00\x08\x86")},
        {INT64_C(1) << 32, BYTES("\0\0\0\0\x10\x85")},
        {(INT64_C(1) << 49) - 1, BYTES("\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x85")},
        {INT64_C(1) << 49, BYTES("\0\0\0\0\0\0\0\x01\x85")},
        {(INT64_C(1) << 56) - 1, BYTES("\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x85")},
        {-(INT64_C(1) << 56), BYTES("\0\0\0\0\0\0\0\0\x01\x86")},
        {INT64_MAX, BYTES("\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x85")},
        {-INT64_MAX, BYTES("\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x86")},
        {INT64_MIN, BYTES("\0\0\0\0\0\0\0\0\0\x01\x86")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        wrote(e, s.ops->integer(s.ctx, cases[i].i), cases[i].bytes);
    }
    pb_encoder_free(e);
}

PB_TEST(encode, big_ints)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    pb_sink s = pb_encoder_sink(e);
    pb_span two_to_63 = BYTES("\0\0\0\0\0\0\0\0\0\x01");
    wrote(e, s.ops->big(s.ctx, false, two_to_63), BYTES("\0\0\0\0\0\0\0\0\0\x01\x85"));
    wrote(e, s.ops->big(s.ctx, true, two_to_63), BYTES("\0\0\0\0\0\0\0\0\0\x01\x86"));
    /* Small numbers are written as ordinary ints, and high zeros are removed. */
    wrote(e, s.ops->big(s.ctx, false, BYTES("\x05\0\0")), BYTES("\x05\x81"));
    wrote(e, s.ops->big(s.ctx, true, BYTES("\x05")), BYTES("\x05\x83"));
    wrote(e, s.ops->big(s.ctx, true, BYTES("")), BYTES("\x00\x81"));
    wrote(e, s.ops->big(s.ctx, false, BYTES("\0\0\0\0\x08\0\0\0\0\0\0")),
          BYTES("\0\0\0\0\x08\x85"));
    wrote(e, s.ops->big(s.ctx, false, BYTES("\0\0\0\0\0\0\0\0\0\0\x07\0")),
          BYTES("\0\0\0\0\0\0\0\0\0\0\x07\x85"));
    pb_encoder_free(e);
}

PB_TEST(encode, ints_up_to_448_bits)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    pb_sink s = pb_encoder_sink(e);
    uint8_t digits[65];
    memset(digits, 0x7f, 64);
    digits[64] = 0x85;
    wrote(e, s.ops->big(s.ctx, false, (pb_span){digits, 64}), (pb_span){digits, 65});
    digits[64] = 0x86;
    wrote(e, s.ops->big(s.ctx, true, (pb_span){digits, 64}), (pb_span){digits, 65});
    digits[64] = 0x01;
    const char *text = "int is too large to send (65 bytes of prefix, limit 64)";
    refused(e, s.ops->big(s.ctx, false, (pb_span){digits, 65}), text);
    refused(e, s.ops->big(s.ctx, true, (pb_span){digits, 65}), text);
    pb_limits wide = {.prefix = 65};
    pb__encoder_set_limits(e, &wide);
    cr_expect_eq(s.ops->big(s.ctx, true, (pb_span){digits, 65}), 0);
    pb_encoder_free(e);
}

PB_TEST(encode, ints_within_a_narrow_limit)
{
    pb_limits limits = {.prefix = 2};
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, &limits);
    pb_sink s = pb_encoder_sink(e);
    const char *text = "int is too large to send (3 bytes of prefix, limit 2)";
    wrote(e, s.ops->integer(s.ctx, 16383), BYTES("\x7f\x7f\x81"));
    wrote(e, s.ops->integer(s.ctx, -16383), BYTES("\x7f\x7f\x83"));
    refused(e, s.ops->integer(s.ctx, 16384), text);
    refused(e, s.ops->integer(s.ctx, -16384), text);
    pb_encoder_free(e);
}

PB_TEST(encode, floats)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_NONE, NULL);
    pb_sink s = pb_encoder_sink(e);
    wrote(e, s.ops->real(s.ctx, 1.5), BYTES("\x84\x3f\xf8\0\0\0\0\0\0"));
    wrote(e, s.ops->real(s.ctx, -0.0), BYTES("\x84\x80\0\0\0\0\0\0\0"));
    wrote(e, s.ops->real(s.ctx, 0x1.11p-1070), BYTES("\x84\0\0\0\0\0\0\0\x11"));
    pb_encoder_free(e);
}

PB_TEST(encode, lists)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    pb_sink s = pb_encoder_sink(e);
    wrote(e, s.ops->list(s.ctx, 0), BYTES("\x00\x80"));
    wrote(e, s.ops->end(s.ctx), BYTES(""));
    wrote(e, s.ops->list(s.ctx, 640 * 1024), BYTES("\x00\x00\x28\x80"));
    refused(e, s.ops->list(s.ctx, 640 * 1024 + 1),
            "list/tuple is too long to send (655361 elements, limit 655360)");
    pb_encoder_free(e);
}

PB_TEST(encode, strings_and_words)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    pb_sink s = pb_encoder_sink(e);
    wrote(e, s.ops->bytes(s.ctx, (pb_span){NULL, 0}), BYTES("\x00\x82"));
    wrote(e, s.ops->bytes(s.ctx, BYTES("\x80\0")), BYTES("\x02\x82\x80\0"));
    wrote(e, s.ops->bytes(s.ctx, BYTES("list")), BYTES("\x08\x87"));
    wrote(e, s.ops->bytes(s.ctx, BYTES("List")), BYTES("\x04\x82List"));
    wrote(e, s.ops->bytes(s.ctx, BYTES("unpersistable")), BYTES("\x0c\x87"));
    wrote(e, pb__encode_word(e, PB__WORD_UNCACHE), BYTES("\x1f\x87"));
    /* There are dialects without words. */
    for (pb_dialect d = PB_DIALECT_UNKNOWN; d <= PB_DIALECT_NONE; d++) {
        pb_encoder_set_dialect(e, d);
        wrote(e, s.ops->bytes(s.ctx, BYTES("list")), BYTES("\x04\x82list"));
        wrote(e, pb__encode_word(e, PB__WORD_UNCACHE), BYTES("\x07\x82uncache"));
    }
    pb_encoder_free(e);
}

PB_TEST(encode, strings_up_to_their_limit)
{
    static uint8_t data[640 * 1024 + 1];
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    pb_sink s = pb_encoder_sink(e);
    cr_assert_eq(s.ops->bytes(s.ctx, (pb_span){data, 640 * 1024}), 0);
    cr_assert_eq(pb_encoder_send(e).len, 4 + 640 * 1024);
    pb_encoder_sent(e, pb_encoder_send(e).len);
    refused(e, s.ops->bytes(s.ctx, (pb_span){data, sizeof data}),
            "byte string is too long to send (655361 bytes, limit 655360)");
    pb_encoder_free(e);
}

PB_TEST(encode, gives_back_what_a_decoder_reads)
{
    pb_span in =
        BYTES("\x06\x80\x1a\x87\x01\x81\x04\x82root\x7f\x7f\x7f\x7f\x7f\x01\x86"
              "\0\0\0\0\0\0\0\0\0\0\x01\x85\x02\x80\x84\x40\x09\x21\xfb\x54\x44\x2d\x18"
              "\x00\x80\x03\x83");
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, pb_encoder_sink(e));
    cr_assert_eq(feed(d, in, 1, 1, NULL), 0);
    cr_assert_eq(pb_decoder_count(d), 2);
    holds(e, in);
    pb_decoder_free(d);
    pb_encoder_free(e);
}

PB_TEST(encode, goes_back_to_a_mark)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    cr_assert_eq(pb__encode_int(e, 1), 0);
    uint64_t mark = pb_encoder_mark(e);
    cr_assert_eq(mark, 2);
    cr_assert_eq(pb__encode_int(e, 300), 0);
    pb_encoder_rewind(e, mark);
    cr_assert_eq(pb__encode_int(e, 2), 0);
    holds(e, BYTES("\x01\x81\x02\x81"));
    /* Marks count what was sent, too. */
    pb_encoder_sent(e, 3);
    mark = pb_encoder_mark(e);
    cr_assert_eq(mark, 4);
    cr_assert_eq(pb__encode_int(e, 3), 0);
    pb_encoder_rewind(e, mark);
    holds(e, BYTES("\x81"));
    pb_encoder_sent(e, 1);
    cr_assert_eq(pb_encoder_mark(e), 4);
    pb_encoder_free(e);
}

PB_TEST(encode, is_sent_in_parts)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    holds(e, BYTES(""));
    cr_assert_null(pb_encoder_send(e).data);
    pb_encoder_sent(e, 0);
    cr_assert_eq(pb__encode_bytes(e, BYTES("hello")), 0);
    pb_encoder_sent(e, 0);
    pb_encoder_sent(e, 3);
    holds(e, BYTES("ello"));
    cr_assert_eq(pb__encode_int(e, 1), 0);
    holds(e, BYTES("ello\x01\x81"));
    pb_encoder_sent(e, 6);
    holds(e, BYTES(""));
    pb_encoder_free(e);
}

PB_TEST(encode, an_idle_encoder_has_no_buffer)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    cr_assert_leq(sizeof *e, 160);
    for (size_t n = 1; n < 300000; n = n * 7) {
        for (size_t i = 0; i < n; i++) {
            cr_assert_eq(pb__encode_int(e, 5), 0);
        }
        cr_assert_eq(pb__test_live(), 2);
        cr_assert_geq(e->out.cap, 1024);
        pb_encoder_sent(e, 2 * n);
        cr_assert_eq(pb__test_live(), 1);
    }
    /* The next buffer is as large as the output before, within a bound. */
    cr_assert_eq(pb__encode_int(e, 5), 0);
    cr_assert_eq(e->out.cap, 65536);
    pb_encoder_free(e);
}

PB_TEST(encode, the_buffer_stays_small_while_some_is_always_left)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    uint8_t next = 0;
    for (unsigned i = 0; i < 100000; i++) {
        cr_assert_eq(pb__encode_int(e, i % 100), 0);
        if (i >= 100) {
            cr_assert_eq(*pb_encoder_send(e).data, next);
            next = (uint8_t)((next + 1) % 100);
            pb_encoder_sent(e, 2);
        }
    }
    cr_assert_eq(pb_encoder_mark(e), 200000);
    cr_assert_leq(e->out.cap, 1024);
    pb_encoder_free(e);
}

PB_TEST(encode, inserts_references_at_earlier_marks)
{
    static const struct {
        pb_dialect dialect;
        pb_span want;
    } cases[] = {
        {PB_DIALECT_PB, BYTES("\x81\x03\x80\x04\x87\x02\x81\x03\x80\x04\x87\x2c\x02\x81"
                              "\x02\x80\x05\x81\x03\x80\x04\x87\x01\x81\x06\x81")},
        {PB_DIALECT_NONE,
         BYTES(
             "\x81\x03\x80\x09\x82reference\x02\x81\x03\x80\x09\x82reference\x2c\x02\x81"
             "\x02\x80\x05\x81\x03\x80\x09\x82reference\x01\x81\x06\x81")},
    };
    for (size_t i = 0; i < 2; i++) {
        pb_encoder *e = pb_encoder_new(cases[i].dialect, NULL);
        cr_assert_eq(pb__encode_int(e, 9), 0);
        pb_encoder_sent(e, 1);
        uint64_t outer = pb_encoder_mark(e);
        cr_assert_eq(pb__encode_list(e, 2), 0);
        cr_assert_eq(pb__encode_int(e, 5), 0);
        uint64_t inner = pb_encoder_mark(e);
        cr_assert_eq(pb__encode_int(e, 6), 0);
        /* Two patches at the same position are inserted in their order. */
        struct pb__patch patches[] = {{outer, 2}, {outer, 300}, {inner, 1}};
        cr_assert_eq(pb__encoder_insert(e, patches, 3), 0);
        holds(e, cases[i].want);
        cr_assert_eq(pb__encoder_insert(e, NULL, 0), 0);
        holds(e, cases[i].want);
        pb_encoder_free(e);
    }
}

PB_TEST(encode, inserts_a_great_many)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    static struct pb__patch patches[20000];
    for (int64_t i = 0; i < 20000; i++) {
        patches[i] = (struct pb__patch){pb_encoder_mark(e), i};
        cr_assert_eq(pb__encode_list(e, 0), 0);
    }
    cr_assert_eq(pb__encoder_insert(e, patches, 20000), 0);
    pb_encoder *want = pb_encoder_new(PB_DIALECT_PB, NULL);
    for (int64_t i = 0; i < 20000; i++) {
        cr_assert_eq(pb__encode_list(want, 3), 0);
        cr_assert_eq(pb__encode_word(want, PB__WORD_REFERENCE), 0);
        cr_assert_eq(pb__encode_int(want, i), 0);
        cr_assert_eq(pb__encode_list(want, 0), 0);
    }
    holds(e, pb_encoder_send(want));
    pb_encoder_free(want);
    pb_encoder_free(e);
}

static int encode_with_failures(void *user_data)
{
    (void)user_data;
    static const uint8_t data[3000];
    int failed = PB_ERR_NOMEM;
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    if (e) {
        pb_sink s = pb_encoder_sink(e);
        uint64_t mark = pb_encoder_mark(e);
        failed = s.ops->list(s.ctx, 4);
        failed = failed ? failed : s.ops->bytes(s.ctx, (pb_span){data, sizeof data});
        static struct pb__patch patches[1000];
        failed = failed ? failed : pb__encoder_insert(e, patches, 1000);
        failed = failed ? failed : s.ops->bytes(s.ctx, (pb_span){data, sizeof data});
        failed = failed ? failed : s.ops->bytes(s.ctx, (pb_span){data, sizeof data});
        pb_error err = {0};
        cr_assert_eq(pb_encoder_error(e, &err), failed);
        cr_assert_str_eq(err.text, failed ? "out of memory" : "");
        pb_encoder_rewind(e, mark);
        cr_assert_eq(pb_encoder_error(e, NULL), 0);
        cr_assert_eq(pb_encoder_send(e).len, 0);
    }
    pb_encoder_free(e);
    return failed;
}

/* Every writer fails if memory is exhausted, and has then written nothing. */
PB_TEST(encode, every_allocation_may_fail)
{
    pb__test_each_failure(encode_with_failures, NULL);
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    pb_sink s = pb_encoder_sink(e);
    pb__test_fail_at(1, true);
    cr_expect_eq(s.ops->list(s.ctx, 1), PB_ERR_NOMEM);
    cr_expect_eq(s.ops->integer(s.ctx, 1), PB_ERR_NOMEM);
    cr_expect_eq(s.ops->big(s.ctx, true, BYTES("0123456789")), PB_ERR_NOMEM);
    cr_expect_eq(s.ops->real(s.ctx, 1), PB_ERR_NOMEM);
    cr_expect_eq(s.ops->bytes(s.ctx, BYTES("list")), PB_ERR_NOMEM);
    cr_expect_eq(s.ops->bytes(s.ctx, BYTES("unicode")), PB_ERR_NOMEM);
    cr_expect_eq(pb_encoder_send(e).len, 0);
    pb_encoder_free(e);
}

PB_TEST(encode, free_of_nothing)
{
    pb_encoder_free(NULL);
    pb_encoder zeroed = {0};
    pb__encoder_fini(&zeroed);
}
