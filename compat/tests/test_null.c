/* SPDX-License-Identifier: MIT
 *
 * The rule for NULL in errors, values and profiles: see tests/null.h. */
#include <float.h>
#include <limits.h>

#include "pb/profile.h"
#include "pb/value.h"
#include "pb/version.h"
#include "tests/null.h"

static pb_error err;

/* ---- The version, and errors ---- */

PB_TEST(null, pb_version)
{
    GIVES_TEXT(pb_version(), PB_VERSION);
}

PB_TEST(null, pb_error_clear)
{
    pb_error_clear(NULL);
}

PB_TEST(null, pb_error_set)
{
    GIVES(pb_error_set(NULL, PB_ERR_TYPE, "%s", "a"), PB_ERR_TYPE);
    GIVES(pb_error_set(NULL, PB_ERR_TYPE, NULL), PB_ERR_TYPE);
    pb_error_clear(&err);
    cr_assert_eq(pb_error_set(&err, PB_ERR_TYPE, NULL), PB_ERR_TYPE);
    cr_assert_str_eq(err.text, "wrong kind of value");
}

PB_TEST(null, pb_strerror)
{
    GIVES_TEXT(pb_strerror(1), "unknown error");
    GIVES_TEXT(pb_strerror(INT32_MIN), "unknown error");
}

PB_TEST(null, pb_free)
{
    pb_free(NULL);
}

/* ---- Counts, and looking at a value ---- */

PB_TEST(null, pb_value_ref)
{
    GIVES(pb_value_ref(NULL), NULL);
}

PB_TEST(null, pb_value_unref)
{
    pb_value_unref(NULL);
}

PB_TEST(null, pb_value_tie)
{
    pb_value *list = pb_list();
    GIVES(pb_value_tie(NULL, list), PB_ERR_ARG);
    GIVES(pb_value_tie(list, NULL), PB_ERR_ARG);
    GIVES(pb_value_tie(NULL, NULL), PB_ERR_ARG);
    pb_value_unref(list);
}

PB_TEST(null, pb_value_kind)
{
    GIVES(pb_value_kind(NULL), PB_NOTHING);
}

PB_TEST(null, pb_kind_name)
{
    GIVES_TEXT(pb_kind_name(PB_NOTHING), "nothing");
    GIVES_TEXT(pb_kind_name((pb_kind)(PB_NOTHING + 1)), "?");
    GIVES_TEXT(pb_kind_name((pb_kind)-1), "?");
}

PB_TEST(null, pb_value_equal)
{
    GIVES(pb_value_equal(NULL, pb_none()), false);
    GIVES(pb_value_equal(pb_none(), NULL), false);
    GIVES(pb_value_equal(NULL, NULL), false);
}

PB_TEST(null, pb_value_repr)
{
    GIVES(pb_value_repr(NULL), NULL);
}

/* ---- Scalars ---- */

PB_TEST(null, pb_none)
{
    GIVES(pb_value_kind(pb_none()), PB_NONE);
}

PB_TEST(null, pb_bool)
{
    GIVES(pb_value_kind(pb_bool(true)), PB_BOOL);
}

PB_TEST(null, pb_int)
{
    int64_t i = 0;
    pb_value *least = pb_int(INT64_MIN);
    GIVES(pb_as_int(least, &i), 0);
    GIVES(i, INT64_MIN);
    pb_value_unref(least);
}

PB_TEST(null, pb_int_text)
{
    GIVES(pb_int_text(NULL, &err), NULL);
    TOLD_NULL(&err, "the text of an int");
    GIVES(pb_int_text("x", NULL), NULL);
    GIVES(pb_int_text(NULL, NULL), NULL);
}

PB_TEST(null, pb_int_bytes)
{
    GIVES(pb_int_bytes(true, no_bytes), NULL);
    GIVES(pb_int_bytes(false, (pb_span){NULL, SIZE_MAX}), NULL);
}

PB_TEST(null, pb_float)
{
    double d = 0;
    pb_value *most = pb_float(DBL_MAX);
    GIVES(pb_as_float(most, &d), 0);
    GIVES(d, DBL_MAX);
    pb_value_unref(most);
}

PB_TEST(null, pb_str)
{
    GIVES(pb_str(NULL), NULL);
}

PB_TEST(null, pb_strn)
{
    GIVES(pb_strn(no_bytes, &err), NULL);
    TOLD_NULL(&err, "the text");
    GIVES(pb_strn(no_bytes, NULL), NULL);
    pb_value *empty = pb_strn((pb_span){NULL, 0}, NULL);
    GIVES(pb_value_kind(empty), PB_STR);
    pb_value_unref(empty);
}

