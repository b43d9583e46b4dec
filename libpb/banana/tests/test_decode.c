/* SPDX-License-Identifier: MIT
 *
 * The tokens that the decoder makes of bytes. Each input is decoded at once, byte by
 * byte, and cut in two at every position, and gives the same tokens and the same error
 * each time. */
#include <criterion/criterion.h>

#include "libpb/banana/decode.h"
#include "libpb/banana/tests/recorder.h"
#include "tests/support.h"

struct expected {
    const char *tokens;
    int code;
    uint64_t offset;
    const char *error; /* if it does not depend on the split */
};

static void check_split(pb_dialect dialect, const pb_limits *limits, pb_span in,
                        const struct expected *want, size_t first, size_t step)
{
    struct recorder r;
    pb_error err = {0};
    pb_decoder *d = pb_decoder_new(dialect, limits, recorder_sink(&r));
    int e = feed(d, in, first, step, &err);
    cr_expect_str_eq(recorder_text(&r), want->tokens, "pieces of %zu, then %zu", first,
                     step);
    cr_expect_eq(e, want->code, "pieces of %zu, then %zu: got %d", first, step, e);
    cr_expect_eq(err.code, want->code);
    cr_expect_eq(err.offset, want->offset, "pieces of %zu, then %zu: error at %" PRIu64,
                 first, step, err.offset);
    cr_expect_str_eq(err.text, want->error ? want->error : err.text);
    cr_expect_eq(err.text[0] != '\0', e != 0);
    pb_decoder_free(d);
    recorder_fini(&r);
}

static void check_all(pb_dialect dialect, const pb_limits *limits, pb_span in,
                      const struct expected *want)
{
    check_split(dialect, limits, in, want, in.len, 1);
    check_split(dialect, limits, in, want, 1, 1);
    for (size_t first = 1; first < in.len; first++) {
        check_split(dialect, limits, in, want, first, in.len);
    }
}

static void decodes(pb_span in, const char *tokens)
{
    check_all(PB_DIALECT_PB, NULL, in, &(struct expected){.tokens = tokens});
}

static void refuses(const pb_limits *limits, pb_span in, const struct expected *want)
{
    check_all(PB_DIALECT_PB, limits, in, want);
}

PB_TEST(decode, numbers_of_every_type)
{
    decodes(BYTES("\x01\x81"), "1 ");
    decodes(BYTES("\x01\x83"), "-1 ");
    decodes(BYTES("\x01\x85"), "1 ");
    decodes(BYTES("\x01\x86"), "-1 ");
    decodes(BYTES("\x2c\x02\x81"), "300 ");
    decodes(BYTES("\x7f\x7f\x7f\x7f\x07\x81"), "2147483647 ");
    /* The types do not determine the size: any of the four may have any size. */
    decodes(BYTES("\x00\x00\x00\x00\x00\x00\x00\x01\x81"), "562949953421312 ");
    decodes(BYTES("\x00\x00\x00\x00\x08\x83"), "-2147483648 ");
}

PB_TEST(decode, a_number_of_each_length_in_the_middle_of_others)
{
    /* Enough bytes follow so that none is near the end of the input. */
    decodes(
        BYTES("\x0b\x80"
              "\x01\x81"
              "\x00\x01\x81"
              "\x00\x00\x01\x81"
              "\x00\x00\x00\x01\x81"
              "\x00\x00\x00\x00\x01\x81"
              "\x00\x00\x00\x00\x00\x01\x85"
              "\x00\x00\x00\x00\x00\x00\x01\x85"
              "\x01\x02\x03\x04\x05\x06\x07\x08\x85"
              "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x86"
              "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x86"
              "\x10\x82================"),
        "[11 1 128 16384 2097152 268435456 34359738368 4398046511104 4534593461993729 "
        "-653052939803345153 b-0102030405060708090a '================' ] ");
}

PB_TEST(decode, an_empty_prefix_is_zero)
{
    decodes(BYTES("\x81"), "0 ");
    decodes(BYTES("\x83"), "0 ");
    decodes(BYTES("\x85"), "0 ");
    decodes(BYTES("\x86"), "0 ");
    decodes(BYTES("\x80"), "[0 ] ");
    decodes(BYTES("\x82"), "'' ");
    decodes(BYTES("\x00\x81"), "0 ");
}

