/* SPDX-License-Identifier: MIT
 *
 * Relays. All that happens ends in settle, which writes what waits, passes on how sides
 * have ended, and has the loop watch for what is still to come. */
#include "tools/record/relay.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpb/net/socket.h"
#include "tools/common/socket_writer.h"
#include "tools/common/conversation.h"

enum {
    CHUNK = 64 << 10, /* bytes that are read at once */
    LOOK_AGAIN = 10,  /* milliseconds between looks at what a system still has to send */
    LOOKS = 500,      /* that many, before a connection is reset anyway */
};

struct end {
    struct relay *relay;
    int who;
    struct outlet out; /* for what the other side sent */
    uv_poll_t poll;
    int mask;      /* what is watched */
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
    outlet_drop(&e->out);
    e->broken = true;
}

static void break_off(struct end *e, const char *why)
{
    drop_output(e);
    set_ended(e, why);
}

/* ---- Writing ---- */

static void flush(struct end *e)
{
    pb_error err = {0};
    int failed = e->broken ? 0 : outlet_flush(&e->out, &err);
    if (failed == PB_ERR_LOST) {
        drop_output(e); /* what it sent before may still be unread */
    } else if (failed) {
        break_off(e, err.text);
    }
}

/* Gives a side what the other one sent. */
static void pass(struct end *e, pb_span in)
{
    if (!e->broken && outlet_put(&e->out, in) != 0) {
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
    int got = pb__tls_recv(e->out.tls, (pb_span){chunk, n}, &err);
    while (got >= 0 && (got = pb__tls_read(e->out.tls, chunk, CHUNK, &err)) > 0) {
        pass(other(e), (pb_span){chunk, (size_t)got});
    }
    if (got < 0) {
        outlet_alert(&e->out);
        break_off(e, err.text);
    } else if (pb__tls_has_ended(e->out.tls)) {
        set_ended(e, NULL);
    }
}

static void hear(struct end *e)
{
    uint8_t chunk[CHUNK];
    ssize_t n = pb__socket_recv(e->out.fd, chunk, sizeof chunk);
    if (n > 0 && e->out.tls) {
        hear_tls(e, chunk, (size_t)n);
    } else if (n > 0) {
        pass(other(e), (pb_span){chunk, (size_t)n});
    } else if (n == 0 && e->out.tls) {
        break_off(e, NULL); /* Twisted's reactor.stop leaves TLS so */
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
    bool read = !e->ended && outlet_waits(&other(e)->out) == 0;
    int mask = (read ? UV_READABLE : 0) | (e->out.blocked ? UV_WRITABLE : 0);
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

/* A reset drops what the system has not delivered yet, so that goes first. */
static bool is_delivered(struct end *e)
{
    int left;
    struct relay *r = e->relay;
    if (e->broken || r->looks >= LOOKS || ioctl(e->out.fd, SIOCOUTQ, &left) != 0 ||
        !left) {
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
    return e->broken && e->ended && outlet_waits(&other(e)->out) == 0 &&
           is_delivered(other(e));
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
        if (from->ended && !from->broken && outlet_waits(&e->out) == 0 && !e->finished) {
            e->finished = outlet_finish(&e->out);
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
    close(e->out.fd);
    pb__tls_free(e->out.tls);
    pb__buf_fini(&e->out.bytes);
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
            relay_reset(e->out.fd);
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
        *e = (struct end){.relay = r, .who = i, .out = {.fd = fds[i], .tls = tls[i]}};
        if (uv_poll_init_socket(loop, &e->poll, e->out.fd) != 0) {
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
