/* SPDX-License-Identifier: MIT
 *
 * pb_build, and building the arguments of a call by a format. After a failure the rest of
 * the format is still processed, so that the value of each N is taken over. */
#include <stdarg.h>
#include <string.h>

#include "compat/value.h"
#include "libpb/base/error.h"

#define DEPTH 32

/* An open bracket, or the outermost level. */
struct level {
    pb_value *items; /* list, tuple or dict */
    pb_value *key;   /* of a dict, while its value is built */
};

struct building {
    const char *format, *at;
    va_list args;
    pb_error *err;
    int e; /* the first failure */
    /* a letter without meaning was found; it may have any number of arguments */
    bool unknown;
    bool named;       /* for the arguments of a call: keyword arguments are allowed */
    pb_value *kwargs; /* keyword arguments; NULL: none so far */
    pb_value *name;   /* name of the next keyword argument */
    size_t depth;
    struct level levels[DEPTH + 1];
};

static void build_fail(struct building *b, int e, const char *format, ...)
    PB_PRINTF(3, 4);

static void build_fail(struct building *b, int e, const char *format, ...)
{
    if (b->e == 0) {
        va_list args;
        va_start(args, format);
        b->e = e;
        pb__error_setv(b->err, e, (uint64_t)(b->at - b->format), format, args);
        va_end(args);
    }
}

static void fail_nomem(struct building *b)
{
    build_fail(b, PB_ERR_NOMEM, "%s", pb_strerror(PB_ERR_NOMEM));
}

/* Adds an argument of a call, which is taken over. */
static int put_argument(struct building *b, pb_value *v)
{
    if (b->name) {
        pb_value *name = b->name;
        b->name = NULL;
        return pb_dict_set_value_steal(b->kwargs, name, v);
    }
    if (b->kwargs) {
        build_fail(b, PB_ERR_ARG, "a positional argument follows a keyword argument");
        pb__unref(v);
        return 0;
    }
    return pb_append_steal(b->levels[0].items, v);
}

/* Adds v, which is taken over, to the open bracket. NULL: the value could not be made. */
static void build_put(struct building *b, pb_value *v)
{
    if (!v) {
        fail_nomem(b);
    }
    if (b->e) {
        pb_value_unref(v);
        return;
    }
    struct level *l = &b->levels[b->depth];
    int e = 0;
    if (b->depth == 0) {
        e = put_argument(b, v);
    } else if (pb__kind(l->items) != PB_DICT) {
        e = pb_append_steal(l->items, v);
    } else if (!l->key) {
        l->key = v;
    } else {
        pb_value *key = l->key;
        l->key = NULL;
        e = pb_dict_set_value_steal(l->items, key, v);
    }
    if (e) {
        build_fail(b, e, "%s",
                   e == PB_ERR_TYPE ? "a key of a dict is unhashable" : pb_strerror(e));
    }
}

static void build_open(struct building *b, char bracket)
{
    if (b->e) {
        return;
    }
    if (b->depth == DEPTH) {
        build_fail(b, PB_ERR_LIMIT, "the format is nested deeper than 32");
        return;
    }
    pb_value *items = bracket == '{'   ? pb_dict()
                      : bracket == '[' ? pb_list()
                                       : pb_seq(PB_TUPLE, 4);
    if (!items) {
        fail_nomem(b);
        return;
    }
    b->levels[++b->depth] = (struct level){.items = items};
}

static void build_close(struct building *b, char bracket)
{
    if (b->e) {
        return;
    }
    struct level *l = &b->levels[b->depth];
    pb_kind kind = pb__kind(l->items);
    char closes = kind == PB_DICT ? '}' : kind == PB_LIST ? ']' : ')';
    if (b->depth == 0 || bracket != closes) {
        build_fail(b, PB_ERR_ARG, "the format closes a bracket that it never opens");
    } else if (l->key) {
        build_fail(b, PB_ERR_ARG, "a key of the format has no value");
    } else {
        pb_value *v = l->items;
        b->depth--;
        if (kind == PB_TUPLE && pb_len(v) == 0) {
            pb__unref(v);
            v = pb__ref(&pb__empty_tuple.node.head);
        }
        build_put(b, v);
    }
}

/* Builds s, y or z, with or without #. */
static void build_put_text(struct building *b, char letter)
{
    const char *s = va_arg(b->args, const char *);
    size_t len = 0;
    bool counted = b->at[1] == '#';
    if (counted) {
        b->at++;
        len = va_arg(b->args, size_t);
    } else if (s) {
        len = strlen(s);
    }
    if (b->e) {
        return;
    }
    pb_span span = {(const uint8_t *)s, len};
    if (!s && letter == 'z') {
        build_put(b, pb_none());
    } else if (!s && (len != 0 || !counted)) {
        build_fail(b, PB_ERR_ARG, "a pointer to text is NULL");
    } else if (letter == 'y') {
        build_put(b, pb_bytes(span));
    } else {
        pb_error why;
        pb__error_init(&why);
        pb_value *v = pb_strn(span, &why);
        if (!v) {
            build_fail(b, why.code, "%s", why.text);
        } else {
            build_put(b, v);
        }
    }
}

