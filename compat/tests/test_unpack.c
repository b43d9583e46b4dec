/* SPDX-License-Identifier: MIT
 *
 * pb_unpack: each letter, each bracket, what is optional, and each refusal with its
 * way. */
#include <limits.h>

#include "compat/value.h"
#include "tests/support.h"

static pb_value *parse(const char *literal)
{
    pb_value *v = pb_value_parse(literal, NULL);
    cr_assert_not_null(v, "%s", literal);
    return v;
}

PB_TEST(unpack, letters)
{
    pb_value *v =
        parse("(1, 9223372036854775807, 2.5, 3, True, 'te\\0xt', b'b', None, [])");
    int i, b;
    int64_t l;
    double d, e;
    const char *s, *y, *z = "";
    size_t len, y_len;
    pb_value *o;
    pb_error err = {0};
    cr_assert_eq(pb_unpack(v, &err, "iLddps#y#zO", &i, &l, &d, &e, &b, &s, &len, &y,
                           &y_len, &z, &o),
                 0, "%s", err.text);
    cr_assert(i == 1 && l == INT64_MAX && d == 2.5 && e == 3.0 && b == 1);
    cr_assert(len == 5 && memcmp(s, "te\0xt", 6) == 0);
    cr_assert(y_len == 1 && y[0] == 'b' && y[1] == '\0');
    cr_assert_null(z);
    cr_assert_eq(o, pb_item(v, 8));
    pb_value_unref(v);
}

PB_TEST(unpack, one_unit_is_the_value_itself)
{
    int i;
    const char *s;
    size_t len = 5;
    pb_value *o;
    cr_assert_eq(pb_unpack(pb_int(7), NULL, "i", &i), 0);
    cr_assert_eq(i, 7);
    cr_assert_eq(pb_unpack(pb_none(), NULL, "z", &s), 0);
    cr_assert_null(s);
    cr_assert_eq(pb_unpack(pb_none(), NULL, "z#", &s, &len), 0);
    cr_assert_eq(len, 0);
    pb_value *v = parse("(1, [2, ({'a': 3},)])");
    cr_assert_eq(pb_unpack(v, NULL, "O", &o), 0);
    cr_assert_eq(o, v);
    int a, b, c;
    cr_assert_eq(pb_unpack(v, NULL, "(i[i({s:i})])", &a, &b, "a", &c), 0);
    cr_assert(a == 1 && b == 2 && c == 3);
    cr_assert_eq(pb_unpack(v, NULL, "i, [i, ({s: i})]", &a, &b, "a", &c), 0);
    pb_value_unref(v);
    v = parse("[]");
    cr_assert_eq(pb_unpack(v, NULL, ""), 0);
    pb_value_unref(v);
}

PB_TEST(unpack, text_may_be_bytes)
{
    const char *s;
    pb_value *v = parse("b'text'");
    cr_assert_eq(pb_unpack(v, NULL, "s", &s), 0);
    cr_assert_str_eq(s, "text");
    cr_assert_eq(pb_unpack(v, NULL, "z", &s), 0);
    pb_value_unref(v);
}

PB_TEST(unpack, optional_items)
{
    for (size_t len = 1; len <= 4; len++) {
        pb_value *v = pb_list();
        for (size_t i = 0; i < len; i++) {
            pb_append(v, pb_int((int64_t)i + 1));
        }
        int a = 0, b = -2, c = -3, e = -4;
        int got = pb_unpack(v, NULL, "i|iii", &a, &b, &c, &e);
        cr_assert_eq(got, 0);
        cr_assert_eq(a, 1);
        cr_assert_eq(b, len > 1 ? 2 : -2);
        cr_assert_eq(c, len > 2 ? 3 : -3);
        cr_assert_eq(e, len > 3 ? 4 : -4);
        pb_value_unref(v);
    }
    /* An absent optional item leaves the targets of all its own items unchanged. */
    pb_value *v = parse("(1,)");
    int a, b = 7, c = 8, d = 9;
    cr_assert_eq(pb_unpack(v, NULL, "i|(i{s:i}[i])", &a, &b, "key", &c, &d), 0);
    cr_assert(a == 1 && b == 7 && c == 8 && d == 9);
    cr_assert_eq(pb_unpack(v, NULL, "(|i)", &a), 0);
    pb_value_unref(v);
}

