/* SPDX-License-Identifier: MIT
 *
 * A session under libevent. The program connects or accepts; from then on the socket is the
 * session's. Link with libevent_core. */
#ifndef PB_ADAPTERS_LIBEVENT_H
#define PB_ADAPTERS_LIBEVENT_H

#include <event2/event.h>
#include <stdlib.h>

#include "pb/adapters/drive.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What a session has under libevent, for this header alone. */
typedef struct {
    pb_drive_state drive;
    struct event *read, *write, *timer;
} pb_libevent;

static inline void pb_libevent_free(pb_libevent *a)
{
    struct event *all[] = {a->read, a->write, a->timer};
    for (int i = 0; i < 3; i++) {
        if (all[i]) {
            event_free(all[i]);
        }
    }
    free(a);
}

static inline void pb_libevent_run(evutil_socket_t fd, short what, void *ctx)
{
    pb_libevent *a = (pb_libevent *)ctx;
    int64_t timeout;
    int ready =
        (what & EV_READ ? PB_DRIVE_READ : 0) | (what & EV_WRITE ? PB_DRIVE_WRITE : 0);
    int wait = pb_drive(&a->drive, ready, &timeout);
    (void)fd;
    if (wait < 0) {
        pb_libevent_free(a);
        return;
    }
    wait &PB_DRIVE_READ ? event_add(a->read, NULL) : event_del(a->read);
    wait &PB_DRIVE_WRITE ? event_add(a->write, NULL) : event_del(a->write);
    if (timeout < 0) {
        event_del(a->timer);
    } else {
        struct timeval t = {(time_t)(timeout / 1000),
                            (suseconds_t)(timeout % 1000 * 1000)};
        event_add(a->timer, &t);
    }
}

static inline void pb_libevent_wake(pb_session *s, void *driver)
{
    (void)s;
    event_active(((pb_libevent *)driver)->timer, EV_TIMEOUT, 0);
}

/* The session of a connected socket, which is taken over in every case; both go when the
 * session is over, after on_close. NULL for lack of memory. */
static inline pb_session *pb_libevent_attach(struct event_base *base, int fd,
                                             bool is_client,
                                             const pb_session_config *config)
{
    pb_libevent *a = (pb_libevent *)calloc(1, sizeof *a);
    if (!a || pb_drive_init(&a->drive, fd, is_client, config, pb_libevent_wake, a) != 0) {
        free(a);
        close(fd);
        return NULL;
    }
    a->read = event_new(base, fd, EV_READ, pb_libevent_run, a);
    a->write = event_new(base, fd, EV_WRITE, pb_libevent_run, a);
    a->timer = event_new(base, -1, 0, pb_libevent_run, a);
    if (!a->read || !a->write || !a->timer) {
        pb_drive_fini(&a->drive);
        pb_libevent_free(a);
        return NULL;
    }
    event_active(a->timer, EV_TIMEOUT, 0);
    return a->drive.session;
}

#ifdef __cplusplus
}
#endif
#endif
