/* SPDX-License-Identifier: MIT
 *
 * References and placeholders while an expression is read: NotKnown and its subclasses in
 * crefutil, and _unjelly_reference and _unjelly_dereference. */
#include "libpb/jelly/crefs.h"

#include <stdio.h>
#include <string.h>

#include "compat/profile.h"
#include "compat/table.h"

static int cref_fail(struct pb__reader *r, int code, const char *why)
{
    r->why = why;
    return code;
}

/* ---- Placeholders ---- */

/* The name of the class that a placeholder is an instance of, borrowed. */
static pb_value *class_name(struct pb__crefs *cs, enum pb__head head)
{
    static const char *const names[] = {"_Dereference", "_Tuple", "_Container",
                                        "_InstanceMethod"};
    unsigned which = head == PB__HEAD_DEREFERENCE ? 0
                     : head == PB__HEAD_TUPLE     ? 1
                     : head == PB__HEAD_METHOD    ? 3
                                                  : 2;
    if (!cs->names[which]) {
        char name[64];
        snprintf(name, sizeof name, "twisted.persisted.crefutil.%s", names[which]);
        cs->names[which] = pb_str(name);
    }
    return cs->names[which];
}

/* The result has two counts: one for the caller, one for the list of all placeholders. */
static int new_cref(struct pb__reader *r, enum pb__head head, struct pb__cref **out)
{
    struct pb__crefs *cs = r->crefs;
    if (cs->pending >= PB__CREFS_PENDING) {
        return cref_fail(
            r, PB_ERR_LIMIT,
            "more than 16384 references to values that have not arrived yet");
    }
    pb_value *name = class_name(cs, head);
    struct pb__cref *c = name ? pb__value_new(r->pool, sizeof *c, PB_INSTANCE) : NULL;
    if (!c) {
        return PB_ERR_NOMEM;
    }
    cs->pending++;
    pb_value *v = &c->instance.node.head;
    v->refs = 2;
    v->flags |= PB__LATE;
    c->instance.node.island = NULL;
    c->instance.name = pb__ref(name);
    c->instance.state = NULL;
    c->next = cs->all;
    c->object = NULL;
    c->others = NULL;
    c->len = c->cap = 0;
    c->head = (uint8_t)head;
    c->missing = 0;
    c->id = NULL;
    c->cls = NULL;
    cs->all = c;
    *out = c;
    return 0;
}

/* Room for one more of the dependants, which are more than the first. */
static int grow_dependants(struct pb__reader *r, struct pb__cref *c)
{
    size_t cap = c->cap ? (size_t)c->cap * 2 : 2;
    size_t size;
    struct pb__dependant *more = NULL;
    if (cap <= UINT32_MAX && pb__mul(cap, sizeof *more, &size) &&
        pb__budget_charge(r->pool, size - c->cap * sizeof *more)) {
        more = pb__realloc(c->others, size);
    }
    if (!more) {
        return PB_ERR_NOMEM;
    }
    c->others = more;
    c->cap = (uint32_t)cap;
    return 0;
}

static int add_dependant(struct pb__reader *r, struct pb__cref *c, enum pb__place place,
                         struct pb__node *node, size_t at)
{
    if (c->len > c->cap && grow_dependants(r, c) != 0) {
        return PB_ERR_NOMEM;
    }
    *pb__cref_dependant(c, c->len++) =
        (struct pb__dependant){.node = node, .at = (uint32_t)at, .place = (uint8_t)place};
    if (place == PB__IN_SEQ || place == PB__IN_DICT) {
        pb__ref(&node->head);
    }
    return 0;
}

int pb__crefs_depend(struct pb__reader *r, struct pb__cref *c, enum pb__place place,
                     struct pb__node *node, size_t at)
{
    if (c->object) {
        return cref_fail(r, PB_ERR_SYNTAX, "the reference was resolved before");
    }
    return add_dependant(r, c, place, node, at);
}

/* ---- Resolving ---- */

struct step {
    struct pb__cref *c;
    pb_value *object; /* counted */
    uint32_t next;    /* index of its next dependant */
};

static void cref_replace(pb_value **place, pb_value *v)
{
    pb_value *before = *place;
    *place = pb__ref(v);
    pb__unref(before);
}

/* Begins to store object, of which it takes over a count, in all places of c. Mirrors
 * NotKnown.resolveDependants; the stack replaces its recursion. */
static int resolve_steal(struct pb__crefs *cs, struct pb__cref *c, pb_value *object)
{
    struct step s = {c, object, 0};
    if (pb__buf_append(&cs->stack, &s, sizeof s)) {
        pb__unref(object);
        return PB_ERR_NOMEM;
    }
    cs->pending -= c->object == NULL;
    pb_value_unref(c->object);
    c->object = pb__ref(object);
    return 0;
}

