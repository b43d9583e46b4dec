/* SPDX-License-Identifier: MIT
 *
 * Dicts and sets: order, equal keys, few entries and many, keys of all kinds. */
#include <stdio.h>

#include "compat/compare.h"
#include "compat/table.h"
#include "tests/support.h"

static pb_value *parse(const char *literal)
{
    pb_value *v = pb_value_parse(literal, NULL);
    cr_assert_not_null(v, "%s", literal);
    return v;
}

PB_TEST(table, dict_keeps_its_order)
{
    pb_value *d = pb_dict();
    char key[16];
    for (int i = 0; i < 3000; i++) {
        snprintf(key, sizeof key, "key%d", i * 7919 % 3000);
        cr_assert_eq(pb_dict_set(d, key, pb_int(i)), 0);
        cr_assert_eq(pb_len(d), (size_t)i + 1);
    }
    size_t pos = 0;
    pb_value *k, *v;
    for (int i = 0; i < 3000; i++) {
        cr_assert(pb_dict_next(d, &pos, &k, &v));
        cr_assert_eq(v, pb_int(i));
        snprintf(key, sizeof key, "key%d", i * 7919 % 3000);
        cr_assert_eq(pb_dict_get(d, key), v);
        cr_assert_eq(pb_dict_get_value(d, k), v);
    }
    cr_assert_not(pb_dict_next(d, &pos, &k, &v));
    cr_assert_null(pb_dict_get(d, "key3000"));
    cr_assert_null(pb_dict_get(d, ""));
    pb_value_unref(d);
}

PB_TEST(table, equal_key_keeps_place_and_spelling)
{
    for (int more = 0; more < 20; more += 19) {
        pb_value *d = pb_dict();
        pb_dict_set_value_steal(d, pb_int(1), pb_str("one"));
        pb_dict_set_value_steal(d, pb_int(2), pb_str("two"));
        for (int i = 0; i < more; i++) {
            pb_dict_set_value_steal(d, pb_int(100 + i), pb_int(0));
        }
        cr_assert_eq(pb_dict_set_value_steal(d, pb_float(1.0), pb_str("again")), 0);
        cr_assert_eq(pb_dict_set_value_steal(d, pb_bool(true), pb_str("and again")), 0);
        cr_assert_eq(pb_dict_set_value_steal(d, pb_decimal("1.00", NULL), pb_str("last")),
                     0);
        cr_assert_eq(pb_len(d), 2 + (size_t)more);
        size_t pos = 0;
        pb_value *k, *v;
        pb_dict_next(d, &pos, &k, &v);
        cr_assert_eq(k, pb_int(1));
        char *repr = pb_value_repr(v);
        cr_assert_str_eq(repr, "'last'");
        pb_free(repr);
        pb_value_unref(d);
    }
}

PB_TEST(table, text_keys_are_str_or_bytes)
{
    for (int more = 0; more < 20; more += 19) {
        pb_value *d = pb_dict();
        for (int i = 0; i < more; i++) {
            pb_dict_set_value_steal(d, pb_int(i), pb_int(0));
        }
        pb_dict_set_value_steal(d, pb_bytes((pb_span){(const uint8_t *)"a", 1}),
                                pb_int(1));
        pb_dict_set_value_steal(d, pb_bytes((pb_span){(const uint8_t *)"b", 1}),
                                pb_int(2));
        pb_dict_set(d, "b", pb_int(3));
        cr_assert_eq(pb_len(d), 3 + (size_t)more);
        cr_assert_eq(pb_dict_get(d, "a"), pb_int(1));
        cr_assert_eq(pb_dict_get(d, "b"), pb_int(3));
        cr_assert_null(pb_dict_get(d, "c"));
        pb_value_unref(d);
    }
}

PB_TEST(table, refused)
{
    static const char *const unhashable[] = {"[]",      "{}",          "set()",
                                             "(1, [])", "((), ({},))", "Decimal('sNaN')"};
    for (int more = 0; more < 20; more += 19) {
        pb_value *d = pb_dict();
        pb_value *s = pb_seq(PB_SET, 0);
        for (int i = 0; i < more; i++) {
            pb_dict_set_value_steal(d, pb_int(i), pb_int(i));
            pb_append(s, pb_int(i));
        }
        for (size_t i = 0; i < sizeof unhashable / sizeof *unhashable; i++) {
            pb_value *key = parse(unhashable[i]);
            cr_assert_eq(pb_dict_set_value_steal(d, pb_value_ref(key), pb_str("v")),
                         PB_ERR_TYPE);
            cr_assert_eq(pb_append(s, key), PB_ERR_TYPE);
            cr_assert_null(pb_dict_get_value(d, key));
            cr_assert_not(pb_set_has(s, key));
            pb_value_unref(key);
        }
        cr_assert_eq(pb_len(d), (size_t)more);
        pb_value_unref(s);
        pb_value_unref(d);
    }
    pb_value *l = pb_list();
    cr_assert_eq(pb_dict_set_value_steal(l, pb_str("k"), pb_str("v")), PB_ERR_TYPE);
    cr_assert_eq(pb_dict_set(pb_int(1), "k", l), PB_ERR_TYPE);
    pb_value *d = pb_dict();
    cr_assert_eq(pb_dict_set_value_steal(d, NULL, pb_str("v")), PB_ERR_ARG);
    cr_assert_eq(pb_dict_set_value_steal(d, pb_str("k"), NULL), PB_ERR_ARG);
    cr_assert_eq(pb_dict_set(d, "k", NULL), PB_ERR_ARG);
    cr_assert_eq(pb_dict_set(d, "\xff", pb_none()), PB_ERR_SYNTAX);
    cr_assert_null(pb_dict_get(l, "k"));
    cr_assert_null(pb_dict_get_value(l, pb_int(1)));
    cr_assert_not(pb_set_has(l, pb_int(1)));
    size_t pos = 0;
    pb_value *k, *v;
    cr_assert_not(pb_dict_next(l, &pos, &k, &v));
    pb_value_unref(l);
    pb_value_unref(d);
}