PB_TEST(null, pb_bytes)
{
    GIVES(pb_bytes(no_bytes), NULL);
    pb_value *empty = pb_bytes((pb_span){NULL, 0});
    GIVES(pb_value_kind(empty), PB_BYTES);
    pb_value_unref(empty);
}

PB_TEST(null, pb_as_bool)
{
    bool b = true;
    GIVES(pb_as_bool(NULL, &b), PB_ERR_ARG);
    GIVES(b, false);
    GIVES(pb_as_bool(pb_bool(true), NULL), PB_ERR_ARG);
    GIVES(pb_as_bool(NULL, NULL), PB_ERR_ARG);
    b = true;
    GIVES(pb_as_bool(pb_none(), &b), PB_ERR_TYPE);
    GIVES(b, false);
}

PB_TEST(null, pb_as_int)
{
    int64_t i = 7;
    GIVES(pb_as_int(NULL, &i), PB_ERR_ARG);
    GIVES(i, 0);
    GIVES(pb_as_int(pb_int(1), NULL), PB_ERR_ARG);
    GIVES(pb_as_int(NULL, NULL), PB_ERR_ARG);
    i = 7;
    GIVES(pb_as_int(pb_none(), &i), PB_ERR_TYPE);
    GIVES(i, 0);
    pb_value *large = pb_int_text("99999999999999999999", NULL);
    i = 7;
    GIVES(pb_as_int(large, &i), PB_ERR_RANGE);
    GIVES(i, 0);
    pb_value_unref(large);
}

PB_TEST(null, pb_as_float)
{
    double d = 7;
    GIVES(pb_as_float(NULL, &d), PB_ERR_ARG);
    GIVES(d, 0);
    GIVES(pb_as_float(pb_int(1), NULL), PB_ERR_ARG);
    GIVES(pb_as_float(NULL, NULL), PB_ERR_ARG);
    d = 7;
    GIVES(pb_as_float(pb_none(), &d), PB_ERR_TYPE);
    GIVES(d, 0);
}

static bool is_empty(pb_span s)
{
    return !s.data && s.len == 0;
}

PB_TEST(null, pb_as_text)
{
    pb_span s = no_bytes;
    GIVES(pb_as_text(NULL, &s), PB_ERR_ARG);
    GIVES(is_empty(s), true);
    GIVES(pb_as_text(pb_none(), NULL), PB_ERR_ARG);
    GIVES(pb_as_text(NULL, NULL), PB_ERR_ARG);
    s = no_bytes;
    GIVES(pb_as_text(pb_none(), &s), PB_ERR_TYPE);
    GIVES(is_empty(s), true);
}

PB_TEST(null, pb_as_bytes)
{
    pb_span s = no_bytes;
    GIVES(pb_as_bytes(NULL, &s), PB_ERR_ARG);
    GIVES(is_empty(s), true);
    GIVES(pb_as_bytes(pb_none(), NULL), PB_ERR_ARG);
    GIVES(pb_as_bytes(NULL, NULL), PB_ERR_ARG);
    s = no_bytes;
    GIVES(pb_as_bytes(pb_none(), &s), PB_ERR_TYPE);
    GIVES(is_empty(s), true);
}

PB_TEST(null, pb_as_int_bytes)
{
    bool negative = true;
    uint8_t byte, *out = &byte;
    size_t len = 7;
    GIVES(pb_as_int_bytes(NULL, &negative, &out, &len), PB_ERR_ARG);
    GIVES(negative || out || len, false);
    negative = true, out = &byte, len = 7;
    GIVES(pb_as_int_bytes(pb_none(), &negative, &out, &len), PB_ERR_TYPE);
    GIVES(negative || out || len, false);
    GIVES(pb_as_int_bytes(pb_int(1), NULL, &out, &len), PB_ERR_ARG);
    GIVES(pb_as_int_bytes(pb_int(1), &negative, NULL, &len), PB_ERR_ARG);
    GIVES(pb_as_int_bytes(pb_int(1), &negative, &out, NULL), PB_ERR_ARG);
    GIVES(pb_as_int_bytes(NULL, NULL, NULL, NULL), PB_ERR_ARG);
}

/* ---- Containers ---- */

