/* SPDX-License-Identifier: MIT
 *
 * Drivers on libuv's loop. All that happens to a connection ends in pb__conn_settle, at
 * once or before the loop waits. */
#ifndef PB__CONN_H
#define PB__CONN_H

#include <uv.h>

#include "libpb/base/list.h"
#include "libpb/net/driver.h"

/* What the connections of one server share; one that was made by pb_connect has its own. */
struct pb__hub {
    uv_loop_t *loop;
    uv_prepare_t prepare; /* runs while there are unsettled ones, before the loop waits */
    struct pb__list unsettled; /* pb_conn.unsettled */
    /* The owner's. How dialling goes on, called whenever c settles; NULL: all were
     * accepted. */
    void (*dial)(struct pb_conn *c);
    /* c has settled, and goes on; may be NULL. */
    void (*settled)(struct pb_conn *c);
    /* c has ended, and its handles are closed: the rest of it is to be freed. */
    void (*gone)(struct pb_conn *c);
};

struct pb__conn_timer;

struct pb_conn {
    struct pb_driver driver;
    struct pb__hub *hub;
    struct pb__list link;         /* the owner's */
    struct pb__list unsettled;    /* in the hub's list, or in none */
    struct pb__conn_timer *timer; /* NULL while there is no deadline */
    uv_poll_t poll;               /* of the socket, while the driver is up */
};

/* Its owner sets the functions, and closes h->prepare, with a close callback of his own. */
void pb__hub_init(struct pb__hub *h, uv_loop_t *loop);

/* Makes the session. PB_ERR_NOMEM leaves nothing to undo. */
int pb__conn_init(pb_conn *c, struct pb__hub *h, struct pb__shared *shared,
                  const struct pb__policy *policy, bool is_client);
/* fd is connected. Takes it, and tls (NULL: without), also where it fails: -errno. */
int pb__conn_up(pb_conn *c, int fd, struct pb__tls *tls);
/* Does what is to be done. Never from inside the session. */
void pb__conn_settle(pb_conn *c);
/* Has it settled at that time, or earlier; INT64_MAX: not for time's sake. PB_ERR_NOMEM. */
int pb__conn_set_timer(pb_conn *c, int64_t at);

#endif
