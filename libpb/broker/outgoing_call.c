/* SPDX-License-Identifier: MIT
 *
 * Our calls, from pb_remote_call_values to their callback, which runs exactly once. A
 * call that was given up stays in the table until its answer arrives. So the answer is
 * not taken for an unknown one, and the references in it are released. */
#include <stdarg.h>
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/back_pressure.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"

/* A call that was made before the session was ready. */
struct pb__unsent {
    struct pb__list link;
    pb_call *call; /* NULL: no answer is wanted */
    pb_remote *to; /* owned, as are the next fields */
    pb_value *args, *kwargs;
    char method[];
};

struct pb__calls *pb__calls(pb_session *s)
{
    if (!s->calls) {
        struct pb__calls *calls = pb__calloc(1, sizeof *calls);
        if (!calls) {
            return NULL;
        }
        pb__list_init(&calls->waiting);
        pb__list_init(&calls->timers);
        pb__list_init(&calls->untimed);
        pb__list_init(&calls->unsent);
        pb__list_init(&calls->deferred);
        s->calls = calls;
    }
    return s->calls;
}

/* To be called after the call has ended: its failure gives the reason. Objects among the
 * arguments, such as a collector, only learn that they were released. */
static void free_unsent(struct pb__unsent *u)
{
    pb__list_remove(&u->link);
    pb_remote_unref(u->to);
    pb_value_unref(u->args);
    pb_value_unref(u->kwargs);
    pb__free(u);
}

static void call_free(pb_call *c)
{
    pb__spares_give(&c->session->shared->calls, c);
}

/* Removes the call from the lists of waiting calls, and runs its callback. */
static void call_tell(pb_call *c, pb_value *result, pb_failure *failure)
{
    pb__list_remove(&c->waiting);
    pb__list_remove(&c->timer);
    c->session->calls->pending--;
    c->told = true;
    if (c->cb) {
        c->cb(result, failure, c->user_data);
    }
}

void pb__call_end(pb_call *c, pb_value *result, pb_failure *failure)
{
    if (!c->told) {
        call_tell(c, result, failure);
    }
    if (c->told) {
        call_free(c);
    }
}

void pb__call_keep(pb_call *c, pb_answer_cb cb, void *user_data)
{
    c->told = false;
    c->request = 0;
    c->cb = cb;
    c->user_data = user_data;
    pb__list_push(&c->session->calls->waiting, &c->waiting);
    c->session->calls->pending++;
}

/* Runs the callback with an error of our own; the call is not in the table any more. */
static void call_fail(pb_call *c, int code, const char *text)
{
    pb_failure *failure = pb__failure_new(code, text);
    pb__call_end(c, NULL, failure);
    pb_failure_unref(failure);
}

void pb__call_give_up(pb_call *c, int code, const char *text)
{
    if (c->told) {
        return;
    }
    if (c->request == 0) {
        struct pb__unsent *u = c->unsent;
        if (u) {
            pb__list_remove(&u->link);
        }
        call_fail(c, code, text);
        if (u) {
            free_unsent(u);
        }
        return;
    }
    pb_failure *failure = pb__failure_new(code, text);
    call_tell(c, NULL, failure);
    pb_failure_unref(failure);
}

void pb_call_cancel(pb_call *c)
{
    if (!c) {
        return;
    }
    pb_session *s = c->session;
    pb__session_enter(s);
    pb__call_give_up(c, PB_ERR_CANCELLED, "the call was cancelled");
    pb__session_leave(s);
}

/* str(PBConnectionLost(reason)): what Twisted sends on if the failure ends a call of
 * another connection. */
#define LOST_BEGIN                                                   \
    "[Failure instance: Traceback (failure with no frames): <class " \
    "'twisted.internet.error."
#define LOST_CLEANLY LOST_BEGIN "ConnectionDone'>: Connection was closed cleanly.\n]"
#define LOST_UNCLEANLY                                                                   \
    LOST_BEGIN "ConnectionLost'>: Connection to the other side was lost in a non-clean " \
               "fashion: Connection lost.\n]"

