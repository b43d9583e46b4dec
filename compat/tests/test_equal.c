/* SPDX-License-Identifier: MIT
 *
 * Python's == and hash on containers, names and references: deep, shared, cyclic. The
 * kinds of number are compared with Python itself, see against_python.py. */
#include "compat/compare.h"
#include "compat/table.h"
#include "tests/support.h"

static pb_value *parse(const char *literal)
{
    pb_value *v = pb_value_parse(literal, NULL);
    cr_assert_not_null(v, "%s", literal);
    return v;
}

static bool equal(const char *left, const char *right)
{
    pb_value *a = parse(left);
    pb_value *b = parse(right);
    bool result = pb_value_equal(a, b);
    cr_assert_eq(result, pb_value_equal(b, a));
    uint64_t x, y;
    if (result && pb__hash(a, &x) == 0 && pb__hash(b, &y) == 0) {
        cr_assert_eq(x, y, "%s, %s", left, right);
    }
    pb_value_unref(a);
    pb_value_unref(b);
    return result;
}

PB_TEST(equal, by_content)
{
    cr_assert(equal("[1, (2.0, 'x'), {b'y': None}]", "[True, (2, 'x'), {b'y': None}]"));
    cr_assert(equal("{1: 2, 3: 4}", "{3: 4, 1: 2}"));
    cr_assert(equal("{1, 2, 3}", "frozenset({3, 2, 1})"));
    cr_assert(equal("frozenset({frozenset({1, (2,)}), 5})",
                    "frozenset({5, frozenset({(2,), 1})})"));
    cr_assert_not(equal("[1]", "(1,)"));
    cr_assert_not(equal("[1]", "[1, 2]"));
    cr_assert_not(equal("{1: 2}", "{1: 3}"));
    cr_assert_not(equal("{1: 2}", "{2: 2}"));
    cr_assert_not(equal("{1}", "{1: 1}"));
    cr_assert_not(equal("'a'", "b'a'"));
    cr_assert_not(equal("None", "False"));
    cr_assert_not(equal("{(1,): 1}", "{1: 1}"));
    cr_assert_not(equal("0", "''"));
}

/* A peer must not be able to tell which keys of a dict have the same hash. */
PB_TEST(equal, texts_of_different_kinds_hash_differently)
{
    static const char *const literals[] = {
        "'a'", "b'a'", "('a',)", "(b'a',)", "frozenset({'a'})", "frozenset({b'a'})"};
    uint64_t hashes[6];
    for (size_t i = 0; i < 6; i++) {
        pb_value *v = parse(literals[i]);
        cr_assert_eq(pb__hash(v, &hashes[i]), 0);
        pb_value_unref(v);
        for (size_t k = 0; k < i; k++) {
            cr_assert_neq(hashes[i], hashes[k], "%s, %s", literals[i], literals[k]);
        }
    }
}

PB_TEST(equal, nan)
{
    pb_value *nan = pb_float(__builtin_nan(""));
    cr_assert_not(pb_value_equal(nan, nan));
    pb_value *a = pb_list();
    pb_value *b = pb_list();
    pb_append(a, nan);
    pb_append(b, nan);
    cr_assert(pb_value_equal(a, a));
    cr_assert(pb_value_equal(a, b));
    pb_append_steal(a, pb_float(__builtin_nan("")));
    pb_append_steal(b, pb_float(__builtin_nan("")));
    cr_assert_not(pb_value_equal(a, b));
    pb_value_unref(a);
    pb_value_unref(b);
    pb_value_unref(nan);
    cr_assert_not(equal("Decimal('NaN')", "Decimal('NaN')"));
}

PB_TEST(equal, times)
{
    cr_assert(equal("datetime.datetime(2020, 1, 2, 3, 4)",
                    "datetime.datetime(2020, 1, 2, 3, 4, 0)"));
    cr_assert_not(
        equal("datetime.datetime(2020, 1, 2, 0, 0)", "datetime.date(2020, 1, 2)"));
    cr_assert_not(equal("datetime.time(1, 2, 3, 4)", "datetime.time(1, 2, 3, 5)"));
    cr_assert(equal("datetime.timedelta(1)", "datetime.timedelta(seconds=86400)"));
}

