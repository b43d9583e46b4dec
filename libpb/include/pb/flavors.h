/* SPDX-License-Identifier: MIT
 *
 * Flavors: the ways in which objects go over the wire besides plain references. What one
 * of ours is says its pb_class (pb/broker.h); what a copy of the peer's becomes here, a
 * registry. Mirrors twisted.spread.flavors. */
#ifndef PB_FLAVORS_H
#define PB_FLAVORS_H

#include "pb/broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Perspectives ---- */

/* An object that calls the `view` methods of another for a perspective (may be NULL):
 * *new*; it holds a count of both. NULL for lack of memory, or of an object. A Viewable is sent as one with
 * the perspective of whom it is sent to. Two on the same pair go by the same number.
 * Mirrors flavors.ViewPoint. */
PB_API pb_object *pb_viewpoint_new(pb_object *perspective, pb_object *object);
/* What a ViewPoint is on, borrowed, as when it was sent home; NULL for another object. */
PB_API pb_object *pb_viewpoint_object(const pb_object *o);
/* For whom it is, borrowed; NULL for nobody, and for another object. */
PB_API pb_object *pb_viewpoint_perspective(const pb_object *o);
/* An object that calls the methods of another in a role: *new*; it holds a count of it.
 * An avatar is sent so, as PB_ROLE_PERSPECTIVE. NULL for lack of memory or of an object,
 * or where role is neither that nor PB_ROLE_REMOTE. Mirrors pb.AsReferenceable. */
PB_API pb_object *pb_referenceable_new(pb_object *object, pb_role role);
/* The perspective that a reference came for, borrowed, and for whom it sends; NULL: none,
 * or its connection has ended. Mirrors RemoteReference.perspective. */
PB_API pb_object *pb_remote_perspective(const pb_remote *r);

/* ---- Copies and caches that come ---- */

/* Which type tags become what: *new*; NULL for lack of memory. Counted; belongs to one
 * thread, as its sessions. Mirrors jelly.unjellyableRegistry and
 * unjellyableFactoryRegistry. */
PB_API pb_registry *pb_registry_new(void);
/* Adds an owner; returns g. NULL gives NULL. */
PB_API pb_registry *pb_registry_ref(pb_registry *g);
/* Removes an owner. NULL is allowed. */
PB_API void pb_registry_unref(pb_registry *g);
/* What comes with this tag becomes a PB_OBJECT value: an object of the class, which is
 * borrowed for the life of the registry and of its copies. cls NULL: it becomes a
 * PB_INSTANCE, data without behaviour, whatever the taster says. A tag that was set before
 * is replaced. A taster of the session's own must allow the tag as a type, too: any with a
 * dot in it is. A class with flavor PB_FLAVOR_CACHEABLE is a RemoteCache: each value is one
 * count of what the peer keeps up to date by its `observe` methods, given back (decache)
 * with its last owner; it is sent home as itself (lcache). A copy is sent on if its class
 * has flavor PB_FLAVOR_COPYABLE, else as an instance, which most tasters don't let out.
 * PB_ERR_ARG, PB_ERR_NOMEM. Mirrors setUnjellyableForClass. */
PB_API int pb_registry_set_class(pb_registry *g, const char *tag, const pb_class *cls);
/* The state of a copy, or of what a cache shows, as it came; borrowed for the life of the
 * object, which holds it. NULL for one of ours. */
PB_API pb_value *pb_object_state(const pb_object *o);
/* Classes under their names behind a prefix: "prefix.Name" for a class named
 * "module.Name"; "Name" alone where the prefix is empty. All of them or none: PB_ERR_ARG,
 * PB_ERR_NOMEM. Mirrors setUnjellyableForClassTree. */
PB_API int pb_registry_set_class_tree(pb_registry *g, const char *prefix,
                                      const pb_class *const *classes, size_t n);
/* Makes of the state of what came, borrowed, a *new* value; NULL with err refuses it. It
 * runs in the midst of reading: what the state refers to may not be in its place yet. */
typedef pb_value *(*pb_factory_cb)(pb_value *state, pb_error *err, void *user_data);
/* What comes with this tag becomes what the factory makes of it. PB_ERR_ARG, PB_ERR_NOMEM.
 * Mirrors setUnjellyableFactoryForClass. */
PB_API int pb_registry_set_factory(pb_registry *g, const char *tag, pb_factory_cb factory,
                                   void *user_data);

/* ---- Failures as values ---- */

/* A failure as a value that can be sent anywhere (CopyableFailure): *new*. */
PB_API pb_value *pb_failure_to_value(pb_failure *f);
/* The failure of a CopiedFailure, or of any exception that was sent as itself: *new*; NULL
 * for lack of memory. */
PB_API pb_failure *pb_failure_from_value(pb_value *v);

#ifdef __cplusplus
}
#endif
#endif
