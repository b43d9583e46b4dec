/* SPDX-License-Identifier: MIT
 *
 * The blocking client: a connection with a small loop of its own, which runs only during
 * a blocking call. Between calls nothing is read from the peer; output is written at
 * once.
 *
 * Callbacks that run during a blocking call may make blocking calls, too. The loop then
 * runs inside itself, and each call ends by its own answer or timeout. The result of an
 * outer call is stored until the loop returns to that call. */
#include <stdarg.h>

#include "compat/value.h"
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/session.h"
#include "libpb/net/dial.h"
#include "libpb/net/loop_poll.h"

enum { MAX_WAITS = 64 /* nested: each uses its part of the stack */ };

struct pb_client {
    struct pb__loop_poll loop;
    pb_conn *conn;
    pb_session *session;
    pb_remote *root;
    int waits;    /* on the stack */
    bool over;    /* conn and session are freed */
    bool freeing; /* pb_client_free was called */
    pb_error why;
    int64_t timeout;
    pb_failure *failure;
    struct outcome *spare; /* for the next call; may be NULL */
};

/* The result of a blocking call. */
struct outcome {
    bool done;
    bool abandoned; /* the blocking call has ended: to be freed when the answer arrives */
    pb_value *result;
    pb_failure *failure;
};

/* ---- The end of the client ---- */

/* Why the connection is over; code PB_OK if it is not. */
static const pb_error *client_ending(const pb_client *c)
{
    return c->over ? &c->why : pb_session_error(c->session);
}

static bool client_is_closed(const pb_client *c)
{
    return c->over || pb_session_is_closed(c->session);
}

static void client_destroy(pb_client *c)
{
    c->waits++; /* so that the callbacks here do not free it again */
    pb_remote_unref(c->root);
    if (!c->over) {
        pb__conn_disown(c->conn);
    }
    while (!c->over) {
        pb__loop_poll_once(&c->loop);
    }
    pb__loop_poll_fini(&c->loop);
    pb_failure_unref(c->failure);
    pb__free(c->spare);
    pb__free(c);
}

/* Frees the client if pb_client_free was called and no function of it is on the stack. */
static void client_free_if_idle(pb_client *c)
{
    if (!c->freeing || c->waits > 0) {
        return;
    }
    if (!c->over && c->session->depth > 0) {
        c->session->woken = false; /* it wakes the client when it leaves */
    } else {
        client_destroy(c);
    }
}

static void client_woken(void *who)
{
    client_free_if_idle(who);
}

static void client_gone(const pb_error *why, void *who)
{
    pb_client *c = who;
    c->over = true;
    c->why = *why;
}

void pb_client_free(pb_client *c)
{
    if (!c || c->freeing) {
        return;
    }
    c->freeing = true;
    c->waits++;
    if (!c->over) {
        pb_conn_close(c->conn);
    }
    c->waits--;
    client_free_if_idle(c);
}

/* ---- Opening ---- */

static void client_copy_error(pb_error *err, const pb_error *why)
{
    pb__error_set(err, why->code ? why->code : PB_ERR_LOST, why->offset, "%s",
                  why->code ? why->text : "the connection was closed");
    if (err && !*err->where) {
        pb__error_where(err, "%s", why->where);
    }
}

/* Connects, and waits for the negotiation. */
static int client_dial(pb_client *c, const char *endpoint, const pb_net_config *config,
                       pb_error *err)
{
    struct pb__target *t = pb__target_new(endpoint, PB__ENDPOINT_CLIENT, config, err);
    if (!t) {
        return PB_ERR_STATE;
    }
    t->policy.direct = true;
    c->conn = pb__dial(&c->loop.loop, t,
                       (struct pb__dial_callbacks){
                           .woken = client_woken, .gone = client_gone, .who = c});
    pb__target_unref(t);
    if (!c->conn) {
        return pb__error_nomem(err);
    }
    c->over = false;
    c->session = pb_conn_session(c->conn);
    c->root = pb_conn_root(c->conn);
    if (!c->root) {
        return pb__error_nomem(err);
    }
    while (!c->over && !pb_session_is_ready(c->session)) {
        pb__loop_poll_once(&c->loop);
    }
    if (c->over) {
        client_copy_error(err, &c->why);
        return PB_ERR_LOST;
    }
    return 0;
}

pb_client *pb_client_open(const char *endpoint, const pb_net_config *c, pb_error *err)
{
    pb_client *client = pb__calloc(1, sizeof *client);
    if (!client) {
        pb__error_nomem(err);
        return NULL;
    }
    pb__loop_poll_init(&client->loop);
    client->over = true;
    if (client_dial(client, endpoint, c, err) != 0) {
        pb_client_free(client);
        return NULL;
    }
    return client;
}

pb_remote *pb_client_root(pb_client *c)
{
    return c ? c->root : NULL;
}

