/* SPDX-License-Identifier: MIT
 *
 * Connections, servers and services on libev:
 *     pb_loop *loop = pb_loop_libev(EV_DEFAULT);
 *     pb_conn *conn = pb_connect(loop, "tls:host:8800", &config, &err);
 * Link with libev. */
#ifndef PB_ADAPTERS_LIBEV_H
#define PB_ADAPTERS_LIBEV_H

#include <errno.h>
#include <ev.h>
#include <stdlib.h>

#include "pb/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The following is private to this header, except pb_loop_libev. */
typedef struct {
    struct ev_loop *ev;
    ev_timer timer;
    pb_loop *loop;
} pb_libev;

static inline void pb_libev_on_io(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    pb_watch_ready((pb_watch *)io->data, ((events & EV_ERROR) ? PB_WATCH_FAILED : 0) |
                                             ((events & EV_READ) ? PB_WATCH_READ : 0) |
                                             ((events & EV_WRITE) ? PB_WATCH_WRITE : 0));
}

static inline int pb_libev_watch_new(void *loop, int fd, pb_watch *watch, void **own)
{
    ev_io *io = (ev_io *)malloc(sizeof *io);
    (void)loop;
    if (!io) {
        return -ENOMEM;
    }
    ev_io_init(io, pb_libev_on_io, fd, 0);
    io->data = watch;
    *own = io;
    return 0;
}

static inline int pb_libev_watch_set(void *loop, void *own, int events)
{
    struct ev_loop *ev = ((pb_libev *)loop)->ev;
    ev_io *io = (ev_io *)own;
    ev_io_stop(ev, io);
    if (events) {
        ev_io_set(io, io->fd,
                  (events & PB_WATCH_READ ? EV_READ : 0) |
                      (events & PB_WATCH_WRITE ? EV_WRITE : 0));
        ev_io_start(ev, io);
    }
    return 0;
}

static inline void pb_libev_watch_free(void *loop, void *own)
{
    ev_io_stop(((pb_libev *)loop)->ev, (ev_io *)own);
    free(own);
}

static inline void pb_libev_on_timer(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    pb_loop_due(((pb_libev *)timer->data)->loop);
}

static inline void pb_libev_set_timer(void *loop, int64_t delay)
{
    pb_libev *l = (pb_libev *)loop;
    ev_timer_stop(l->ev, &l->timer);
    if (delay >= 0) {
        ev_timer_set(&l->timer, (double)delay / 1000, 0);
        ev_timer_start(l->ev, &l->timer);
    }
}

static inline void pb_libev_forked(void *loop)
{
    ev_loop_fork(((pb_libev *)loop)->ev);
}

/* Wraps a loop, which the program runs: *new* (pb_loop_unref). NULL if memory is
 * exhausted. */
static inline pb_loop *pb_loop_libev(struct ev_loop *ev)
{
    static const pb_loop_ops ops = {pb_libev_watch_new,
                                    pb_libev_watch_set,
                                    pb_libev_watch_free,
                                    pb_libev_set_timer,
                                    NULL,
                                    NULL,
                                    free,
                                    pb_libev_forked,
                                    {NULL, NULL, NULL}};
    pb_libev *l = (pb_libev *)calloc(1, sizeof *l);
    if (!l || !(l->loop = pb_loop_new(&ops, l))) {
        free(l);
        return NULL;
    }
    l->ev = ev;
    ev_timer_init(&l->timer, pb_libev_on_timer, 0, 0);
    l->timer.data = l;
    return l->loop;
}

#ifdef __cplusplus
}
#endif
#endif
