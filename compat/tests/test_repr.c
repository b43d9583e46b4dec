/* SPDX-License-Identifier: MIT
 *
 * Python's repr: what has no literal, what is in itself, what is deep. The rest is
 * compared with Python, see against_python.py. */
#include "compat/repr.h"

#include <stdio.h>

#include "tests/support.h"

static void check(pb_value *v, const char *text)
{
    char *repr = pb_value_repr(v);
    cr_assert_str_eq(repr, text);
    pb_free(repr);
}

static void check_literal(const char *literal, const char *text)
{
    pb_value *v = pb_value_parse(literal, NULL);
    cr_assert_not_null(v, "%s", literal);
    check(v, text);
    pb_value_unref(v);
}

PB_TEST(repr, literals)
{
    static const char *const rows[] = {
        "None",
        "True",
        "-12",
        "1.5",
        "nan",
        "-inf",
        "'text'",
        "\"it's\"",
        "'\"it\\'s\"'",
        "b'\\x00\\xff\\t\\\\'",
        "'\\x00\\x1f\\x7f\\n\\r\\t\\\\'",
        "'\\x80\\xa0\\xad\\u2028\\ud7ff\\U000e0001\\U0010ffff'",
        "'\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80'",
        "[]",
        "[1, [2]]",
        "()",
        "(1,)",
        "(1, 2)",
        "{}",
        "{1: 2, 'a': [3]}",
        "set()",
        "{1, 2}",
        "frozenset()",
        "frozenset({1, 2})",
        "datetime.datetime(2020, 1, 2, 3, 4)",
        "datetime.datetime(2020, 1, 2, 3, 4, 5)",
        "datetime.datetime(2020, 1, 2, 3, 4, 0, 6)",
        "datetime.date(1, 1, 1)",
        "datetime.time(0, 0)",
        "datetime.time(0, 0, 0, 1)",
        "datetime.timedelta(0)",
        "datetime.timedelta(days=1, seconds=2)",
        "datetime.timedelta(days=-1, microseconds=3)",
        "Decimal('1.50')",
        "Decimal('-Infinity')",
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        check_literal(rows[i], rows[i]);
    }
}

PB_TEST(repr, names)
{
    static const struct {
        pb_kind kind;
        const char *text;
    } rows[] = {{PB_CLASS, "<class 'm.C'>"},
                {PB_MODULE, "<module 'm.C'>"},
                {PB_FUNCTION, "<function m.C>"}};
    for (size_t i = 0; i < 3; i++) {
        pb_value *v = pb_name(rows[i].kind, "m.C");
        check(v, rows[i].text);
        pb_value_unref(v);
    }
    pb_value *v = pb_unpersistable("it's");
    check(v, "Unpersistable(\"it's\")");
    pb_value_unref(v);
    v = pb_instance_steal("m.C", pb_value_parse("{'a': 1}", NULL));
    check(v, "<m.C {'a': 1}>");
    v = pb_method_steal("run", v, pb_name(PB_CLASS, "m.C"));
    check(v, "<bound method m.C.run of <m.C {'a': 1}>>");
    v = pb_method_steal("run", v, pb_none());
    check(v, "<bound method run of <bound method m.C.run of <m.C {'a': 1}>>>");
    pb_value_unref(v);
}

static int print_five(const struct pb__foreign *f, char *out, size_t size)
{
    (void)f;
    return snprintf(out, size, "<RemoteReference %d>", 5);
}

PB_TEST(repr, references)
{
    static const struct pb__foreign_ops ops = {.repr = print_five};
    struct pb__foreign f = {{{.refs = 2, .kind = PB_REMOTE}, NULL}, &ops};
    pb_value *l = pb_list();
    pb_append_steal(l, &f.node.head);
    check(l, "[<RemoteReference 5>]");
    pb_value_unref(l);
}

static int print_copy(const struct pb__foreign *f, char *out, size_t size)
{
    (void)f;
    return snprintf(out, size, "<RemoteCopy Duck>");
}

static void free_local(struct pb__foreign *f)
{
    pb__free(f);
}

PB_TEST(repr, objects_with_what_they_hold)
{
    static const struct pb__foreign_ops ops = {.repr = print_copy, .destroy = free_local};
    pb_value *bare = pb__local_new(sizeof(struct pb__local), &ops, NULL);
    check(bare, "<RemoteCopy Duck>");
    pb_value *state = pb_list();
    pb_value *v = pb__local_new(sizeof(struct pb__local), &ops, state);
    check(v, "<RemoteCopy Duck []>");
    pb_append_steal(state, pb_int(1));
    check(v, "<RemoteCopy Duck [1]>");
    cr_assert_eq(pb_value_tie(v, state), 0);
    pb_append(state, v);
    check(v, "<RemoteCopy Duck [1, <...>]>");
    pb_value_unref(v);
    pb_value_unref(bare);
}

