/* SPDX-License-Identifier: MIT
 *
 * Connecting: the host's addresses are found, and tried one after the other, until one
 * takes the connection, none is left, or the time is over. */
#include "libpb/net/dial.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/socket.h"

enum { CONNECT_TIMEOUT = 30000 };

struct dialled {
    pb_conn conn; /* first, for it is what the program has */
    struct pb__hub hub;
    struct pb__endpoint to;
    struct pb__tls_context *tls; /* NULL: without */
    char *tls_host;              /* whom to expect there */
    struct pb__ending *ending;   /* NULL: nobody wants to know */
    uv_getaddrinfo_t lookup;
    struct addrinfo *found, *next; /* all addresses; those that are still to be tried */
    struct sockaddr_un path;       /* of a UNIX endpoint */
    struct addrinfo path_info;
    int64_t timeout;
    pb_error failure; /* why the last attempt failed */
    /* What still has to call back before all of this can be freed. */
    bool looking_up, closing_attempt, hub_open;
    bool gone;
    uint8_t chunk[];
};

static void attempt(struct dialled *d);

static void failed(struct dialled *d, int negative_errno)
{
    d->failure = (pb_error){0};
    pb__socket_error(&d->failure, negative_errno, "cannot connect to %s", d->to.spelling);
}

static void free_dialled(struct dialled *d)
{
    uv_freeaddrinfo(d->found);
    pb__endpoint_fini(&d->to);
    pb__tls_context_unref(d->tls);
    pb__free(d->tls_host);
    pb__free(d);
}

static void free_when_done(struct dialled *d)
{
    if (d->gone && !d->looking_up && !d->closing_attempt && !d->hub_open) {
        free_dialled(d);
    }
}

static void hub_closed(uv_handle_t *h)
{
    struct dialled *d = h->data;
    d->hub_open = false;
    free_when_done(d);
}

static void on_gone(pb_conn *c)
{
    struct dialled *d = (struct dialled *)c;
    if (d->ending) {
        *d->ending = (struct pb__ending){true, *pb_session_error(c->session)};
    }
    pb_session_free(c->session);
    d->gone = true;
    if (d->looking_up) {
        uv_cancel((uv_req_t *)&d->lookup);
    }
    d->hub.prepare.data = d;
    uv_close((uv_handle_t *)&d->hub.prepare, hub_closed);
}

static void attempt_closed(uv_handle_t *h)
{
    struct dialled *d = h->data;
    d->closing_attempt = false;
    if (d->gone) {
        free_when_done(d);
        return;
    }
    attempt(d);
    pb__conn_settle(&d->conn);
}

static void on_connected(uv_poll_t *poll, int status, int events)
{
    (void)events;
    pb_conn *c = poll->data;
    struct dialled *d = poll->data;
    int e = pb__socket_status(c->fd);
    e = e ? e : status;
    if (e) {
        failed(d, e);
        d->closing_attempt = true;
        uv_close((uv_handle_t *)poll, attempt_closed);
        close(c->fd);
        c->fd = -1;
        return;
    }
    struct pb__tls *tls = d->tls ? pb__tls_new(d->tls, d->tls_host) : NULL;
    pb__conn_up(c, tls);
    if (d->tls && !tls) {
        pb_error why = {0};
        pb__error_nomem(&why);
        c->broken = true;
        pb_session_lost(c->session, &why);
    }
    pb__conn_settle(c);
}

/* Tries the next address, if there is one. */
static void attempt(struct dialled *d)
{
    pb_conn *c = &d->conn;
    while (c->fd < 0 && d->next) {
        const struct addrinfo *to = d->next;
        d->next = to->ai_next;
        int fd = pb__socket_connect(to->ai_addr, to->ai_addrlen, d->to.bind_address);
        int e = fd < 0 ? fd : pb__conn_watch(c, fd, UV_WRITABLE, on_connected);
        if (e < 0) {
            failed(d, e);
        }
    }
}

static void not_found(struct dialled *d, int status)
{
    pb__socket_error(&d->failure, status, "cannot find host \"%s\"", d->to.host);
}

static void on_found(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct dialled *d = lookup->data;
    d->looking_up = false;
    d->found = d->next = found;
    if (d->gone) {
        free_when_done(d);
        return;
    }
    if (status) {
        not_found(d, status);
    }
    attempt(d);
    pb__conn_settle(&d->conn);
}

