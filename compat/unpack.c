/* SPDX-License-Identifier: MIT
 *
 * pb_unpack: unpacking values by a format. The format is always processed to its end, so
 * that the pointers for missing values are skipped. If that fails, the format is
 * processed again to clear the outputs. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compat/value.h"
#include "libpb/base/error.h"

#define DEPTH 32

/* An open bracket. */
struct level {
    const pb_value *v; /* NULL: missing, and so are all values in it */
    const char *key;   /* in {}: the last key */
    bool keyed;        /* its value follows */
    size_t i;          /* the next item of a tuple or list */
    char close;        /* 0: the outermost level, of which v is the only unit */
    bool optional;     /* after `|`, or after a key with `?` */
};

struct unpacking {
    const char *at;
    va_list args;
    pb_error *err;
    size_t depth;
    bool arguments; /* the format may have `$` */
    bool clearing;  /* it has failed: clears the outputs that are not optional */
    struct level levels[DEPTH + 1];
};

/* Fills the error, with the path to the current item. */
static int unpack_fail(struct unpacking *u, int e, const char *format, ...)
    PB_PRINTF(3, 4);

static int unpack_fail(struct unpacking *u, int e, const char *format, ...)
{
    bool first = u->err && u->err->code == PB_OK;
    va_list args;
    va_start(args, format);
    pb__error_setv(u->err, e, 0, format, args);
    va_end(args);
    for (size_t i = 0; first && i <= u->depth; i++) {
        const struct level *l = &u->levels[i];
        if (l->close == '}' && l->key) {
            pb__error_where(u->err, "['%s']", l->key);
        } else if (l->close && l->close != '}' && l->i != 0) {
            pb__error_where(u->err, "[%zu]", l->i - 1);
        }
    }
    return e;
}

static int unpack_mismatch(struct unpacking *u, const char *wanted, const pb_value *v)
{
    return unpack_fail(u, PB_ERR_TYPE, "%s expected, got %s", wanted,
                       pb_kind_name(pb__kind(v)));
}

/* Returns whether an output without a value is cleared. */
static bool is_cleared(const struct unpacking *u)
{
    bool cleared = u->clearing;
    for (size_t i = 0; i <= u->depth; i++) {
        cleared = cleared && !u->levels[i].optional;
    }
    return cleared;
}

static int no_place(struct unpacking *u)
{
    return u->clearing ? 0 : unpack_fail(u, PB_ERR_ARG, "a pointer for a result is NULL");
}

/* Finds the value for the next unit; NULL if it is missing. */
static int next_value(struct unpacking *u, const pb_value **out)
{
    struct level *l = &u->levels[u->depth];
    *out = NULL;
    if (!l->v) {
        return 0;
    }
    if (l->close == 0) {
        *out = l->v;
        return 0;
    }
    if (l->close == '}') {
        *out = pb_dict_get(l->v, l->key);
        return *out || l->optional
                   ? 0
                   : unpack_fail(u, PB_ERR_TYPE, "the key '%s' is missing", l->key);
    }
    *out = pb_item(l->v, l->i++);
    return *out || l->optional
               ? 0
               : unpack_fail(u, PB_ERR_TYPE, "%s of at least %zu expected, got %zu",
                             pb_kind_name(pb__kind(l->v)), l->i, pb_len(l->v));
}

static int number_failed(struct unpacking *u, int e, const char *wanted,
                         const pb_value *v)
{
    return e == PB_ERR_TYPE
               ? unpack_mismatch(u, wanted, v)
               : unpack_fail(u, e, "the %s does not fit", pb_kind_name(pb__kind(v)));
}

static int take_int(struct unpacking *u, const pb_value *v)
{
    int *out = va_arg(u->args, int *);
    int64_t i = 0;
    if (!out) {
        return no_place(u);
    }
    int e = v ? pb_as_int(v, &i) : 0;
    if (e == 0 && (i < INT_MIN || i > INT_MAX)) {
        e = PB_ERR_RANGE;
    }
    if (e) {
        return number_failed(u, e, "int", v);
    }
    if (v || is_cleared(u)) {
        *out = (int)i;
    }
    return 0;
}

static int take_int64(struct unpacking *u, const pb_value *v)
{
    int64_t *out = va_arg(u->args, int64_t *);
    int64_t i = 0;
    if (!out) {
        return no_place(u);
    }
    int e = v ? pb_as_int(v, &i) : 0;
    if (e) {
        return number_failed(u, e, "int", v);
    }
    if (v || is_cleared(u)) {
        *out = i;
    }
    return 0;
}

