/* SPDX-License-Identifier: MIT
 *
 * Connecting: looks up the host's addresses, and tries them until one accepts, none is
 * left, or the time is over. A silent address does not delay the others: IPv6 and IPv4
 * addresses take turns, the next is tried after a short delay while the others are still
 * pending, and the first to connect wins (RFC 8305). */
#include "libpb/net/dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/log.h"
#include "libpb/net/peer.h"
#include "libpb/net/resolve.h"
#include "libpb/net/socket.h"

enum { ATTEMPT_DELAY = 250 /* milliseconds: RFC 8305, 5 */ };

struct dialled {
    pb_conn conn; /* first: pb_connect returns this */
    struct pb__hub hub;
    struct pb__target *to;
    struct pb__dial_callbacks callbacks;
    struct pb__lookup *lookup; /* NULL: none is pending */
    struct addrinfo *found;
    /* Addresses that are not tried yet: those of the first one's family, and the others;
     * and from which of the two lists to take the next. */
    const struct addrinfo *next[2];
    int turn;
    struct pb__list attempts; /* attempt.link: the pending ones */
    int64_t next_at;          /* when the next address is tried at the latest */
    int64_t give_up_at;
    struct sockaddr_un path; /* of a UNIX endpoint */
    struct addrinfo path_info;
    pb_error failure; /* why the last attempt failed */
    bool was_ready;   /* callbacks.ready was called */
    bool overdue;     /* give_up_at has passed; the loop has one more turn */
};

struct attempt {
    pb_watch watch; /* of fd */
    struct dialled *d;
    struct pb__list link;
    const struct addrinfo *to; /* borrowed from d */
    int fd;
};

static void dial_failed(struct dialled *d, int negative_errno)
{
    d->failure = (pb_error){0};
    pb__socket_error(&d->failure, negative_errno, "cannot connect to %s",
                     d->to->at.spelling);
}

/* Logs one line about an address: its text between the two others. The application may do
 * anything in on_log, so nothing may be half changed. */
static void dial_log(struct dialled *d, const char *before, const struct addrinfo *to,
                     const char *after)
{
    pb_session *s = d->conn.session;
    if (pb__logs(s, PB_LOG_DEBUG)) {
        struct pb__address at = pb__address_of(to->ai_addr, to->ai_addrlen);
        struct pb__peer peer;
        pb__peer_init(&peer, &at, -1);
        bool is_tcp = !d->to->at.is_unix && peer.shown.address;
        pb__log(s, PB_LOG_DEBUG, "%s%s%s", before,
                is_tcp ? peer.shown.address : d->to->at.spelling, after);
        pb__peer_fini(&peer);
    }
}

static void dial_address_failed(struct dialled *d, const struct addrinfo *to,
                                int negative_errno)
{
    char after[80];
    snprintf(after, sizeof after, ": %s", pb__socket_text(negative_errno));
    dial_failed(d, negative_errno);
    dial_log(d, "cannot connect to ", to, after);
}

/* ---- Ending ---- */

/* Frees an attempt, and returns its socket, which the caller then owns. */
static int dial_take_socket(struct attempt *a)
{
    int fd = a->fd;
    pb__watch_free(a->d->hub.loop, &a->watch);
    pb__list_remove(&a->link);
    pb__free(a);
    return fd;
}

static void dial_drop_attempts(struct dialled *d)
{
    while (!pb__list_empty(&d->attempts)) {
        close(dial_take_socket(PB__LIST_ENTRY(d->attempts.next, struct attempt, link)));
    }
}

static void dial_on_gone(pb_conn *c)
{
    struct dialled *d = (struct dialled *)c;
    struct pb__dial_callbacks callbacks = d->callbacks;
    pb_error why = *pb_session_error(c->session);
    pb__conn_fini(c);
    dial_drop_attempts(d);
    if (d->lookup) {
        pb__lookup_cancel(d->lookup);
    }
    if (d->found) {
        freeaddrinfo(d->found);
    }
    pb_loop *loop = d->hub.loop;
    pb__target_unref(d->to);
    pb__free(d);
    if (callbacks.gone) {
        callbacks.gone(&why, callbacks.who);
    }
    pb_loop_unref(loop);
}

/* ---- Attempts ---- */

