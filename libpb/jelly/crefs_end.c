/* SPDX-License-Identifier: MIT
 *
 * How references end: the cycles of a complete expression are tied, those of a refused
 * one are broken. Placeholders that remain in places become instances of crefutil's
 * classes, with the attributes that Twisted would show. */
#include "libpb/jelly/crefs.h"

#include <stdio.h>

/* ---- Attributes ---- */

struct attributes {
    pb_value *dict;
    bool python2;
};

/* Sets an attribute; v is stolen, and NULL if memory is exhausted. */
static int set_steal(const struct attributes *a, const char *name, pb_value *v)
{
    pb_span s = {(const uint8_t *)name, strlen(name)};
    pb_value *key =
        (pb_value *)pb__text_new(NULL, a->python2 ? PB_BYTES : PB_STR, s.data, s.len);
    int e = pb_dict_set_value_steal(a->dict, key, v);
    return e ? PB_ERR_NOMEM : 0;
}

/* Makes a _DictKeyAndValue. In its place, this reader uses the pair of the dict
 * itself. */
static pb_value *pair_instance(const struct pb__dependant *d, bool python2)
{
    struct pb__table *t = (struct pb__table *)d->node;
    struct attributes a = {pb_dict(), python2};
    if (!a.dict || set_steal(&a, "dict", pb__ref(&t->node.head)) ||
        set_steal(&a, "key", pb__ref(t->slots[2 * d->at])) ||
        set_steal(&a, "value", pb__ref(t->slots[2 * d->at + 1]))) {
        pb_value_unref(a.dict);
        return NULL;
    }
    return pb_instance_steal("twisted.persisted.crefutil._DictKeyAndValue", a.dict);
}

static pb_value *cref_dependants(struct pb__cref *c, bool python2)
{
    pb_value *list = pb_list();
    int e = list ? 0 : PB_ERR_NOMEM;
    for (uint32_t i = 0; e == 0 && i < c->len; i++) {
        const struct pb__dependant *d = pb__cref_dependant(c, i);
        if (d->place == PB__AS_KEY) {
            continue; /* its pair has ended */
        }
        bool pair = d->place == PB__IN_DICT;
        pb_value *holder = pair ? pair_instance(d, python2) : pb__ref(&d->node->head);
        pb_value *entry =
            holder ? pb_build(NULL, "(Ni)", holder, pair ? 1 : (int)d->at) : NULL;
        e = entry ? pb_append_steal(list, entry) : PB_ERR_NOMEM;
    }
    if (e) {
        pb_value_unref(list);
        return NULL;
    }
    return list;
}

/* The indexes of items of a container that are not known yet. */
static pb_value *cref_locs(const struct pb__seq *items)
{
    pb_value *list = pb_list();
    int e = list ? 0 : PB_ERR_NOMEM;
    for (uint32_t i = 0; e == 0 && i < items->len; i++) {
        if (pb__cref_of(items->items[i])) {
            e = pb_append_steal(list, pb__small(i));
        }
    }
    if (e) {
        pb_value_unref(list);
        return NULL;
    }
    return list;
}

static int set_container(const struct attributes *a, const struct pb__cref *c)
{
    char name[32];
    snprintf(name, sizeof name, "%s.%s", a->python2 ? "__builtin__" : "builtins",
             pb__head_rows[c->head].text);
    int e = set_steal(a, "containerType", pb_name(PB_CLASS, name));
    e = e ? e : set_steal(a, "l", pb__ref(&c->items->node.head));
    return e ? e : set_steal(a, "locs", cref_locs(c->items));
}

static int set_method(const struct attributes *a, const struct pb__cref *c)
{
    int e = set_steal(a, "my_class", pb__ref(c->cls));
    return e ? e : set_steal(a, "name", pb__ref(c->name));
}

/* The attributes of a placeholder; *new*. NULL if memory is exhausted. */
static pb_value *cref_state(struct pb__cref *c, bool python2)
{
    struct attributes a = {pb_dict(), python2};
    int e = a.dict ? 0 : PB_ERR_NOMEM;
    e = e ? e : set_steal(&a, "dependants", cref_dependants(c, python2));
    e = e ? e : set_steal(&a, "resolved", pb__small(c->object != NULL));
    if (e == 0) {
        e = c->head == PB__HEAD_DEREFERENCE ? set_steal(&a, "id", pb__ref(c->id))
            : c->head == PB__HEAD_METHOD    ? set_method(&a, c)
                                            : set_container(&a, c);
    }
    if (e == 0 && c->object) {
        e = set_steal(&a, "resolvedObject", pb__ref(c->object));
    }
    if (e) {
        pb_value_unref(a.dict);
        return NULL;
    }
    return a.dict;
}

/* ---- The end ---- */

