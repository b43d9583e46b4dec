/* SPDX-License-Identifier: MIT
 *
 * Ints of every size, in and out: C numbers, text, bytes, base 128. */
#include "compat/integer.h"
#include "tests/support.h"

static void check_text(const char *text, const char *repr)
{
    pb_error err = {0};
    pb_value *v = pb_int_text(text, &err);
    cr_assert_not_null(v, "%s: %s", text, err.text);
    char *got = pb_value_repr(v);
    cr_assert_str_eq(got, repr);
    pb_free(got);
    pb_value_unref(v);
}

PB_TEST(integer, text)
{
    check_text("0", "0");
    check_text("-0", "0");
    check_text("+12", "12");
    check_text("1_000", "1000");
    check_text("007", "7");
    check_text("-4611686018427387904", "-4611686018427387904");
    check_text("4611686018427387903", "4611686018427387903");
    check_text("4611686018427387904", "4611686018427387904");
    check_text("-9223372036854775808", "-9223372036854775808");
    check_text("18446744073709551616", "18446744073709551616");
    check_text("1000000000000000000000000000", "1000000000000000000000000000");
}

PB_TEST(integer, no_text)
{
    static const struct {
        const char *text;
        uint64_t offset;
    } rows[] = {{"", 0},    {"-", 1},  {"+", 1},  {"1_", 2},  {"_1", 0}, {"1__0", 2},
                {"12x", 2}, {" 1", 0}, {"1 ", 1}, {"--1", 1}, {"0x1", 1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_error err = {0};
        cr_assert_null(pb_int_text(rows[i].text, &err), "'%s'", rows[i].text);
        cr_assert_eq(err.code, PB_ERR_SYNTAX);
        cr_assert_eq(err.offset, rows[i].offset, "'%s'", rows[i].text);
    }
    pb_error err = {0};
    cr_assert_null(pb_int_text("twelve", &err));
    cr_assert_str_eq(err.text, "invalid decimal integer 'twelve'");
    cr_assert_null(pb_int_text("twelve", NULL));
}

static const int64_t edges[] = {0,
                                1,
                                -1,
                                127,
                                128,
                                -128,
                                INT32_MAX,
                                INT32_MIN,
                                PB__SMALL_MAX,
                                PB__SMALL_MIN,
                                PB__SMALL_MAX + 1,
                                PB__SMALL_MIN - 1,
                                INT64_MAX,
                                INT64_MIN};

PB_TEST(integer, c_numbers)
{
    for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) {
        pb_value *v = pb_int(edges[i]);
        int64_t back;
        cr_assert_eq(pb_value_kind(v), PB_INT);
        cr_assert_eq(pb_as_int(v, &back), 0);
        cr_assert_eq(back, edges[i]);
        cr_assert_eq(pb__is_small(v), pb__fits_small(edges[i]));
        pb_value_unref(v);
    }
}

PB_TEST(integer, what_is_none)
{
    int64_t i = 5;
    bool b = true;
    double d = 5;
    pb_value *big = pb_int_text("9223372036854775808", NULL);
    pb_value *low = pb_int_text("-9223372036854775809", NULL);
    pb_value *real = pb_float(1.0);
    cr_assert_eq(pb_as_int(big, &i), PB_ERR_RANGE);
    cr_assert_eq(pb_as_int(low, &i), PB_ERR_RANGE);
    cr_assert_eq(pb_as_int(real, &i), PB_ERR_TYPE);
    cr_assert_eq(i, 0);
    i = 5;
    cr_assert_eq(pb_as_int(pb_none(), &i), PB_ERR_TYPE);
    cr_assert_eq(pb_as_bool(pb_int(1), &b), PB_ERR_TYPE);
    cr_assert_eq(pb_as_float(pb_none(), &d), PB_ERR_TYPE);
    cr_assert_eq(i, 0);
    cr_assert_eq(pb_as_int(pb_bool(true), &i), 0);
    cr_assert_eq(i, 1);
    cr_assert_eq(pb_as_int(pb_bool(false), &i), 0);
    cr_assert_eq(i, 0);
    cr_assert_eq(pb_as_bool(pb_bool(false), &b), 0);
    cr_assert_not(b);
    pb_value_unref(real);
    pb_value_unref(big);
    pb_value_unref(low);
}