/* Makes a tuple from the items of a list, which is not changed. */
static pb_value *tuple_of(struct pb__reader *r, const struct pb__seq *items)
{
    if (items->len == 0) {
        return &pb__empty_tuple.node.head;
    }
    struct pb__seq *t = pb__seq_new(r->pool, PB_TUPLE, items->len);
    if (t) {
        for (uint32_t i = 0; i < items->len; i++) {
            t->items[i] = pb__ref(items->items[i]);
        }
        t->len = items->len;
    }
    return (pb_value *)t;
}

/* Python before 3.10 has only one empty frozenset, as it has one empty tuple. */
static bool has_one_frozenset(const struct pb__reader *r)
{
    pb_profile p = r->config.jelly->profile;
    return r->python2 || (p.python_minor > 0 && p.python_minor < 10);
}

int pb__crefs_set_steal(struct pb__reader *r, enum pb__head head, struct pb__seq *items,
                        pb_value **out)
{
    pb_kind kind = head == PB__HEAD_SET ? PB_SET : PB_FROZENSET;
    int e = 0;
    struct pb__table *t = NULL;
    if (kind == PB_FROZENSET && items->len == 0 && has_one_frozenset(r)) {
        t = &pb__empty_frozenset;
    } else {
        t = pb__table_new(r->pool, kind, items->len);
        e = t ? 0 : PB_ERR_NOMEM;
    }
    for (uint32_t i = 0; e == 0 && i < items->len; i++) {
        e = pb__table_put_steal(t, pb__ref(items->items[i]), NULL);
        if (e == PB_ERR_TYPE) {
            r->why = pb__read_unhashable(items->items[i]);
        }
    }
    pb__unref(&items->node.head);
    if (e == 0 && !pb__budget_charge(r->pool, pb__table_outside(t))) {
        e = PB_ERR_NOMEM;
    }
    if (e) {
        pb_value_unref((pb_value *)t);
        return e;
    }
    *out = &t->node.head;
    return 0;
}

/* Builds a container whose items are all known. */
static int cref_build(struct pb__reader *r, struct pb__cref *c)
{
    pb_value *v = NULL;
    int e;
    if (c->head == PB__HEAD_TUPLE) {
        v = tuple_of(r, c->items);
        e = v ? 0 : PB_ERR_NOMEM;
    } else {
        pb__ref(&c->items->node.head);
        e = pb__crefs_set_steal(r, (enum pb__head)c->head, c->items, &v);
    }
    return e ? e : resolve_steal(r->crefs, c, v);
}

/* Mirrors __setitem__ of _Container and _InstanceMethod. */
static int fill_cref(struct pb__reader *r, struct pb__dependant *d, pb_value *object)
{
    struct pb__cref *c = (struct pb__cref *)d->node;
    if (c->head != PB__HEAD_METHOD) {
        cref_replace(&c->items->items[d->at], object);
    }
    if (pb__cref_of(object)) {
        return 0;
    }
    if (c->head == PB__HEAD_METHOD) {
        pb_value *method;
        int e = pb__read_method_steal(r, pb__ref(c->name), pb__ref(object),
                                      pb__ref(c->cls), &method);
        return e ? e : resolve_steal(r->crefs, c, method);
    }
    if (d->known) {
        return cref_fail(r, PB_ERR_SYNTAX,
                         "a part of a tuple or set was resolved before");
    }
    d->known = true;
    return --c->missing == 0 ? cref_build(r, c) : 0;
}

/* Replaces the key of a pair. The pair may have ended since then, but not with a
 * placeholder as its key. */
static void fill_key(struct pb__reader *r, const struct pb__cref *c, size_t at,
                     pb_value *object)
{
    struct pb__frame *f = pb__read_bottom(r) + at;
    if (f <= r->top && f->shape == PB__SHAPE_DICT_LATE &&
        f->key == &c->instance.node.head) {
        cref_replace(&f->key, object);
        f->shape = pb__cref_of(object) ? PB__SHAPE_DICT_LATE : PB__SHAPE_DICT_VALUE;
    }
}

/* Stores object in the place of dependant i of c. */
static int cref_fill(struct pb__reader *r, struct pb__cref *c, uint32_t i,
                     pb_value *object)
{
    struct pb__dependant *d = pb__cref_dependant(c, i);
    struct pb__cref *late = pb__cref_of(object);
    int e = 0;
    switch (d->place) {
    case PB__IN_SEQ:
        cref_replace(&((struct pb__seq *)d->node)->items[d->at], object);
        break;
    case PB__IN_DICT:
        cref_replace(&((struct pb__table *)d->node)->slots[2 * d->at + 1], object);
        break;
    case PB__AS_KEY:
        fill_key(r, c, d->at, object);
        break;
    default:
        e = fill_cref(r, d, object);
        break;
    }
    if (e == 0 && late &&
        pb__profile_has(r->config.jelly->profile, PB__PROFILE_FILLS_AGAIN)) {
        e = pb__crefs_depend(r, late, (enum pb__place)d->place, d->node, d->at);
    }
    return e;
}

