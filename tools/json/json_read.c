/* SPDX-License-Identifier: MIT
 *
 * Values out of the neutral notation. Containers that are open stand on a stack; one that
 * is met again inside itself is tied to all that lie between, so that the cycle is owned
 * as one. Sets and dicts get their members last of all, for a key that holds a tuple or a
 * frozenset that is not complete has no hash. */
#include "tools/json/json.h"

#include "compat/value.h"
#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "libpb/base/map.h"
#include "tools/json/json_read_scalar.h"

/* A container whose members are being made. */
struct open {
    pb_value *v;           /* NULL for a method, which is made at its end */
    const json_t *object;  /* what describes it */
    const json_t *content; /* its array; of an instance or method what it holds */
    size_t at, count;      /* of the things in it: a pair is two */
    pb_kind kind;
    pb_value *self;       /* of a method */
    struct pb__buf parts; /* of pb_value *: what a set or dict is to get, owned */
};

/* A set or dict that waits for what it is to get. */
struct unfilled {
    pb_value *v; /* owned */
    struct pb__buf parts;
    bool busy;
};

struct building {
    struct pb__buf open;     /* of struct open */
    struct pb__buf unfilled; /* of struct unfilled */
    struct pb__buf kept;     /* of pb_value *: what has an "id", owned */
    struct pb__map ids;      /* "id": the value, borrowed */
    struct pb__map places;   /* a set or dict: 1 + its index in unfilled */
    pb_value *result;
    pb_error *err;
};

static struct open *top(struct building *b)
{
    return (struct open *)(void *)(b->open.data + b->open.len) - 1;
}

static struct unfilled *unfilled_at(struct building *b, size_t i)
{
    return (struct unfilled *)(void *)b->unfilled.data + i;
}

static size_t part_count(const struct pb__buf *parts)
{
    return parts->len / sizeof(pb_value *);
}

static pb_value **parts_of(const struct pb__buf *parts)
{
    return (pb_value **)(void *)parts->data;
}

static void free_parts(struct pb__buf *parts)
{
    for (size_t i = 0; i < part_count(parts); i++) {
        pb_value_unref(parts_of(parts)[i]);
    }
    pb__buf_fini(parts);
}

static int push_steal(struct pb__buf *parts, pb_value *v)
{
    int e = pb__buf_append(parts, &v, sizeof(pb_value *));
    if (e) {
        pb_value_unref(v);
    }
    return e;
}

