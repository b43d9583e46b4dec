/* SPDX-License-Identifier: MIT
 *
 * Python literals: what is refused, where and why. What is read is compared with Python,
 * see against_python.py. */
#include "compat/literal.h"
#include "tests/support.h"

static void check(const char *literal, const char *repr)
{
    pb_error err = {0};
    pb_value *v = pb_value_parse(literal, &err);
    cr_assert_not_null(v, "%s: %s", literal, err.text);
    char *got = pb_value_repr(v);
    cr_assert_str_eq(got, repr);
    pb_free(got);
    pb_value_unref(v);
}

PB_TEST(literal, values)
{
    static const char *const rows[][2] = {
        {"  None ", "None"},
        {"[ 1 , 0x_ff , 0o17 , 0b11 , 1_000 , - 5 , + 6 ]",
         "[1, 255, 15, 3, 1000, -5, 6]"},
        {"-inf", "-inf"},
        {"[nan, inf, +1., -.5, 1e3]", "[nan, inf, 1.0, -0.5, 1000.0]"},
        {"-0.0", "-0.0"},
        {"'a' \"b\"\n'''c\n'd'''", "\"abc\\n'd\""},
        {"b'a' rb'\\x' B'\\x41'", "b'a\\\\xA'"},
        {"()", "()"},
        {"(1)", "1"},
        {"((1,),)", "((1,),)"},
        {"{1: {2: [3]},}", "{1: {2: [3]}}"},
        {"{1, 1.0, True, 2}", "{1, 2}"},
        {"{1: 'a', 1.0: 'b'}", "{1: 'b'}"},
        {"set()", "set()"},
        {"set([1, 2, 1])", "{1, 2}"},
        {"frozenset({1, (2,)})", "frozenset({1, (2,)})"},
        {"frozenset()", "frozenset()"},
        {"frozenset([])", "frozenset()"},
        {"datetime.date(2020, day=3, month=2)", "datetime.date(2020, 2, 3)"},
        {"datetime.timedelta(seconds = -1)",
         "datetime.timedelta(days=-1, seconds=86399)"},
        {"datetime.timedelta(0)", "datetime.timedelta(0)"},
        {"[datetime.time(1, 2), Decimal('1E+5',)]",
         "[datetime.time(1, 2), Decimal('1E+5')]"},
        {"{(): []}", "{(): []}"},
        {"[float('nan'), float('-Infinity'), float('+1.5e1'), float(2), float(x=True)]",
         "[nan, -inf, 15.0, 2.0, 1.0]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check(rows[i][0], rows[i][1]);
    }
}

PB_TEST(literal, empty_ones_are_the_constants)
{
    cr_assert_eq(pb_value_parse("()", NULL), &pb__empty_tuple.node.head);
    cr_assert_eq(pb_value_parse("frozenset()", NULL), &pb__empty_frozenset.node.head);
}

/* Each error: the literal, the offset of the error, and its text. */
static const struct {
    const char *literal;
    uint64_t offset;
    const char *text;
} errors[] = {
    {"", 0, "a value is expected at the end of the text"},
    {"  ", 2, "a value is expected at the end of the text"},
    {"[1, ", 4, "a value is expected at the end of the text"},
    {"[1", 0, "'[' is never closed"},
    {"(1, {2: 3", 4, "'{' is never closed"},
    {"[1 2]", 3, "',' or ']' expected"},
    {"[1)", 2, "',' or ']' expected"},
    {"(1]", 2, "',' or ')' expected"},
    {"[,]", 1, "a value is expected at ','"},
    {"[1,,]", 3, "a value is expected at ','"},
    {"]", 0, "a value is expected at ']'"},
    {"1 2", 2, "unexpected text after the value"},
    {"[]]", 2, "unexpected text after the value"},
    {"hello", 0, "'hello' is not a literal"},
    {"[a.b.c]", 1, "'a.b.c' is not a literal"},
    {"None1", 0, "'None1' is not a literal"},
    {"set", 0, "'set' is not a literal"},
    {"open()", 0, "'open' is not a literal"},
    {"\xc3\xa9", 0, "'\xc3\xa9' is not a literal"},
    {"'\xff'", 1, "the literal is not UTF-8"},
    {"--1", 0, "a number is expected after the sign"},
    {"-'a'", 0, "a number is expected after the sign"},
    {"-True", 0, "a number is expected after the sign"},
    {"-nan", 0, "a number is expected after the sign"},
    {"+inf", 0, "a number is expected after the sign"},
    {"012", 0, "leading zeros are not permitted in '012'"},
    {"[1__0]", 3, "invalid number '1__0]'"},
    {"1_", 2, "invalid number '1_'"},
    {"1abc", 1, "invalid number '1abc'"},
    {"1e", 2, "invalid number '1e'"},
    {"1e+", 3, "invalid number '1e+'"},
    {"1._5", 2, "invalid number '1._5'"},
    {"0x", 2, "invalid digit in '0x', a number of base 16"},
    {"0b12", 3, "invalid digit in '0b12', a number of base 2"},
    {"0o1_", 4, "invalid digit in '0o1_', a number of base 8"},
    {"1j", 0, "complex numbers are not supported"},
    {"1.5J", 0, "complex numbers are not supported"},
    {"'abc", 0, "unterminated string"},
    {"'a\nb'", 0, "unterminated string"},
    {"'''abc''", 0, "unterminated string"},
    {"'abc\\", 0, "unterminated string"},
    {"r'abc\\'", 0, "unterminated string"},
    {"[1, 'a' b'b']", 8, "bytes and text cannot be mixed"},
    {"b'\xc3\xa9'", 2, "bytes can only contain ASCII characters"},
    {"'a\\x4'", 2, "\\x takes two hexadecimal digits"},
    {"'\\u123'", 1, "\\u takes four hexadecimal digits"},
    {"'\\U0001F60'", 1, "\\U takes eight hexadecimal digits"},
    {"'\\U00110000'", 1, "the escape is beyond U+10FFFF"},
    {"'\\ud800'", 1, "the escape is a surrogate, which UTF-8 cannot encode"},
    {"'\\N{DASH}'", 1, "names of characters, \\N{...}, are not supported"},
    {"{1:}", 3, "a value is expected at '}'"},
    {"{:1}", 1, "a value is expected at ':'"},
    {"{1:2, 3}", 7, "':' expected after a key"},
    {"{1, 2:3}", 5, "',' or '}' expected"},
    {"{[]: 1}", 5, "unhashable type: 'list'"},
    {"{1, {}}", 4, "unhashable type: 'dict'"},
    {"{(1, [])}", 1, "unhashable type: 'tuple'"},
    {"set([[]])", 3, "unhashable type: 'list'"},
    {"set(1)", 3, "set takes a list, tuple or set, not int"},
    {"frozenset('a')", 9, "frozenset takes a list, tuple or set, not str"},
    {"set([], [])", 8, "too many arguments for set"},
    {"Decimal(1)", 7, "Decimal takes text"},
    {"Decimal()", 7, "Decimal takes text"},
    {"Decimal('x')", 7, "'x' is not a Decimal"},
    {"float('1x')", 5, "'1x' is not a float"},
    {"float('')", 5, "'' is not a float"},
    {"float('nano')", 5, "'nano' is not a float"},
    {"float([])", 5, "float takes text or a number"},
    {"float()", 5, "float takes text or a number"},
    {"datetime.date(2020, 13, 1)", 13, "month 13 is not in 1..12"},
    {"datetime.date(2020)", 13, "month 0 is not in 1..12"},
    {"datetime.date(2020, 1, 'a')", 13, "an argument is not an int, or too large"},
    {"datetime.time(hour=1, hour=2)", 27, "datetime.time has the argument hour twice"},
    {"datetime.time(day=1)", 14, "datetime.time has no argument day"},
    {"datetime.time(99999999999999999999)", 13,
     "an argument is not an int, or too large"},
    {"datetime.time(4294967296)", 13, "hour 1000000 is not in 0..23"},
    {"datetime.timedelta(1.5)", 18, "an argument is not an int, or too large"},
    {"datetime.timedelta(10**9)", 21, "',' or ')' expected"},
    {"datetime.timedelta(1000000000)", 18,
     "a timedelta is at most 999999999 days, positive or negative"},
    {"[*x]", 1, "a value is expected at '*'"},
};

PB_TEST(literal, errors)
{
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        pb_error err = {0};
        cr_assert_null(pb_value_parse(errors[i].literal, &err), "%s", errors[i].literal);
        cr_assert_eq(err.code, PB_ERR_SYNTAX, "%s", errors[i].literal);
        cr_assert_str_eq(err.text, errors[i].text);
        cr_assert_eq(err.offset, errors[i].offset, "%s: %d", errors[i].literal,
                     (int)err.offset);
        cr_assert_null(pb_value_parse(errors[i].literal, NULL));
    }
}

