/* SPDX-License-Identifier: MIT
 *
 * System calls on sockets, TCP and UNIX alike: all of them non-blocking, closed on exec,
 * and above descriptor 2. What fails returns -errno. */
#ifndef PB__SOCKET_H
#define PB__SOCKET_H

#include <netdb.h>
#include <sys/types.h>

#include "libpb/base/export.h"
#include "libpb/net/endpoint.h"
#include "libpb/net/peer.h"

/* Fills err with PB_ERR_SYSTEM, what was tried, and the system's text of -errno; with
 * PB_ERR_NOMEM for -ENOMEM. */
PB__SHARED int pb__socket_error(pb_error *err, int negative_errno, const char *format,
                                ...) PB_PRINTF(3, 4);

/* The system's text. */
PB__SHARED const char *pb__socket_text(int negative_errno);

/* Starts to connect, from an address if that is not NULL: the socket, which is writable
 * when that has ended. */
PB__SHARED int pb__socket_connect(const struct sockaddr *to, socklen_t len,
                                  const char *from);
/* How the connecting ended: 0 or -errno. */
PB__SHARED int pb__socket_status(int fd);
/* Listens on an endpoint; err says what failed. *port is the TCP port, which others may
 * listen on too where reuse is set. */
PB__SHARED int pb__socket_listen(const struct pb__endpoint *e, bool reuse, int *port,
                                 pb_error *err);
/* Takes a connection that waits, and the address that it came from (NULL: nobody asks);
 * -EAGAIN if there is none. */
PB__SHARED int pb__socket_accept(int fd, struct pb__address *from);
/* The address that a socket is connected to; AF_UNSPEC where it is not any more. */
struct pb__address pb__socket_peer(int fd);
/* Makes a connected stream socket of the program's one of ours, which may get another
 * number: it, or -errno with fd closed. */
int pb__socket_adopt(int fd);
/* Has the system ask a silent peer after so many seconds whether it is there; 0: never. */
PB__SHARED void pb__socket_keep_alive(int fd, int seconds);
/* Whether there is something to read. */
bool pb__socket_has_input(int fd);
/* How much of what was written the peer has not taken; 0 where the system does not say. */
int pb__socket_unsent(int fd);
/* As recv and send, without SIGPIPE and past EINTR. */
PB__SHARED ssize_t pb__socket_recv(int fd, void *to, size_t size);
PB__SHARED ssize_t pb__socket_send(int fd, const void *data, size_t len);

#endif