PB_TEST(repr, in_itself)
{
    static const struct {
        pb_kind kind;
        const char *text;
    } rows[] = {{PB_LIST, "[[...]]"}, {PB_TUPLE, "((...),)"}};
    for (size_t i = 0; i < 2; i++) {
        pb_value *v = pb_seq(rows[i].kind, 1);
        pb_value_tie(v, v);
        pb_append(v, v);
        check(v, i == 0 ? "[[...]]" : "((...),)");
        pb_value_unref(v);
    }
    pb_value *d = pb_dict();
    pb_value_tie(d, d);
    pb_dict_set(d, "me", d);
    pb_value *twice = pb_list();
    pb_append(twice, d);
    pb_append(twice, d);
    check(twice, "[{'me': {...}}, {'me': {...}}]");
    pb_value_unref(twice);
    pb_value *i = pb_instance("m.C", d);
    pb_value_tie(i, d);
    pb_dict_set(d, "me", i);
    check(i, "<m.C {'me': <...>}>");
    pb_value *m = pb_method_steal("run", i, pb_none());
    pb_value_tie(m, d);
    pb_dict_set(d, "me", m);
    check(m, "<bound method run of <m.C {'me': <bound method ...>}>>");
    pb_value_unref(m);
    pb_value_unref(d);
    pb_value *s = pb_seq(PB_SET, 1);
    i = pb_instance("m.C", s);
    pb_value_tie(i, s);
    pb_append(s, i);
    check(s, "{<m.C set(...)>}");
    pb_value_unref(i);
    pb_value_unref(s);
    s = pb_seq(PB_FROZENSET, 1);
    i = pb_instance_steal("m.C", pb_none());
    pb_append(s, i);
    check(s, "frozenset({<m.C None>})");
    pb_value_unref(i);
    pb_value_unref(s);
}

PB_TEST(repr, deep)
{
    pb_value *v = pb_list();
    for (int i = 1; i < 100000; i++) {
        pb_value *outer = pb_list();
        pb_append_steal(outer, v);
        v = outer;
    }
    char *repr = pb_value_repr(v);
    cr_assert_eq(strlen(repr), 200000);
    pb_free(repr);
    pb_value_unref(v);
}

/* Shared lists that stand for 2 ** 60 lists are not printed. */
/* A list of lists of lists, `depth` of them, each of which holds the next one twice. */
static pb_value *doubled(pb_value *v, int depth)
{
    for (int i = 0; i < depth; i++) {
        pb_value *outer = pb_list();
        pb_append(outer, v);
        pb_append_steal(outer, v);
        v = outer;
    }
    return v;
}

/* Prints v, which is stolen, and checks that the text is cut, and how long it is. */
static void check_cut(pb_value *v, size_t least, size_t most)
{
    char *repr = pb_value_repr(v);
    size_t len = strlen(repr);
    cr_assert_str_eq(repr + len - 3, "...");
    cr_assert_geq(len, least);
    cr_assert_leq(len, most);
    pb_free(repr);
    pb_value_unref(v);
}

PB_TEST(repr, endless)
{
    check_cut(doubled(pb_int(1), 60), 65536, 70000);
    char text[1001] = {0};
    memset(text, 'x', 1000);
    check_cut(doubled(pb_str(text), 60), 65536, 70000);
    pb_value *v = pb_list(), *shared = pb_str(text);
    for (int i = 0; i < 10000; i++) {
        pb_append(v, shared);
    }
    pb_value_unref(shared);
    check_cut(v, 65536, 70000 * 16);
}

/* A value that occurs often prints each time, if the whole stays in proportion. */
PB_TEST(repr, shared_in_proportion)
{
    char text[10001] = {0};
    memset(text, 'x', 10000);
    pb_value *v = doubled(pb_str(text), 4);
    char *repr = pb_value_repr(v);
    cr_assert_eq(strlen(repr), 16 * 10002 + 15 * 4);
    pb_free(repr);
    pb_value_unref(v);
}

/* For a log or an error there is less. */
PB_TEST(repr, shown)
{
    pb_value *v = doubled(pb_int(1), 60);
    char *repr = pb__repr_shown(v);
    cr_assert_eq(strlen(repr), PB__SHOWN + 3);
    pb_free(repr);
    pb_value_unref(v);
}

PB_TEST(repr, not_filled_yet)
{
    struct pb__seq *s = pb__seq_new(NULL, PB_LIST, 1);
    s->items[s->len++] = NULL;
    check(&s->node.head, "[<nothing yet>]");
    pb_value_unref(&s->node.head);
}

static int print(void *literal)
{
    pb_error err = {0};
    pb_value *v = pb_value_parse(literal, &err);
    if (!v) {
        return err.code;
    }
    pb_value *held = pb_value_ref(v); /* shared: kept in a map while it is open */
    char *repr = pb_value_repr(v);
    cr_assert(!repr || strcmp(repr, literal) == 0);
    int e = repr ? 0 : PB_ERR_NOMEM;
    pb_free(repr);
    pb_value_unref(v);
    pb_value_unref(held);
    return e;
}

PB_TEST(repr, lack_of_memory)
{
    char literal[] = "[1, (2.5,), {'a\\n': b'b'}, {3}, frozenset({4}), Decimal('1.5'), "
                     "datetime.timedelta(days=1, seconds=1), datetime.time(1, 2), set()]";
    pb__test_each_failure(print, literal);
}
