/* SPDX-License-Identifier: MIT
 *
 * Objects of ours: pb_object, the methods that its class has, and the views on it. */
#ifndef PB__OBJECTS_H
#define PB__OBJECTS_H

#include "libpb/jelly/jelly.h"
#include "pb/flavors.h"

/* ---- object.c ---- */

struct pb_object {
    struct pb__local base; /* holds the state of a copy */
    const pb_class *cls;
    void *self;
    struct pb__weak *weak; /* cacheable.h; NULL: never observed */
};

/* The functions of pb__foreign_ops that all kinds of objects share. */
void pb__object_destroy(struct pb__foreign *f);
bool pb__object_equal(const struct pb__foreign *a, const struct pb__foreign *b);
uint64_t pb__object_hash(const struct pb__foreign *f);

/* ---- class.c ---- */

/* The class's name; for a class without one, the name of Python's base class. */
static inline const char *pb__class_name(const pb_class *cls)
{
    return cls->name ? cls->name : "object";
}
/* The name without the module, as Python's messages show it. */
const char *pb__class_short(const pb_class *cls);
/* The method of that name for a role, of the class or the nearest of its bases that has
 * one; NULL: there is none. */
const pb_method *pb__class_method(const pb_class *cls, pb_role role, pb_span name);
/* Whether the class, or one of its bases, has a table for the role. */
bool pb__class_has_role(const pb_class *cls, pb_role role);
/* The class, or the nearest of its bases, whose callback at this offset of pb_class is
 * set; NULL: none. */
const pb_class *pb__class_with(const pb_class *cls, size_t callback);

/* ---- viewpoint.c ---- */

/* The object that a call goes to. */
struct pb__callee {
    pb_object *object; /* borrowed from the exported object, as is perspective */
    pb_object *perspective;
    pb_role role;
};

/* Fills c for a call of o in c->role: follows ViewPoint and AsReferenceable objects to
 * the object behind them. */
void pb__callee(pb_object *o, struct pb__callee *c);
/* Objects that are the same for the peer have the same key; of objects that differ, only
 * ViewPoints of one object share a key. Mirror Serializable.processUniqueID. */
uint64_t pb__object_key(const pb_object *o);
bool pb__object_same(const pb_object *a, const pb_object *b);

#endif
