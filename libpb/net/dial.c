/* SPDX-License-Identifier: MIT
 *
 * Connecting: the host's addresses are found, and tried until one takes the connection,
 * none is left, or the time is over. An address that keeps silent does not hold up the
 * next: IPv6 and IPv4 in turns, each gets a short while before the other is tried beside
 * it, and the fastest wins (RFC 8305). */
#include "libpb/net/dial.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/socket.h"

enum { ATTEMPT_DELAY = 250 /* milliseconds: RFC 8305, 5 */ };

struct dialled {
    pb_conn conn; /* first, for it is what the program has */
    struct pb__hub hub;
    struct pb__target *to;
    struct pb__follower follower;
    uv_getaddrinfo_t lookup;
    struct addrinfo *found;
    /* Addresses that are still to be tried: those of the first one's family, and the
     * others; and of which the next is to be. */
    const struct addrinfo *next[2];
    int turn;
    struct pb__list attempts; /* attempt.link: those under way */
    int64_t next_at;          /* when the next address is tried in any case */
    int64_t give_up_at;
    struct sockaddr_un path; /* of a UNIX endpoint */
    struct addrinfo path_info;
    pb_error failure; /* why the last attempt failed */
    /* What still has to call back before all of this can be freed. */
    size_t handles;
    bool looking_up;
    bool gone;
    bool was_ready; /* the follower knows that it is */
};

struct attempt {
    uv_poll_t poll;
    struct dialled *d;
    struct pb__list link;
    int fd;
};

static void failed(struct dialled *d, int negative_errno)
{
    d->failure = (pb_error){0};
    if (negative_errno == UV_ENOMEM) {
        pb__error_nomem(&d->failure);
    } else {
        pb__socket_error(&d->failure, negative_errno, "cannot connect to %s",
                         d->to->at.spelling);
    }
}

static int64_t now(const struct dialled *d)
{
    return (int64_t)uv_now(d->hub.loop);
}

/* ---- The end of it ---- */

static void free_when_done(struct dialled *d)
{
    if (d->gone && !d->looking_up && d->handles == 0) {
        uv_freeaddrinfo(d->found);
        pb__target_unref(d->to);
        pb__free(d);
    }
}

static void hub_closed(uv_handle_t *h)
{
    struct dialled *d = h->data;
    d->handles--;
    free_when_done(d);
}

static void attempt_closed(uv_handle_t *h)
{
    struct attempt *a = h->data;
    struct dialled *d = a->d;
    pb__free(a);
    d->handles--;
    free_when_done(d);
}

/* Ends an attempt; its socket is the caller's then. */
static int take_socket(struct attempt *a)
{
    pb__list_remove(&a->link);
    uv_close((uv_handle_t *)&a->poll, attempt_closed);
    return a->fd;
}

static void drop_attempts(struct dialled *d)
{
    while (!pb__list_empty(&d->attempts)) {
        close(take_socket(PB__LIST_ENTRY(d->attempts.next, struct attempt, link)));
    }
}

static void on_gone(pb_conn *c)
{
    struct dialled *d = (struct dialled *)c;
    struct pb__follower follower = d->follower;
    pb_error why = *pb_session_error(c->driver.session);
    pb_session_free(c->driver.session);
    d->gone = true;
    drop_attempts(d);
    if (d->looking_up) {
        uv_cancel((uv_req_t *)&d->lookup);
    }
    d->hub.prepare.data = d;
    uv_close((uv_handle_t *)&d->hub.prepare, hub_closed);
    if (follower.gone) {
        follower.gone(&why, follower.who);
    }
}

/* ---- Attempts ---- */

static void succeed(struct attempt *a)
{
    struct dialled *d = a->d;
    pb_conn *c = &d->conn;
    int fd = take_socket(a);
    drop_attempts(d);
    struct pb__tls *tls = d->to->tls ? pb__tls_new(d->to->tls, d->to->tls_host) : NULL;
    pb_error why = {0};
    if (d->to->tls && !tls) {
        pb__error_nomem(&why);
        close(fd);
    } else {
        int e = pb__conn_up(c, fd, tls);
        if (e) {
            failed(d, e);
            why = d->failure;
        } else {
            pb__socket_keep_alive(fd, d->to->policy.keep_alive);
        }
    }
    if (why.code) {
        pb__driver_lose(&c->driver, &why);
    }
}

static void on_attempt(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct attempt *a = poll->data;
    struct dialled *d = a->d;
    int e = pb__socket_status(a->fd);
    e = e ? e : status;
    if (e) {
        failed(d, e);
        close(take_socket(a));
        d->next_at = now(d);
    } else {
        succeed(a);
    }
    pb__conn_settle(&d->conn);
}

static int attempt(struct dialled *d, const struct addrinfo *to)
{
    int fd = pb__socket_connect(to->ai_addr, to->ai_addrlen, d->to->at.bind_address);
    if (fd < 0) {
        return fd;
    }
    struct attempt *a = pb__malloc(sizeof *a);
    int e = a ? uv_poll_init_socket(d->hub.loop, &a->poll, fd) : UV_ENOMEM;
    if (e) {
        pb__free(a);
        close(fd);
        return e;
    }
    a->poll.data = a;
    a->d = d;
    a->fd = fd;
    d->handles++;
    pb__list_push(&d->attempts, &a->link);
    e = uv_poll_start(&a->poll, UV_WRITABLE, on_attempt);
    if (e) {
        close(take_socket(a));
    }
    return e;
}