PB_TEST(unpack, counts_what_a_format_asks_for)
{
    static const struct {
        const char *format;
        struct pb__format count;
    } rows[] = {
        {"", {0, 0, 0, false}},         {"i", {1, 1, 1, true}},
        {"(ii)", {1, 1, 1, true}},      {"|i", {1, 0, 1, false}},
        {"i{s:i}s#", {3, 3, 3, false}}, {"iO|s$(i|i)", {4, 2, 3, false}},
        {"i$i|i", {3, 2, 1, false}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pb__format c;
        pb__format_count(rows[i].format, &c);
        cr_assert_eq(c.units, rows[i].count.units, "%s", rows[i].format);
        cr_assert_eq(c.required, rows[i].count.required, "%s", rows[i].format);
        cr_assert_eq(c.positional, rows[i].count.positional, "%s", rows[i].format);
        cr_assert_eq(c.one, rows[i].count.one, "%s", rows[i].format);
    }
}

PB_TEST(unpack, keys)
{
    pb_value *v = parse("{'name': 'n', b'old': 1, 'inner': {'x': 2}, 'more': 3}");
    const char *name;
    int old, x, none = 9, missing = 9;
    cr_assert_eq(pb_unpack(v, NULL, "{s:s, s:i, s?:i, s:{s:i}, s?:{s:i}}", "name", &name,
                           "old", &old, "none", &none, "inner", "x", &x, "gone", "y",
                           &missing),
                 0);
    cr_assert_str_eq(name, "n");
    cr_assert(old == 1 && x == 2 && none == 9 && missing == 9);
    pb_value_unref(v);
}

PB_TEST(unpack, refusals)
{
    static const struct {
        const char *literal, *format;
        int code;
        const char *where, *text;
    } rows[] = {
        {"'a'", "i", PB_ERR_TYPE, "", "int expected, got str"},
        {"(1, 'a')", "ii", PB_ERR_TYPE, "[1]", "int expected, got str"},
        {"1.5", "L", PB_ERR_TYPE, "", "int expected, got float"},
        {"'a'", "d", PB_ERR_TYPE, "", "float expected, got str"},
        {"1", "p", PB_ERR_TYPE, "", "bool expected, got int"},
        {"1", "s", PB_ERR_TYPE, "", "str expected, got int"},
        {"None", "s", PB_ERR_TYPE, "", "str expected, got NoneType"},
        {"'a'", "y", PB_ERR_TYPE, "", "bytes expected, got str"},
        {"None", "y", PB_ERR_TYPE, "", "bytes expected, got NoneType"},
        {"1", "z", PB_ERR_TYPE, "", "str expected, got int"},
        {"'a\\0b'", "s", PB_ERR_TYPE, "", "str without NUL expected"},
        {"b'a\\0b'", "y", PB_ERR_TYPE, "", "bytes without NUL expected"},
        {"2147483648", "i", PB_ERR_RANGE, "", "the int does not fit"},
        {"-2147483649", "i", PB_ERR_RANGE, "", "the int does not fit"},
        {"9223372036854775808", "L", PB_ERR_RANGE, "", "the int does not fit"},
        {"9007199254740993", "d", PB_ERR_RANGE, "", "the int does not fit"},
        {"1", "ii", PB_ERR_TYPE, "", "tuple expected, got int"},
        {"[1]", "(i)", PB_ERR_TYPE, "", "tuple expected, got list"},
        {"(1,)", "[i]", PB_ERR_TYPE, "", "list expected, got tuple"},
        {"1", "{s:i}", PB_ERR_TYPE, "", "dict expected, got int"},
        {"(1,)", "ii", PB_ERR_TYPE, "[1]", "tuple of at least 2 expected, got 1"},
        {"(1, 2, 3)", "ii", PB_ERR_TYPE, "", "tuple of 2 expected, got 3"},
        {"[1, [2, 3]]", "i[i]", PB_ERR_TYPE, "[1]", "list of 1 expected, got 2"},
        {"(1, 2, 3)", "i|i", PB_ERR_TYPE, "", "tuple of 2 expected, got 3"},
        {"1", "?", PB_ERR_TYPE, "", "tuple expected, got int"},
        {"(1,)", "?", PB_ERR_ARG, "", "the format has an unknown letter"},
        {"(1,)", "$", PB_ERR_ARG, "", "the format has an unknown letter"},
        {"(1,)", "O]", PB_ERR_ARG, "", "the format closes a bracket that it never opens"},
        {"(1,)", "(i]", PB_ERR_ARG, "[0]",
         "the format closes a bracket that it never opens"},
        {"(1,)", "(i", PB_ERR_ARG, "[0]", "a bracket of the format is never closed"},
        {"{1: 2}", "{i:i}", PB_ERR_ARG, "", "a key of the format is not s"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_value *v = parse(rows[i].literal);
        pb_error err = {0};
        union {
            int64_t words[4];
            const char *text;
        } out[4] = {{{0}}};
        cr_assert_eq(
            pb_unpack(v, &err, rows[i].format, &out[0], &out[1], &out[2], &out[3]),
            rows[i].code, "%s, %s", rows[i].literal, rows[i].format);
        cr_assert_eq(err.code, rows[i].code);
        cr_assert_str_eq(err.text, rows[i].text);
        cr_assert_str_eq(err.where, rows[i].where);
        cr_assert_eq(
            pb_unpack(v, NULL, rows[i].format, &out[0], &out[1], &out[2], &out[3]),
            rows[i].code);
        pb_value_unref(v);
    }
}

PB_TEST(unpack, refusals_inside)
{
    pb_value *v = parse("(0, {'a': [{'b': 'c'}]})");
    pb_error err = {0};
    int i;
    cr_assert_eq(pb_unpack(v, &err, "i{s:[{s:i}]}", &i, "a", "b", &i), PB_ERR_TYPE);
    cr_assert_str_eq(err.where, "[1]['a'][0]['b']");
    cr_assert_str_eq(err.text, "int expected, got str");
    err = (pb_error){0};
    cr_assert_eq(pb_unpack(v, &err, "i{s:[{s:i}]}", &i, "a", "x", &i), PB_ERR_TYPE);
    cr_assert_str_eq(err.text, "the key 'x' is missing");
    cr_assert_str_eq(err.where, "[1]['a'][0]['x']");
    /* The first error stays, with its way. */
    cr_assert_eq(pb_unpack(v, &err, "i", &i), PB_ERR_TYPE);
    cr_assert_str_eq(err.where, "[1]['a'][0]['x']");
    pb_value_unref(v);
}

PB_TEST(unpack, too_deep)
{
    char format[40];
    memset(format, '(', 33);
    format[33] = '\0';
    pb_value *v =
        pb_build(NULL, "((((((((((((((((((((((((((((((()))))))))))))))))))))))))))))))");
    pb_value *outer = pb_build(NULL, "((N))", v);
    pb_error err = {0};
    cr_assert_eq(pb_unpack(outer, &err, format), PB_ERR_LIMIT);
    cr_assert_str_eq(err.text, "the format is nested deeper than 32");
    pb_value_unref(outer);
}
