/* SPDX-License-Identifier: MIT
 *
 * A client that reconnects. One timer serves the next attempt and the timeouts of queued
 * calls. */
#include "pb/service.h"

#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "libpb/broker/login.h"
#include "compat/value.h"
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/base/system.h"
#include "libpb/net/defaults.h"
#include "libpb/net/dial.h"
#include "libpb/net/queued_calls.h"

struct pb_service {
    pb_loop *loop;
    struct pb__target *to;
    pb_service_config config; /* without zeros; net is not used */
    char *secrets;            /* the texts of config.login */
    pb_credentials login;
    struct pb__timer timer;
    int64_t retry_at; /* INT64_MAX: connected or connecting, or no more attempts */
    pb_conn *conn;    /* NULL: neither connected nor connecting */
    pb_remote *root;  /* the target of calls; NULL: not up */
    size_t failures;  /* consecutive */
    struct pb__queued_calls waiting;
    pb_error refused; /* why the login failed, if that ended the connection */
    int depth;        /* callbacks from here that are on the stack */
    bool stopping;
    void (*stopped)(void *user_data);
    void *user_data; /* of stopped */
};

static void service_connect(struct pb_service *s);
static void service_end(struct pb_service *s);

/* ---- Timers ---- */

static void service_set_timer(struct pb_service *s)
{
    int64_t at = pb__earlier(s->retry_at, pb__queued_calls_deadline(&s->waiting));
    if (!s->stopping) {
        pb__timer_set(s->loop, &s->timer, at);
    }
}

static void service_on_timer(struct pb__timer *timer)
{
    struct pb_service *s = PB__LIST_ENTRY(timer, struct pb_service, timer);
    if (s->stopping) {
        service_end(s);
        return;
    }
    s->depth++;
    if (pb__loop_now(s->loop) >= s->retry_at) {
        service_connect(s);
    }
    pb__queued_calls_expire(&s->waiting, pb__loop_now(s->loop));
    s->depth--;
    service_set_timer(s);
}

/* Milliseconds to the next attempt. */
static int64_t service_next_delay(const struct pb_service *s)
{
    const pb_service_config *c = &s->config;
    double delay = (double)c->first_delay;
    for (size_t i = 0; i < s->failures && delay < (double)c->max_delay; i++) {
        delay *= c->factor;
    }
    int64_t wait = delay < (double)c->max_delay ? (int64_t)delay : c->max_delay;
    uint32_t chance;
    if (c->jitter > 0 && pb__system_random(&chance, sizeof chance)) {
        wait = pb__later(wait, (int64_t)(chance % ((uint64_t)c->jitter + 1)));
    }
    return wait;
}

/* ---- Up and down ---- */

static void service_free(struct pb_service *s)
{
    pb__target_unref(s->to);
    pb_value_unref(s->config.mind);
    if (s->secrets) {
        pb__wipe(s->secrets, s->login.username_len + s->login.password_len + 2);
    }
    pb__free(s->secrets);
    pb__free(s);
}

static void service_end(struct pb_service *s)
{
    void (*stopped)(void *) = s->stopped;
    void *user_data = s->user_data;
    pb_loop *loop = s->loop;
    service_free(s);
    if (stopped) {
        stopped(user_data);
    }
    pb_loop_unref(loop);
}

/* There is no connection any more. */
static void service_down(struct pb_service *s, const pb_error *why)
{
    const pb_service_config *c = &s->config;
    if (s->stopping) {
        pb__timer_set_soon(s->loop, &s->timer);
        return;
    }
    bool enough = c->max_failures && s->failures >= c->max_failures;
    int64_t delay = enough ? -1 : service_next_delay(s);
    s->retry_at = enough ? INT64_MAX : pb__later(pb__loop_now(s->loop), delay);
    s->depth++;
    if (c->on_down) {
        c->on_down(s, why, delay, c->user_data);
    }
    if (s->retry_at == INT64_MAX && !s->conn) {
        pb__queued_calls_fail(&s->waiting, PB_ERR_LOST,
                              "all attempts to connect have failed");
    }
    s->depth--;
    service_set_timer(s);
}

static void service_on_gone(const pb_error *why, void *who)
{
    struct pb_service *s = who;
    pb_error closed = {0};
    bool was_up = s->root;
    pb__error_set(&closed, PB_ERR_LOST, 0, "the connection was closed");
    pb_remote_unref(s->root);
    s->root = NULL;
    s->conn = NULL;
    s->failures = was_up ? 0 : s->failures + 1;
    pb_error refused = s->refused;
    s->refused = (pb_error){0};
    service_down(s, refused.code ? &refused : why->code ? why : &closed);
}

