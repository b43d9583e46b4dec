/* SPDX-License-Identifier: MIT
 *
 * A session over a socket. Output is gathered: while a chunk of input is worked on until
 * all of it was, else until the loop is about to wait; then it leaves in one write. */
#include "libpb/net/driver.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/socket.h"

enum {
    CHUNK = 64 << 10, /* bytes that are read at once */
    TURN = 1 << 20, /* bytes that are written before other connections have their turn */
    LINGER = 5000,  /* milliseconds in which a peer must take what is left for it */
};

static int64_t session_now(const struct pb_driver *d)
{
    return pb__driver_now(d) - d->epoch;
}

/* ---- Reading ---- */

void pb__driver_lose(struct pb_driver *d, const pb_error *why)
{
    d->broken = true;
    pb_session_lost(d->session, why);
}

/* The socket is of no use any more: by its end (0) or an error. */
static void lost(struct pb_driver *d, int negative_errno)
{
    pb_error why = {0};
    if (negative_errno) {
        pb__error_set(&why, PB_ERR_LOST, 0, "connection lost: %s",
                      pb__socket_text(negative_errno));
    } else if (d->tls && !pb__tls_has_ended(d->tls)) {
        pb__error_set(&why, PB_ERR_LOST, 0,
                      "the peer closed the connection without ending TLS");
    }
    pb__driver_lose(d, why.code ? &why : NULL);
}

/* Gives the session what TLS makes of n bytes in chunk, by way of chunk. */
static void hear_tls(struct pb_driver *d, uint8_t *chunk, size_t n)
{
    pb_error err = {0};
    int got = pb__tls_recv(d->tls, (pb_span){chunk, n}, &err);
    while (got >= 0 && (got = pb__tls_read(d->tls, chunk, CHUNK, &err)) > 0) {
        pb_session_recv(d->session, (pb_span){chunk, (size_t)got}, session_now(d));
    }
    if (got < 0) {
        pb__driver_lose(d, &err);
    } else if (pb__tls_has_ended(d->tls)) {
        lost(d, 0);
    }
}

/* Reads one chunk: how many bytes there were, or -errno. A session that is over takes no
 * notice of it. */
static ssize_t read_chunk(struct pb_driver *d)
{
    uint8_t chunk[CHUNK];
    ssize_t n = pb__socket_recv(d->fd, chunk, sizeof chunk);
    if (n > 0) {
        d->heard = pb__driver_now(d);
    }
    if (n > 0 && d->tls) {
        hear_tls(d, chunk, (size_t)n);
    } else if (n > 0) {
        pb_session_recv(d->session, (pb_span){chunk, (size_t)n}, session_now(d));
    } else if (n != -EAGAIN) {
        lost(d, (int)n);
    }
    return n;
}

/* The socket has failed: what it still holds is read, for the peer may have answered
 * before it went. negative_errno is why, in case that reading does not tell. */
static void read_rest(struct pb_driver *d, int negative_errno)
{
    while (!d->broken && read_chunk(d) > 0) {
    }
    if (!d->broken) {
        lost(d, negative_errno);
    }
}

/* ---- Writing ---- */

/* Writes to the socket: how much it took, or the -errno of one that has failed. */
static ssize_t write_some(struct pb_driver *d, pb_span out)
{
    ssize_t n = pb__socket_send(d->fd, out.data, out.len);
    d->blocked = n == -EAGAIN || (n >= 0 && (size_t)n < out.len);
    return n == -EAGAIN ? 0 : n;
}

static ssize_t write_session(struct pb_driver *d)
{
    pb_span out = pb_session_send(d->session);
    ssize_t n = out.len ? write_some(d, out) : 0;
    if (n > 0) {
        pb_session_sent(d->session, (size_t)n, session_now(d));
    }
    return n;
}

