/* SPDX-License-Identifier: MIT
 *
 * The life of a connection in time: peers that have gone silent, connections that nobody
 * uses, and those that are to end as soon as nothing is under way on them. */
#include "libpb/base/error.h"
#include "libpb/net/conn.h"
#include "libpb/net/socket.h"

enum { KEEP_ALIVE = 60 };

struct pb__policy pb__policy_of(const pb_net_config *c)
{
    return (struct pb__policy){
        .idle_timeout = c->idle_timeout,
        .write_timeout = c->write_timeout,
        .ping_interval = c->ping_method ? c->ping_interval : 0,
        .ping_method = c->ping_method,
        .keep_alive = c->keep_alive < 0    ? 0
                      : c->keep_alive == 0 ? KEEP_ALIVE
                                           : c->keep_alive,
    };
}

bool pb__conn_goes_on(const pb_conn *c)
{
    return c->state == PB__CONN_UP && !pb_session_is_closed(c->session) &&
           pb_session_deadline(c->session) <= pb__conn_now(c);
}

/* Whether somebody waits for an answer, or for the end of pages. */
static bool conn_is_busy(const pb_conn *c)
{
    pb_session_stats stats;
    pb_session_get_stats(c->session, &stats);
    return stats.pending > 0 || stats.serving > 0 || stats.queued > 0 ||
           stats.paging > 0 || pb__conn_goes_on(c);
}

/* Whether nothing has come from the peer for so long. While nobody reads it cannot be
 * known, nor before what the socket has is read: the program may have been away. */
static bool conn_is_silent(const pb_conn *c, int64_t milliseconds)
{
    return pb_session_want_recv(c->session) &&
           pb__conn_now(c) - c->heard >= milliseconds && !pb__socket_has_input(c->fd);
}

bool pb__conn_is_deaf(const pb_conn *c)
{
    pb_session_stats stats;
    if (c->finish_by == INT64_MAX) {
        return false;
    }
    pb_session_get_stats(c->session, &stats);
    return stats.pending == 0;
}

static void conn_on_pong(pb_value *result, pb_failure *failure, void *user_data)
{
    pb_conn *c = user_data;
    c->pinging = false;
    if (!result && pb_failure_code(failure) == PB_ERR_TIMEOUT &&
        conn_is_silent(c, c->hub->policy->ping_interval)) {
        pb_error why = {0};
        pb__error_set(&why, PB_ERR_TIMEOUT, 0,
                      "the peer has not answered a ping within %lld milliseconds",
                      (long long)c->hub->policy->ping_interval);
        pb__conn_lose(c, &why);
    }
}

/* Whatever the answer is, it is a sign of life. Without the memory for it there is another
 * time. */
static void conn_ping(pb_conn *c)
{
    const pb_call_options options = {.timeout = c->hub->policy->ping_interval};
    pb_remote *root = pb_session_root(c->session);
    c->heard = pb__conn_now(c);
    c->pinging =
        root && pb_remote_call_values(root, c->hub->policy->ping_method, NULL, NULL,
                                      &options, conn_on_pong, c, NULL, NULL) == 0;
    pb_remote_unref(root);
}

static bool conn_pings(const pb_conn *c)
{
    return c->hub->policy->ping_interval > 0 && !c->pinging &&
           pb_session_is_ready(c->session) && pb_session_want_recv(c->session);
}

static void conn_check_idle(pb_conn *c, int64_t now)
{
    int64_t timeout = c->hub->policy->idle_timeout;
    if (timeout <= 0 || now < pb__later(c->heard, timeout)) {
        return;
    }
    if (conn_is_busy(c) || !conn_is_silent(c, timeout)) {
        c->heard = now; /* it counts anew from here */
        return;
    }
    pb_error why = {0};
    pb__error_set(&why, PB_ERR_TIMEOUT, 0,
                  "the connection was idle for %lld milliseconds", (long long)timeout);
    pb__conn_lose(c, &why);
}

void pb__conn_moved(pb_conn *c)
{
    pb__loop_update(c->hub->loop);
    c->moved = pb__conn_now(c);
    c->unsent = c->hub->policy->write_timeout > 0 ? pb__socket_unsent(c->fd) : 0;
}

static void conn_check_stalled(pb_conn *c, int64_t now)
{
    int64_t timeout = c->hub->policy->write_timeout;
    if (timeout <= 0 || !c->blocked || now < pb__later(c->moved, timeout)) {
        return;
    }
    if (pb__socket_unsent(c->fd) < c->unsent) {
        pb__conn_moved(c); /* too little for the socket to take more */
        return;
    }
    pb_error why = {0};
    pb__error_set(&why, PB_ERR_TIMEOUT, 0,
                  "the peer has taken nothing for %lld milliseconds", (long long)timeout);
    pb__conn_lose(c, &why);
}

void pb__conn_mind(pb_conn *c)
{
    int64_t now = pb__conn_now(c);
    if (!pb_session_is_closed(c->session)) {
        conn_check_stalled(c, now);
    }
    if (!pb_session_is_closed(c->session)) {
        conn_check_idle(c, now);
    }
    if (!pb_session_is_closed(c->session) && conn_pings(c) &&
        now >= pb__later(c->heard, c->hub->policy->ping_interval)) {
        conn_ping(c);
    }
}

bool pb__conn_has_finished(const pb_conn *c)
{
    return c->finish_by != INT64_MAX &&
           (pb__conn_now(c) >= c->finish_by || !conn_is_busy(c));
}

int64_t pb__conn_mind_at(const pb_conn *c)
{
    int64_t at = c->finish_by, then;
    if (c->hub->policy->idle_timeout > 0 &&
        (then = pb__later(c->heard, c->hub->policy->idle_timeout)) < at) {
        at = then;
    }
    if (c->hub->policy->write_timeout > 0 && c->blocked &&
        (then = pb__later(c->moved, c->hub->policy->write_timeout)) < at) {
        at = then;
    }
    if (conn_pings(c) &&
        (then = pb__later(c->heard, c->hub->policy->ping_interval)) < at) {
        at = then;
    }
    return at;
}

void pb_conn_drain(pb_conn *c, int64_t patience)
{
    if (c && !pb__conn_disown(c) && !pb_session_is_closed(c->session)) {
        pb__loop_update(c->hub->loop);
        int64_t by = pb__later(pb__conn_now(c), patience < 0 ? INT64_MAX : patience);
        c->finish_by = by < INT64_MAX ? by : INT64_MAX - 1;
        pb__conn_wake(c);
    }
}
