/* SPDX-License-Identifier: MIT
 *
 * Connections that are opened by this side. */
#ifndef PB__DIAL_H
#define PB__DIAL_H

#include "libpb/net/conn.h"
#include "libpb/net/target.h"

/* Callbacks for the part of the library that dialled, besides the program's own. Zeros:
 * none. */
struct pb__dial_callbacks {
    void (*ready)(
        void *who); /* The session is ready, and on_ready has run; may be NULL. */
    /* As pb__hub.woken; may be NULL. */
    void (*woken)(void *who);
    /* The pb_conn is freed, and on_close has run. May be NULL. */
    void (*gone)(const pb_error *why, void *who);
    void *who;
};

/* As pb_connect, to the target t. NULL for lack of memory. */
pb_conn *pb__dial(pb_loop *loop, struct pb__target *t,
                  struct pb__dial_callbacks callbacks);

#endif
