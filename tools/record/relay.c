/* SPDX-License-Identifier: MIT
 *
 * Forwarding. Every event ends in relay_update, which sends pending bytes, forwards
 * the end of a side, and tells the loop which events to watch for. */
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
    CHUNK = 64 << 10, /* bytes to read at once */
    /* Before a reset, milliseconds between checks whether the system has sent everything,
     * and how many checks to make before the connection is reset anyway. */
    RESET_CHECK_INTERVAL = 10,
    RESET_CHECKS_MAX = 500,
};

struct relay_end {
    struct relay *relay;
    int side;
    struct socket_writer out; /* the bytes that the other side sent */
    uv_poll_t poll;
    int mask;      /* the events that are watched */
    bool ended;    /* its stream has ended */
    bool broken;   /* writing to it fails; bytes that it sent may still be unread */
    bool finished; /* the end of the other side's stream has been sent to it */
};

struct relay {
    struct relay_end ends[SIDE_COUNT];
    uv_timer_t timer;
    const struct relay_hooks *hooks;
    void *ctx;
    int handles, reset_checks;
    bool closing;
};

static struct relay_end *relay_other_end(const struct relay_end *e)
{
    return &e->relay->ends[!e->side];
}

/* ---- The end of a side ---- */

static void relay_end_set_ended(struct relay_end *e, const char *why)
{
    if (!e->ended) {
        e->ended = true;
        e->relay->hooks->end(e->side, why, e->relay->ctx);
    }
}

static void relay_end_discard(struct relay_end *e)
{
    socket_writer_discard(&e->out);
    e->broken = true;
}

static void relay_end_break(struct relay_end *e, const char *why)
{
    relay_end_discard(e);
    relay_end_set_ended(e, why);
}

/* ---- Writing ---- */

static void relay_end_flush(struct relay_end *e)
{
    pb_error err = {0};
    int failed = e->broken ? 0 : socket_writer_flush(&e->out, &err);
    if (failed == PB_ERR_LOST) {
        relay_end_discard(e); /* bytes that it sent before may still be unread */
    } else if (failed) {
        relay_end_break(e, err.text);
    }
}

/* Sends a side the bytes that the other side sent. */
static void relay_end_forward(struct relay_end *e, pb_span in)
{
    if (!e->broken && socket_writer_append(&e->out, in) != 0) {
        relay_end_break(e, pb_strerror(PB_ERR_NOMEM));
    }
    relay_end_flush(e);
    e->relay->hooks->bytes(!e->side, in, e->relay->ctx);
}

/* ---- Reading ---- */

/* Decrypts n bytes in chunk, and forwards the result; chunk is overwritten. */
static void relay_end_receive_tls(struct relay_end *e, uint8_t *chunk, size_t n)
{
    pb_error err = {0};
    int got = pb__tls_recv(e->out.tls, (pb_span){chunk, n}, &err);
    while (got >= 0 && (got = pb__tls_read(e->out.tls, chunk, CHUNK, &err)) > 0) {
        relay_end_forward(relay_other_end(e), (pb_span){chunk, (size_t)got});
    }
    if (got < 0) {
        socket_writer_send_alert(&e->out);
        relay_end_break(e, err.text);
    } else if (pb__tls_has_ended(e->out.tls)) {
        relay_end_set_ended(e, NULL);
    }
}

static void relay_end_receive(struct relay_end *e)
{
    uint8_t chunk[CHUNK];
    ssize_t n = pb__socket_recv(e->out.fd, chunk, sizeof chunk);
    if (n > 0 && e->out.tls) {
        relay_end_receive_tls(e, chunk, (size_t)n);
    } else if (n > 0) {
        relay_end_forward(relay_other_end(e), (pb_span){chunk, (size_t)n});
    } else if (n == 0 && e->out.tls) {
        relay_end_break(e,
                        NULL); /* Twisted's reactor.stop ends TLS without close_notify */
    } else if (n == 0) {
        relay_end_set_ended(e, NULL);
    } else if (n != -EAGAIN) {
        relay_end_break(e, pb__socket_text((int)n));
    }
}

/* ---- Updating ---- */

static void relay_update(struct relay *r);

static void relay_on_poll(uv_poll_t *poll, int status, int events)
{
    struct relay_end *e = poll->data;
    if (status < 0) {
        e->mask = 0; /* the loop has stopped watching; reading gives the reason */
    }
    if ((status < 0 || (events & UV_READABLE)) && !e->ended) {
        relay_end_receive(e);
    }
    relay_update(e->relay);
}

