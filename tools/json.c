/* SPDX-License-Identifier: MIT
 *
 * Values out of the neutral notation. Containers that are open stand on a stack; one that
 * is met again inside itself is tied to all that lie between, so that the cycle is owned
 * as one. */
#include "tools/json.h"

#include <errno.h>

#include "compat/value.h"
#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "libpb/base/map.h"

/* A container that is being filled. */
struct open {
    pb_value *v;          /* NULL for a method, which is made at its end */
    const json_t *object; /* what describes it */
    const json_t
        *content;     /* its array; of an instance or method the one thing it holds */
    size_t at, count; /* of the things in it: a pair is two */
    pb_kind kind;
    pb_value *held; /* a key that waits for its value, or a method's self */
};

struct building {
    struct pb__buf open; /* of struct open */
    struct pb__map ids;  /* "id" + 1: the value, borrowed */
    pb_value *result;
    pb_error *err;
};

static struct open *top(struct building *b)
{
    return b->open.len ? (struct open *)(void *)(b->open.data + b->open.len) - 1 : NULL;
}

static pb_value *no_value(const json_t *j, pb_error *err)
{
    char *text = json_dumps(j, JSON_ENCODE_ANY | JSON_COMPACT);
    pb__error_set(err, PB_ERR_SYNTAX, 0, "describes no value: %.100s", text ? text : "?");
    free(text);
    return NULL;
}

/* NULL of a constructor that can only lack memory. */
static pb_value *made(pb_value *v, pb_error *err)
{
    if (!v) {
        pb__error_nomem(err);
    }
    return v;
}

static pb_span span_of(const json_t *text)
{
    return (pb_span){(const uint8_t *)json_string_value(text), json_string_length(text)};
}

static pb_value *make_int(const json_t *content, pb_error *err)
{
    return pb_int_text(json_string_value(content), err);
}

static pb_value *make_float(const json_t *content, pb_error *err)
{
    const char *text = json_string_value(content);
    char *end;
    double d = strtod(text, &end);
    return *text && !*end ? made(pb_float(d), err) : no_value(content, err);
}

static pb_value *make_str(const json_t *content, pb_error *err)
{
    return pb_strn(span_of(content), err);
}

static int hex_digit(uint8_t c)
{
    const char *at = c ? strchr("0123456789abcdef", c | 0x20) : NULL;
    return at ? (int)(at - "0123456789abcdef") : -1;
}

static pb_value *make_bytes(const json_t *content, pb_error *err)
{
    pb_span hex = span_of(content);
    struct pb__text *t = pb__text_new(NULL, PB_BYTES, NULL, hex.len / 2);
    if (!t) {
        return made(NULL, err);
    }
    bool good = hex.len % 2 == 0;
    for (size_t i = 0; good && i < t->len; i++) {
        int high = hex_digit(hex.data[2 * i]), low = hex_digit(hex.data[2 * i + 1]);
        good = high >= 0 && low >= 0;
        t->data[i] = (uint8_t)(high << 4 | low);
    }
    if (!good) {
        pb_value_unref(&t->head);
        return no_value(content, err);
    }
    return &t->head;
}

static pb_value *make_decimal(const json_t *content, pb_error *err)
{
    return pb_decimal(json_string_value(content), err);
}

static pb_value *make_class(const json_t *content, pb_error *err)
{
    return made(pb_name(PB_CLASS, json_string_value(content)), err);
}

static pb_value *make_module(const json_t *content, pb_error *err)
{
    return made(pb_name(PB_MODULE, json_string_value(content)), err);
}

static pb_value *make_function(const json_t *content, pb_error *err)
{
    return made(pb_name(PB_FUNCTION, json_string_value(content)), err);
}

static pb_value *make_unpersistable(const json_t *content, pb_error *err)
{
    return made(pb_unpersistable(json_string_value(content)), err);
}

/* The ints of a time; false where there are not n, or one of them is past any. */
static bool numbers(const json_t *content, size_t n, int64_t *out)
{
    bool good = json_array_size(content) == n;
    for (size_t i = 0; good && i < n; i++) {
        const json_t *j = json_array_get(content, i);
        out[i] = json_integer_value(j);
        good = json_is_integer(j) && out[i] >= INT32_MIN && out[i] <= INT32_MAX;
    }
    return good;
}

static pb_value *make_datetime(const json_t *content, pb_error *err)
{
    int64_t n[7];
    if (!numbers(content, 7, n)) {
        return no_value(content, err);
    }
    pb_datetime_fields f = {(int)n[0], (int)n[1], (int)n[2], (int)n[3],
                            (int)n[4], (int)n[5], (int)n[6]};
    return pb_datetime(&f, err);
}