/* What a key of the notation stands for. */
static const struct row {
    const char *key;
    pb_kind kind;
    bool array, holds; /* its content is an array; it holds other values */
} rows[] = {
    {"int", PB_INT, false, false},
    {"float", PB_FLOAT, false, false},
    {"str", PB_STR, false, false},
    {"bytes", PB_BYTES, false, false},
    {"list", PB_LIST, true, true},
    {"tuple", PB_TUPLE, true, true},
    {"set", PB_SET, true, true},
    {"frozenset", PB_FROZENSET, true, true},
    {"dict", PB_DICT, true, true},
    {"instance", PB_INSTANCE, false, true},
    {"method", PB_METHOD, false, true},
    {"datetime", PB_DATETIME, true, false},
    {"date", PB_DATE, true, false},
    {"time", PB_TIME, true, false},
    {"timedelta", PB_TIMEDELTA, true, false},
    {"decimal", PB_DECIMAL, false, false},
    {"class", PB_CLASS, false, false},
    {"module", PB_MODULE, false, false},
    {"function", PB_FUNCTION, false, false},
    {"unpersistable", PB_UNPERSISTABLE, false, false},
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
        json_no_value(j, b->err);
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

static bool is_hashed(pb_kind kind)
{
    return kind == PB_DICT || kind == PB_SET || kind == PB_FROZENSET;
}

/* Gives a value to the container that it is in. */
static int put_steal(struct open *o, pb_value *v)
{
    if (is_hashed(o->kind)) {
        return push_steal(&o->parts, v);
    }
    switch (o->kind) {
    case PB_INSTANCE:
        ((struct pb__instance *)o->v)->state = v;
        pb__hold((struct pb__node *)o->v, v);
        return 0;
    case PB_METHOD:
        o->self = v;
        return 0;
    default:
        return pb_append_steal(o->v, v);
    }
}

/* A method, *new*: its class is not in the notation, for it is that of its self. */
static pb_value *make_method(struct open *o)
{
    const char *name = pb_name_of(o->self);
    pb_value *cls = pb_name(PB_CLASS, name ? name : "");
    return pb_method_steal(json_string_value(json_object_get(o->object, "method")),
                           o->self, cls);
}

/* Takes a container whose members are all made off the stack: *new*, or NULL for lack of
 * memory. */
static pb_value *finish(struct building *b)
{
    struct open o = *top(b);
    b->open.len -= sizeof o;
    if (o.kind == PB_METHOD) {
        return make_method(&o);
    }
    int e = json_object_get(o.object, "id") ? push_steal(&b->kept, pb_value_ref(o.v)) : 0;
    if (is_hashed(o.kind)) {
        struct unfilled u = {.v = pb_value_ref(o.v), .parts = o.parts};
        size_t i = b->unfilled.len / sizeof u;
        if (pb__buf_append(&b->unfilled, &u, sizeof u) != 0) {
            pb_value_unref(u.v);
            free_parts(&u.parts);
            e = PB_ERR_NOMEM;
        } else if (pb__map_set(&b->places, (uint64_t)(uintptr_t)o.v, (void *)(i + 1)) !=
                   0) {
            e = PB_ERR_NOMEM;
        }
    }
    if (e) {
        pb_value_unref(o.v);
    }
    return e ? NULL : o.v;
}

/* A value is there: it goes into the innermost container, which may be complete then. */
static int deliver_steal(struct building *b, pb_value *v)
{
    while (v && b->open.len) {
        int e = put_steal(top(b), v);
        if (e) {
            return pb__error_set(b->err, e, 0, "%s", pb_strerror(e));
        }
        if (++top(b)->at < top(b)->count) {
            return 0;
        }
        v = finish(b);
    }
    b->result = v;
    return v ? 0 : pb__error_nomem(b->err);
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
        json_no_value(j, b->err);
        return PB_ERR_SYNTAX;
    }
    if (!row->holds) {
        pb_value *v = json_scalar(row->kind, content, b->err);
        return v ? deliver_steal(b, v) : PB_ERR_SYNTAX;
    }
    int e = begin(b, j, row, content);
    return e == 0 && top(b)->count == 0 ? deliver_steal(b, finish(b)) : e;
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

/* The index, plus 1, of a set or dict that must be filled before v has a hash: one that
 * stands in v with nothing but tuples around it. 0: there is none; or no memory. */
static uintptr_t find_unfilled(struct building *b, pb_value *v, int *e)
{
    struct pb__buf tuples = {0};
    struct pb__map met = {0};
    uintptr_t found = 0;
    *e = push_steal(&tuples, pb_value_ref(v));
    for (size_t i = 0; *e == 0 && !found && i < part_count(&tuples); i++) {
        pb_value *at = parts_of(&tuples)[i];
        found = pb__is_small(at)
                    ? 0
                    : (uintptr_t)pb__map_get(&b->places, (uint64_t)(uintptr_t)at);
        bool tuple = pb_value_kind(at) == PB_TUPLE;
        if (tuple && !pb__map_get(&met, (uint64_t)(uintptr_t)at)) {
            *e = pb__map_set(&met, (uint64_t)(uintptr_t)at, at);
            for (size_t k = 0; *e == 0 && k < pb_len(at); k++) {
                *e = push_steal(&tuples, pb_value_ref(pb_item(at, k)));
            }
        }
    }
    free_parts(&tuples);
    pb__map_fini(&met);
    return found;
}

/* Fills a set or dict whose keys all have their hashes. */
static int fill(struct building *b, struct unfilled *u)
{
    struct pb__buf parts = u->parts;
    u->parts = (struct pb__buf){0};
    pb__map_take(&b->places, (uint64_t)(uintptr_t)u->v);
    size_t width = pb_value_kind(u->v) == PB_DICT ? 2 : 1, i = 0;
    int e = 0;
    for (; e == 0 && i < part_count(&parts); i += width) {
        pb_value **part = parts_of(&parts) + i;
        e = pb__table_put_steal((struct pb__table *)u->v, part[0],
                                width == 2 ? part[1] : NULL);
    }
    for (; i < part_count(&parts); i++) {
        pb_value_unref(parts_of(&parts)[i]);
    }
    pb__buf_fini(&parts);
    return e ? pb__error_set(b->err, e, 0, "%s", pb_strerror(e)) : 0;
}

/* Fills one set or dict, and before it those that its keys hold. */
static int fill_with_keys(struct building *b, size_t index)
{
    struct pb__buf stack = {0};
    int e = pb__buf_append(&stack, &index, sizeof index);
    while (e == 0 && stack.len) {
        size_t i = ((size_t *)(void *)(stack.data + stack.len))[-1];
        struct unfilled *u = unfilled_at(b, i);
        size_t width = pb_value_kind(u->v) == PB_DICT ? 2 : 1;
        uintptr_t first = 0;
        u->busy = true;
        for (size_t k = 0; e == 0 && !first && k < part_count(&u->parts); k += width) {
            first = find_unfilled(b, parts_of(&u->parts)[k], &e);
        }
        if (e == 0 && first) {
            size_t next = first - 1;
            e = unfilled_at(b, next)->busy
                    ? pb__error_set(b->err, PB_ERR_TYPE, 0,
                                    "a key that holds its own place")
                    : pb__buf_append(&stack, &next, sizeof next);
        } else if (e == 0) {
            stack.len -= sizeof i;
            e = fill(b, u);
        }
    }
    pb__buf_fini(&stack);
    return e;
}

static void building_fini(struct building *b)
{
    for (; b->open.len; b->open.len -= sizeof(struct open)) {
        pb_value_unref(top(b)->self);
        pb_value_unref(top(b)->v);
        free_parts(&top(b)->parts);
    }
    for (size_t i = 0; i < b->unfilled.len / sizeof(struct unfilled); i++) {
        pb_value_unref(unfilled_at(b, i)->v);
        free_parts(&unfilled_at(b, i)->parts);
    }
    free_parts(&b->kept);
    pb__buf_fini(&b->open);
    pb__buf_fini(&b->unfilled);
    pb__map_fini(&b->ids);
    pb__map_fini(&b->places);
}

pb_value *json_to_value(json_t *j, pb_error *err)
{
    struct building b = {.err = err};
    int e = take(&b, j);
    while (e == 0 && b.open.len) {
        e = take(&b, next_of(top(&b)));
    }
    for (size_t i = 0; e == 0 && i < b.unfilled.len / sizeof(struct unfilled); i++) {
        e = unfilled_at(&b, i)->busy ? 0 : fill_with_keys(&b, i);
    }
    building_fini(&b);
    if (e) {
        pb_value_unref(b.result);
        b.result = NULL;
    }
    return b.result;
}
