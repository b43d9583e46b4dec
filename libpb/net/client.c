/* SPDX-License-Identifier: MIT
 *
 * The blocking client: a connection on a loop of its own, which runs only while a call is
 * waited for. Nothing is heard from the peer meanwhile, but what is to be sent goes out at
 * once. */
#include <stdarg.h>

#include "compat/value.h"
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/dial.h"
#include "libpb/net/loop_uv.h"

struct pb_client {
    uv_loop_t loop;
    pb_loop *around; /* loop */
    pb_conn *conn;
    pb_session *session;
    pb_remote *root;
    bool over; /* conn and session are gone */
    pb_error why;
    int64_t timeout;
    pb_failure *failure;
};

/* The end of the call that is waited for. What ends a wait stops the loop, which may be
 * about to wait for something else: a deadline can pass before it looks at its sockets. */
struct outcome {
    uv_loop_t *loop;
    bool done;
    pb_value *result;
    pb_failure *failure;
};

static void on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct outcome *o = user_data;
    o->done = true;
    o->result = pb_value_ref(result);
    o->failure = pb_failure_ref(failure);
    uv_stop(o->loop);
}

static void copy_error(pb_error *err, const pb_error *why)
{
    pb__error_set(err, why->code ? why->code : PB_ERR_LOST, why->offset, "%s",
                  why->code ? why->text : "the connection was closed");
    if (err && !*err->where) {
        pb__error_where(err, "%s", why->where);
    }
}

static void on_gone(const pb_error *why, void *who)
{
    pb_client *c = who;
    c->over = true;
    c->why = *why;
    uv_stop(&c->loop);
}