void pb__call_fini(pb_session *s)
{
    if (!s->calls) {
        return;
    }
    pb_failure *failure = pb__failure_new(PB_ERR_LOST, pb__session_end_text(s));
    if (failure->refs == 1) { /* else it is a constant */
        bool clean = !s->error->code || s->closed_by_peer;
        failure->sent_text = clean ? LOST_CLEANLY : LOST_UNCLEANLY;
    }
    while (!pb__list_empty(&s->calls->waiting)) {
        pb_call *c = PB__LIST_ENTRY(s->calls->waiting.next, pb_call, waiting);
        pb__map_take(&s->calls->sent, (uint64_t)c->request);
        if (c->unsent) {
            c->unsent->call = NULL;
        }
        pb__call_end(c, NULL, failure);
    }
    pb_failure_unref(failure);
    while (!pb__list_empty(&s->calls->unsent)) {
        free_unsent(PB__LIST_ENTRY(s->calls->unsent.next, struct pb__unsent, link));
    }
    size_t at = 0;
    uint64_t request;
    void *given_up;
    while (pb__map_next(&s->calls->sent, &at, &request, &given_up)) {
        pb__free(given_up);
    }
    pb__map_fini(&s->calls->sent);
}

static pb_call *new_call(pb_session *s, pb_answer_cb cb, void *user_data)
{
    pb_call *c = pb__spares_take(&s->shared->calls, sizeof *c);
    if (c) {
        *c = (pb_call){.session = s, .cb = cb, .user_data = user_data};
        pb__list_init(&c->timer);
        pb__list_init(&c->waiting);
    }
    return c;
}

static int keep_unsent(pb_session *s, pb_remote *to, const char *method, pb_value *args,
                       pb_value *kwargs, pb_call *c)
{
    size_t size = strlen(method) + 1;
    struct pb__unsent *u = pb__malloc(sizeof *u + size);
    if (!u) {
        return PB_ERR_NOMEM;
    }
    *u = (struct pb__unsent){.call = c,
                             .to = pb_remote_ref(to),
                             .args = pb_value_ref(args),
                             .kwargs = pb_value_ref(kwargs)};
    memcpy(u->method, method, size);
    pb__list_push(&s->calls->unsent, &u->link);
    if (c) {
        c->unsent = u;
    }
    return 0;
}

/* Writes the message. Space in the table is reserved before, as a written message cannot
 * be taken back. c is NULL if no answer is wanted. A callback during the writing may give
 * up c, which then stays in the table; a callback after the message was taken back may
 * make a call with the same number. */
static int call_send(pb_session *s, pb_remote *to, const char *method, pb_value *args,
                     pb_value *kwargs, pb_call *c, pb_error *err)
{
    int64_t request = s->calls->last_request + 1;
    if (pb__session_queue_check(s, err) != 0) {
        return PB_ERR_LIMIT;
    }
    if (c && pb__map_set(&s->calls->sent, (uint64_t)request, c) != 0) {
        return pb__error_nomem(err);
    }
    if (c) {
        c->request = request;
    }
    int failed = pb__message_write(s, to, method, args, kwargs, c != NULL, err);
    if (c && failed && pb__map_get(&s->calls->sent, (uint64_t)request) == c) {
        pb__map_take(&s->calls->sent, (uint64_t)request);
    }
    return failed;
}

void pb__call_flush(pb_session *s)
{
    while (pb__session_open(s) && s->calls && !pb__list_empty(&s->calls->unsent)) {
        struct pb__unsent *u =
            PB__LIST_ENTRY(s->calls->unsent.next, struct pb__unsent, link);
        pb_call *c = u->call;
        pb_error err = {0};
        uint64_t mark = pb__encoder_mark(&s->encoder);
        pb__list_remove(&u->link);
        if (c) {
            c->unsent = NULL;
        }
        int failed = call_send(s, u->to, u->method, u->args, u->kwargs, c, &err);
        if (!failed && pb__traces(s)) {
            pb__trace_sent_call(s, mark, u->to, u->method, c != NULL, u->args, u->kwargs);
        }
        if (c && failed) {
            call_fail(c, failed, err.text);
        }
        free_unsent(u);
    }
}

