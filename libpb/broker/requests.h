/* SPDX-License-Identifier: MIT
 *
 * The peer's calls to us: from the message to the method (incoming_call.c, arguments.c),
 * and until the answer (request.c). */
#ifndef PB__REQUESTS_H
#define PB__REQUESTS_H

#include "libpb/base/buf.h"
#include "libpb/base/list.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"

/* ---- request.c ---- */

/* The members of message and cachemessage. */
enum { PB__REQUEST = 1, PB__OBJECT, PB__METHOD, PB__WANTS_ANSWER, PB__ARGS, PB__KWARGS };

struct pb_request {
    pb_session *session; /* NULL: over */
    struct pb__list link;
    struct pb__list deferred; /* in s->calls->deferred, while its method is not called */
    pb_error *refused; /* of a deferred request: why arguments were refused; or NULL */
    pb_value *list;    /* the message, which holds the members */
    pb_object *called; /* one count of the object that the id named; NULL: none */
    struct pb__callee callee;
    size_t refs;
    uint32_t memory; /* KiB that the values of the message take */
    bool wants_answer, answered;
    bool in_method;                 /* its method has not returned yet */
    struct pb__local_answer *local; /* remote.h: a local call; NULL: the peer's */
};

/* A member of its message; NULL for arguments that were not read. */
static inline pb_value *pb__request_part(const pb_request *r, size_t place)
{
    return ((const struct pb__seq *)r->list)->items[place];
}

/* Takes m's list. o is the called object, or NULL. NULL for lack of memory. */
pb_request *pb__request_new(pb_session *s, struct pb__received *m, pb_object *o,
                            pb_role role, bool wants_answer);
/* When the method has returned: releases the references among the arguments, unless the
 * application holds them. Mirrors the end of Broker._recvMessage. */
void pb__request_release_arguments(pb_request *r);
/* As pb_request_fail, with a text that was built in a buffer (failed: it could not be),
 * which is released. The text may contain NUL. */
int pb__request_fail_buf(pb_request *r, const char *type, struct pb__buf *text,
                         int failed);
/* Answers with None, or with the failure that code stands for. */
void pb__request_close(pb_request *r, int code);
/* The session is over: detaches the requests, which may live on. */
void pb__request_fini(pb_session *s);

/* ---- incoming_call.c ---- */

/* Passes a request that has `local` to its object's method. */
void pb__serve_local(pb_request *r);
/* Calls the methods of deferred requests, as far as the peer reads its answers. */
void pb__deferred_serve(pb_session *s);
/* Whether that would call any. */
bool pb__deferred_ready(const pb_session *s);
/* The session is over: frees the deferred requests. */
void pb__deferred_fini(pb_session *s);
/* "remote_", "view_", ... */
const char *pb__role_prefix(pb_role role);

/* ---- arguments.c ---- */

/* Both return false after answering with the failure that Twisted would have answered
 * with. The first checks that the arguments were read, before the method is looked up. */
bool pb__arguments_read(pb_request *r, const pb_error *refused);
/* The second checks that a call can have such arguments, and converts them to what a
 * method sees. */
bool pb__arguments_fit(pb_request *r);

#endif
