/* SPDX-License-Identifier: MIT
 *
 * Waiting on one socket, by poll. */
#include "tools/wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/net/socket.h"
#include "tools/knock.h"

/* ---- Making one ---- */

/* Takes fd, which is connected. */
static int set_up(struct wire *w, int fd, const struct pb__target *t, const char *host,
                  pb_error *err)
{
    w->out.fd = fd;
    w->out.tls = t->tls ? pb__tls_new(t->tls, host) : NULL;
    return t->tls && !w->out.tls ? pb__error_nomem(err) : 0;
}

struct knocking {
    int fd;
    pb_error why;
};

static void on_knocked(int fd, const pb_error *why, void *ctx)
{
    struct knocking *k = ctx;
    k->fd = fd;
    k->why = why ? *why : (pb_error){0};
}

int wire_connect(struct wire *w, struct pb__target *to, pb_error *err)
{
    *w = (struct wire){.out.fd = -1};
    struct knocking k = {.fd = -1};
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0) {
        return pb__error_nomem(err);
    }
    bool begun = knock_new(&loop, to, on_knocked, &k) != NULL;
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    if (!begun) {
        return pb__error_nomem(err);
    }
    if (k.fd < 0) {
        return pb__error_set(err, k.why.code, 0, "%s", k.why.text);
    }
    return set_up(w, k.fd, to, to->tls_host, err);
}

/* Waits for events: what poll gives. */
static int wait_for(int fd, short events, int64_t timeout)
{
    struct pollfd p = {.fd = fd, .events = events};
    int got;
    do {
        got = poll(&p, 1, timeout < 0 ? -1 : timeout > INT_MAX ? INT_MAX : (int)timeout);
    } while (got < 0 && errno == EINTR);
    return got;
}

int wire_accept(struct wire *w, struct pb__target *at, int listener, int64_t timeout,
                pb_error *err)
{
    *w = (struct wire){.out.fd = -1};
    int fd = -EAGAIN;
    while (fd == -EAGAIN) {
        if (wait_for(listener, POLLIN, timeout) == 0) {
            return pb__error_set(err, PB_ERR_TIMEOUT, 0, "nobody connected to %s",
                                 at->at.spelling);
        }
        fd = pb__socket_accept(listener, NULL);
    }
    if (fd < 0) {
        return pb__socket_error(err, fd, "cannot take a connection");
    }
    return set_up(w, fd, at, NULL, err);
}

/* ---- Writing ---- */

int wire_send(struct wire *w, pb_span bytes)
{
    return outlet_put(&w->out, bytes);
}

void wire_finish(struct wire *w)
{
    w->finishing = true;
}

/* A socket that has failed tells the reader so. */
static int flush(struct wire *w, pb_error *err)
{
    pb_error lost = {0};
    int failed = outlet_flush(&w->out, &lost);
    if (failed == PB_ERR_LOST) {
        outlet_drop(&w->out);
        return 0;
    }
    if (!failed && w->finishing) {
        w->finishing = !outlet_finish(&w->out);
    }
    return failed ? pb__error_set(err, failed, 0, "%s", lost.text) : 0;
}

/* ---- Reading ---- */

/* What the socket has: bytes, 0 at its end, or PB_ERR_STATE for none now. */
static int hear(struct wire *w, uint8_t *out, size_t size, pb_error *err)
{
    ssize_t n = pb__socket_recv(w->out.fd, out, size);
    if (n == -EAGAIN) {
        return PB_ERR_STATE;
    }
    if (n < 0) {
        return pb__error_set(err, PB_ERR_LOST, 0, "connection lost: %s",
                             pb__socket_text((int)n));
    }
    if (n == 0 || !w->out.tls) {
        return (int)n;
    }
    int got = pb__tls_recv(w->out.tls, (pb_span){out, (size_t)n}, err);
    if (got < 0) {
        outlet_alert(&w->out);
    }
    return got < 0 ? got : PB_ERR_STATE;
}

int wire_read(struct wire *w, uint8_t *out, size_t size, int64_t timeout, pb_error *err)
{
    for (;;) {
        int got = w->out.tls ? pb__tls_read(w->out.tls, out, size, err) : 0;
        if (got != 0 || (w->out.tls && pb__tls_has_ended(w->out.tls))) {
            return got;
        }
        int failed = flush(w, err);
        if (failed) {
            return failed;
        }
        if (wait_for(w->out.fd, (short)(POLLIN | (w->out.blocked ? POLLOUT : 0)),
                     timeout) == 0) {
            return pb__error_set(err, PB_ERR_TIMEOUT, 0, "nothing came for %lld ms",
                                 (long long)timeout);
        }
        got = hear(w, out, size, err);
        if (got != PB_ERR_STATE) {
            return got;
        }
    }
}

void wire_fini(struct wire *w)
{
    if (w->out.fd >= 0) {
        close(w->out.fd);
    }
    pb__tls_free(w->out.tls);
    pb__buf_fini(&w->out.bytes);
    *w = (struct wire){.out.fd = -1};
}
