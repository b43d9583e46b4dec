/* SPDX-License-Identifier: MIT
 *
 * A session over a socket. Output is gathered: while a chunk of input is worked on until
 * all of it was, else until the loop is about to wait; then it leaves in one write. */
#include "libpb/net/conn.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/socket.h"

enum {
    LINGER = 5000, /* milliseconds in which a peer must take what is left for it */
};

struct pb__conn_timer {
    uv_timer_t uv;
    pb_conn *conn; /* NULL: it is closing */
    int64_t due;   /* by the loop's time; INT64_MAX: it does not run */
};

/* ---- The hub ---- */

static void on_prepare(uv_prepare_t *prepare)
{
    struct pb__hub *h = prepare->data;
    while (!pb__list_empty(&h->unsettled)) {
        pb__conn_settle(PB__LIST_ENTRY(h->unsettled.next, pb_conn, unsettled));
    }
    uv_prepare_stop(prepare);
}

void pb__hub_init(struct pb__hub *h, uv_loop_t *loop, uint8_t *chunk)
{
    *h = (struct pb__hub){.loop = loop, .chunk = chunk};
    pb__list_init(&h->unsettled);
    uv_prepare_init(loop, &h->prepare);
    h->prepare.data = h;
}

/* ---- Time ---- */

static int64_t loop_now(const pb_conn *c)
{
    return (int64_t)uv_now(c->hub->loop);
}

static int64_t session_now(const pb_conn *c)
{
    return loop_now(c) - c->epoch;
}

static void timer_closed(uv_handle_t *h)
{
    pb__free(h->data);
}

static void drop_timer(pb_conn *c)
{
    if (c->timer) {
        c->timer->conn = NULL;
        uv_close((uv_handle_t *)&c->timer->uv, timer_closed);
        c->timer = NULL;
    }
}

static void on_timer(uv_timer_t *uv)
{
    struct pb__conn_timer *t = uv->data;
    t->due = INT64_MAX;
    pb__conn_settle(t->conn);
}

/* Whether the session has more to do as soon as the socket takes more: it is paging. The
 * loop then comes back by way of the socket, so that other connections have their turn. */
static bool goes_on(const pb_conn *c)
{
    return c->state == PB__CONN_UP && !pb_session_is_closed(c->session) &&
           pb_session_deadline(c->session) <= session_now(c);
}

/* When c is to be settled for the sake of time alone. */
static int64_t due_of(const pb_conn *c)
{
    if (c->state == PB__CONN_DIALLING || pb_session_is_closed(c->session)) {
        return c->settle_by;
    }
    int64_t deadline = pb_session_deadline(c->session);
    return deadline == INT64_MAX || goes_on(c) ? INT64_MAX : deadline + c->epoch;
}

/* A timer that runs too early does no harm, so it is set only for what is earlier. */
static int set_timer(pb_conn *c)
{
    int64_t due = due_of(c), now = loop_now(c);
    if (due == INT64_MAX) {
        drop_timer(c);
        return 0;
    }
    if (!c->timer) {
        struct pb__conn_timer *t = pb__malloc(sizeof *t);
        if (!t) {
            return PB_ERR_NOMEM;
        }
        *t = (struct pb__conn_timer){.conn = c, .due = INT64_MAX};
        uv_timer_init(c->hub->loop, &t->uv);
        t->uv.data = t;
        c->timer = t;
    }
    if (due < c->timer->due) {
        c->timer->due = due;
        uv_timer_start(&c->timer->uv, on_timer, due > now ? (uint64_t)(due - now) : 0, 0);
    }
    return 0;
}

/* ---- Reading and writing ---- */

/* The socket is of no use any more: by its end (0) or an error. */
static void lost(pb_conn *c, int negative_errno)
{
    pb_error why = {0};
    if (negative_errno) {
        pb__error_set(&why, PB_ERR_LOST, 0, "connection lost: %s",
                      uv_strerror(negative_errno));
    }
    c->broken = true;
    pb_session_lost(c->session, negative_errno ? &why : NULL);
}

/* TLS has failed. What it has to say of that is sent if the socket takes it. */
static void lost_tls(pb_conn *c, const pb_error *why)
{
    pb_span alert = pb__tls_send(c->tls);
    if (alert.len) {
        (void)pb__socket_send(c->fd, alert.data, alert.len);
    }
    c->broken = true;
    pb_session_lost(c->session, why);
}

