/* SPDX-License-Identifier: MIT
 *
 * Writes values as lossless JSON, in two passes: the first finds the containers that
 * are shared; the second makes the JSON, with an "id" at the first place of a shared
 * container and a "ref" at the others. */
#include "tools/json/json.h"

#include <stdio.h>

#include "libpb/base/buf.h"
#include "libpb/base/map.h"
#include "pb/broker.h"
#include "tools/common/broker_expression.h"
#include "tools/common/hex.h"

/* A container whose members are being written. */
struct json_container {
    const pb_value *v;
    json_t *object;  /* the JSON that is made of it, borrowed */
    size_t at;       /* the next member; key and value of a pair are two */
    size_t dict_pos; /* for pb_dict_next */
    pb_value *value; /* of the pair whose key has been written */
};

struct json_writing {
    struct pb__buf open;
    struct pb__map places; /* container to 1: found once, 2: shared, then 2 + its id */
    json_t *result;
    size_t last_id;
};

static const char *const json_keys[] = {
    [PB_LIST] = "list",         [PB_TUPLE] = "tuple",         [PB_DICT] = "dict",
    [PB_SET] = "set",           [PB_FROZENSET] = "frozenset", [PB_METHOD] = "method",
    [PB_INSTANCE] = "instance", [PB_CLASS] = "class",         [PB_MODULE] = "module",
    [PB_FUNCTION] = "function", [PB_BYTES] = "bytes",         [PB_STR] = "str",
};

/* Whether v is written as a container, which may be shared and may be in a cycle. */
static bool is_container_value(const pb_value *v)
{
    switch (pb_value_kind(v)) {
    case PB_OBJECT:
        return broker_expression_of(v) != NULL;
    case PB_LIST:
    case PB_TUPLE:
    case PB_DICT:
    case PB_SET:
    case PB_FROZENSET:
    case PB_METHOD:
    case PB_INSTANCE:
        return true;
    default:
        return false;
    }
}

/* The id of an expression of the broker's, then its state; NULL at the end. */
static pb_value *expression_next_value(struct json_container *o)
{
    const struct pb__form *form = broker_expression_of(o->v);
    pb_value *const members[] = {form->id, form->state, NULL};
    while (o->at < 2 && !members[o->at]) {
        o->at++;
    }
    return members[o->at < 2 ? o->at++ : 2];
}

/* The next member of a container; NULL at its end. */
static pb_value *container_next_value(struct json_container *o)
{
    pb_value *key;
    switch (pb_value_kind(o->v)) {
    case PB_DICT:
        if (o->at++ % 2) {
            return o->value;
        }
        return pb_dict_next(o->v, &o->dict_pos, &key, &o->value) ? key : NULL;
    case PB_INSTANCE:
        return o->at++ ? NULL : pb_instance_state(o->v);
    case PB_METHOD:
        return o->at++ ? NULL : pb_method_self(o->v);
    case PB_OBJECT:
        return expression_next_value(o);
    default:
        return pb_item(o->v, o->at++);
    }
}

static struct json_container *writing_top(struct json_writing *w)
{
    return (struct json_container *)(void *)(w->open.data + w->open.len) - 1;
}

static uintptr_t writing_place(const struct json_writing *w, const pb_value *v)
{
    return (uintptr_t)pb__map_get(&w->places, (uint64_t)(uintptr_t)v);
}

static int writing_set_place(struct json_writing *w, const pb_value *v, uintptr_t place)
{
    return pb__map_set(&w->places, (uint64_t)(uintptr_t)v, (void *)place);
}

/* Finds the containers that stand in more than one place. */
static int writing_find_shared(struct json_writing *w, const pb_value *v)
{
    int e = 0;
    for (;;) {
        if (v && is_container_value(v)) {
            bool again = writing_place(w, v) != 0;
            struct json_container o = {.v = v};
            e = writing_set_place(w, v, again ? 2 : 1);
            e = e || again ? e : pb__buf_append(&w->open, &o, sizeof o);
        }
        while (e == 0 && w->open.len && !(v = container_next_value(writing_top(w)))) {
            w->open.len -= sizeof(struct json_container);
        }
        if (e != 0 || !w->open.len) {
            return e;
        }
    }
}