void pb_client_set_timeout(pb_client *c, int64_t timeout)
{
    if (c) {
        c->timeout = timeout;
    }
}

/* ---- Waiting ---- */

/* Whether a blocking call is allowed here. */
static int client_check(const pb_client *c, pb_error *err)
{
    if (pb__loop_is_foreign(&c->loop.loop)) {
        return pb__error_set(
            err, PB_ERR_STATE, 0,
            "the client belongs to the parent process: open another in this process");
    }
    if (!c->over && (c->session->reading || c->session->writing)) {
        return pb__error_set(err, PB_ERR_STATE, 0,
                             "a blocking call is not allowed in a callback that runs "
                             "while a message is read or written: call from another "
                             "callback, or after this one has returned");
    }
    if (c->waits >= MAX_WAITS) {
        return pb__error_set(
            err, PB_ERR_LIMIT, 0,
            "%d blocking calls are nested already: answer some of them later", c->waits);
    }
    return 0;
}

/* Begins a blocking call. If a callback is on the stack, the loop does not know yet what
 * it has done, nor that unread input is in the session: wakes the connection. */
static void client_enter(pb_client *c)
{
    c->waits++;
    if (!c->over && c->session->depth > 0) {
        pb__conn_wake(c->conn);
    }
}

static void client_leave(pb_client *c)
{
    c->waits--;
    client_free_if_idle(c);
}

static struct outcome *outcome_new(pb_client *c, pb_error *err)
{
    struct outcome *o = c->spare ? c->spare : pb__malloc(sizeof *o);
    c->spare = NULL;
    if (o) {
        *o = (struct outcome){0};
    } else {
        pb__error_nomem(err);
    }
    return o;
}

static void outcome_free(pb_client *c, struct outcome *o)
{
    pb__free(c->spare);
    c->spare = o;
}

static void client_on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct outcome *o = user_data;
    o->done = true;
    if (o->abandoned) {
        pb__free(o);
    } else {
        o->result = pb_value_ref(result);
        o->failure = pb_failure_ref(failure);
    }
}

/* Whether no answer can arrive: reading is paused, and only the application can resume
 * it. */
static bool client_is_stuck(const pb_client *c)
{
    return !pb_session_want_recv(c->session) && !pb_session_want_send(c->session) &&
           pb_session_deadline(c->session) == INT64_MAX;
}

/* Why the blocking call must end without an answer; PB_OK: it need not. After the
 * connection ends, callbacks run when the outermost callback returns; a nested call is
 * part of such a callback and would wait for ever. */
static int client_wait_failure(const pb_client *c, bool timed,
                               const struct pb__timer *timer, const char **text)
{
    if (client_is_closed(c)) {
        *text = "the connection was closed";
        return PB_ERR_LOST;
    }
    if (timed && timer->due == INT64_MAX) {
        *text = "the call was not answered in time";
        return PB_ERR_TIMEOUT;
    }
    *text = "no answer can arrive: reading is paused, or too many calls of the peer wait "
            "for an answer";
    return !timed && client_is_stuck(c) ? PB_ERR_STATE : PB_OK;
}

static void client_on_timeout(struct pb__timer *t)
{
    (void)t; /* it is not set any more */
}

/* Runs the loop until the call has ended, and returns its result. The timeout is for a
 * call that the session does not time; 0: none. */
static struct outcome client_wait(pb_client *c, struct outcome *o, int64_t timeout)
{
    struct pb__timer timer;
    pb_loop *loop = &c->loop.loop;
    const char *text = NULL;
    int code = PB_OK;
    pb__timer_init(&timer, client_on_timeout);
    if (timeout > 0) {
        pb__loop_update(loop);
        pb__timer_set(loop, &timer, pb__later(pb__loop_now(loop), timeout));
    }
    while (!o->done && (code = client_wait_failure(c, timeout, &timer, &text)) == PB_OK) {
        pb__loop_poll_once(&c->loop);
    }
    pb__timer_stop(loop, &timer);
    struct outcome end = *o;
    if (o->done) {
        outcome_free(c, o);
    } else {
        o->abandoned = true;
        end.failure = pb__failure_new(code, text);
    }
    return end;
}

static void outcome_tell_failure(const pb_client *c, const pb_failure *f, pb_error *err)
{
    int code = pb_failure_code(f);
    if (code == PB_ERR_LOST && client_ending(c)->code) {
        client_copy_error(err, client_ending(c));
    } else if (code) {
        pb__error_set(err, code, 0, "%s", pb_failure_text(f));
    } else {
        pb__error_set(err, PB_ERR_REMOTE, 0, "%s: %s", pb_failure_type(f),
                      pb_failure_text(f));
    }
}

/* Freeing the old failure may free c, if no function of c is on the stack. */
static void outcome_set_failure(pb_client *c, pb_failure *f)
{
    pb_failure *before = c->failure;
    c->failure = f;
    pb_failure_unref(before);
}

