/* SPDX-License-Identifier: MIT
 *
 * A small loop over poll(2), for a blocking client: it has no descriptor of its own, and may
 * be run again from what it calls. */
#ifndef PB__LOOP_POLL_H
#define PB__LOOP_POLL_H

#include <poll.h>

#include "libpb/base/list.h"
#include "libpb/net/loop.h"

struct pb__loop_poll {
    pb_loop loop;
    struct pb__list watches; /* in the order in which they have their turn */
    struct pollfd *fds;      /* room for all of them */
    size_t count, room;
    int64_t due;    /* of the timer; INT64_MAX: it is not set */
    bool timer_was; /* the timer had its turn last */
};

void pb__loop_poll_init(struct pb__loop_poll *l);
/* Once nothing uses the loop any more. */
void pb__loop_poll_fini(struct pb__loop_poll *l);
/* Waits until the time of the timer has come or a descriptor is ready, and has one of them
 * handled. A signal ends the wait, too. */
void pb__loop_poll_once(struct pb__loop_poll *l);

#endif
