/* SPDX-License-Identifier: MIT
 *
 * Our calls to the peer, from pb_remote_call to the callback, and their deadlines. */
#ifndef PB__CALLS_H
#define PB__CALLS_H

#include "libpb/base/list.h"
#include "libpb/base/map.h"
#include "pb/broker.h"

/* ---- outgoing_call.c ---- */

/* Made with the first call: most servers make none. */
struct pb__calls {
    struct pb__map sent; /* request id to pb_call: sent and not answered */
    struct pb__list
        waiting;            /* pb_call.waiting: callback has not run; in order of calls */
    struct pb__list timers; /* pb_call.timer, by deadline */
    struct pb__list untimed; /* pb_call.timer: the time of the call is not known yet */
    struct pb__list unsent;  /* pb__unsent.link: made before the session was ready */
    size_t pending;          /* length of waiting */
    /* pb_request.deferred: calls of the peer that wait until it reads its answers */
    struct pb__list deferred;
    int64_t last_request;
};

struct pb_call {
    struct pb__list waiting;
    struct pb__list timer;
    pb_session *session;
    struct pb__unsent *unsent;
    int64_t request;  /* 0: not sent yet */
    int64_t deadline; /* while in untimed: the timeout */
    pb_answer_cb cb;
    void *user_data;
    bool told; /* cb runs or has run; the call may still be in `sent` */
};

/* s->calls, made if needed; NULL for lack of memory. */
struct pb__calls *pb__calls(pb_session *s);
/* Whether a call can be made with these arguments. */
int pb__call_check(const pb_remote *to, const char *method, const pb_value *args,
                   const pb_value *kwargs, const pb_call_options *options,
                   pb_answer_cb cb, pb_error *err);
/* Runs the callback with one of the two, unless it has run, and frees the call unless the
 * callback keeps it. */
void pb__call_end(pb_call *c, pb_value *result, pb_failure *failure);
/* Called by the callback: the call goes on to wait, until pb__call_end runs this
 * callback. */
void pb__call_keep(pb_call *c, pb_answer_cb cb, void *user_data);
/* Runs the callback with an error of our own; a later answer is dropped. No effect if the
 * callback runs or has run. */
void pb__call_give_up(pb_call *c, int code, const char *text);
/* Sends the calls that waited for the session to be ready. */
void pb__call_flush(pb_session *s);
/* Fails every call, as the session is over. */
void pb__call_fini(pb_session *s);

/* ---- deadline.c ---- */

/* The current time, as far as it is known. */
int64_t pb__session_now(const pb_session *s);
/* Takes the time that the driver passed. */
void pb__deadline_now(pb_session *s, int64_t now);
void pb__deadline_add(pb_call *c, int64_t timeout);
/* Whether the deadline of a call, of the negotiation or of a message has passed. */
PB__SHARED bool pb__deadline_has_passed(const pb_session *s, int64_t now);
/* Ends the calls, or the session, whose deadline has passed. */
void pb__deadline_expire(pb_session *s);

#endif
