/* SPDX-License-Identifier: MIT
 *
 * The way from other threads into a loop's: a queue under a lock, and libuv's async handle,
 * which wakes the loop. Mirrors reactor.callFromThread. */
#include <uv.h>

#include "libpb/base/list.h"
#include "libpb/base/mem.h"
#include "pb/net.h"

struct posted {
    struct pb__list link;
    void (*run)(void *data);
    void *data;
};

struct pb_post {
    uv_async_t async;
    uv_mutex_t lock; /* of the list */
    struct pb__list list;
    size_t holders; /* the program, and until it is closed the loop */
    bool closing;
};

/* All that is posted by now, in its order; what it posts itself comes the next time. */
static void on_async(uv_async_t *async)
{
    struct pb_post *p = async->data;
    struct pb__list all;
    pb__list_init(&all);
    uv_mutex_lock(&p->lock);
    while (!pb__list_empty(&p->list)) {
        struct pb__list *link = p->list.next;
        pb__list_remove(link);
        pb__list_push(&all, link);
    }
    uv_mutex_unlock(&p->lock);
    while (!pb__list_empty(&all)) {
        struct posted *one = PB__LIST_ENTRY(all.next, struct posted, link);
        struct posted was = *one;
        pb__list_remove(&one->link);
        pb__free(one);
        was.run(was.data);
    }
}

pb_post *pb_post_new(struct uv_loop_s *loop)
{
    pb_post *p = pb__calloc(1, sizeof *p);
    if (!p || uv_mutex_init(&p->lock) != 0) {
        pb__free(p);
        return NULL;
    }
    if (uv_async_init(loop, &p->async, on_async) != 0) {
        uv_mutex_destroy(&p->lock);
        pb__free(p);
        return NULL;
    }
    pb__list_init(&p->list);
    p->holders = 2;
    p->async.data = p;
    return p;
}

int pb_post_run(pb_post *p, void (*run)(void *data), void *data)
{
    struct posted *one = pb__malloc(sizeof *one);
    if (!one) {
        return PB_ERR_NOMEM;
    }
    *one = (struct posted){.run = run, .data = data};
    uv_mutex_lock(&p->lock);
    bool closing = p->closing;
    if (!closing) {
        pb__list_push(&p->list, &one->link);
        uv_async_send(&p->async);
    }
    uv_mutex_unlock(&p->lock);
    if (closing) {
        pb__free(one);
        return PB_ERR_STATE;
    }
    return 0;
}

static void let_go(pb_post *p)
{
    uv_mutex_lock(&p->lock);
    bool last = --p->holders == 0;
    uv_mutex_unlock(&p->lock);
    if (last) {
        uv_mutex_destroy(&p->lock);
        pb__free(p);
    }
}

static void on_closed(uv_handle_t *async)
{
    let_go(async->data);
}

void pb_post_close(pb_post *p)
{
    uv_mutex_lock(&p->lock);
    p->closing = true;
    uv_mutex_unlock(&p->lock);
    on_async(&p->async);
    uv_close((uv_handle_t *)&p->async, on_closed);
}

void pb_post_free(pb_post *p)
{
    if (p) {
        let_go(p);
    }
}
