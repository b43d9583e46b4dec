/* SPDX-License-Identifier: MIT
 *
 * References to the peer's objects, and to local objects that are called like them. */
#ifndef PB__REMOTE_H
#define PB__REMOTE_H

#include "libpb/base/export.h"
#include "libpb/base/list.h"
#include "libpb/jelly/jelly.h"
#include "pb/broker.h"

/* ---- remote.c ---- */

struct pb_remote {
    struct pb__foreign base;
    struct pb__list link; /* in pb_session.remotes, decrefs_due or decrefs_deferred */
    pb_session *session;  /* maybe closed; NULL: the session has finished */
    int64_t luid;
    pb_object *perspective; /* one count while the session lasts; NULL: none */
    bool counted;           /* was received and needs a decref; false: by name */
    bool arriving; /* in the current message, whose perspective is not known yet */
    struct pb__weak *observed;       /* cacheable.h; set: a RemoteCacheObserver of this */
    struct pb__local_target *target; /* set: the calls go to this local object */
    pb_value *type, *members;        /* as pb_remote_type; NULL: a plain reference */
    char name[];
};

/* Sets *out to a *new* reference that the peer has given. Ends the session with
 * PB_ERR_LIMIT if it holds as many as it may. The session must be open. */
PB__SHARED int pb__remote_receive(pb_session *s, int64_t luid, pb_remote **out,
                                  pb_error *err);
/* Sets the perspective of the references that the current message brought. */
void pb__remote_arrived(pb_session *s, pb_object *perspective);
/* A reference to a local object; takes the target. NULL for lack of memory. */
pb_remote *pb__remote_new_local(struct pb__local_target *target);
/* Makes due the decrefs of references that the reader released within a message. */
void pb__remote_undefer(pb_session *s);
/* The session is closed: no decref is due any more. */
void pb__remote_end(pb_session *s);
/* The session has finished: detaches the references, which may live on. */
void pb__remote_fini(pb_session *s);

/* ---- local_as_remote.c: references to objects of ours ---- */

/* As pb_remote_call_values, with arguments that have been checked. */
int pb__local_call(pb_remote *to, const char *method, pb_value *args, pb_value *kwargs,
                   const pb_call_options *options, pb_answer_cb cb, void *user_data,
                   pb_error *err);
/* Answer a request that has `local`, with a result or a failure. The second takes f; NULL
 * stands for lack of memory. */
int pb__local_answer(pb_request *r, pb_value *result, pb_failure *f);
int pb__local_fail_steal(pb_request *r, pb_failure *f);
void pb__local_fini(pb_request *r);
void pb__local_target_free(struct pb__local_target *t);

#endif
