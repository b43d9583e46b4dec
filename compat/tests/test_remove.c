/* SPDX-License-Identifier: MIT
 *
 * Taking out of lists, dicts and sets: order, the index, walks, islands, and values whose
 * end calls back. Random removals are compared with a plain array. */
#include <stdio.h>
#include <string.h>

#include "compat/island.h"
#include "compat/table.h"
#include "tests/support.h"

static pb_value *parse(const char *literal)
{
    pb_value *v = pb_value_parse(literal, NULL);
    cr_assert_not_null(v, "%s", literal);
    return v;
}

static void check(const pb_value *v, const char *repr)
{
    char *got = pb_value_repr(v);
    cr_assert_str_eq(got, repr);
    pb_free(got);
}

PB_TEST(remove, items_of_a_list)
{
    pb_value *l = parse("['a', 'b', 'c', 'd']");
    cr_assert_eq(pb_item_remove(l, 1), 0);
    check(l, "['a', 'c', 'd']");
    cr_assert_eq(pb_item_remove(l, 2), 0);
    cr_assert_eq(pb_item_remove(l, 0), 0);
    cr_assert_eq(pb_item_remove(l, 1), PB_ERR_RANGE);
    check(l, "['c']");
    cr_assert_eq(pb_item_remove(l, 0), 0);
    cr_assert_eq(pb_item_remove(l, 0), PB_ERR_RANGE);
    cr_assert_eq(pb_append_steal(l, pb_int(1)), 0);
    check(l, "[1]");
    pb_value_unref(l);
}

PB_TEST(remove, keys_of_a_dict)
{
    pb_value *d = parse("{'a': 1, b'b': 2, 'b': 3, 4.0: 'four', (1, 2): []}");
    cr_assert_eq(pb_dict_remove(d, "b"), 0);
    check(d, "{'a': 1, b'b': 2, 4.0: 'four', (1, 2): []}");
    cr_assert_eq(pb_dict_remove(d, "b"), 0);
    cr_assert_eq(pb_dict_remove(d, "b"), PB_ERR_RANGE);
    cr_assert_eq(pb_dict_remove_value(d, pb_int(4)), 0);
    pb_value *pair = parse("(True, 2)");
    cr_assert_eq(pb_dict_remove_value(d, pair), 0);
    cr_assert_eq(pb_dict_remove_value(d, pair), PB_ERR_RANGE);
    pb_value_unref(pair);
    check(d, "{'a': 1}");
    cr_assert_eq(pb_dict_remove(d, "a"), 0);
    cr_assert_eq(pb_dict_remove(d, ""), PB_ERR_RANGE);
    check(d, "{}");
    cr_assert_eq(pb_dict_set_steal(d, "again", pb_int(1)), 0);
    check(d, "{'again': 1}");
    pb_value_unref(d);
}

PB_TEST(remove, members_of_a_set)
{
    pb_value *s = parse("{1, 'two', (3,)}");
    pb_value *three = parse("(3,)");
    cr_assert_eq(pb_set_remove(s, three), 0);
    cr_assert_eq(pb_set_remove(s, three), PB_ERR_RANGE);
    cr_assert_eq(pb_set_remove(s, pb_item(s, 0)), 0);
    check(s, "{'two'}");
    pb_value_unref(three);
    pb_value_unref(s);
}

PB_TEST(remove, refused)
{
    pb_value *l = pb_list(), *d = pb_dict(), *s = pb_seq(PB_SET, 0);
    pb_value *tuple = parse("(1, 2)"), *frozen = parse("frozenset({1})");
    cr_assert_eq(pb_item_remove(tuple, 0), PB_ERR_TYPE);
    cr_assert_eq(pb_item_remove(d, 0), PB_ERR_TYPE);
    cr_assert_eq(pb_item_remove(pb_int(1), 0), PB_ERR_TYPE);
    cr_assert_eq(pb_dict_remove(l, "k"), PB_ERR_TYPE);
    cr_assert_eq(pb_dict_remove_value(s, pb_int(1)), PB_ERR_TYPE);
    cr_assert_eq(pb_dict_remove_value(d, l), PB_ERR_TYPE);
    cr_assert_eq(pb_set_remove(frozen, pb_int(1)), PB_ERR_TYPE);
    cr_assert_eq(pb_set_remove(d, pb_int(1)), PB_ERR_TYPE);
    cr_assert_eq(pb_set_remove(s, d), PB_ERR_TYPE);
    cr_assert_eq(pb_item_remove(NULL, 0), PB_ERR_ARG);
    cr_assert_eq(pb_dict_remove(NULL, "k"), PB_ERR_ARG);
    cr_assert_eq(pb_dict_remove(d, NULL), PB_ERR_ARG);
    cr_assert_eq(pb_dict_remove_value(NULL, l), PB_ERR_ARG);
    cr_assert_eq(pb_dict_remove_value(d, NULL), PB_ERR_ARG);
    cr_assert_eq(pb_set_remove(NULL, l), PB_ERR_ARG);
    cr_assert_eq(pb_set_remove(s, NULL), PB_ERR_ARG);
    check(tuple, "(1, 2)");
    check(frozen, "frozenset({1})");
    pb_value *all[] = {l, d, s, tuple, frozen};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        pb_value_unref(all[i]);
    }
}