PB_TEST(decode, zeros_may_follow_the_last_digit)
{
    decodes(BYTES("\x05\x00\x00\x81"), "5 ");
    decodes(BYTES("\x02\x00\x82hi"), "'hi' ");
    decodes(BYTES("\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\x80\x02\x83"), "[1 -2 ] ");
    decodes(BYTES("\x08\0\0\0\0\0\0\0\0\0\0\x87"), "'list' ");
    decodes(BYTES("\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\0\0\0\x85"),
            "9223372036854775807 ");
}

PB_TEST(decode, numbers_around_the_edge_of_64_bits)
{
    decodes(BYTES("\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x85"), "9223372036854775807 ");
    decodes(BYTES("\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x86"), "-9223372036854775807 ");
    decodes(BYTES("\0\0\0\0\0\0\0\0\0\x01\x86"), "-9223372036854775808 ");
    decodes(BYTES("\0\0\0\0\0\0\0\0\0\x01\x85"), "b+00000000000000000001 ");
    decodes(BYTES("\x01\0\0\0\0\0\0\0\0\x01\x83"), "b-01000000000000000001 ");
    /* -2^64: its tenth digit has no bit of a 64-bit number. */
    decodes(BYTES("\0\0\0\0\0\0\0\0\0\x02\x86"), "b-00000000000000000002 ");
    decodes(BYTES("\0\0\0\0\0\0\0\0\0\0\x01\x86"), "b-0000000000000000000001 ");
    decodes(BYTES("\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x00\x00\x81"),
            "b+0102030405060708090a0b ");
}

PB_TEST(decode, floats_whatever_their_prefix)
{
    decodes(BYTES("\x84\x3f\xf8\0\0\0\0\0\0"), "0x1.8p+0 ");
    decodes(BYTES("\x84\x80\0\0\0\0\0\0\0"), "-0x0p+0 ");
    decodes(BYTES("\x84\x7f\xf0\0\0\0\0\0\0"), "inf ");
    decodes(BYTES("\x05\x7f\x84\x3f\xf8\0\0\0\0\0\0\x01\x81"), "0x1.8p+0 1 ");
}

PB_TEST(decode, strings_of_any_bytes)
{
    decodes(BYTES("\x00\x82"), "'' ");
    decodes(BYTES("\x05\x82\x80\x00\xff\x81'"), "'\\x80\\x00\\xff\\x81'' ");
    decodes(BYTES("\x02\x80\x03\x82"
                  "abc\x00\x82"),
            "[2 'abc' '' ] ");
    uint8_t in[3 + 200] = {0x48, 0x01, 0x82};
    char text[203];
    memset(in + 3, 'x', 200);
    memset(text + 1, 'x', 200);
    text[0] = text[201] = '\'';
    text[202] = '\0';
    char want[210];
    snprintf(want, sizeof want, "%s ", text);
    decodes((pb_span){in, sizeof in}, want);
}

PB_TEST(decode, lists_within_lists)
{
    decodes(BYTES("\x01\x80\x00\x80"), "[1 [0 ] ] ");
    decodes(BYTES("\x02\x80\x01\x81\x01\x80\x02\x81\x03\x81"), "[2 1 [1 2 ] ] 3 ");
    decodes(BYTES("\x02\x80\x01\x80\x01\x80\x00\x80\x01\x81"), "[2 [1 [1 [0 ] ] ] 1 ] ");
    /* A list that is not complete yet. */
    decodes(BYTES("\x02\x80\x01\x81"), "[2 1 ");
}

PB_TEST(decode, words_in_dialect_pb)
{
    decodes(BYTES("\x01\x87"), "'None' ");
    decodes(BYTES("\x02\x80\x1f\x87\x0c\x87"), "[2 'uncache' 'unpersistable' ] ");
}

PB_TEST(decode, a_word_is_handed_on_from_the_table)
{
    struct recorder r;
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, recorder_sink(&r));
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x10\x87"), NULL), 0);
    cr_assert_eq(pb__vocab_number(r.last), PB__WORD_REMOTE);
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x06\x82remote"), NULL), 0);
    cr_assert_eq(pb__vocab_number(r.last), 0);
    pb_decoder_free(d);
    recorder_fini(&r);
}

