/* SPDX-License-Identifier: MIT
 *
 * pb_build: each letter, each bracket, each failure, and that N is always taken. */
#include <stdarg.h>
#include <stdio.h>

#include "compat/value.h"
#include "tests/support.h"

static void check(pb_value *v, const char *repr)
{
    cr_assert_not_null(v);
    char *got = pb_value_repr(v);
    cr_assert_str_eq(got, repr);
    pb_free(got);
    pb_value_unref(v);
}

PB_TEST(build, letters)
{
    pb_value *o = pb_list();
    check(pb_build(NULL, "i", -5), "-5");
    check(pb_build(NULL, "L", INT64_MIN), "-9223372036854775808");
    check(pb_build(NULL, "d", 1.5), "1.5");
    check(pb_build(NULL, "pp", 1, 0), "(True, False)");
    check(pb_build(NULL, "s", "text"), "'text'");
    check(pb_build(NULL, "s#", "a\0b", (size_t)3), "'a\\x00b'");
    check(pb_build(NULL, "s#", NULL, (size_t)0), "''");
    check(pb_build(NULL, "y", "bytes"), "b'bytes'");
    check(pb_build(NULL, "y#", "\xff\0", (size_t)2), "b'\\xff\\x00'");
    check(pb_build(NULL, "zz", "text", NULL), "('text', None)");
    check(pb_build(NULL, "z#z#", "text", (size_t)2, NULL, (size_t)2), "('te', None)");
    check(pb_build(NULL, "O", o), "[]");
    check(pb_build(NULL, "N", pb_list()), "[]");
    check(pb_build(NULL, "ON", o, o), "([], [])");
}

PB_TEST(build, brackets)
{
    check(pb_build(NULL, ""), "None");
    check(pb_build(NULL, " , "), "None");
    check(pb_build(NULL, "ii", 1, 2), "(1, 2)");
    check(pb_build(NULL, "i, [ii], {s:i, s:[i]}", 1, 2, 3, "a", 4, "b", 5),
          "(1, [2, 3], {'a': 4, 'b': [5]})");
    check(pb_build(NULL, "(i)", 1), "(1,)");
    check(pb_build(NULL, "((()))"), "(((),),)");
    check(pb_build(NULL, "[]"), "[]");
    check(pb_build(NULL, "{}"), "{}");
    check(pb_build(NULL, "{(ii): {}}", 1, 2), "{(1, 2): {}}");
    check(pb_build(NULL, "{s:i,s:i}", "a", 1, "a", 2), "{'a': 2}");
    cr_assert_eq(pb_build(NULL, "()"), &pb__empty_tuple.node.head);
}