PB_TEST(remove, while_walking)
{
    for (int n = 5; n < 50; n += 40) {
        pb_value *d = pb_dict();
        for (int i = 0; i < n; i++) {
            pb_dict_set_value_steal(d, pb_int(i), pb_int(i));
        }
        size_t pos = 0;
        int seen = 0;
        pb_value *key, *value;
        while (pb_dict_next(d, &pos, &key, &value)) {
            cr_assert_eq(key, pb_int(seen));
            if (seen % 3 != 1) {
                cr_assert_eq(pb_dict_remove_value(d, key), 0);
                pos--;
            }
            seen++;
        }
        cr_assert_eq(seen, n);
        cr_assert_eq(pb_len(d), (size_t)((n + 1) / 3));
        pos = 0;
        for (int i = 1; i < n; i += 3) {
            cr_assert(pb_dict_next(d, &pos, &key, &value));
            cr_assert_eq(key, pb_int(i));
        }
        pb_value_unref(d);
    }
}

/* The dict's own key, whose last owner the dict is. */
PB_TEST(remove, by_a_key_that_goes_with_it)
{
    for (int more = 0; more < 20; more += 19) {
        pb_value *d = pb_dict();
        for (int i = 0; i < more; i++) {
            pb_dict_set_value_steal(d, pb_int(i), pb_none());
        }
        pb_dict_set_steal(d, "own", pb_str("value"));
        pb_value *key;
        size_t pos = (size_t)more;
        cr_assert(pb_dict_next(d, &pos, &key, NULL));
        cr_assert_eq(pb_dict_remove_value(d, key), 0);
        cr_assert_eq(pb_len(d), (size_t)more);
        pb_value_unref(d);
    }
}

/* A table that had many entries, or a tuple for a key, is searched by an index; it is
 * equal all the same to one that never had. */
PB_TEST(remove, what_is_left_is_equal_to_what_never_was_more)
{
    pb_value *many = pb_dict(), *few = pb_dict();
    for (int i = 0; i < 100; i++) {
        pb_dict_set_value_steal(many, pb_int(i), pb_int(-i));
    }
    for (int i = 99; i > 2; i--) {
        cr_assert_eq(pb_dict_remove_value(many, pb_int(i)), 0);
    }
    for (int i = 0; i < 3; i++) {
        pb_dict_set_value_steal(few, pb_int(i), pb_int(-i));
    }
    cr_assert(pb_value_equal(many, few));
    cr_assert(pb_value_equal(few, many));
    pb_dict_set_value_steal(few, pb_int(1), pb_int(0));
    cr_assert_not(pb_value_equal(many, few));
    cr_assert_not(pb_value_equal(few, many));
    pb_value_unref(many);
    pb_value_unref(few);

    pb_value *set = parse("{(1, 2), 'x', ('y',)}");
    pb_value *frozen = parse("frozenset({'x', ('y',)})");
    pb_value *key = parse("(1, 2)");
    pb_value *plain = parse("{'x', 'y'}");
    cr_assert_eq(pb_set_remove(set, key), 0);
    cr_assert(pb_value_equal(set, frozen));
    cr_assert_not(pb_value_equal(set, plain));
    cr_assert_not(pb_value_equal(plain, set));
    pb_value_unref(key);
    pb_value_unref(plain);
    pb_value_unref(frozen);
    pb_value_unref(set);
}