/* Begins a blocking call: returns the place for its result, or NULL with the error. The
 * client stays allocated until client_finish or client_cancel, whatever callbacks do. */
static struct outcome *client_begin(pb_client *c, pb_error *err)
{
    struct outcome *o = client_check(c, err) == 0 ? outcome_new(c, err) : NULL;
    if (o) {
        client_enter(c);
    }
    outcome_set_failure(c, NULL);
    return o;
}

/* Ends a blocking call that was not made. */
static void client_cancel(pb_client *c, struct outcome *o)
{
    if (o) {
        outcome_free(c, o);
        client_leave(c);
    }
}

/* Waits for the call to end: its result, *new*, or NULL and the error. */
static pb_value *client_finish(pb_client *c, struct outcome *o, int64_t timeout,
                               pb_error *err)
{
    struct outcome end = client_wait(c, o, timeout);
    outcome_set_failure(c, end.failure);
    if (end.failure) {
        outcome_tell_failure(c, end.failure, err);
    }
    client_leave(c);
    return end.result;
}

pb_value *pb_client_call_values(pb_client *c, pb_remote *to, const char *method,
                                pb_value *args, pb_value *kwargs, pb_error *err)
{
    if (!c || !to) {
        pb__error_null(err, c ? "the reference to call" : "the client");
        return NULL;
    }
    pb_session *s = pb_remote_session(to);
    if (s && s != c->session) {
        outcome_set_failure(c, NULL);
        pb__error_set(err, PB_ERR_ARG, 0, "the reference belongs to another connection");
        return NULL;
    }
    struct outcome *o = client_begin(c, err);
    const pb_call_options options = {.timeout = c->timeout};
    if (!o) {
        return NULL;
    }
    if (pb_remote_call_values(to, method, args, kwargs, &options, client_on_answer, o,
                              NULL, err) != 0) {
        client_cancel(c, o);
        return NULL;
    }
    return client_finish(c, o, s ? 0 : c->timeout, err);
}

pb_value *pb_client_login_value(pb_client *c, const pb_credentials *who, pb_value *mind,
                                pb_error *err)
{
    if (!c || !who) {
        pb__error_null(err, c ? "the user to log in" : "the client");
        return NULL;
    }
    struct outcome *o = client_begin(c, err);
    pb_session *s = pb_client_session(c);
    if (o && !s) {
        client_copy_error(err, client_ending(c));
    }
    const pb_call_options options = {.timeout = c->timeout};
    if (!o || !s ||
        pb_login(s, who, mind, &options, client_on_answer, o, NULL, err) != 0) {
        client_cancel(c, o);
        return NULL;
    }
    return client_finish(c, o, 0, err);
}

pb_remote *pb_client_login(pb_client *c, const pb_credentials *who, pb_value *mind,
                           pb_error *err)
{
    pb_value *avatar = pb_client_login_value(c, who, mind, err);
    pb_remote *r = avatar ? pb_as_remote(avatar) : NULL;
    if (avatar && !r) {
        pb__error_set(err, PB_ERR_TYPE, 0, "the avatar is %s, which has no methods",
                      pb_kind_name(pb_value_kind(avatar)));
        pb_value_unref(avatar);
    }
    return r; /* takes the value's count */
}

pb_value *pb_client_call(pb_client *c, pb_remote *to, const char *method, pb_error *err,
                         const char *format, ...)
{
    pb_value *args = NULL, *kwargs;
    va_list ap;
    va_start(ap, format);
    int failed = pb__build_arguments(&args, &kwargs, err, format, ap);
    va_end(ap);
    if (failed) {
        return NULL;
    }
    pb_value *result = pb_client_call_values(c, to, method, args, kwargs, err);
    pb_value_unref(args);
    pb_value_unref(kwargs);
    return result;
}

int pb_client_wait(pb_client *c, int64_t milliseconds)
{
    struct pb__timer timer;
    int e = c ? client_check(c, NULL) : PB_ERR_ARG;
    if (e) {
        return e;
    }
    pb_loop *loop = &c->loop.loop;
    client_enter(c);
    pb__timer_init(&timer, client_on_timeout);
    pb__loop_update(loop);
    pb__timer_set(loop, &timer,
                  pb__later(pb__loop_now(loop), milliseconds > 0 ? milliseconds : 0));
    while (timer.due != INT64_MAX && !client_is_closed(c)) {
        pb__loop_poll_once(&c->loop);
    }
    pb__timer_stop(loop, &timer);
    e = client_is_closed(c) ? PB_ERR_LOST : 0;
    client_leave(c);
    return e;
}

const pb_failure *pb_client_failure(const pb_client *c)
{
    return c ? c->failure : NULL;
}

pb_session *pb_client_session(const pb_client *c)
{
    return c && !c->over ? c->session : NULL;
}
