/* SPDX-License-Identifier: MIT
 *
 * decimal.Decimal: its text in and out, and its limits. */
#include "compat/decimal.h"
#include "tests/support.h"

PB_TEST(decimal, text)
{
    static const char *const rows[][2] = {
        {"0", "0"},
        {"-0", "-0"},
        {"-0.00", "-0.00"},
        {"1.50", "1.50"},
        {"+1.5", "1.5"},
        {".5", "0.5"},
        {"5.", "5"},
        {"007.10", "7.10"},
        {"1e5", "1E+5"},
        {"-1E+3", "-1E+3"},
        {"12e3", "1.2E+4"},
        {"0E3", "0E+3"},
        {"0.000001", "0.000001"},
        {"0.0000001", "1E-7"},
        {"123e-9", "1.23E-7"},
        {"0e-7", "0E-7"},
        {"  1.5\n", "1.5"},
        {"_1_0.5_", "10.5"},
        {"1e1_0", "1E+10"},
        {"inf", "Infinity"},
        {"-Infinity", "-Infinity"},
        {"NaN", "NaN"},
        {"-nan00012", "-NaN12"},
        {"sNaN", "sNaN"},
        {"SNAN7", "sNaN7"},
        {"1e999999999999999999", "1E+999999999999999999"},
        {"1e-1999999999999999997", "1E-1999999999999999997"},
        {"123456789012345678901234567890.5", "123456789012345678901234567890.5"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_error err = {0};
        pb_value *v = pb_decimal(rows[i][0], &err);
        cr_assert_not_null(v, "%s: %s", rows[i][0], err.text);
        struct pb__buf out = {0};
        cr_assert_eq(pb__decimal_print(&out, v), 0);
        cr_assert_eq(out.len, strlen(rows[i][1]));
        cr_assert_eq(memcmp(out.data, rows[i][1], out.len), 0, "%s", rows[i][1]);
        pb__buf_fini(&out);
        pb_value_unref(v);
    }
}

PB_TEST(decimal, no_text)
{
    static const struct {
        const char *text;
        int code;
    } rows[] = {
        {"", PB_ERR_SYNTAX},
        {".", PB_ERR_SYNTAX},
        {"-", PB_ERR_SYNTAX},
        {"e5", PB_ERR_SYNTAX},
        {"1e", PB_ERR_SYNTAX},
        {"1e+", PB_ERR_SYNTAX},
        {"1.5.2", PB_ERR_SYNTAX},
        {"1 2", PB_ERR_SYNTAX},
        {"infinit", PB_ERR_SYNTAX},
        {"NaN 1", PB_ERR_SYNTAX},
        {"nane", PB_ERR_SYNTAX},
        {"1e1000000000000000000", PB_ERR_RANGE},
        {"10e999999999999999999", PB_ERR_RANGE},
        {"0e1000000000000000000", PB_ERR_RANGE},
        {"1e-1999999999999999998", PB_ERR_RANGE},
        {"1e99999999999999999999999999", PB_ERR_RANGE},
        {"1e-99999999999999999999999999", PB_ERR_RANGE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_error err = {0};
        cr_assert_null(pb_decimal(rows[i].text, &err), "%s", rows[i].text);
        cr_assert_eq(err.code, rows[i].code, "%s", rows[i].text);
    }
    pb_error err = {0};
    cr_assert_null(pb_decimal("one", &err));
    cr_assert_str_eq(err.text, "'one' is not a Decimal");
    err = (pb_error){0};
    cr_assert_null(pb_decimal("1e1000000000000000000", &err));
    cr_assert_str_eq(err.text,
                     "the exponent 1000000000000000000 is out of range for a Decimal");
    err = (pb_error){0};
    cr_assert_null(pb__decimal_parse("1\0", 2, &err));
}

PB_TEST(decimal, from_parts)
{
    pb_value *v = pb__decimal_new_steal(NULL, true, 0, -2, pb_int(150), NULL);
    pb_value *same = pb_decimal("-1.5", NULL);
    cr_assert(pb_value_equal(v, same));
    pb_value_unref(same);
    pb_value_unref(v);
    pb_value *big = pb_int_text("1000000000000000000000", NULL);
    pb_error err = {0};
    cr_assert_null(
        pb__decimal_new_steal(NULL, false, 0, INT64_MAX, pb_value_ref(big), &err));
    cr_assert_eq(err.code, PB_ERR_RANGE);
    err = (pb_error){0};
    cr_assert_null(pb__decimal_new_steal(NULL, false, 0, INT64_MIN, big, &err));
    cr_assert_eq(err.code, PB_ERR_RANGE);
    err = (pb_error){0};
    cr_assert_null(pb__decimal_new_steal(NULL, false, 0, 0, NULL, &err));
    cr_assert_eq(err.code, PB_ERR_NOMEM);
}

static int make(void *text)
{
    pb_error err = {0};
    pb_value *v = pb_decimal(text, &err);
    struct pb__buf out = {0};
    int e = v ? pb__decimal_print(&out, v) : err.code;
    pb__buf_fini(&out);
    pb_value_unref(v);
    return e;
}

PB_TEST(decimal, lack_of_memory)
{
    char big[] = "123456789012345678901234567890.5e999999999999999970";
    char special[] = "-nan12345678901234567890123";
    pb__test_each_failure(make, big);
    pb__test_each_failure(make, special);
}
