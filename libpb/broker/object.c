/* SPDX-License-Identifier: MIT
 *
 * Objects that peers may call, and the tables of those that the peer holds: each sending
 * is one count under one number, each decref one less. A number is never used again. */
#include <stdio.h>
#include <string.h>

#include "libpb/broker/session.h"

static void destroy(struct pb__foreign *f)
{
    pb_object *o = (pb_object *)f;
    if (o->cls->destroy) {
        o->cls->destroy(o->self);
    }
    pb__free(o);
}

static bool equal(const struct pb__foreign *a, const struct pb__foreign *b)
{
    return a == b;
}

static uint64_t hash(const struct pb__foreign *f)
{
    return (uintptr_t)f >> 4;
}

static int repr(const struct pb__foreign *f, char *out, size_t size)
{
    return snprintf(out, size, "<Referenceable %s>", ((const pb_object *)f)->cls->name);
}

static const struct pb__foreign_ops ops = {
    .destroy = destroy,
    .equal = equal,
    .hash = hash,
    .repr = repr,
};

pb_object *pb_object_new(const pb_class *cls, void *self)
{
    pb_object *o = pb__value_new(NULL, sizeof *o, PB_LOCAL);
    if (o) {
        o->base.ops = &ops;
        o->cls = cls;
        o->self = self;
    }
    return o;
}

pb_object *pb_object_ref(pb_object *o)
{
    pb_value_ref(pb_local_steal(o));
    return o;
}

void pb_object_unref(pb_object *o)
{
    pb_value_unref(pb_local_steal(o));
}

void *pb_object_self(const pb_object *o)
{
    return o->self;
}

const pb_class *pb_object_class(const pb_object *o)
{
    return o->cls;
}

pb_value *pb_local(pb_object *o)
{
    return pb_local_steal(pb_object_ref(o));
}

pb_value *pb_local_steal(pb_object *o)
{
    return (pb_value *)o;
}

pb_object *pb_as_object(const pb_value *v)
{
    bool is =
        v && pb__kind(v) == PB_LOCAL && ((const struct pb__foreign *)v)->ops == &ops;
    return is ? (pb_object *)v : NULL;
}

/* One more object than there may be. Mirrors Broker.registerReference. */
static int refuse(pb_session *s, pb_error *err)
{
    const char *text = "Maximum PB reference count exceeded.";
    size_t limit = s->shared->config.max_refs;
    s->refused_as = "twisted.spread.pb.Error";
    if (++s->strikes > 3) {
        pb_error why = {0};
        pb__error_set(&why, PB_ERR_LIMIT, 0, "%s  Goodbye. (limit %zu)", text, limit);
        pb__session_end(s, &why);
    }
    return pb__error_set(err, PB_ERR_LIMIT, 0, "%s", text);
}

/* Those that go by name count too. */
static size_t count_published(const pb_session *s)
{
    size_t n = s->root != NULL;
    for (const struct pb__published *p = s->published; p; p = p->next) {
        n++;
    }
    return n;
}

static struct pb__export *find(const pb_session *s, const pb_object *o)
{
    struct pb__export *x = pb__map_get(&s->luids, pb__object_key(o));
    while (x && !pb__object_same(x->object, o)) {
        x = x->like;
    }
    return x;
}

static struct pb__export *add(pb_session *s, pb_object *o)
{
    uint64_t key = pb__object_key(o);
    struct pb__export *x = pb__malloc(sizeof *x);
    if (!x) {
        return NULL;
    }
    *x = (struct pb__export){
        .object = o, .luid = s->last_luid + 1, .like = pb__map_get(&s->luids, key)};
    if (pb__map_set(&s->exports, (uint64_t)x->luid, x) != 0) {
        pb__free(x);
        return NULL;
    }
    if (pb__map_set(&s->luids, key, x) != 0) {
        pb__map_take(&s->exports, (uint64_t)x->luid);
        pb__free(x);
        return NULL;
    }
    pb_object_ref(o);
    s->last_luid++;
    return x;
}

int pb__export_add(pb_session *s, pb_object *o, int64_t *luid, pb_error *err)
{
    struct pb__export *x = find(s, o);
    if (!x) {
        if (s->exports.len + count_published(s) > s->shared->config.max_refs) {
            return refuse(s, err);
        }
        x = add(s, o);
        if (!x) {
            return pb__error_nomem(err);
        }
    }
    if (x->fresh == 0) {
        x->next_touched = s->touched;
        s->touched = x;
    }
    x->fresh++;
    x->count++;
    *luid = x->luid;
    return 0;
}

