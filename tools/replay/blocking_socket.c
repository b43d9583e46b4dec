/* SPDX-License-Identifier: MIT
 *
 * A loop of libuv connects; after that, poll waits for the one socket. */
#include "tools/replay/blocking_socket.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/net/socket.h"
#include "tools/common/connector.h"

/* ---- Connecting ---- */

/* Takes fd, which is connected. */
static int blocking_socket_set_up(struct blocking_socket *w, int fd,
                                  const struct pb__target *t, const char *host,
                                  pb_error *err)
{
    w->out.fd = fd;
    w->out.tls = t->tls ? pb__tls_new(t->tls, host) : NULL;
    return t->tls && !w->out.tls ? pb__error_nomem(err) : 0;
}

struct connect_result {
    int fd;
    pb_error why;
};

static void connect_done(int fd, const pb_error *why, void *ctx)
{
    struct connect_result *k = ctx;
    k->fd = fd;
    k->why = why ? *why : (pb_error){0};
}

int blocking_socket_connect(struct blocking_socket *w, struct pb__target *to,
                            pb_error *err)
{
    *w = (struct blocking_socket){.out.fd = -1};
    struct connect_result k = {.fd = -1};
    uv_loop_t loop;
    if (uv_loop_init(&loop) != 0) {
        return pb__error_nomem(err);
    }
    bool begun = connector_new(&loop, to, connect_done, &k) != NULL;
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    if (!begun) {
        return pb__error_nomem(err);
    }
    if (k.fd < 0) {
        return pb__error_set(err, k.why.code, 0, "%s", k.why.text);
    }
    return blocking_socket_set_up(w, k.fd, to, to->tls_host, err);
}

/* Waits for events; returns as poll does. */
static int poll_socket(int fd, short events, int64_t timeout)
{
    struct pollfd p = {.fd = fd, .events = events};
    int got;
    do {
        got = poll(&p, 1, timeout < 0 ? -1 : timeout > INT_MAX ? INT_MAX : (int)timeout);
    } while (got < 0 && errno == EINTR);
    return got;
}

int blocking_socket_accept(struct blocking_socket *w, struct pb__target *at, int listener,
                           int64_t timeout, pb_error *err)
{
    *w = (struct blocking_socket){.out.fd = -1};
    int fd = -EAGAIN;
    while (fd == -EAGAIN) {
        if (poll_socket(listener, POLLIN, timeout) == 0) {
            return pb__error_set(err, PB_ERR_TIMEOUT, 0, "no client connected to %s",
                                 at->at.spelling);
        }
        fd = pb__socket_accept(listener, NULL);
    }
    if (fd < 0) {
        return pb__socket_error(err, fd, "cannot accept a connection");
    }
    return blocking_socket_set_up(w, fd, at, NULL, err);
}

/* ---- Writing ---- */

int blocking_socket_send(struct blocking_socket *w, pb_span bytes)
{
    return socket_writer_append(&w->out, bytes);
}

void blocking_socket_finish(struct blocking_socket *w)
{
    w->finishing = true;
}

/* Sends pending bytes. A socket that has failed is no error here: reading reports it. */
static int blocking_socket_flush(struct blocking_socket *w, pb_error *err)
{
    pb_error lost = {0};
    int failed = socket_writer_flush(&w->out, &lost);
    if (failed == PB_ERR_LOST) {
        socket_writer_discard(&w->out);
        return 0;
    }
    if (!failed && w->finishing) {
        w->finishing = !socket_writer_finish(&w->out);
    }
    return failed ? pb__error_set(err, failed, 0, "%s", lost.text) : 0;
}

/* ---- Reading ---- */

/* Reads what the socket has: returns the number of bytes, 0 at the end of the stream, or
 * PB_ERR_STATE if there are none now. */
static int blocking_socket_receive(struct blocking_socket *w, uint8_t *out, size_t size,
                                   pb_error *err)
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
        socket_writer_send_alert(&w->out);
    }
    return got < 0 ? got : PB_ERR_STATE;
}

int blocking_socket_read(struct blocking_socket *w, uint8_t *out, size_t size,
                         int64_t timeout, pb_error *err)
{
    for (;;) {
        int got = w->out.tls ? pb__tls_read(w->out.tls, out, size, err) : 0;
        if (got != 0 || (w->out.tls && pb__tls_has_ended(w->out.tls))) {
            return got;
        }
        int failed = blocking_socket_flush(w, err);
        if (failed) {
            return failed;
        }
        if (poll_socket(w->out.fd, (short)(POLLIN | (w->out.blocked ? POLLOUT : 0)),
                        timeout) == 0) {
            return pb__error_set(err, PB_ERR_TIMEOUT, 0, "no bytes arrived for %lld ms",
                                 (long long)timeout);
        }
        got = blocking_socket_receive(w, out, size, err);
        if (got != PB_ERR_STATE) {
            return got;
        }
    }
}

void blocking_socket_fini(struct blocking_socket *w)
{
    if (w->out.fd >= 0) {
        close(w->out.fd);
    }
    pb__tls_free(w->out.tls);
    pb__buf_fini(&w->out.bytes);
    *w = (struct blocking_socket){.out.fd = -1};
}