static pb_value *make_date(const json_t *content, pb_error *err)
{
    int64_t n[3];
    return numbers(content, 3, n) ? pb_date((int)n[0], (int)n[1], (int)n[2], err)
                                  : no_value(content, err);
}

static pb_value *make_time(const json_t *content, pb_error *err)
{
    int64_t n[4];
    return numbers(content, 4, n)
               ? pb_time((int)n[0], (int)n[1], (int)n[2], (int)n[3], err)
               : no_value(content, err);
}

static pb_value *make_timedelta(const json_t *content, pb_error *err)
{
    int64_t n[3];
    return numbers(content, 3, n) ? pb_timedelta(n[0], n[1], n[2], err)
                                  : no_value(content, err);
}

/* What a key of the notation stands for. make is NULL for what holds others. */
static const struct row {
    const char *key;
    pb_kind kind;
    bool array;
    pb_value *(*make)(const json_t *content, pb_error *err);
} rows[] = {
    {"int", PB_INT, false, make_int},
    {"float", PB_FLOAT, false, make_float},
    {"str", PB_STR, false, make_str},
    {"bytes", PB_BYTES, false, make_bytes},
    {"list", PB_LIST, true, NULL},
    {"tuple", PB_TUPLE, true, NULL},
    {"set", PB_SET, true, NULL},
    {"frozenset", PB_FROZENSET, true, NULL},
    {"dict", PB_DICT, true, NULL},
    {"instance", PB_INSTANCE, false, NULL},
    {"method", PB_METHOD, false, NULL},
    {"datetime", PB_DATETIME, true, make_datetime},
    {"date", PB_DATE, true, make_date},
    {"time", PB_TIME, true, make_time},
    {"timedelta", PB_TIMEDELTA, true, make_timedelta},
    {"decimal", PB_DECIMAL, false, make_decimal},
    {"class", PB_CLASS, false, make_class},
    {"module", PB_MODULE, false, make_module},
    {"function", PB_FUNCTION, false, make_function},
    {"unpersistable", PB_UNPERSISTABLE, false, make_unpersistable},
    {0},
};

/* What the notation has only for what a broker makes. */
static bool is_brokers(const json_t *j)
{
    static const char *const keys[] = {"remote",      "referenceable", "viewable",
                                       "remotecopy",  "copyable",      "viewpoint",
                                       "remotecache", "cacheable"};
    bool found = false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        found = found || json_object_get(j, keys[i]);
    }
    return found;
}

static const struct row *row_of(const json_t *j, const json_t **content)
{
    for (const struct row *r = rows; r->key; r++) {
        *content = json_object_get(j, r->key);
        if (*content) {
            return (r->array ? json_is_array(*content) : json_is_string(*content)) ? r
                                                                                   : NULL;
        }
    }
    return NULL;
}

/* v is to go into the innermost container: if that lies inside v, or inside what holds v
 * in a cycle, all that lie between become part of it. */
static int tie_up(struct building *b, pb_value *v)
{
    struct pb__island *island =
        pb__is_node(v) ? pb__island_of((struct pb__node *)v) : NULL;
    struct open *stack = (struct open *)(void *)b->open.data;
    size_t depth = b->open.len / sizeof *stack, from = 0;
    while (from < depth &&
           (!stack[from].v ||
            (stack[from].v != v &&
             !(island && pb__island_of((struct pb__node *)stack[from].v) == island)))) {
        from++;
    }
    for (size_t i = from; i < depth; i++) {
        int e = stack[i].v ? pb_value_tie(stack[from].v, stack[i].v)
                           : pb__error_set(b->err, PB_ERR_TYPE, 0, "a method in a cycle");
        if (e) {
            return pb__error_set(b->err, e, 0, "%s", pb_strerror(e));
        }
    }
    return 0;
}

/* Begins a container; its members follow. */
static int begin(struct building *b, const json_t *j, const struct row *row,
                 const json_t *content)
{
    struct open o = {.object = j, .content = content, .kind = row->kind};
    switch (row->kind) {
    case PB_INSTANCE:
        o.content = json_object_get(j, "state");
        o.v = o.content ? pb_instance(json_string_value(content), pb_none()) : NULL;
        break;
    case PB_METHOD:
        o.content = json_object_get(j, "self");
        break;
    case PB_DICT:
        o.v = pb_dict();
        break;
    default:
        o.v = pb_seq(row->kind, json_array_size(content));
    }
    if (!o.content) {
        no_value(j, b->err);
        return PB_ERR_SYNTAX;
    }
    o.count = row->kind == PB_DICT ? 2 * json_array_size(content)
              : row->array         ? json_array_size(content)
                                   : 1;
    const json_t *id = json_object_get(j, "id");
    if ((!o.v && row->kind != PB_METHOD) || pb__buf_append(&b->open, &o, sizeof o) != 0) {
        pb_value_unref(o.v);
        return pb__error_nomem(b->err);
    }
    if (id && o.v && pb__map_set(&b->ids, (uint64_t)json_integer_value(id), o.v) != 0) {
        return pb__error_nomem(b->err);
    }
    return 0;
}