/* Finds the addresses: at once if they are written out, else by asking. */
static void find(struct dialled *d)
{
    if (d->to.is_unix) {
        d->path.sun_family = AF_UNIX;
        memcpy(d->path.sun_path, d->to.path, strlen(d->to.path));
        d->path_info = (struct addrinfo){.ai_addr = (struct sockaddr *)&d->path,
                                         .ai_addrlen = sizeof d->path};
        d->next = &d->path_info;
        return;
    }
    char service[8];
    snprintf(service, sizeof service, "%d", d->to.port);
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(d->to.host, service, &hints, &d->found) == 0) {
        d->next = d->found;
        return;
    }
    hints.ai_flags = AI_NUMERICSERV;
    int e =
        uv_getaddrinfo(d->hub.loop, &d->lookup, on_found, d->to.host, service, &hints);
    d->lookup.data = d;
    d->looking_up = e == 0;
    if (e) {
        not_found(d, e);
    }
}

/* Called whenever the connection settles: ends it where there is nothing to hope for. */
static void on_dial(pb_conn *c)
{
    struct dialled *d = (struct dialled *)c;
    if ((int64_t)uv_now(d->hub.loop) >= c->settle_by) {
        d->failure = (pb_error){0};
        pb__error_set(&d->failure, PB_ERR_TIMEOUT, 0,
                      "no connection to %s within %lld milliseconds", d->to.spelling,
                      (long long)d->timeout);
    } else if (d->looking_up || d->closing_attempt || c->fd >= 0 || d->next) {
        return;
    }
    pb_session_lost(c->session, &d->failure);
}

static int64_t timeout_of(const struct dialled *d, const pb_net_config *c)
{
    return d->to.timeout        ? d->to.timeout
           : c->connect_timeout ? c->connect_timeout
                                : CONNECT_TIMEOUT;
}

static bool set_tls(struct dialled *d, const pb_net_config *c, pb_error *err)
{
    struct pb__tls_options o = pb__conn_tls(&d->to, c);
    const char *host = d->to.tls_host     ? d->to.tls_host
                       : c->tls_host_name ? c->tls_host_name
                                          : d->to.host;
    size_t size = strlen(host) + 1;
    d->tls_host = pb__malloc(size);
    if (!d->tls_host) {
        pb__error_nomem(err);
        return false;
    }
    memcpy(d->tls_host, host, size);
    d->tls = pb__tls_context_new(&o, true, err);
    return d->tls;
}

pb_conn *pb__dial(uv_loop_t *loop, const char *endpoint, const pb_net_config *c,
                  bool direct, struct pb__ending *ending, pb_error *err)
{
    struct dialled *d = pb__malloc(sizeof *d + PB__CHUNK);
    if (!d) {
        pb__error_nomem(err);
        return NULL;
    }
    *d = (struct dialled){.ending = ending};
    if (pb__endpoint_parse(endpoint, PB__ENDPOINT_CLIENT, &d->to, err) != 0) {
        pb__free(d);
        return NULL;
    }
    if (d->to.is_tls && !set_tls(d, c, err)) {
        free_dialled(d);
        return NULL;
    }
    pb_conn *conn = &d->conn;
    struct pb__shared *shared = pb__conn_share(&c->session);
    int failed = shared ? pb__conn_init(conn, &d->hub, shared, true) : PB_ERR_NOMEM;
    pb__shared_unref(shared);
    if (failed) {
        pb__error_nomem(err);
        free_dialled(d);
        return NULL;
    }
    pb__hub_init(&d->hub, loop, d->chunk);
    d->hub.direct = direct;
    d->hub_open = true;
    conn->dial = on_dial;
    conn->gone = on_gone;
    d->timeout = timeout_of(d, c);
    uv_update_time(loop);
    if (d->timeout >= 0) {
        conn->settle_by = (int64_t)uv_now(loop) + d->timeout;
    }
    find(d);
    attempt(d);
    pb__conn_unsettle(conn);
    return conn;
}

pb_conn *pb_connect(struct uv_loop_s *loop, const char *endpoint, const pb_net_config *c,
                    pb_error *err)
{
    static const pb_net_config plain;
    return pb__dial(loop, endpoint, c ? c : &plain, false, NULL, err);
}

pb_session *pb_conn_session(const pb_conn *c)
{
    return c->session;
}

pb_remote *pb_conn_root(pb_conn *c)
{
    return pb_session_root(c->session);
}

void pb_conn_close(pb_conn *c)
{
    pb_session_close(c->session);
}
