/* SPDX-License-Identifier: MIT
 *
 * The peer's calls. A request holds its message as long as it is referenced, and is
 * answered once. It releases its arguments when the method has returned. */
#include <stdarg.h>
#include <string.h>

#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/back_pressure.h"
#include "libpb/broker/exception.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/requests.h"
#include "libpb/broker/session.h"

pb_request *pb__request_new(pb_session *s, struct pb__received *m, pb_object *o,
                            pb_role role, bool wants_answer)
{
    pb_request *r = pb__spares_take(&s->shared->requests, sizeof *r);
    if (r) {
        *r = (pb_request){.session = s,
                          .list = m->list,
                          .called = pb_object_ref(o),
                          .callee.role = role,
                          .refs = 1,
                          .memory = (uint32_t)(m->memory >> 10),
                          .wants_answer = wants_answer,
                          .in_method = true};
        if (o) {
            pb__callee(o, &r->callee);
        }
        m->list = NULL;
        pb__list_init(&r->deferred);
        pb__list_push(&s->requests, &r->link);
        s->serving++;
        s->memory += r->memory;
    }
    return r;
}

void pb__request_fini(pb_session *s)
{
    while (!pb__list_empty(&s->requests)) {
        pb_request *r = PB__LIST_ENTRY(s->requests.next, pb_request, link);
        pb__list_remove(&r->link);
        r->session = NULL;
    }
    s->serving = 0;
    s->memory = 0;
}

const char *pb_request_method(const pb_request *r)
{
    return r ? (const char *)((const struct pb__text *)pb__request_part(r, PB__METHOD))
                   ->data
             : "";
}

pb_value *pb_request_args(const pb_request *r)
{
    return r ? pb__request_part(r, PB__ARGS) : NULL;
}

pb_value *pb_request_kwargs(const pb_request *r)
{
    return r ? pb__request_part(r, PB__KWARGS) : NULL;
}

pb_session *pb_request_session(const pb_request *r)
{
    return r ? r->session : NULL;
}

pb_object *pb_request_object(const pb_request *r)
{
    return r ? r->callee.object : NULL;
}

pb_role pb_request_role(const pb_request *r)
{
    return r ? r->callee.role : PB_ROLE_REMOTE;
}

pb_object *pb_request_perspective(const pb_request *r)
{
    return r ? r->callee.perspective : NULL;
}

bool pb_request_wants_answer(const pb_request *r)
{
    return r && r->wants_answer;
}

/* Returns 0 if r may be answered now, and marks it answered. */
static int begin_answer(pb_request *r)
{
    pb_session *s = r->session;
    if (r->answered) {
        return PB_ERR_STATE;
    }
    if (!s) {
        return PB_ERR_LOST;
    }
    if (s->writing) {
        return PB_ERR_STATE;
    }
    pb_error why;
    pb__error_init(&why);
    if (r->wants_answer && pb__session_queue_check(s, &why) != 0) {
        pb__session_enter(s);
        pb__session_end(s, &why);
        pb__session_leave(s);
        return PB_ERR_LOST;
    }
    r->answered = true;
    s->serving--;
    return pb__session_usable(s, NULL) ? PB_ERR_LOST : 0;
}

/* An answer is written between these two. r and its session survive the callbacks in
 * between. */
static pb_session *request_enter(pb_request *r)
{
    pb_request_ref(r);
    pb__session_enter(r->session);
    return r->session;
}

static void request_leave(pb_request *r, pb_session *s)
{
    pb_request_unref(r);
    pb__session_leave(s);
}

static bool is_error(const pb_failure *f)
{
    return pb_failure_check(f, "twisted.spread.pb.Error");
}

/* Answers with a failure, after begin_answer has allowed it. Twisted logs an
 * exception that is no pb.Error. It also counts each Failure that it creates: for a
 * raised exception, one when it is sent and one when it is logged; any other is
 * created before. */