/* Has TLS take what the session has. */
static void fill_tls(struct pb_driver *d)
{
    pb_error err = {0};
    pb_span out = pb_session_send(d->session);
    int n = out.len ? pb__tls_write(d->tls, out, &err) : 0;
    if (n > 0) {
        pb_session_sent(d->session, (size_t)n, session_now(d));
    } else if (n < 0) {
        pb__driver_lose(d, &err);
    }
}

static ssize_t write_tls(struct pb_driver *d)
{
    if (pb__tls_send(d->tls).len == 0 && pb__tls_is_ready(d->tls)) {
        fill_tls(d);
    }
    pb_span out = pb__tls_send(d->tls);
    ssize_t n = out.len && !d->broken ? write_some(d, out) : 0;
    if (n > 0) {
        pb__tls_sent(d->tls, (size_t)n);
    }
    return n;
}

/* Writes what there is, but not for ever, as far as the socket takes it: 0, or the -errno
 * of a socket that has failed. */
static int write_out(struct pb_driver *d)
{
    size_t written = 0;
    ssize_t n;
    bool was_blocked = d->blocked;
    d->blocked = false;
    do {
        n = d->tls                             ? write_tls(d)
            : pb_session_want_send(d->session) ? write_session(d)
                                               : 0;
        written += n > 0 ? (size_t)n : 0;
        d->blocked = d->blocked || written >= TURN;
    } while (n > 0 && !d->blocked && !d->broken);
    if (written > 0 || !was_blocked) {
        pb__driver_moved(d);
    }
    return n < 0 ? (int)n : 0;
}

/* ---- Being in line with the session ---- */

static void on_wake(pb_session *s, void *driver)
{
    struct pb_driver *d = driver;
    if (d->state == PB__DRIVER_ENDED) {
        return;
    }
    if (d->policy->direct && d->state == PB__DRIVER_UP && !pb_session_is_closed(s)) {
        /* The caller may be anywhere, so what goes wrong is left for the loop to find. */
        (void)write_out(d);
    }
    d->hooks->wake(d->loop);
}

static int set_mask(struct pb_driver *d, bool goes_on)
{
    bool closed = pb_session_is_closed(d->session);
    bool read = closed || (pb_session_want_recv(d->session) && !pb__driver_is_deaf(d));
    bool write = d->blocked || goes_on;
    int mask = (read ? PB_DRIVER_READ : 0) | (write ? PB_DRIVER_WRITE : 0);
    if (mask == d->mask) {
        return 0;
    }
    d->mask = (uint8_t)mask;
    return d->hooks->watch(d->loop, mask);
}

/* When d is to be settled for the sake of time alone. */
static int64_t due_of(const struct pb_driver *d, bool goes_on)
{
    if (pb_session_is_closed(d->session)) {
        return d->close_by;
    }
    int64_t deadline = pb_session_deadline(d->session), mind = pb__driver_mind_at(d);
    if (deadline == INT64_MAX || (goes_on && !d->blocked)) {
        return mind;
    }
    deadline += d->epoch;
    return deadline < mind ? deadline : mind;
}

/* The session is over; whether the socket is still needed. If the program has ended it,
 * the peer gets what was not sent yet. Until it has closed its side what it sends is read
 * and dropped, for closing with input unread makes the system drop the output, too. */
static bool lingers(struct pb_driver *d, bool unsent)
{
    int64_t now = pb__driver_now(d);
    if (d->close_by == INT64_MAX) {
        if (!unsent || pb_session_error(d->session)->code != PB_OK) {
            return false;
        }
        d->close_by = now + LINGER;
        if (d->finish_by != INT64_MAX && d->finish_by > d->close_by) {
            d->close_by = d->finish_by;
        }
    }
    if (d->tls && !d->blocked && !pb_session_want_send(d->session)) {
        pb__tls_finish(d->tls);
        (void)write_out(d);
    }
    if (!d->blocked) {
        shutdown(d->fd, SHUT_WR);
    }
    return now < d->close_by;
}