static void put_value(struct building *b, bool stolen)
{
    pb_value *v = va_arg(b->args, pb_value *);
    if (!v) {
        build_fail(b, PB_ERR_ARG, "a value is NULL");
        return;
    }
    build_put(b, stolen ? v : pb__ref(v));
}

static void build_unit(struct building *b, char letter)
{
    switch (letter) {
    case 'i':
        build_put(b, pb_int(va_arg(b->args, int)));
        break;
    case 'L':
        build_put(b, pb_int(va_arg(b->args, int64_t)));
        break;
    case 'd':
        build_put(b, pb_float(va_arg(b->args, double)));
        break;
    case 'p':
        build_put(b, pb_bool(va_arg(b->args, int) != 0));
        break;
    case 's':
    case 'y':
    case 'z':
        build_put_text(b, letter);
        break;
    case 'O':
    case 'N':
        put_value(b, letter == 'N');
        break;
    case '(':
    case '[':
    case '{':
        build_open(b, letter);
        break;
    case ')':
    case ']':
    case '}':
        build_close(b, letter);
        break;
    case ',':
    case ':':
    case ' ':
        break;
    case '=':
        build_fail(b, PB_ERR_ARG, "a '=' of the format has no name before it");
        break;
    default:
        build_fail(b, PB_ERR_ARG, "the format has an unknown letter");
        b->unknown = true;
    }
}

/* If `name=` follows, skips it and returns true; the next unit is the keyword argument of
 * that name. */
static bool take_name(struct building *b)
{
    static const char letters[] = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789";
    const char *name = b->at;
    int len = (int)strspn(name, letters);
    if (len == 0 || name[len] != '=') {
        return false;
    }
    if (b->depth != 0) {
        build_fail(b, PB_ERR_ARG, "the keyword argument '%.*s' is inside a bracket", len,
                   name);
    } else if (*name >= '0' && *name <= '9') {
        build_fail(b, PB_ERR_ARG, "'%.*s' is not the name of a keyword argument", len,
                   name);
    } else if (b->name) {
        build_fail(b, PB_ERR_ARG, "a keyword argument of the format has no value");
    }
    b->at += len;
    if (b->e) {
        return true;
    }
    b->kwargs = b->kwargs ? b->kwargs : pb_dict();
    b->name = pb_strn((pb_span){(const uint8_t *)name, (size_t)len}, NULL);
    if (!b->kwargs || !b->name) {
        fail_nomem(b);
    } else if (pb_dict_get_value(b->kwargs, b->name)) {
        build_fail(b, PB_ERR_ARG, "keyword argument repeated: %.*s", len, name);
    }
    return true;
}

/* Prepares to build the units in a tuple, which is taken, or in a new one. A level is
 * filled when it is opened, so that the others need no zeros. */
static void building_init(struct building *b, pb_value *units, pb_error *err, bool named)
{
    b->err = err;
    b->e = 0;
    b->unknown = false;
    b->named = named;
    b->kwargs = b->name = NULL;
    b->depth = 0;
    b->levels[0] = (struct level){.items = units ? units : pb_seq(PB_TUPLE, 4)};
}

/* Processes the format. The units are in levels[0] and kwargs. */
static void build_value(struct building *b, const char *format, va_list args)
{
    b->format = b->at = format ? format : "";
    if (!b->levels[0].items) {
        fail_nomem(b);
    } else if (!format) {
        b->e = pb__error_null(b->err, "the format");
    }
    b->named = b->named && strchr(b->format, '=');
    va_copy(b->args, args);
    for (; *b->at && !b->unknown; b->at++) {
        if (!b->named || !take_name(b)) {
            build_unit(b, *b->at);
        }
    }
    va_end(b->args);
    if (b->depth != 0) {
        build_fail(b, PB_ERR_ARG, "a bracket of the format is never closed");
    } else if (b->name) {
        build_fail(b, PB_ERR_ARG, "a keyword argument of the format has no value");
    }
}

static void building_fini(struct building *b)
{
    for (size_t i = 0; i <= b->depth; i++) {
        pb_value_unref(b->levels[i].items);
        pb_value_unref(b->levels[i].key);
    }
    pb_value_unref(b->kwargs);
    pb_value_unref(b->name);
}

/* The result of the outermost level: no unit is None, one unit is that value. */
static pb_value *build_whole(pb_value *units)
{
    switch (pb_len(units)) {
    case 0:
        return pb_none();
    case 1:
        return pb__ref(pb_item(units, 0));
    default:
        return pb__ref(units);
    }
}

pb_value *pb_build(pb_error *err, const char *format, ...)
{
    struct building b;
    va_list args;
    building_init(&b, NULL, err, false);
    va_start(args, format);
    build_value(&b, format, args);
    va_end(args);
    pb_value *v = b.e ? NULL : build_whole(b.levels[0].items);
    building_fini(&b);
    return v;
}

int pb__build_arguments(pb_value **args, pb_value **kwargs, pb_error *err,
                        const char *format, va_list values)
{
    struct building b;
    building_init(&b, *args, err, true);
    build_value(&b, format, values);
    *args = b.e ? NULL : pb__ref(b.levels[0].items);
    *kwargs = b.e ? NULL : pb_value_ref(b.kwargs);
    building_fini(&b);
    return b.e;
}
