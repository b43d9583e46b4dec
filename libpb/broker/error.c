/* SPDX-License-Identifier: MIT
 *
 * error: the failure of a call, written and received. Writes a failure, or the exception
 * itself where Twisted would write that. */
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/exception.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"

/* The name of the exception's class if the taster allows that class, so that the
 * exception is written as an instance. NULL: it is written as a failure. */
static const char *name_allowed(const pb_session *s, const pb_failure *f,
                                struct pb__mro *m)
{
    if (f->value) {
        return NULL;
    }
    pb__mro_begin(m, pb__failure_mro(f), pb__profile(s));
    pb__mro_next(m);
    pb_span name = {(const uint8_t *)m->name, strlen(m->name)};
    return pb_taster_class_allowed(s->shared->config.jelly.taster, name) ? m->name : NULL;
}

/* Writes an exception without attributes; its text is lost. */
static int write_exception(pb_session *s, const char *name, pb_error *err)
{
    pb_value *v = pb_instance_steal(name, pb_dict());
    int failed = v ? pb__write_value(s, v, err) : pb__error_nomem(err);
    pb_value_unref(v);
    return failed;
}

static int error_write_state(pb_session *s, const pb_failure *f, enum pb__failing how,
                             pb_error *err)
{
    pb_value *state = pb__failure_state(s, f, how);
    int failed = state ? 0 : pb__error_nomem(err);
    failed = failed ? failed : pb__encode_list(&s->encoder, 2);
    failed = failed ? failed : pb__write_string(s, PB__COPYABLE_FAILURE);
    failed = failed ? failed : pb__write_value(s, state, err);
    pb_value_unref(state);
    return failed;
}

static int error_write(pb_session *s, pb_value *id, const pb_failure *f,
                       enum pb__failing how, pb_error *err)
{
    struct pb__mro m;
    const char *name = name_allowed(s, f, &m);
    uint64_t mark = pb__write_begin(s, NULL);
    int failed = pb__write_head(s, 3, PB__WORD_ERROR);
    failed = failed ? failed : pb__write_value(s, id, err);
    if (!failed) {
        failed = name ? write_exception(s, name, err) : error_write_state(s, f, how, err);
    }
    failed = pb__write_answer_end(s, mark, failed, err);
    if (!failed && pb__traces(s)) {
        pb__trace_sent_failure(s, mark, id, f);
    }
    return failed;
}

/* Mirrors Broker._sendError. */
void pb__error_write(pb_session *s, pb_value *id, const pb_failure *f,
                     enum pb__failing how)
{
    pb_error err = {0};
    int failed = error_write(s, id, f, how, &err);
    if (failed && failed != PB_ERR_NOMEM) {
        const pb_failure other = {.mro = pb__exception_of(failed), .text = err.text};
        pb_error again = {0};
        failed = error_write(s, id, &other, how, &again);
    }
    if (failed) {
        pb__session_end(s, &err);
    }
}

/* Mirrors Broker._sendError for an argument that is not a Failure. */
int pb__error_write_value(pb_session *s, pb_value *id, pb_value *v, pb_error *err)
{
    uint64_t mark = pb__write_begin(s, NULL);
    int failed = pb__write_head(s, 3, PB__WORD_ERROR);
    failed = failed ? failed : pb__write_value(s, id, err);
    failed = failed ? failed : pb__write_value(s, v, err);
    failed = pb__write_answer_end(s, mark, failed, err);
    if (!failed && pb__traces(s)) {
        pb__trace_sent(s, mark, "error", (pb_value *[]){id, v}, 2);
    }
    return failed;
}

/* Mirrors Broker.proto_error. */
int pb__error_received(pb_session *s, struct pb__received *m)
{
    int failed = 0;
    pb_call *c = pb__answered_call(s, m, &failed);
    if (!c) {
        return failed;
    }
    pb__copies_arrived(s, m->list, m);
    pb_value *v = pb__member(m, 2);
    pb_failure *failure =
        v ? pb__failure_received(v) : pb__failure_new(m->refused->code, m->refused->text);
    pb__call_end(c, NULL, failure);
    pb_failure_unref(failure);
    return 0;
}
