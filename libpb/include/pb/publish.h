/* SPDX-License-Identifier: MIT
 *
 * Publishing: an object whose caches are kept by the peer from one connection to the next.
 * What is sent of a Publishable is little: a name, the time of its last change, and a
 * reference through which the rest is fetched, unless what the peer has saved under that
 * name is of the same time. Mirrors twisted.spread.publish. */
#ifndef PB_PUBLISH_H
#define PB_PUBLISH_H

#include "pb/flavors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Publishing ---- */

/* What the self of a Publishable begins with. Its class has flavor PB_FLAVOR_CACHEABLE,
 * state_to_cache pb_publishable_state, and in its view table {"getStateToPublish",
 * pb_publishable_get_state}. */
typedef struct {
    pb_value *published_id; /* what tells it from others of its service; not owned */
    double timestamp;       /* when it changed last, in seconds: republish() sets it */
    /* getStateToPublishFor: *new*, a dict of members; NULL with err fails the call. */
    pb_value *(*state_to_publish)(void *self, pb_object *perspective, pb_error *err);
    /* perspectiveName and getService().serviceName of a perspective that is not NULL,
     * borrowed; NULL, or giving NULL: "None". */
    const char *(*perspective_name)(pb_object *perspective);
    const char *(*service_name)(pb_object *perspective);
    void *reserved[4];
} pb_publishable;

/* For pb_class.state_to_cache, as that is called: *new*. Mirrors
 * Publishable.getStateToCacheAndObserveFor. */
PB_API pb_value *pb_publishable_state(void *self, pb_object *perspective,
                                      pb_remote *observer, pb_error *err);
/* For pb_class.view; returns as any pb_method.call. Mirrors
 * Publishable.view_getStateToPublish. */
PB_API int pb_publishable_get_state(void *self, pb_request *req);

/* ---- What is published, where it arrives ---- */

/* Where what has come is kept, under a name ("service-perspective-id.pub"), which the
 * peer has made up: it may be anything. */
typedef struct {
    /* What was saved last under the name, bytes, *new*; NULL: nothing. May be NULL. */
    pb_value *(*load)(const char *name, void *user_data);
    /* Saves the bytes that Twisted would write. Non-zero is logged. May be NULL. */
    int (*save)(const char *name, pb_span data, void *user_data);
    /* RemotePublished.activated: all of its state is there. May be NULL. */
    void (*activated)(pb_object *o, void *user_data);
    void *user_data; /* of those above */
    void *reserved[4];
} pb_published_config;

/* What comes with this tag is a RemotePublished of the class, which has flavor
 * PB_FLAVOR_CACHEABLE and a dotted name, or nothing that was saved can be read again:
 * set_state gets what came first; pb_object_state has all of it once it is activated. The
 * config is copied. Else as pb_registry_set_class. */
PB_API int pb_registry_set_published(pb_registry *g, const char *tag, const pb_class *cls,
                                     const pb_published_config *config);
/* What pb_published_when_activated calls: failure is NULL where all is there. Both are
 * borrowed. */
typedef void (*pb_published_cb)(pb_object *o, pb_failure *failure, void *user_data);
/* Calls cb once all of its state is there, now if it is; or with the failure for which it
 * never will be. PB_ERR_TYPE for what is no RemotePublished, PB_ERR_NOMEM; then cb does
 * not run. Mirrors RemotePublished.callWhenActivated. */
PB_API int pb_published_when_activated(pb_object *o, pb_published_cb cb, void *user_data);
/* As pb_remote_call_values, for a method that gives a RemotePublished: cb gets it once all of its
 * state is there. *call is valid until cb runs, and NULL if it has run: pb_call_cancel also
 * ends the wait for the state. Mirrors whenReady. */
PB_API int pb_when_ready(pb_remote *to, const char *method, pb_value *args,
                         pb_value *kwargs, const pb_call_options *options,
                         pb_answer_cb cb, void *user_data, pb_call **call, pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