static int take_double(struct unpacking *u, const pb_value *v)
{
    double *out = va_arg(u->args, double *);
    double d = 0;
    if (!out) {
        return no_place(u);
    }
    int e = v ? pb_as_float(v, &d) : 0;
    if (e) {
        return number_failed(u, e, "float", v);
    }
    if (v || is_cleared(u)) {
        *out = d;
    }
    return 0;
}

static int take_bool(struct unpacking *u, const pb_value *v)
{
    int *out = va_arg(u->args, int *);
    bool b = false;
    if (!out) {
        return no_place(u);
    }
    if (v && pb_as_bool(v, &b) != 0) {
        return unpack_mismatch(u, "bool", v);
    }
    if (v || is_cleared(u)) {
        *out = b;
    }
    return 0;
}

/* Reads s, y or z, with or without #. */
static int unpack_text(struct unpacking *u, char letter, const pb_value *v)
{
    const char **out = va_arg(u->args, const char **);
    size_t unused = 0, *len = &unused;
    bool counted = u->at[1] == '#';
    if (counted) {
        u->at++;
        len = va_arg(u->args, size_t *);
    }
    if (!out || !len) {
        return no_place(u);
    }
    pb_span span = {0};
    bool none = !v || (letter == 'z' && pb__kind(v) == PB_NONE);
    int e = none ? 0 : letter == 'y' ? pb_as_bytes(v, &span) : pb_as_text(v, &span);
    if (e) {
        return unpack_mismatch(u, letter == 'y' ? "bytes" : "str", v);
    }
    if (!counted && span.len != 0 && memchr(span.data, 0, span.len)) {
        return unpack_fail(u, PB_ERR_TYPE, "%s without NUL expected",
                           letter == 'y' ? "bytes" : "str");
    }
    if (v || is_cleared(u)) {
        *out = (const char *)span.data;
        *len = span.len;
    }
    return 0;
}

static int take_value(struct unpacking *u, const pb_value *v)
{
    const pb_value **out = va_arg(u->args, const pb_value **);
    if (!out) {
        return no_place(u);
    }
    if (v || is_cleared(u)) {
        *out = v;
    }
    return 0;
}

static int unpack_open(struct unpacking *u, char bracket, const pb_value *v)
{
    if (u->depth == DEPTH) {
        return unpack_fail(u, PB_ERR_LIMIT, "the format is nested deeper than 32");
    }
    char close = (char)(bracket == '(' ? ')' : bracket == '[' ? ']' : '}');
    pb_kind wanted = bracket == '(' ? PB_TUPLE : bracket == '[' ? PB_LIST : PB_DICT;
    if (v && pb__kind(v) != wanted) {
        return unpack_mismatch(u, pb_kind_name(wanted), v);
    }
    u->levels[++u->depth] = (struct level){.v = v, .close = close};
    return 0;
}

static int unpack_close(struct unpacking *u, char bracket)
{
    struct level *l = &u->levels[u->depth];
    if (l->close != bracket && !u->clearing) {
        return unpack_fail(u, PB_ERR_ARG,
                           "the format closes a bracket that it never opens");
    }
    if (l->v && bracket != '}' && pb_len(l->v) > l->i) {
        size_t most = l->i;
        l->i = 0;
        return unpack_fail(u, PB_ERR_TYPE, "%s of %zu expected, got %zu",
                           pb_kind_name(pb__kind(l->v)), most, pb_len(l->v));
    }
    u->depth -= u->depth != 0;
    return 0;
}

/* Reads v by one letter; v is NULL if it is missing. */
static int unpack_unit(struct unpacking *u, char letter, const pb_value *v)
{
    switch (letter) {
    case 'i':
        return take_int(u, v);
    case 'L':
        return take_int64(u, v);
    case 'd':
        return take_double(u, v);
    case 'p':
        return take_bool(u, v);
    case 's':
    case 'y':
    case 'z':
        return unpack_text(u, letter, v);
    case 'O':
        return take_value(u, v);
    default:
        return unpack_open(u, letter, v);
    }
}

