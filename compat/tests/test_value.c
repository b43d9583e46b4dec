/* SPDX-License-Identifier: MIT
 *
 * Constants, kinds and counts; freeing what is deep, wide or shared. */
#include "compat/value.h"
#include "tests/support.h"

PB_TEST(value, constants_take_no_memory)
{
    cr_assert_eq(pb_none(), pb_none());
    cr_assert_eq(pb_bool(true), pb_bool(true));
    cr_assert_neq(pb_bool(true), pb_bool(false));
    cr_assert_eq(pb_int(7), pb_int(7));
    cr_assert_eq(pb__test_live(), 0);
    pb_value_unref(pb_none());
    pb_value_unref(pb_value_ref(pb_bool(true)));
    pb_value_unref(pb_int(7));
    cr_assert_eq(pb_value_kind(pb_none()), PB_NONE);
    cr_assert_eq(pb_none()->refs, PB__IMMORTAL);
}

PB_TEST(value, null_is_allowed)
{
    pb_value_unref(NULL);
    cr_assert_null(pb_value_ref(NULL));
}

PB_TEST(value, names_of_kinds)
{
    static const char *const names[] = {
        "NoneType",  "bool",          "int",           "float",          "bytes",
        "str",       "list",          "tuple",         "dict",           "set",
        "frozenset", "datetime",      "date",          "time",           "timedelta",
        "Decimal",   "type",          "module",        "function",       "method",
        "instance",  "Unpersistable", "Referenceable", "RemoteReference"};
    for (int kind = PB_NONE; kind <= PB_REMOTE; kind++) {
        cr_assert_str_eq(pb_kind_name((pb_kind)kind), names[kind]);
    }
    cr_assert_str_eq(pb_kind_name((pb_kind)99), "?");
}

PB_TEST(value, last_owner_frees)
{
    pb_value *s = pb_str("text");
    cr_assert_eq(pb_value_ref(s), s);
    pb_value_unref(s);
    cr_assert_eq(pb__test_live(), 1);
    pb_value_unref(s);
    cr_assert_eq(pb__test_live(), 0);
}

PB_TEST(value, containers_hold_one_count_of_each)
{
    pb_value *s = pb_str("text");
    pb_value *l = pb_list();
    pb_append(l, s);
    pb_append(l, s);
    pb_value_unref(s);
    cr_assert_eq(s->refs, 2);
    pb_value_unref(l);
}

/* Each kind of holder, a hundred thousand times around the next. */
PB_TEST(value, deep_ones_are_freed_without_recursion)
{
    pb_value *v = pb_none();
    for (int i = 0; i < 100000; i++) {
        pb_value *outer = NULL;
        switch (i % 6) {
        case 0:
            outer = pb_list();
            pb_append_steal(outer, v);
            break;
        case 1:
            outer = pb_seq(PB_TUPLE, 1);
            pb_append_steal(outer, v);
            break;
        case 2:
            outer = pb_dict();
            pb_dict_set_value_steal(outer, pb_int(i), v);
            break;
        case 3:
            outer = pb_instance_steal("m.C", v);
            break;
        case 4:
            outer = pb_method_steal("run", v, pb_name(PB_CLASS, "m.C"));
            break;
        default:
            outer = pb_seq(PB_SET, 1);
            pb_append_steal(outer, v); /* an instance's method is hashable */
            break;
        }
        v = outer;
    }
    cr_assert(pb__test_live() > 100000);
    pb_value_unref(v);
}

PB_TEST(value, freeing_takes_no_memory)
{
    pb_value *l = pb_list();
    for (int i = 0; i < 1000; i++) {
        pb_value *d = pb_dict();
        pb_dict_set_value_steal(d, pb_str("key"), pb_float(i));
        pb_append_steal(l, d);
    }
    pb__test_fail_at(1, true);
    pb_value_unref(l);
    cr_assert_not(pb__test_failed());
    cr_assert_eq(pb__test_live(), 0);
    pb__test_fail_at(0, false);
}

PB_TEST(value, slab_memory_goes_back_to_its_pool)
{
    struct pb__slab_pool *pool = pb__slab_pool_new();
    struct pb__seq *l = pb__seq_new(pool, PB_LIST, 3);
    l->items[l->len++] =
        (pb_value *)pb__text_new(pool, PB_STR, (const uint8_t *)"abc", 3);
    l->items[l->len++] = pb__float_new(pool, 1.5);
    l->items[l->len++] = pb__int_new(pool, INT64_MAX);
    cr_assert(l->node.head.flags & PB__IN_SLAB);
    struct pb__text *large = pb__text_new(pool, PB_BYTES, NULL, PB__SLAB_MAX);
    cr_assert_not(large->head.flags & PB__IN_SLAB);
    pb__slab_pool_unref(pool);
    pb_value_unref(&l->node.head);
    pb_value_unref(&large->head);
}

/* Objects note what becomes of them. */
static char fate[32];

static void note_release(struct pb__foreign *f)
{
    const struct pb__local *l = (const struct pb__local *)f;
    /* All of it is still there, and may be counted for a while. */
    pb_value_unref(pb_value_ref(&f->node.head));
    pb_value_unref(pb_value_ref(l->holds));
    strcat(fate, l->holds && pb_len(l->holds) > 0 ? "r" : "R");
}

static void note_destroy(struct pb__foreign *f)
{
    strcat(fate, "d");
    pb__free(f);
}

static const struct pb__foreign_ops noting = {.release = note_release,
                                              .destroy = note_destroy};

static pb_value *local_new(pb_value *holds)
{
    return pb__local_new(sizeof(struct pb__local), &noting, holds);
}

PB_TEST(value, foreign_ones_are_destroyed_by_their_own)
{
    pb_value *v = local_new(NULL);
    pb_value *l = pb_list();
    pb_append(l, v);
    pb_append_steal(l, v);
    cr_assert_str_eq(fate, "");
    pb_value_unref(l);
    cr_assert_str_eq(fate, "Rd");
}

PB_TEST(value, objects_go_before_what_they_hold)
{
    pb_value *l = pb_list();
    pb_append_steal(l, local_new(NULL));
    pb_value_unref(local_new(l));
    cr_assert_str_eq(fate, "rdRd");
}

PB_TEST(value, objects_that_hold_one_another_are_all_told_first)
{
    pb_value *l = pb_list();
    pb_value *a = local_new(l);
    pb_value *b = local_new(pb_value_ref(l));
    cr_assert_eq(pb_value_tie(a, l), 0);
    cr_assert_eq(pb_value_tie(b, l), 0);
    pb_append_steal(l, a);
    pb_append_steal(l, b);
    cr_assert_str_eq(fate, "rrdd");
}

static void just_free(struct pb__foreign *f)
{
    pb__free(f);
}

PB_TEST(value, many_objects_go_without_recursion)
{
    static const struct pb__foreign_ops quiet = {.destroy = just_free};
    pb_value *v = NULL;
    for (int i = 0; i < 100000; i++) {
        v = pb__local_new(sizeof(struct pb__local), &quiet, v);
    }
    pb_value_unref(v);
}