/* Gives the session what TLS has made of n bytes in the hub's chunk. */
static void hear_tls(pb_conn *c, size_t n)
{
    pb_error err = {0};
    bool ended = false;
    int failed = pb__tls_recv(c->tls, (pb_span){c->hub->chunk, n}, &err);
    while (!failed && !ended) {
        int got = pb__tls_read(c->tls, c->hub->chunk, PB__CHUNK, &ended, &err);
        if (got <= 0) {
            failed = got;
            break;
        }
        pb_session_recv(c->session, (pb_span){c->hub->chunk, (size_t)got},
                        session_now(c));
    }
    if (failed) {
        lost_tls(c, &err);
    } else if (ended) {
        lost(c, 0);
    }
}

/* Reads one chunk: how many bytes there were, or -errno. A session that is over takes no
 * notice of it. */
static ssize_t read_chunk(pb_conn *c)
{
    ssize_t n = pb__socket_recv(c->fd, c->hub->chunk, PB__CHUNK);
    if (n > 0 && c->tls) {
        hear_tls(c, (size_t)n);
    } else if (n > 0) {
        pb_session_recv(c->session, (pb_span){c->hub->chunk, (size_t)n}, session_now(c));
    } else if (n != -EAGAIN) {
        lost(c, (int)n);
    }
    return n;
}

/* The socket has failed: what it still holds is read, for the peer may have answered
 * before it went. negative_errno is why, in case that reading does not tell. */
static void read_rest(pb_conn *c, int negative_errno)
{
    while (!c->broken && read_chunk(c) > 0) {
    }
    if (!c->broken) {
        lost(c, negative_errno);
    }
}

/* Writes to the socket: how much it took, or the -errno of one that has failed. */
static ssize_t write_some(pb_conn *c, pb_span out)
{
    ssize_t n = pb__socket_send(c->fd, out.data, out.len);
    c->blocked = n == -EAGAIN || (n >= 0 && (size_t)n < out.len);
    return n == -EAGAIN ? 0 : n;
}

static bool can_take(const pb_conn *c)
{
    return pb_session_want_send(c->session) && (!c->tls || pb__tls_is_ready(c->tls));
}

/* Has TLS take what the session has; false where nothing comes of it. */
static bool write_tls(pb_conn *c)
{
    pb_error err = {0};
    pb_span out = pb_session_send(c->session);
    int n = out.len ? pb__tls_write(c->tls, out, &err) : 0;
    if (n > 0) {
        pb_session_sent(c->session, (size_t)n, session_now(c));
    } else if (n < 0) {
        lost_tls(c, &err);
    }
    return n > 0;
}

/* Writes what there is: 0, or the -errno of a socket that has failed. */
static int write_out(pb_conn *c)
{
    ssize_t n = 0;
    c->blocked = false;
    while (n >= 0 && !c->blocked && !c->broken) {
        pb_span out = c->tls ? pb__tls_send(c->tls) : (pb_span){0};
        if (out.len) {
            n = write_some(c, out);
            pb__tls_sent(c->tls, n > 0 ? (size_t)n : 0);
        } else if (!can_take(c)) {
            break;
        } else if (c->tls) {
            if (!write_tls(c)) {
                break;
            }
        } else {
            out = pb_session_send(c->session);
            if (out.len == 0) {
                break; /* there was no memory to write it */
            }
            n = write_some(c, out);
            if (n > 0) {
                pb_session_sent(c->session, (size_t)n, session_now(c));
            }
        }
    }
    return n < 0 ? (int)n : 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    pb_conn *c = poll->data;
    if (status < 0) {
        c->mask = 0; /* libuv has stopped it, and does not say why: reading does */
        read_rest(c, -EIO);
    } else if (events & UV_READABLE) {
        read_chunk(c);
    }
    pb__conn_settle(c);
}

static int set_mask(pb_conn *c)
{
    bool read = pb_session_is_closed(c->session) || pb_session_want_recv(c->session);
    bool write = c->blocked || goes_on(c);
    int mask = (read ? UV_READABLE : 0) | (write ? UV_WRITABLE : 0);
    if (mask == c->mask) {
        return 0;
    }
    c->mask = mask;
    return mask ? uv_poll_start(&c->poll, mask, on_poll) : uv_poll_stop(&c->poll);
}

/* ---- Beginning, going on and ending ---- */

static void on_wake(pb_session *s, void *driver)
{
    pb_conn *c = driver;
    if (c->state == PB__CONN_ENDED) {
        return;
    }
    if (c->hub->direct && c->state == PB__CONN_UP && !pb_session_is_closed(s)) {
        /* The caller may be anywhere, so what goes wrong is left for the loop to find. */
        (void)write_out(c);
    }
    pb__conn_unsettle(c);
}