PB_TEST(null, pb_seq)
{
    GIVES(pb_seq(PB_NOTHING, 0), NULL);
    GIVES(pb_seq((pb_kind)-1, 0), NULL);
    GIVES(pb_seq(PB_LIST, SIZE_MAX), NULL);
    GIVES(pb_seq(PB_SET, SIZE_MAX), NULL);
}

PB_TEST(null, pb_list)
{
    pb_value *list = pb_list();
    GIVES(pb_len(list), 0u);
    pb_value_unref(list);
}

PB_TEST(null, pb_dict)
{
    pb_value *dict = pb_dict();
    GIVES(pb_len(dict), 0u);
    pb_value_unref(dict);
}

PB_TEST(null, pb_len)
{
    GIVES(pb_len(NULL), 0u);
}

PB_TEST(null, pb_item)
{
    pb_value *list = pb_list();
    GIVES(pb_item(NULL, 0), NULL);
    GIVES(pb_item(list, SIZE_MAX), NULL);
    pb_value_unref(list);
}

PB_TEST(null, pb_append)
{
    pb_value *list = pb_list();
    GIVES(pb_append(NULL, list), PB_ERR_ARG);
    GIVES(pb_append(list, NULL), PB_ERR_ARG);
    GIVES(pb_append(NULL, NULL), PB_ERR_ARG);
    pb_value_unref(list);
}

PB_TEST(null, pb_append_steal)
{
    pb_value *list = pb_list();
    GIVES(pb_append_steal(NULL, pb_list()), PB_ERR_ARG);
    GIVES(pb_append_steal(list, NULL), PB_ERR_ARG);
    GIVES(pb_append_steal(NULL, NULL), PB_ERR_ARG);
    pb_value_unref(list);
}

PB_TEST(null, pb_item_set_steal)
{
    pb_value *list = pb_build(NULL, "[i]", 1);
    GIVES(pb_item_set_steal(NULL, 0, pb_list()), PB_ERR_ARG);
    GIVES(pb_item_set_steal(list, 0, NULL), PB_ERR_ARG);
    GIVES(pb_item_set_steal(NULL, 0, NULL), PB_ERR_ARG);
    GIVES(pb_item_set_steal(list, SIZE_MAX, pb_list()), PB_ERR_RANGE);
    pb_value_unref(list);
}

PB_TEST(null, pb_dict_get)
{
    pb_value *dict = pb_dict();
    GIVES(pb_dict_get(NULL, "key"), NULL);
    GIVES(pb_dict_get(dict, NULL), NULL);
    GIVES(pb_dict_get(NULL, NULL), NULL);
    pb_value_unref(dict);
}

PB_TEST(null, pb_dict_get_value)
{
    pb_value *dict = pb_dict();
    GIVES(pb_dict_get_value(NULL, pb_none()), NULL);
    GIVES(pb_dict_get_value(dict, NULL), NULL);
    GIVES(pb_dict_get_value(NULL, NULL), NULL);
    pb_value_unref(dict);
}

PB_TEST(null, pb_dict_set_value_steal)
{
    pb_value *dict = pb_dict();
    GIVES(pb_dict_set_value_steal(NULL, pb_str("a"), pb_list()), PB_ERR_ARG);
    GIVES(pb_dict_set_value_steal(dict, NULL, pb_list()), PB_ERR_ARG);
    GIVES(pb_dict_set_value_steal(dict, pb_str("a"), NULL), PB_ERR_ARG);
    GIVES(pb_dict_set_value_steal(NULL, NULL, NULL), PB_ERR_ARG);
    GIVES(pb_len(dict), 0u);
    pb_value_unref(dict);
}

PB_TEST(null, pb_dict_set)
{
    pb_value *dict = pb_dict();
    GIVES(pb_dict_set(NULL, "key", pb_none()), PB_ERR_ARG);
    GIVES(pb_dict_set(dict, NULL, pb_none()), PB_ERR_ARG);
    GIVES(pb_dict_set(dict, "key", NULL), PB_ERR_ARG);
    GIVES(pb_dict_set(NULL, NULL, NULL), PB_ERR_ARG);
    GIVES(pb_len(dict), 0u);
    pb_value_unref(dict);
}

PB_TEST(null, pb_dict_set_steal)
{
    pb_value *dict = pb_dict();
    GIVES(pb_dict_set_steal(NULL, "key", pb_list()), PB_ERR_ARG);
    GIVES(pb_dict_set_steal(dict, NULL, pb_list()), PB_ERR_ARG);
    GIVES(pb_dict_set_steal(dict, "key", NULL), PB_ERR_ARG);
    GIVES(pb_dict_set_steal(NULL, NULL, NULL), PB_ERR_ARG);
    GIVES(pb_len(dict), 0u);
    pb_value_unref(dict);
}

