/* SPDX-License-Identifier: MIT
 *
 * Copies: what is new, what is shared, and what is the value itself. */
#include "compat/island.h"
#include "compat/table.h"
#include "tests/support.h"

static pb_value *parse(const char *literal)
{
    pb_value *v = pb_value_parse(literal, NULL);
    cr_assert_not_null(v, "%s", literal);
    return v;
}

PB_TEST(copy, containers_are_new_and_share_their_members)
{
    pb_value *l = parse("[1, [2], 'three', 4.5]");
    pb_value *copy = pb_value_copy(l);
    cr_assert_neq(copy, l);
    cr_assert(pb_value_equal(copy, l));
    for (size_t i = 0; i < pb_len(l); i++) {
        cr_assert_eq(pb_item(copy, i), pb_item(l, i));
    }
    pb_append_steal(copy, pb_int(5));
    cr_assert_eq(pb_item_remove(copy, 0), 0);
    cr_assert_eq(pb_len(l), 4);
    cr_assert_eq(pb_item(l, 0), pb_int(1));
    pb_value_unref(l);
    cr_assert_eq(pb_len(copy), 4);
    pb_value_unref(copy);
}

PB_TEST(copy, tables_with_and_without_an_index)
{
    for (int n = 0; n < 100; n = 3 * n + 1) {
        pb_value *d = pb_dict(), *s = pb_seq(PB_SET, 0);
        for (int i = 0; i < n; i++) {
            pb_dict_set_value_steal(d, pb_int(i), pb_float(i));
            pb_append_steal(s, pb_int(i));
        }
        pb_value *d2 = pb_value_copy(d), *s2 = pb_value_copy(s);
        cr_assert(pb_value_equal(d, d2));
        cr_assert(pb_value_equal(s, s2));
        pb_dict_set_value_steal(d2, pb_int(n), pb_none());
        pb_append_steal(s2, pb_int(n));
        cr_assert_eq(pb_len(d), (size_t)n);
        cr_assert_eq(pb_len(d2), (size_t)n + 1);
        cr_assert_not(pb_set_has(s, pb_int(n)));
        cr_assert(pb_set_has(s2, pb_int(n)));
        for (int i = 0; i < n; i++) {
            cr_assert_eq(pb_dict_get_value(d2, pb_int(i)),
                         pb_dict_get_value(d, pb_int(i)));
        }
        pb_value *all[] = {d, s, d2, s2};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
            pb_value_unref(all[i]);
        }
    }
}

/* As copy.copy: a new instance, whose __dict__ is a new one. */
PB_TEST(copy, instances)
{
    pb_value *state = parse("{'a': [1]}");
    pb_value *i = pb_instance("m.C", state);
    pb_value *copy = pb_value_copy(i);
    cr_assert_neq(copy, i);
    cr_assert_str_eq(pb_name_of(copy), "m.C");
    cr_assert_neq(pb_instance_state(copy), state);
    cr_assert_eq(pb_dict_get(pb_instance_state(copy), "a"), pb_dict_get(state, "a"));
    pb_value_unref(copy);
    pb_value_unref(i);
    pb_value_unref(state);

    i = pb_instance_steal("m.C", pb_list());
    copy = pb_value_copy(i);
    cr_assert_eq(pb_instance_state(copy), pb_instance_state(i));
    pb_value_unref(copy);
    pb_value_unref(i);
}

PB_TEST(copy, what_never_changes_is_itself)
{
    static const char *const literals[] = {
        "None",
        "True",
        "5",
        "2.5",
        "'text'",
        "b'bytes'",
        "()",
        "(1, [])",
        "frozenset({1})",
        "datetime.date(2020, 1, 2)",
        "Decimal('1.5')",
        "100000000000000000000000000",
    };
    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++) {
        pb_value *v = parse(literals[i]);
        pb_value *copy = pb_value_copy(v);
        cr_assert_eq(copy, v, "%s", literals[i]);
        pb_value_unref(copy);
        pb_value_unref(v);
    }
    pb_value *c = pb_name(PB_CLASS, "m.C");
    pb_value *copy = pb_value_copy(c);
    cr_assert_eq(copy, c);
    pb_value_unref(copy);
    pb_value_unref(c);
    cr_assert_null(pb_value_copy(NULL));
}

/* The copy stands outside, and owns the island. */
PB_TEST(copy, of_a_tied_container)
{
    pb_value *l = pb_list();
    pb_value_tie(l, l);
    pb_append(l, l);
    pb_append_steal(l, pb_str("leaf"));
    pb_value *copy = pb_value_copy(l);
    cr_assert_null(pb__island_of((struct pb__node *)copy));
    cr_assert_eq(pb__island_of((struct pb__node *)l)->refs, 2);
    pb_value_unref(l);
    cr_assert_eq(pb_item(pb_item(copy, 0), 0), pb_item(copy, 0));
    pb_value_unref(copy);
}

PB_TEST(copy, kinds)
{
    pb_value *l = pb_list();
    cr_assert(pb_is(l, PB_LIST));
    cr_assert_not(pb_is(l, PB_TUPLE));
    cr_assert(pb_is(pb_int(1), PB_INT));
    cr_assert(pb_is(pb_bool(true), PB_BOOL));
    cr_assert_not(pb_is(pb_bool(true), PB_INT));
    cr_assert(pb_is(pb_none(), PB_NONE));
    cr_assert_not(pb_is(NULL, PB_NONE));
    pb_value_unref(l);
}

static int all_kinds(void *user_data)
{
    const char *literal = user_data;
    pb_value *v = pb_value_parse(literal, NULL);
    pb_value *i = v ? pb_instance("m.C", v) : NULL;
    pb_value *copy = i ? pb_value_copy(i) : NULL;
    pb_value *inner = i ? pb_value_copy(v) : NULL;
    int e = copy && inner ? 0 : PB_ERR_NOMEM;
    pb_value_unref(inner);
    pb_value_unref(copy);
    pb_value_unref(i);
    pb_value_unref(v);
    return e;
}

PB_TEST(copy, without_memory)
{
    static char few[] = "{'a': 1}", many[] = "{1: 1, (2, 3): 4}", list[] = "[1, 2]";
    pb__test_each_failure(all_kinds, few);
    pb__test_each_failure(all_kinds, many);
    pb__test_each_failure(all_kinds, list);
}
