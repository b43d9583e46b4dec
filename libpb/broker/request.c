/* SPDX-License-Identifier: MIT
 *
 * The peer's calls: a request holds its message for as long as anybody holds it, and is
 * answered once. The references among its arguments go with it, after the answer. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libpb/broker/session.h"

enum { OBJECT = 2, METHOD, WANTS_ANSWER, ARGS, KWARGS }; /* places in the message */

pb_request *pb__request_new(pb_session *s, struct pb__received *m, pb_object *o,
                            pb_role role, bool wants_answer)
{
    pb_request *r = pb__malloc(sizeof *r);
    if (r) {
        *r = (pb_request){.session = s,
                          .list = m->list,
                          .called = pb_object_ref(o),
                          .callee.role = role,
                          .refs = 1,
                          .wants_answer = wants_answer,
                          .in_method = true};
        if (o) {
            pb__callee(o, &r->callee);
        }
        m->list = NULL;
        pb__list_push(&s->requests, &r->link);
        s->serving++;
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
}

const char *pb_request_method(const pb_request *r)
{
    return (const char *)((const struct pb__text *)pb_item(r->list, METHOD))->data;
}

pb_value *pb_request_args(const pb_request *r)
{
    return pb_item(r->list, ARGS);
}

pb_value *pb_request_kwargs(const pb_request *r)
{
    return pb_item(r->list, KWARGS);
}

pb_session *pb_request_session(const pb_request *r)
{
    return r->session;
}

pb_object *pb_request_object(const pb_request *r)
{
    return r->callee.object;
}

pb_role pb_request_role(const pb_request *r)
{
    return r->callee.role;
}

pb_object *pb_request_perspective(const pb_request *r)
{
    return r->callee.perspective;
}

bool pb_request_wants_answer(const pb_request *r)
{
    return r->wants_answer;
}

/* 0 if it may be answered now; it is answered then. */
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
    r->answered = true;
    s->serving--;
    return 0;
}

/* Answers with a failure, which begin_answer has allowed. Twisted logs an exception that
 * is no pb.Error, and counts one more Failure for that. */
static void fail(pb_request *r, const char *mro, const char *text)
{
    pb_session *s = r->session;
    bool logged = r->in_method && !pb__exception_is(mro, "twisted.spread.pb.Error");
    if (r->wants_answer) {
        s->failures++;
        pb__error_write(s, pb_item(r->list, 1), mro, text);
    }
    s->failures += logged;
}

static int answer(pb_request *r, pb_value *result)
{
    pb_session *s = r->session;
    if (!result) {
        fail(r, pb__exception_of(PB_ERR_ARG), "the answer could not be made");
        return PB_ERR_ARG;
    }
    if (!r->wants_answer) {
        return 0;
    }
    pb_error err = {0};
    int failed =
        pb__answer_write(s, pb_item(r->list, 1), result, r->callee.perspective, &err);
    if (failed && pb__session_open(s)) {
        fail(r, s->refused_as ? s->refused_as : pb__exception_of(failed), err.text);
    }
    return failed;
}

int pb_request_answer_steal(pb_request *r, pb_value *result)
{
    int failed = begin_answer(r);
    if (failed) {
        pb_value_unref(result);
        return failed;
    }
    pb_session *s = r->session;
    pb__session_enter(s);
    failed = answer(r, result);
    pb_value_unref(result);
    pb__session_leave(s);
    return failed;
}

/* *new*; NULL for lack of memory, or a format that printf refuses. */
static char *format_text(const char *format, va_list args) PB_PRINTF(1, 0);

static char *format_text(const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, again);
    va_end(again);
    char *text = len < 0 ? NULL : pb__malloc((size_t)len + 1);
    if (text) {
        vsnprintf(text, (size_t)len + 1, format, args);
    }
    return text;
}

