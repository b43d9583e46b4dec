/* SPDX-License-Identifier: MIT
 *
 * Publishing: objects whose state the peer stores from one connection to the next. Only
 * three things are sent for a Publishable: a name, the time of its last change, and a
 * reference by which the peer fetches the state. If the peer has saved a state with the
 * same name and time, it does not fetch the state. Mirrors twisted.spread.publish. */
#ifndef PB_PUBLISH_H
#define PB_PUBLISH_H

#include "pb/flavors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Publishing ---- */

/* The self of a Publishable begins with this struct. In its class, flavor is
 * PB_FLAVOR_CACHEABLE, state_to_cache is pb_publishable_state, and the view table
 * contains {"getStateToPublish", pb_publishable_get_state}. */
typedef struct {
    pb_value *published_id; /* identifies it within its service; not owned */
    /* time of the last change, in seconds; set it where Twisted calls republish() */
    double timestamp;
    /* getStateToPublishFor: returns a dict of members, *new*. NULL, with err, fails the
     * call. */
    pb_value *(*state_to_publish)(void *self, pb_object *perspective, pb_error *err);
    /* perspectiveName and getService().serviceName of a perspective that is not NULL,
     * borrowed. If a function is NULL, or returns NULL, "None" is used. */
    const char *(*perspective_name)(pb_object *perspective);
    const char *(*service_name)(pb_object *perspective);
    void *reserved[4];
} pb_publishable;

/* Use this as pb_class.state_to_cache; the result is *new*. Mirrors
 * Publishable.getStateToCacheAndObserveFor. */
PB_API pb_value *pb_publishable_state(void *self, pb_object *perspective,
                                      pb_remote *observer, pb_error *err);
/* Use this in pb_class.view; returns as any pb_method.call. Mirrors
 * Publishable.view_getStateToPublish. */
PB_API int pb_publishable_get_state(void *self, pb_request *req);

/* ---- Receiving published objects ---- */

/* Stores received state under a name ("service-perspective-id.pub"). The name was made by
 * the peer and can be any string. */
typedef struct {
    /* Returns the bytes that were saved last under the name, *new*; NULL: none. May be
     * NULL. */
    pb_value *(*load)(const char *name, void *user_data);
    /* Saves state, in the form that Twisted writes. A non-zero result is logged. May be
     * NULL. */
    int (*save)(const char *name, pb_span data, void *user_data);
    /* RemotePublished.activated: the state is complete. May be NULL. */
    void (*activated)(pb_object *o, void *user_data);
    void *user_data; /* of the callbacks above */
    void *reserved[4];
} pb_published_config;

/* Makes received values with this type tag RemotePublished objects of cls. Its flavor is
 * PB_FLAVOR_CACHEABLE, and its name must be dotted, because saved state cannot be loaded
 * otherwise. set_state gets the first part of the state; pb_object_state has all of it
 * once the object is activated. config is copied. Otherwise as pb_registry_set_class. */
PB_API int pb_registry_set_published(pb_registry *g, const char *tag, const pb_class *cls,
                                     const pb_published_config *config);
/* The callback of pb_published_when_activated. failure is NULL if the state is complete.
 * Both are borrowed. */
typedef void (*pb_published_cb)(pb_object *o, pb_failure *failure, void *user_data);
/* Calls cb when the state is complete (at once if it already is), or with the failure
 * that prevents it. PB_ERR_TYPE if o is not a RemotePublished, PB_ERR_NOMEM; then cb does
 * not run. Mirrors RemotePublished.callWhenActivated. */
PB_API int pb_published_when_activated(pb_object *o, pb_published_cb cb, void *user_data);
/* As pb_remote_call_values, for a method that returns a RemotePublished: cb gets it once
 * its state is complete. *call is valid until cb runs, and NULL if it has run:
 * pb_call_cancel also ends the wait for the state. Mirrors whenReady. */
PB_API int pb_when_ready(pb_remote *to, const char *method, pb_value *args,
                         pb_value *kwargs, const pb_call_options *options,
                         pb_answer_cb cb, void *user_data, pb_call **call, pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