PB_TEST(equal, names)
{
    pb_value *a = pb_name(PB_CLASS, "m.C");
    pb_value *b = pb_name(PB_CLASS, "m.C");
    pb_value *f = pb_name(PB_FUNCTION, "m.C");
    uint64_t x, y;
    cr_assert(pb_value_equal(a, b));
    cr_assert_not(pb_value_equal(a, f));
    cr_assert_eq(pb__hash(a, &x), 0);
    cr_assert_eq(pb__hash(b, &y), 0);
    cr_assert_eq(x, y);
    pb_value *self = pb_instance("m.C", pb_none());
    pb_value *twin = pb_instance("m.C", pb_none());
    cr_assert_not(pb_value_equal(self, twin));
    cr_assert(pb_value_equal(self, self));
    pb_value *m = pb_method_steal("run", pb_value_ref(self), a);
    pb_value *n = pb_method_steal("run", pb_value_ref(self), b);
    pb_value *o = pb_method_steal("run", pb_value_ref(twin), pb_value_ref(b));
    pb_value *p = pb_method_steal("ran", pb_value_ref(self), pb_value_ref(b));
    cr_assert(pb_value_equal(m, n));
    cr_assert_not(pb_value_equal(m, o));
    cr_assert_not(pb_value_equal(m, p));
    pb_value *q = pb_method_steal("run", pb_value_ref(self), pb_name(PB_CLASS, "m.D"));
    cr_assert_not(pb_value_equal(m, q));
    cr_assert_eq(pb__hash(m, &x), 0);
    cr_assert_eq(pb__hash(q, &y), 0);
    cr_assert_neq(x, y, "a peer could choose methods whose hashes are the same");
    pb_value_unref(q);
    cr_assert_eq(pb__hash(m, &x), 0);
    cr_assert_eq(pb__hash(n, &y), 0);
    cr_assert_eq(x, y);
    cr_assert_eq(pb__hash(self, &x), 0);
    cr_assert_eq(pb__hash(twin, &y), 0);
    cr_assert_neq(x, y);
    pb_value *all[] = {f, self, twin, m, n, o, p};
    for (size_t i = 0; i < 7; i++) {
        pb_value_unref(all[i]);
    }
}

struct number {
    struct pb__foreign foreign;
    int n;
};

static bool numbers_equal(const struct pb__foreign *a, const struct pb__foreign *b)
{
    return ((const struct number *)a)->n == ((const struct number *)b)->n;
}

static uint64_t number_hash(const struct pb__foreign *f)
{
    return (uint64_t)((const struct number *)f)->n;
}

PB_TEST(equal, references)
{
    static const struct pb__foreign_ops ops = {.equal = numbers_equal,
                                               .hash = number_hash};
    static const struct pb__foreign_ops others = {.equal = numbers_equal,
                                                  .hash = number_hash};
    struct number a = {{{{.refs = 1, .kind = PB_REMOTE}, NULL}, &ops}, 1};
    struct number b = {{{{.refs = 1, .kind = PB_REMOTE}, NULL}, &ops}, 1};
    struct number c = {{{{.refs = 1, .kind = PB_REMOTE}, NULL}, &ops}, 2};
    struct number d = {{{{.refs = 1, .kind = PB_REMOTE}, NULL}, &others}, 1};
    cr_assert(pb_value_equal(&a.foreign.node.head, &b.foreign.node.head));
    cr_assert_not(pb_value_equal(&a.foreign.node.head, &c.foreign.node.head));
    cr_assert_not(pb_value_equal(&a.foreign.node.head, &d.foreign.node.head));
    uint64_t x, y, z;
    cr_assert_eq(pb__hash(&a.foreign.node.head, &x), 0);
    cr_assert_eq(pb__hash(&b.foreign.node.head, &y), 0);
    cr_assert_eq(pb__hash(&c.foreign.node.head, &z), 0);
    cr_assert_eq(x, y);
    cr_assert_neq(x, z);
}

static pb_value *deep(pb_kind kind, pb_value *v)
{
    for (int i = 0; i < 100000; i++) {
        pb_value *outer = pb_seq(kind, 1);
        cr_assert_eq(pb_append_steal(outer, v), 0);
        v = outer;
    }
    return v;
}

PB_TEST(equal, deep_ones)
{
    static const pb_kind kinds[] = {PB_LIST, PB_TUPLE, PB_FROZENSET};
    for (size_t i = 0; i < 3; i++) {
        pb_value *a = deep(kinds[i], pb_int(1));
        pb_value *b = deep(kinds[i], pb_int(1));
        pb_value *c = deep(kinds[i], pb_int(2));
        cr_assert(pb_value_equal(a, b));
        cr_assert_not(pb_value_equal(a, c));
        uint64_t x, y;
        int e = pb__hash(a, &x);
        cr_assert_eq(e, kinds[i] == PB_LIST ? PB_ERR_TYPE : 0);
        if (e == 0) {
            cr_assert_eq(pb__hash(b, &y), 0);
            cr_assert_eq(x, y);
        }
        pb_value_unref(a);
        pb_value_unref(b);
        pb_value_unref(c);
    }
    pb_value *d = pb_dict();
    pb_value *t = deep(PB_TUPLE, pb_list());
    cr_assert_eq(pb_dict_set_value_steal(d, t, pb_none()), PB_ERR_TYPE);
    pb_value_unref(d);
}

