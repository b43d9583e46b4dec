/* SPDX-License-Identifier: MIT
 *
 * Lists and tuples, and what all containers share: length, item, append. */
#include "compat/value.h"
#include "tests/support.h"

PB_TEST(seq, list_grows_in_order)
{
    pb_value *l = pb_list();
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(pb_append_steal(l, pb_int(i)), 0);
    }
    cr_assert_eq(pb_len(l), 1000);
    for (size_t i = 0; i < 1000; i++) {
        cr_assert_eq(pb_item(l, i), pb_int((int64_t)i));
    }
    cr_assert_null(pb_item(l, 1000));
    pb_value_unref(l);
}

PB_TEST(seq, of_each_kind)
{
    static const pb_kind kinds[] = {PB_LIST, PB_TUPLE, PB_SET, PB_FROZENSET};
    for (size_t i = 0; i < 4; i++) {
        for (size_t reserve = 0; reserve < 3; reserve++) {
            pb_value *v = pb_seq(kinds[i], reserve);
            cr_assert_eq(pb_value_kind(v), kinds[i]);
            cr_assert_eq(pb_len(v), 0);
            cr_assert_neq(v, &pb__empty_tuple.node.head);
            cr_assert_neq(v, &pb__empty_frozenset.node.head);
            cr_assert_eq(pb_append(v, pb_int(1)), 0);
            cr_assert_eq(pb_append_steal(v, pb_str("two")), 0);
            cr_assert_eq(pb_len(v), 2);
            cr_assert_eq(pb_item(v, 0), pb_int(1));
            cr_assert_null(pb_item(v, 2));
            pb_value_unref(v);
        }
    }
    cr_assert_null(pb_seq(PB_DICT, 1));
    cr_assert_null(pb_seq(PB_STR, 1));
}

PB_TEST(seq, len_of_other_kinds)
{
    cr_assert_eq(pb_len(pb_int(3)), 0);
    cr_assert_eq(pb_len(pb_none()), 0);
    pb_value *s = pb_str("four");
    cr_assert_eq(pb_len(s), 4);
    cr_assert_null(pb_item(s, 0));
    cr_assert_null(pb_item(pb_int(3), 0));
    pb_value_unref(s);
}

PB_TEST(seq, append_refuses)
{
    pb_value *l = pb_list();
    pb_value *s = pb_str("no list");
    cr_assert_eq(pb_append(l, NULL), PB_ERR_ARG);
    cr_assert_eq(pb_append_steal(l, NULL), PB_ERR_ARG);
    cr_assert_eq(pb_append(s, l), PB_ERR_TYPE);
    cr_assert_eq(pb_append_steal(s, pb_list()), PB_ERR_TYPE);
    cr_assert_eq(pb_append_steal(pb_int(1), pb_list()), PB_ERR_TYPE);
    pb_value_unref(s);
    pb_value_unref(l);
}

PB_TEST(seq, what_is_shared_does_not_change)
{
    pb_value *t = pb_seq(PB_TUPLE, 2);
    pb_value *f = pb_seq(PB_FROZENSET, 2);
    cr_assert_eq(pb_append_steal(t, pb_int(1)), 0);
    pb_value_ref(t);
    pb_value_ref(f);
    cr_assert_eq(pb_append_steal(t, pb_str("late")), PB_ERR_STATE);
    cr_assert_eq(pb_append_steal(f, pb_str("late")), PB_ERR_STATE);
    cr_assert_eq(pb_append_steal(&pb__empty_tuple.node.head, pb_str("x")), PB_ERR_STATE);
    cr_assert_eq(pb_append_steal(&pb__empty_frozenset.node.head, pb_str("x")),
                 PB_ERR_STATE);
    pb_value_unref(t);
    pb_value_unref(f);
    cr_assert_eq(pb_append_steal(t, pb_int(2)), 0);
    cr_assert_eq(pb_len(t), 2);
    pb_value_unref(t);
    pb_value_unref(f);
}

PB_TEST(seq, a_tied_tuple_may_be_filled)
{
    pb_value *t = pb_seq(PB_TUPLE, 1);
    pb_value *l = pb_list();
    pb_append(l, t);
    pb_value_tie(t, l);
    cr_assert_eq(pb_append(t, l), 0);
    pb_value_unref(l);
    cr_assert_eq(pb_item(pb_item(t, 0), 0), t);
    pb_value_unref(t);
}

PB_TEST(seq, items_are_replaced)
{
    pb_value *l = pb_list();
    pb_append_steal(l, pb_str("before"));
    cr_assert_eq(pb_item_set_steal(l, 0, pb_str("after")), 0);
    pb_span s;
    pb_as_text(pb_item(l, 0), &s);
    cr_assert_str_eq((const char *)s.data, "after");
    cr_assert_eq(pb_item_set_steal(l, 1, pb_str("x")), PB_ERR_RANGE);
    cr_assert_eq(pb_item_set_steal(l, 0, NULL), PB_ERR_ARG);
    pb_value *t = pb_seq(PB_TUPLE, 1);
    pb_append_steal(t, pb_int(1));
    cr_assert_eq(pb_item_set_steal(t, 0, pb_str("x")), PB_ERR_TYPE);
    pb_value_unref(t);
    pb_value_unref(l);
}

PB_TEST(seq, for_a_reader)
{
    struct pb__seq *s = pb__seq_new(NULL, PB_LIST, 2);
    s->items[s->len++] = pb_int(0);
    s->items[s->len++] = NULL; /* not there yet */
    cr_assert_eq(s->items, s->inline_items);
    for (int i = 2; i < 100; i++) {
        cr_assert_eq(pb__seq_grow(s), 0);
        s->items[s->len++] = pb_int(i);
    }
    cr_assert_eq(s->items[99], pb_int(99));
    cr_assert_eq(s->items[0], pb_int(0));
    pb_value_unref(&s->node.head);
    cr_assert_null(pb__seq_new(NULL, PB_LIST, SIZE_MAX));
#if SIZE_MAX > UINT32_MAX
    cr_assert_null(pb__seq_new(NULL, PB_LIST, (size_t)UINT32_MAX + 1));
#endif
}

static int fill(void *kind)
{
    pb_value *v = pb_seq(*(pb_kind *)kind, 0);
    int e = v ? 0 : PB_ERR_NOMEM;
    for (int i = 0; i < 20 && e == 0; i++) {
        pb_value *item = pb_float(i);
        e = item ? pb_append_steal(v, item) : PB_ERR_NOMEM;
    }
    pb_value_unref(v);
    return e;
}

PB_TEST(seq, lack_of_memory)
{
    for (pb_kind kind = PB_LIST; kind <= PB_FROZENSET; kind++) {
        if (kind != PB_DICT) {
            pb__test_each_failure(fill, &kind);
        }
    }
}