/* Puts a value into a container. */
static int put_steal(struct open *o, pb_value *v)
{
    switch (o->kind) {
    case PB_DICT:
        if (!o->held) {
            o->held = v;
            return 0;
        }
        pb_value *key = o->held;
        o->held = NULL;
        return pb_dict_set_steal(o->v, key, v);
    case PB_INSTANCE:
        ((struct pb__instance *)o->v)->state = v;
        pb__hold((struct pb__node *)o->v, v);
        return 0;
    case PB_METHOD:
        o->held = v;
        return 0;
    default:
        return pb_append_steal(o->v, v);
    }
}

/* What a container that is complete has become: *new*. A method's class is not in the
 * notation, for it is that of its self. */
static pb_value *finish(struct open *o, pb_error *err)
{
    if (o->kind != PB_METHOD) {
        return o->v;
    }
    const char *name = pb_name_of(o->held);
    return made(pb_method_steal(json_string_value(json_object_get(o->object, "method")),
                                o->held, pb_name(PB_CLASS, name ? name : "")),
                err);
}

/* A value is there: it goes into the innermost container, which may be complete then. */
static int deliver_steal(struct building *b, pb_value *v)
{
    while (v && b->open.len) {
        struct open *o = top(b);
        int e = put_steal(o, v);
        if (e) {
            return pb__error_set(b->err, e, 0, "%s", pb_strerror(e));
        }
        if (++o->at < o->count) {
            return 0;
        }
        struct open complete = *o;
        b->open.len -= sizeof *o;
        v = finish(&complete, b->err);
    }
    b->result = v;
    return v ? 0 : PB_ERR_NOMEM;
}

/* A value that stands in another place too. */
static int again(struct building *b, const json_t *ref)
{
    pb_value *v = pb__map_get(&b->ids, (uint64_t)json_integer_value(ref));
    if (!v) {
        return pb__error_set(b->err, PB_ERR_SYNTAX, 0, "\"ref\" without its \"id\"");
    }
    int e = tie_up(b, v);
    return e ? e : deliver_steal(b, pb_value_ref(v));
}

static int take(struct building *b, const json_t *j)
{
    const json_t *ref = json_object_get(j, "ref"), *content;
    if (ref) {
        return again(b, ref);
    }
    if (json_is_null(j) || json_is_boolean(j)) {
        return deliver_steal(b, json_is_null(j) ? pb_none() : pb_bool(json_is_true(j)));
    }
    const struct row *row = row_of(j, &content);
    if (!row && is_brokers(j)) {
        return pb__error_set(b->err, PB_ERR_TYPE, 0, "there is no broker to make it");
    }
    if (!row) {
        no_value(j, b->err);
        return PB_ERR_SYNTAX;
    }
    if (row->make) {
        pb_value *v = row->make(content, b->err);
        return v ? deliver_steal(b, v) : PB_ERR_SYNTAX;
    }
    int e = begin(b, j, row, content);
    if (e == 0 && top(b)->count == 0) {
        struct open empty = *top(b);
        b->open.len -= sizeof empty;
        e = deliver_steal(b, empty.v);
    }
    return e;
}

/* What comes next in the innermost container; NULL where the notation is malformed. */
static const json_t *next_of(const struct open *o)
{
    if (o->kind == PB_INSTANCE || o->kind == PB_METHOD) {
        return o->content;
    }
    return o->kind == PB_DICT
               ? json_array_get(json_array_get(o->content, o->at / 2), o->at % 2)
               : json_array_get(o->content, o->at);
}

pb_value *json_to_value(json_t *j, pb_error *err)
{
    struct building b = {.err = err};
    int e = take(&b, j);
    while (e == 0 && b.open.len) {
        e = take(&b, next_of(top(&b)));
    }
    for (; b.open.len; b.open.len -= sizeof(struct open)) {
        pb_value_unref(top(&b)->held);
        pb_value_unref(top(&b)->v);
    }
    pb__buf_fini(&b.open);
    pb__map_fini(&b.ids);
    return e ? NULL : b.result;
}
