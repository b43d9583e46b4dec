/* SPDX-License-Identifier: MIT
 *
 * Parses Python literals: brackets, names and signs. Open brackets are on an explicit
 * stack. Numbers, strings and calls have their own files. */
#include "compat/literal.h"

#include "libpb/base/buf.h"

#define DEPTH 1000

/* An open bracket. */
struct frame {
    const char *start;
    char close;
    bool comma;                  /* a comma was read: (1,) is a tuple, (1) is not */
    const struct pb__call *call; /* for "name(", otherwise NULL */
    pb_value *items; /* list or tuple; for {} a dict or set, NULL until that is known */
    pb_value *key;   /* of a dict, while its value is parsed */
    size_t position; /* position of the next argument of a call */
    pb_value *args[PB__CALL_ARGS];
};

struct parser {
    struct pb__literal l;
    pb_error error;
    struct pb__buf frames;
    bool may_close; /* a closing bracket is allowed in place of the next value */
};

pb_value *pb__literal_fail(struct pb__literal *l, const char *place, const char *format,
                           ...)
{
    va_list args;
    va_start(args, format);
    pb__error_setv(l->err, PB_ERR_SYNTAX, (uint64_t)(place - l->text), format, args);
    va_end(args);
    return NULL;
}

pb_value *pb__literal_nomem(struct pb__literal *l)
{
    pb__error_nomem(l->err);
    return NULL;
}

static struct frame *parser_top(struct parser *p)
{
    if (p->frames.len == 0) {
        return NULL;
    }
    return (struct frame *)(void *)(p->frames.data + p->frames.len) - 1;
}

static void parser_pop(struct parser *p)
{
    struct frame *f = parser_top(p);
    pb_value_unref(f->items);
    pb_value_unref(f->key);
    for (size_t i = 0; i < PB__CALL_ARGS; i++) {
        pb_value_unref(f->args[i]);
    }
    p->frames.len -= sizeof *f;
}

/* Opens the bracket at p->l.at; returns false if that fails. */
static bool parser_push(struct parser *p, const struct pb__call *call)
{
    char open = *p->l.at;
    struct frame f = {.start = p->l.at,
                      .close = (char)(open == '['   ? ']'
                                      : open == '(' ? ')'
                                                    : '}'),
                      .call = call};
    if (p->frames.len / sizeof f == DEPTH) {
        pb__error_set(p->l.err, PB_ERR_LIMIT, (uint64_t)(p->l.at - p->l.text),
                      "nested deeper than %d", DEPTH);
        return false;
    }
    if (open != '{' && !call) {
        f.items = pb_seq(open == '[' ? PB_LIST : PB_TUPLE, 4);
        if (!f.items) {
            pb__literal_nomem(&p->l);
            return false;
        }
    }
    if (pb__buf_append(&p->frames, &f, sizeof f)) {
        pb_value_unref(f.items);
        pb__literal_nomem(&p->l);
        return false;
    }
    p->l.at++;
    p->may_close = true;
    return true;
}

/* Returns the value of a bracket at its end; *new*. */
static pb_value *close_frame(struct parser *p)
{
    struct frame *f = parser_top(p);
    pb_value *v;
    if (f->call) {
        v = f->call->make(&p->l, f->start, f->args);
    } else if (!f->items) {
        v = pb_dict();
        v = v ? v : pb__literal_nomem(&p->l);
    } else if (f->close == ')' && pb_len(f->items) == 0) {
        v = pb__ref(&pb__empty_tuple.node.head);
    } else if (f->close == ')' && pb_len(f->items) == 1 && !f->comma) {
        v = pb__ref(pb_item(f->items, 0));
    } else {
        v = pb__ref(f->items);
    }
    parser_pop(p);
    return v;
}

static bool put_arg(struct parser *p, struct frame *f, const char *place, pb_value *v)
{
    size_t i = f->position++;
    if (i >= PB__CALL_ARGS || !f->call->args[i]) {
        pb__literal_fail(&p->l, place, "too many arguments for %s", f->call->name);
    } else if (f->args[i]) {
        pb__literal_fail(&p->l, place, "%s has the argument %s twice", f->call->name,
                         f->call->args[i]);
    } else {
        f->args[i] = v;
        return true;
    }
    pb__unref(v);
    return false;
}

