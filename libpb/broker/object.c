/* SPDX-License-Identifier: MIT
 *
 * Objects that peers may call, and those that are published under a name. */
#include <stdio.h>
#include <string.h>

#include "libpb/base/mem.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/copyable.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/session.h"

static void object_release(struct pb__foreign *f)
{
    const pb_object *o = (pb_object *)f;
    const pb_class *with = pb__class_with(o->cls, offsetof(pb_class, destroy));
    if (with) {
        with->destroy(o->self);
    }
}

void pb__object_destroy(struct pb__foreign *f)
{
    pb_object *o = (pb_object *)f;
    if (o->weak) {
        o->weak->object = NULL;
        pb__weak_unref(o->weak);
    }
    pb__free(o);
}

bool pb__object_equal(const struct pb__foreign *a, const struct pb__foreign *b)
{
    return a == b;
}

uint64_t pb__object_hash(const struct pb__foreign *f)
{
    return (uintptr_t)f >> 4;
}

static int object_repr(const struct pb__foreign *f, char *out, size_t size)
{
    return snprintf(out, size, "<Referenceable %s>",
                    pb__class_name(((const pb_object *)f)->cls));
}

static const struct pb__foreign_ops ops = {
    .release = object_release,
    .destroy = pb__object_destroy,
    .equal = pb__object_equal,
    .hash = pb__object_hash,
    .repr = object_repr,
    .plain = pb__copyable_plain,
};

pb_object *pb_object_new(const pb_class *cls, void *self)
{
    pb_object *o = cls ? pb__local_new(sizeof *o, &ops, NULL) : NULL;
    if (o) {
        o->cls = cls;
        o->self = self;
    }
    return o;
}

pb_object *pb_object_ref(pb_object *o)
{
    pb_value_ref(pb_object_value_steal(o));
    return o;
}

void pb_object_unref(pb_object *o)
{
    pb_value_unref(pb_object_value_steal(o));
}

void *pb_object_self(const pb_object *o)
{
    return o ? o->self : NULL;
}

const pb_class *pb_object_class(const pb_object *o)
{
    return o ? o->cls : NULL;
}

pb_value *pb_object_value(pb_object *o)
{
    return pb_object_value_steal(pb_object_ref(o));
}

pb_value *pb_object_value_steal(pb_object *o)
{
    return (pb_value *)o;
}

pb_object *pb_as_object(const pb_value *v)
{
    if (!v || pb__kind(v) != PB_OBJECT) {
        return NULL;
    }
    const struct pb__local *l = (const struct pb__local *)v;
    if (pb__is_remote_cache(v)) {
        return (pb_object *)l->holds;
    }
    bool is = l->foreign.ops == &ops || l->foreign.ops == &pb__copy_ops;
    return is ? (pb_object *)l : NULL;
}

pb_value *pb_object_state(const pb_object *o)
{
    return o ? o->base.holds : NULL;
}

static bool is_root(pb_span name)
{
    return name.len == 4 && memcmp(name.data, "root", 4) == 0;
}

/* The slot of the published name, or the slot where a new one belongs. */
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

size_t pb__published_count(const pb_session *s)
{
    size_t n = s->root != NULL;
    for (const struct pb__published *p = s->published; p; p = p->next) {
        n++;
    }
    return n;
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

int pb_session_set_name_for_local(pb_session *s, const char *name, pb_object *o)
{
    if (!s || !name || !o) {
        return PB_ERR_ARG;
    }
    if (!pb__session_open(s) || pb__session_usable(s, NULL) != 0) {
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

void pb__published_fini(pb_session *s)
{
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