void pb__export_commit(pb_session *s)
{
    for (struct pb__export *x = s->touched; x; x = x->next_touched) {
        x->fresh = 0;
    }
    s->touched = NULL;
}

/* Gives tables back that are empty: an object comes and goes with most logins. */
static void trim(pb_session *s)
{
    if (s->exports.len == 0) {
        pb__map_fini(&s->exports);
        pb__map_fini(&s->luids);
    }
}

/* Takes x out of the table by objects. Where another has its key that one is put in its
 * place, which has become free, so that it needs no memory. */
static void forget(pb_session *s, struct pb__export *x)
{
    uint64_t key = pb__object_key(x->object);
    struct pb__export *first = pb__map_take(&s->luids, key);
    if (first == x) {
        first = x->like;
    } else {
        struct pb__export *before = first;
        while (before->like != x) {
            before = before->like;
        }
        before->like = x->like;
    }
    if (first) {
        pb__map_set(&s->luids, key, first);
    }
}

static void drop(pb_session *s, struct pb__export *x)
{
    pb__map_take(&s->exports, (uint64_t)x->luid);
    forget(s, x);
    trim(s);
    pb_object *o = x->object;
    pb__free(x);
    pb_object_unref(o);
}

void pb__export_undo(pb_session *s)
{
    while (s->touched) {
        struct pb__export *x = s->touched;
        s->touched = x->next_touched;
        x->count -= x->fresh;
        x->fresh = 0;
        if (x->count == 0) {
            drop(s, x);
        }
    }
}

bool pb__export_drop(pb_session *s, int64_t luid)
{
    struct pb__export *x = pb__map_get(&s->exports, (uint64_t)luid);
    if (x && --x->count == 0) {
        drop(s, x);
    }
    return x != NULL;
}

pb_object *pb__export_find(const pb_session *s, int64_t luid)
{
    const struct pb__export *x = pb__map_get(&s->exports, (uint64_t)luid);
    return x ? x->object : NULL;
}

static bool is_root(pb_span name)
{
    return name.len == 4 && memcmp(name.data, "root", 4) == 0;
}

/* Where the name's object stands, or would. */
static pb_object **published_place(pb_session *s, pb_span name)
{
    if (is_root(name)) {
        return &s->root;
    }
    for (struct pb__published *p = s->published; p; p = p->next) {
        if (strlen(p->name) == name.len && memcmp(p->name, name.data, name.len) == 0) {
            return &p->object;
        }
    }
    struct pb__published *p = pb__calloc(1, sizeof *p + name.len + 1);
    if (!p) {
        return NULL;
    }
    memcpy(p->name, name.data, name.len);
    p->next = s->published;
    s->published = p;
    return &p->object;
}

pb_object *pb__published_find(const pb_session *s, pb_span name)
{
    if (is_root(name)) {
        return s->root;
    }
    const struct pb__published *p = s->published;
    while (p &&
           (strlen(p->name) != name.len || memcmp(p->name, name.data, name.len) != 0)) {
        p = p->next;
    }
    return p ? p->object : NULL;
}

int pb_session_publish(pb_session *s, const char *name, pb_object *o)
{
    if (!name || !o) {
        return PB_ERR_ARG;
    }
    if (!pb__session_open(s)) {
        return PB_ERR_STATE;
    }
    pb_object **place =
        published_place(s, (pb_span){(const uint8_t *)name, strlen(name)});
    if (!place) {
        return PB_ERR_NOMEM;
    }
    pb_object *before = *place;
    *place = pb_object_ref(o);
    pb_object_unref(before);
    return 0;
}

void pb__export_fini(pb_session *s)
{
    struct pb__map exports = s->exports;
    s->exports = (struct pb__map){0};
    pb__map_fini(&s->luids);
    size_t at = 0;
    uint64_t luid;
    void *value;
    while (pb__map_next(&exports, &at, &luid, &value)) {
        struct pb__export *x = value;
        pb_object_unref(x->object);
        pb__free(x);
    }
    pb__map_fini(&exports);
    while (s->published) {
        struct pb__published *p = s->published;
        s->published = p->next;
        pb_object_unref(p->object);
        pb__free(p);
    }
    pb_object *root = s->root;
    s->root = NULL;
    pb_object_unref(root);
}
