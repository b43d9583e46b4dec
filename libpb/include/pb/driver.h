/* SPDX-License-Identifier: MIT
 *
 * A session over a connected socket, under any loop. The loop says when the socket may be
 * read or written, and when time is due; the driver reads, writes, speaks TLS, minds
 * deadlines, and ends. pb/net.h has one for libuv, and pb/adapters/ headers for other
 * loops. Whoever wants no help with the socket either drives the session himself.
 * A driver belongs to the thread of its loop. */
#ifndef PB_DRIVER_H
#define PB_DRIVER_H

#include "pb/net.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A session and its socket. */
typedef struct pb_driver pb_driver;

/* What may happen to a socket, and what to watch it for: bits. */
enum {
    PB_DRIVER_READ = 1,
    PB_DRIVER_WRITE = 2,
    PB_DRIVER_FAILED = 4, /* the loop can watch the socket no more */
};

/* What a loop does for a driver. loop is what pb_driver_new got. */
typedef struct {
    /* Monotonic milliseconds. */
    int64_t (*now)(void *loop);
    /* Watches the socket for these events from now on, by pb_driver_handle; 0: for none.
     * -errno if it cannot. */
    int (*watch)(void *loop, int events);
    /* Calls pb_driver_settle at that time, or earlier; INT64_MAX: not for time's sake.
     * PB_ERR_NOMEM if it cannot. */
    int (*set_timer)(void *loop, int64_t at);
    /* Calls pb_driver_settle soon, but not from here. */
    void (*wake)(void *loop);
    /* The last of all: the socket, still open, is watched no more, and the driver gone. */
    void (*gone)(void *loop);
} pb_driver_hooks;

/* Roots, certificate and key, for many connections. Counted. */
typedef struct pb__tls_context pb_tls;

/* By the tls_ fields of c: *new*. NULL with PB_ERR_TLS or PB_ERR_SYSTEM that names the
 * file of no use, or PB_ERR_NOMEM. */
PB_API pb_tls *pb_tls_new(const pb_net_config *c, bool is_client, pb_error *err);
/* Removes an owner. NULL is allowed. */
PB_API void pb_tls_unref(pb_tls *t);

/* Takes fd over, a socket that is connected and does not block; also where it fails. hooks
 * is borrowed for the driver's life; c may be NULL. tls is counted; NULL: without. host is
 * whom a client wants to talk to by TLS. NULL for lack of memory. Of the hooks only now and
 * wake are called before this returns. */
PB_API pb_driver *pb_driver_new(int fd, bool is_client, const pb_net_config *c,
                                pb_tls *tls, const char *host,
                                const pb_driver_hooks *hooks, void *loop);
/* Its session, borrowed: it goes with the driver. */
PB_API pb_session *pb_driver_session(const pb_driver *d);
/* Reads and writes: events are those above that have happened, 0 is none. May end the
 * driver. */
PB_API void pb_driver_handle(pb_driver *d, int events);
/* Minds deadlines, and sends what has come to be sent: when the time of set_timer has
 * come, or after wake. May end the driver. */
PB_API void pb_driver_settle(pb_driver *d);
/* As pb_conn_close: gone runs when the loop calls again. */
PB_API void pb_driver_close(pb_driver *d);
/* As pb_conn_drain: gone runs when the loop calls again. */
PB_API void pb_driver_finish(pb_driver *d, int64_t patience);

#ifdef __cplusplus
}
#endif
#endif
