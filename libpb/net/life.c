/* SPDX-License-Identifier: MIT
 *
 * The life of a connection in time: peers that have gone silent, connections that nobody
 * uses, and those that are to end as soon as nothing is under way on them. */
#include "libpb/base/error.h"
#include "libpb/net/driver.h"
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

static int64_t later(int64_t from, int64_t by)
{
    int64_t at;
    return __builtin_add_overflow(from, by, &at) ? INT64_MAX : at;
}

bool pb__driver_goes_on(const struct pb_driver *d)
{
    return d->state == PB__DRIVER_UP && !pb_session_is_closed(d->session) &&
           pb_session_deadline(d->session) <= pb__driver_now(d) - d->epoch;
}

/* Whether somebody waits for an answer, or for the end of pages. */
static bool is_busy(const struct pb_driver *d)
{
    pb_session_stats stats;
    pb_session_get_stats(d->session, &stats);
    return stats.pending > 0 || stats.serving > 0 || stats.queued > 0 ||
           stats.paging > 0 || pb__driver_goes_on(d);
}

/* Whether nothing has come from the peer for so long. While nobody reads it cannot be
 * known, nor before what the socket has is read: the program may have been away. */
static bool is_silent(const struct pb_driver *d, int64_t milliseconds)
{
    return pb_session_want_recv(d->session) &&
           pb__driver_now(d) - d->heard >= milliseconds && !pb__socket_has_input(d->fd);
}

bool pb__driver_is_deaf(const struct pb_driver *d)
{
    pb_session_stats stats;
    if (d->finish_by == INT64_MAX) {
        return false;
    }
    pb_session_get_stats(d->session, &stats);
    return stats.pending == 0;
}

static void on_pong(pb_value *result, pb_failure *failure, void *user_data)
{
    struct pb_driver *d = user_data;
    d->pinging = false;
    if (!result && pb_failure_code(failure) == PB_ERR_TIMEOUT &&
        is_silent(d, d->policy->ping_interval)) {
        pb_error why = {0};
        pb__error_set(&why, PB_ERR_TIMEOUT, 0,
                      "the peer has not answered a ping within %lld milliseconds",
                      (long long)d->policy->ping_interval);
        pb__driver_lose(d, &why);
    }
}

/* Whatever the answer is, it is a sign of life. Without the memory for it there is another
 * time. */
static void ping(struct pb_driver *d)
{
    const pb_call_options options = {.timeout = d->policy->ping_interval};
    pb_remote *root = pb_session_root(d->session);
    d->heard = pb__driver_now(d);
    d->pinging = root && pb_remote_call_values(root, d->policy->ping_method, NULL, NULL,
                                               &options, on_pong, d, NULL, NULL) == 0;
    pb_remote_unref(root);
}

static bool pings(const struct pb_driver *d)
{
    return d->policy->ping_interval > 0 && !d->pinging &&
           pb_session_is_ready(d->session) && pb_session_want_recv(d->session);
}

static void mind_idle(struct pb_driver *d, int64_t now)
{
    int64_t timeout = d->policy->idle_timeout;
    if (timeout <= 0 || now < later(d->heard, timeout)) {
        return;
    }
    if (is_busy(d) || !is_silent(d, timeout)) {
        d->heard = now; /* it counts anew from here */
        return;
    }
    pb_error why = {0};
    pb__error_set(&why, PB_ERR_TIMEOUT, 0,
                  "the connection was idle for %lld milliseconds", (long long)timeout);
    pb__driver_lose(d, &why);
}

void pb__driver_moved(struct pb_driver *d)
{
    d->moved = pb__driver_now(d);
    d->unsent = d->policy->write_timeout > 0 ? pb__socket_unsent(d->fd) : 0;
}

static void mind_stalled(struct pb_driver *d, int64_t now)
{
    int64_t timeout = d->policy->write_timeout;
    if (timeout <= 0 || !d->blocked || now < later(d->moved, timeout)) {
        return;
    }
    if (pb__socket_unsent(d->fd) < d->unsent) {
        pb__driver_moved(d); /* too little for the socket to take more */
        return;
    }
    pb_error why = {0};
    pb__error_set(&why, PB_ERR_TIMEOUT, 0,
                  "the peer has taken nothing for %lld milliseconds", (long long)timeout);
    pb__driver_lose(d, &why);
}

void pb__driver_mind(struct pb_driver *d)
{
    int64_t now = pb__driver_now(d);
    if (!pb_session_is_closed(d->session)) {
        mind_stalled(d, now);
    }
    if (!pb_session_is_closed(d->session)) {
        mind_idle(d, now);
    }
    if (!pb_session_is_closed(d->session) && pings(d) &&
        now >= later(d->heard, d->policy->ping_interval)) {
        ping(d);
    }
}

bool pb__driver_has_finished(const struct pb_driver *d)
{
    return d->finish_by != INT64_MAX &&
           (pb__driver_now(d) >= d->finish_by || !is_busy(d));
}

int64_t pb__driver_mind_at(const struct pb_driver *d)
{
    int64_t at = d->finish_by, then;
    if (d->policy->idle_timeout > 0 &&
        (then = later(d->heard, d->policy->idle_timeout)) < at) {
        at = then;
    }
    if (d->policy->write_timeout > 0 && d->blocked &&
        (then = later(d->moved, d->policy->write_timeout)) < at) {
        at = then;
    }
    if (pings(d) && (then = later(d->heard, d->policy->ping_interval)) < at) {
        at = then;
    }
    return at;
}

void pb_driver_close(pb_driver *d)
{
    pb_session_close(d->session);
}

void pb_driver_finish(pb_driver *d, int64_t patience)
{
    if (!pb_session_is_closed(d->session)) {
        int64_t by = later(pb__driver_now(d), patience < 0 ? INT64_MAX : patience);
        d->finish_by = by < INT64_MAX ? by : INT64_MAX - 1;
        d->hooks->wake(d->loop);
    }
}
