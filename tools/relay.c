/* SPDX-License-Identifier: MIT
 *
 * Relays. All that happens ends in settle, which writes what waits, passes on how sides
 * have ended, and has the loop watch for what is still to come. */
#include "tools/relay.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpb/base/buf.h"
#include "libpb/net/socket.h"
#include "tools/talk.h"

enum {
    CHUNK = 64 << 10, /* bytes that are read at once */
    LOOK_AGAIN = 10,  /* milliseconds between looks at what a system still has to send */
    LOOKS = 500,      /* that many, before a connection is reset anyway */
};

struct end {
    struct relay *relay;
    int who, fd;
    struct pb__tls *tls; /* NULL: without */
    uv_poll_t poll;
    int mask;           /* what is watched */
    struct pb__buf out; /* bytes of the other side, and how many of them went already */
    size_t sent;
    bool blocked;  /* the socket takes no more for now */
    bool ended;    /* it sends no more */
    bool broken;   /* it takes no more for ever; what it sent may still have to be read */
    bool finished; /* it was told that the other side sends no more */
};

struct relay {
    struct end ends[TALK_SIDES];
    uv_timer_t timer;
    const struct relay_hooks *hooks;
    void *ctx;
    int handles, looks;
    bool closing;
};

static struct end *other(const struct end *e)
{
    return &e->relay->ends[!e->who];
}

static size_t unsent(const struct end *e)
{
    return e->out.len - e->sent;
}

/* ---- Ends of sides ---- */

static void set_ended(struct end *e, const char *why)
{
    if (!e->ended) {
        e->ended = true;
        e->relay->hooks->end(e->who, why, e->relay->ctx);
    }
}

static void drop_output(struct end *e)
{
    e->out.len = e->sent = 0;
    e->blocked = false;
    e->broken = true;
}

static void break_off(struct end *e, const char *why)
{
    drop_output(e);
    set_ended(e, why);
}

/* ---- Writing ---- */

static void send_alert(struct end *e)
{
    pb_span alert = pb__tls_send(e->tls);
    if (alert.len) {
        (void)pb__socket_send(e->fd, alert.data, alert.len);
    }
}

static void took(struct end *e, size_t n)
{
    e->sent += n;
    if (unsent(e) == 0) {
        e->out.len = e->sent = 0;
    }
}

/* What the socket is to get next. */
static pb_span next_output(struct end *e)
{
    pb_span waits = {e->out.data + e->sent, unsent(e)};
    pb_error err = {0};
    if (!e->tls) {
        return waits;
    }
    if (waits.len && pb__tls_send(e->tls).len == 0 && pb__tls_is_ready(e->tls)) {
        int n = pb__tls_write(e->tls, waits, &err);
        if (n < 0) {
            send_alert(e);
            break_off(e, err.text);
            return (pb_span){0};
        }
        took(e, (size_t)n);
    }
    return pb__tls_send(e->tls);
}

static void flush(struct end *e)
{
    pb_span out;
    e->blocked = false;
    while (!e->broken && !e->blocked && (out = next_output(e)).len) {
        ssize_t n = pb__socket_send(e->fd, out.data, out.len);
        if (n == -EAGAIN) {
            e->blocked = true;
        } else if (n < 0) {
            drop_output(e); /* what it sent before may still be unread */
        } else if (e->tls) {
            pb__tls_sent(e->tls, (size_t)n);
        } else {
            took(e, (size_t)n);
        }
    }
}

/* Gives a side what the other one sent. */
static void pass(struct end *e, pb_span in)
{
    if (!e->broken && pb__buf_append(&e->out, in.data, in.len) != 0) {
        break_off(e, pb_strerror(PB_ERR_NOMEM));
    }
    flush(e);
    e->relay->hooks->bytes(!e->who, in, e->relay->ctx);
}

/* ---- Reading ---- */

/* Passes on what TLS makes of n bytes in chunk, by way of chunk. */
static void hear_tls(struct end *e, uint8_t *chunk, size_t n)
{
    pb_error err = {0};
    int got = pb__tls_recv(e->tls, (pb_span){chunk, n}, &err);
    while (got >= 0 && (got = pb__tls_read(e->tls, chunk, CHUNK, &err)) > 0) {
        pass(other(e), (pb_span){chunk, (size_t)got});
    }
    if (got < 0) {
        send_alert(e);
        break_off(e, err.text);
    } else if (pb__tls_has_ended(e->tls)) {
        set_ended(e, NULL);
    }
}

static void hear(struct end *e)
{
    uint8_t chunk[CHUNK];
    ssize_t n = pb__socket_recv(e->fd, chunk, sizeof chunk);
    if (n > 0 && e->tls) {
        hear_tls(e, chunk, (size_t)n);
    } else if (n > 0) {
        pass(other(e), (pb_span){chunk, (size_t)n});
    } else if (n == 0 && e->tls) {
        break_off(e, "the connection was closed without ending TLS");
    } else if (n == 0) {
        set_ended(e, NULL);
    } else if (n != -EAGAIN) {
        break_off(e, pb__socket_text((int)n));
    }
}