/* Shared lists that stand for 2 ** 60 values take 60 comparisons. */
PB_TEST(equal, shared_ones)
{
    static const pb_kind kinds[] = {PB_LIST, PB_TUPLE, PB_FROZENSET};
    for (size_t k = 0; k < 3; k++) {
        pb_value *two[2];
        for (int which = 0; which < 2; which++) {
            pb_value *v = pb_seq(kinds[k] == PB_LIST ? PB_LIST : PB_TUPLE, 0);
            for (int i = 0; i < 60; i++) {
                pb_value *outer = pb_seq(kinds[k], 2);
                pb_append(outer, v);
                if (kinds[k] == PB_FROZENSET) {
                    pb_value *twin = pb_seq(PB_TUPLE, 1);
                    pb_append(twin, v);
                    pb_append_steal(outer, twin);
                    pb_value_unref(v);
                } else {
                    pb_append_steal(outer, v);
                }
                v = outer;
            }
            two[which] = v;
        }
        cr_assert(pb_value_equal(two[0], two[1]));
        uint64_t x, y;
        if (kinds[k] != PB_LIST) {
            cr_assert_eq(pb__hash(two[0], &x), 0);
            cr_assert_eq(pb__hash(two[1], &y), 0);
            cr_assert_eq(x, y);
        }
        pb_value_unref(two[0]);
        pb_value_unref(two[1]);
    }
}

/* A cycle of n lists, each [next, end]. */
static pb_value *ring(int n, pb_value *end)
{
    pb_value *first = pb_list();
    pb_value *last = first;
    for (int i = 1; i < n; i++) {
        pb_value *l = pb_list();
        pb_value_tie(last, l);
        pb_append(last, l);
        pb_append(last, end);
        if (last != first) {
            pb_value_unref(last);
        }
        last = l;
    }
    pb_value_tie(last, first);
    pb_append(last, first);
    pb_append(last, end);
    if (last != first) {
        pb_value_unref(last);
    }
    return first;
}

PB_TEST(equal, cyclic_ones)
{
    for (int n = 1; n < 6; n++) {
        for (int m = 1; m < 6; m++) {
            pb_value *a = ring(n, pb_int(1));
            pb_value *b = ring(m, pb_int(1));
            pb_value *c = ring(m, pb_int(2));
            cr_assert(pb_value_equal(a, b));
            cr_assert_not(pb_value_equal(a, c));
            pb_value_unref(a);
            pb_value_unref(b);
            pb_value_unref(c);
        }
    }
    pb_value *a = ring(997, pb_none());
    pb_value *b = ring(1009, pb_none());
    cr_assert(pb_value_equal(a, b));
    pb_value_unref(a);
    pb_value_unref(b);
}

PB_TEST(equal, cycle_that_nobody_tied)
{
    pb_value *a = pb_list();
    pb_value *b = pb_list();
    pb_append(a, a);
    pb_append(b, b);
    cr_assert(pb_value_equal(a, b));
    pb_value_tie(a, a);
    pb_value_tie(b, b);
    pb_value_unref(a);
    pb_value_unref(b);
}

PB_TEST(equal, tuple_in_itself_has_no_hash)
{
    pb_value *t = pb_seq(PB_TUPLE, 1);
    pb_value *inner = pb_seq(PB_TUPLE, 1);
    pb_value_tie(t, inner);
    pb_append(t, inner);
    pb_append(inner, t);
    uint64_t h;
    cr_assert_eq(pb__hash(t, &h), PB_ERR_TYPE);
    cr_assert_eq(pb__hash(inner, &h), PB_ERR_TYPE);
    pb_value_unref(t);
    pb_value_unref(inner);
}

/* Gives all keys of a table the same hash, so that each is a candidate for each. */
static void make_collide(pb_value *v)
{
    struct pb__table *t = (struct pb__table *)v;
    for (uint32_t i = 0; i <= t->index->mask; i++) {
        t->index->slots[i] = (struct pb__index_slot){0, i < t->len ? i + 1 : 0};
    }
}

static pb_value *pair(pb_value *first)
{
    pb_value *t = pb_seq(PB_TUPLE, 2);
    pb_append(t, first);
    pb_append(t, pb_int(0));
    return t;
}

/* Pairs that were assumed equal for a candidate that then differs are forgotten: else one
 * and two would count as equal afterwards. */
