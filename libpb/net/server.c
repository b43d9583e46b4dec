/* SPDX-License-Identifier: MIT
 *
 * What listens: connections are taken as they come, and get a session each. */
#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/conn.h"
#include "libpb/net/socket.h"
#include "libpb/net/target.h"

enum {
    ACCEPT_AT_ONCE = 64, /* then the loop goes round */
    ACCEPT_AGAIN = 1000, /* milliseconds, after the system had no room for a connection */
};

struct pb_server {
    struct pb__hub hub; /* first: its connections know only that */
    struct pb__target *target;
    struct pb__list conns;
    size_t count;
    uv_poll_t listener; /* of fd */
    uv_timer_t again;   /* runs while the system has no room */
    int fd, port;
    size_t handles; /* those that are not closed yet */
    bool listening, closing;
    void (*closed)(void *user_data);
    void *user_data;
};

static void free_server(struct pb_server *s)
{
    pb__target_unref(s->target);
    pb__free(s);
}

/* Whether there may be one connection more. */
static bool has_room(const struct pb_server *s)
{
    return s->target->max_connections == 0 || s->count < s->target->max_connections;
}

static void on_acceptable(uv_poll_t *poll, int status, int events);

/* Takes connections, or leaves them to the system's queue. */
static void listen_if_room(struct pb_server *s)
{
    bool room = has_room(s) && !uv_is_active((uv_handle_t *)&s->again);
    if (room != s->listening && !s->closing) {
        s->listening = room;
        if (room) {
            uv_poll_start(&s->listener, UV_READABLE, on_acceptable);
        } else {
            uv_poll_stop(&s->listener);
        }
    }
}

static void on_again(uv_timer_t *timer)
{
    listen_if_room(timer->data);
}

static void handle_closed(uv_handle_t *h)
{
    struct pb_server *s = h->data;
    if (--s->handles == 0) {
        void (*closed)(void *) = s->closed;
        void *user_data = s->user_data;
        free_server(s);
        if (closed) {
            closed(user_data);
        }
    }
}

static void close_if_done(struct pb_server *s)
{
    if (s->closing && s->count == 0) {
        uv_close((uv_handle_t *)&s->hub.prepare, handle_closed);
    }
}

static void on_gone(pb_conn *c)
{
    struct pb_server *s = (struct pb_server *)c->hub;
    pb__list_remove(&c->link);
    pb_session_free(c->driver.session);
    pb__free(c);
    s->count--;
    listen_if_room(s);
    close_if_done(s);
}

/* Takes fd, also where it fails. */
static int add(struct pb_server *s, int fd)
{
    const struct pb__target *t = s->target;
    pb_conn *c = pb__malloc(sizeof *c);
    struct pb__tls *tls = c && t->tls ? pb__tls_new(t->tls, NULL) : NULL;
    if (!c || (t->tls && !tls) ||
        pb__conn_init(c, &s->hub, t->shared, &t->policy, false) != 0) {
        pb__tls_free(tls);
        pb__free(c);
        close(fd);
        return PB_ERR_NOMEM;
    }
    pb__socket_keep_alive(fd, t->policy.keep_alive);
    int e = pb__conn_up(c, fd, tls);
    if (e) {
        pb_session_free(c->driver.session);
        pb__free(c);
        return e;
    }
    pb__list_push(&s->conns, &c->link);
    s->count++;
    pb__conn_settle(c);
    return 0;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct pb_server *s = poll->data;
    for (int i = 0; i < ACCEPT_AT_ONCE && has_room(s); i++) {
        int fd = pb__socket_accept(s->fd);
        if (fd == -EAGAIN) {
            break;
        }
        if (fd < 0) {
            uv_timer_start(&s->again, on_again, ACCEPT_AGAIN, 0);
            break;
        }
        (void)add(s, fd);
    }
    listen_if_room(s);
}

pb_server *pb_serve(struct uv_loop_s *loop, const char *endpoint, const pb_net_config *c,
                    pb_error *err)
{
    struct pb_server *s = pb__calloc(1, sizeof *s);
    if (!s) {
        pb__error_nomem(err);
        return NULL;
    }
    s->target = pb__target_new(endpoint, PB__ENDPOINT_SERVER, c, err);
    if (!s->target) {
        free_server(s);
        return NULL;
    }
    s->fd = pb__socket_listen(&s->target->at, s->target->reuse_port, &s->port, err);
    int e = s->fd < 0 ? 0 : uv_poll_init_socket(loop, &s->listener, s->fd);
    if (s->fd < 0 || e) {
        if (e) {
            pb__socket_error(err, e, "cannot listen on %s", endpoint);
            close(s->fd);
        }
        free_server(s);
        return NULL;
    }
    pb__list_init(&s->conns);
    pb__hub_init(&s->hub, loop);
    s->hub.gone = on_gone;
    uv_timer_init(loop, &s->again);
    s->listener.data = s->again.data = s;
    s->handles = 3;
    listen_if_room(s);
    return s;
}

int pb_server_port(const pb_server *s)
{
    return s->port;
}

size_t pb_server_connections(const pb_server *s)
{
    return s->count;
}

static void stop_listening(pb_server *s, void (*closed)(void *user_data), void *user_data)
{
    assert(!s->closing);
    s->closing = true;
    s->closed = closed;
    s->user_data = user_data;
    uv_close((uv_handle_t *)&s->listener, handle_closed);
    uv_close((uv_handle_t *)&s->again, handle_closed);
    close(s->fd);
    if (s->target->at.path) {
        unlink(s->target->at.path);
    }
}

void pb_server_close(pb_server *s, void (*closed)(void *user_data), void *user_data)
{
    if (!s->closing) {
        stop_listening(s, closed, user_data);
    }
    for (struct pb__list *l = s->conns.next; l != &s->conns; l = l->next) {
        pb_conn_close(PB__LIST_ENTRY(l, pb_conn, link));
    }
    close_if_done(s);
}

void pb_server_drain(pb_server *s, int64_t patience, void (*closed)(void *user_data),
                     void *user_data)
{
    stop_listening(s, closed, user_data);
    for (struct pb__list *l = s->conns.next; l != &s->conns; l = l->next) {
        pb_conn_drain(PB__LIST_ENTRY(l, pb_conn, link), patience);
    }
    close_if_done(s);
}