static json_t *bytes_to_json(pb_span s)
{
    char *text = pb__malloc(2 * s.len);
    if (text) {
        hex_encode(text, s);
    }
    json_t *j = text ? json_stringn(text, 2 * s.len) : NULL;
    pb__free(text);
    return json_pack("{s:o}", "bytes", j);
}

static json_t *float_to_json(const pb_value *v)
{
    char text[40];
    double d = 0;
    pb_as_float(v, &d);
    snprintf(text, sizeof text, d == d ? "%a" : "nan", d);
    return json_pack("{s:s}", "float", text);
}

/* An int or a Decimal, whose text in the notation is, or is a part of, its repr. */
static json_t *number_to_json(const pb_value *v)
{
    char *repr = pb_value_repr(v);
    json_t *j = NULL;
    if (repr && pb_value_kind(v) == PB_INT) {
        j = json_pack("{s:s}", "int", repr);
    } else if (repr) { /* Decimal('...') */
        j = json_pack("{s:s%}", "decimal", repr + 9, strlen(repr) - 11);
    }
    pb_free(repr);
    return j;
}

static json_t *datetime_to_json(const pb_value *v)
{
    pb_datetime_fields f = {0};
    int64_t days = 0;
    int seconds = 0, us = 0;
    pb_as_datetime(v, &f);
    pb_as_timedelta(v, &days, &seconds, &us);
    switch (pb_value_kind(v)) {
    case PB_DATETIME:
        return json_pack("{s:[i,i,i,i,i,i,i]}", "datetime", f.year, f.month, f.day,
                         f.hour, f.minute, f.second, f.microsecond);
    case PB_DATE:
        return json_pack("{s:[i,i,i]}", "date", f.year, f.month, f.day);
    case PB_TIME:
        return json_pack("{s:[i,i,i,i]}", "time", f.hour, f.minute, f.second,
                         f.microsecond);
    default:
        return json_pack("{s:[I,i,i]}", "timedelta", (json_int_t)days, seconds, us);
    }
}

static json_t *reference_to_json(const pb_value *v)
{
    const pb_remote *remote = pb_as_remote(v);
    if (remote) {
        return json_pack("{s:I}", "remote", (json_int_t)pb_remote_luid(remote));
    }
    pb_object *object = pb_as_object(v);
    return json_pack("{s:s}", "referenceable",
                     object ? pb_object_class(object)->name : "");
}

static json_t *scalar_to_json(const pb_value *v)
{
    pb_kind kind = pb_value_kind(v);
    pb_span s = {0};
    bool b = false;
    switch (kind) {
    case PB_NONE:
        return json_null();
    case PB_BOOL:
        pb_as_bool(v, &b);
        return json_boolean(b);
    case PB_INT:
    case PB_DECIMAL:
        return number_to_json(v);
    case PB_FLOAT:
        return float_to_json(v);
    case PB_BYTES:
        return pb_as_bytes(v, &s) == 0 ? bytes_to_json(s) : NULL;
    case PB_STR:
        return pb_as_text(v, &s) == 0 ? json_pack("{s:s%}", "str", s.data, s.len) : NULL;
    case PB_CLASS:
    case PB_MODULE:
    case PB_FUNCTION:
        return json_pack("{s:s}", json_keys[kind], pb_name_of(v));
    case PB_UNPERSISTABLE:
        return json_pack("{s:s}", "unpersistable", pb_unpersistable_reason(v));
    case PB_OBJECT:
    case PB_REMOTE:
        return reference_to_json(v);
    default:
        return datetime_to_json(v);
    }
}

/* The head of an expression: as text, if it is that. */
static json_t *head_to_json(pb_span head)
{
    json_t *j = json_stringn((const char *)head.data, head.len);
    return j ? j : bytes_to_json(head);
}

