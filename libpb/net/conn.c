/* SPDX-License-Identifier: MIT
 *
 * Connections. Output is collected and leaves in one write: after all of a chunk of input
 * has been handled, or else before the loop waits. */
#include "libpb/net/conn.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/session.h"
#include "libpb/net/socket.h"

enum {
    CHUNK = 64 << 10,       /* bytes that are read at once; */
    NESTED_CHUNK = 4 << 10, /* the same for a nested read, which shares the stack */
    TURN = 1 << 20, /* bytes that are written before other connections have their turn */
    LINGER = 5000,  /* milliseconds for the peer to take the remaining output */
};

void pb__conn_lose(pb_conn *c, const pb_error *why)
{
    c->broken = true;
    pb_session_lost(c->session, why);
}

/* ---- The child of a fork ---- */

static bool conn_is_foreign(const pb_conn *c)
{
    return pb__loop_is_foreign(c->hub->loop);
}

static int conn_foreign_error(pb_error *err)
{
    return pb__error_set(
        err, PB_ERR_STATE, 0,
        "the connection belongs to the parent process: make another in this process");
}

/* pb__shared.usable. */
static int conn_usable(void *driver, pb_error *err)
{
    return conn_is_foreign(driver) ? conn_foreign_error(err) : 0;
}

/* Ends the connection in a child process, without reading or writing. */
static void conn_disown(pb_conn *c)
{
    pb_error why = {0};
    conn_foreign_error(&why);
    pb__conn_lose(c, &why);
}

/* ---- Reading ---- */

/* The socket has reached its end (0) or failed. */
static void conn_on_lost(pb_conn *c, int negative_errno)
{
    pb_error why = {0};
    if (negative_errno) {
        pb__error_set(&why, PB_ERR_LOST, 0, "connection lost: %s",
                      pb__socket_text(negative_errno));
    } else if (c->tls && !pb__tls_has_ended(c->tls)) {
        pb__error_set(&why, PB_ERR_LOST, 0,
                      "the peer closed the connection without ending TLS");
    }
    pb__conn_lose(c, why.code ? &why : NULL);
}

/* Passes n bytes in chunk to TLS, and the plain text to the session; the chunk is used
 * for the plain text, too. */
static void conn_read_tls(pb_conn *c, uint8_t *chunk, size_t size, size_t n)
{
    pb_error err = {0};
    int got = pb__tls_recv(c->tls, (pb_span){chunk, n}, &err);
    while (got >= 0 && (got = pb__tls_read(c->tls, chunk, size, &err)) > 0) {
        pb_session_recv(c->session, (pb_span){chunk, (size_t)got}, pb__conn_now(c));
    }
    if (got < 0) {
        pb__conn_lose(c, &err);
    } else if (pb__tls_has_ended(c->tls)) {
        conn_on_lost(c, 0);
    }
}

/* Reads one chunk. Returns the number of bytes, or -errno. A closed session ignores
 * them. */
static ssize_t conn_read_into(pb_conn *c, uint8_t *chunk, size_t size)
{
    if (conn_is_foreign(c)) {
        conn_disown(c);
        return -EAGAIN;
    }
    ssize_t n = pb__socket_recv(c->fd, chunk, size);
    if (n > 0 && c->tls) {
        conn_read_tls(c, chunk, size, (size_t)n);
    } else if (n > 0) {
        pb_session_recv(c->session, (pb_span){chunk, (size_t)n}, pb__conn_now(c));
    } else if (n != -EAGAIN) {
        conn_on_lost(c, (int)n);
    }
    if (n > 0) {
        pb__loop_update(c->hub->loop);
        /* The time for handling it does not count as silence. */
        c->last_read = pb__conn_now(c);
    }
    return n;
}

__attribute__((__noinline__)) static ssize_t read_large(pb_conn *c)
{
    uint8_t chunk[CHUNK];
    return conn_read_into(c, chunk, sizeof chunk);
}

static ssize_t conn_read_chunk(pb_conn *c)
{
    uint8_t chunk[NESTED_CHUNK];
    return c->depth > 1 ? conn_read_into(c, chunk, sizeof chunk) : read_large(c);
}

/* The socket has failed. Reads what it still has, as the peer may have answered before.
 * negative_errno is the reason, if reading does not give one. */
static void conn_read_rest(pb_conn *c, int negative_errno)
{
    while (!c->broken && conn_read_chunk(c) > 0) {
    }
    if (!c->broken) {
        conn_on_lost(c, negative_errno);
    }
}

