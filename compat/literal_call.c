/* SPDX-License-Identifier: MIT
 *
 * Literals that Python prints as the call of a constructor: dates and times, Decimal,
 * float, set() and frozenset(). */
#include <strings.h>

#include "compat/decimal.h"
#include "compat/floats.h"
#include "compat/literal.h"

/* Reads an argument as an int; 0 if it is missing. Returns false if it is not an int that
 * fits. */
static bool int_arg(struct pb__literal *l, const char *place, const pb_value *arg,
                    int64_t *out)
{
    *out = 0;
    if (arg && pb_as_int(arg, out) != 0) {
        pb__literal_fail(l, place, "an argument is not an int, or too large");
        return false;
    }
    return true;
}

static bool int_args(struct pb__literal *l, const char *place, pb_value *const *args,
                     size_t count, int *out)
{
    for (size_t i = 0; i < count; i++) {
        int64_t n;
        if (!int_arg(l, place, args[i], &n)) {
            return false;
        }
        /* A number that does not fit into an int is out of every range, and remains
         * so. */
        out[i] = n < -1 ? -1 : n > 1000000 ? 1000000 : (int)n;
    }
    return true;
}

/* Returns v, or reports why it could not be made. */
static pb_value *literal_call_check(struct pb__literal *l, const char *place, pb_value *v,
                                    const pb_error *why)
{
    if (v) {
        return v;
    }
    return why->code == PB_ERR_NOMEM ? pb__literal_nomem(l)
                                     : pb__literal_fail(l, place, "%s", why->text);
}

static pb_value *make_datetime(struct pb__literal *l, const char *place,
                               pb_value *const *args)
{
    int n[7];
    if (!int_args(l, place, args, 7, n)) {
        return NULL;
    }
    pb_error why = {0};
    pb_datetime_fields f = {n[0], n[1], n[2], n[3], n[4], n[5], n[6]};
    return literal_call_check(l, place, pb_datetime(&f, &why), &why);
}

static pb_value *make_date(struct pb__literal *l, const char *place,
                           pb_value *const *args)
{
    int n[3];
    if (!int_args(l, place, args, 3, n)) {
        return NULL;
    }
    pb_error why = {0};
    return literal_call_check(l, place, pb_date(n[0], n[1], n[2], &why), &why);
}

static pb_value *make_time(struct pb__literal *l, const char *place,
                           pb_value *const *args)
{
    int n[4];
    if (!int_args(l, place, args, 4, n)) {
        return NULL;
    }
    pb_error why = {0};
    return literal_call_check(l, place, pb_time(n[0], n[1], n[2], n[3], &why), &why);
}

static pb_value *make_timedelta(struct pb__literal *l, const char *place,
                                pb_value *const *args)
{
    int64_t n[3];
    for (size_t i = 0; i < 3; i++) {
        if (!int_arg(l, place, args[i], &n[i])) {
            return NULL;
        }
    }
    pb_error why = {0};
    return literal_call_check(l, place, pb_timedelta(n[0], n[1], n[2], &why), &why);
}

static pb_value *make_decimal(struct pb__literal *l, const char *place,
                              pb_value *const *args)
{
    pb_span text;
    if (!args[0] || pb__kind(args[0]) != PB_STR) {
        return pb__literal_fail(l, place, "Decimal takes text");
    }
    pb_as_text(args[0], &text);
    pb_error why = {0};
    return literal_call_check(
        l, place, pb__decimal_parse((const char *)text.data, text.len, &why), &why);
}

/* Reads text as Python's float() does; returns false if it is not a float. */
static bool float_from_text(pb_span text, double *out)
{
    static const struct {
        const char *name;
        double value;
    } names[] = {{"inf", __builtin_inf()},
                 {"infinity", __builtin_inf()},
                 {"nan", __builtin_nan("")}};
    const char *at = (const char *)text.data;
    bool negative = *at == '-';
    at += negative || *at == '+';
    size_t len = text.len - (size_t)(at - (const char *)text.data);
    bool found = pb__is_digit(*at) || *at == '.' ? pb__float_parse(at, len, out) : false;
    for (size_t i = 0; !found && i < sizeof names / sizeof *names; i++) {
        found = strlen(names[i].name) == len && strcasecmp(names[i].name, at) == 0;
        *out = names[i].value;
    }
    *out = negative ? -*out : *out;
    return found;
}

static pb_value *make_float(struct pb__literal *l, const char *place,
                            pb_value *const *args)
{
    double d;
    pb_span text;
    if (args[0] && pb__kind(args[0]) == PB_STR) {
        pb_as_text(args[0], &text);
        if (!float_from_text(text, &d)) {
            return pb__literal_fail(l, place, "'%.*s' is not a float",
                                    text.len < 60 ? (int)text.len : 60,
                                    (const char *)text.data);
        }
    } else if (!args[0] || pb_as_float(args[0], &d) != 0) {
        return pb__literal_fail(l, place, "float takes text or a number");
    }
    pb_value *v = pb_float(d);
    return v ? v : pb__literal_nomem(l);
}

/* Makes a set or frozenset from the items of a list, tuple or set. */
static pb_value *make_members(struct pb__literal *l, const char *place, pb_kind kind,
                              const pb_value *from)
{
    pb_kind of = from ? pb__kind(from) : PB_LIST;
    if (of != PB_LIST && of != PB_TUPLE && of != PB_SET && of != PB_FROZENSET) {
        return pb__literal_fail(l, place, "%s takes a list, tuple or set, not %s",
                                pb_kind_name(kind), pb_kind_name(of));
    }
    size_t len = from ? pb_len(from) : 0;
    if (len == 0 && kind == PB_FROZENSET) {
        return pb__ref(&pb__empty_frozenset.node.head);
    }
    pb_value *set = pb_seq(kind, len);
    int e = set ? 0 : PB_ERR_NOMEM;
    for (size_t i = 0; e == 0 && i < len; i++) {
        e = pb_append(set, pb_item(from, i));
        if (e == PB_ERR_TYPE) {
            pb__literal_fail(l, place, "unhashable type: '%s'",
                             pb_kind_name(pb__kind(pb_item(from, i))));
        }
    }
    if (e) {
        pb_value_unref(set);
        return e == PB_ERR_NOMEM ? pb__literal_nomem(l) : NULL;
    }
    return set;
}

static pb_value *make_set(struct pb__literal *l, const char *place, pb_value *const *args)
{
    return make_members(l, place, PB_SET, args[0]);
}

static pb_value *make_frozenset(struct pb__literal *l, const char *place,
                                pb_value *const *args)
{
    return make_members(l, place, PB_FROZENSET, args[0]);
}

static const struct pb__call calls[] = {
    {"datetime.datetime",
     {"year", "month", "day", "hour", "minute", "second", "microsecond"},
     make_datetime},
    {"datetime.date", {"year", "month", "day"}, make_date},
    {"datetime.time", {"hour", "minute", "second", "microsecond"}, make_time},
    {"datetime.timedelta", {"days", "seconds", "microseconds"}, make_timedelta},
    {"Decimal", {"value"}, make_decimal},
    {"float", {"x"}, make_float},
    {"set", {"iterable"}, make_set},
    {"frozenset", {"iterable"}, make_frozenset},
};

const struct pb__call *pb__call_find(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        if (strlen(calls[i].name) == len && memcmp(calls[i].name, name, len) == 0) {
            return &calls[i];
        }
    }
    return NULL;
}
