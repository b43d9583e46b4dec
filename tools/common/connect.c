/* SPDX-License-Identifier: MIT
 *
 * Connecting, by the socket calls of net/. */
#include "tools/common/connect.h"

#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/socket.h"

struct knock {
    struct pb__target *to;
    uv_getaddrinfo_t lookup;
    uv_timer_t timer;
    uv_poll_t *poll; /* of the attempt that is under way; NULL: none is */
    int fd;
    struct sockaddr_un path; /* of a UNIX endpoint */
    struct addrinfo path_info;
    struct addrinfo *found;
    const struct addrinfo *next; /* the address to try next */
    pb_error why;                /* the last attempt failed */
    void (*done)(int fd, const pb_error *why, void *ctx);
    void *ctx;
    bool looking_up, over, closed;
};

/* ---- The end of it ---- */

static void free_when_done(struct knock *k)
{
    if (k->closed && !k->looking_up) {
        uv_freeaddrinfo(k->found);
        pb__target_unref(k->to);
        pb__free(k);
    }
}

static void on_timer_closed(uv_handle_t *h)
{
    struct knock *k = h->data;
    k->closed = true;
    free_when_done(k);
}

static void on_poll_closed(uv_handle_t *h)
{
    pb__free(h);
}

static void end_attempt(struct knock *k)
{
    if (k->poll) {
        uv_close((uv_handle_t *)k->poll, on_poll_closed);
        k->poll = NULL;
    }
}

/* The socket of the attempt stays open. */
static void finish(struct knock *k)
{
    k->over = true;
    end_attempt(k);
    if (k->looking_up) {
        uv_cancel((uv_req_t *)&k->lookup);
    }
    uv_close((uv_handle_t *)&k->timer, on_timer_closed);
}

void knock_cancel(struct knock *k)
{
    if (k->poll) {
        close(k->fd);
    }
    finish(k);
}

static void give_up(struct knock *k)
{
    finish(k);
    k->done(-1, &k->why, k->ctx);
}

/* ---- Attempts ---- */

static void failed(struct knock *k, int negative_errno)
{
    k->why = (pb_error){0};
    pb__socket_error(&k->why, negative_errno, "cannot connect to %s", k->to->at.spelling);
}

static void try_next(struct knock *k);

static void on_attempt(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct knock *k = poll->data;
    int e = pb__socket_status(k->fd);
    e = e ? e : status;
    if (e) {
        failed(k, e);
        end_attempt(k);
        close(k->fd);
        try_next(k);
    } else {
        finish(k);
        k->done(k->fd, NULL, k->ctx);
    }
}

/* Begins to connect: 0 or -errno. */
static int attempt(struct knock *k, const struct addrinfo *to)
{
    int fd = pb__socket_connect(to->ai_addr, to->ai_addrlen, k->to->at.bind_address);
    if (fd < 0) {
        return fd;
    }
    k->poll = pb__malloc(sizeof *k->poll);
    int e = k->poll ? uv_poll_init_socket(k->timer.loop, k->poll, fd) : UV_ENOMEM;
    if (e) {
        pb__free(k->poll);
        k->poll = NULL;
        close(fd);
        return e;
    }
    k->fd = fd;
    k->poll->data = k;
    e = uv_poll_start(k->poll, UV_WRITABLE, on_attempt);
    if (e) {
        end_attempt(k);
        close(fd);
    }
    return e;
}

/* Tries addresses until one keeps us waiting, or none is left. */
static void try_next(struct knock *k)
{
    int e = -1;
    while (e && k->next) {
        e = attempt(k, k->next);
        k->next = k->next->ai_next;
        if (e) {
            failed(k, e);
        }
    }
    if (e) {
        give_up(k);
    }
}

/* ---- Beginning ---- */

static void on_time(uv_timer_t *timer)
{
    struct knock *k = timer->data;
    k->why = (pb_error){0};
    pb__error_set(&k->why, PB_ERR_TIMEOUT, 0,
                  "no connection to %s within %lld milliseconds", k->to->at.spelling,
                  (long long)k->to->connect_timeout);
    if (k->poll) {
        close(k->fd);
    }
    give_up(k);
}

static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct knock *k = lookup->data;
    k->looking_up = false;
    k->found = found;
    k->next = found;
    if (k->over) {
        free_when_done(k);
    } else if (status) {
        pb__socket_error(&k->why, status, "cannot find host \"%s\"", k->to->at.host);
        give_up(k);
    } else {
        try_next(k);
    }
}

static void on_begin(uv_timer_t *timer)
{
    struct knock *k = timer->data;
    const struct pb__endpoint *e = &k->to->at;
    if (k->to->connect_timeout > 0) {
        uv_timer_start(timer, on_time, (uint64_t)k->to->connect_timeout, 0);
    }
    if (e->is_unix) {
        k->path.sun_family = AF_UNIX;
        memcpy(k->path.sun_path, e->path, strlen(e->path));
        k->path_info = (struct addrinfo){.ai_addr = (struct sockaddr *)&k->path,
                                         .ai_addrlen = sizeof k->path};
        k->next = &k->path_info;
        try_next(k);
        return;
    }
    char service[8];
    snprintf(service, sizeof service, "%d", e->port);
    const struct addrinfo hints = {.ai_flags = AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    k->lookup.data = k;
    int status =
        uv_getaddrinfo(timer->loop, &k->lookup, on_found, e->host, service, &hints);
    k->looking_up = status == 0;
    if (status) {
        failed(k, status);
        give_up(k);
    }
}

struct knock *knock_new(uv_loop_t *loop, struct pb__target *to,
                        void (*done)(int fd, const pb_error *why, void *ctx), void *ctx)
{
    struct knock *k = pb__calloc(1, sizeof *k);
    if (!k) {
        return NULL;
    }
    k->to = pb__target_ref(to);
    k->done = done;
    k->ctx = ctx;
    uv_timer_init(loop, &k->timer);
    k->timer.data = k;
    uv_timer_start(&k->timer, on_begin, 0, 0);
    return k;
}
