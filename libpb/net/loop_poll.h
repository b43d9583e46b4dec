/* SPDX-License-Identifier: MIT
 *
 * A small loop over poll(2), for the blocking client: it has no descriptor of its own,
 * and its callbacks may run it again. */
#ifndef PB__LOOP_POLL_H
#define PB__LOOP_POLL_H

#include <poll.h>

#include "libpb/base/list.h"
#include "libpb/net/loop.h"

struct pb__loop_poll {
    pb_loop loop;
    struct pb__list watches; /* in the order of their turns */
    struct pollfd *fds;      /* space for all of them */
    size_t count, room;
    int64_t due;    /* of the timer; INT64_MAX: it is not set */
    bool timer_was; /* the timer had the last turn */
};

void pb__loop_poll_init(struct pb__loop_poll *l);
/* To call when nothing uses the loop any more. */
void pb__loop_poll_fini(struct pb__loop_poll *l);
/* Waits until the timer expires or a descriptor is ready, and handles one of them. A
 * signal ends the wait, too. */
void pb__loop_poll_once(struct pb__loop_poll *l);

#endif
