/* SPDX-License-Identifier: MIT
 *
 * Data that the application has attached to a session: its own pointer (peer.c), and
 * the functions to call when the connection ends (disconnect.c). */
#ifndef PB__ATTACHED_H
#define PB__ATTACHED_H

#include "pb/broker.h"

struct pb__attached {
    struct pb__notifier *notifiers; /* in the order in which they are called */
    void *data;
    void (*destroy)(void *data);
};

/* s->attached, made if needed; NULL for lack of memory. */
struct pb__attached *pb__attached(pb_session *s);
/* The session is freed. */
void pb__attached_fini(pb_session *s);
/* The connection has ended: calls the notifiers. */
void pb__disconnect_notify(pb_session *s);

#endif
