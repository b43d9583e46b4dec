/* SPDX-License-Identifier: MIT
 *
 * A session over a socket: what the socket gives goes to the session, what the session
 * gives goes to the socket, and a timer minds its deadlines. All that happens to a
 * connection ends in pb__conn_settle, which brings it in line with its session. */
#ifndef PB__CONN_H
#define PB__CONN_H

#include <uv.h>

#include "libpb/base/list.h"
#include "libpb/broker/shared.h"
#include "libpb/net/endpoint.h"
#include "pb/net.h"

enum { PB__CHUNK = 64 << 10 };

/* What the connections of one server share; one that was made by pb_connect has its own. */
struct pb__hub {
    uv_loop_t *loop;
    uv_prepare_t prepare; /* runs while there are unsettled ones, before the loop waits */
    struct pb__list unsettled; /* pb_conn.unsettled */
    uint8_t *chunk;            /* PB__CHUNK bytes, through which passes what is read */
    bool direct;               /* outside of the loop too, output goes out at once */
};

enum pb__conn_state {
    PB__CONN_DIALLING, /* no socket, or one that is not connected yet */
    PB__CONN_UP,
    PB__CONN_ENDED,
};

struct pb__conn_timer;

struct pb_conn {
    struct pb__hub *hub;
    pb_session *session;
    struct pb__list link;         /* the owner's */
    struct pb__list unsettled;    /* in the hub's list, or in none */
    struct pb__conn_timer *timer; /* NULL while there is no deadline */
    int64_t epoch;     /* when it was connected: the session's time starts then */
    int64_t settle_by; /* dialling: give up then; over: what is unsent is dropped then */
    uv_poll_t poll;    /* of fd, while that is not -1 */
    int fd;
    int mask;            /* what poll waits for */
    struct pb__tls *tls; /* NULL: the bytes of the socket are the session's */
    enum pb__conn_state state;
    bool blocked; /* the socket takes no more for now */
    bool broken;  /* it is of no use any more */
    /* The owner's. How dialling goes on; NULL for one that was accepted. */
    void (*dial)(struct pb_conn *c);
    /* c has ended, and its handles are closed: the rest of it is to be freed. */
    void (*gone)(struct pb_conn *c);
};

/* Its owner closes h->prepare, with a close callback of his own. */
void pb__hub_init(struct pb__hub *h, uv_loop_t *loop, uint8_t *chunk);

/* What the sessions of connections share that have this config; NULL for lack of memory.
 * pb__shared_unref ends the caller's use. */
struct pb__shared *pb__conn_share(const pb_session_config *config);
/* Makes the session. PB_ERR_NOMEM leaves nothing to undo. */
int pb__conn_init(pb_conn *c, struct pb__hub *h, struct pb__shared *shared,
                  bool is_client);
/* Watches fd, which c then owns. -errno. */
int pb__conn_watch(pb_conn *c, int fd, int mask, uv_poll_cb cb);
/* The options of an endpoint, and for what it does not say those of the config. */
struct pb__tls_options pb__conn_tls(const struct pb__endpoint *e, const pb_net_config *c);
/* The socket is connected; tls, which c then owns, is between it and the session, or
 * NULL. */
void pb__conn_up(pb_conn *c, struct pb__tls *tls);
/* Does what is to be done: writes, waits, or ends c. Never from inside the session. */
void pb__conn_settle(pb_conn *c);
/* Has it settled before the loop waits. */
void pb__conn_unsettle(pb_conn *c);

#endif