static void dial_succeed(struct attempt *a)
{
    struct dialled *d = a->d;
    pb_conn *c = &d->conn;
    int fd = dial_take_socket(a);
    dial_drop_attempts(d);
    struct pb__tls *tls = d->to->tls ? pb__tls_new(d->to->tls, d->to->tls_host) : NULL;
    pb_error why = {0};
    if (d->to->tls && !tls) {
        pb__error_nomem(&why);
        close(fd);
    } else {
        int e = pb__conn_up(c, fd, tls);
        if (e) {
            dial_failed(d, e);
            why = d->failure;
        } else {
            pb__socket_keep_alive(fd, d->to->policy.keep_alive);
            pb__target_warn(d->to, c->session);
        }
    }
    if (why.code) {
        pb__conn_lose(c, &why);
    }
}

static void attempt_on_ready(pb_watch *w, int events)
{
    struct attempt *a = PB__LIST_ENTRY(w, struct attempt, watch);
    struct dialled *d = a->d;
    pb__loop_enter(d->hub.loop);
    int e = pb__socket_status(a->fd);
    e = e == 0 && (events & PB_WATCH_FAILED) ? -EIO : e;
    if (e) {
        const struct addrinfo *to = a->to;
        close(dial_take_socket(a));
        d->next_at = pb__conn_now(&d->conn);
        d->conn.depth++; /* on_log may run the loop, and must not free d */
        dial_address_failed(d, to, e);
        d->conn.depth--;
    } else {
        dial_succeed(a);
    }
    pb__conn_update(&d->conn);
}

static int attempt_start(struct dialled *d, const struct addrinfo *to)
{
    int fd = pb__socket_connect(to->ai_addr, to->ai_addrlen, d->to->at.bind_address);
    if (fd < 0) {
        return fd;
    }
    struct attempt *a = pb__malloc(sizeof *a);
    int e = a ? pb__watch_new(d->hub.loop, &a->watch, fd, attempt_on_ready) : -ENOMEM;
    if (e) {
        pb__free(a);
        close(fd);
        return e;
    }
    a->d = d;
    a->to = to;
    a->fd = fd;
    pb__list_init(&a->link);
    pb__list_push(&d->attempts, &a->link);
    e = pb__watch_set(d->hub.loop, &a->watch, PB_WATCH_WRITE);
    if (e) {
        close(dial_take_socket(a));
    }
    return e;
}

static void dial_drop_others(const struct addrinfo **next, int family)
{
    while (*next && (*next)->ai_family != family) {
        *next = (*next)->ai_next;
    }
}

/* The next address to try; NULL: none is left. */
static const struct addrinfo *dial_take_address(struct dialled *d)
{
    int i = d->next[d->turn] ? d->turn : !d->turn;
    const struct addrinfo *a = d->next[i];
    if (a) {
        d->next[i] = a->ai_next;
        dial_drop_others(&d->next[i], a->ai_family);
        d->turn = !i;
    }
    return a;
}

static bool dial_is_any_left(const struct dialled *d)
{
    return d->next[0] || d->next[1];
}

/* Whether it is still connecting: on_log may have closed the session, or run the loop. */
static bool dial_is_pending(const struct dialled *d)
{
    return d->conn.state == PB__CONN_CONNECTING && !pb_session_is_closed(d->conn.session);
}

/* Tries addresses until one attempt is pending. */
static void dial_try_next(struct dialled *d)
{
    const struct addrinfo *to;
    while (dial_is_pending(d) && (to = dial_take_address(d))) {
        d->next_at = pb__conn_now(&d->conn) + ATTEMPT_DELAY;
        int e = attempt_start(d, to);
        if (e == 0) {
            dial_log(d, "connecting to ", to, "");
            return;
        }
        dial_address_failed(d, to, e);
    }
}

/* ---- Finding addresses ---- */

/* Uses two families at most: an address of a third is never tried. */
static void dial_set_found(struct dialled *d, struct addrinfo *found)
{
    d->found = found;
    d->next[0] = d->next[1] = found;
    while (d->next[1] && d->next[1]->ai_family == found->ai_family) {
        d->next[1] = d->next[1]->ai_next;
    }
    d->next_at = pb__conn_now(&d->conn);
}

static void dial_on_found(struct addrinfo *found, const char *why, void *dialled)
{
    struct dialled *d = dialled;
    d->lookup = NULL;
    if (found) {
        dial_set_found(d, found);
    } else {
        pb__error_set(&d->failure, PB_ERR_SYSTEM, 0, "cannot find host \"%s\": %s",
                      d->to->at.host, why);
    }
    pb__conn_update(&d->conn);
}