PB_TEST(decode, words_that_are_none)
{
    refuses(NULL, BYTES("\x01\x81\x87"),
            &(struct expected){"1 ", PB_ERR_PROTOCOL, 0, "VOCAB 0 is not a word"});
    refuses(NULL, BYTES("\x01\x80\x20\x87"),
            &(struct expected){"[1 ", PB_ERR_PROTOCOL, 3, "VOCAB 32 is not a word"});
    refuses(NULL, BYTES("\x01\x01\x01\x01\x87"),
            &(struct expected){"", PB_ERR_PROTOCOL, 4, "VOCAB 2113665 is not a word"});
    refuses(NULL, BYTES("\x01\0\0\0\0\0\0\0\0\x02\x87"),
            &(struct expected){"", PB_ERR_PROTOCOL, 10, NULL});
}

PB_TEST(decode, words_where_there_is_no_vocabulary)
{
    struct expected want = {"1 ", PB_ERR_PROTOCOL, 1,
                            "VOCAB 8 in a dialect without vocabulary"};
    check_all(PB_DIALECT_NONE, NULL, BYTES("\x01\x81\x08\x87"), &want);
    check_all(PB_DIALECT_UNKNOWN, NULL, BYTES("\x01\x81\x08\x87"), &want);
}

PB_TEST(decode, words_in_every_dialect_where_that_is_allowed)
{
    struct recorder r;
    pb_decoder *d = pb_decoder_new(PB_DIALECT_NONE, NULL, recorder_sink(&r));
    pb__decoder_allow_vocab(d, true);
    cr_expect_eq(pb_decoder_recv(d, BYTES("\x08\x87"), NULL), 0);
    pb_decoder_set_dialect(d, PB_DIALECT_UNKNOWN);
    cr_expect_eq(pb_decoder_recv(d, BYTES("\x08\x87"), NULL), 0);
    pb__decoder_allow_vocab(d, false);
    cr_expect_eq(pb_decoder_recv(d, BYTES("\x08\x87"), NULL), PB_ERR_PROTOCOL);
    cr_expect_str_eq(recorder_text(&r), "'list' 'list' ");
    pb_decoder_free(d);
    recorder_fini(&r);
}

PB_TEST(decode, type_bytes_that_are_none)
{
    refuses(NULL, BYTES("\x01\x80\x01\x81\x07\x88"),
            &(struct expected){"[1 1 ] ", PB_ERR_SYNTAX, 1, "Invalid Type Byte 0x88"});
    for (unsigned type = 0x88; type <= 0xff; type++) {
        uint8_t in[] = {(uint8_t)type};
        refuses(NULL, (pb_span){in, 1}, &(struct expected){"", PB_ERR_SYNTAX, 0, NULL});
    }
    /* An HTTP server's answer: the first byte with a high bit is in its body. */
    refuses(NULL, BYTES("HTTP/1.1 400 \xe9"),
            &(struct expected){"", PB_ERR_SYNTAX, 13, "Invalid Type Byte 0xe9"});
}

/* `zeros` digits of 0, a last digit 1, an INT; all at the end of `in`. */
static pb_span long_prefix(uint8_t *in, size_t zeros)
{
    memset(in, 0, zeros);
    in[zeros] = 1;
    in[zeros + 1] = 0x81;
    return (pb_span){in, zeros + 2};
}

PB_TEST(decode, a_prefix_of_64_bytes_and_no_more)
{
    uint8_t in[80];
    char want[160] = "b+";
    for (size_t i = 0; i < 64; i++) {
        strcat(want, i < 63 ? "00" : "01");
    }
    strcat(want, " ");
    decodes(long_prefix(in, 63), want);
    refuses(NULL, long_prefix(in, 64), &(struct expected){"", PB_ERR_LIMIT, 64, NULL});
    /* The text depends on whether the type byte has been received. */
    struct expected whole = {"", PB_ERR_LIMIT, 64,
                             "Security precaution: longer than 64 bytes worth of prefix"};
    check_split(PB_DIALECT_PB, NULL, long_prefix(in, 64), &whole, 66, 1);
    struct expected open = {"", PB_ERR_LIMIT, 64,
                            "Security precaution: more than 64 bytes of prefix"};
    check_split(PB_DIALECT_PB, NULL, long_prefix(in, 64), &open, 65, 1);
    check_split(PB_DIALECT_PB, NULL, long_prefix(in, 64), &open, 1, 1);
}

