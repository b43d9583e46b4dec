/* SPDX-License-Identifier: MIT
 *
 * Floats as text and back: the places where digits are easily wrong. A hundred thousand
 * others are compared with Python, see against_python.py. */
#include "compat/floats.h"

#include <string.h>

#include "tests/support.h"

PB_TEST(floats, repr)
{
    static const struct {
        double d;
        const char *text;
    } rows[] = {
        {0.0, "0.0"},
        {-0.0, "-0.0"},
        {1.0, "1.0"},
        {0.1, "0.1"},
        {-1.5, "-1.5"},
        {100.0, "100.0"},
        {123456789.125, "123456789.125"},
        {0.0001, "0.0001"},
        {0.00012345, "0.00012345"},
        {0.00001, "1e-05"},
        {1e15, "1000000000000000.0"},
        {9999999999999998.0, "9999999999999998.0"},
        {1e16, "1e+16"},
        {1e22, "1e+22"},
        {1e23, "1e+23"},
        {1.5e300, "1.5e+300"},
        {5e-324, "5e-324"},
        {2.2250738585072014e-308, "2.2250738585072014e-308"},
        {1.7976931348623157e308, "1.7976931348623157e+308"},
        {0x1p-44, "5.684341886080802e-14"},
        {9007199254740992.0, "9007199254740992.0"},
        {9007199254740993.0, "9007199254740992.0"},
        {0x1p-1022, "2.2250738585072014e-308"},
        {0x1p1023, "8.98846567431158e+307"},
        {__builtin_inf(), "inf"},
        {-__builtin_inf(), "-inf"},
        {__builtin_nan(""), "nan"},
        {-__builtin_nan(""), "nan"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[PB__FLOAT_REPR];
        size_t len = pb__float_repr(rows[i].d, text);
        cr_assert_str_eq(text, rows[i].text);
        cr_assert_eq(len, strlen(text));
    }
}

PB_TEST(floats, parse)
{
    static const struct {
        const char *text;
        double d;
    } rows[] = {
        {"0", 0},
        {"1.", 1},
        {".5", .5},
        {"1e2", 100},
        {"1E+2", 100},
        {"1_0.2_5e0_1", 102.5},
        {"000.000", 0},
        {"0e99999999999999999999999", 0},
        {"1e99999999999999999999999", __builtin_inf()},
        {"1e-99999999999999999999999", 0},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"1.7976931348623159e308", __builtin_inf()},
        {"2.4703282292062327e-324", 0},      /* just less than half the least */
        {"2.4703282292062329e-324", 5e-324}, /* just more */
        {"9007199254740993", 9007199254740992.0},
        {"9007199254740993.0000000000000000000000001", 9007199254740994.0},
        {"9007199254740995", 9007199254740996.0},
        {"2.2250738585072011e-308", 2.2250738585072011e-308},
        {"1797693134862315708145274237317043567980705675258449965989174768031572607800285"
         "3876058955863276687817154045895351438246423432132688946418276846754670353751698"
         "6"
         "0499105765512820762454900903893289440758685084551339423045832369032229481658085"
         "5"
         "93321233477480797e62",
         __builtin_inf()},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double d = -1;
        cr_assert(pb__float_parse(rows[i].text, strlen(rows[i].text), &d), "%s",
                  rows[i].text);
        cr_assert_eq(d, rows[i].d, "%s gave %a", rows[i].text, d);
    }
}

PB_TEST(floats, thousands_of_digits)
{
    /* Halfway between two floats, and then a digit far away that makes it more. */
    static char text[5000];
    memset(text, '0', sizeof text);
    memcpy(text, "9007199254740993.", 17);
    double d;
    cr_assert(pb__float_parse(text, sizeof text, &d));
    cr_assert_eq(d, 9007199254740992.0);
    text[sizeof text - 1] = '1';
    cr_assert(pb__float_parse(text, sizeof text, &d));
    cr_assert_eq(d, 9007199254740994.0);
    memset(text, '1', sizeof text);
    cr_assert(pb__float_parse(text, sizeof text, &d));
    cr_assert_eq(d, __builtin_inf());
}

PB_TEST(floats, what_is_none)
{
    static const char *const rows[] = {"",   ".",  "e5", "1e",    "1e+",   "1e-", "x",
                                       "1x", "+1", "-1", "1.5.2", "1e5.0", "inf", "1e5x"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double d;
        cr_assert_not(pb__float_parse(rows[i], strlen(rows[i]), &d), "%s", rows[i]);
    }
}

PB_TEST(floats, split)
{
    struct pb__float_parts p = pb__float_split(-1.5);
    cr_assert(p.negative);
    cr_assert_eq(p.mantissa, (uint64_t)3 << 51);
    cr_assert_eq(p.exponent, -52);
    p = pb__float_split(5e-324);
    cr_assert(p.mantissa == 1 && p.exponent == -1074 && !p.negative);
}