static void request_send_error(pb_request *r, const pb_failure *f, enum pb__failing how)
{
    pb_session *s = r->session;
    bool raised = how == PB__FAILED_NOW;
    bool logged = !is_error(f);
    s->failures += raised ? r->wants_answer : !f->value;
    if (r->wants_answer) {
        pb__error_write(s, pb__request_part(r, PB__REQUEST), f, how);
    }
    s->failures += raised && logged;
    if (raised && r->callee.object && pb_failure_check(f, "builtins.TypeError")) {
        pb__log_refused(s, r);
    }
    if (logged) {
        pb__log_failure(s,
                        r->wants_answer ? "Peer will receive following PB traceback:"
                                        : "Unhandled Error:",
                        f);
    }
}

/* The same for an exception that is raised. */
static void raise_text(pb_request *r, const char *mro, pb_span text)
{
    pb_failure f = {.mro = mro,
                    .type = mro,
                    .text = text.data ? (const char *)text.data : "",
                    .text_len = text.len};
    request_send_error(r, &f, r->in_method ? PB__FAILED_NOW : PB__FAILED_LATER);
}

static void raise_now(pb_request *r, const char *mro, const char *text)
{
    raise_text(r, mro, pb_span_of(text));
}

static int request_send_answer(pb_request *r, pb_value *result)
{
    pb_session *s = r->session;
    if (!result) {
        raise_now(r, pb__exception_of(PB_ERR_ARG), "the answer could not be made");
        return PB_ERR_ARG;
    }
    if (!r->wants_answer) {
        return 0;
    }
    pb_error err;
    pb__error_init(&err);
    int failed = pb__answer_write(s, pb__request_part(r, PB__REQUEST), result,
                                  r->callee.perspective, &err);
    if (failed && pb__session_open(s)) {
        raise_now(r, s->refused_as ? s->refused_as : pb__exception_of(failed), err.text);
    }
    return failed;
}

int pb_request_answer_steal(pb_request *r, pb_value *result)
{
    if (!r) {
        pb_value_unref(result);
        return PB_ERR_ARG;
    }
    if (r->local) {
        int local = result ? pb__local_answer(r, result, NULL)
                           : pb_request_fail(r, pb__exception_of(PB_ERR_ARG),
                                             "the answer could not be made");
        pb_value_unref(result);
        return local || result ? local : PB_ERR_ARG;
    }
    int failed = begin_answer(r);
    if (failed) {
        pb_value_unref(result);
        return failed;
    }
    pb_session *s = request_enter(r);
    failed = request_send_answer(r, result);
    pb_value_unref(result);
    request_leave(r, s);
    return failed;
}

int pb__request_fail_buf(pb_request *r, const char *type, struct pb__buf *text,
                         int failed)
{
    /* The text of a failure ends in a NUL, which does not count. */
    failed = failed ? failed : pb__buf_append(text, "", 1);
    pb_span span = {text->data, failed ? 0 : text->len - 1};
    if (r->local) {
        pb_failure *f = failed ? NULL : pb_failure_newn(type, span, NULL);
        pb__buf_fini(text);
        return pb__local_fail_steal(r, f);
    }
    int refused = begin_answer(r);
    if (!refused) {
        pb_session *s = request_enter(r);
        if (failed) {
            pb__session_end_nomem(s);
        } else {
            raise_text(r, type, span);
        }
        request_leave(r, s);
    }
    pb__buf_fini(text);
    return refused;
}

int pb_request_fail(pb_request *r, const char *type, const char *format, ...)
{
    if (!r || !type || !format) {
        return pb_request_answer_steal(r, NULL);
    }
    struct pb__buf text = {0};
    va_list args;
    va_start(args, format);
    int failed = pb__buf_vprintf(&text, format, args);
    va_end(args);
    return pb__request_fail_buf(r, type, &text, failed);
}

/* Whether Twisted would send the exception as a copy or an instance. */
static bool goes_as_itself(const pb_session *s, const pb_value *v)
{
    pb_kind kind = pb__kind(v);
    const char *name = kind == PB_INSTANCE ? pb_name_of(v) : NULL;
    pb_span span = {(const uint8_t *)name, name ? strlen(name) : 0};
    return kind == PB_OBJECT ||
           (name && pb_taster_class_allowed(s->shared->config.jelly.taster, span));
}

static int fail_as_itself(pb_request *r, pb_value *v)
{
    pb_session *s = r->session;
    pb_error err = {0};
    int failed = r->wants_answer
                     ? pb__error_write_value(s, pb__request_part(r, PB__REQUEST), v, &err)
                     : 0;
    if (failed && pb__session_open(s)) {
        raise_now(r, s->refused_as ? s->refused_as : pb__exception_of(failed), err.text);
    }
    return failed;
}