PB_TEST(equal, candidates_that_differ)
{
    pb_value *one = parse("(1,)");
    pb_value *one_again = parse("(1,)");
    pb_value *two = parse("(2,)");
    pb_value *a = pb_dict();
    pb_value *b = pb_dict();
    pb_dict_set_value_steal(a, pair(one), pb_value_ref(one));
    pb_dict_set_value_steal(a, pair(two), pb_int(0));
    pb_dict_set_value_steal(b, pair(two), pb_int(0));
    pb_dict_set_value_steal(b, pair(one_again), pb_value_ref(two));
    make_collide(a);
    make_collide(b);
    cr_assert_not(pb_value_equal(a, b));
    cr_assert_not(pb_value_equal(b, a));
    pb_value *c = pb_dict();
    pb_dict_set_value_steal(c, pair(two), pb_int(0));
    pb_dict_set_value_steal(c, pair(one_again), pb_value_ref(one_again));
    make_collide(c);
    cr_assert(pb_value_equal(a, c));
    cr_assert(pb_value_equal(c, a));
    pb_value *all[] = {one, one_again, two, a, b, c};
    for (size_t i = 0; i < 6; i++) {
        pb_value_unref(all[i]);
    }
}

static int leaves_compared;

static bool leaves_equal(const struct pb__foreign *a, const struct pb__foreign *b)
{
    leaves_compared++;
    return ((const struct number *)a)->n == ((const struct number *)b)->n;
}

static pb_value *colliding_set(pb_value *first, pb_value *second)
{
    pb_value *set = pb_seq(PB_FROZENSET, 2);
    pb_append_steal(set, first);
    pb_append_steal(set, second);
    make_collide(set);
    return set;
}

/* Two frozensets that differ, nested so deep, whose keys all have the same hash. */
static void colliding_sets(struct number *leaves, int depth, pb_value *out[2])
{
    for (int i = 0; i < 2; i++) {
        out[i] = &leaves[i].foreign.node.head;
    }
    for (int i = 0; i < depth; i++) {
        pb_value *p = out[0], *q = out[1];
        out[0] =
            colliding_set(pb_build(NULL, "(Oi)", p, 1), pb_build(NULL, "(Oi)", q, 2));
        out[1] =
            colliding_set(pb_build(NULL, "(Oi)", p, 2), pb_build(NULL, "(Oi)", q, 1));
        pb_value_unref(p);
        pb_value_unref(q);
    }
}

/* Each pair of keys is compared once, however often it is met: else the work would grow
 * by a factor with each level. */
PB_TEST(equal, keys_that_collide_and_differ)
{
    static const struct pb__foreign_ops ops = {.equal = leaves_equal,
                                               .hash = number_hash};
    enum { DEPTH = 40 };
    struct number leaves[4];
    for (int i = 0; i < 4; i++) {
        leaves[i] = (struct number){
            {{{.refs = PB__IMMORTAL, .kind = PB_REMOTE}, NULL}, &ops}, i % 2};
    }
    pb_value *a[2], *b[2];
    colliding_sets(leaves, DEPTH, a);
    colliding_sets(leaves + 2, DEPTH, b);
    cr_assert(pb_value_equal(a[0], b[0]));
    cr_assert_not(pb_value_equal(a[0], b[1]));
    cr_assert_not(pb_value_equal(a[1], b[0]));
    cr_assert_lt(leaves_compared, 100 * DEPTH);
    for (int i = 0; i < 2; i++) {
        pb_value_unref(a[i]);
        pb_value_unref(b[i]);
    }
}

static int compare(void *literals)
{
    const char **two = (const char **)literals;
    pb_error err = {0};
    pb_value *a = pb_value_parse(two[0], &err);
    pb_value *b = a ? pb_value_parse(two[1], &err) : NULL;
    int e = err.code;
    if (b) {
        pb_value *held = pb_value_ref(a); /* shared: what is assumed is kept */
        e = pb__equal(a, b);
        cr_assert_neq(e, 0);
        e = e == 1 ? 0 : e;
        uint64_t h;
        e = e ? e : pb__hash(a, &h);
        pb_value_unref(held);
    }
    pb_value_unref(a);
    pb_value_unref(b);
    return e;
}

PB_TEST(equal, lack_of_memory)
{
    const char *two[] = {
        "((1, ((2,), 3)), frozenset({(4,), 5, 6, 7, 8, 9, 10, 11, 12}))",
        "((1, ((2,), 3)), frozenset({5, (4,), 6, 7, 8, 9, 10, 11, 12}))"};
    pb__test_each_failure(compare, two);
}

PB_TEST(equal, without_memory_is_false)
{
    pb_value *a = parse("[[1]]");
    pb_value *b = parse("[[1]]");
    pb__test_fail_at(1, true);
    cr_assert_not(pb_value_equal(a, b));
    pb__test_fail_at(0, false);
    cr_assert(pb_value_equal(a, b));
    pb_value_unref(a);
    pb_value_unref(b);
}
