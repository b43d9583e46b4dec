/* SPDX-License-Identifier: MIT
 *
 * Connections, servers and services on libevent:
 *     pb_loop *loop = pb_loop_libevent(base);
 *     pb_conn *conn = pb_connect(loop, "tls:host:8800", &config, &err);
 * Link with libevent_core. */
#ifndef PB_ADAPTERS_LIBEVENT_H
#define PB_ADAPTERS_LIBEVENT_H

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>

#include "pb/loop.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The following is private to this header, except pb_loop_libevent. */
typedef struct {
    struct event_base *base;
    struct event *timer;
    pb_loop *loop;
} pb_libevent;

static inline void pb_libevent_on_event(evutil_socket_t fd, short what, void *watch)
{
    (void)fd;
    pb_watch_ready((pb_watch *)watch, ((what & EV_READ) ? PB_WATCH_READ : 0) |
                                          ((what & EV_WRITE) ? PB_WATCH_WRITE : 0));
}

static inline int pb_libevent_watch_new(void *loop, int fd, pb_watch *watch, void **own)
{
    *own = event_new(((pb_libevent *)loop)->base, fd, 0, pb_libevent_on_event, watch);
    return *own ? 0 : -ENOMEM;
}

static inline int pb_libevent_watch_set(void *loop, void *own, int events)
{
    struct event *e = (struct event *)own;
    short what = (short)(EV_PERSIST | (events & PB_WATCH_READ ? EV_READ : 0) |
                         (events & PB_WATCH_WRITE ? EV_WRITE : 0));
    event_del(e);
    if (event_assign(e, ((pb_libevent *)loop)->base, event_get_fd(e), what,
                     pb_libevent_on_event, event_get_callback_arg(e)) != 0 ||
        (events && event_add(e, NULL) != 0)) {
        return -ENOMEM;
    }
    return 0;
}

static inline void pb_libevent_watch_free(void *loop, void *own)
{
    (void)loop;
    event_free((struct event *)own);
}

static inline void pb_libevent_on_timer(evutil_socket_t fd, short what, void *loop)
{
    (void)fd;
    (void)what;
    pb_loop_due(((pb_libevent *)loop)->loop);
}

static inline void pb_libevent_set_timer(void *loop, int64_t delay)
{
    struct event *timer = ((pb_libevent *)loop)->timer;
    struct timeval t;
    event_del(timer);
    t.tv_sec = (time_t)(delay / 1000);
    t.tv_usec = (suseconds_t)(delay % 1000 * 1000);
    if (delay >= 0 && event_add(timer, &t) != 0) {
        event_active(timer, EV_TIMEOUT, 0); /* it lacks memory: too early will do */
    }
}

static inline void pb_libevent_free(void *loop)
{
    event_free(((pb_libevent *)loop)->timer);
    free(loop);
}

static inline void pb_libevent_forked(void *loop)
{
    event_reinit(((pb_libevent *)loop)->base);
}

/* Wraps a base, which the program runs: *new* (pb_loop_unref). NULL if memory is
 * exhausted. */
static inline pb_loop *pb_loop_libevent(struct event_base *base)
{
    static const pb_loop_ops ops = {pb_libevent_watch_new,
                                    pb_libevent_watch_set,
                                    pb_libevent_watch_free,
                                    pb_libevent_set_timer,
                                    NULL,
                                    NULL,
                                    pb_libevent_free,
                                    pb_libevent_forked,
                                    {NULL, NULL, NULL}};
    pb_libevent *l = (pb_libevent *)calloc(1, sizeof *l);
    if (!l || !(l->timer = event_new(base, -1, 0, pb_libevent_on_timer, l)) ||
        !(l->loop = pb_loop_new(&ops, l))) {
        if (l && l->timer) {
            event_free(l->timer);
        }
        free(l);
        return NULL;
    }
    l->base = base;
    return l->loop;
}

#ifdef __cplusplus
}
#endif
#endif
