/* SPDX-License-Identifier: MIT
 *
 * Servers: accept connections, and create a session for each. */
#include <errno.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/conn.h"
#include "libpb/net/socket.h"
#include "libpb/net/target.h"

enum {
    ACCEPT_AT_ONCE = 64, /* then the loop gets its turn */
    ACCEPT_AGAIN =
        1000, /* milliseconds, after the system lacked resources for a connection */
};

struct pb_server {
    struct pb__hub hub; /* first: its connections only have this pointer */
    struct pb__target *target;
    struct pb__list conns;
    size_t count;
    pb_watch listener; /* of fd, until the server closes */
    /* Runs while the system lacks resources, and at the end. */
    struct pb__timer timer;
    int fd, port;
    bool listening, closing;
    bool disowned; /* in a child process */
    void (*closed)(void *user_data);
    void *user_data;
};

static void server_free(struct pb_server *s)
{
    pb__target_unref(s->target);
    pb__free(s);
}

/* Whether max_connections allows one more. */
static bool server_has_room(const struct pb_server *s)
{
    return s->target->max_connections == 0 || s->count < s->target->max_connections;
}

/* Accepts connections, or leaves them in the system's queue. 0 or -errno. */
static int server_listen_if_room(struct pb_server *s)
{
    bool room = server_has_room(s) && s->timer.due == INT64_MAX;
    if (room == s->listening || s->closing) {
        return 0;
    }
    int e = pb__watch_set(s->hub.loop, &s->listener, room ? PB_WATCH_READ : 0);
    s->listening = room && !e;
    return e;
}

/* Tries to accept connections again later. */
static void server_listen_later(struct pb_server *s)
{
    pb__timer_set(s->hub.loop, &s->timer, pb__loop_now(s->hub.loop) + ACCEPT_AGAIN);
    (void)server_listen_if_room(s);
}

static void server_end_if_done(struct pb_server *s)
{
    if (s->closing && s->count == 0) {
        pb__timer_set_soon(s->hub.loop, &s->timer);
    }
}

static void server_end(struct pb_server *s)
{
    pb__timer_stop(s->hub.loop, &s->timer);
    void (*closed)(void *) = s->closed;
    void *user_data = s->user_data;
    pb_loop *loop = s->hub.loop;
    server_free(s);
    if (closed) {
        closed(user_data);
    }
    pb_loop_unref(loop);
}

static void server_on_timer(struct pb__timer *timer)
{
    struct pb_server *s = PB__LIST_ENTRY(timer, struct pb_server, timer);
    if (s->closing) {
        server_end(s);
    } else if (server_listen_if_room(s) != 0) {
        server_listen_later(s);
    }
}

static void server_on_gone(pb_conn *c)
{
    struct pb_server *s = (struct pb_server *)c->hub;
    pb__list_remove(&c->link);
    pb__conn_fini(c);
    pb__free(c);
    s->count--;
    if (server_listen_if_room(s) != 0) {
        server_listen_later(s);
    }
    server_end_if_done(s);
}

/* Whether the program's allow callback accepts the connection. */
static bool server_allows(const struct pb_server *s, const struct pb__accepted *from)
{
    struct pb__peer peer;
    if (!s->target->allow) {
        return true;
    }
    pb__peer_init(&peer, &from->at, from->fd);
    bool allowed = s->target->allow(&peer.shown, s->target->shared->config.user_data);
    pb__peer_fini(&peer);
    return allowed;
}

/* A connection over an accepted socket, which is taken, also on failure: NULL.
 * root_object may have closed the server. */
static pb_conn *server_conn_new(struct pb_server *s, const struct pb__accepted *from)
{
    const struct pb__target *t = s->target;
    pb_conn *c = pb__malloc(sizeof *c);
    struct pb__tls *tls = c && t->tls ? pb__tls_new(t->tls, NULL) : NULL;
    if (!c || (t->tls && !tls) ||
        pb__conn_init(c, &s->hub, t->shared, false, from) != 0) {
        pb__tls_free(tls);
        pb__free(c);
        close(from->fd);
        return NULL;
    }
    pb__socket_keep_alive(from->fd, t->policy.keep_alive);
    if (pb__conn_up(c, from->fd, tls) != 0) {
        pb__conn_fini(c);
        pb__free(c);
        return NULL;
    }
    return c;
}

static void server_add_conn(struct pb_server *s, const struct pb__accepted *from)
{
    s->count++; /* so that the server waits for it */
    pb_conn *c = server_conn_new(s, from);
    if (!c) {
        s->count--;
        server_end_if_done(s);
        return;
    }
    pb__list_push(&s->conns, &c->link);
    if (s->closing) {
        pb_conn_close(c);
    }
    pb__target_warn(s->target, c->session);
    pb__conn_update(c);
}