/* Reports an error of adding a value to a container. */
static bool put_failed(struct parser *p, int e, const char *place, const char *kind)
{
    if (e == PB_ERR_TYPE) {
        pb__literal_fail(&p->l, place, "unhashable type: '%s'", kind);
    } else {
        pb__literal_nomem(&p->l);
    }
    return false;
}

/* Adds v to a {}, which becomes a dict at its first colon. */
static bool put_braces(struct parser *p, struct frame *f, const char *place, pb_value *v)
{
    if (!f->items) {
        f->items = *p->l.at == ':' ? pb_dict() : pb_seq(PB_SET, 4);
        if (!f->items) {
            pb__unref(v);
            pb__literal_nomem(&p->l);
            return false;
        }
    }
    if (f->key) {
        const char *kind = pb_kind_name(pb__kind(f->key));
        pb_value *key = f->key;
        f->key = NULL;
        int e = pb_dict_set_value_steal(f->items, key, v);
        return e ? put_failed(p, e, place, kind) : true;
    }
    if (pb__kind(f->items) == PB_DICT) {
        f->key = v;
        if (*p->l.at != ':') {
            pb__literal_fail(&p->l, p->l.at, "':' expected after a key");
            return false;
        }
        p->l.at++;
        return true;
    }
    const char *kind = pb_kind_name(pb__kind(v));
    int e = pb_append_steal(f->items, v);
    return e ? put_failed(p, e, place, kind) : true;
}

/* Adds v, which began at `place`, to the open bracket, and reads what follows: *closed is
 * set if that ends the bracket. */
static bool parser_put(struct parser *p, const char *place, pb_value *v, bool *closed)
{
    struct frame *f = parser_top(p);
    *closed = false;
    p->may_close = false;
    pb__literal_skip_space(&p->l);
    bool good;
    if (f->call) {
        good = put_arg(p, f, place, v);
    } else if (f->close == '}') {
        good = put_braces(p, f, place, v);
    } else {
        int e = pb_append_steal(f->items, v);
        good = e ? put_failed(p, e, place, "") : true;
    }
    if (!good || f->key) {
        return good;
    }
    if (*p->l.at == ',') {
        p->l.at++;
        f->comma = true;
        p->may_close = true;
    } else if (*p->l.at == f->close) {
        p->l.at++;
        *closed = true;
    } else if (*p->l.at == '\0') {
        pb__literal_fail(&p->l, f->start, "'%c' is never closed", *f->start);
        return false;
    } else {
        pb__literal_fail(&p->l, p->l.at, "',' or '%c' expected", f->close);
        return false;
    }
    return true;
}

static pb_value *literal_constant(struct pb__literal *l, const char *name, size_t len,
                                  bool negative)
{
    static const char *const names[] = {"None", "True", "False", "inf", "nan"};
    size_t i = negative ? 3 : 0;
    while (i < 5 && (strlen(names[i]) != len || memcmp(names[i], name, len) != 0)) {
        i++;
    }
    pb_value *v;
    switch (i) {
    case 0:
        return pb_none();
    case 1:
    case 2:
        return pb_bool(i == 1);
    case 3:
        v = pb_float(negative ? -__builtin_inf() : __builtin_inf());
        return v ? v : pb__literal_nomem(l);
    case 4:
        v = pb_float(__builtin_nan(""));
        return v ? v : pb__literal_nomem(l);
    default:
        return pb__literal_fail(l, name, "'%.*s' is not a literal",
                                len < 60 ? (int)len : 60, name);
    }
}

/* Skips a name with dots. */
static size_t skip_name(struct pb__literal *l)
{
    const char *start = l->at;
    while (pb__is_name(*l->at) || *l->at == '.') {
        l->at++;
    }
    return (size_t)(l->at - start);
}

/* Reads "name=" of an argument; returns false if something else follows. */
static bool take_keyword(struct parser *p)
{
    struct frame *f = parser_top(p);
    const char *start = p->l.at;
    size_t len = f && f->call && !pb__is_digit(*start) ? skip_name(&p->l) : 0;
    pb__literal_skip_space(&p->l);
    if (len == 0 || *p->l.at != '=') {
        p->l.at = start;
        return false;
    }
    p->l.at++;
    f->position = 0;
    while (f->position < PB__CALL_ARGS && f->call->args[f->position] &&
           (strlen(f->call->args[f->position]) != len ||
            memcmp(f->call->args[f->position], start, len) != 0)) {
        f->position++;
    }
    if (f->position == PB__CALL_ARGS || !f->call->args[f->position]) {
        pb__literal_fail(&p->l, start, "%s has no argument %.*s", f->call->name,
                         len < 40 ? (int)len : 40, start);
    }
    return true;
}

