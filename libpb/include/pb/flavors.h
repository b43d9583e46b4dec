/* SPDX-License-Identifier: MIT
 *
 * Flavors: the ways to send an object other than as a plain reference. A pb_class
 * (pb/broker.h) describes how objects of this program are sent; a registry maps the type
 * tags of received copies to classes. Mirrors twisted.spread.flavors. */
#ifndef PB_FLAVORS_H
#define PB_FLAVORS_H

#include "pb/broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Perspectives ---- */

/* An object that passes calls on to the `view` methods of another object, on behalf of a
 * perspective (which may be NULL): *new*; it holds a count of both. NULL if memory is
 * exhausted, or if object is NULL. A Viewable is sent as a ViewPoint with the perspective
 * of the recipient. Two ViewPoints on the same pair are sent under the same number.
 * Mirrors flavors.ViewPoint. */
PB_API pb_object *pb_viewpoint_new(pb_object *perspective, pb_object *object) PB_MUST_USE;
/* The object of a ViewPoint, borrowed, for a ViewPoint that the peer sent back, for
 * example; NULL for another object. */
PB_API pb_object *pb_viewpoint_object(const pb_object *o);
/* The perspective of a ViewPoint, borrowed; NULL if it has none, and for another
 * object. */
PB_API pb_object *pb_viewpoint_perspective(const pb_object *o);
/* An object that calls the methods of another object in a role: *new*; it holds a count
 * of the other object. An avatar is sent this way, with PB_ROLE_PERSPECTIVE. NULL if
 * memory is exhausted, if object is NULL, or if role is neither PB_ROLE_PERSPECTIVE nor
 * PB_ROLE_REMOTE. Mirrors pb.AsReferenceable. */
PB_API pb_object *pb_referenceable_new(pb_object *object, pb_role role) PB_MUST_USE;
/* The perspective for which a reference was received, borrowed. Arguments sent through
 * the reference are written for that perspective. NULL if there is none, or if the
 * connection has ended. Mirrors RemoteReference.perspective. */
PB_API pb_object *pb_remote_perspective(const pb_remote *r);

/* ---- Received copies and caches ---- */

/* A registry of the classes of received copies: *new*. NULL if memory is exhausted.
 * Counted; it belongs to the same thread as its sessions. Mirrors
 * jelly.unjellyableRegistry and unjellyableFactoryRegistry. */
PB_API pb_registry *pb_registry_new(void) PB_MUST_USE;
/* Adds an owner, and returns g. NULL gives NULL. */
PB_API pb_registry *pb_registry_ref(pb_registry *g);
/* Removes an owner. NULL is allowed. */
PB_API void pb_registry_unref(pb_registry *g);
/* Received values with this type tag become PB_OBJECT values: objects of cls, which is
 * borrowed for the life of the registry and of its copies. If cls is NULL, they become
 * PB_INSTANCE values, data without behaviour, independently of the taster. An earlier
 * entry for the tag is replaced. If the session has its own taster, it must also allow
 * the tag as a type; tags with a dot are always allowed.
 *
 * If the flavor of cls is PB_FLAVOR_CACHEABLE, the values are RemoteCaches. Each of them
 * is one count of an object that the peer updates by calling `observe` methods. The count
 * is released (sends `decache`) when the last owner of the value is removed. A cache is
 * sent back to its owner as `lcache`. A copy is sent on as a copy if the flavor of cls is
 * PB_FLAVOR_COPYABLE, otherwise as an instance, which most tasters refuse. PB_ERR_ARG,
 * PB_ERR_NOMEM. Mirrors setUnjellyableForClass. */
PB_API int pb_registry_set_class(pb_registry *g, const char *tag, const pb_class *cls);
/* The received state of a copy, or of the object that a cache refers to. Borrowed for the
 * life of the object, which holds it. NULL for an object of this program. */
PB_API pb_value *pb_object_state(const pb_object *o);
/* Registers classes under their names with a prefix: "prefix.Name" for a class named
 * "module.Name", and "Name" if the prefix is empty. Either all of them are registered or
 * none: PB_ERR_ARG, PB_ERR_NOMEM. Mirrors setUnjellyableForClassTree. */
PB_API int pb_registry_set_class_tree(pb_registry *g, const char *prefix,
                                      const pb_class *const *classes, size_t n);
/* Builds a *new* value from a received state, which is borrowed. NULL, with err, refuses
 * it. It runs while the message is being read, so the objects that the state refers to
 * may not be complete. */
typedef pb_value *(*pb_factory_cb)(pb_value *state, pb_error *err, void *user_data);
/* Makes received values with this type tag the results of a factory. PB_ERR_ARG,
 * PB_ERR_NOMEM. Mirrors setUnjellyableFactoryForClass. */
PB_API int pb_registry_set_factory(pb_registry *g, const char *tag, pb_factory_cb factory,
                                   void *user_data);

/* ---- Classes with a custom jellyFor and unjellyFor ---- */

/* Builds a *new* value from the members of a received expression [tag, member, ...], a
 * borrowed list; NULL, with err, refuses it. Runs while the message is being read, as
 * pb_factory_cb. */
typedef pb_value *(*pb_unjelly_cb)(pb_value *members, pb_error *err, void *user_data);
/* Makes received values with this type tag the results of a callback that gets all
 * members. (The other entries ignore all but the first, as Twisted does.) A member is a
 * number, a byte string or a complete value. PB_ERR_ARG, PB_ERR_NOMEM. Mirrors a class
 * with an unjellyFor of its own; pb_class.jelly_members is its counterpart for
 * sending. */
PB_API int pb_registry_set_unjelly(pb_registry *g, const char *tag, pb_unjelly_cb unjelly,
                                   void *user_data);
/* Makes received [tag, member, ..., luid] references (PB_REMOTE), counted as any other.
 * pb_remote_type returns the tag, and pb_remote_members the members. The members are
 * numbers, text, byte strings, booleans or None. PB_ERR_ARG, PB_ERR_NOMEM. Mirrors
 * setUnjellyableForClass with a subclass of RemoteReference. */
PB_API int pb_registry_set_reference(pb_registry *g, const char *tag);
/* The type tag under which a reference was received, borrowed for its life; NULL for a
 * plain one. */
PB_API const char *pb_remote_type(const pb_remote *r);
/* The members between the tag and the number, a list, borrowed for the life of the
 * reference; NULL for a plain one. */
PB_API pb_value *pb_remote_members(const pb_remote *r);

/* ---- Failures as values ---- */

/* A failure as a value that can be sent in any place (CopyableFailure): *new*. */
PB_API pb_value *pb_failure_to_value(pb_failure *f) PB_MUST_USE;
/* The failure of a CopiedFailure, or of any exception that was sent as a value: *new*.
 * NULL if memory is exhausted. */
PB_API pb_failure *pb_failure_from_value(pb_value *v) PB_MUST_USE;

#ifdef __cplusplus
}
#endif
#endif