static void drop_others(const struct addrinfo **next, int family)
{
    while (*next && (*next)->ai_family != family) {
        *next = (*next)->ai_next;
    }
}

/* The next address to try; NULL: none is left. */
static const struct addrinfo *take_address(struct dialled *d)
{
    int i = d->next[d->turn] ? d->turn : !d->turn;
    const struct addrinfo *a = d->next[i];
    if (a) {
        d->next[i] = a->ai_next;
        drop_others(&d->next[i], a->ai_family);
        d->turn = !i;
    }
    return a;
}

static bool is_any_left(const struct dialled *d)
{
    return d->next[0] || d->next[1];
}

/* Tries addresses until one keeps us waiting. */
static void try_next(struct dialled *d)
{
    const struct addrinfo *to;
    while ((to = take_address(d))) {
        int e = attempt(d, to);
        if (e == 0) {
            d->next_at = now(d) + ATTEMPT_DELAY;
            return;
        }
        failed(d, e);
    }
}

/* ---- Finding addresses ---- */

/* Two families at most: an address of a third is never tried. */
static void set_found(struct dialled *d, struct addrinfo *found)
{
    d->found = found;
    d->next[0] = d->next[1] = found;
    while (d->next[1] && d->next[1]->ai_family == found->ai_family) {
        d->next[1] = d->next[1]->ai_next;
    }
    d->next_at = now(d);
}

static void not_found(struct dialled *d, int status)
{
    pb__socket_error(&d->failure, status, "cannot find host \"%s\"", d->to->at.host);
}

static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct dialled *d = lookup->data;
    d->looking_up = false;
    if (d->gone) {
        d->found = found;
        free_when_done(d);
        return;
    }
    if (status) {
        not_found(d, status);
    }
    set_found(d, found);
    pb__conn_settle(&d->conn);
}

/* Finds the addresses: at once if they are written out, else by asking. */
static void find(struct dialled *d)
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
        set_found(d, found);
        return;
    }
    hints.ai_flags = AI_NUMERICSERV;
    int status =
        uv_getaddrinfo(d->hub.loop, &d->lookup, on_found, e->host, service, &hints);
    d->lookup.data = d;
    d->looking_up = status == 0;
    if (status) {
        not_found(d, status);
    }
}

/* ---- Dialling ---- */

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Called whenever the connection settles: goes on, or ends it where there is nothing to
 * hope for. */
static void on_dial(pb_conn *c)
{
    struct dialled *d = (struct dialled *)c;
    if (now(d) >= c->driver.finish_by) {
        pb_session_close(c->driver.session);
        return;
    }
    if (is_any_left(d) && now(d) >= d->next_at) {
        try_next(d);
    }
    int64_t at = earlier(d->give_up_at, c->driver.finish_by);
    at = is_any_left(d) ? earlier(at, d->next_at) : at;
    if (now(d) >= d->give_up_at) {
        d->failure = (pb_error){0};
        pb__error_set(&d->failure, PB_ERR_TIMEOUT, 0,
                      "no connection to %s within %lld milliseconds", d->to->at.spelling,
                      (long long)d->to->connect_timeout);
    } else if (d->looking_up || is_any_left(d) || !pb__list_empty(&d->attempts)) {
        if (pb__conn_set_timer(c, at) == 0) {
            return;
        }
        d->failure = (pb_error){0};
        pb__error_nomem(&d->failure);
    }
    pb_session_lost(c->driver.session, &d->failure);
}

static void on_settled(pb_conn *c)
{
    struct dialled *d = (struct dialled *)c;
    if (!d->was_ready && pb_session_is_ready(c->driver.session)) {
        d->was_ready = true;
        if (d->follower.ready) {
            d->follower.ready(d->follower.who);
        }
    }
}

pb_conn *pb__dial(uv_loop_t *loop, struct pb__target *t, struct pb__follower follower)
{
    struct dialled *d = pb__calloc(1, sizeof *d);
    if (!d || pb__conn_init(&d->conn, &d->hub, t->shared, &t->policy, true) != 0) {
        pb__free(d);
        return NULL;
    }
    pb_conn *c = &d->conn;
    d->to = pb__target_ref(t);
    d->follower = follower;
    pb__list_init(&d->attempts);
    pb__hub_init(&d->hub, loop);
    d->hub.dial = on_dial;
    d->hub.settled = on_settled;
    d->hub.gone = on_gone;
    d->handles = 1; /* the hub's */
    uv_update_time(loop);
    d->give_up_at = t->connect_timeout < 0 ? INT64_MAX : now(d) + t->connect_timeout;
    find(d);
    if (is_any_left(d)) {
        try_next(d);
    }
    c->driver.hooks->wake(c);
    return c;
}

pb_conn *pb_connect(struct uv_loop_s *loop, const char *endpoint, const pb_net_config *c,
                    pb_error *err)
{
    struct pb__target *t = pb__target_new(endpoint, PB__ENDPOINT_CLIENT, c, err);
    pb_conn *conn = t ? pb__dial(loop, t, (struct pb__follower){0}) : NULL;
    if (t && !conn) {
        pb__error_nomem(err);
    }
    pb__target_unref(t);
    return conn;
}