/* The JSON of a container without its members, *new*; NULL for lack of memory. */
static json_t *writing_open(struct json_writing *w, const pb_value *v)
{
    pb_kind kind = pb_value_kind(v);
    bool named = kind == PB_INSTANCE || kind == PB_METHOD;
    const struct pb__form *form = broker_expression_of(v);
    json_t *j = form    ? json_pack("{s:o}", "expression", head_to_json(form->head))
                : named ? json_pack("{s:s}", json_keys[kind], pb_name_of(v))
                        : json_pack("{s:[]}", json_keys[kind]);
    struct json_container o = {.v = v, .object = j};
    bool good = j && pb__buf_append(&w->open, &o, sizeof o) == 0;
    if (good && writing_place(w, v) == 2) {
        w->last_id++;
        good = json_object_set_new(j, "id", json_integer((json_int_t)w->last_id)) == 0 &&
               writing_set_place(w, v, 2 + w->last_id) == 0;
    }
    if (!good) {
        json_decref(j);
        j = NULL;
    }
    return j;
}

/* The notation of a reference to an object of the peer, and of jelly's Unpersistable,
 * which are expressions to who reads messages from outside. NULL if v is neither. */
static json_t *known_expression_to_json(const pb_value *v)
{
    pb_value *id;
    pb_span reason;
    int64_t luid;
    if (broker_expression_is(v, "remote", &id) && pb_as_int(id, &luid) == 0) {
        return json_pack("{s:I}", "remote", (json_int_t)luid);
    }
    return broker_expression_is(v, "unpersistable", &id) && pb_as_text(id, &reason) == 0
               ? json_pack("{s:s%}", "unpersistable", reason.data, reason.len)
               : NULL;
}

static json_t *writing_value(struct json_writing *w, const pb_value *v)
{
    json_t *known = known_expression_to_json(v);
    if (known) {
        return known;
    }
    if (!is_container_value(v)) {
        return scalar_to_json(v);
    }
    uintptr_t place = writing_place(w, v);
    return place > 2 ? json_pack("{s:I}", "ref", (json_int_t)(place - 2))
                     : writing_open(w, v);
}

/* Adds j to the JSON of a container: the member that container_next_value returned
 * last. */
static bool container_put_json(json_t *object, pb_kind kind, size_t at, json_t *j)
{
    if (kind == PB_OBJECT) {
        return json_object_set_new(object, at == 1 ? "luid" : "state", j) == 0;
    }
    if (kind == PB_INSTANCE || kind == PB_METHOD) {
        return json_object_set_new(object, kind == PB_METHOD ? "self" : "state", j) == 0;
    }
    json_t *array = json_object_get(object, json_keys[kind]);
    if (kind != PB_DICT) {
        return json_array_append_new(array, j) == 0;
    }
    if (at % 2) { /* a key: `at` is already past it */
        return json_array_append_new(array, json_pack("[o]", j)) == 0;
    }
    return json_array_append_new(json_array_get(array, at / 2 - 1), j) == 0;
}

static bool writing_run(struct json_writing *w, const pb_value *v)
{
    w->result = writing_value(w, v);
    while (w->result && w->open.len) {
        struct json_container *o = writing_top(w);
        const pb_value *next = container_next_value(o);
        if (!next) {
            w->open.len -= sizeof *o;
            continue;
        }
        struct json_container parent = *o;
        json_t *j = writing_value(w, next);
        if (!j ||
            !container_put_json(parent.object, pb_value_kind(parent.v), parent.at, j)) {
            return false;
        }
    }
    return w->result != NULL;
}

json_t *value_to_json(const pb_value *v)
{
    struct json_writing w = {0};
    if (writing_find_shared(&w, v) != 0 || !writing_run(&w, v)) {
        json_decref(w.result);
        w.result = NULL;
    }
    pb__buf_fini(&w.open);
    pb__map_fini(&w.places);
    return w.result;
}
