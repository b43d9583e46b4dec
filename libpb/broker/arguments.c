/* SPDX-License-Identifier: MIT
 *
 * The arguments of the peer's calls, passed as Python passes them: converted to
 * method(*args, **kwargs) before the method is called, and unpacked by it. Arguments that
 * do not fit are answered with the TypeError that Python 3.11 raises. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compat/profile.h"
#include "libpb/base/span.h"
#include "libpb/base/buf.h"
#include "libpb/broker/exception.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/requests.h"
#include "libpb/broker/session.h"

/* Answers with the exception for code (PB_ERR_TYPE: a TypeError), with a text that begins
 * with the name of the called method as Python shows it. Returns code. */
static int arguments_refuse(pb_request *r, int code, const char *format, ...)
    PB_PRINTF(3, 4);

static int arguments_refuse(pb_request *r, int code, const char *format, ...)
{
    struct pb__buf b = {0};
    va_list args;
    va_start(args, format);
    int failed = pb__buf_vprintf(&b, format, args);
    va_end(args);
    if (failed) {
        pb__request_close(r, failed);
    } else {
        pb_request_fail(r, pb__exception_of(code), "%s.%s%s() %s",
                        pb__class_short(r->callee.object->cls),
                        pb__role_prefix(r->callee.role), pb_request_method(r),
                        (const char *)b.data);
    }
    pb__buf_fini(&b);
    return code;
}

/* ---- Before the method ---- */

bool pb__arguments_read(pb_request *r, const pb_error *refused)
{
    pb_value *kwargs = pb_request_kwargs(r);
    if (!pb_request_args(r) || !kwargs) {
        pb_request_fail(r, pb__exception_of(refused->code), "%s", refused->text);
        return false;
    }
    if (r->callee.role == PB_ROLE_REMOTE && pb__kind(kwargs) != PB_DICT) {
        pb_request_fail(r, "builtins.AttributeError",
                        "'%s' object has no attribute 'keys'",
                        pb_kind_name(pb__kind(kwargs)));
        return false;
    }
    return true;
}

/* Accepts any list in place of the tuple, except for a ViewPoint: Twisted concatenates
 * its perspective and the tuple. */
static int take_args(pb_request *r)
{
    pb_value *args = pb_request_args(r);
    pb_kind kind = pb__kind(args);
    if (kind == PB_TUPLE) {
        return 0;
    }
    if (r->callee.role == PB_ROLE_VIEW) {
        pb_request_fail(r, "builtins.TypeError",
                        "can only concatenate tuple (not \"%s\") to tuple",
                        pb_kind_name(kind));
        return PB_ERR_TYPE;
    }
    if (kind != PB_LIST) {
        return arguments_refuse(r, PB_ERR_TYPE,
                                "argument after * must be an iterable, not %s",
                                pb_kind_name(kind));
    }
    pb_value *tuple = pb_seq(PB_TUPLE, pb_len(args));
    int failed = tuple ? 0 : PB_ERR_NOMEM;
    for (size_t i = 0; !failed && i < pb_len(args); i++) {
        failed = pb_append(tuple, pb_item(args, i));
    }
    if (failed) {
        pb_value_unref(tuple);
        return failed;
    }
    return pb_item_set_steal(r->list, PB__ARGS, tuple);
}

/* Whether the role accepts the keyword names as received. A Referenceable decodes bytes,
 * which a Python 2 peer sends; other roles do not, so that Python refuses them. */
static bool takes_names(const pb_request *r, const pb_value *kwargs)
{
    bool bare = pb__profile_has(pb__profile(r->session), PB__PROFILE_NATIVE_STR_BARE);
    size_t at = 0;
    pb_value *key, *value;
    while (r->callee.role != PB_ROLE_REMOTE && !bare &&
           pb_dict_next(kwargs, &at, &key, &value)) {
        if (pb__kind(key) == PB_BYTES) {
            return false;
        }
    }
    return true;
}

static int take_kwargs(pb_request *r)
{
    pb_value *kwargs = pb_request_kwargs(r);
    if (pb__kind(kwargs) != PB_DICT) {
        return arguments_refuse(r, PB_ERR_TYPE,
                                "argument after ** must be a mapping, not %s",
                                pb_kind_name(pb__kind(kwargs)));
    }
    if (pb_len(kwargs) == 0) {
        return 0;
    }
    pb_value *native = NULL;
    int failed = takes_names(r, kwargs) ? pb__keywords(r->session, kwargs, &native, NULL)
                                        : PB_ERR_TYPE;
    if (failed == PB_ERR_TYPE) {
        pb_request_fail(r, "builtins.TypeError", "keywords must be strings");
    }
    return failed ? failed : pb_item_set_steal(r->list, PB__KWARGS, native);
}