int pb__call_check(const pb_remote *to, const char *method, const pb_value *args,
                   const pb_value *kwargs, const pb_call_options *options,
                   pb_answer_cb cb, pb_error *err)
{
    if (!to || !method) {
        return pb__error_null(err, to ? "the method to call" : "the reference to call");
    }
    if (options && options->no_answer && cb) {
        return pb__error_set(err, PB_ERR_ARG, 0,
                             "a call without an answer cannot have a callback");
    }
    if (!to->target && (!to->session || !pb__session_open(to->session))) {
        return pb__error_set(err, PB_ERR_DEAD, 0, "Calling Stale Broker");
    }
    int unusable = to->session ? pb__session_usable(to->session, err) : 0;
    if (unusable) {
        return unusable;
    }
    if (to->session && to->session->writing) {
        return pb__error_set(err, PB_ERR_STATE, 0,
                             "no call can be made while a message is being written");
    }
    if (to->observed && pb_remote_luid(to) == 0) {
        return pb__error_set(err, PB_ERR_STATE, 0,
                             "You can't call a cached method when the object hasn't been "
                             "given to the peer yet.");
    }
    if (args && pb__kind(args) != PB_TUPLE) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "the arguments must be a tuple, not %s",
                             pb_kind_name(pb__kind(args)));
    }
    if (kwargs && pb__kind(kwargs) != PB_DICT) {
        return pb__error_set(err, PB_ERR_TYPE, 0,
                             "the keyword arguments must be a dict, not %s",
                             pb_kind_name(pb__kind(kwargs)));
    }
    return 0;
}

int pb_remote_call_values(pb_remote *to, const char *method, pb_value *args,
                          pb_value *kwargs, const pb_call_options *options,
                          pb_answer_cb cb, void *user_data, pb_call **call, pb_error *err)
{
    int failed = pb__call_check(to, method, args, kwargs, options, cb, err);
    if (call) {
        *call = NULL;
    }
    if (failed) {
        return failed;
    }
    if (to->target) {
        return pb__local_call(to, method, args, kwargs, options, cb, user_data, err);
    }
    bool wants_answer = !options || !options->no_answer;
    pb_session *s = to->session;
    pb_call *c = wants_answer ? new_call(s, cb, user_data) : NULL;
    if (!pb__calls(s) || (wants_answer && !c)) {
        pb__spares_give(&s->shared->calls, c);
        return pb__error_nomem(err);
    }
    pb__session_enter(s);
    bool sends = s->state != PB__NEGOTIATING;
    uint64_t mark = pb_encoder_mark(&s->encoder);
    if (!sends) {
        failed = keep_unsent(s, to, method, args, kwargs, c);
    } else {
        failed = call_send(s, to, method, args, kwargs, c, err);
    }
    if (failed) {
        pb__error_set(err, failed, 0, "%s", pb_strerror(failed));
        pb__spares_give(&s->shared->calls, c);
    } else if (c) {
        pb__list_push(&s->calls->waiting, &c->waiting);
        s->calls->pending++;
        if (options && options->timeout > 0) {
            pb__deadline_add(c, options->timeout);
        }
    }
    if (!failed && call) {
        *call = c;
    }
    if (!failed && sends && pb__traces(s)) {
        pb__trace_sent_call(s, mark, to, method, wants_answer, args, kwargs);
    }
    if (s->depth > 1 && s->shared->nested) {
        s->shared->nested(s->driver);
    }
    pb__session_leave(s);
    return failed;
}

/* The arguments of a call were used: keeps the tuple for the next call. Takes both. */
static void arguments_done_steal(struct pb__shared *sh, pb_value *args, pb_value *kwargs)
{
    if (sh && pb__seq_empty(args) && !sh->arguments) {
        sh->arguments = args;
    } else {
        pb_value_unref(args);
    }
    pb_value_unref(kwargs);
    pb__shared_unref(sh);
}

int pb_remote_call(pb_remote *to, const char *method, pb_answer_cb cb, void *user_data,
                   pb_error *err, const char *format, ...)
{
    struct pb__shared *sh =
        to && to->session ? pb__shared_ref(to->session->shared) : NULL;
    pb_value *args = NULL, *kwargs;
    if (sh) {
        args = sh->arguments;
        sh->arguments = NULL;
    }
    va_list ap;
    va_start(ap, format);
    int failed = pb__build_arguments(&args, &kwargs, err, format, ap);
    va_end(ap);
    if (failed) {
        pb__shared_unref(sh);
        return failed;
    }
    failed =
        pb_remote_call_values(to, method, args, kwargs, NULL, cb, user_data, NULL, err);
    arguments_done_steal(sh, args, kwargs);
    return failed;
}