PB_TEST(table, sets)
{
    pb_value *s = pb_seq(PB_SET, 0);
    for (int i = 0; i < 50; i++) {
        cr_assert_eq(pb_append_steal(s, pb_int(i % 25)), 0);
        cr_assert_eq(pb_append_steal(s, pb_float(i % 25)), 0);
    }
    cr_assert_eq(pb_len(s), 25);
    for (int i = 0; i < 25; i++) {
        cr_assert_eq(pb_item(s, (size_t)i), pb_int(i));
        pb_value *f = pb_float(i);
        cr_assert(pb_set_has(s, f));
        pb_value_unref(f);
    }
    cr_assert_not(pb_set_has(s, pb_int(25)));
    pb_value_unref(s);
}

PB_TEST(table, compound_keys)
{
    pb_value *d = parse("{(1, 2): 'a', frozenset({(3,), 4}): 'b', (): 'c', 5: 'd'}");
    static const char *const keys[] = {"(1.0, 2)", "frozenset({4, (3,)})", "()", "5"};
    for (size_t i = 0; i < 4; i++) {
        pb_value *k = parse(keys[i]);
        pb_span text = {0};
        cr_assert_not_null(pb_dict_get_value(d, k), "%s", keys[i]);
        pb_as_text(pb_dict_get_value(d, k), &text);
        cr_assert_eq(text.data[0], 'a' + i);
        pb_value_unref(k);
    }
    pb_value *k = parse("(1, 3)");
    cr_assert_null(pb_dict_get_value(d, k));
    pb_value_unref(k);
    pb_value_unref(d);
}

/* The hash of a tuple is kept: filling it further must forget it. */
PB_TEST(table, tuples_hashed_too_early)
{
    pb_value *t = pb_seq(PB_TUPLE, 2);
    uint64_t before, after;
    pb_append(t, pb_int(1));
    cr_assert_eq(pb__hash(t, &before), 0);
    pb_append(t, pb_int(2));
    cr_assert_eq(pb__hash(t, &after), 0);
    cr_assert_neq(before, after);
    pb_value_unref(t);
}

PB_TEST(table, long_text_keys_keep_their_hash)
{
    char text[PB__TEXT_LONG + 20];
    for (size_t len = PB__TEXT_LONG - 9; len < PB__TEXT_LONG + 9; len++) {
        memset(text, 'x', len);
        text[len] = '\0';
        pb_value *a = pb_str(text);
        pb_value *b = pb_str(text);
        uint64_t x, y, z;
        cr_assert_eq(pb__hash(a, &x), 0);
        cr_assert_eq(pb__hash(b, &y), 0);
        cr_assert_eq(pb__hash(a, &z), 0);
        cr_assert_eq(x, y);
        cr_assert_eq(x, z);
        pb_value *d = pb_dict();
        for (int i = 0; i < 20; i++) {
            pb_dict_set_value_steal(d, pb_int(i), pb_none());
        }
        pb_dict_set_value_steal(d, a, pb_int(7));
        cr_assert_eq(pb_dict_get(d, text), pb_int(7));
        cr_assert_eq(pb_dict_get_value(d, b), pb_int(7));
        pb_value_unref(d);
        pb_value_unref(b);
    }
}

PB_TEST(table, for_a_reader)
{
    struct pb__slab_pool *pool = pb__slab_pool_new();
    struct pb__table *t = pb__table_new(pool, PB_DICT, 100);
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pb__table_put_steal(t, pb_int(i), i % 2 ? NULL : pb_int(i)), 0);
    }
    cr_assert_eq(t->slots, t->inline_slots);
    cr_assert_eq(t->slots[199], NULL);
    pb_value_unref(&t->node.head);
    pb__slab_pool_unref(pool);
    cr_assert_null(pb__table_new(NULL, PB_DICT, SIZE_MAX));
}

static int fill_dict(void *unused)
{
    (void)unused;
    pb_value *d = pb_dict();
    int e = d ? 0 : PB_ERR_NOMEM;
    for (int i = 0; i < 40 && e == 0; i++) {
        pb_value *key = i % 3 ? pb_decimal("1.5", NULL) : pb_seq(PB_TUPLE, 2);
        pb_value *inner = i % 3 ? NULL : pb_seq(PB_TUPLE, 1);
        if (key && inner) {
            e = pb_append_steal(inner, pb_int(i));
            e = e ? e : pb_append(key, inner);
        } else if (!key || i % 3 == 0) {
            e = PB_ERR_NOMEM;
        }
        pb_value_unref(inner);
        if (e) {
            pb_value_unref(key);
        } else {
            e = pb_dict_set_value_steal(d, key, pb_int(i));
        }
        e = e ? e : pb_dict_set(d, "again", d->refs ? pb_none() : NULL);
    }
    pb_value_unref(d);
    return e;
}

PB_TEST(table, lack_of_memory)
{
    pb__test_each_failure(fill_dict, NULL);
}