static uint32_t chance(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Adds and removes at random; the order and each search stay as in a plain array. */
static void check_model(const pb_value *t, const int *model, size_t len, int most)
{
    bool is_set = pb_is(t, PB_SET);
    size_t pos = 0;
    pb_value *key, *value;
    cr_assert_eq(pb_len(t), len);
    for (size_t i = 0; i < len; i++) {
        if (is_set) {
            key = pb_item(t, i);
        } else {
            cr_assert(pb_dict_next(t, &pos, &key, &value));
            cr_assert_eq(value, pb_int(-model[i]));
        }
        cr_assert_eq(key, pb_int(model[i]));
    }
    for (int k = 0; k < most; k++) {
        bool there = false;
        for (size_t i = 0; i < len; i++) {
            there = there || model[i] == k;
        }
        cr_assert_eq(is_set ? pb_set_has(t, pb_int(k))
                            : pb_dict_get_value(t, pb_int(k)) != NULL,
                     there);
    }
}

static void random_run(pb_value *t, uint32_t seed, int most)
{
    int model[64];
    size_t len = 0;
    bool is_set = pb_is(t, PB_SET);
    for (int step = 0; step < 400; step++) {
        int k = (int)(chance(&seed) % (uint32_t)most);
        size_t at = 0;
        while (at < len && model[at] != k) {
            at++;
        }
        int e = is_set ? pb_set_remove(t, pb_int(k)) : pb_dict_remove_value(t, pb_int(k));
        cr_assert_eq(e, at < len ? 0 : PB_ERR_RANGE);
        if (at < len) {
            memmove(model + at, model + at + 1, (--len - at) * sizeof *model);
        } else if (chance(&seed) % 4 != 0) {
            model[len++] = k;
            e = is_set ? pb_append_steal(t, pb_int(k))
                       : pb_dict_set_value_steal(t, pb_int(k), pb_int(-k));
            cr_assert_eq(e, 0);
        }
        check_model(t, model, len, most);
    }
}

PB_TEST(remove, at_random)
{
    for (uint32_t seed = 0; seed < 10; seed++) {
        for (int most = 4; most <= 64; most *= 4) {
            pb_value *d = pb_dict(), *s = pb_seq(PB_SET, 0);
            random_run(d, seed, most);
            random_run(s, seed, most);
            pb_value_unref(d);
            pb_value_unref(s);
        }
    }
}

/* ---- Islands ---- */

static size_t owners(const pb_value *v)
{
    return pb__island_of((const struct pb__node *)v)->refs;
}

PB_TEST(remove, edges_inside_an_island_were_not_counted)
{
    pb_value *l = pb_list(), *d = pb_dict(), *s = pb_seq(PB_SET, 0);
    pb_value *i = pb_instance("m.C", d);
    pb_append(l, d);
    pb_append(l, l);
    pb_dict_set(d, "l", l);
    pb_append(s, i);
    pb_dict_set(d, "s", s);
    cr_assert_eq(pb_value_tie(l, d), 0);
    cr_assert_eq(pb_value_tie(s, d), 0);
    cr_assert_eq(pb_value_tie(i, d), 0);
    cr_assert_eq(owners(l), 4);
    cr_assert_eq(pb_item_remove(l, 1), 0);
    cr_assert_eq(pb_dict_remove(d, "l"), 0);
    cr_assert_eq(pb_set_remove(s, i), 0);
    cr_assert_eq(owners(l), 4);
    pb_value *rest[] = {d, i, s};
    for (size_t r = 0; r < sizeof rest / sizeof *rest; r++) {
        pb_value_unref(rest[r]);
    }
    cr_assert_eq(owners(l), 1);
    cr_assert_eq(pb_item_remove(l, 0), 0);
    cr_assert_eq(pb_len(l), 0);
    pb_value_unref(l);
}

PB_TEST(remove, edges_out_of_an_island_were_counted)
{
    pb_value *d = pb_dict(), *leaf = pb_list();
    pb_value_tie(d, d);
    pb_dict_set(d, "self", d);
    pb_dict_set(d, "leaf", leaf);
    cr_assert_eq(leaf->refs, 2);
    cr_assert_eq(pb_dict_remove(d, "leaf"), 0);
    cr_assert_eq(leaf->refs, 1);
    pb_value_unref(leaf);
    pb_value_unref(d);
}

/* The removed value owned the list that it is removed from. */
PB_TEST(remove, the_last_owner_of_its_holder)
{
    pb_value *d = pb_dict(), *outside = pb_list();
    pb_value_tie(d, d);
    pb_append(outside, d);
    pb_dict_set_steal(d, "owner", outside);
    pb_value_unref(d); /* a cycle that nobody has tied */
    cr_assert_eq(pb_dict_remove(d, "owner"), 0);

    pb_value *l = pb_list(), *owner = pb_list();
    pb_append(owner, l);
    pb_append_steal(l, owner);
    pb_value_unref(l);
    cr_assert_eq(pb_item_remove(l, 0), 0);
}

/* ---- An end that calls back ---- */

/* A PB_OBJECT, as the broker makes them, that does something at its end. */
struct ending {
    struct pb__local local;
    pb_value *container;
    pb_value *other;
};

static void on_release(struct pb__foreign *f)
{
    struct ending *e = (struct ending *)f;
    cr_assert_eq(pb_len(e->container), 1);
    if (pb_is(e->container, PB_DICT)) {
        cr_assert_null(pb_dict_get(e->container, "gone"));
        cr_assert_eq(pb_dict_remove(e->container, "rest"), 0);
    } else {
        cr_assert_eq(pb_item_remove(e->container, 0), 0);
    }
    if (e->other) {
        cr_assert_eq(pb_value_tie(e->container, e->other), 0);
    }
    pb_value_unref(e->container);
}

static void on_destroy(struct pb__foreign *f)
{
    pb__free(f);
}

static pb_value *ending_new(pb_value *container, pb_value *other)
{
    static const struct pb__foreign_ops ops = {
        .release = on_release,
        .destroy = on_destroy,
        .equal = NULL,
    };
    struct ending *e = pb__local_new(sizeof *e, &ops, NULL);
    e->container = container;
    e->other = other;
    return (pb_value *)e;
}

/* The callback takes more out, and gives the container's last owner away. */
PB_TEST(remove, from_a_callback)
{
    pb_value *d = pb_dict();
    pb_dict_set_steal(d, "gone", ending_new(d, NULL));
    pb_dict_set_steal(d, "rest", pb_str("rest"));
    cr_assert_eq(pb_dict_remove(d, "gone"), 0);

    pb_value *l = pb_list();
    pb_append_steal(l, ending_new(l, NULL));
    pb_append_steal(l, pb_str("rest"));
    cr_assert_eq(pb_item_remove(l, 0), 0);
}

static uint64_t by_address(const struct pb__foreign *f)
{
    return (uintptr_t)f;
}

/* The callback of the key's end ties the value, whose edge was counted, to the dict. */
PB_TEST(remove, tied_meanwhile)
{
    static const struct pb__foreign_ops ops = {
        .release = on_release, .destroy = on_destroy, .hash = by_address};
    pb_value *d = pb_dict(), *value = pb_list();
    struct ending *key = pb__local_new(sizeof *key, &ops, NULL);
    key->container = d;
    key->other = value;
    pb_dict_set_value_steal(d, (pb_value *)key, value);
    pb_dict_set_steal(d, "rest", pb_str("rest"));
    cr_assert_eq(pb_dict_remove_value(d, (pb_value *)key), 0);
}

static int all_of_it(void *user_data)
{
    (void)user_data;
    pb_value *d = pb_dict();
    int e = d ? 0 : PB_ERR_NOMEM;
    char key[16];
    for (int i = 0; !e && i < 20; i++) {
        snprintf(key, sizeof key, "key%d", i);
        e = pb_dict_set_steal(d, key, pb_int(i));
    }
    pb_value *tuple = e ? NULL : pb_value_parse("(1, (2, 3))", NULL);
    e = e       ? e
        : tuple ? pb_dict_set_value_steal(d, pb_value_ref(tuple), pb_none())
                : PB_ERR_NOMEM;
    e = e ? e : pb_dict_remove(d, "key7");
    e = e ? e : pb_dict_remove_value(d, tuple);
    pb_value_unref(tuple);
    pb_value_unref(d);
    return e;
}

PB_TEST(remove, without_memory)
{
    pb__test_each_failure(all_of_it, NULL);
}