/* Reads a name: a constant, or the call of a constructor, which opens a bracket. */
static pb_value *literal_named(struct parser *p)
{
    const char *name = p->l.at;
    size_t len = skip_name(&p->l);
    const struct pb__call *call = pb__call_find(name, len);
    if (!call || *p->l.at != '(') {
        return literal_constant(&p->l, name, len, false);
    }
    parser_push(p, call);
    return NULL;
}

static pb_value *signed_number(struct parser *p)
{
    const char *start = p->l.at;
    bool negative = *p->l.at++ == '-';
    pb__literal_skip_space(&p->l);
    const char *at = p->l.at;
    if (pb__is_digit(at[0]) || (at[0] == '.' && pb__is_digit(at[1]))) {
        return pb__literal_number(&p->l, negative);
    }
    size_t len = skip_name(&p->l);
    if (negative && len == 3 && memcmp(at, "inf", 3) == 0) {
        return literal_constant(&p->l, at, len, true);
    }
    return pb__literal_fail(&p->l, start, "a number is expected after the sign");
}

/* Reads one value, or opens a bracket (NULL then, without an error). */
static pb_value *read_value(struct parser *p)
{
    const char *at = p->l.at;
    if (*at == '[' || *at == '(' || *at == '{') {
        parser_push(p, NULL);
        return NULL;
    }
    if (pb__is_digit(at[0]) || (at[0] == '.' && pb__is_digit(at[1]))) {
        return pb__literal_number(&p->l, false);
    }
    if (*at == '-' || *at == '+') {
        return signed_number(p);
    }
    if (pb__literal_is_string(&p->l)) {
        return pb__literal_string(&p->l);
    }
    if (pb__is_name(*at)) {
        return literal_named(p);
    }
    if (*at == '\0') {
        return pb__literal_fail(&p->l, at, "a value is expected at the end of the text");
    }
    return pb__literal_fail(&p->l, at, "a value is expected at '%c'", *at);
}

/* Reads to the end of the outermost value. */
static pb_value *read_all(struct parser *p)
{
    for (;;) {
        pb__literal_skip_space(&p->l);
        struct frame *f = parser_top(p);
        const char *place = p->l.at;
        pb_value *v;
        if (f && p->may_close && *place == f->close) {
            p->l.at++;
            place = f->start;
            v = close_frame(p);
        } else {
            if (take_keyword(p)) {
                p->may_close = false;
                pb__literal_skip_space(&p->l);
                place = p->l.at;
            }
            v = p->error.code ? NULL : read_value(p);
        }
        while (v && p->frames.len != 0) {
            bool closed;
            if (!parser_put(p, place, v, &closed)) {
                return NULL;
            }
            place = parser_top(p)->start;
            v = closed ? close_frame(p) : NULL;
        }
        if (v || p->error.code) {
            return v;
        }
    }
}

pb_value *pb_value_parse(const char *literal, pb_error *err)
{
    struct parser p = {.l = {literal, literal, &p.error}};
    size_t bad;
    pb_value *v = NULL;
    if (!literal) {
        pb__error_null(err, "the literal");
        return NULL;
    }
    if (!pb__utf8_check((const uint8_t *)literal, strlen(literal), &bad)) {
        pb__literal_fail(&p.l, literal + bad, "the literal is not UTF-8");
    } else {
        v = read_all(&p);
    }
    if (v) {
        pb__literal_skip_space(&p.l);
        if (*p.l.at != '\0') {
            pb__literal_fail(&p.l, p.l.at, "unexpected text after the value");
            pb__unref(v);
            v = NULL;
        }
    }
    while (p.frames.len != 0) {
        parser_pop(&p);
    }
    pb__buf_fini(&p.frames);
    if (!v) {
        pb__error_copy(err, &p.error);
    }
    return v;
}
