/* SPDX-License-Identifier: MIT
 *
 * The peer's calls, from the message to the method: finds the object, the role and the
 * perspective of a call, and answers with an error if there is no such object or
 * method. */
#include <string.h>

#include "compat/profile.h"
#include "compat/repr.h"
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/back_pressure.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/requests.h"
#include "libpb/broker/session.h"

/* The prefix of each role in Twisted. */
static const char *const prefixes[] = {
    [PB_ROLE_REMOTE] = "remote_",
    [PB_ROLE_PERSPECTIVE] = "perspective_",
    [PB_ROLE_VIEW] = "view_",
    [PB_ROLE_OBSERVE] = "observe_",
};

const char *pb__role_prefix(pb_role role)
{
    return prefixes[role];
}

/* The truth value in Python of a member that should be 0 or 1. */
static bool is_true(const pb_value *v)
{
    int64_t i;
    double d;
    if (pb_as_int(v, &i) == 0) {
        return i != 0;
    }
    if (pb_as_float(v, &d) == 0) {
        return d != 0;
    }
    return pb__kind(v) != PB_BYTES || pb_len(v) != 0;
}

/* Converts the method in the message to text; old peers may give it as a number. */
static int read_method(pb_session *s, struct pb__received *m)
{
    pb_value *method = pb__member(m, PB__METHOD);
    size_t bad;
    pb_span text;
    if (pb_as_bytes(method, &text) == 0 && pb__utf8_check(text.data, text.len, &bad)) {
        return 0;
    }
    if (pb__kind(method) == PB_INT &&
        pb__profile_has(pb__profile(s), PB__PROFILE_INTEGER_METHOD_ANSWERED)) {
        char *digits = pb_value_repr(method);
        if (!digits) {
            return pb__error_nomem(m->err);
        }
        pb_value *name = pb_bytes((pb_span){(uint8_t *)digits, strlen(digits)});
        pb_free(digits);
        return name ? pb_item_set_steal(m->list, PB__METHOD, name)
                    : pb__error_nomem(m->err);
    }
    return pb__malformed(s, m, PB__METHOD, "the name of the method is not UTF-8 text");
}

static bool is_request_id(const pb_value *id)
{
    pb_kind kind = pb__kind(id);
    return kind == PB_INT || kind == PB_BYTES || kind == PB_FLOAT;
}

static void fail_no_method(pb_request *r)
{
    const struct pb__text *method =
        (const struct pb__text *)pb__request_part(r, PB__METHOD);
    bool remote = r->callee.role == PB_ROLE_REMOTE;
    bool old =
        !r->local && pb__profile_has(pb__profile(r->session), PB__PROFILE_OLD_CLASSES);
    struct pb__buf text = {0};
    int e =
        remote ? pb__buf_puts(&text, "No such method: remote_")
               : pb__buf_printf(&text, "%s%s%s has no attribute '%s", old ? "" : "'",
                                pb__class_short(r->callee.object->cls),
                                old ? " instance" : "' object", prefixes[r->callee.role]);
    e = e ? e : pb__buf_append(&text, method->data, method->len);
    e = e || remote ? e : pb__buf_puts(&text, "'");
    pb__request_fail_buf(
        r, remote ? "twisted.spread.flavors.NoSuchMethod" : "builtins.AttributeError",
        &text, e);
}

/* Twisted finds caches by subscription, which raises KeyError. */
static void fail_no_object(pb_request *r)
{
    if (r->callee.role != PB_ROLE_OBSERVE) {
        pb_request_fail(r, "twisted.spread.pb.Error", "Invalid Object ID");
        return;
    }
    char *id = pb__repr_shown(pb__request_part(r, PB__OBJECT));
    pb_request_fail(r, "builtins.KeyError", "%s", id ? id : "");
    pb_free(id);
}

/* Mirrors remoteMessageReceived of Referenceable, ViewPoint and RemoteCache, and
 * perspectiveMessageReceived of Avatar. */
static int call_method(pb_request *r, const pb_error *refused)
{
    const struct pb__text *text =
        (const struct pb__text *)pb__request_part(r, PB__METHOD);
    pb_object *o = r->callee.object;
    const pb_method *m =
        pb__class_method(o->cls, r->callee.role, (pb_span){text->data, text->len});
    int (*call)(void *self, pb_request *req) = m ? m->call : NULL;
    if (!m && !memchr(text->data, 0, text->len)) {
        const pb_class *with = pb__class_with(o->cls, offsetof(pb_class, fallback));
        call = with ? with->fallback : NULL;
    }
    if (!r->local && !pb__arguments_read(r, refused)) {
        return 0;
    }
    if (!call) {
        fail_no_method(r);
        return 0;
    }
    return r->local || pb__arguments_fit(r) ? call(o->self, r) : 0;
}