/* Takes root, and makes calls to it from now on. */
static void service_up(struct pb_service *s, pb_remote *root)
{
    s->root = root;
    s->failures = 0;
    s->depth++;
    if (s->config.on_up) {
        s->config.on_up(s, root, s->config.user_data);
    }
    pb__loop_update(s->loop);
    while (s->root &&
           pb__queued_calls_make(&s->waiting, s->root, pb__loop_now(s->loop))) {
    }
    s->depth--;
    service_set_timer(s);
}

/* Closes a connection that cannot be used, for that reason. */
static void service_give_up(struct pb_service *s, const pb_error *why)
{
    s->refused = *why;
    pb_conn_close(s->conn);
}

static void service_on_login(pb_value *avatar, pb_failure *failure, void *user_data)
{
    struct pb_service *s = user_data;
    pb_remote *root = avatar ? pb_as_remote(avatar) : NULL;
    pb_error why = {0};
    if (s->stopping || pb_session_is_closed(pb_conn_session(s->conn))) {
        return;
    }
    if (root) {
        service_up(s, pb_remote_ref(root));
        return;
    }
    if (avatar) {
        pb__error_set(&why, PB_ERR_TYPE, 0, "the avatar is %s, which has no methods",
                      pb_kind_name(pb_value_kind(avatar)));
    } else {
        int code = pb_failure_code(failure);
        pb__error_set(&why, code ? code : PB_ERR_AUTH, 0, "login: %s: %s",
                      pb_failure_type(failure), pb_failure_text(failure));
    }
    service_give_up(s, &why);
}

static void service_on_ready(void *who)
{
    struct pb_service *s = who;
    pb_error why = {0};
    if (s->stopping) {
        return;
    }
    if (s->config.login) {
        const pb_call_options options = {.timeout = s->config.login_timeout};
        if (pb_login(pb_conn_session(s->conn), &s->login, s->config.mind, &options,
                     service_on_login, s, NULL, &why) != 0) {
            service_give_up(s, &why);
        }
        return;
    }
    pb_remote *root = pb_conn_root(s->conn);
    if (root) {
        service_up(s, root);
    } else {
        pb__error_nomem(&why);
        service_give_up(s, &why);
    }
}

static void service_connect(struct pb_service *s)
{
    s->retry_at = INT64_MAX;
    s->conn = pb__dial(s->loop, s->to,
                       (struct pb__dial_callbacks){
                           .ready = service_on_ready, .gone = service_on_gone, .who = s});
    if (!s->conn) {
        pb_error why = {0};
        pb__error_nomem(&why);
        s->failures++;
        service_down(s, &why);
    }
}

/* ---- Public functions ---- */

static bool service_copy_login(struct pb_service *s, const pb_credentials *c)
{
    pb_span user = pb__credentials_username(c), password = pb__credentials_password(c);
    size_t size;
    s->login = *c;
    s->secrets = pb__add(user.len, password.len, &size) && pb__add(size, 2, &size)
                     ? pb__calloc(1, size)
                     : NULL;
    if (!s->secrets) {
        return false;
    }
    if (user.len) {
        memcpy(s->secrets, user.data, user.len);
    }
    if (password.len) {
        memcpy(s->secrets + user.len + 1, password.data, password.len);
    }
    s->login.username = s->secrets;
    s->login.username_len = user.len;
    s->login.password = s->secrets + user.len + 1;
    s->login.password_len = password.len;
    return true;
}

static void service_set_defaults(pb_service_config *c)
{
    c->first_delay = c->first_delay < 0 ? 0
                     : c->first_delay   ? c->first_delay
                                        : PB__DEFAULT_FIRST_DELAY;
    c->factor = c->factor > 0 ? c->factor : 1.5;
    c->max_delay = c->max_delay < 0 ? 0
                   : c->max_delay   ? c->max_delay
                                    : PB__DEFAULT_MAX_DELAY;
    c->jitter = c->jitter ? c->jitter : PB__DEFAULT_JITTER;
    c->max_waiting = c->max_waiting ? c->max_waiting : PB__DEFAULT_MAX_WAITING;
    c->login_timeout = c->login_timeout ? c->login_timeout : PB__DEFAULT_LOGIN_TIMEOUT;
}

