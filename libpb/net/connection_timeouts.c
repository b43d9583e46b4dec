/* SPDX-License-Identifier: MIT
 *
 * Timeouts of a connection: silent peers (ping), idle connections, stalled output, and
 * draining, which closes a connection as soon as it is idle. */
#include "libpb/base/error.h"
#include "libpb/net/conn.h"
#include "libpb/net/defaults.h"
#include "libpb/net/socket.h"

struct pb__policy pb__policy_of(const pb_net_config *c)
{
    return (struct pb__policy){
        .idle_timeout = c->idle_timeout,
        .write_timeout = c->write_timeout,
        .ping_interval = c->ping_method ? c->ping_interval : 0,
        .ping_method = c->ping_method,
        .keep_alive = c->keep_alive < 0    ? 0
                      : c->keep_alive == 0 ? PB__DEFAULT_KEEP_ALIVE
                                           : c->keep_alive,
    };
}

bool pb__conn_has_pages(const pb_conn *c)
{
    return c->state == PB__CONN_UP && !pb_session_is_closed(c->session) &&
           pb_session_deadline(c->session) <= pb__conn_now(c);
}

/* Whether answers or pages are outstanding, in either direction. */
static bool conn_is_busy(const pb_conn *c)
{
    pb_session_stats stats;
    pb_session_get_stats(c->session, &stats);
    return stats.pending > 0 || stats.serving > 0 || stats.queued > 0 ||
           stats.paging > 0 || pb__conn_has_pages(c);
}

/* Whether nothing has arrived for so long. Not if reading is paused, nor if input waits
 * in the socket: the program may have been busy elsewhere. */
static bool conn_is_silent(const pb_conn *c, int64_t milliseconds)
{
    return pb_session_want_recv(c->session) &&
           pb__conn_now(c) - c->last_read >= milliseconds && !pb__socket_has_input(c->fd);
}

bool pb__conn_reads_no_more(const pb_conn *c)
{
    pb_session_stats stats;
    if (c->drain_by == INT64_MAX) {
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

/* Any answer, also an error, shows that the peer is alive. If there is no memory for the
 * call, the next one is sent an interval later. */
static void conn_ping(pb_conn *c)
{
    const pb_call_options options = {.timeout = c->hub->policy->ping_interval};
    pb_remote *root = pb_session_root(c->session);
    c->last_read = pb__conn_now(c);
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
    if (timeout <= 0 || now < pb__later(c->last_read, timeout)) {
        return;
    }
    if (conn_is_busy(c) || !conn_is_silent(c, timeout)) {
        c->last_read = now; /* the period begins again */
        return;
    }
    pb_error why = {0};
    pb__error_set(&why, PB_ERR_TIMEOUT, 0,
                  "the connection was idle for %lld milliseconds", (long long)timeout);
    pb__conn_lose(c, &why);
}

void pb__conn_note_write(pb_conn *c)
{
    pb__loop_update(c->hub->loop);
    c->last_write = pb__conn_now(c);
    c->unsent = c->hub->policy->write_timeout > 0 ? pb__socket_unsent(c->fd) : 0;
}

static void conn_check_stalled(pb_conn *c, int64_t now)
{
    int64_t timeout = c->hub->policy->write_timeout;
    if (timeout <= 0 || !c->blocked || now < pb__later(c->last_write, timeout)) {
        return;
    }
    if (pb__socket_unsent(c->fd) < c->unsent) {
        /* Some bytes were taken, but not enough for the socket to be writable. */
        pb__conn_note_write(c);
        return;
    }
    pb_error why = {0};
    pb__error_set(&why, PB_ERR_TIMEOUT, 0,
                  "the peer has read nothing for %lld milliseconds", (long long)timeout);
    pb__conn_lose(c, &why);
}

void pb__conn_check_timeouts(pb_conn *c)
{
    int64_t now = pb__conn_now(c);
    if (!pb_session_is_closed(c->session)) {
        conn_check_stalled(c, now);
    }
    if (!pb_session_is_closed(c->session)) {
        conn_check_idle(c, now);
    }
    if (!pb_session_is_closed(c->session) && conn_pings(c) &&
        now >= pb__later(c->last_read, c->hub->policy->ping_interval)) {
        conn_ping(c);
    }
}

bool pb__conn_is_drained(const pb_conn *c)
{
    return c->drain_by != INT64_MAX &&
           (pb__conn_now(c) >= c->drain_by || !conn_is_busy(c));
}

int64_t pb__conn_next_timeout(const pb_conn *c)
{
    const struct pb__policy *p = c->hub->policy;
    int64_t at = c->drain_by;
    if (p->idle_timeout > 0) {
        at = pb__earlier(at, pb__later(c->last_read, p->idle_timeout));
    }
    if (p->write_timeout > 0 && c->blocked) {
        at = pb__earlier(at, pb__later(c->last_write, p->write_timeout));
    }
    if (conn_pings(c)) {
        at = pb__earlier(at, pb__later(c->last_read, p->ping_interval));
    }
    return at;
}

void pb_conn_drain(pb_conn *c, int64_t timeout)
{
    if (c && !pb__conn_disown(c) && !pb_session_is_closed(c->session)) {
        pb__loop_update(c->hub->loop);
        int64_t by = pb__later(pb__conn_now(c), timeout < 0 ? INT64_MAX : timeout);
        c->drain_by = by < INT64_MAX ? by : INT64_MAX - 1;
        pb__conn_wake(c);
    }
}
