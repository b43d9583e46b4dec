/* SPDX-License-Identifier: MIT
 *
 * Writing to a socket, by way of TLS where there is any. */
#include "tools/common/socket_writer.h"

#include <errno.h>
#include <sys/socket.h>

#include "libpb/base/error.h"
#include "libpb/net/socket.h"

int outlet_put(struct outlet *o, pb_span bytes)
{
    return pb__buf_append(&o->bytes, bytes.data, bytes.len);
}

void outlet_drop(struct outlet *o)
{
    o->bytes.len = o->sent = 0;
    o->blocked = false;
}

void outlet_alert(struct outlet *o)
{
    pb_span alert = pb__tls_send(o->tls);
    if (alert.len) {
        (void)pb__socket_send(o->fd, alert.data, alert.len);
    }
}

static void took(struct outlet *o, size_t n)
{
    o->sent += n;
    if (outlet_waits(o) == 0) {
        o->bytes.len = o->sent = 0;
    }
}

/* What the socket is to get next. */
static int next(struct outlet *o, pb_span *out, pb_error *err)
{
    *out = (pb_span){o->bytes.data + o->sent, outlet_waits(o)};
    if (!o->tls) {
        return 0;
    }
    if (out->len && pb__tls_send(o->tls).len == 0 && pb__tls_is_ready(o->tls)) {
        int n = pb__tls_write(o->tls, *out, err);
        if (n < 0) {
            outlet_alert(o);
            return n;
        }
        took(o, (size_t)n);
    }
    *out = pb__tls_send(o->tls);
    return 0;
}

int outlet_flush(struct outlet *o, pb_error *err)
{
    pb_span out;
    int failed;
    o->blocked = false;
    while (!(failed = next(o, &out, err)) && out.len && !o->blocked) {
        ssize_t n = pb__socket_send(o->fd, out.data, out.len);
        if (n == -EAGAIN) {
            o->blocked = true;
        } else if (n < 0) {
            return pb__error_set(err, PB_ERR_LOST, 0, "%s", pb__socket_text((int)n));
        } else if (o->tls) {
            pb__tls_sent(o->tls, (size_t)n);
        } else {
            took(o, (size_t)n);
        }
    }
    return failed;
}

bool outlet_finish(struct outlet *o)
{
    if (o->blocked || outlet_waits(o)) {
        return false;
    }
    if (o->tls) {
        pb__tls_finish(o->tls);
        (void)outlet_flush(o, NULL);
    }
    if (!o->blocked) {
        shutdown(o->fd, SHUT_WR);
    }
    return !o->blocked;
}