/* ---- Being in line ---- */

static void settle(struct relay *r);

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct end *e = poll->data;
    if (status < 0) {
        e->mask = 0; /* the loop has stopped, and does not say why: reading does */
    }
    if ((status < 0 || (events & UV_READABLE)) && !e->ended) {
        hear(e);
    }
    settle(e->relay);
}

static void on_look(uv_timer_t *timer)
{
    settle(timer->data);
}

static void watch(struct end *e)
{
    bool read = !e->ended && unsent(other(e)) == 0;
    int mask = (read ? UV_READABLE : 0) | (e->blocked ? UV_WRITABLE : 0);
    if (mask == e->mask) {
        return;
    }
    e->mask = mask;
    int failed = mask ? uv_poll_start(&e->poll, mask, on_poll) : uv_poll_stop(&e->poll);
    if (failed) {
        break_off(e, uv_strerror(failed));
        uv_timer_start(&e->relay->timer, on_look, 0, 0);
    }
}

/* The other side sends no more, and all that it sent was taken. */
static void finish(struct end *e)
{
    if (e->tls) {
        pb__tls_finish(e->tls);
        flush(e);
    }
    if (!e->blocked) {
        shutdown(e->fd, SHUT_WR);
        e->finished = true;
    }
}

/* A reset drops what the system has not delivered yet, so that goes first. */
static bool is_delivered(struct end *e)
{
    int left;
    struct relay *r = e->relay;
    if (e->broken || r->looks >= LOOKS || ioctl(e->fd, SIOCOUTQ, &left) != 0 || !left) {
        return true;
    }
    if (!uv_is_active((uv_handle_t *)&r->timer)) {
        r->looks++;
        uv_timer_start(&r->timer, on_look, LOOK_AGAIN, 0);
    }
    return false;
}

/* Whether a side that broke has nothing left that the other is to get. */
static bool is_lost(struct end *e)
{
    return e->broken && e->ended && unsent(other(e)) == 0 && is_delivered(other(e));
}

static void settle(struct relay *r)
{
    bool over = true;
    for (int i = 0; i < TALK_SIDES; i++) {
        flush(&r->ends[i]);
    }
    for (int i = 0; i < TALK_SIDES; i++) {
        struct end *e = &r->ends[i], *from = other(e);
        if (is_lost(e)) {
            relay_close(r);
            return;
        }
        if (from->ended && !from->broken && unsent(e) == 0 && !e->finished) {
            finish(e);
        }
        over = over && e->ended && (e->finished || e->broken);
    }
    if (over) {
        relay_close(r);
        return;
    }
    for (int i = 0; i < TALK_SIDES; i++) {
        watch(&r->ends[i]);
    }
}

/* ---- The whole ---- */

static void end_fini(struct end *e)
{
    close(e->fd);
    pb__tls_free(e->tls);
    pb__buf_fini(&e->out);
}

static void release(struct relay *r)
{
    if (--r->handles == 0) {
        pb__free(r);
    }
}

static void on_poll_closed(uv_handle_t *h)
{
    release(((struct end *)h->data)->relay);
}

static void on_timer_closed(uv_handle_t *h)
{
    release(h->data);
}

void relay_reset(int fd)
{
    struct linger now = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

void relay_close(struct relay *r)
{
    if (r->closing) {
        return;
    }
    r->closing = true;
    for (int i = 0; i < TALK_SIDES; i++) {
        struct end *e = &r->ends[i];
        if (!e->ended || !e->finished) {
            relay_reset(e->fd);
        }
        uv_close((uv_handle_t *)&e->poll, on_poll_closed);
        end_fini(e);
    }
    uv_close((uv_handle_t *)&r->timer, on_timer_closed);
    r->hooks->over(r->ctx);
}

struct relay *relay_new(uv_loop_t *loop, const int *fds, struct pb__tls **tls,
                        const struct relay_hooks *hooks, void *ctx)
{
    struct relay *r = pb__calloc(1, sizeof *r);
    int i = 0;
    for (; r && i < TALK_SIDES; i++) {
        struct end *e = &r->ends[i];
        *e = (struct end){.relay = r, .who = i, .fd = fds[i], .tls = tls[i]};
        if (uv_poll_init_socket(loop, &e->poll, e->fd) != 0) {
            break;
        }
        e->poll.data = e;
        r->handles++;
    }
    if (!r || i < TALK_SIDES) {
        for (int k = 0; k < TALK_SIDES; k++) {
            close(fds[k]);
            pb__tls_free(tls[k]);
        }
        if (i == TALK_SIDES - 1) {
            uv_close((uv_handle_t *)&r->ends[0].poll, on_poll_closed);
        } else {
            pb__free(r);
        }
        return NULL;
    }
    uv_timer_init(loop, &r->timer);
    r->timer.data = r;
    r->handles++;
    r->hooks = hooks;
    r->ctx = ctx;
    settle(r);
    return r;
}
