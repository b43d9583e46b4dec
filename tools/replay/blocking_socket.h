/* SPDX-License-Identifier: MIT
 *
 * One connection as a stream of bytes, for a tool that has nothing else to do:
 * connecting, accepting and reading block. Endpoints are those of libpb/net, including
 * TLS. */
#ifndef PB__TOOLS_REPLAY_BLOCKING_SOCKET_H
#define PB__TOOLS_REPLAY_BLOCKING_SOCKET_H

#include "libpb/net/target.h"
#include "tools/common/socket_writer.h"

struct blocking_socket {
    struct socket_writer out; /* its fd is -1 if there is no connection */
    bool finishing;           /* shut the sending side down when all was sent */
};

/* Connects. PB_ERR_SYSTEM, PB_ERR_TIMEOUT, PB_ERR_NOMEM. */
int blocking_socket_connect(struct blocking_socket *s, struct pb__target *to,
                            pb_error *err);
/* Waits for the first connection to a listening socket, for a time in milliseconds
 * (negative: for ever). Errors as above. */
int blocking_socket_accept(struct blocking_socket *s, struct pb__target *at, int listener,
                           int64_t timeout, pb_error *err);
/* Appends bytes to those to be sent; blocking_socket_read sends them. PB_ERR_NOMEM. */
int blocking_socket_send(struct blocking_socket *s, pb_span bytes);
/* Sends pending bytes, and reads the next ones: returns their number; 0 at the end of
 * the stream. PB_ERR_LOST, PB_ERR_TLS, or PB_ERR_TIMEOUT after that many milliseconds
 * without a byte in either direction. */
int blocking_socket_read(struct blocking_socket *s, uint8_t *out, size_t size,
                         int64_t timeout, pb_error *err);
/* Shuts the sending side down when all pending bytes have been sent. */
void blocking_socket_finish(struct blocking_socket *s);
void blocking_socket_fini(struct blocking_socket *s);

#endif
