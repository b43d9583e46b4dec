/* SPDX-License-Identifier: MIT
 *
 * pb_build: values by format. Once something has failed, the rest of the format is walked
 * all the same, so that each N is taken. */
#include <stdarg.h>
#include <string.h>

#include "compat/value.h"
#include "libpb/base/error.h"

#define DEPTH 32

/* An open bracket, or the outermost level. */
struct level {
    pb_value *items; /* list, tuple or dict */
    pb_value *key;   /* of a dict, while its value is made */
};

struct building {
    const char *format, *at;
    va_list args;
    pb_error *err;
    int e;        /* the first failure */
    bool unknown; /* a letter has no meaning, so that the next argument is not known */
    size_t depth;
    struct level levels[DEPTH + 1];
};

static void fail(struct building *b, int e, const char *text)
{
    if (b->e == 0) {
        b->e = pb__error_set(b->err, e, (uint64_t)(b->at - b->format), "%s", text);
    }
}

/* Puts v, which is taken, into the bracket that is open; NULL is what could not be made. */
static void put(struct building *b, pb_value *v)
{
    if (!v) {
        fail(b, PB_ERR_NOMEM, pb_strerror(PB_ERR_NOMEM));
    }
    if (b->e) {
        pb_value_unref(v);
        return;
    }
    struct level *l = &b->levels[b->depth];
    int e = 0;
    if (pb__kind(l->items) != PB_DICT) {
        e = pb_append_steal(l->items, v);
    } else if (!l->key) {
        l->key = v;
    } else {
        pb_value *key = l->key;
        l->key = NULL;
        e = pb_dict_set_value_steal(l->items, key, v);
    }
    if (e) {
        fail(b, e, e == PB_ERR_TYPE ? "a key of a dict is unhashable" : pb_strerror(e));
    }
}

static void open_level(struct building *b, char bracket)
{
    if (b->e) {
        return;
    }
    if (b->depth == DEPTH) {
        fail(b, PB_ERR_LIMIT, "the format is nested deeper than 32");
        return;
    }
    pb_value *items = bracket == '{'   ? pb_dict()
                      : bracket == '[' ? pb_list()
                                       : pb_seq(PB_TUPLE, 4);
    if (!items) {
        fail(b, PB_ERR_NOMEM, pb_strerror(PB_ERR_NOMEM));
        return;
    }
    b->levels[++b->depth] = (struct level){.items = items};
}

static void close_level(struct building *b, char bracket)
{
    if (b->e) {
        return;
    }
    struct level *l = &b->levels[b->depth];
    pb_kind kind = pb__kind(l->items);
    char closes = kind == PB_DICT ? '}' : kind == PB_LIST ? ']' : ')';
    if (b->depth == 0 || bracket != closes) {
        fail(b, PB_ERR_ARG, "a bracket of the format closes none");
    } else if (l->key) {
        fail(b, PB_ERR_ARG, "a key of the format has no value");
    } else {
        pb_value *v = l->items;
        b->depth--;
        if (kind == PB_TUPLE && pb_len(v) == 0) {
            pb__unref(v);
            v = pb__ref(&pb__empty_tuple.node.head);
        }
        put(b, v);
    }
}

/* s, y or z, with or without #. */
static void put_text(struct building *b, char letter)
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
        put(b, pb_none());
    } else if (!s && (len != 0 || !counted)) {
        fail(b, PB_ERR_ARG, "a pointer to text is NULL");
    } else if (letter == 'y') {
        put(b, pb_bytes(span));
    } else {
        pb_error why = {0};
        pb_value *v = pb_strn(span, &why);
        if (!v) {
            fail(b, why.code, why.text);
        } else {
            put(b, v);
        }
    }
}

static void put_value(struct building *b, bool stolen)
{
    pb_value *v = va_arg(b->args, pb_value *);
    if (!v) {
        fail(b, PB_ERR_ARG, "a value is NULL");
        return;
    }
    put(b, stolen ? v : pb__ref(v));
}

static void unit(struct building *b, char letter)
{
    switch (letter) {
    case 'i':
        put(b, pb_int(va_arg(b->args, int)));
        break;
    case 'L':
        put(b, pb_int(va_arg(b->args, int64_t)));
        break;
    case 'd':
        put(b, pb_float(va_arg(b->args, double)));
        break;
    case 'p':
        put(b, pb_bool(va_arg(b->args, int) != 0));
        break;
    case 's':
    case 'y':
    case 'z':
        put_text(b, letter);
        break;
    case 'O':
    case 'N':
        put_value(b, letter == 'N');
        break;
    case '(':
    case '[':
    case '{':
        open_level(b, letter);
        break;
    case ')':
    case ']':
    case '}':
        close_level(b, letter);
        break;
    case ',':
    case ':':
    case ' ':
        break;
    default:
        fail(b, PB_ERR_ARG, "the format has a letter that means nothing");
        b->unknown = true;
    }
}

/* What the outermost level holds: nothing is None, one is itself. */
static pb_value *whole(pb_value *units)
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

/* With tuple the outermost level is a tuple, however many units it has. */
static pb_value *build(pb_error *err, const char *format, va_list args, bool tuple)
{
    struct building b = {.format = format, .at = format, .err = err};
    if (!format) {
        pb__error_null(err, "the format");
        return NULL;
    }
    b.levels[0].items = pb_seq(PB_TUPLE, 4);
    if (!b.levels[0].items) {
        fail(&b, PB_ERR_NOMEM, pb_strerror(PB_ERR_NOMEM));
    }
    va_copy(b.args, args);
    for (; *b.at && !b.unknown; b.at++) {
        unit(&b, *b.at);
    }
    va_end(b.args);
    if (b.depth != 0) {
        fail(&b, PB_ERR_ARG, "a bracket of the format is never closed");
    }
    pb_value *v = NULL;
    if (!b.e) {
        v = tuple ? pb__ref(b.levels[0].items) : whole(b.levels[0].items);
    }
    for (size_t i = 0; i <= b.depth; i++) {
        pb_value_unref(b.levels[i].items);
        pb_value_unref(b.levels[i].key);
    }
    return v;
}

pb_value *pb_build(pb_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pb_value *v = build(err, format, args, false);
    va_end(args);
    return v;
}

pb_value *pb__build_tuple(pb_error *err, const char *format, va_list args)
{
    return build(err, format, args, true);
}