PB_TEST(literal, the_first_error_stays)
{
    pb_error err = {.code = PB_ERR_LOST};
    pb_value *v = pb_value_parse("[1]", &err);
    cr_assert_not_null(v);
    pb_value_unref(v);
    cr_assert_null(pb_value_parse("[", &err));
    cr_assert_eq(err.code, PB_ERR_LOST);
}

PB_TEST(literal, depth)
{
    static char text[2100];
    memset(text, '[', 1000);
    memset(text + 1000, ']', 1000);
    pb_value *v = pb_value_parse(text, NULL);
    cr_assert_not_null(v);
    pb_value_unref(v);
    memset(text, '(', 1001);
    pb_error err = {0};
    cr_assert_null(pb_value_parse(text, &err));
    cr_assert_eq(err.code, PB_ERR_LIMIT);
    cr_assert_eq(err.offset, 1000);
    cr_assert_str_eq(err.text, "nested deeper than 1000");
}

/* No prefix of a literal is read past its end, and each is refused or read. */
PB_TEST(literal, cut_at_every_place)
{
    static const char literal[] =
        "[1, -2.5e-3, 0xff, 'a\\x41\\u00e9\\n', b'\\xff' rb'\\x', (1,), {'k': {1, 2}, "
        "None: True},"
        " '''a'b''', datetime.timedelta(days=1), Decimal('1.5'), frozenset({1}), inf]";
    pb_value *whole = pb_value_parse(literal, NULL);
    cr_assert_not_null(whole);
    pb_value_unref(whole);
    for (size_t len = 0; len < sizeof literal - 1; len++) {
        char *part =
            pb__malloc(len + 1); /* with nothing behind, for the sanitizer to see */
        memcpy(part, literal, len);
        part[len] = '\0';
        cr_assert_null(pb_value_parse(part, NULL));
        pb_free(part);
    }
}

static int read_it(void *literal)
{
    pb_error err = {0};
    pb_value *v = pb_value_parse(literal, &err);
    pb_value_unref(v);
    return v ? 0 : err.code;
}

PB_TEST(literal, lack_of_memory)
{
    char literal[] =
        "[1.5, 99999999999999999999, 0xffffffffffffffffff, 'a' 'b', (1, 2), {3: 4}, "
        "{(5,), 6}, frozenset({7}), datetime.date(2020, 1, 1), nan, -inf, {}, "
        "datetime.datetime(2020, 1, 1, 0, 0), datetime.time(1, 1), Decimal('1'), "
        "datetime.timedelta(1), set([1]), float('inf')]";
    pb__test_each_failure(read_it, literal);
}