/* Ticks and writes; whether the socket is still needed. */
static bool go_on(struct pb_driver *d)
{
    pb_session *s = d->session;
    if (pb_session_deadline(s) <= session_now(d)) {
        pb_session_tick(s, session_now(d));
    }
    pb__driver_mind(d);
    /* A peer that has not been heard to the end may not have heard us either. */
    bool unsent = pb_session_want_send(s) || d->finish_by != INT64_MAX;
    int e = d->broken ? 0 : write_out(d);
    if (e) {
        read_rest(d, e);
    }
    if (!pb_session_is_closed(s) && pb__driver_has_finished(d)) {
        pb_session_close(s);
    }
    return !d->broken && (!pb_session_is_closed(s) || lingers(d, unsent));
}

/* The last words of TLS, that it ends or why it failed, go as far as the socket takes them.
 * What could not be sent whole gets no good end. */
static void end_tls(struct pb_driver *d)
{
    if (!pb_session_want_send(d->session)) {
        pb__tls_finish(d->tls);
    }
    pb_span last = pb__tls_send(d->tls);
    if (last.len) {
        (void)pb__socket_send(d->fd, last.data, last.len);
    }
    pb__tls_free(d->tls);
    d->tls = NULL;
}

/* The session is over, and nothing more can be sent. */
static void end(struct pb_driver *d)
{
    int fd = d->fd;
    d->state = PB__DRIVER_ENDED;
    if (d->tls) {
        end_tls(d);
    }
    d->fd = -1;
    pb_session *owned = d->owned ? d->session : NULL;
    struct pb_driver *own = d->owned ? d : NULL;
    d->hooks->gone(d->loop);
    if (fd >= 0) {
        close(fd);
    }
    pb_session_free(owned);
    pb__free(own);
}

void pb__driver_settle(struct pb_driver *d)
{
    assert(d->state != PB__DRIVER_ENDED);
    bool over = d->state == PB__DRIVER_UP ? !go_on(d) : pb_session_is_closed(d->session);
    if (!over && d->state == PB__DRIVER_UP) {
        /* Asked once: a deadline that passes between the two is not to fall between them. */
        bool goes_on = pb__driver_goes_on(d);
        int e = set_mask(d, goes_on);
        if (e) {
            lost(d, e);
        } else if (d->hooks->set_timer(d->loop, due_of(d, goes_on)) != 0) {
            pb_error why = {0};
            pb__error_nomem(&why);
            pb__driver_lose(d, &why);
        }
        over = d->broken;
    }
    if (over) {
        end(d);
    }
}

void pb_driver_handle(pb_driver *d, int events)
{
    if (events & PB_DRIVER_FAILED) {
        d->mask = 0; /* the loop has stopped, and does not say why: reading does */
        read_rest(d, -EIO);
    } else if (events & PB_DRIVER_READ) {
        read_chunk(d);
    }
    pb__driver_settle(d);
}

void pb_driver_settle(pb_driver *d)
{
    pb__driver_settle(d);
}

/* ---- Making one ---- */

struct pb__shared *pb__driver_share(const pb_session_config *config)
{
    pb_session_config own = *config;
    own.on_wake = on_wake;
    return pb__shared_new(&own);
}

int pb__driver_init(struct pb_driver *d, struct pb__shared *shared, bool is_client,
                    const struct pb__policy *policy, const pb_driver_hooks *hooks,
                    void *loop)
{
    *d = (struct pb_driver){.hooks = hooks,
                            .loop = loop,
                            .policy = policy,
                            .close_by = INT64_MAX,
                            .finish_by = INT64_MAX,
                            .fd = -1};
    d->session = pb__session_new(shared, d, 0, is_client);
    return d->session ? 0 : PB_ERR_NOMEM;
}

void pb__driver_up(struct pb_driver *d, int fd, struct pb__tls *tls)
{
    d->state = PB__DRIVER_UP;
    d->fd = fd;
    d->tls = tls;
    d->epoch = d->heard = pb__driver_now(d);
}