PB_TEST(null, pb_dict_remove)
{
    pb_value *dict = pb_dict();
    GIVES(pb_dict_remove(NULL, "key"), PB_ERR_ARG);
    GIVES(pb_dict_remove(dict, NULL), PB_ERR_ARG);
    GIVES(pb_dict_remove(NULL, NULL), PB_ERR_ARG);
    pb_value_unref(dict);
}

PB_TEST(null, pb_dict_remove_value)
{
    pb_value *dict = pb_dict();
    GIVES(pb_dict_remove_value(NULL, pb_none()), PB_ERR_ARG);
    GIVES(pb_dict_remove_value(dict, NULL), PB_ERR_ARG);
    GIVES(pb_dict_remove_value(NULL, NULL), PB_ERR_ARG);
    pb_value_unref(dict);
}

PB_TEST(null, pb_set_remove)
{
    pb_value *set = pb_seq(PB_SET, 0);
    GIVES(pb_set_remove(NULL, pb_none()), PB_ERR_ARG);
    GIVES(pb_set_remove(set, NULL), PB_ERR_ARG);
    GIVES(pb_set_remove(NULL, NULL), PB_ERR_ARG);
    pb_value_unref(set);
}

PB_TEST(null, pb_item_remove)
{
    GIVES(pb_item_remove(NULL, 0), PB_ERR_ARG);
}

PB_TEST(null, pb_value_copy)
{
    GIVES(pb_value_copy(NULL), NULL);
}

PB_TEST(null, pb_dict_next)
{
    pb_value *dict = pb_build(NULL, "{s:i}", "key", 1);
    pb_value *key = dict, *value = dict;
    size_t pos = 0;
    GIVES(pb_dict_next(NULL, &pos, &key, &value), false);
    GIVES(key || value, false);
    GIVES(pb_dict_next(dict, NULL, &key, &value), false);
    GIVES(pb_dict_next(dict, &pos, NULL, &value), true);
    GIVES(value, pb_int(1));
    pos = 0;
    GIVES(pb_dict_next(dict, &pos, &key, NULL), true);
    GIVES(pb_value_kind(key), PB_STR);
    GIVES(pb_dict_next(NULL, NULL, NULL, NULL), false);
    pos = SIZE_MAX;
    GIVES(pb_dict_next(dict, &pos, &key, &value), false);
    GIVES(key || value, false);
    pb_value_unref(dict);
}

PB_TEST(null, pb_set_has)
{
    pb_value *set = pb_seq(PB_SET, 0);
    GIVES(pb_set_has(NULL, pb_none()), false);
    GIVES(pb_set_has(set, NULL), false);
    GIVES(pb_set_has(NULL, NULL), false);
    pb_value_unref(set);
}

/* ---- Times and decimals ---- */

PB_TEST(null, pb_datetime)
{
    pb_datetime_fields least = {INT_MIN, INT_MIN, INT_MIN, INT_MIN,
                                INT_MIN, INT_MIN, INT_MIN};
    GIVES(pb_datetime(NULL, &err), NULL);
    TOLD_NULL(&err, "the fields of a datetime");
    GIVES(pb_datetime(&least, NULL), NULL);
    GIVES(pb_datetime(NULL, NULL), NULL);
}

PB_TEST(null, pb_date)
{
    GIVES(pb_date(INT_MAX, INT_MAX, INT_MAX, NULL), NULL);
    GIVES(pb_date(2000, INT_MIN, 1, NULL), NULL);
}

PB_TEST(null, pb_time)
{
    GIVES(pb_time(INT_MAX, INT_MAX, INT_MAX, INT_MAX, NULL), NULL);
    GIVES(pb_time(0, 0, 0, INT_MIN, NULL), NULL);
}

PB_TEST(null, pb_timedelta)
{
    GIVES(pb_timedelta(INT64_MAX, INT64_MAX, INT64_MAX, NULL), NULL);
    GIVES(pb_timedelta(INT64_MIN, INT64_MIN, INT64_MIN, NULL), NULL);
}

PB_TEST(null, pb_as_datetime)
{
    pb_datetime_fields f;
    static const pb_datetime_fields empty;
    spoil(&f, sizeof f);
    GIVES(pb_as_datetime(NULL, &f), PB_ERR_ARG);
    GIVES(memcmp(&f, &empty, sizeof f), 0);
    GIVES(pb_as_datetime(pb_none(), NULL), PB_ERR_ARG);
    GIVES(pb_as_datetime(NULL, NULL), PB_ERR_ARG);
}