static void drop_objects(struct pb__crefs *cs)
{
    for (size_t i = 0; i < cs->ids->len; i++) {
        pb_value_unref(cs->objects[i]);
        cs->objects[i] = NULL;
    }
}

/* If a placeholder remains in a place, its attributes are visible, and through them other
 * placeholders. So all placeholders get their state. */
static int set_states(struct pb__reader *r)
{
    bool any = false;
    size_t shown = 0;
    for (struct pb__cref *c = r->crefs->all; c; c = c->next) {
        any |= c->instance.node.head.refs > 1;
        shown += 1 + c->len;
    }
    if (any && shown > PB__CREFS_SHOWN) {
        r->why = "more than 4096 references, some of which are to what never came";
        return PB_ERR_LIMIT;
    }
    for (struct pb__cref *c = r->crefs->all; c && any; c = c->next) {
        c->instance.state = cref_state(c, r->python2);
        if (!c->instance.state) {
            return PB_ERR_NOMEM;
        }
    }
    return 0;
}

static int add_root(struct pb__buf *roots, pb_value *v)
{
    if (!v || pb__is_small(v) || !pb__is_node(v)) {
        return 0;
    }
    return pb__buf_append(roots, &v, sizeof v);
}

int pb__crefs_finish(struct pb__reader *r)
{
    struct pb__buf roots = {0};
    drop_objects(r->crefs);
    int e = set_states(r);
    for (struct pb__cref *c = r->crefs->all; e == 0 && c; c = c->next) {
        e = add_root(&roots, c->object);
        if (e == 0 && c->instance.state) {
            e = add_root(&roots, &c->instance.node.head);
        }
    }
    e = e ? e : pb__cycles_tie(&roots, r->pool);
    if (e == PB_ERR_NOMEM && r->pool && r->pool->over) {
        r->why = "cycles take more memory than the limit";
        e = PB_ERR_LIMIT;
    }
    pb__buf_fini(&roots);
    return e;
}

/* Replaces the value in a place by None, because the program may hold the dict. */
static void take_apart(struct pb__node *holder, pb_value **place)
{
    pb_value *v = *place;
    *place = &pb__none_value;
    pb__let_go(holder, v);
}

static void empty_place(const struct pb__dependant *d)
{
    const struct pb__cref *c = (struct pb__cref *)d->node;
    if (d->place == PB__IN_SEQ) {
        take_apart(d->node, &((struct pb__seq *)d->node)->items[d->at]);
    } else if (d->place == PB__IN_DICT) {
        take_apart(d->node, &((struct pb__table *)d->node)->slots[2 * d->at + 1]);
    } else if (d->place == PB__IN_CREF && c->head != PB__HEAD_METHOD) {
        take_apart(&c->items->node, &c->items->items[d->at]);
    }
}

void pb__crefs_undo(struct pb__reader *r)
{
    for (struct pb__cref *c = r->crefs ? r->crefs->all : NULL; c; c = c->next) {
        take_apart(&c->instance.node, &c->instance.state);
        for (uint32_t i = 0; c->object && i < c->len; i++) {
            empty_place(pb__cref_dependant(c, i));
        }
    }
}

static void clear_cref(struct pb__cref *c)
{
    for (uint32_t i = 0; i < c->len; i++) {
        struct pb__dependant *d = pb__cref_dependant(c, i);
        if (d->place == PB__IN_SEQ || d->place == PB__IN_DICT) {
            pb__unref(&d->node->head);
        }
    }
    pb__free(c->others);
    pb_value_unref(c->head == PB__HEAD_DEREFERENCE ? c->id
                   : c->head == PB__HEAD_METHOD    ? c->name
                   : c->items                      ? &c->items->node.head
                                                   : NULL);
    pb_value_unref(c->cls);
    pb_value_unref(c->object);
    c->instance.node.head.flags &= (uint8_t)~PB__LATE;
    pb__unref(&c->instance.node.head);
}

void pb__crefs_clear(struct pb__reader *r)
{
    struct pb__crefs *cs = r->crefs;
    if (!pb__crefs_used(r)) {
        return;
    }
    drop_objects(cs);
    pb__unref(&cs->ids->node.head);
    cs->ids = NULL;
    while (cs->all) {
        struct pb__cref *c = cs->all;
        cs->all = c->next;
        clear_cref(c);
    }
    cs->pending = 0;
}

void pb__crefs_free(struct pb__crefs *cs)
{
    if (cs) {
        for (size_t i = 0; i < sizeof cs->names / sizeof *cs->names; i++) {
            pb_value_unref(cs->names[i]);
        }
        pb_value_unref((pb_value *)cs->ids);
        pb__free(cs->objects);
        pb__buf_fini(&cs->stack);
        pb__free(cs);
    }
}