static void server_on_acceptable(pb_watch *w, int events)
{
    struct pb_server *s = PB__LIST_ENTRY(w, struct pb_server, listener);
    pb__loop_enter(s->hub.loop);
    if (pb__loop_is_foreign(s->hub.loop)) {
        (void)pb__watch_set(s->hub.loop, w, 0);
        return;
    }
    if (events & PB_WATCH_FAILED) {
        s->listening = false;
    }
    for (int i = 0; i < ACCEPT_AT_ONCE && server_has_room(s) && !s->closing; i++) {
        struct pb__accepted from;
        int fd = from.fd = pb__socket_accept(s->fd, &from.at);
        if (fd == -EAGAIN) {
            break;
        }
        if (fd < 0) {
            server_listen_later(s);
            break;
        }
        if (server_allows(s, &from) && !s->closing) {
            server_add_conn(s, &from);
        } else {
            close(fd);
        }
    }
    if (server_listen_if_room(s) != 0) {
        server_listen_later(s);
    }
}

/* Opens the listening socket: 0, or an error. */
static int server_open(struct pb_server *s, pb_error *err)
{
    pb_loop *loop = s->hub.loop;
    s->fd = pb__socket_listen(&s->target->at, s->target->reuse_port, &s->port, err);
    if (s->fd < 0) {
        return PB_ERR_SYSTEM;
    }
    int e = pb__watch_new(loop, &s->listener, s->fd, server_on_acceptable);
    if (!e && (e = server_listen_if_room(s)) != 0) {
        pb__watch_free(loop, &s->listener);
    }
    if (e) {
        close(s->fd);
        return pb__socket_error(err, e, "cannot listen on %s", s->target->at.spelling);
    }
    return 0;
}

pb_server *pb_serve(pb_loop *loop, const char *endpoint, const pb_net_config *c,
                    pb_error *err)
{
    if (pb__loop_check(loop, err) != 0) {
        return NULL;
    }
    struct pb_server *s = pb__calloc(1, sizeof *s);
    if (!s) {
        pb__error_nomem(err);
        return NULL;
    }
    pb__list_init(&s->conns);
    pb__timer_init(&s->timer, server_on_timer);
    s->target = pb__target_new(endpoint, PB__ENDPOINT_SERVER, c, err);
    if (s->target) {
        s->hub = (struct pb__hub){
            .loop = loop, .policy = &s->target->policy, .gone = server_on_gone};
    }
    if (!s->target || server_open(s, err) != 0) {
        server_free(s);
        return NULL;
    }
    pb_loop_ref(loop);
    return s;
}

int pb_server_port(const pb_server *s)
{
    return s ? s->port : 0;
}

size_t pb_server_connections(const pb_server *s)
{
    return s ? s->count : 0;
}

static void server_stop_listening(pb_server *s, void (*closed)(void *user_data),
                                  void *user_data)
{
    s->closing = true;
    s->closed = closed;
    s->user_data = user_data;
    pb__timer_stop(s->hub.loop, &s->timer);
    pb__watch_free(s->hub.loop, &s->listener);
    close(s->fd);
    if (s->target->at.path && !pb__loop_is_foreign(s->hub.loop)) {
        unlink(s->target->at.path);
    }
}

/* In a child process: does not wait for connections, except for one that is on the
 * stack. */
static void server_disown(pb_server *s)
{
    struct pb__list all;
    pb__list_init(&all);
    pb__list_take_all(&all, &s->conns);
    s->disowned = true;
    while (!pb__list_empty(&all)) {
        pb_conn *c = PB__LIST_ENTRY(all.next, pb_conn, link);
        pb__list_remove(&c->link);
        pb__list_push(&s->conns, &c->link);
        pb__conn_disown(c);
    }
    if (s->count == 0) {
        server_end(s);
    }
}

void pb_server_close(pb_server *s, void (*closed)(void *user_data), void *user_data)
{
    if (!s || s->disowned) {
        return;
    }
    if (!s->closing) {
        server_stop_listening(s, closed, user_data);
    }
    if (pb__loop_is_foreign(s->hub.loop)) {
        server_disown(s);
        return;
    }
    for (struct pb__list *l = s->conns.next; l != &s->conns; l = l->next) {
        pb_conn_close(PB__LIST_ENTRY(l, pb_conn, link));
    }
    server_end_if_done(s);
}

void pb_server_drain(pb_server *s, int64_t timeout, void (*closed)(void *user_data),
                     void *user_data)
{
    if (!s || pb__loop_is_foreign(s->hub.loop)) {
        pb_server_close(s, closed, user_data);
        return;
    }
    if (!s->closing) {
        server_stop_listening(s, closed, user_data);
    }
    for (struct pb__list *l = s->conns.next; l != &s->conns; l = l->next) {
        pb_conn_drain(PB__LIST_ENTRY(l, pb_conn, link), timeout);
    }
    server_end_if_done(s);
}
