/* SPDX-License-Identifier: MIT
 *
 * Connections that this side makes. */
#ifndef PB__DIAL_H
#define PB__DIAL_H

#include "libpb/net/conn.h"
#include "libpb/net/target.h"

/* One who follows a connection, outside of the program's callbacks. Zeros are nobody. */
struct pb__follower {
    void (*ready)(void *who); /* it is negotiated, and on_ready has run; may be NULL */
    /* As the hub's; may be NULL. */
    void (*woken)(void *who);
    /* The pb_conn is gone, and on_close has run. May be NULL. */
    void (*gone)(const pb_error *why, void *who);
    void *who;
};

/* As pb_connect, to what t says. NULL for lack of memory. */
pb_conn *pb__dial(pb_loop *loop, struct pb__target *t, struct pb__follower follower);

#endif
