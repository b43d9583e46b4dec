/* SPDX-License-Identifier: MIT
 *
 * A session under libev. The program connects or accepts; from then on the socket is the
 * session's. Link with libev. */
#ifndef PB_ADAPTERS_LIBEV_H
#define PB_ADAPTERS_LIBEV_H

#include <ev.h>
#include <stdlib.h>

#include "pb/adapters/drive.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a session has under libev, for this header alone. */
typedef struct {
    pb_drive_state drive;
    struct ev_loop *loop;
    ev_io io;
    ev_timer timer;
} pb_libev;

static inline void pb_libev_run(pb_libev *a, int events)
{
    int64_t timeout;
    int ready =
        (events & EV_READ ? PB_DRIVE_READ : 0) | (events & EV_WRITE ? PB_DRIVE_WRITE : 0);
    ev_io_stop(a->loop, &a->io);
    ev_timer_stop(a->loop, &a->timer);
    int fd = a->drive.fd;
    int wait = pb_drive(&a->drive, ready, &timeout);
    if (wait < 0) {
        free(a);
        return;
    }
    if (wait) {
        ev_io_set(&a->io, fd,
                  (wait & PB_DRIVE_READ ? EV_READ : 0) |
                      (wait & PB_DRIVE_WRITE ? EV_WRITE : 0));
        ev_io_start(a->loop, &a->io);
    }
    if (timeout >= 0) {
        ev_now_update(a->loop);
        ev_timer_set(&a->timer, (double)timeout / 1000, 0);
        ev_timer_start(a->loop, &a->timer);
    }
}

static inline void pb_libev_on_io(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    pb_libev_run((pb_libev *)io->data, events);
}

static inline void pb_libev_on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    pb_libev_run((pb_libev *)timer->data, 0);
}

static inline void pb_libev_wake(pb_session *s, void *driver)
{
    pb_libev *a = (pb_libev *)driver;
    (void)s;
    ev_feed_event(a->loop, &a->timer, EV_TIMER);
}

/* The session of a connected socket, which is taken over in every case; both go when the
 * session is over, after on_close. NULL for lack of memory. */
static inline pb_session *pb_libev_attach(struct ev_loop *loop, int fd, bool is_client,
                                          const pb_session_config *config)
{
    pb_libev *a = (pb_libev *)calloc(1, sizeof *a);
    if (!a || pb_drive_init(&a->drive, fd, is_client, config, pb_libev_wake, a) != 0) {
        free(a);
        close(fd);
        return NULL;
    }
    a->loop = loop;
    ev_io_init(&a->io, pb_libev_on_io, fd, EV_READ);
    ev_timer_init(&a->timer, pb_libev_on_timer, 0, 0);
    a->io.data = a->timer.data = a;
    ev_timer_start(loop, &a->timer);
    return a->drive.session;
}

#ifdef __cplusplus
}
#endif
#endif
