/* SPDX-License-Identifier: MIT
 *
 * Drivers on libuv's loop: polls and timers. */
#include "libpb/net/conn.h"

#include <unistd.h>

#include "libpb/base/mem.h"

struct pb__conn_timer {
    uv_timer_t uv;
    pb_conn *conn; /* NULL: it is closing */
    int64_t due;   /* by the loop's time; INT64_MAX: it does not run */
};

/* ---- The hub ---- */

static void on_prepare(uv_prepare_t *prepare)
{
    struct pb__hub *h = prepare->data;
    while (!pb__list_empty(&h->unsettled)) {
        pb__conn_settle(PB__LIST_ENTRY(h->unsettled.next, pb_conn, unsettled));
    }
    uv_prepare_stop(prepare);
}

void pb__hub_init(struct pb__hub *h, uv_loop_t *loop)
{
    *h = (struct pb__hub){.loop = loop};
    pb__list_init(&h->unsettled);
    uv_prepare_init(loop, &h->prepare);
    h->prepare.data = h;
}

/* ---- What the driver needs ---- */

static int64_t now(void *loop)
{
    const pb_conn *c = loop;
    return (int64_t)uv_now(c->hub->loop);
}

static void has_settled(pb_conn *c)
{
    if (c->driver.state == PB__DRIVER_UP && c->hub->settled) {
        c->hub->settled(c);
    }
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    pb_conn *c = poll->data;
    int happened = (events & UV_READABLE) ? PB_DRIVER_READ : 0;
    pb_driver_handle(&c->driver, status < 0 ? PB_DRIVER_FAILED : happened);
    has_settled(c);
}

static int watch(void *loop, int events)
{
    pb_conn *c = loop;
    int mask = ((events & PB_DRIVER_READ) ? UV_READABLE : 0) |
               ((events & PB_DRIVER_WRITE) ? UV_WRITABLE : 0);
    return mask ? uv_poll_start(&c->poll, mask, on_poll) : uv_poll_stop(&c->poll);
}

static void timer_closed(uv_handle_t *h)
{
    pb__free(h->data);
}

static void drop_timer(pb_conn *c)
{
    if (c->timer) {
        c->timer->conn = NULL;
        uv_close((uv_handle_t *)&c->timer->uv, timer_closed);
        c->timer = NULL;
    }
}

static void on_timer(uv_timer_t *uv)
{
    struct pb__conn_timer *t = uv->data;
    t->due = INT64_MAX;
    pb__conn_settle(t->conn);
}

/* A timer that runs too early does no harm, so it is set only for what is earlier. */
static int set_timer(void *loop, int64_t at)
{
    pb_conn *c = loop;
    if (at == INT64_MAX) {
        drop_timer(c);
        return 0;
    }
    if (!c->timer) {
        struct pb__conn_timer *t = pb__malloc(sizeof *t);
        if (!t) {
            return PB_ERR_NOMEM;
        }
        *t = (struct pb__conn_timer){.conn = c, .due = INT64_MAX};
        uv_timer_init(c->hub->loop, &t->uv);
        t->uv.data = t;
        c->timer = t;
    }
    if (at < c->timer->due) {
        int64_t in = at - now(c);
        c->timer->due = at;
        uv_timer_start(&c->timer->uv, on_timer, in > 0 ? (uint64_t)in : 0, 0);
    }
    return 0;
}

static void wake(void *loop)
{
    pb_conn *c = loop;
    if (pb__list_empty(&c->unsettled)) {
        pb__list_push(&c->hub->unsettled, &c->unsettled);
        uv_prepare_start(&c->hub->prepare, on_prepare);
    }
}

static void poll_closed(uv_handle_t *h)
{
    pb_conn *c = h->data;
    c->hub->gone(c);
}

static void gone(void *loop)
{
    pb_conn *c = loop;
    pb__list_remove(&c->unsettled);
    drop_timer(c);
    if (c->poll.data) {
        uv_close((uv_handle_t *)&c->poll, poll_closed);
    } else {
        c->hub->gone(c);
    }
}

/* ---- Connections ---- */

int pb__conn_init(pb_conn *c, struct pb__hub *h, struct pb__shared *shared,
                  const struct pb__policy *policy, bool is_client)
{
    static const pb_driver_hooks hooks = {now, watch, set_timer, wake, gone};
    c->hub = h;
    c->timer = NULL;
    c->poll.data = NULL;
    pb__list_init(&c->link);
    pb__list_init(&c->unsettled);
    return pb__driver_init(&c->driver, shared, is_client, policy, &hooks, c);
}

int pb__conn_up(pb_conn *c, int fd, struct pb__tls *tls)
{
    int e = uv_poll_init_socket(c->hub->loop, &c->poll, fd);
    if (e) {
        pb__tls_free(tls);
        close(fd);
        return e;
    }
    c->poll.data = c;
    pb__driver_up(&c->driver, fd, tls);
    return 0;
}

int pb__conn_set_timer(pb_conn *c, int64_t at)
{
    return set_timer(c, at);
}

void pb__conn_settle(pb_conn *c)
{
    pb__list_remove(&c->unsettled);
    if (c->driver.state == PB__DRIVER_AWAY && !pb_session_is_closed(c->driver.session)) {
        c->hub->dial(c);
    }
    bool away = c->driver.state == PB__DRIVER_AWAY;
    pb__driver_settle(&c->driver);
    if (!away) { /* else c may be gone */
        has_settled(c);
    }
}

pb_session *pb_conn_session(const pb_conn *c)
{
    return c->driver.session;
}

pb_remote *pb_conn_root(pb_conn *c)
{
    return pb_session_root(c->driver.session);
}

void pb_conn_close(pb_conn *c)
{
    pb_driver_close(&c->driver);
}

void pb_conn_drain(pb_conn *c, int64_t patience)
{
    pb_driver_finish(&c->driver, patience);
}