PB_TEST(decode, other_limits_of_the_prefix)
{
    uint8_t in[80];
    for (size_t limit = 1; limit <= 12; limit++) {
        /* INT of as many zeros as are allowed, a 0, and an INT of one zero more. */
        pb_limits limits = {.prefix = limit};
        memset(in, 0, sizeof in);
        in[limit] = in[limit + 1] = in[2 * limit + 3] = 0x81;
        struct expected want = {"0 0 ", PB_ERR_LIMIT, limit, NULL};
        refuses(&limits, (pb_span){in, 2 * limit + 20}, &want);
    }
    pb_limits wide = {.prefix = 70};
    char want[160] = "b+";
    for (size_t i = 0; i < 70; i++) {
        strcat(want, i < 69 ? "00" : "01");
    }
    strcat(want, " ");
    check_all(PB_DIALECT_PB, &wide, long_prefix(in, 69),
              &(struct expected){.tokens = want});
    refuses(&wide, long_prefix(in, 70), &(struct expected){"", PB_ERR_LIMIT, 70, NULL});
}

PB_TEST(decode, the_prefix_of_a_float_is_limited_like_any)
{
    pb_limits limits = {.prefix = 2};
    refuses(&limits, BYTES("\x01\x01\x01\x84\0\0\0\0\0\0\0\0"),
            &(struct expected){"", PB_ERR_LIMIT, 2, NULL});
}

PB_TEST(decode, lists_and_strings_up_to_640_ki)
{
    decodes(BYTES("\x00\x00\x28\x80"), "[655360 ");
    decodes(BYTES("\x00\x00\x28\x82"), "");
    refuses(NULL, BYTES("\x01\x00\x28\x80"),
            &(struct expected){
                "", PB_ERR_LIMIT, 3,
                "Security precaution: List too long. (655361 elements, limit 655360)"});
    refuses(NULL, BYTES("\x01\x00\x28\x82"),
            &(struct expected){
                "", PB_ERR_LIMIT, 3,
                "Security precaution: String too long. (655361 bytes, limit 655360)"});
    /* Numbers beyond 64 bits are beyond the limits too. */
    refuses(NULL, BYTES("\x01\x80\x01\0\0\0\0\0\0\0\0\0\x01\x80"),
            &(struct expected){"[1 ", PB_ERR_LIMIT, 13, NULL});
    refuses(NULL, BYTES("\x01\0\0\0\0\0\0\0\0\x02\x82"),
            &(struct expected){"", PB_ERR_LIMIT, 10, NULL});
}

PB_TEST(decode, other_limits_of_lists_and_strings)
{
    pb_limits limits = {.list = 2, .bytes = 3};
    struct expected good = {.tokens = "[2 'abc' 1 ] "};
    check_all(PB_DIALECT_PB, &limits,
              BYTES("\x02\x80\x03\x82"
                    "abc\x01\x81"),
              &good);
    refuses(&limits, BYTES("\x03\x80\x01\x81"),
            &(struct expected){"", PB_ERR_LIMIT, 1, NULL});
    refuses(&limits,
            BYTES("\x04\x82"
                  "abcd"),
            &(struct expected){"", PB_ERR_LIMIT, 1, NULL});
}

PB_TEST(decode, lists_nested_too_deep)
{
    pb_limits limits = {.depth = 3};
    struct expected good = {.tokens = "[1 [1 [1 5 ] ] ] [1 [1 [0 ] ] ] "};
    check_all(PB_DIALECT_PB, &limits,
              BYTES("\x01\x80\x01\x80\x01\x80\x05\x81\x01\x80\x01\x80\x00\x80"), &good);
    struct expected bad = {"[1 [1 [1 ", PB_ERR_LIMIT, 7,
                           "lists are nested too deep (limit 3)"};
    refuses(&limits, BYTES("\x01\x80\x01\x80\x01\x80\x00\x80"), &bad);
    refuses(&limits, BYTES("\x01\x80\x01\x80\x01\x80\x01\x80"), &bad);
}

PB_TEST(decode, lists_nested_as_deep_as_is_allowed)
{
    struct recorder r;
    pb_error err = {0};
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, recorder_sink(&r));
    for (size_t i = 0; i < 4096; i++) {
        cr_assert_eq(pb_decoder_recv(d, BYTES("\x01\x80"), &err), 0);
    }
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x01\x80"), &err), PB_ERR_LIMIT);
    cr_assert_str_eq(err.text, "lists are nested too deep (limit 4096)");
    cr_assert_eq(err.offset, 2 * 4096 + 1);
    pb_decoder_free(d);
    recorder_fini(&r);
}

