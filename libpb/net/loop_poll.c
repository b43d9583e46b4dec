/* SPDX-License-Identifier: MIT
 *
 * A loop over poll(2). Each turn handles one descriptor, or the timer: a callback may run
 * the loop itself, and after that the earlier result of poll is not valid any more. */
#include "libpb/net/loop_poll.h"

#include <errno.h>
#include <limits.h>

#include "libpb/base/mem.h"

struct watch_poll {
    struct pb__list link;
    pb_watch *watch;
    int fd;
    short events;
};

static struct watch_poll *watch_at(struct pb__list *link)
{
    return PB__LIST_ENTRY(link, struct watch_poll, link);
}

/* ---- The functions of pb_loop_ops ---- */

static bool loop_poll_reserve(struct pb__loop_poll *l)
{
    size_t room = l->room ? 2 * l->room : 4, size;
    if (l->count < l->room) {
        return true;
    }
    struct pollfd *fds =
        pb__mul(room, sizeof *fds, &size) ? pb__realloc(l->fds, size) : NULL;
    if (!fds) {
        return false;
    }
    l->fds = fds;
    l->room = room;
    return true;
}

static int watch_poll_new(void *loop, int fd, pb_watch *watch, void **own)
{
    struct pb__loop_poll *l = loop;
    struct watch_poll *w = loop_poll_reserve(l) ? pb__malloc(sizeof *w) : NULL;
    if (!w) {
        return -ENOMEM;
    }
    *w = (struct watch_poll){.watch = watch, .fd = fd};
    pb__list_push(&l->watches, &w->link);
    l->count++;
    *own = w;
    return 0;
}

static int watch_poll_set(void *loop, void *watch, int events)
{
    struct watch_poll *w = watch;
    (void)loop;
    w->events = (short)(((events & PB_WATCH_READ) ? POLLIN : 0) |
                        ((events & PB_WATCH_WRITE) ? POLLOUT : 0));
    return 0;
}

static void watch_poll_free(void *loop, void *watch)
{
    struct pb__loop_poll *l = loop;
    struct watch_poll *w = watch;
    pb__list_remove(&w->link);
    pb__free(w);
    l->count--;
}

static void loop_poll_set_timer(void *loop, int64_t delay)
{
    struct pb__loop_poll *l = loop;
    l->due = delay < 0 ? INT64_MAX : l->loop.time + delay;
}

static const pb_loop_ops loop_poll_ops = {
    .watch_new = watch_poll_new,
    .watch_set = watch_poll_set,
    .watch_free = watch_poll_free,
    .set_timer = loop_poll_set_timer,
};

void pb__loop_poll_init(struct pb__loop_poll *l)
{
    *l = (struct pb__loop_poll){.due = INT64_MAX};
    pb__list_init(&l->watches);
    pb__loop_init(&l->loop, &loop_poll_ops, l);
}

void pb__loop_poll_fini(struct pb__loop_poll *l)
{
    pb_loop_unref(&l->loop);
    pb__free(l->fds);
}

/* ---- A turn ---- */

/* Fills l->fds with the watched descriptors, and returns their number. */
static size_t loop_poll_gather(struct pb__loop_poll *l)
{
    size_t n = 0;
    for (struct pb__list *at = l->watches.next; at != &l->watches; at = at->next) {
        const struct watch_poll *w = watch_at(at);
        /* A descriptor that is watched for no event is skipped, also for errors. */
        l->fds[n++] = (struct pollfd){.fd = w->events ? w->fd : -1, .events = w->events};
    }
    return n;
}

/* Handles the first ready descriptor, and moves its watch to the end of the list. */
static void loop_poll_handle(struct pb__loop_poll *l)
{
    const struct pollfd *p = l->fds;
    struct pb__list *at = l->watches.next;
    while (at != &l->watches && p->revents == 0) {
        at = at->next;
        p++;
    }
    if (at == &l->watches) {
        return;
    }
    struct watch_poll *w = watch_at(at);
    bool all = p->revents & (POLLERR | POLLHUP);
    short is = all ? w->events : p->revents;
    pb__list_remove(at);
    pb__list_push(&l->watches, at);
    pb_watch_ready(w->watch, (p->revents & POLLNVAL)
                                 ? PB_WATCH_FAILED
                                 : ((is & POLLIN) ? PB_WATCH_READ : 0) |
                                       ((is & POLLOUT) ? PB_WATCH_WRITE : 0));
}

void pb__loop_poll_once(struct pb__loop_poll *l)
{
    pb__loop_update(&l->loop);
    int64_t left = l->due == INT64_MAX     ? -1
                   : l->due > l->loop.time ? l->due - l->loop.time
                                           : 0;
    /* The timer and descriptors take turns, so that neither can starve the other. */
    l->timer_was = left == 0 && !l->timer_was;
    if (l->timer_was) {
        l->due = INT64_MAX;
        pb_loop_due(&l->loop);
        return;
    }
    size_t n = loop_poll_gather(l);
    if (poll(l->fds, n, left < INT_MAX ? (int)left : INT_MAX) > 0) {
        loop_poll_handle(l);
    }
}
