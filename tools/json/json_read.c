/* SPDX-License-Identifier: MIT
 *
 * Reads values from lossless JSON. Open containers are on a stack. A container that holds
 * itself is tied to all that lie between on the stack, so that the cycle is owned as one.
 * Sets and dicts are filled at the very end, because a key that holds an incomplete tuple
 * or frozenset has no hash. */
#include "tools/json/json.h"

#include "compat/value.h"
#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "libpb/base/map.h"
#include "tools/json/json_read_scalar.h"

/* A container whose members are being read. */
struct open_container {
    pb_value *v;          /* NULL for a method, which is made at its end */
    const json_t *object; /* its notation */
    const json_t
        *content;     /* the array in it; the state of an instance, self of a method */
    size_t at, count; /* members read, and in all; key and value of a pair are two */
    pb_kind kind;
    pb_value *self;       /* of a method */
    struct pb__buf parts; /* of pb_value *: the members of a set or dict, owned */
};

/* A set or dict that has not got its members yet. */
struct unfilled_container {
    pb_value *v; /* owned */
    struct pb__buf parts;
    bool busy;
};

struct json_reading {
    struct pb__buf open;     /* of struct open */
    struct pb__buf unfilled; /* of struct unfilled */
    struct pb__buf kept;     /* of pb_value *: the values that have an "id", owned */
    struct pb__map ids;      /* "id" to value, borrowed */
    struct pb__map places;   /* set or dict to 1 + its index in unfilled */
    pb_value *result;
    pb_error *err;
};

static struct open_container *reading_top(struct json_reading *b)
{
    return (struct open_container *)(void *)(b->open.data + b->open.len) - 1;
}

static struct unfilled_container *reading_unfilled(struct json_reading *b, size_t i)
{
    return (struct unfilled_container *)(void *)b->unfilled.data + i;
}

static size_t parts_count(const struct pb__buf *parts)
{
    return parts->len / sizeof(pb_value *);
}

static pb_value **parts_data(const struct pb__buf *parts)
{
    return (pb_value **)(void *)parts->data;
}

static void parts_free(struct pb__buf *parts)
{
    for (size_t i = 0; i < parts_count(parts); i++) {
        pb_value_unref(parts_data(parts)[i]);
    }
    pb__buf_fini(parts);
}

static int parts_push_steal(struct pb__buf *parts, pb_value *v)
{
    int e = pb__buf_append(parts, &v, sizeof(pb_value *));
    if (e) {
        pb_value_unref(v);
    }
    return e;
}

/* The keys of the notation. */
static const struct json_kind {
    const char *key;
    pb_kind kind;
    bool array, holds; /* the content is an array; the value holds other values */
} json_kinds[] = {
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

/* Whether j describes something that only a broker can make. */
static bool is_broker_notation(const json_t *j)
{
    static const char *const keys[] = {"remote",      "referenceable", "viewable",
                                       "remotecopy",  "copyable",      "viewpoint",
                                       "remotecache", "cacheable",     "expression"};
    bool found = false;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        found = found || json_object_get(j, keys[i]);
    }
    return found;
}

static const struct json_kind *json_kind_of(const json_t *j, const json_t **content)
{
    for (const struct json_kind *r = json_kinds; r->key; r++) {
        *content = json_object_get(j, r->key);
        if (*content) {
            return (r->array ? json_is_array(*content) : json_is_string(*content)) ? r
                                                                                   : NULL;
        }
    }
    return NULL;
}

/* Called before v is put into the innermost container. If that container is inside v,
 * or inside a cycle that v is part of, all containers between them become part of the
 * cycle. */
