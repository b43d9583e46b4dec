/* SPDX-License-Identifier: MIT
 *
 * Connecting: resolves the host, then tries one address after the other by the socket
 * calls of libpb/net. */
#include "tools/common/connector.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/socket.h"

struct connector {
    struct pb__target *to;
    uv_getaddrinfo_t lookup;
    uv_timer_t timer;
    uv_poll_t *poll; /* of the running attempt; NULL: none is running */
    int fd;
    struct sockaddr_un path; /* the address of a UNIX endpoint */
    struct addrinfo path_info;
    struct addrinfo *found;
    const struct addrinfo *next; /* the address to try next */
    pb_error err;                /* of the last attempt that failed */
    void (*done)(int fd, const pb_error *err, void *ctx);
    void *ctx;
    bool resolving, finished, timer_closed;
};

/* ---- The end ---- */

static void connector_free_when_done(struct connector *c)
{
    if (c->timer_closed && !c->resolving) {
        uv_freeaddrinfo(c->found);
        pb__target_unref(c->to);
        pb__free(c);
    }
}

static void connector_timer_closed(uv_handle_t *h)
{
    struct connector *c = h->data;
    c->timer_closed = true;
    connector_free_when_done(c);
}

static void connector_poll_closed(uv_handle_t *h)
{
    pb__free(h);
}

static void connector_end_attempt(struct connector *c)
{
    if (c->poll) {
        uv_close((uv_handle_t *)c->poll, connector_poll_closed);
        c->poll = NULL;
    }
}

/* Releases everything but the socket of the attempt, which stays open. */
static void connector_finish(struct connector *c)
{
    c->finished = true;
    connector_end_attempt(c);
    if (c->resolving) {
        uv_cancel((uv_req_t *)&c->lookup);
    }
    uv_close((uv_handle_t *)&c->timer, connector_timer_closed);
}

/* Ends the running attempt, if there is one, and closes its socket. */
static void connector_abandon_attempt(struct connector *c)
{
    if (c->poll) {
        connector_end_attempt(c);
        close(c->fd);
    }
}

void connector_cancel(struct connector *c)
{
    connector_abandon_attempt(c);
    connector_finish(c);
}

static void connector_fail(struct connector *c)
{
    connector_finish(c);
    c->done(-1, &c->err, c->ctx);
}

/* ---- Attempts ---- */

static void connector_set_error(struct connector *c, int negative_errno)
{
    c->err = (pb_error){0};
    pb__socket_error(&c->err, negative_errno, "cannot connect to %s", c->to->at.spelling);
}

static void connector_try_next(struct connector *c);

static void connector_attempt_ended(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct connector *c = poll->data;
    int e = pb__socket_status(c->fd);
    e = e ? e : status;
    if (e) {
        connector_set_error(c, e);
        connector_abandon_attempt(c);
        connector_try_next(c);
    } else {
        connector_finish(c);
        c->done(c->fd, NULL, c->ctx);
    }
}

/* Starts an attempt: 0 or -errno. */
static int connector_attempt(struct connector *c, const struct addrinfo *to)
{
    int fd = pb__socket_connect(to->ai_addr, to->ai_addrlen, c->to->at.bind_address);
    if (fd < 0) {
        return fd;
    }
    c->poll = pb__malloc(sizeof *c->poll);
    int e = c->poll ? uv_poll_init_socket(c->timer.loop, c->poll, fd) : UV_ENOMEM;
    if (e) {
        pb__free(c->poll);
        c->poll = NULL;
        close(fd);
        return e;
    }
    c->fd = fd;
    c->poll->data = c;
    e = uv_poll_start(c->poll, UV_WRITABLE, connector_attempt_ended);
    if (e) {
        connector_abandon_attempt(c);
    }
    return e;
}

/* Starts an attempt for the next address for which one can be started; fails if there is
 * none. */
static void connector_try_next(struct connector *c)
{
    int e = -1;
    while (e && c->next) {
        e = connector_attempt(c, c->next);
        c->next = c->next->ai_next;
        if (e) {
            connector_set_error(c, e);
        }
    }
    if (e) {
        connector_fail(c);
    }
}

/* ---- The begin ---- */

static void connector_expired(uv_timer_t *timer)
{
    struct connector *c = timer->data;
    c->err = (pb_error){0};
    pb__error_set(&c->err, PB_ERR_TIMEOUT, 0,
                  "no connection to %s within %lld milliseconds", c->to->at.spelling,
                  (long long)c->to->connect_timeout);
    connector_abandon_attempt(c);
    connector_fail(c);
}

static void connector_resolved(uv_getaddrinfo_t *lookup, int status,
                               struct addrinfo *found)
{
    struct connector *c = lookup->data;
    c->resolving = false;
    c->found = found;
    c->next = found;
    if (c->finished) {
        connector_free_when_done(c);
    } else if (status) {
        pb__socket_error(&c->err, status, "cannot find host \"%s\"", c->to->at.host);
        connector_fail(c);
    } else {
        connector_try_next(c);
    }
}

static void connector_begin(uv_timer_t *timer)
{
    struct connector *c = timer->data;
    const struct pb__endpoint *e = &c->to->at;
    if (c->to->connect_timeout > 0) {
        uv_timer_start(timer, connector_expired, (uint64_t)c->to->connect_timeout, 0);
    }
    if (e->is_unix) {
        c->path.sun_family = AF_UNIX;
        memcpy(c->path.sun_path, e->path, strlen(e->path));
        c->path_info = (struct addrinfo){.ai_addr = (struct sockaddr *)&c->path,
                                         .ai_addrlen = sizeof c->path};
        c->next = &c->path_info;
        connector_try_next(c);
        return;
    }
    char service[8];
    snprintf(service, sizeof service, "%d", e->port);
    const struct addrinfo hints = {.ai_flags = AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    c->lookup.data = c;
    int status = uv_getaddrinfo(timer->loop, &c->lookup, connector_resolved, e->host,
                                service, &hints);
    c->resolving = status == 0;
    if (status) {
        connector_set_error(c, status);
        connector_fail(c);
    }
}

struct connector *connector_new(uv_loop_t *loop, struct pb__target *to,
                                void (*done)(int fd, const pb_error *err, void *ctx),
                                void *ctx)
{
    struct connector *c = pb__calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    c->to = pb__target_ref(to);
    c->done = done;
    c->ctx = ctx;
    uv_timer_init(loop, &c->timer);
    c->timer.data = c;
    uv_timer_start(&c->timer, connector_begin, 0, 0);
    return c;
}
