/* SPDX-License-Identifier: MIT
 *
 * Sends a queue of bytes to a socket, through TLS if the connection has it. */
#include "tools/common/socket_writer.h"

#include <errno.h>
#include <sys/socket.h>

#include "libpb/base/error.h"
#include "libpb/net/socket.h"

int socket_writer_append(struct socket_writer *w, pb_span bytes)
{
    return pb__buf_append(&w->bytes, bytes.data, bytes.len);
}

void socket_writer_discard(struct socket_writer *w)
{
    w->bytes.len = w->sent = 0;
    w->blocked = false;
}

void socket_writer_send_alert(struct socket_writer *w)
{
    pb_span alert = pb__tls_send(w->tls);
    if (alert.len) {
        (void)pb__socket_send(w->fd, alert.data, alert.len);
    }
}

static void socket_writer_sent(struct socket_writer *w, size_t n)
{
    w->sent += n;
    if (socket_writer_pending(w) == 0) {
        w->bytes.len = w->sent = 0;
    }
}

/* The bytes to give to the socket next. */
static int socket_writer_next(struct socket_writer *w, pb_span *out, pb_error *err)
{
    *out = (pb_span){w->bytes.data + w->sent, socket_writer_pending(w)};
    if (!w->tls) {
        return 0;
    }
    if (out->len && pb__tls_send(w->tls).len == 0 && pb__tls_is_ready(w->tls)) {
        int n = pb__tls_write(w->tls, *out, err);
        if (n < 0) {
            socket_writer_send_alert(w);
            return n;
        }
        socket_writer_sent(w, (size_t)n);
    }
    *out = pb__tls_send(w->tls);
    return 0;
}

int socket_writer_flush(struct socket_writer *w, pb_error *err)
{
    pb_span out;
    int failed;
    w->blocked = false;
    while (!(failed = socket_writer_next(w, &out, err)) && out.len && !w->blocked) {
        ssize_t n = pb__socket_send(w->fd, out.data, out.len);
        if (n == -EAGAIN) {
            w->blocked = true;
        } else if (n < 0) {
            return pb__error_set(err, PB_ERR_LOST, 0, "%s", pb__socket_text((int)n));
        } else if (w->tls) {
            pb__tls_sent(w->tls, (size_t)n);
        } else {
            socket_writer_sent(w, (size_t)n);
        }
    }
    return failed;
}

bool socket_writer_finish(struct socket_writer *w)
{
    if (w->blocked || socket_writer_pending(w)) {
        return false;
    }
    if (w->tls) {
        pb__tls_finish(w->tls);
        (void)socket_writer_flush(w, NULL);
    }
    if (!w->blocked) {
        shutdown(w->fd, SHUT_WR);
    }
    return !w->blocked;
}
