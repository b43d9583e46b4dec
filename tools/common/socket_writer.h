/* SPDX-License-Identifier: MIT
 *
 * The writing half of a socket, with or without TLS: a queue of bytes that the socket has
 * not taken yet. */
#ifndef PB__TOOLS_COMMON_SOCKET_WRITER_H
#define PB__TOOLS_COMMON_SOCKET_WRITER_H

#include "libpb/base/buf.h"
#include "libpb/net/tls.h"

/* fd and tls (NULL: no TLS) are set by the owner, who also closes and frees them. */
struct socket_writer {
    int fd;
    struct pb__tls *tls;
    struct pb__buf bytes; /* the queue, of which the first `sent` bytes have been sent */
    size_t sent;
    bool blocked; /* the socket takes no more for now */
};

/* Appends to the queue. PB_ERR_NOMEM. */
int socket_writer_append(struct socket_writer *w, pb_span bytes);
/* The number of bytes in the queue. */
static inline size_t socket_writer_pending(const struct socket_writer *w)
{
    return w->bytes.len - w->sent;
}
/* Sends as much as the socket takes. PB_ERR_LOST if the socket has failed. PB_ERR_TLS or
 * PB_ERR_NOMEM from TLS, after its alert was sent. */
int socket_writer_flush(struct socket_writer *w, pb_error *err);
/* Shuts the sending side down, if the queue is empty; returns whether it did. */
bool socket_writer_finish(struct socket_writer *w);
/* Empties the queue. */
void socket_writer_discard(struct socket_writer *w);
/* Sends the alert of TLS after a TLS error of the peer, if the socket takes it. */
void socket_writer_send_alert(struct socket_writer *w);

#endif