pb_service *pb_service_new(pb_loop *loop, const char *endpoint,
                           const pb_service_config *c, pb_error *err)
{
    if (pb__loop_check(loop, err) != 0) {
        return NULL;
    }
    struct pb_service *s = pb__calloc(1, sizeof *s);
    if (!s) {
        pb__error_nomem(err);
        return NULL;
    }
    s->loop = loop;
    s->config = c ? *c : (pb_service_config){0};
    pb_value_ref(s->config.mind);
    service_set_defaults(&s->config);
    pb__queued_calls_init(&s->waiting);
    pb__timer_init(&s->timer, service_on_timer);
    s->retry_at = INT64_MAX;
    s->to = pb__target_new(endpoint, PB__ENDPOINT_CLIENT, &s->config.net, err);
    if (!s->to || (s->config.login && !service_copy_login(s, s->config.login)) ||
        !(s->conn = pb__dial(loop, s->to,
                             (struct pb__dial_callbacks){.ready = service_on_ready,
                                                         .gone = service_on_gone,
                                                         .who = s}))) {
        if (s->to) {
            pb__error_nomem(err);
        }
        service_free(s);
        return NULL;
    }
    pb_loop_ref(loop);
    return s;
}

pb_remote *pb_service_root(const pb_service *s)
{
    return s ? s->root : NULL;
}

size_t pb_service_waiting(const pb_service *s)
{
    return s ? s->waiting.count : 0;
}

static int service_await(pb_service *s, const char *method, pb_value *args,
                         pb_value *kwargs, const pb_call_options *options,
                         pb_answer_cb cb, void *user_data, pb_error *err)
{
    int64_t timeout = options ? options->timeout : 0, deadline = INT64_MAX;
    int e = pb__loop_check(s->loop, err);
    if (e) {
        return e;
    }
    bool over = s->stopping || (!s->conn && s->retry_at == INT64_MAX);
    if (over || s->config.fail_while_away) {
        return pb__error_set(err, PB_ERR_LOST, 0, "there is no connection to %s",
                             s->to->at.spelling);
    }
    if (s->waiting.count >= s->config.max_waiting) {
        return pb__error_set(err, PB_ERR_LIMIT, 0,
                             "%zu calls wait for a connection to %s already",
                             s->waiting.count, s->to->at.spelling);
    }
    if (timeout > 0) {
        deadline = pb__later(pb__loop_now(s->loop), timeout);
    }
    if (pb__queued_calls_add(&s->waiting, method, args, kwargs, options, deadline, cb,
                             user_data) != 0) {
        return pb__error_nomem(err);
    }
    service_set_timer(s);
    return 0;
}

int pb_service_call_values(pb_service *s, const char *method, pb_value *args,
                           pb_value *kwargs, const pb_call_options *options,
                           pb_answer_cb cb, void *user_data, pb_error *err)
{
    if (!s || !method) {
        return pb__error_null(err, s ? "the method to call" : "the service");
    }
    /* Queued calls go first. */
    if (s->root && s->waiting.count == 0 && pb_remote_session(s->root)) {
        return pb_remote_call_values(s->root, method, args, kwargs, options, cb,
                                     user_data, NULL, err);
    }
    pb__loop_update(s->loop);
    return service_await(s, method, args, kwargs, options, cb, user_data, err);
}

int pb_service_call(pb_service *s, const char *method, pb_answer_cb cb, void *user_data,
                    pb_error *err, const char *format, ...)
{
    pb_value *args = NULL, *kwargs;
    va_list ap;
    va_start(ap, format);
    int failed = pb__build_arguments(&args, &kwargs, err, format, ap);
    va_end(ap);
    if (failed) {
        return failed;
    }
    failed = pb_service_call_values(s, method, args, kwargs, NULL, cb, user_data, err);
    pb_value_unref(args);
    pb_value_unref(kwargs);
    return failed;
}

void pb_service_retry(pb_service *s)
{
    if (!s) {
        return;
    }
    s->failures = 0;
    if (!s->conn && !s->stopping && !pb__loop_is_foreign(s->loop)) {
        pb__loop_update(s->loop);
        s->retry_at = pb__loop_now(s->loop);
        service_set_timer(s);
    }
}

/* In a child process: does not wait, except for what is on the stack. */
static void service_disown(pb_service *s)
{
    if (s->conn) {
        pb__conn_disown(s->conn);
    }
    if (!s->conn && s->depth == 0) {
        pb__timer_stop(s->loop, &s->timer);
        service_end(s);
    }
}

void pb_service_stop(pb_service *s, int64_t timeout, void (*stopped)(void *user_data),
                     void *user_data)
{
    if (!s || s->stopping) {
        return;
    }
    s->stopping = true;
    s->stopped = stopped;
    s->user_data = user_data;
    pb__timer_stop(s->loop, &s->timer);
    s->depth++;
    pb__queued_calls_fail(&s->waiting, PB_ERR_LOST, "the service was stopped");
    s->depth--;
    if (pb__loop_is_foreign(s->loop)) {
        service_disown(s);
    } else if (!s->conn) {
        pb__timer_set_soon(s->loop, &s->timer);
    } else if (s->root) {
        pb_conn_drain(s->conn, timeout);
    } else {
        pb_conn_close(s->conn);
    }
}