/* Makes the connection, and waits for the negotiation. */
static int dial(pb_client *c, const char *endpoint, const pb_net_config *config,
                pb_error *err)
{
    struct pb__target *t = pb__target_new(endpoint, PB__ENDPOINT_CLIENT, config, err);
    if (!t) {
        return PB_ERR_STATE;
    }
    t->policy.direct = true;
    c->conn = pb__dial(c->around, t, (struct pb__follower){.gone = on_gone, .who = c});
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
        uv_run(&c->loop, UV_RUN_ONCE);
    }
    if (c->over) {
        copy_error(err, &c->why);
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
    int e = pb__uv_loop_init(&client->loop);
    if (e) {
        pb__error_set(err, PB_ERR_SYSTEM, 0, "cannot make a loop: %s", uv_strerror(e));
        pb__free(client);
        return NULL;
    }
    client->over = true;
    client->around = pb__loop_uv_new(&client->loop, true);
    if (!client->around) {
        pb__error_nomem(err);
    }
    if (!client->around || dial(client, endpoint, c, err) != 0) {
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

/* Runs the loop until the call has ended. */
static void wait_for(pb_client *c, const struct outcome *o)
{
    while (!o->done) {
        if (!uv_run(&c->loop, UV_RUN_ONCE) && !o->done) {
            /* Reading has stopped, because of a limit, and nothing will let it go on. */
            pb_session_close(c->session);
        }
    }
}

/* Why the connection is over; code PB_OK while it is not. */
static const pb_error *ending_of(const pb_client *c)
{
    return c->over ? &c->why : pb_session_error(c->session);
}

static void tell_failure(const pb_client *c, const pb_failure *f, pb_error *err)
{
    int code = pb_failure_code(f);
    if (code == PB_ERR_LOST && ending_of(c)->code) {
        copy_error(err, ending_of(c));
    } else if (code) {
        pb__error_set(err, code, 0, "%s", pb_failure_text(f));
    } else {
        pb__error_set(err, PB_ERR_REMOTE, 0, "%s: %s", pb_failure_type(f),
                      pb_failure_text(f));
    }
}

/* Before something that waits. */
static void begin(pb_client *c, struct outcome *o)
{
    *o = (struct outcome){.loop = &c->loop};
    pb_failure_unref(c->failure);
    c->failure = NULL;
    pb__loop_update(c->around);
}

/* Waits for what is under way: its result, *new*, or NULL and the error. */
static pb_value *finish(pb_client *c, struct outcome *o, pb_error *err)
{
    wait_for(c, o);
    if (o->failure) {
        c->failure = o->failure;
        tell_failure(c, o->failure, err);
    }
    return o->result;
}

pb_value *pb_client_call_values(pb_client *c, pb_remote *to, const char *method,
                                pb_value *args, pb_value *kwargs, pb_error *err)
{
    struct outcome o;
    if (!c || !to) {
        pb__error_null(err, c ? "the reference to call" : "the client");
        return NULL;
    }
    begin(c, &o);
    pb_session *s = pb_remote_session(to);
    if (s && s != c->session) {
        pb__error_set(err, PB_ERR_ARG, 0, "the reference is of another connection");
        return NULL;
    }
    const pb_call_options options = {.timeout = c->timeout};
    if (pb_remote_call_values(to, method, args, kwargs, &options, on_answer, &o, NULL,
                              err) != 0) {
        return NULL;
    }
    return finish(c, &o, err);
}

pb_remote *pb_client_login(pb_client *c, const pb_credentials *who, pb_value *mind,
                           pb_error *err)
{
    struct outcome o;
    if (!c || !who) {
        pb__error_null(err, c ? "the user to log in" : "the client");
        return NULL;
    }
    begin(c, &o);
    pb_session *s = pb_client_session(c);
    if (!s) {
        copy_error(err, ending_of(c));
        return NULL;
    }
    const pb_call_options options = {.timeout = c->timeout};
    if (pb_login(s, who, mind, &options, on_answer, &o, NULL, err) != 0) {
        return NULL;
    }
    pb_value *avatar = finish(c, &o, err);
    pb_remote *r = avatar ? pb_as_remote(avatar) : NULL;
    if (avatar && !r) {
        pb__error_set(err, PB_ERR_TYPE, 0, "the avatar is %s, which has no methods",
                      pb_kind_name(pb_value_kind(avatar)));
        pb_value_unref(avatar);
    }
    return r; /* the count of the value */
}

pb_value *pb_client_call(pb_client *c, pb_remote *to, const char *method, pb_error *err,
                         const char *format, ...)
{
    pb_value *args, *kwargs;
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

static void on_time(uv_timer_t *timer)
{
    bool *up = timer->data;
    *up = true;
    uv_stop(timer->loop);
}

static void on_timer_closed(uv_handle_t *timer)
{
    timer->data = NULL;
}

int pb_client_wait(pb_client *c, int64_t milliseconds)
{
    bool up = false;
    uv_timer_t timer = {.data = &up};
    if (!c) {
        return PB_ERR_ARG;
    }
    uv_timer_init(&c->loop, &timer);
    uv_update_time(&c->loop);
    uv_timer_start(&timer, on_time, milliseconds > 0 ? (uint64_t)milliseconds : 0, 0);
    while (!up && !c->over) {
        uv_run(&c->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&timer, on_timer_closed);
    while (timer.data) {
        uv_run(&c->loop, UV_RUN_NOWAIT);
    }
    return c->over ? PB_ERR_LOST : 0;
}

const pb_failure *pb_client_failure(const pb_client *c)
{
    return c ? c->failure : NULL;
}

pb_session *pb_client_session(const pb_client *c)
{
    return c && !c->over ? c->session : NULL;
}

void pb_client_free(pb_client *c)
{
    if (!c) {
        return;
    }
    pb_remote_unref(c->root);
    if (!c->over) {
        pb_conn_close(c->conn);
    }
    pb_loop_unref(c->around);
    while (uv_run(&c->loop, UV_RUN_DEFAULT)) {
    }
    uv_loop_close(&c->loop);
    pb_failure_unref(c->failure);
    pb__free(c);
}