static void relay_on_timer(uv_timer_t *timer)
{
    relay_update(timer->data);
}

static void relay_end_watch(struct relay_end *e)
{
    bool readable = !e->ended && socket_writer_pending(&relay_other_end(e)->out) == 0;
    int mask = (readable ? UV_READABLE : 0) | (e->out.blocked ? UV_WRITABLE : 0);
    if (mask == e->mask) {
        return;
    }
    e->mask = mask;
    int failed =
        mask ? uv_poll_start(&e->poll, mask, relay_on_poll) : uv_poll_stop(&e->poll);
    if (failed) {
        relay_end_break(e, uv_strerror(failed));
        uv_timer_start(&e->relay->timer, relay_on_timer, 0, 0);
    }
}

/* Whether the system has sent everything to a side. A reset would discard the rest, so it
 * waits until then; the timer checks again. */
static bool relay_end_is_delivered(struct relay_end *e)
{
    int unsent;
    struct relay *r = e->relay;
    if (e->broken || r->reset_checks >= RESET_CHECKS_MAX ||
        ioctl(e->out.fd, SIOCOUTQ, &unsent) != 0 || !unsent) {
        return true;
    }
    if (!uv_is_active((uv_handle_t *)&r->timer)) {
        r->reset_checks++;
        uv_timer_start(&r->timer, relay_on_timer, RESET_CHECK_INTERVAL, 0);
    }
    return false;
}

/* Whether a side is broken and the other side has received everything that it sent. */
static bool relay_end_is_lost(struct relay_end *e)
{
    return e->broken && e->ended &&
           socket_writer_pending(&relay_other_end(e)->out) == 0 &&
           relay_end_is_delivered(relay_other_end(e));
}

static void relay_update(struct relay *r)
{
    bool over = true;
    for (int i = 0; i < SIDE_COUNT; i++) {
        relay_end_flush(&r->ends[i]);
    }
    for (int i = 0; i < SIDE_COUNT; i++) {
        struct relay_end *e = &r->ends[i], *from = relay_other_end(e);
        if (relay_end_is_lost(e)) {
            relay_close(r);
            return;
        }
        if (from->ended && !from->broken && socket_writer_pending(&e->out) == 0 &&
            !e->finished) {
            e->finished = socket_writer_finish(&e->out);
        }
        over = over && e->ended && (e->finished || e->broken);
    }
    if (over) {
        relay_close(r);
        return;
    }
    for (int i = 0; i < SIDE_COUNT; i++) {
        relay_end_watch(&r->ends[i]);
    }
}

/* ---- Begin and end ---- */

static void relay_end_fini(struct relay_end *e)
{
    close(e->out.fd);
    pb__tls_free(e->out.tls);
    pb__buf_fini(&e->out.bytes);
}

static void relay_release_handle(struct relay *r)
{
    if (--r->handles == 0) {
        pb__free(r);
    }
}

static void relay_poll_closed(uv_handle_t *h)
{
    relay_release_handle(((struct relay_end *)h->data)->relay);
}

static void relay_timer_closed(uv_handle_t *h)
{
    relay_release_handle(h->data);
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
    for (int i = 0; i < SIDE_COUNT; i++) {
        struct relay_end *e = &r->ends[i];
        if (!e->ended || !e->finished) {
            relay_reset(e->out.fd);
        }
        uv_close((uv_handle_t *)&e->poll, relay_poll_closed);
        relay_end_fini(e);
    }
    uv_close((uv_handle_t *)&r->timer, relay_timer_closed);
    r->hooks->over(r->ctx);
}

struct relay *relay_new(uv_loop_t *loop, const int *fds, struct pb__tls **tls,
                        const struct relay_hooks *hooks, void *ctx)
{
    struct relay *r = pb__calloc(1, sizeof *r);
    int i = 0;
    for (; r && i < SIDE_COUNT; i++) {
        struct relay_end *e = &r->ends[i];
        *e = (struct relay_end){
            .relay = r, .side = i, .out = {.fd = fds[i], .tls = tls[i]}};
        if (uv_poll_init_socket(loop, &e->poll, e->out.fd) != 0) {
            break;
        }
        e->poll.data = e;
        r->handles++;
    }
    if (!r || i < SIDE_COUNT) {
        for (int k = 0; k < SIDE_COUNT; k++) {
            close(fds[k]);
            pb__tls_free(tls[k]);
        }
        if (i == SIDE_COUNT - 1) {
            uv_close((uv_handle_t *)&r->ends[0].poll, relay_poll_closed);
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
    relay_update(r);
    return r;
}
