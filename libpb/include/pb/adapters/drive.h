/* SPDX-License-Identifier: MIT
 *
 * What the adapters for event loops share: a session over a connected, non-blocking socket,
 * without any loop. A loop calls pb_drive whenever the socket is ready, the time has come
 * or the session has woken it, and waits for what it answers. */
#ifndef PB_ADAPTERS_DRIVE_H
#define PB_ADAPTERS_DRIVE_H

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "pb/broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a socket is ready for, and what to wait for: bits. */
enum { PB_DRIVE_READ = 1, PB_DRIVE_WRITE = 2 };

/* A session and its socket. */
typedef struct {
    pb_session *session;
    int fd;
    int64_t linger_until; /* 0: the session is not over */
} pb_drive_state;

/* Monotonic milliseconds. */
static inline int64_t pb_drive_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Makes the session of a socket, which it takes over: 0 or PB_ERR_NOMEM. on_wake of the
 * config is the adapter's; driver is what that gets. */
static inline int pb_drive_init(pb_drive_state *d, int fd, bool is_client,
                                const pb_session_config *config,
                                void (*on_wake)(pb_session *s, void *driver),
                                void *driver)
{
    pb_session_config own = *config;
    own.on_wake = on_wake;
    own.driver = driver;
    memset(d, 0, sizeof *d);
    d->fd = fd;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    d->session = is_client ? pb_session_client_new(&own, pb_drive_now())
                           : pb_session_server_new(&own, pb_drive_now());
    return d->session ? 0 : PB_ERR_NOMEM;
}

static inline void pb_drive_lost(pb_drive_state *d, int error)
{
    pb_error why;
    memset(&why, 0, sizeof why);
    why.code = PB_ERR_LOST;
    strncpy(why.text, strerror(error), sizeof why.text - 1);
    pb_session_lost(d->session, error ? &why : NULL);
}

static inline void pb_drive_read(pb_drive_state *d)
{
    uint8_t chunk[16384];
    ssize_t n = recv(d->fd, chunk, sizeof chunk, 0);
    if (n > 0) {
        pb_span in = {chunk, (size_t)n};
        pb_session_recv(d->session, in, pb_drive_now());
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        pb_drive_lost(d, n == 0 ? 0 : errno);
    }
}

/* Writes until nothing is left, or the socket takes no more. */
static inline void pb_drive_write(pb_drive_state *d)
{
    while (pb_session_want_send(d->session)) {
        pb_span out = pb_session_send(d->session);
        ssize_t n = out.len ? send(d->fd, out.data, out.len, MSG_NOSIGNAL) : 0;
        if (n > 0) {
            pb_session_sent(d->session, (size_t)n, pb_drive_now());
        } else {
            if (n < 0 && errno != EAGAIN && errno != EINTR) {
                pb_drive_lost(d, errno);
            }
            return;
        }
    }
}

/* Closes the socket and frees the session. */
static inline void pb_drive_fini(pb_drive_state *d)
{
    close(d->fd);
    pb_session_free(d->session);
    d->session = NULL;
}

/* Does what can be done, knowing that the socket is ready for `ready` (both bits do no
 * harm). What to wait for next, with *timeout in milliseconds, negative for none; -1 once
 * all is over: then the socket is closed and the session freed. */
static inline int pb_drive(pb_drive_state *d, int ready, int64_t *timeout)
{
    pb_session *s = d->session;
    if ((ready & PB_DRIVE_READ) && pb_session_want_recv(s)) {
        pb_drive_read(d);
    }
    int64_t now = pb_drive_now();
    if (pb_session_deadline(s) <= now) {
        pb_session_tick(s, now);
    }
    pb_drive_write(d);
    if (pb_session_is_closed(s)) {
        d->linger_until = d->linger_until ? d->linger_until : now + 5000;
        if (!pb_session_want_send(s) || now >= d->linger_until) {
            pb_drive_fini(d);
            return -1;
        }
    }
    int64_t due = d->linger_until ? d->linger_until : pb_session_deadline(s);
    *timeout = due == INT64_MAX ? -1 : due > now ? due - now : 0;
    return (pb_session_want_recv(s) ? PB_DRIVE_READ : 0) |
           (pb_session_want_send(s) ? PB_DRIVE_WRITE : 0);
}

#ifdef __cplusplus
}
#endif
#endif
