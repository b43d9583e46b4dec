/* SPDX-License-Identifier: MIT
 *
 * Connections: pass input from the socket to the session and output from the session to
 * the socket, through TLS if it is used. Every event of a connection ends in
 * pb__conn_update, at once or before the loop waits; it updates the loop's watch and
 * timer from the session. */
#ifndef PB__CONN_H
#define PB__CONN_H

#include "libpb/base/list.h"
#include "libpb/broker/shared_config.h"
#include "libpb/net/loop.h"
#include "libpb/net/peer.h"
#include "libpb/net/tls.h"
#include "pb/net.h"

/* Settings that the connections of one configuration share. */
struct pb__policy {
    int64_t idle_timeout; /* milliseconds; 0: none, as for the next two */
    int64_t write_timeout;
    int64_t ping_interval;
    const char *ping_method;
    int keep_alive; /* seconds; 0: none */
    bool direct;    /* output is written at once, even if no loop runs */
};

enum pb__conn_state {
    PB__CONN_CONNECTING, /* there is no connected socket yet */
    PB__CONN_UP,
    PB__CONN_ENDED,
};

/* Shared by the connections of one owner. */
struct pb__hub {
    pb_loop *loop;
    const struct pb__policy *policy;
    /* Continues connecting, at each update; NULL: all sockets were connected. */
    void (*dial)(struct pb_conn *c);
    /* The session has woken c, and none of its functions is on the stack; may be NULL.
     * May end c. */
    void (*woken)(struct pb_conn *c);
    /* c was updated, and is still open; may be NULL. */
    void (*updated)(struct pb_conn *c);
    /* c has ended, and its socket is closed: frees the session and c. */
    void (*gone)(struct pb_conn *c);
};

/* A socket that a server has accepted, and the address of its peer. */
struct pb__accepted {
    int fd;
    struct pb__address at;
};

struct pb_conn {
    pb_session *session;
    const struct pb__hub *hub;
    struct pb__list link;   /* in the owner's list */
    pb_watch watch;         /* of the socket, while the state is PB__CONN_UP */
    struct pb__timer timer; /* calls pb__conn_update */
    struct pb__tls *tls;    /* NULL: no TLS */
    struct pb__peer *peer;  /* made when it is first asked for */
    struct pb__address at;  /* the peer's address */
    int64_t last_read;      /* the time of the last input */
    int64_t last_write;     /* when the peer last took output, or output began to wait */
    int64_t close_by; /* after the end of the session: unsent output is dropped then */
    int64_t drain_by; /* INT64_MAX: not draining */
    int unsent;       /* bytes in the system's send buffer at last_write */
    int fd;           /* -1: none */
    uint8_t mask;     /* PB_WATCH_ events that are watched */
    uint8_t state;    /* enum pb__conn_state */
    bool blocked;     /* the socket takes no more for now */
    bool broken;      /* the socket has failed or reached its end */
    bool pinging;     /* a ping has not been answered yet */
    bool woken;       /* an update is due at once */
    uint16_t depth;   /* functions of it on the stack */
};

static inline int64_t pb__conn_now(const struct pb_conn *c)
{
    return pb__loop_now(c->hub->loop);
}

/* The shared configuration for the sessions of connections; NULL for lack of memory. The
 * caller releases it with pb__shared_unref. */
struct pb__shared *pb__conn_share(const pb_session_config *config);
/* Initializes c and its session. from is an accepted socket (not taken), or NULL if there
 * is none yet. After PB_ERR_NOMEM there is nothing to undo. */
int pb__conn_init(pb_conn *c, const struct pb__hub *h, struct pb__shared *shared,
                  bool is_client, const struct pb__accepted *from);
/* fd is connected. Takes it, and tls (NULL: no TLS), also on failure: -errno. The peer's
 * address is c->at, or else what the system says. */
int pb__conn_up(pb_conn *c, int fd, struct pb__tls *tls);
/* Frees the session, and all that c holds; not c itself. */
void pb__conn_fini(pb_conn *c);
/* Runs timers, writes output, sets watch and timer, or ends c. Not to be called from
 * inside the session. */
void pb__conn_update(pb_conn *c);
/* Ends the session for that reason, and with it the connection. */
void pb__conn_lose(pb_conn *c, const pb_error *why);
/* In a child process (fork): ends c without sending anything, frees it unless it is on
 * the stack, and returns true. Otherwise false. */
bool pb__conn_disown(pb_conn *c);
/* Makes an update due as soon as the loop runs. */
void pb__conn_wake(pb_conn *c);
/* Makes an update due at that time, or earlier; INT64_MAX: at no time. */
void pb__conn_set_timer(pb_conn *c, int64_t at);

/* ---- debug.c ---- */

/* If the program has set no on_log, logs to standard error as PB_DEBUG in the environment
 * says. */
void pb__debug_config(pb_session_config *c);

/* ---- connection_timeouts.c: idle and silent connections, and draining ---- */

/* Its ping_method is that of c. */
struct pb__policy pb__policy_of(const pb_net_config *c);

/* To call when the socket has taken output, or when output begins to wait. */
void pb__conn_note_write(pb_conn *c);
/* Closes a connection that is stalled or idle, and sends a ping if one is due. */
void pb__conn_check_timeouts(pb_conn *c);
/* Whether c is draining and reads nothing more. */
bool pb__conn_reads_no_more(const pb_conn *c);
/* Whether c is draining, and its session can be closed now. */
bool pb__conn_is_drained(const pb_conn *c);
/* The time of the next such check; INT64_MAX: none. */
int64_t pb__conn_next_timeout(const pb_conn *c);
/* Whether the session has another page to send as soon as the socket takes more. The loop
 * then returns by way of the socket, so that other connections have their turn. */
bool pb__conn_has_pages(const pb_conn *c);

#endif