struct pb__shared *pb__conn_share(const pb_session_config *config)
{
    pb_session_config own = *config;
    own.on_wake = on_wake;
    return pb__shared_new(&own);
}

int pb__conn_init(pb_conn *c, struct pb__hub *h, struct pb__shared *shared,
                  bool is_client)
{
    *c =
        (pb_conn){.hub = h, .settle_by = INT64_MAX, .fd = -1, .state = PB__CONN_DIALLING};
    pb__list_init(&c->link);
    pb__list_init(&c->unsettled);
    c->session = pb__session_new(shared, c, 0, is_client);
    return c->session ? 0 : PB_ERR_NOMEM;
}

int pb__conn_watch(pb_conn *c, int fd, int mask, uv_poll_cb cb)
{
    int e = uv_poll_init_socket(c->hub->loop, &c->poll, fd);
    if (e) {
        close(fd);
        return e;
    }
    c->fd = fd;
    c->poll.data = c;
    return mask ? uv_poll_start(&c->poll, mask, cb) : 0;
}

struct pb__tls_options pb__conn_tls(const struct pb__endpoint *e, const pb_net_config *c)
{
    struct pb__tls_options o = e->tls;
    o.insecure = c->tls_insecure;
    o.ca = o.ca ? o.ca : c->tls_ca;
    if (c->tls_certificate && !e->tls.certificate) {
        o.certificate = c->tls_certificate;
        o.key = c->tls_key;
    }
    return o;
}

void pb__conn_up(pb_conn *c, struct pb__tls *tls)
{
    c->state = PB__CONN_UP;
    c->tls = tls;
    c->epoch = loop_now(c);
    c->settle_by = INT64_MAX;
}

void pb__conn_unsettle(pb_conn *c)
{
    if (pb__list_empty(&c->unsettled)) {
        pb__list_push(&c->hub->unsettled, &c->unsettled);
        uv_prepare_start(&c->hub->prepare, on_prepare);
    }
}

static void poll_closed(uv_handle_t *h)
{
    pb_conn *c = h->data;
    c->gone(c);
}

/* The session is over, and nothing more can be sent. */
static void end(pb_conn *c)
{
    c->state = PB__CONN_ENDED;
    pb__list_remove(&c->unsettled);
    drop_timer(c);
    pb__tls_free(c->tls);
    c->tls = NULL;
    if (c->fd >= 0) {
        uv_close((uv_handle_t *)&c->poll, poll_closed);
        close(c->fd);
        c->fd = -1;
    } else {
        c->gone(c);
    }
}

/* The session is over; whether the socket is still needed. If the program has ended it,
 * the peer gets what was not sent yet. Until it has closed its side what it sends is read
 * and dropped, for closing with input unread makes the system drop the output, too. */
static bool lingers(pb_conn *c, bool unsent)
{
    if (c->settle_by == INT64_MAX) {
        if (!unsent || pb_session_error(c->session)->code != PB_OK) {
            return false;
        }
        c->settle_by = loop_now(c) + LINGER;
    }
    if (c->tls && !c->blocked && !pb_session_want_send(c->session)) {
        pb__tls_finish(c->tls);
        (void)write_out(c);
    }
    if (!c->blocked) {
        shutdown(c->fd, SHUT_WR);
    }
    return loop_now(c) < c->settle_by;
}

/* Ticks and writes; whether the socket is still needed. */
static bool go_on(pb_conn *c)
{
    pb_session *s = c->session;
    if (pb_session_deadline(s) <= session_now(c)) {
        pb_session_tick(s, session_now(c));
    }
    bool unsent = pb_session_want_send(s);
    int e = c->broken ? 0 : write_out(c);
    if (e) {
        read_rest(c, e);
    }
    return !c->broken && (!pb_session_is_closed(s) || lingers(c, unsent));
}

void pb__conn_settle(pb_conn *c)
{
    assert(c->state != PB__CONN_ENDED);
    pb__list_remove(&c->unsettled);
    if (c->state == PB__CONN_DIALLING && !pb_session_is_closed(c->session)) {
        c->dial(c);
    }
    bool over = c->state == PB__CONN_UP ? !go_on(c) : pb_session_is_closed(c->session);
    int e = 0;
    if (!over && c->state == PB__CONN_UP && (e = set_mask(c)) != 0) {
        lost(c, e);
        over = true;
    }
    if (!over && set_timer(c) != 0) {
        pb_error why = {0};
        pb__error_nomem(&why);
        pb_session_lost(c->session, &why);
        over = true;
    }
    if (over) {
        end(c);
    }
}