PB_TEST(decode, an_expression_too_long)
{
    /* The limit applies to each expression separately. */
    pb_limits limits = {.message = 8};
    struct expected good = {.tokens = "[2 'abc' 0 ] [1 'abcd' ] 'abcdef' "};
    check_all(PB_DIALECT_PB, &limits,
              BYTES("\x02\x80\x03\x82"
                    "abc\x81\x01\x80\x04\x82"
                    "abcd\x06\x82"
                    "abcdef"),
              &good);
    const char *text = "expression is too long (limit 8 bytes)";
    /* A string is refused when it begins, other tokens at the first byte that is too
     * many. */
    refuses(&limits,
            BYTES("\x01\x81\x07\x82"
                  "abcdefg"),
            &(struct expected){"1 ", PB_ERR_LIMIT, 1, text});
    refuses(&limits,
            BYTES("\x01\x80\x05\x82"
                  "abcde"),
            &(struct expected){"[1 ", PB_ERR_LIMIT, 3, text});
    refuses(&limits, BYTES("\x84\0\0\0\0\0\0\0\0"),
            &(struct expected){"", PB_ERR_LIMIT, 0, text});
    refuses(&limits, BYTES("\x01\x80\x01\x01\x01\x01\x01\x01\x81"),
            &(struct expected){"[1 ", PB_ERR_LIMIT, 8, text});
    refuses(&limits, BYTES("\x08\x80\x81\x81\x81\x81\x81\x81\x81\x81"),
            &(struct expected){"[8 0 0 0 0 0 0 ", PB_ERR_LIMIT, 8, text});
}

PB_TEST(decode, an_expression_of_too_many_elements)
{
    /* The announced elements of a list count at once. */
    pb_limits limits = {.values = 4};
    struct expected good = {.tokens = "[2 [1 0 ] 0 ] [3 0 0 0 ] "};
    check_all(PB_DIALECT_PB, &limits,
              BYTES("\x02\x80\x01\x80\x81\x81\x03\x80\x81\x81\x81"), &good);
    const char *text = "expression has too many elements (limit 4)";
    refuses(&limits, BYTES("\x01\x81\x04\x80"),
            &(struct expected){"1 ", PB_ERR_LIMIT, 1, text});
    refuses(&limits, BYTES("\x02\x80\x01\x80\x01\x80"),
            &(struct expected){"[2 [1 ", PB_ERR_LIMIT, 5, text});
}

PB_TEST(decode, an_error_is_said_again)
{
    struct recorder r;
    pb_error err = {0};
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, recorder_sink(&r));
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x01\x81\x99\x02\x81"), &err), PB_ERR_SYNTAX);
    pb_error again = {0};
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x03\x81"), &again), PB_ERR_SYNTAX);
    cr_assert_eq(again.offset, err.offset);
    cr_assert_str_eq(again.text, err.text);
    cr_assert_eq(pb_decoder_recv(d, BYTES(""), NULL), PB_ERR_SYNTAX);
    /* The first error stays. */
    pb_error filled = {.code = PB_ERR_LOST, .text = "before"};
    cr_assert_eq(pb_decoder_recv(d, BYTES("\x03\x81"), &filled), PB_ERR_SYNTAX);
    cr_assert_str_eq(filled.text, "before");
    cr_assert_str_eq(recorder_text(&r), "1 ");
    pb_decoder_free(d);
    recorder_fini(&r);
}

PB_TEST(decode, counts_expressions_and_offsets)
{
    struct recorder r;
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, recorder_sink(&r));
    cr_assert_eq(pb_decoder_count(d) + pb_decoder_offset(d), 0);
    static const struct {
        const char *in;
        size_t len;
        uint64_t count, offset;
    } steps[] = {
        {"\x02\x80\x01", 3, 0, 3}, {"\x81", 1, 0, 4},       {"", 0, 0, 4},
        {"\x05\x82hel", 5, 0, 9},  {"lo\x01\x81", 4, 2, 0}, {"\x81\x81\x01", 3, 4, 1},
        {"\x81\x01\x80", 3, 5, 2}, {"\x84\1\2\3", 4, 5, 6}};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        pb_span in = {(const uint8_t *)steps[i].in, steps[i].len};
        cr_assert_eq(pb_decoder_recv(d, in, NULL), 0);
        cr_expect_eq(pb_decoder_count(d), steps[i].count, "step %zu", i);
        cr_expect_eq(pb_decoder_offset(d), steps[i].offset, "step %zu", i);
    }
    pb_decoder_free(d);
    recorder_fini(&r);
}

PB_TEST(decode, free_of_nothing)
{
    pb_decoder_free(NULL);
    pb_decoder zeroed = {0};
    pb__decoder_fini(&zeroed);
}
