/* SPDX-License-Identifier: MIT
 *
 * System calls on sockets, for TCP and UNIX: all sockets are non-blocking, close-on-exec,
 * and above descriptor 2. Failures are returned as -errno. */
#ifndef PB__SOCKET_H
#define PB__SOCKET_H

#include <netdb.h>
#include <sys/types.h>

#include "libpb/base/export.h"
#include "libpb/net/endpoint.h"
#include "libpb/net/peer.h"

/* Fills err with PB_ERR_SYSTEM, the failed action, and the system's text for -errno; with
 * PB_ERR_NOMEM for -ENOMEM. */
PB__SHARED int pb__socket_error(pb_error *err, int negative_errno, const char *format,
                                ...) PB_PRINTF(3, 4);

/* The system's text. */
PB__SHARED const char *pb__socket_text(int negative_errno);

/* Starts to connect, from a local address if that is not NULL. Returns the socket, which
 * becomes writable when the attempt has ended. */
PB__SHARED int pb__socket_connect(const struct sockaddr *to, socklen_t len,
                                  const char *from);
/* The result of the attempt: 0 or -errno. */
PB__SHARED int pb__socket_status(int fd);
/* Listens on an endpoint; err says what failed. *port is the TCP port; with reuse, other
 * sockets may listen on it, too. */
PB__SHARED int pb__socket_listen(const struct pb__endpoint *e, bool reuse, int *port,
                                 pb_error *err);
/* Accepts a waiting connection, and gets the address of its peer (NULL: not needed);
 * -EAGAIN if there is none. */
PB__SHARED int pb__socket_accept(int fd, struct pb__address *from);
/* The address that a socket is connected to; AF_UNSPEC if it is not connected any
 * more. */
struct pb__address pb__socket_peer(int fd);
/* Prepares a connected stream socket of the program, and returns its descriptor, which
 * may have changed; or -errno with fd closed. */
int pb__socket_adopt(int fd);
/* Makes the system probe a silent peer after so many seconds; 0: never. */
PB__SHARED void pb__socket_keep_alive(int fd, int seconds);
/* Whether there is input to read. */
bool pb__socket_has_input(int fd);
/* The number of written bytes that the peer has not taken; 0 if the system does not
 * say. */
int pb__socket_unsent(int fd);
/* As recv and send, but without SIGPIPE, and repeated after EINTR. */
PB__SHARED ssize_t pb__socket_recv(int fd, void *to, size_t size);
PB__SHARED ssize_t pb__socket_send(int fd, const void *data, size_t len);

#endif