/* Runs all pending steps or, if e is set, drops them. */
static int crefs_go_on(struct pb__reader *r, int e)
{
    struct pb__buf *stack = &r->crefs->stack;
    while (stack->len) {
        struct step s;
        uint8_t *top = stack->data + stack->len - sizeof s;
        memcpy(&s, top, sizeof s);
        if (e || s.next == s.c->len) {
            stack->len -= sizeof s;
            pb__unref(s.object);
            continue;
        }
        uint32_t i = s.next++;
        memcpy(top, &s, sizeof s);
        e = cref_fill(r, s.c, i, s.object);
    }
    return e;
}

/* ---- References ---- */

/* Finds the index of an id in objects, or adds it: *out. */
static int find_id(struct pb__reader *r, pb_value *id, size_t *out)
{
    if (!r->crefs) {
        r->crefs = pb__calloc(1, sizeof *r->crefs);
    }
    struct pb__crefs *cs = r->crefs;
    if (cs && !cs->ids) {
        cs->ids = pb__table_new(NULL, PB_SET, 4);
    }
    if (!cs || !cs->ids) {
        return PB_ERR_NOMEM;
    }
    int64_t found = pb__table_find(cs->ids, id);
    if (found > 0) {
        *out = (size_t)found - 1;
        return 0;
    }
    size_t len = cs->ids->len;
    if (len == cs->cap) {
        size_t cap = cs->cap ? cs->cap * 2 : 4;
        pb_value **more = pb__realloc(cs->objects, cap * sizeof *more);
        if (!more) {
            return PB_ERR_NOMEM;
        }
        cs->objects = more;
        cs->cap = cap;
    }
    cs->objects[len] = NULL;
    *out = len;
    return found < 0 ? (int)found
                     : pb__read_put_entry_steal(r, cs->ids, pb__ref(id), NULL);
}

/* The known object as Python's dict.get returns it: None counts as not known. */
static pb_value *known_object(const struct pb__crefs *cs, size_t at)
{
    pb_value *v = cs->objects[at];
    return v && pb__kind(v) != PB_NONE ? v : NULL;
}

static void set_object(struct pb__crefs *cs, size_t at, pb_value *v)
{
    pb_value_unref(cs->objects[at]);
    cs->objects[at] = pb__ref(v);
}

int pb__crefs_dereference(struct pb__reader *r, pb_value *id, pb_value **out)
{
    size_t at;
    int e = find_id(r, id, &at);
    if (e) {
        return e;
    }
    pb_value *v = known_object(r->crefs, at);
    if (v) {
        *out = pb__ref(v);
        return 0;
    }
    struct pb__cref *c;
    e = new_cref(r, PB__HEAD_DEREFERENCE, &c);
    if (e) {
        return e;
    }
    c->id = pb__ref(id);
    set_object(r->crefs, at, &c->instance.node.head);
    *out = &c->instance.node.head;
    return 0;
}

int pb__crefs_reference(struct pb__reader *r, pb_value *id, pb_value *o)
{
    size_t at;
    int e = find_id(r, id, &at);
    if (e) {
        return e;
    }
    pb_value *v = known_object(r->crefs, at);
    struct pb__cref *late = v ? pb__cref_of(v) : NULL;
    if (v && !late) {
        return cref_fail(r, PB_ERR_SYNTAX, "Multiple references with same ID!");
    }
    e = late ? crefs_go_on(r, resolve_steal(r->crefs, late, pb__ref(o))) : 0;
    if (e == 0) {
        set_object(r->crefs, at, o);
    }
    return e;
}

int pb__crefs_container_steal(struct pb__reader *r, enum pb__head head,
                              struct pb__seq *items, pb_value **out)
{
    struct pb__cref *c;
    int e = new_cref(r, head, &c);
    if (e) {
        pb__unref(&items->node.head);
        return e;
    }
    c->items = items;
    for (uint32_t i = 0; e == 0 && i < items->len; i++) {
        struct pb__cref *late = pb__cref_of(items->items[i]);
        if (late) {
            c->missing++;
            e = pb__crefs_depend(r, late, PB__IN_CREF, &c->instance.node, i);
        }
    }
    if (e == 0 && c->missing == 0) {
        e = crefs_go_on(r, cref_build(r, c));
    }
    *out = &c->instance.node.head;
    if (e) {
        pb__unref(*out);
    }
    return e;
}

int pb__crefs_method_steal(struct pb__reader *r, pb_value *name, pb_value *self,
                           pb_value *cls, pb_value **out)
{
    struct pb__cref *c;
    int e = new_cref(r, PB__HEAD_METHOD, &c);
    if (!e) {
        c->name = name;
        c->cls = cls;
        e = pb__crefs_depend(r, pb__cref_of(self), PB__IN_CREF, &c->instance.node, 0);
        *out = &c->instance.node.head;
        if (e) {
            pb__unref(*out);
        }
    } else {
        pb__unref(name);
        pb__unref(cls);
    }
    pb__unref(self);
    return e;
}