PB_TEST(build, errors)
{
    static const struct {
        const char *format;
        int code;
        uint64_t offset;
        const char *text;
    } rows[] = {
        {"N?", PB_ERR_ARG, 1, "the format has an unknown letter"},
        {"N)", PB_ERR_ARG, 1, "the format closes a bracket that it never opens"},
        {"(N]", PB_ERR_ARG, 2, "the format closes a bracket that it never opens"},
        {"[N", PB_ERR_ARG, 2, "a bracket of the format is never closed"},
        {"{N}", PB_ERR_ARG, 2, "a key of the format has no value"},
        {"{N:i}", PB_ERR_TYPE, 3, "a key of a dict is unhashable"},
        {"((((((((((((((((((((((((((((((((([]N)", PB_ERR_LIMIT, 32,
         "the format is nested deeper than 32"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_error err = {0};
        cr_assert_null(pb_build(&err, rows[i].format, pb_list(), 1));
        cr_assert_eq(err.code, rows[i].code, "%s", rows[i].format);
        cr_assert_eq(err.offset, rows[i].offset, "%s", rows[i].format);
        cr_assert_str_eq(err.text, rows[i].text);
    }
}

PB_TEST(build, null_arguments)
{
    pb_error err = {0};
    cr_assert_null(pb_build(&err, "ON", NULL, pb_list()));
    cr_assert_eq(err.code, PB_ERR_ARG);
    cr_assert_str_eq(err.text, "a value is NULL");
    err = (pb_error){0};
    cr_assert_null(pb_build(&err, "NN", NULL, pb_list()));
    cr_assert_eq(err.code, PB_ERR_ARG);
    static const char *const formats[] = {"sN", "yN"};
    for (size_t i = 0; i < 2; i++) {
        err = (pb_error){0};
        cr_assert_null(pb_build(&err, formats[i], NULL, pb_list()));
        cr_assert_eq(err.code, PB_ERR_ARG);
        cr_assert_str_eq(err.text, "a pointer to text is NULL");
    }
    cr_assert_null(pb_build(NULL, "s#N", NULL, (size_t)1, pb_list()));
}

PB_TEST(build, every_argument_is_taken_after_a_failure)
{
    pb_error err = {0};
    pb_value *o = pb_list();
    cr_assert_null(pb_build(&err, "s(iLdps#y#zO[N]{sN})", "\xff", 1, INT64_C(2), 3.0, 1,
                            "a", (size_t)1, "b", (size_t)1, "c", o, pb_list(), "d",
                            pb_list()));
    cr_assert_eq(err.code, PB_ERR_SYNTAX);
    cr_assert_str_eq(err.text, "text is not UTF-8: byte 0xff at offset 0");
    cr_assert_eq(o->refs, 1);
    pb_value_unref(o);
}

static int make(void *unused)
{
    (void)unused;
    pb_error err = {0};
    pb_value *n = pb_list();
    pb_value *v = pb_build(&err, "{s:[id(Ly#N)],(i):s}", "key", 1, 2.5, INT64_MAX, "b",
                           (size_t)1, n, 7, "text");
    pb_value_unref(v);
    /* A list that could not be made is a NULL argument, and lack of memory to us. */
    return v ? 0 : n ? err.code : PB_ERR_NOMEM;
}

PB_TEST(build, lack_of_memory)
{
    pb__test_each_failure(make, NULL);
}

/* ---- The arguments of a call ---- */

/* The result of pb__build_arguments as "args kwargs"; "" if it refuses the format. */
static int arguments(char *out, size_t size, pb_error *err, const char *format, ...)
{
    pb_value *args = NULL, *kwargs;
    va_list ap;
    va_start(ap, format);
    int e = pb__build_arguments(&args, &kwargs, err, format, ap);
    va_end(ap);
    cr_assert_eq(e != 0, !args);
    cr_assert(!e || !kwargs);
    char *a = args ? pb_value_repr(args) : NULL,
         *k = kwargs ? pb_value_repr(kwargs) : NULL;
    snprintf(out, size, "%s%s%s", a ? a : "", k ? " " : "", k ? k : "");
    pb_free(a);
    pb_free(k);
    pb_value_unref(args);
    pb_value_unref(kwargs);
    return e;
}

PB_TEST(build, arguments)
{
    char got[200];
    pb_value *o = pb_list();
    cr_assert_eq(arguments(got, sizeof got, NULL, ""), 0);
    cr_assert_str_eq(got, "()");
    cr_assert_eq(arguments(got, sizeof got, NULL, "i", 1), 0);
    cr_assert_str_eq(got, "(1,)");
    cr_assert_eq(arguments(got, sizeof got, NULL, "(ii)s", 1, 2, "x"), 0);
    cr_assert_str_eq(got, "((1, 2), 'x')");
    cr_assert_eq(arguments(got, sizeof got, NULL, "s, depth=i, all=p", "/tmp", 2, 1), 0);
    cr_assert_str_eq(got, "('/tmp',) {'depth': 2, 'all': True}");
    cr_assert_eq(arguments(got, sizeof got, NULL, "_i1=[i{s:i}], O=O,N= N,s=s#", 1, "k",
                           2, o, pb_list(), "text", (size_t)2),
                 0);
    cr_assert_str_eq(got, "() {'_i1': [1, {'k': 2}], 'O': [], 'N': [], 's': 'te'}");
    pb_value_unref(o);
}

/* Each takes two ints and a list, which is stolen. */
PB_TEST(build, arguments_refused)
{
    static const struct {
        const char *format, *text;
        uint64_t offset;
    } rows[] = {
        {"i, a=i, N", "a positional argument follows a keyword argument", 8},
        {"a=i, a=i, b=N", "keyword argument repeated: a", 6},
        {"i, a=i, 1b=N", "'1b' is not the name of a keyword argument", 8},
        {"i, a=b=iN", "a keyword argument of the format has no value", 5},
        {"iiN, c=", "a keyword argument of the format has no value", 7},
        {"ii, [c=N]", "the keyword argument 'c' is inside a bracket", 5},
        {"ii, =N", "a '=' of the format has no name before it", 4},
        {"iiN, a-b=i", "the format has an unknown letter", 5},
        {"iiN, a =i", "the format has an unknown letter", 5},
        {"i, a=i, a=N", "keyword argument repeated: a", 9},
        {"i, a=i, b=(N", "a bracket of the format is never closed", 12},
        {"i, a=i, b=N)", "the format closes a bracket that it never opens", 11},
    };
    char got[200];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_error err = {0};
        cr_assert_eq(arguments(got, sizeof got, &err, rows[i].format, 1, 2, pb_list()),
                     PB_ERR_ARG, "%s", rows[i].format);
        cr_assert_eq(err.code, PB_ERR_ARG);
        cr_assert_str_eq(err.text, rows[i].text, "%s: %s", rows[i].format, err.text);
        cr_assert_eq(err.offset, rows[i].offset, "%s: %d", rows[i].format,
                     (int)err.offset);
    }
    pb_error err = {0};
    cr_assert_null(pb_build(&err, "i, a=i", 1, 2));
    cr_assert_eq(err.offset, 3);
    err = (pb_error){0};
    cr_assert_null(pb_build(&err, NULL));
    cr_assert_str_eq(err.text, "the format is NULL");
}

static int make_arguments(void *unused)
{
    (void)unused;
    char got[200];
    pb_value *n = pb_list();
    int e = arguments(got, sizeof got, NULL, "s, a=[id], b=N", "text", 1, 2.5, n);
    return e == PB_ERR_ARG && !n ? PB_ERR_NOMEM : e;
}

PB_TEST(build, arguments_without_memory)
{
    pb__test_each_failure(make_arguments, NULL);
}