/* Reads what the socket has while a deadline has passed: the program may not have run the
 * loop for a while, and what arrived before is not late. */
static void conn_read_before_deadline(pb_conn *c)
{
    for (size_t read = 0;
         read < TURN && !c->broken && pb_session_want_recv(c->session) &&
         pb__deadline_has_passed(c->session, pb__conn_now(c)) && conn_read_chunk(c) > 0;
         read += CHUNK) {
    }
}

/* ---- Writing ---- */

/* Writes to the socket. Returns the number of bytes, or -errno of a failed socket. */
static ssize_t conn_write_some(pb_conn *c, pb_span out)
{
    if (conn_is_foreign(c)) {
        c->broken = true;
        return 0;
    }
    ssize_t n = pb__socket_send(c->fd, out.data, out.len);
    c->blocked = n == -EAGAIN || (n >= 0 && (size_t)n < out.len);
    return n == -EAGAIN ? 0 : n;
}

static ssize_t conn_write_session(pb_conn *c)
{
    pb_span out = pb_session_send(c->session);
    ssize_t n = out.len ? conn_write_some(c, out) : 0;
    if (n > 0) {
        pb_session_sent(c->session, (size_t)n, pb__conn_now(c));
    }
    return n;
}

/* Passes output of the session to TLS. */
static void conn_fill_tls(pb_conn *c)
{
    pb_error err = {0};
    pb_span out = pb_session_send(c->session);
    int n = out.len ? pb__tls_write(c->tls, out, &err) : 0;
    if (n > 0) {
        pb_session_sent(c->session, (size_t)n, pb__conn_now(c));
    } else if (n < 0) {
        pb__conn_lose(c, &err);
    }
}

static ssize_t conn_write_tls(pb_conn *c)
{
    if (pb__tls_send(c->tls).len == 0 && pb__tls_is_ready(c->tls)) {
        conn_fill_tls(c);
    }
    pb_span out = pb__tls_send(c->tls);
    ssize_t n = out.len && !c->broken ? conn_write_some(c, out) : 0;
    if (n > 0) {
        pb__tls_sent(c->tls, (size_t)n);
    }
    return n;
}

/* Writes all output, as far as the socket takes it, but at most TURN bytes. 0, or -errno
 * of a failed socket. */
static int conn_write_out(pb_conn *c)
{
    size_t written = 0;
    ssize_t n;
    bool was_blocked = c->blocked;
    c->blocked = false;
    do {
        n = c->tls                             ? conn_write_tls(c)
            : pb_session_want_send(c->session) ? conn_write_session(c)
                                               : 0;
        written += n > 0 ? (size_t)n : 0;
        c->blocked = c->blocked || written >= TURN;
    } while (n > 0 && !c->blocked && !c->broken);
    if (written > 0 || !was_blocked) {
        pb__conn_note_write(c);
    }
    return n < 0 ? (int)n : 0;
}

/* ---- Keeping the loop up to date with the session ---- */

void pb__conn_wake(pb_conn *c)
{
    c->woken = true;
    pb__timer_set_soon(c->hub->loop, &c->timer);
}

static void conn_on_wake(pb_session *s, void *driver)
{
    pb_conn *c = driver;
    if (c->state == PB__CONN_ENDED) {
        return;
    }
    if (!conn_is_foreign(c)) {
        c->depth++;
        if (c->hub->policy->direct && c->state == PB__CONN_UP &&
            !pb_session_is_closed(s)) {
            /* The caller may be anywhere, so an error is left for the loop to find. */
            (void)conn_write_out(c);
        }
        c->depth--;
        pb__conn_wake(c);
    }
    if (c->hub->woken) {
        c->hub->woken(c);
    }
}

/* pb__shared.nested. */
static void conn_on_nested(void *driver)
{
    pb_conn *c = driver;
    if (!c->woken && c->state != PB__CONN_ENDED && !conn_is_foreign(c)) {
        pb__conn_wake(c);
    }
}

static int64_t conn_session_now(void *driver)
{
    const pb_conn *c = driver;
    pb__loop_update(c->hub->loop);
    return pb__conn_now(c);
}

static int conn_set_mask(pb_conn *c, bool has_pages)
{
    bool closed = pb_session_is_closed(c->session);
    bool read =
        closed || (pb_session_want_recv(c->session) && !pb__conn_reads_no_more(c));
    bool write = c->blocked || has_pages;
    int mask = (read ? PB_WATCH_READ : 0) | (write ? PB_WATCH_WRITE : 0);
    if (mask == c->mask) {
        return 0;
    }
    c->mask = (uint8_t)mask;
    return pb__watch_set(c->hub->loop, &c->watch, mask);
}

