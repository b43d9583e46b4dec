/* SPDX-License-Identifier: MIT
 *
 * Connections over sockets that the program has connected itself. */
#include <unistd.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/socket.h"
#include "libpb/net/target.h"

struct adopted {
    pb_conn conn; /* first: pb_adopt returns this */
    struct pb__hub hub;
    struct pb__target *target;
    struct pb__tls *tls; /* these two until the connection is up */
    int fd;
};

static void adopted_gone(pb_conn *c)
{
    struct adopted *a = (struct adopted *)c;
    pb_loop *loop = a->hub.loop;
    pb__conn_fini(c);
    if (a->fd >= 0) {
        close(a->fd);
    }
    pb__tls_free(a->tls);
    pb__target_unref(a->target);
    pb__free(a);
    pb_loop_unref(loop);
}

/* Runs at the first update, from the loop, so that a failure can be reported by
 * on_close. */
static void adopted_dial(pb_conn *c)
{
    struct adopted *a = (struct adopted *)c;
    int fd = a->fd;
    struct pb__tls *tls = a->tls;
    a->fd = -1;
    a->tls = NULL;
    int e = pb__conn_up(c, fd, tls);
    if (e) {
        pb_error why = {0};
        pb__socket_error(&why, e, "cannot watch the socket");
        pb_session_lost(c->session, &why);
    }
    pb__conn_wake(c);
}

/* A connection over fd, which is taken, with the settings of t. */
static pb_conn *adopted_new(pb_loop *loop, int fd, bool is_client, struct pb__target *t,
                            pb_error *err)
{
    struct pb__tls *tls = t->tls ? pb__tls_new(t->tls, t->tls_host) : NULL;
    struct adopted *a = t->tls && !tls ? NULL : pb__malloc(sizeof *a);
    if (a) {
        a->hub = (struct pb__hub){.loop = loop,
                                  .policy = &t->policy,
                                  .dial = adopted_dial,
                                  .gone = adopted_gone};
    }
    if (!a || pb__conn_init(&a->conn, &a->hub, t->shared, is_client, NULL) != 0) {
        pb__error_nomem(err);
        pb__tls_free(tls);
        pb__free(a);
        close(fd);
        return NULL;
    }
    pb_loop_ref(loop);
    a->target = pb__target_ref(t);
    a->tls = tls;
    a->fd = fd;
    pb__socket_keep_alive(fd, t->policy.keep_alive);
    pb__conn_wake(&a->conn);
    return &a->conn;
}

pb_conn *pb_conn_adopt(pb_loop *loop, int fd, int flags, const pb_net_config *c,
                       pb_error *err)
{
    bool is_client = flags & PB_ADOPT_CLIENT;
    struct pb__target *t = NULL;
    int own = pb__socket_adopt(fd);
    if (own < 0) {
        pb__socket_error(err, own, "cannot use descriptor %d", fd);
    } else if (pb__loop_check(loop, err) == 0) {
        t = pb__target_adopted(is_client, flags & PB_ADOPT_TLS, c, err);
    }
    if (!t && own >= 0) {
        close(own);
    }
    pb_conn *conn = t ? adopted_new(loop, own, is_client, t, err) : NULL;
    pb__target_unref(t);
    return conn;
}
