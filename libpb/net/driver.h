/* SPDX-License-Identifier: MIT
 *
 * A session over a socket: what the socket gives goes to the session, what the session
 * gives goes to the socket, TLS between them if there is any. All that happens to one ends
 * in pb__driver_settle, which brings the loop in line with the session. */
#ifndef PB__DRIVER_H
#define PB__DRIVER_H

#include "libpb/broker/shared.h"
#include "libpb/net/tls.h"
#include "pb/driver.h"

/* What drivers of one config share. */
struct pb__policy {
    int64_t idle_timeout; /* milliseconds; 0: none, as with those that follow */
    int64_t write_timeout;
    int64_t ping_interval;
    const char *ping_method;
    int keep_alive; /* seconds; 0: none */
    bool direct;    /* what is to be sent goes out at once, also where no loop runs */
};

enum pb__driver_state {
    PB__DRIVER_AWAY, /* there is no connected socket yet */
    PB__DRIVER_UP,
    PB__DRIVER_ENDED,
};

struct pb_driver {
    pb_session *session;
    const pb_driver_hooks *hooks;
    void *loop;
    const struct pb__policy *policy;
    struct pb__tls *tls; /* NULL: the bytes of the socket are the session's */
    int64_t epoch;       /* when it came up: the session's time starts then */
    int64_t heard;       /* when the peer was heard last */
    int64_t moved;       /* when the peer took something last, or was to do so */
    int unsent;          /* what the system had for it then */
    int64_t close_by;    /* over: what is unsent is dropped then */
    int64_t finish_by;   /* INT64_MAX: it is not to finish */
    int fd;              /* -1: none */
    uint8_t mask;        /* what is watched */
    uint8_t state;       /* enum pb__driver_state */
    bool blocked;        /* the socket takes no more for now */
    bool broken;         /* it is of no use any more */
    bool pinging;        /* a ping is under way */
    bool owned;          /* made by pb_driver_new */
};

/* What the sessions of drivers share that have this config; NULL for lack of memory.
 * pb__shared_unref ends the caller's use. */
struct pb__shared *pb__driver_share(const pb_session_config *config);
/* Makes the session. PB_ERR_NOMEM leaves nothing to undo. */
int pb__driver_init(struct pb_driver *d, struct pb__shared *shared, bool is_client,
                    const struct pb__policy *policy, const pb_driver_hooks *hooks,
                    void *loop);
/* The socket is connected. Takes fd, and tls (NULL: without). */
void pb__driver_up(struct pb_driver *d, int fd, struct pb__tls *tls);
/* Does what is to be done: ticks, writes, waits, or ends d. Never from inside the
 * session. */
void pb__driver_settle(struct pb_driver *d);
/* The session is over for that reason, and with it the socket. */
void pb__driver_lose(struct pb_driver *d, const pb_error *why);

static inline int64_t pb__driver_now(const struct pb_driver *d)
{
    return d->hooks->now(d->loop);
}

/* ---- life.c: connections that are idle, silent or about to finish ---- */

/* Its ping_method is c's. */
struct pb__policy pb__policy_of(const pb_net_config *c);

/* The socket has taken something, or is to. */
void pb__driver_moved(struct pb_driver *d);
/* Does what time demands. */
void pb__driver_mind(struct pb_driver *d);
/* Whether d is about to finish, and hears nobody any more. */
bool pb__driver_is_deaf(const struct pb_driver *d);
/* Whether d is to finish, and its session can be closed. */
bool pb__driver_has_finished(const struct pb_driver *d);
/* When to look at these; INT64_MAX: not for time's sake. */
int64_t pb__driver_mind_at(const struct pb_driver *d);
/* Whether the session has more to do as soon as the socket takes more: it is paging. The
 * loop then comes back by way of the socket, so that other connections have their turn. */
bool pb__driver_goes_on(const struct pb_driver *d);

#endif