/* A timer that expires too early does no harm, so it is only set for an earlier time. */
void pb__conn_set_timer(pb_conn *c, int64_t at)
{
    if (!c->woken && (at == INT64_MAX || at < c->timer.due)) {
        pb__timer_set(c->hub->loop, &c->timer, at);
    }
}

/* The time of the next update. */
static int64_t conn_due(const pb_conn *c, bool has_pages)
{
    if (pb_session_is_closed(c->session)) {
        return c->close_by;
    }
    int64_t deadline = pb_session_deadline(c->session), mind = pb__conn_next_timeout(c);
    return deadline < mind && (!has_pages || c->blocked) ? deadline : mind;
}

/* The session is over. Returns whether the socket is still needed. If the program has
 * closed the session, the peer gets the remaining output. Until the peer closes its side,
 * its input is read and dropped: if a socket is closed with unread input, the system
 * drops the output, too. */
static bool conn_lingers(pb_conn *c, bool unsent)
{
    int64_t now = pb__conn_now(c);
    if (conn_is_foreign(c)) {
        return false;
    }
    if (c->close_by == INT64_MAX) {
        if (!unsent || pb_session_error(c->session)->code != PB_OK) {
            return false;
        }
        c->close_by = now + LINGER;
        if (c->drain_by != INT64_MAX && c->drain_by > c->close_by) {
            c->close_by = c->drain_by;
        }
    }
    if (c->tls && !c->blocked && !pb_session_want_send(c->session)) {
        pb__tls_finish(c->tls);
        (void)conn_write_out(c);
    }
    if (!c->blocked) {
        shutdown(c->fd, SHUT_WR);
    }
    return now < c->close_by;
}

/* Runs timers and writes. Returns whether the socket is still needed. */
static bool conn_run(pb_conn *c)
{
    pb_session *s = c->session;
    if (conn_is_foreign(c)) {
        conn_disown(c);
        return false;
    }
    if (pb_session_deadline(s) <= pb__conn_now(c)) {
        conn_read_before_deadline(c);
        pb_session_tick(s, pb__conn_now(c));
        pb__loop_update(c->hub->loop);
    }
    pb__conn_check_timeouts(c);
    /* If reading has stopped, the peer may not have read all of our output either. */
    bool unsent = pb_session_want_send(s) || c->drain_by != INT64_MAX;
    int e = c->broken ? 0 : conn_write_out(c);
    if (e) {
        conn_read_rest(c, e);
    }
    if (!pb_session_is_closed(s) && pb__conn_is_drained(c)) {
        pb_session_close(s);
    }
    return !c->broken && (!pb_session_is_closed(s) || conn_lingers(c, unsent));
}

/* Sends the last bytes of TLS (the close alert, or an error alert), as far as the socket
 * takes them. If output remains unsent, TLS is not closed properly. */
static void conn_end_tls(pb_conn *c)
{
    if (!pb_session_want_send(c->session)) {
        pb__tls_finish(c->tls);
    }
    pb_span last = pb__tls_send(c->tls);
    if (last.len && !conn_is_foreign(c)) {
        (void)pb__socket_send(c->fd, last.data, last.len);
    }
    pb__tls_free(c->tls);
    c->tls = NULL;
}

/* The session is over, and nothing more can be sent. */
static void conn_end(pb_conn *c)
{
    const struct pb__hub *h = c->hub;
    c->state = PB__CONN_ENDED;
    pb__timer_stop(h->loop, &c->timer);
    if (c->tls) {
        conn_end_tls(c);
    }
    if (c->fd >= 0) {
        pb__watch_free(h->loop, &c->watch);
        close(c->fd);
        c->fd = -1;
    }
    h->gone(c);
}

/* Sets the watch and the timer for an open session. */
static void conn_set_watch(pb_conn *c)
{
    /* Asked once, as the deadline of a page may pass between the two uses. */
    bool has_pages = pb__conn_has_pages(c);
    int e = conn_set_mask(c, has_pages);
    if (e) {
        conn_on_lost(c, e);
    } else {
        pb__conn_set_timer(c, conn_due(c, has_pages));
    }
}

/* A callback may run the loop, and the loop may update c: then c ends only when the
 * outermost update returns. */
