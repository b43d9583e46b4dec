/* SPDX-License-Identifier: MIT
 *
 * Objects that stand for other objects: a ViewPoint calls the `view` methods of another
 * object for a perspective, an AsReferenceable its methods of a given role. Here is also
 * the test whether two objects are the same for the peer. Mirrors flavors.ViewPoint and
 * pb.AsReferenceable. */
#include "libpb/base/mem.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/remote.h"

/* The self of such an object. */
struct proxy {
    pb_object *object;      /* one count */
    pb_object *perspective; /* one count, or NULL */
    pb_role role;
};

static void viewpoint_destroy(void *self)
{
    struct proxy *p = self;
    pb_object_unref(p->object);
    pb_object_unref(p->perspective);
    pb__free(p);
}

static const pb_class viewpoint_class = {.name = "ViewPoint",
                                         .destroy = viewpoint_destroy};
static const pb_class as_class = {.name = "AsReferenceable",
                                  .destroy = viewpoint_destroy};

static pb_object *viewpoint_new(const pb_class *cls, pb_object *object,
                                pb_object *perspective, pb_role role)
{
    struct proxy *p = object ? pb__malloc(sizeof *p) : NULL;
    pb_object *o = p ? pb_object_new(cls, p) : NULL;
    if (!o) {
        pb__free(p);
        return NULL;
    }
    *p = (struct proxy){.object = pb_object_ref(object),
                        .perspective = pb_object_ref(perspective),
                        .role = role};
    return o;
}

pb_object *pb_viewpoint_new(pb_object *perspective, pb_object *object)
{
    return viewpoint_new(&viewpoint_class, object, perspective, PB_ROLE_VIEW);
}

pb_object *pb_referenceable_new(pb_object *object, pb_role role)
{
    bool fits = role == PB_ROLE_REMOTE || role == PB_ROLE_PERSPECTIVE;
    return fits ? viewpoint_new(&as_class, object, NULL, role) : NULL;
}

static const struct proxy *viewpoint_of(const pb_object *o)
{
    return o && o->cls == &viewpoint_class ? o->self : NULL;
}

pb_object *pb_viewpoint_object(const pb_object *o)
{
    const struct proxy *p = viewpoint_of(o);
    return p ? p->object : NULL;
}

pb_object *pb_viewpoint_perspective(const pb_object *o)
{
    const struct proxy *p = viewpoint_of(o);
    return p ? p->perspective : NULL;
}

void pb__callee(pb_object *o, struct pb__callee *c)
{
    while (c->role == PB_ROLE_REMOTE &&
           (o->cls == &viewpoint_class || o->cls == &as_class)) {
        const struct proxy *p = o->self;
        o = p->object;
        c->role = p->role;
        c->perspective = p->role == PB_ROLE_PERSPECTIVE ? o : p->perspective;
    }
    c->object = o;
}

uint64_t pb__object_key(const pb_object *o)
{
    const struct proxy *p = viewpoint_of(o);
    return p ? (uintptr_t)p->object | 1 : (uintptr_t)o;
}

bool pb__object_same(const pb_object *a, const pb_object *b)
{
    const struct proxy *x = viewpoint_of(a);
    const struct proxy *y = viewpoint_of(b);
    return a == b ||
           (x && y && x->object == y->object && x->perspective == y->perspective);
}