void pb__serve_local(pb_request *r)
{
    int code = call_method(r, NULL);
    if (!r->answered && r->refs == 1) {
        pb__request_close(r, code);
    }
    pb__request_release_arguments(r);
}

/* Calls the method. Mirrors Broker._recvMessage. */
static void request_serve(pb_request *r, const pb_error *refused)
{
    if (!r->called) {
        fail_no_object(r);
    } else {
        int code = call_method(r, refused);
        if (!r->answered && r->refs == 1) {
            pb__request_close(r, code);
        }
    }
    r->in_method = false;
    pb__request_release_arguments(r);
    pb_request_unref(r);
}

/* ---- Deferred calls ---- */

/* Whether the method of a request is not to be called yet: the peer does not read its
 * answers, or an earlier request waits. */
static bool must_defer(const pb_session *s)
{
    return s->calls &&
           (!pb__list_empty(&s->calls->deferred) || pb__session_answers_wait(s));
}

static int request_defer(pb_session *s, pb_request *r, struct pb__received *m)
{
    r->in_method = false;
    pb__list_push(&s->calls->deferred, &r->deferred);
    if (m->refused) {
        r->refused = pb__malloc(sizeof *r->refused);
        if (!r->refused) {
            return pb__error_nomem(m->err);
        }
        *r->refused = *m->refused;
    }
    return 0;
}

bool pb__deferred_ready(const pb_session *s)
{
    return pb__session_open(s) && s->calls && !pb__list_empty(&s->calls->deferred) &&
           !s->paused && !s->reading && !s->writing && !pb__session_answers_wait(s);
}

static pb_request *deferred_take(pb_session *s)
{
    pb_request *r = PB__LIST_ENTRY(s->calls->deferred.next, pb_request, deferred);
    pb__list_remove(&r->deferred);
    return r;
}

void pb__deferred_serve(pb_session *s)
{
    while (pb__deferred_ready(s)) {
        pb_request *r = deferred_take(s);
        r->in_method = true;
        request_serve(r, r->refused);
        pb__decref_flush(s);
    }
}

void pb__deferred_fini(pb_session *s)
{
    while (s->calls && !pb__list_empty(&s->calls->deferred)) {
        pb_request_unref(deferred_take(s));
    }
}

/* Serves message, or cachemessage. find returns the object that an id stands for,
 * borrowed, or NULL. */
static int call_received(pb_session *s, struct pb__received *m,
                         pb_object *(*find)(pb_session *s, const pb_value *id),
                         pb_role role)
{
    for (size_t i = PB__REQUEST; i <= PB__WANTS_ANSWER; i++) {
        if (!pb__member(m, i)) {
            return pb__malformed(s, m, i, "%s", m->refused->text);
        }
    }
    if (!is_request_id(pb__member(m, PB__REQUEST))) {
        return pb__malformed(s, m, PB__REQUEST,
                             "the number of the request is not a number");
    }
    int failed = read_method(s, m);
    if (failed) {
        return failed;
    }
    pb_object *o = find(s, pb__member(m, PB__OBJECT));
    pb_request *r =
        pb__request_new(s, m, o, role, is_true(pb__member(m, PB__WANTS_ANSWER)));
    if (!r) {
        return pb__error_nomem(m->err);
    }
    pb__remote_arrived(s, r->callee.perspective);
    pb__copies_arrived(s, r->list, m);
    if (!r->session) { /* a copy has ended the session */
        pb_request_unref(r);
    } else if (must_defer(s)) {
        return request_defer(s, r, m);
    } else {
        request_serve(r, m->refused);
    }
    return 0;
}

static pb_object *find_object(pb_session *s, const pb_value *id)
{
    int64_t luid;
    pb_span name;
    if (pb_as_int(id, &luid) == 0) {
        return pb__export_find(s, luid);
    }
    return pb_as_bytes(id, &name) == 0 ? pb__published_find(s, name) : NULL;
}

int pb__message_received(pb_session *s, struct pb__received *m)
{
    return call_received(s, m, find_object, PB_ROLE_REMOTE);
}

static pb_object *find_cache(pb_session *s, const pb_value *id)
{
    int64_t luid;
    return pb_as_int(id, &luid) == 0 ? (pb_object *)pb__remote_cache_find(s, luid) : NULL;
}

int pb__cachemessage_received(pb_session *s, struct pb__received *m)
{
    return call_received(s, m, find_cache, PB_ROLE_OBSERVE);
}