bool pb__arguments_fit(pb_request *r)
{
    int failed = take_args(r);
    failed = failed ? failed : take_kwargs(r);
    if (failed && !r->answered) {
        pb__request_close(r, failed);
    }
    return !failed;
}

/* ---- In the method ---- */

/* The arguments that a method asks for, and those that it got. */
struct taking {
    pb_request *r;
    struct pb__format count;
    const char *const *names; /* NULL: they have none */
    struct pb__seq *given;    /* a tuple, NULL where no argument was given; borrowed */
};

/* The number of arguments that Python passes before them: self, and the perspective to a
 * view_ method. */
static size_t passed_before(const struct taking *t)
{
    return t->r->callee.role == PB_ROLE_VIEW ? 2 : 1;
}

static int fail_too_many(const struct taking *t)
{
    const struct pb__format *c = &t->count;
    size_t before = passed_before(t);
    size_t most = before + c->positional;
    size_t given = before + pb_len(pb_request_args(t->r));
    size_t keywords = 0;
    for (size_t i = c->positional; i < c->units; i++) {
        keywords += t->given->items[i] != NULL;
    }
    char takes[64], more[96] = "";
    bool plural = true;
    if (c->required < c->positional) {
        snprintf(takes, sizeof takes, "from %zu to %zu", before + c->required, most);
    } else {
        snprintf(takes, sizeof takes, "%zu", most);
        plural = most != 1;
    }
    if (keywords > 0) {
        snprintf(more, sizeof more,
                 " positional argument%s (and %zu keyword-only argument%s)",
                 given != 1 ? "s" : "", keywords, keywords != 1 ? "s" : "");
    }
    return arguments_refuse(
        t->r, PB_ERR_TYPE, "takes %s positional argument%s but %zu%s %s given", takes,
        plural ? "s" : "", given, more, given == 1 && keywords == 0 ? "was" : "were");
}

/* Lists the arguments from `from` to `to` that are missing: "'a'", "'a' and 'b'", or
 * "'a', 'b', and 'c'". */
static int list_missing(const struct taking *t, size_t from, size_t to, size_t missing,
                        struct pb__buf *out)
{
    int failed = 0;
    size_t n = 0;
    for (size_t i = from; !failed && i < to; i++) {
        if (!t->given->items[i]) {
            const char *before = n == 0             ? ""
                                 : missing == 2     ? " and "
                                 : n + 1 == missing ? ", and "
                                                    : ", ";
            failed = pb__buf_printf(out, "%s'%s'", before, t->names[i]);
            n++;
        }
    }
    return failed;
}

/* Whether any argument from `from` to `to` is missing; if so, answers. */
static int fail_missing(const struct taking *t, const char *kind, size_t from, size_t to)
{
    size_t missing = 0;
    for (size_t i = from; i < to; i++) {
        missing += !t->given->items[i];
    }
    if (missing == 0) {
        return 0;
    }
    struct pb__buf b = {0};
    int failed = t->names ? list_missing(t, from, to, missing, &b) : 0;
    if (failed) {
        pb__request_close(t->r, failed);
    } else {
        failed =
            arguments_refuse(t->r, PB_ERR_TYPE, "missing %zu required %s argument%s%s%s",
                             missing, kind, missing == 1 ? "" : "s", t->names ? ": " : "",
                             t->names ? (const char *)b.data : "");
    }
    pb__buf_fini(&b);
    return failed;
}

/* The index of a name; the number of units if there is no such name. */
static size_t find_name(const struct taking *t, pb_span name)
{
    size_t i = 0;
    while (i < t->count.units && !(t->names && pb__span_is(name, t->names[i]))) {
        i++;
    }
    return i;
}

/* The name may contain NUL. */
static int refuse_keyword(pb_request *r, const char *why, pb_span name)
{
    struct pb__buf text = {0};
    int e =
        pb__buf_printf(&text, "%s.%s%s() %s '", pb__class_short(r->callee.object->cls),
                       pb__role_prefix(r->callee.role), pb_request_method(r), why);
    e = e ? e : pb__buf_append(&text, name.data, name.len);
    e = e ? e : pb__buf_puts(&text, "'");
    pb__request_fail_buf(r, pb__exception_of(PB_ERR_TYPE), &text, e);
    return PB_ERR_TYPE;
}