/* Finds the addresses: at once for a numeric host, else by a lookup. */
static void dial_look_up(struct dialled *d)
{
    const struct pb__endpoint *e = &d->to->at;
    if (e->is_unix) {
        d->path.sun_family = AF_UNIX;
        memcpy(d->path.sun_path, e->path, strlen(e->path));
        d->path_info = (struct addrinfo){.ai_addr = (struct sockaddr *)&d->path,
                                         .ai_addrlen = sizeof d->path};
        d->next[0] = &d->path_info;
        return;
    }
    char service[8];
    snprintf(service, sizeof service, "%d", e->port);
    struct addrinfo *found,
        hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(e->host, service, &hints, &found) == 0) {
        dial_set_found(d, found);
        return;
    }
    d->lookup =
        pb__lookup_new(d->hub.loop, e->host, service, dial_on_found, d, &d->failure);
}

/* ---- Connecting ---- */

/* Runs at each update of the connection: continues, or ends it if no attempt is left. */
static void dial_on_timer(pb_conn *c)
{
    struct dialled *d = (struct dialled *)c;
    if (pb__conn_now(&d->conn) >= c->drain_by) {
        pb_session_close(c->session);
        return;
    }
    pb_session_tick(c->session, pb__conn_now(&d->conn));
    if (pb_session_is_closed(c->session)) {
        return;
    }
    if (dial_is_any_left(d) && pb__conn_now(&d->conn) >= d->next_at) {
        dial_try_next(d);
        if (!dial_is_pending(d)) {
            return;
        }
    }
    int64_t at = pb__earlier(d->give_up_at, c->drain_by);
    at = pb__earlier(at, pb_session_deadline(c->session));
    at = dial_is_any_left(d) ? pb__earlier(at, d->next_at) : at;
    if (pb__conn_now(&d->conn) >= d->give_up_at && !d->overdue) {
        /* A program that did not run the loop has not seen yet what arrived meanwhile. */
        d->overdue = true;
        pb__conn_set_timer(c, pb__conn_now(c));
        return;
    }
    if (d->overdue) {
        d->failure = (pb_error){0};
        pb__error_set(&d->failure, PB_ERR_TIMEOUT, 0,
                      "no connection to %s within %lld milliseconds", d->to->at.spelling,
                      (long long)d->to->connect_timeout);
    } else if (d->lookup || dial_is_any_left(d) || !pb__list_empty(&d->attempts)) {
        pb__conn_set_timer(c, at);
        return;
    }
    pb_session_lost(c->session, &d->failure);
}

static void dial_on_updated(pb_conn *c)
{
    struct dialled *d = (struct dialled *)c;
    if (!d->was_ready && pb_session_is_ready(c->session)) {
        d->was_ready = true;
        if (d->callbacks.ready) {
            d->callbacks.ready(d->callbacks.who);
        }
    }
}

static void dial_on_woken(pb_conn *c)
{
    struct dialled *d = (struct dialled *)c;
    if (d->callbacks.woken) {
        d->callbacks.woken(d->callbacks.who);
    }
}

pb_conn *pb__dial(pb_loop *loop, struct pb__target *t,
                  struct pb__dial_callbacks callbacks)
{
    struct dialled *d = pb__calloc(1, sizeof *d);
    if (!d) {
        return NULL;
    }
    d->hub = (struct pb__hub){.loop = loop,
                              .policy = &t->policy,
                              .dial = dial_on_timer,
                              .woken = dial_on_woken,
                              .updated = dial_on_updated,
                              .gone = dial_on_gone};
    if (pb__conn_init(&d->conn, &d->hub, t->shared, true, NULL) != 0) {
        pb__free(d);
        return NULL;
    }
    pb_loop_ref(loop);
    d->to = pb__target_ref(t);
    d->callbacks = callbacks;
    pb__list_init(&d->attempts);
    pb__loop_update(loop);
    d->give_up_at = t->connect_timeout < 0
                        ? INT64_MAX
                        : pb__later(pb__conn_now(&d->conn), t->connect_timeout);
    dial_look_up(d);
    if (dial_is_any_left(d)) {
        dial_try_next(d);
    }
    pb__conn_wake(&d->conn);
    return &d->conn;
}

pb_conn *pb_connect(pb_loop *loop, const char *endpoint, const pb_net_config *c,
                    pb_error *err)
{
    struct pb__target *t = pb__loop_check(loop, err) == 0
                               ? pb__target_new(endpoint, PB__ENDPOINT_CLIENT, c, err)
                               : NULL;
    pb_conn *conn = t ? pb__dial(loop, t, (struct pb__dial_callbacks){0}) : NULL;
    if (t && !conn) {
        pb__error_nomem(err);
    }
    pb__target_unref(t);
    return conn;
}
