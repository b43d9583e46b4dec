/* SPDX-License-Identifier: MIT
 *
 * Connections: what the socket gives goes to the session, what the session gives goes to
 * the socket, TLS between them if there is any. All that happens to one ends in
 * pb__conn_settle, at once or before the loop waits, which brings the loop in line with
 * the session. */
#ifndef PB__CONN_H
#define PB__CONN_H

#include "libpb/base/list.h"
#include "libpb/broker/shared_config.h"
#include "libpb/net/loop.h"
#include "libpb/net/peer.h"
#include "libpb/net/tls.h"
#include "pb/net.h"

/* What connections of one config share. */
struct pb__policy {
    int64_t idle_timeout; /* milliseconds; 0: none, as with those that follow */
    int64_t write_timeout;
    int64_t ping_interval;
    const char *ping_method;
    int keep_alive; /* seconds; 0: none */
    bool direct;    /* what is to be sent goes out at once, also where no loop runs */
};

enum pb__conn_state {
    PB__CONN_AWAY, /* there is no connected socket yet */
    PB__CONN_UP,
    PB__CONN_ENDED,
};

/* What the connections of one owner share. */
struct pb__hub {
    pb_loop *loop;
    const struct pb__policy *policy;
    /* How dialling goes on, called whenever c settles; NULL: all sockets were connected. */
    void (*dial)(struct pb_conn *c);
    /* The session has woken c, and nothing of it is on the stack; may be NULL. May end c. */
    void (*woken)(struct pb_conn *c);
    /* c has settled, and goes on; may be NULL. */
    void (*settled)(struct pb_conn *c);
    /* c has ended, and its socket is closed: the session and c are to be freed. */
    void (*gone)(struct pb_conn *c);
};

/* A socket that a server has, and the address that it came from. */
struct pb__accepted {
    int fd;
    struct pb__address at;
};

struct pb_conn {
    pb_session *session;
    const struct pb__hub *hub;
    struct pb__list link;   /* the owner's */
    pb_watch watch;         /* of the socket, while it is up */
    struct pb__timer timer; /* settles */
    struct pb__tls *tls;    /* NULL: the bytes of the socket are the session's */
    struct pb__peer *peer;  /* NULL: nobody has asked yet */
    struct pb__address at;  /* the peer's */
    int64_t heard;          /* when the peer was heard last */
    int64_t moved;          /* when the peer took something last, or was to do so */
    int64_t close_by;       /* over: what is unsent is dropped then */
    int64_t finish_by;      /* INT64_MAX: it is not to finish */
    int unsent;             /* what the system had for the peer at `moved` */
    int fd;                 /* -1: none */
    uint8_t mask;           /* what is watched */
    uint8_t state;          /* enum pb__conn_state */
    bool blocked;           /* the socket takes no more for now */
    bool broken;            /* it is of no use any more */
    bool pinging;           /* a ping is under way */
    bool woken;             /* it is to settle soon */
    uint16_t depth;         /* of it at work on the stack */
};

static inline int64_t pb__conn_now(const struct pb_conn *c)
{
    return pb__loop_now(c->hub->loop);
}

/* What the sessions of connections share that have this config; NULL for lack of memory.
 * pb__shared_unref ends the caller's use. */
struct pb__shared *pb__conn_share(const pb_session_config *config);
/* Makes the session. from is what was accepted, NULL where there is no socket yet, and not
 * taken. PB_ERR_NOMEM leaves nothing to undo. */
int pb__conn_init(pb_conn *c, const struct pb__hub *h, struct pb__shared *shared,
                  bool is_client, const struct pb__accepted *from);
/* fd is connected. Takes it, and tls (NULL: without), also where it fails: -errno. The
 * peer's address is c->at, or what the system says. */
int pb__conn_up(pb_conn *c, int fd, struct pb__tls *tls);
/* Frees the session, and all that is not c itself. */
void pb__conn_fini(pb_conn *c);
/* Does what is to be done: ticks, writes, waits, or ends c. Never from inside the
 * session. */
void pb__conn_settle(pb_conn *c);
/* The session is over for that reason, and with it the socket. */
void pb__conn_lose(pb_conn *c, const pb_error *why);
/* In the child of a fork: true, and it is over without a word to the peer, and gone unless it
 * is at work on the stack. Else false. */
bool pb__conn_disown(pb_conn *c);
/* Has it settle as soon as the loop runs. */
void pb__conn_wake(pb_conn *c);
/* Has it settle at that time, or earlier; INT64_MAX: not for time's sake. */
void pb__conn_set_timer(pb_conn *c, int64_t at);

/* ---- debug.c ---- */

/* Lets a program that has no on_log be told on standard error what the environment asks
 * for. */
void pb__debug_config(pb_session_config *c);

/* ---- connection_timeouts.c: connections that are idle, silent or about to finish ---- */

/* Its ping_method is c's. */
struct pb__policy pb__policy_of(const pb_net_config *c);

/* The socket has taken something, or is to. */
void pb__conn_moved(pb_conn *c);
/* Does what time demands. */
void pb__conn_mind(pb_conn *c);
/* Whether c is about to finish, and hears nobody any more. */
bool pb__conn_is_deaf(const pb_conn *c);
/* Whether c is to finish, and its session can be closed. */
bool pb__conn_has_finished(const pb_conn *c);
/* When to look at these; INT64_MAX: not for time's sake. */
int64_t pb__conn_mind_at(const pb_conn *c);
/* Whether the session has more to do as soon as the socket takes more: it is paging. The
 * loop then comes back by way of the socket, so that other connections have their turn. */
bool pb__conn_goes_on(const pb_conn *c);

#endif