PB_TEST(integer, as_float_is_exact)
{
    static const struct {
        const char *text;
        double d;
        int e;
    } rows[] = {{"0", 0, 0},
                {"-3", -3, 0},
                {"9007199254740992", 9007199254740992.0, 0},
                {"9007199254740993", 0, PB_ERR_RANGE},
                {"9007199254740994", 9007199254740994.0, 0},
                {"-73786976294838206464", -73786976294838206464.0, 0},
                {"73786976294838206465", 0, PB_ERR_RANGE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_value *v = pb_int_text(rows[i].text, NULL);
        double d = 0;
        cr_assert_eq(pb_as_float(v, &d), rows[i].e, "%s", rows[i].text);
        cr_assert_eq(d, rows[i].d);
        pb_value_unref(v);
    }
    /* 2 ** 1023 and 2 ** 1024. */
    uint8_t bytes[129] = {0};
    double d;
    bytes[127] = 0x80;
    pb_value *fits = pb_int_bytes(true, (pb_span){bytes, 128});
    cr_assert_eq(pb_as_float(fits, &d), 0);
    cr_assert_eq(d, -0x1p1023);
    bytes[127] = 0;
    bytes[128] = 1;
    pb_value *large = pb_int_bytes(false, (pb_span){bytes, 129});
    cr_assert_eq(pb_as_float(large, &d), PB_ERR_RANGE);
    bytes[128] = 0;
    memset(bytes, 0xff, 128); /* rounds to infinity */
    pb_value *most = pb_int_bytes(false, (pb_span){bytes, 128});
    cr_assert_eq(pb_as_float(most, &d), PB_ERR_RANGE);
    pb_value_unref(fits);
    pb_value_unref(large);
    pb_value_unref(most);
}

PB_TEST(integer, bytes)
{
    for (size_t len = 0; len < 40; len++) {
        for (int pattern = 0; pattern < 3; pattern++) {
            uint8_t bytes[48] = {0};
            for (size_t i = 0; i < len; i++) {
                bytes[i] = (uint8_t)(pattern == 0   ? 0xff
                                     : pattern == 1 ? i + 1
                                                    : i + 1 == len);
            }
            /* High zeros don't count. */
            pb_value *v = pb_int_bytes(pattern == 1, (pb_span){bytes, len + 3});
            bool negative;
            uint8_t *out;
            size_t out_len;
            cr_assert_eq(pb_as_int_bytes(v, &negative, &out, &out_len), 0);
            cr_assert_eq(negative, pattern == 1 && len != 0);
            cr_assert_eq(out_len, len);
            cr_assert_eq(memcmp(out, bytes, len), 0);
            pb_free(out);
            pb_value_unref(v);
        }
    }
    bool negative;
    uint8_t *out;
    size_t len;
    cr_assert_eq(pb_as_int_bytes(pb_none(), &negative, &out, &len), PB_ERR_TYPE);
    cr_assert_eq(pb_as_int_bytes(pb_bool(true), &negative, &out, &len), 0);
    cr_assert(len == 1 && out[0] == 1 && !negative);
    pb_free(out);
}

PB_TEST(integer, base128)
{
    for (size_t len = 9; len < 70; len++) {
        uint8_t digits[72] = {0};
        for (size_t i = 0; i < len; i++) {
            digits[i] = (uint8_t)((i * 37 + len) & 0x7f);
        }
        digits[len - 1] |= 1;
        pb_value *v = pb__int_base128(NULL, true, (pb_span){digits, len + 2});
        uint8_t back[72];
        const struct pb__big *b = (const struct pb__big *)v;
        if (pb__is_small(v)) {
            cr_assert_eq(len, 9);
            continue;
        }
        cr_assert(b->negative);
        cr_assert_eq(pb__int_base128_len(b), len);
        pb__int_to_base128(b, back);
        cr_assert_eq(memcmp(back, digits, len), 0);
        pb_value_unref(v);
    }
    uint8_t twelve[] = {12};
    cr_assert_eq(pb__int_base128(NULL, true, (pb_span){twelve, 1}), pb_int(-12));
    cr_assert_eq(pb__int_base128(NULL, true, (pb_span){NULL, 0}), pb_int(0));
}

PB_TEST(integer, one_form_of_each)
{
    uint8_t bytes[sizeof(void *)] = {0}; /* one more than the largest small int */
    bytes[sizeof bytes - 1] = 0x40;
    pb_value *v = pb_int_bytes(true, (pb_span){bytes, sizeof bytes});
    cr_assert_eq(v, pb_int(PB__SMALL_MIN));
    v = pb_int_bytes(false, (pb_span){bytes, sizeof bytes});
    cr_assert_not(pb__is_small(v));
    pb_value_unref(v);
}

static int make(void *unused)
{
    (void)unused;
    pb_error err = {0};
    pb_value *v = pb_int_text("123456789012345678901234567890", &err);
    if (!v) {
        return err.code;
    }
    bool negative;
    uint8_t *out;
    size_t len;
    int e = pb_as_int_bytes(v, &negative, &out, &len);
    if (e == 0) {
        pb_value *again = pb_int_bytes(negative, (pb_span){out, len});
        char *repr = again ? pb_value_repr(again) : NULL;
        e = repr ? 0 : PB_ERR_NOMEM;
        pb_free(repr);
        pb_value_unref(again);
        pb_free(out);
    }
    pb_value_unref(v);
    return e;
}

PB_TEST(integer, lack_of_memory)
{
    pb__test_each_failure(make, NULL);
}