PB_TEST(null, pb_as_timedelta)
{
    pb_value *v = pb_timedelta(1, 2, 3, NULL);
    int64_t days = 7;
    int seconds = 7, microseconds = 7;
    GIVES(pb_as_timedelta(NULL, &days, &seconds, &microseconds), PB_ERR_ARG);
    GIVES(days || seconds || microseconds, false);
    GIVES(pb_as_timedelta(v, NULL, &seconds, &microseconds), 0);
    GIVES(seconds, 2);
    GIVES(pb_as_timedelta(v, &days, NULL, &microseconds), 0);
    GIVES(pb_as_timedelta(v, &days, &seconds, NULL), 0);
    GIVES(pb_as_timedelta(NULL, NULL, NULL, NULL), PB_ERR_ARG);
    pb_value_unref(v);
}

PB_TEST(null, pb_decimal)
{
    GIVES(pb_decimal(NULL, &err), NULL);
    TOLD_NULL(&err, "the text of a Decimal");
    GIVES(pb_decimal("x", NULL), NULL);
    GIVES(pb_decimal(NULL, NULL), NULL);
}

/* ---- Things known by name ---- */

PB_TEST(null, pb_name)
{
    GIVES(pb_name(PB_CLASS, NULL), NULL);
    GIVES(pb_name(PB_NOTHING, "a"), NULL);
}

PB_TEST(null, pb_name_of)
{
    GIVES(pb_name_of(NULL), NULL);
}

PB_TEST(null, pb_method_steal)
{
    GIVES(pb_method_steal(NULL, pb_list(), pb_list()), NULL);
    GIVES(pb_method_steal("a", NULL, pb_list()), NULL);
    GIVES(pb_method_steal("a", pb_list(), NULL), NULL);
    GIVES(pb_method_steal(NULL, NULL, NULL), NULL);
}

PB_TEST(null, pb_method_self)
{
    GIVES(pb_method_self(NULL), NULL);
}

PB_TEST(null, pb_method_class)
{
    GIVES(pb_method_class(NULL), NULL);
}

PB_TEST(null, pb_instance)
{
    pb_value *state = pb_dict();
    GIVES(pb_instance(NULL, state), NULL);
    GIVES(pb_instance("a", NULL), NULL);
    GIVES(pb_instance(NULL, NULL), NULL);
    pb_value_unref(state);
}

PB_TEST(null, pb_instance_steal)
{
    GIVES(pb_instance_steal(NULL, pb_dict()), NULL);
    GIVES(pb_instance_steal("a", NULL), NULL);
    GIVES(pb_instance_steal(NULL, NULL), NULL);
}

PB_TEST(null, pb_instance_state)
{
    GIVES(pb_instance_state(NULL), NULL);
}

PB_TEST(null, pb_unpersistable)
{
    GIVES(pb_unpersistable(NULL), NULL);
}

PB_TEST(null, pb_unpersistable_reason)
{
    GIVES(pb_unpersistable_reason(NULL), NULL);
}

/* ---- Text and formats ---- */

PB_TEST(null, pb_value_parse)
{
    GIVES(pb_value_parse(NULL, &err), NULL);
    TOLD_NULL(&err, "the literal");
    GIVES(pb_value_parse("[", NULL), NULL);
    GIVES(pb_value_parse(NULL, NULL), NULL);
}

PB_TEST(null, pb_build)
{
    GIVES(pb_build(NULL, "?"), NULL);
    GIVES(pb_build(&err, NULL), NULL);
    TOLD_NULL(&err, "the format");
    GIVES(pb_build(NULL, NULL), NULL);
    /* Each N is taken, also if another argument is NULL. */
    GIVES(pb_build(&err, "NON", pb_list(), NULL, pb_list()), NULL);
    TOLD(&err, PB_ERR_ARG, "a value is NULL");
    GIVES(pb_build(&err, "N{s:N}", NULL, NULL, pb_list()), NULL);
    TOLD(&err, PB_ERR_ARG, "a value is NULL");
    GIVES(pb_build(&err, "sN", NULL, pb_list()), NULL);
    TOLD(&err, PB_ERR_ARG, "a pointer to text is NULL");
    GIVES(pb_build(&err, "y#", NULL, (size_t)1), NULL);
    TOLD(&err, PB_ERR_ARG, "a pointer to text is NULL");
}