static int take_keywords(const struct taking *t)
{
    size_t at = 0;
    pb_value *key, *value;
    while (pb_dict_next(pb_request_kwargs(t->r), &at, &key, &value)) {
        const struct pb__text *text = (const struct pb__text *)key;
        pb_span name = {text->data, text->len};
        size_t i = find_name(t, name);
        if (i == t->count.units) {
            return refuse_keyword(t->r, "got an unexpected keyword argument", name);
        }
        if (t->given->items[i]) {
            return refuse_keyword(t->r, "got multiple values for argument", name);
        }
        t->given->items[i] = pb__ref(value);
    }
    return 0;
}

/* Assigns each argument to its position, and checks in Python's order. */
static int arguments_place(const struct taking *t)
{
    const struct pb__format *c = &t->count;
    const pb_value *args = pb_request_args(t->r);
    for (size_t i = 0; i < c->positional && i < pb_len(args); i++) {
        t->given->items[i] = pb__ref(pb_item(args, i));
    }
    int failed = take_keywords(t);
    if (!failed && pb_len(args) > c->positional) {
        failed = fail_too_many(t);
    }
    size_t positional = c->required < c->positional ? c->required : c->positional;
    failed = failed ? failed : fail_missing(t, "positional", 0, positional);
    return failed
               ? failed
               : fail_missing(t, "keyword-only", c->positional,
                              c->required > c->positional ? c->required : c->positional);
}

/* Answers that an argument has the wrong type; the path in the error begins with its
 * position. */
static int fail_kind(const struct taking *t, const pb_error *err)
{
    char *rest = NULL;
    size_t i = *err->where == '[' ? strtoul(err->where + 1, &rest, 10) : t->count.units;
    rest = rest && *rest == ']' ? rest + 1 : NULL;
    if (!rest || i >= t->count.units) {
        pb_request_fail(t->r, pb__exception_of(err->code), "%s", err->text);
    } else if (t->names) {
        arguments_refuse(t->r, err->code, "argument '%s'%s: %s", t->names[i], rest,
                         err->text);
    } else {
        arguments_refuse(t->r, err->code, "argument %zu%s: %s", i + 1, rest, err->text);
    }
    return err->code;
}

/* First assigns each argument to its position, by name too. */
static int unpack_placed(struct taking *t, const char *format, va_list outs)
{
    size_t names = 0;
    while (t->names && t->names[names]) {
        names++;
    }
    pb__format_count(format, &t->count);
    if (t->names && names != t->count.units) {
        pb_request_fail(t->r, pb__exception_of(PB_ERR_ARG),
                        "%zu names for the %zu arguments of a format", names,
                        t->count.units);
        return PB_ERR_ARG;
    }
    t->given = pb__seq_new(NULL, PB_TUPLE, t->count.units);
    if (!t->given) {
        pb__request_close(t->r, PB_ERR_NOMEM);
        return PB_ERR_NOMEM;
    }
    memset(t->given->items, 0, t->count.units * sizeof *t->given->items);
    t->given->len = (uint32_t)t->count.units;
    pb_error err = {0};
    int failed = arguments_place(t);
    if (!failed) {
        failed = pb__unpack_tuple(&t->given->node.head, &err, format, outs);
        failed = failed ? fail_kind(t, &err) : 0;
    }
    pb_value_unref(&t->given->node.head);
    return failed;
}

/* If the arguments cannot be unpacked, the outputs are empty. */
static int arguments_unpack(struct taking *t, const char *format, va_list outs)
{
    if (!format) {
        pb_request_fail(t->r, pb__exception_of(PB_ERR_ARG),
                        "the format of the arguments is NULL");
        return PB_ERR_ARG;
    }
    if (t->r && !pb_request_args(t->r)) { /* the method has returned */
        pb__unpack_tuple(NULL, NULL, format, outs);
        return PB_ERR_STATE;
    }
    /* Without names in the format or in the call, only the tuple matters. */
    bool plain = t->r && !t->names && pb_len(pb_request_kwargs(t->r)) == 0;
    if (plain && pb__unpack_tuple(pb_request_args(t->r), NULL, format, outs) == 0) {
        return 0;
    }
    int failed = t->r ? unpack_placed(t, format, outs) : PB_ERR_ARG;
    if (failed) {
        pb__unpack_tuple(NULL, NULL, format, outs);
    }
    return failed;
}

int pb_request_unpack(pb_request *r, const char *format, ...)
{
    struct taking t = {.r = r};
    va_list outs;
    va_start(outs, format);
    int failed = arguments_unpack(&t, format, outs);
    va_end(outs);
    return failed;
}

int pb_request_unpack_keywords(pb_request *r, const char *format,
                               const char *const *names, ...)
{
    struct taking t = {.r = r, .names = names};
    va_list outs;
    va_start(outs, names);
    int failed = arguments_unpack(&t, format, outs);
    va_end(outs);
    return failed;
}