int pb_request_fail(pb_request *r, const char *type, const char *format, ...)
{
    int failed = begin_answer(r);
    if (failed) {
        return failed;
    }
    va_list args;
    va_start(args, format);
    char *text = format_text(format, args);
    va_end(args);
    pb_session *s = r->session;
    pb__session_enter(s);
    if (text) {
        fail(r, type, text);
    } else {
        pb__session_end_nomem(s);
    }
    pb__free(text);
    pb__session_leave(s);
    return 0;
}

void pb__request_close(pb_request *r, int code)
{
    if (code == 0) {
        pb_request_answer_steal(r, pb_none());
    } else {
        pb_request_fail(r, pb__exception_of(code), "%s", pb_strerror(code));
    }
}

/* Twisted calls method(*args, **kwargs): any list will do for the one, and for the other
 * a dict with text for keys. */
static int take_args(pb_request *r)
{
    pb_value *args = pb_request_args(r);
    if (pb__kind(args) == PB_TUPLE) {
        return 0;
    }
    if (pb__kind(args) != PB_LIST) {
        pb_request_fail(r, "builtins.TypeError",
                        "remote_%s() argument after * must be an iterable, not %s",
                        pb_request_method(r), pb_kind_name(pb__kind(args)));
        return PB_ERR_TYPE;
    }
    pb_value *tuple = pb_seq(PB_TUPLE, pb_len(args));
    int failed = tuple ? 0 : PB_ERR_NOMEM;
    for (size_t i = 0; !failed && i < pb_len(args); i++) {
        failed = pb_append(tuple, pb_item(args, i));
    }
    if (failed) {
        pb_value_unref(tuple);
        return failed;
    }
    return pb_item_set_steal(r->list, ARGS, tuple);
}

static int take_kwargs(pb_request *r)
{
    pb_value *kwargs = pb_request_kwargs(r);
    if (pb__kind(kwargs) != PB_DICT) {
        pb_request_fail(r, "builtins.AttributeError",
                        "'%s' object has no attribute 'keys'",
                        pb_kind_name(pb__kind(kwargs)));
        return PB_ERR_TYPE;
    }
    pb_value *native;
    pb_error err = {0};
    int failed = pb__keywords(r->session, kwargs, &native, &err);
    if (failed == PB_ERR_TYPE) {
        pb_request_fail(r, "builtins.TypeError", "%s", err.text);
    }
    return failed ? failed : pb_item_set_steal(r->list, KWARGS, native);
}

bool pb__request_check(pb_request *r, const pb_error *refused)
{
    if (!pb_request_args(r) || !pb_request_kwargs(r)) {
        pb_request_fail(r, pb__exception_of(refused->code), "%s", refused->text);
        return false;
    }
    int failed = take_args(r);
    failed = failed ? failed : take_kwargs(r);
    if (failed && !r->answered) {
        pb__request_close(r, failed);
    }
    return !failed;
}

int pb_request_unpack(pb_request *r, const char *format, ...)
{
    pb_error err = {0};
    size_t at = 0;
    pb_value *key, *value;
    pb_span name;
    int failed = 0;
    if (pb_dict_next(pb_request_kwargs(r), &at, &key, &value) &&
        pb_as_text(key, &name) == 0) {
        failed =
            pb__error_set(&err, PB_ERR_TYPE, 0, "got an unexpected keyword argument '%s'",
                          (const char *)name.data);
    } else {
        va_list outs;
        va_start(outs, format);
        failed = pb__unpack_tuple(pb_request_args(r), &err, format, outs);
        va_end(outs);
    }
    if (failed) {
        pb_request_fail(r, pb__exception_of(failed), "remote_%s() %s%s%s",
                        pb_request_method(r), err.where, *err.where ? ": " : "",
                        err.text);
    }
    return failed;
}

pb_request *pb_request_ref(pb_request *r)
{
    r->refs++;
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
    pb_value_unref(r->list);
    pb_object_unref(r->called);
    pb__free(r);
    if (s) {
        pb__session_leave(s);
    }
}