void pb__conn_update(pb_conn *c)
{
    assert(c->state != PB__CONN_ENDED);
    c->depth++;
    if (c->woken) {
        c->woken = false;
        pb__timer_stop(c->hub->loop, &c->timer);
    }
    bool away = c->state == PB__CONN_CONNECTING;
    if (away && conn_is_foreign(c)) {
        conn_disown(c);
    } else if (away && !pb_session_is_closed(c->session)) {
        c->hub->dial(c);
    }
    bool over = away ? pb_session_is_closed(c->session) : !conn_run(c);
    if (!over && !away) {
        conn_set_watch(c);
        over = c->broken;
    }
    c->depth--;
    if (over && c->depth == 0) {
        conn_end(c);
    } else if (!over && !away && c->hub->updated) {
        c->hub->updated(c);
    }
}

static void conn_on_ready(pb_watch *w, int events)
{
    pb_conn *c = PB__LIST_ENTRY(w, pb_conn, watch);
    pb__loop_enter(c->hub->loop);
    c->depth++;
    if (events & PB_WATCH_FAILED) {
        c->mask = 0; /* the loop stopped watching without a reason: reading gives it */
        conn_read_rest(c, -EIO);
    } else if (events & PB_WATCH_READ) {
        conn_read_chunk(c);
    }
    c->depth--;
    pb__conn_update(c);
}

static void conn_on_timer(struct pb__timer *t)
{
    pb__conn_update(PB__LIST_ENTRY(t, pb_conn, timer));
}

/* ---- Creating a connection ---- */

/* pb_session_config.peer. */
static const pb_peer *conn_peer(pb_session *s, void *driver)
{
    (void)s;
    pb_conn *c = driver;
    if (!c->peer && c->at.is.any.sa_family != AF_UNSPEC) {
        c->peer = pb__malloc(sizeof *c->peer);
        if (c->peer) {
            pb__peer_init(c->peer, &c->at, c->fd);
        }
    }
    if (!c->peer) {
        return NULL;
    }
    pb__peer_add_tls(c->peer, c->tls);
    return &c->peer->shown;
}

struct pb__shared *pb__conn_share(const pb_session_config *config)
{
    pb_session_config own = *config;
    own.on_wake = conn_on_wake;
    own.now = conn_session_now;
    own.peer = conn_peer;
    pb__debug_config(&own);
    struct pb__shared *shared = pb__shared_new(&own);
    if (shared) {
        shared->usable = conn_usable;
        shared->nested = conn_on_nested;
    }
    return shared;
}

int pb__conn_init(pb_conn *c, const struct pb__hub *h, struct pb__shared *shared,
                  bool is_client, const struct pb__accepted *from)
{
    *c = (pb_conn){.hub = h, .close_by = INT64_MAX, .drain_by = INT64_MAX, .fd = -1};
    if (from) { /* root_object may ask the session for its peer */
        c->at = from->at;
        c->fd = from->fd;
    }
    pb__list_init(&c->link);
    pb__timer_init(&c->timer, conn_on_timer);
    c->session = pb__session_new(shared, c, pb__conn_now(c), is_client);
    if (!c->session) {
        pb__conn_fini(c);
        return PB_ERR_NOMEM;
    }
    pb__session_await(c->session); /* until there is a socket */
    return 0;
}

void pb__conn_fini(pb_conn *c)
{
    pb_session_free(c->session);
    if (c->peer) {
        pb__peer_fini(c->peer);
        pb__free(c->peer);
    }
}

int pb__conn_up(pb_conn *c, int fd, struct pb__tls *tls)
{
    int e = pb__watch_new(c->hub->loop, &c->watch, fd, conn_on_ready);
    if (e) {
        pb__tls_free(tls);
        close(fd);
        return e;
    }
    if (c->at.is.any.sa_family == AF_UNSPEC) {
        c->at = pb__socket_peer(fd);
    }
    c->state = PB__CONN_UP;
    c->fd = fd;
    c->tls = tls;
    c->last_read = pb__conn_now(c);
    pb__session_connected(c->session, c->last_read);
    return 0;
}

/* ---- Public functions ---- */

pb_session *pb_conn_session(const pb_conn *c)
{
    return c ? c->session : NULL;
}

pb_remote *pb_conn_root(pb_conn *c)
{
    return c ? pb_session_root(c->session) : NULL;
}

bool pb__conn_disown(pb_conn *c)
{
    if (!conn_is_foreign(c)) {
        return false;
    }
    c->depth++;
    conn_disown(c);
    c->depth--;
    if (c->depth == 0 && c->session->depth == 0) {
        conn_end(c);
    }
    return true;
}

void pb_conn_close(pb_conn *c)
{
    if (c && !pb__conn_disown(c)) {
        pb_session_close(c->session);
    }
}