/* In {}: reads a key, which is an argument of letter s. */
static int take_key(struct unpacking *u, struct level *l)
{
    if (*u->at != 's') {
        return unpack_fail(u, PB_ERR_ARG, "a key of the format is not s");
    }
    l->key = va_arg(u->args, const char *);
    if (!l->key && !u->clearing) {
        return unpack_fail(u, PB_ERR_ARG, "a key is NULL");
    }
    l->keyed = true;
    l->optional = u->at[1] == '?';
    u->at += l->optional;
    return 0;
}

static bool is_unit(char c)
{
    switch (c) {
    case 'i':
    case 'L':
    case 'd':
    case 'p':
    case 's':
    case 'y':
    case 'z':
    case 'O':
    case '(':
    case '[':
    case '{':
        return true;
    default:
        return false;
    }
}

/* Processes the format at u->at. */
static int unpack_step(struct unpacking *u)
{
    char c = *u->at;
    struct level *l = &u->levels[u->depth];
    if (c == ',' || c == ':' || c == ' ' || (c == '$' && u->arguments && u->depth == 0)) {
        return 0;
    }
    if (c == ')' || c == ']' || c == '}') {
        return unpack_close(u, c);
    }
    if (c == '|' && l->close != '}') {
        l->optional = true;
        return 0;
    }
    if (l->close == '}' && !l->keyed) {
        return take_key(u, l);
    }
    if (!is_unit(c)) {
        return unpack_fail(u, PB_ERR_ARG, "the format has an unknown letter");
    }
    const pb_value *v;
    int e = next_value(u, &v);
    l->keyed = false;
    return e ? e : unpack_unit(u, c, v);
}

void pb__format_count(const char *format, struct pb__format *out)
{
    *out = (struct pb__format){.required = SIZE_MAX, .positional = SIZE_MAX};
    size_t depth = 0;
    for (; *format; format++) {
        out->units += depth == 0 && is_unit(*format);
        if (*format == '|' && depth == 0) {
            out->required = out->units;
        } else if (*format == '$' && depth == 0) {
            out->positional = out->units;
        }
        depth += *format == '(' || *format == '[' || *format == '{';
        depth -= depth != 0 && (*format == ')' || *format == ']' || *format == '}');
    }
    out->one = out->units == 1 && out->required == SIZE_MAX;
    out->required = out->required < out->units ? out->required : out->units;
    out->positional = out->positional < out->units ? out->positional : out->units;
}

/* The target of the format: the value, its items, or the arguments of a call. */
enum of { ITSELF, ITEMS, ARGUMENTS };

/* Processes the format. If v is NULL, it clears the outputs up to the first letter
 * without meaning. */
static int unpack_walk(const pb_value *v, pb_error *err, const char *format, va_list args,
                       enum of of)
{
    struct unpacking u; /* a level is filled when it is opened */
    u.at = format;
    u.err = err;
    u.depth = 0;
    u.arguments = of == ARGUMENTS;
    u.clearing = !v;
    /* '$' stands for a bracket that only the end of the format closes. */
    u.levels[0] = (struct level){.v = v, .close = of == ITSELF ? 0 : '$'};
    pb_kind kind = pb__kind_or_nothing(v);
    bool fits = of == ITSELF || !v || kind == PB_TUPLE || kind == PB_LIST;
    int e = fits ? 0 : unpack_mismatch(&u, "tuple", v);
    va_copy(u.args, args);
    for (; e == 0 && *u.at; u.at++) {
        e = unpack_step(&u);
    }
    va_end(u.args);
    if (e == 0 && u.depth != 0) {
        e = unpack_fail(&u, PB_ERR_ARG, "a bracket of the format is never closed");
    }
    return e || of == ITSELF ? e : unpack_close(&u, '$');
}

static int unpack_value(const pb_value *v, pb_error *err, const char *format,
                        va_list args, enum of of)
{
    int e = v ? unpack_walk(v, err, format, args, of)
              : pb__error_null(err, "the value to unpack");
    if (e) {
        unpack_walk(NULL, NULL, format, args, of);
    }
    return e;
}

int pb_unpack(const pb_value *v, pb_error *err, const char *format, ...)
{
    struct pb__format count;
    if (!format) {
        return pb__error_null(err, "the format");
    }
    pb__format_count(format, &count);
    va_list args;
    va_start(args, format);
    int e = unpack_value(v, err, format, args, count.one ? ITSELF : ITEMS);
    va_end(args);
    return e;
}

int pb__unpack_tuple(const pb_value *v, pb_error *err, const char *format, va_list args)
{
    return unpack_value(v, err, format, args, ARGUMENTS);
}