static int reading_tie_cycle(struct json_reading *b, pb_value *v)
{
    struct pb__island *island =
        pb__is_node(v) ? pb__island_of((struct pb__node *)v) : NULL;
    struct open_container *stack = (struct open_container *)(void *)b->open.data;
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

/* Opens a container; its members are read next. */
static int reading_open(struct json_reading *b, const json_t *j,
                        const struct json_kind *row, const json_t *content)
{
    struct open_container o = {.object = j, .content = content, .kind = row->kind};
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
        value_json_malformed(j, b->err);
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

static bool is_hashed_kind(pb_kind kind)
{
    return kind == PB_DICT || kind == PB_SET || kind == PB_FROZENSET;
}

/* Puts a value into a container. */
static int container_put_steal(struct open_container *o, pb_value *v)
{
    if (is_hashed_kind(o->kind)) {
        return parts_push_steal(&o->parts, v);
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

/* A method, *new*. The notation does not contain its class: it is that of its self. */
static pb_value *container_make_method(struct open_container *o)
{
    const char *name = pb_name_of(o->self);
    pb_value *cls = pb_name(PB_CLASS, name ? name : "");
    return pb_method_steal(json_string_value(json_object_get(o->object, "method")),
                           o->self, cls);
}

/* Takes the innermost container, whose members have all been read, from the stack: *new*;
 * NULL for lack of memory. */
static pb_value *reading_close(struct json_reading *b)
{
    struct open_container o = *reading_top(b);
    b->open.len -= sizeof o;
    if (o.kind == PB_METHOD) {
        return container_make_method(&o);
    }
    int e = json_object_get(o.object, "id")
                ? parts_push_steal(&b->kept, pb_value_ref(o.v))
                : 0;
    if (is_hashed_kind(o.kind)) {
        struct unfilled_container u = {.v = pb_value_ref(o.v), .parts = o.parts};
        size_t i = b->unfilled.len / sizeof u;
        if (pb__buf_append(&b->unfilled, &u, sizeof u) != 0) {
            pb_value_unref(u.v);
            parts_free(&u.parts);
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

/* Puts a value into the innermost container, and closes each container that is
 * complete by that. A value outside of containers is the result. */
static int reading_deliver_steal(struct json_reading *b, pb_value *v)
{
    while (v && b->open.len) {
        int e = container_put_steal(reading_top(b), v);
        if (e) {
            return pb__error_set(b->err, e, 0, "%s", pb_strerror(e));
        }
        if (++reading_top(b)->at < reading_top(b)->count) {
            return 0;
        }
        v = reading_close(b);
    }
    b->result = v;
    return v ? 0 : pb__error_nomem(b->err);
}

/* Reads a "ref". */
static int reading_take_reference(struct json_reading *b, const json_t *ref)
{
    pb_value *v = pb__map_get(&b->ids, (uint64_t)json_integer_value(ref));
    if (!v) {
        return pb__error_set(b->err, PB_ERR_SYNTAX, 0, "\"ref\" without its \"id\"");
    }
    int e = reading_tie_cycle(b, v);
    return e ? e : reading_deliver_steal(b, pb_value_ref(v));
}

static int reading_take(struct json_reading *b, const json_t *j)
{
    const json_t *ref = json_object_get(j, "ref"), *content;
    if (ref) {
        return reading_take_reference(b, ref);
    }
    if (json_is_null(j) || json_is_boolean(j)) {
        return reading_deliver_steal(b, json_is_null(j) ? pb_none()
                                                        : pb_bool(json_is_true(j)));
    }
    const struct json_kind *row = json_kind_of(j, &content);
    if (!row && is_broker_notation(j)) {
        return pb__error_set(b->err, PB_ERR_TYPE, 0, "only a broker can make this value");
    }
    if (!row) {
        value_json_malformed(j, b->err);
        return PB_ERR_SYNTAX;
    }
    if (!row->holds) {
        pb_value *v = value_from_json_scalar(row->kind, content, b->err);
        return v ? reading_deliver_steal(b, v) : PB_ERR_SYNTAX;
    }
    int e = reading_open(b, j, row, content);
    return e == 0 && reading_top(b)->count == 0
               ? reading_deliver_steal(b, reading_close(b))
               : e;
}

/* The next member of a container; NULL if the notation is malformed. */
static const json_t *container_next_json(const struct open_container *o)
{
    if (o->kind == PB_INSTANCE || o->kind == PB_METHOD) {
        return o->content;
    }
    return o->kind == PB_DICT
               ? json_array_get(json_array_get(o->content, o->at / 2), o->at % 2)
               : json_array_get(o->content, o->at);
}

/* The index, plus 1, of a set or dict that must be filled before v can be hashed: one
 * that is in v with nothing but tuples around it. 0 if there is none, or with *e. */
static uintptr_t reading_find_unfilled(struct json_reading *b, pb_value *v, int *e)
{
    struct pb__buf tuples = {0};
    struct pb__map met = {0};
    uintptr_t found = 0;
    *e = parts_push_steal(&tuples, pb_value_ref(v));
    for (size_t i = 0; *e == 0 && !found && i < parts_count(&tuples); i++) {
        pb_value *at = parts_data(&tuples)[i];
        found = pb__is_small(at)
                    ? 0
                    : (uintptr_t)pb__map_get(&b->places, (uint64_t)(uintptr_t)at);
        bool tuple = pb_value_kind(at) == PB_TUPLE;
        if (tuple && !pb__map_get(&met, (uint64_t)(uintptr_t)at)) {
            *e = pb__map_set(&met, (uint64_t)(uintptr_t)at, at);
            for (size_t k = 0; *e == 0 && k < pb_len(at); k++) {
                *e = parts_push_steal(&tuples, pb_value_ref(pb_item(at, k)));
            }
        }
    }
    parts_free(&tuples);
    pb__map_fini(&met);
    return found;
}

/* Fills a set or dict whose keys can all be hashed. */
static int reading_fill(struct json_reading *b, struct unfilled_container *u)
{
    struct pb__buf parts = u->parts;
    u->parts = (struct pb__buf){0};
    pb__map_take(&b->places, (uint64_t)(uintptr_t)u->v);
    size_t width = pb_value_kind(u->v) == PB_DICT ? 2 : 1, i = 0;
    int e = 0;
    for (; e == 0 && i < parts_count(&parts); i += width) {
        pb_value **part = parts_data(&parts) + i;
        e = pb__table_put_steal((struct pb__table *)u->v, part[0],
                                width == 2 ? part[1] : NULL);
    }
    for (; i < parts_count(&parts); i++) {
        pb_value_unref(parts_data(&parts)[i]);
    }
    pb__buf_fini(&parts);
    return e ? pb__error_set(b->err, e, 0, "%s", pb_strerror(e)) : 0;
}

/* Fills a set or dict, after those in its keys. */
static int reading_fill_keys_first(struct json_reading *b, size_t index)
{
    struct pb__buf stack = {0};
    int e = pb__buf_append(&stack, &index, sizeof index);
    while (e == 0 && stack.len) {
        size_t i = ((size_t *)(void *)(stack.data + stack.len))[-1];
        struct unfilled_container *u = reading_unfilled(b, i);
        size_t width = pb_value_kind(u->v) == PB_DICT ? 2 : 1;
        uintptr_t first = 0;
        u->busy = true;
        for (size_t k = 0; e == 0 && !first && k < parts_count(&u->parts); k += width) {
            first = reading_find_unfilled(b, parts_data(&u->parts)[k], &e);
        }
        if (e == 0 && first) {
            size_t next = first - 1;
            e = reading_unfilled(b, next)->busy
                    ? pb__error_set(b->err, PB_ERR_TYPE, 0,
                                    "a set or dict in one of its own keys")
                    : pb__buf_append(&stack, &next, sizeof next);
        } else if (e == 0) {
            stack.len -= sizeof i;
            e = reading_fill(b, u);
        }
    }
    pb__buf_fini(&stack);
    return e;
}

static void reading_fini(struct json_reading *b)
{
    for (; b->open.len; b->open.len -= sizeof(struct open_container)) {
        pb_value_unref(reading_top(b)->self);
        pb_value_unref(reading_top(b)->v);
        parts_free(&reading_top(b)->parts);
    }
    for (size_t i = 0; i < b->unfilled.len / sizeof(struct unfilled_container); i++) {
        pb_value_unref(reading_unfilled(b, i)->v);
        parts_free(&reading_unfilled(b, i)->parts);
    }
    parts_free(&b->kept);
    pb__buf_fini(&b->open);
    pb__buf_fini(&b->unfilled);
    pb__map_fini(&b->ids);
    pb__map_fini(&b->places);
}

pb_value *value_from_json(json_t *j, pb_error *err)
{
    struct json_reading b = {.err = err};
    int e = reading_take(&b, j);
    while (e == 0 && b.open.len) {
        e = reading_take(&b, container_next_json(reading_top(&b)));
    }
    for (size_t i = 0; e == 0 && i < b.unfilled.len / sizeof(struct unfilled_container);
         i++) {
        e = reading_unfilled(&b, i)->busy ? 0 : reading_fill_keys_first(&b, i);
    }
    reading_fini(&b);
    if (e) {
        pb_value_unref(b.result);
        b.result = NULL;
    }
    return b.result;
}