/* Mirrors Broker._sendFailureOrError. */
static int fail_with(pb_request *r, pb_failure *f)
{
    if (f->value && !pb__is_copied_failure(f->value) &&
        goes_as_itself(r->session, f->value)) {
        return fail_as_itself(r, f->value);
    }
    request_send_error(r, f, r->in_method ? PB__FAILED_BEFORE : PB__FAILED_LATER);
    return 0;
}

int pb_request_fail_with(pb_request *r, pb_failure *f)
{
    if (!r || !f) {
        return pb_request_answer_steal(r, NULL);
    }
    if (r->local) {
        return pb__local_answer(r, NULL, f);
    }
    int failed = begin_answer(r);
    if (failed) {
        return failed;
    }
    pb_session *s = request_enter(r);
    pb_failure_ref(f);
    failed = fail_with(r, f);
    pb_failure_unref(f);
    request_leave(r, s);
    return failed;
}

static int fail_by_value(pb_request *r, pb_value *v)
{
    pb_kind kind = pb__kind(v);
    if (kind != PB_OBJECT && kind != PB_INSTANCE) {
        raise_now(r, "builtins.TypeError", "exceptions must derive from BaseException");
        return PB_ERR_TYPE;
    }
    pb_failure *f = pb_failure_from_value(v);
    if (!f) {
        raise_now(r, pb__exception_of(PB_ERR_NOMEM), pb_strerror(PB_ERR_NOMEM));
        return PB_ERR_NOMEM;
    }
    int failed = fail_with(r, f);
    pb_failure_unref(f);
    return failed;
}

int pb_request_fail_value_steal(pb_request *r, pb_value *exception)
{
    if (!r || !exception) {
        pb_value_unref(exception);
        return pb_request_answer_steal(r, NULL);
    }
    int failed = r->local ? pb__local_fail_steal(r, pb_failure_from_value(exception))
                          : begin_answer(r);
    if (!failed && !r->local) {
        pb_session *s = request_enter(r);
        failed = fail_by_value(r, exception);
        request_leave(r, s);
    }
    pb_value_unref(exception);
    return failed;
}

void pb__request_release_arguments(pb_request *r)
{
    pb_value **items = ((struct pb__seq *)r->list)->items;
    for (size_t part = PB__ARGS; part <= PB__KWARGS; part++) {
        pb_value *v = items[part];
        items[part] = NULL;
        pb_value_unref(v);
    }
}

void pb__request_close(pb_request *r, int code)
{
    if (code == 0) {
        pb_request_answer_steal(r, pb_none());
    } else {
        pb_error why = {0};
        code = pb__error_of_callback(&why, "the method", code, NULL);
        bool dead = code == PB_ERR_DEAD; /* as Twisted, if that raised the exception */
        pb_request_fail(r, pb__exception_of(code), "%s",
                        dead ? "Calling Stale Broker" : why.text);
    }
}

pb_request *pb_request_ref(pb_request *r)
{
    if (r) {
        r->refs++;
    }
    return r;
}

void pb_request_unref(pb_request *r)
{
    if (!r || --r->refs > 0) {
        return;
    }
    r->refs = 1; /* while it may still be answered */
    pb_session *s = r->session;
    if (s) {
        pb__session_enter(s);
    }
    if (!r->answered && pb_request_fail(r, "builtins.RuntimeError",
                                        "the call was never answered") == PB_ERR_STATE) {
        pb_error why = {0};
        pb__error_set(&why, PB_ERR_STATE, 0,
                      "a request was dropped while a message was being written");
        pb__session_end(s, &why);
    }
    pb__list_remove(&r->link);
    pb__free(r->refused);
    pb__local_fini(r);
    pb_value_unref(r->list);
    if (r->session) {
        s->memory -= r->memory;
        pb__shared_freed(s->shared, (size_t)r->memory << 10);
    }
    pb_object_unref(r->called);
    if (s) {
        pb__spares_give(&s->shared->requests, r);
        pb__session_leave(s);
    } else {
        pb__free(r);
    }
}