/* Outs of all kinds, set to something or empty. */
struct outs {
    int i, p;
    int64_t l;
    double d;
    const char *s, *z;
    size_t len;
    pb_value *o;
};

static const struct outs set = {7, 7, 7, 7, "set", "set", 7, (pb_value *)&set};
static const struct outs empty;

#define ALL "iLdpss#O"
#define TO(o) &(o).i, &(o).l, &(o).d, &(o).p, &(o).s, &(o).z, &(o).len, &(o).o

static bool same(const struct outs *a, const struct outs *b)
{
    return a->i == b->i && a->p == b->p && a->l == b->l && a->d == b->d && a->s == b->s &&
           a->z == b->z && a->len == b->len && a->o == b->o;
}

PB_TEST(null, pb_unpack)
{
    pb_value *v = pb_build(NULL, "(iLdpss#)", 1, (int64_t)2, 3.0, 1, "a", "b", (size_t)1);
    struct outs o = set;
    GIVES(pb_unpack(NULL, &err, ALL, TO(o)), PB_ERR_ARG);
    TOLD_NULL(&err, "the value to unpack");
    GIVES(same(&o, &empty), true);
    o = set;
    GIVES(pb_unpack(v, NULL, ALL, TO(o)), PB_ERR_TYPE); /* one item is missing */
    GIVES(same(&o, &empty), true);
    GIVES(pb_unpack(v, &err, NULL), PB_ERR_ARG);
    TOLD_NULL(&err, "the format");
    GIVES(pb_unpack(NULL, NULL, NULL), PB_ERR_ARG);
    pb_value_unref(v);
}

/* If an unpack fails, it empties the outs that it has filled, and keeps optional ones. */
PB_TEST(null_also, outs_of_a_failed_unpack)
{
    pb_value *v = pb_value_parse("(1, [2, 'x'], {'a': 3})", NULL);
    int one = 7, two = 7, three = 7, four = 7;
    const char *text = "set";
    GIVES(pb_unpack(v, NULL, "i[ii]{s:i}", &one, &two, &three, "a", &four), PB_ERR_TYPE);
    GIVES(one || two || three || four, false);
    one = two = three = four = 7;
    GIVES(pb_unpack(v, NULL, "i[i|i]{s?:i,s:s}", &one, &two, &three, "b", &four, "a",
                    &text),
          PB_ERR_TYPE);
    GIVES(one || two || text, false);
    GIVES(three == 7 && four == 7, true);
    one = two = three = 7;
    GIVES(pb_unpack(v, NULL, "i|(ii)", &one, &two, &three), PB_ERR_TYPE);
    GIVES(one == 0 && two == 7 && three == 7, true);
    one = two = 7;
    GIVES(pb_unpack(v, NULL, "(i]i", &one, &two), PB_ERR_TYPE);
    GIVES(one || two, false);
    pb_value_unref(v);
}

/* Outs and keys that are NULL. */
PB_TEST(null_also, nulls_in_an_unpack)
{
    static const char *const formats[] = {"i", "L", "d", "p", "s", "y", "z", "O"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        GIVES(pb_unpack(pb_int(1), &err, formats[i], NULL), PB_ERR_ARG);
        TOLD(&err, PB_ERR_ARG, "a pointer for a result is NULL");
    }
    pb_value *text = pb_str("a");
    const char *s = "set";
    size_t len = 7;
    GIVES(pb_unpack(text, NULL, "s#", NULL, &len), PB_ERR_ARG);
    GIVES(pb_unpack(text, NULL, "s#", &s, NULL), PB_ERR_ARG);
    pb_value_unref(text);
    pb_value *dict = pb_dict();
    int i = 7;
    GIVES(pb_unpack(dict, &err, "{s:i}", NULL, &i), PB_ERR_ARG);
    TOLD(&err, PB_ERR_ARG, "a key is NULL");
    GIVES(i, 0);
    pb_value_unref(dict);
}

/* ---- Profiles ---- */

PB_TEST(null, pb_profile_parse)
{
    pb_profile p = {7, 7, 7};
    GIVES(pb_profile_parse(NULL, &p, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the name of a profile");
    GIVES(p.python_major || p.python_minor || p.twisted, false);
    GIVES(pb_profile_parse("22.4", NULL, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the profile to fill");
    GIVES(pb_profile_parse("22.4", &p, NULL), 0);
    GIVES(pb_profile_parse(NULL, NULL, NULL), PB_ERR_ARG);
}
