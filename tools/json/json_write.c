/* SPDX-License-Identifier: MIT
 *
 * Values into the neutral notation: one walk to find what stands in several places, and
 * one that makes the JSON, with an "id" where such a thing stands first and a "ref" where
 * it stands again. */
#include <stdio.h>

#include "compat/value.h"
#include "libpb/base/buf.h"
#include "libpb/base/map.h"
#include "pb/broker.h"
#include "tools/json/json.h"

/* A container whose members are being written. */
struct open {
    const pb_value *v;
    json_t *object;  /* borrowed: what is made of it */
    size_t at;       /* of the things in it: a pair is two */
    size_t dict_pos; /* for pb_dict_next */
    pb_value *value; /* of the pair whose key has been written */
};

struct writing {
    struct pb__buf open;
    struct pb__map places; /* value: 1 met once, 2 met again; then 2 + its id */
    json_t *result;        /* NULL until it is there */
    size_t last_id;
};

static const char *const keys[] = {
    [PB_LIST] = "list",         [PB_TUPLE] = "tuple",         [PB_DICT] = "dict",
    [PB_SET] = "set",           [PB_FROZENSET] = "frozenset", [PB_METHOD] = "method",
    [PB_INSTANCE] = "instance", [PB_CLASS] = "class",         [PB_MODULE] = "module",
    [PB_FUNCTION] = "function", [PB_BYTES] = "bytes",         [PB_STR] = "str",
};

static bool is_node(const pb_value *v)
{
    return !pb__is_small(v) && pb__is_node(v) && v->kind != PB_OBJECT;
}

/* The next thing that a container holds; NULL at its end. */
static pb_value *next_of(struct open *o)
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
    default:
        return pb_item(o->v, o->at++);
    }
}

static struct open *top(struct writing *w)
{
    return (struct open *)(void *)(w->open.data + w->open.len) - 1;
}

static uintptr_t place_of(const struct writing *w, const pb_value *v)
{
    return (uintptr_t)pb__map_get(&w->places, (uint64_t)(uintptr_t)v);
}

static int set_place(struct writing *w, const pb_value *v, uintptr_t place)
{
    return pb__map_set(&w->places, (uint64_t)(uintptr_t)v, (void *)place);
}

/* Notes every container that is met more than once. */
static int find_shared(struct writing *w, const pb_value *v)
{
    int e = 0;
    for (;;) {
        if (v && is_node(v)) {
            bool again = place_of(w, v) != 0;
            struct open o = {.v = v};
            e = set_place(w, v, again ? 2 : 1);
            e = e || again ? e : pb__buf_append(&w->open, &o, sizeof o);
        }
        while (e == 0 && w->open.len && !(v = next_of(top(w)))) {
            w->open.len -= sizeof(struct open);
        }
        if (e != 0 || !w->open.len) {
            return e;
        }
    }
}

static json_t *hex(pb_span s)
{
    static const char digits[] = "0123456789abcdef";
    char *text = pb__malloc(2 * s.len);
    for (size_t i = 0; text && i < s.len; i++) {
        text[2 * i] = digits[s.data[i] >> 4];
        text[2 * i + 1] = digits[s.data[i] & 15];
    }
    json_t *j = text ? json_stringn(text, 2 * s.len) : NULL;
    pb__free(text);
    return json_pack("{s:o}", "bytes", j);
}

static json_t *float_of(const pb_value *v)
{
    char text[40];
    double d = 0;
    pb_as_float(v, &d);
    snprintf(text, sizeof text, d == d ? "%a" : "nan", d);
    return json_pack("{s:s}", "float", text);
}

/* Of these the repr is, or holds, the text that the notation wants. */
static json_t *from_repr(const pb_value *v)
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

static json_t *from_moment(const pb_value *v)
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

static json_t *from_reference(const pb_value *v)
{
    const pb_remote *remote = pb_as_remote(v);
    if (remote) {
        return json_pack("{s:I}", "remote", (json_int_t)pb_remote_luid(remote));
    }
    pb_object *object = pb_as_object(v);
    return json_pack("{s:s}", "referenceable",
                     object ? pb_object_class(object)->name : "");
}

static json_t *from_scalar(const pb_value *v)
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
        return from_repr(v);
    case PB_FLOAT:
        return float_of(v);
    case PB_BYTES:
        return pb_as_bytes(v, &s) == 0 ? hex(s) : NULL;
    case PB_STR:
        return pb_as_text(v, &s) == 0 ? json_pack("{s:s%}", "str", s.data, s.len) : NULL;
    case PB_CLASS:
    case PB_MODULE:
    case PB_FUNCTION:
        return json_pack("{s:s}", keys[kind], pb_name_of(v));
    case PB_UNPERSISTABLE:
        return json_pack("{s:s}", "unpersistable", pb_unpersistable_reason(v));
    case PB_OBJECT:
    case PB_REMOTE:
        return from_reference(v);
    default:
        return from_moment(v);
    }
}

/* What a container begins as: its members are put in later. */
static json_t *begin(struct writing *w, const pb_value *v)
{
    pb_kind kind = pb_value_kind(v);
    bool named = kind == PB_INSTANCE || kind == PB_METHOD;
    json_t *j = named ? json_pack("{s:s}", keys[kind], pb_name_of(v))
                      : json_pack("{s:[]}", keys[kind]);
    struct open o = {.v = v, .object = j};
    bool good = j && pb__buf_append(&w->open, &o, sizeof o) == 0;
    if (good && place_of(w, v) == 2) {
        w->last_id++;
        good = json_object_set_new(j, "id", json_integer((json_int_t)w->last_id)) == 0 &&
               set_place(w, v, 2 + w->last_id) == 0;
    }
    if (!good) {
        json_decref(j);
        j = NULL;
    }
    return j;
}

static json_t *from_any(struct writing *w, const pb_value *v)
{
    if (!is_node(v)) {
        return from_scalar(v);
    }
    uintptr_t place = place_of(w, v);
    return place > 2 ? json_pack("{s:I}", "ref", (json_int_t)(place - 2)) : begin(w, v);
}

/* Puts j into what is made of a container, as the thing that next_of gave last. */
static bool put(json_t *object, pb_kind kind, size_t at, json_t *j)
{
    if (kind == PB_INSTANCE || kind == PB_METHOD) {
        return json_object_set_new(object, kind == PB_METHOD ? "self" : "state", j) == 0;
    }
    json_t *array = json_object_get(object, keys[kind]);
    if (kind != PB_DICT) {
        return json_array_append_new(array, j) == 0;
    }
    if (at % 2) { /* a key: next_of has counted it */
        return json_array_append_new(array, json_pack("[o]", j)) == 0;
    }
    return json_array_append_new(json_array_get(array, at / 2 - 1), j) == 0;
}

static bool write_all(struct writing *w, const pb_value *v)
{
    w->result = from_any(w, v);
    while (w->result && w->open.len) {
        struct open *o = top(w);
        const pb_value *next = next_of(o);
        if (!next) {
            w->open.len -= sizeof *o;
            continue;
        }
        struct open parent = *o;
        json_t *j = from_any(w, next);
        if (!j || !put(parent.object, pb_value_kind(parent.v), parent.at, j)) {
            return false;
        }
    }
    return w->result != NULL;
}

json_t *json_from_value(const pb_value *v)
{
    struct writing w = {0};
    if (find_shared(&w, v) != 0 || !write_all(&w, v)) {
        json_decref(w.result);
        w.result = NULL;
    }
    pb__buf_fini(&w.open);
    pb__map_fini(&w.places);
    return w.result;
}
