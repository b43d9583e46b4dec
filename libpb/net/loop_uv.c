/* SPDX-License-Identifier: MIT
 *
 * Loops over libuv's. A timer that is due at once is handled just before libuv waits, by
 * a prepare handle: output should not wait until libuv has checked all descriptors. */
#include <assert.h>
#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include "libpb/base/mem.h"
#include "libpb/net/descriptor.h"
#include "libpb/net/loop.h"

struct loop_uv {
    pb_loop loop;
    uv_timer_t timer;
    uv_prepare_t soon;
    size_t handles; /* the handles that are not closed yet */
};

struct watch_uv {
    uv_poll_t poll;
    pb_watch *watch;
};

static void loop_uv_release(struct loop_uv *l)
{
    if (--l->handles == 0) {
        pb__free(l);
    }
}

/* ---- Watches ---- */

static void watch_uv_on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch_uv *w = (struct watch_uv *)poll;
    int happened = ((events & UV_READABLE) ? PB_WATCH_READ : 0) |
                   ((events & UV_WRITABLE) ? PB_WATCH_WRITE : 0);
    pb_watch_ready(w->watch, status < 0 ? PB_WATCH_FAILED : happened);
}

static int watch_uv_new(void *loop, int fd, pb_watch *watch, void **own)
{
    struct loop_uv *l = loop;
    struct watch_uv *w = pb__malloc(sizeof *w);
    int e = w ? uv_poll_init_socket(l->timer.loop, &w->poll, fd) : UV_ENOMEM;
    if (e) {
        pb__free(w);
        return e;
    }
    w->watch = watch;
    w->poll.data = l;
    l->handles++;
    *own = w;
    return 0;
}

static int watch_uv_set(void *loop, void *watch, int events)
{
    struct watch_uv *w = watch;
    int mask = ((events & PB_WATCH_READ) ? UV_READABLE : 0) |
               ((events & PB_WATCH_WRITE) ? UV_WRITABLE : 0);
    (void)loop;
    return mask ? uv_poll_start(&w->poll, mask, watch_uv_on_poll)
                : uv_poll_stop(&w->poll);
}

static void watch_uv_closed(uv_handle_t *poll)
{
    struct loop_uv *l = poll->data;
    pb__free(poll);
    loop_uv_release(l);
}

static void watch_uv_free(void *loop, void *watch)
{
    struct watch_uv *w = watch;
    (void)loop;
    uv_close((uv_handle_t *)&w->poll, watch_uv_closed);
}

/* ---- The timer ---- */

static void loop_uv_on_timer(uv_timer_t *timer)
{
    struct loop_uv *l = timer->data;
    pb_loop_due(&l->loop);
}

static void loop_uv_on_prepare(uv_prepare_t *soon)
{
    struct loop_uv *l = soon->data;
    uv_prepare_stop(soon);
    pb_loop_due(&l->loop);
    /* The program may run libuv for one turn, and then check whether a callback has run.
     * That would not work if libuv waited now. */
    if (!uv_is_closing((uv_handle_t *)&l->timer)) {
        uv_timer_start(&l->timer, loop_uv_on_timer, 0, 0);
    }
}

static void loop_uv_set_timer(void *loop, int64_t delay)
{
    struct loop_uv *l = loop;
    uv_prepare_stop(&l->soon);
    uv_timer_stop(&l->timer);
    if (delay > 0) {
        uv_timer_start(&l->timer, loop_uv_on_timer, (uint64_t)delay, 0);
    } else if (delay == 0) {
        uv_prepare_start(&l->soon, loop_uv_on_prepare);
    }
}

static int64_t loop_uv_now(void *loop)
{
    struct loop_uv *l = loop;
    return (int64_t)uv_now(l->timer.loop);
}

static void loop_uv_update(void *loop)
{
    struct loop_uv *l = loop;
    uv_update_time(l->timer.loop);
}

/* ---- Loops ---- */

static void loop_uv_closed(uv_handle_t *h)
{
    loop_uv_release((struct loop_uv *)h->data);
}

static void loop_uv_free(void *loop)
{
    struct loop_uv *l = loop;
    uv_close((uv_handle_t *)&l->timer, loop_uv_closed);
    uv_close((uv_handle_t *)&l->soon, loop_uv_closed);
}

/* As libuv does in a child process: a new epoll instance that is the child's alone. */
static void loop_uv_forked(void *loop)
{
    struct loop_uv *l = loop;
    (void)uv_loop_fork(l->timer.loop);
}

static void loop_uv_init(struct loop_uv *l, uv_loop_t *uv)
{
    static const pb_loop_ops ops = {
        .watch_new = watch_uv_new,
        .watch_set = watch_uv_set,
        .watch_free = watch_uv_free,
        .set_timer = loop_uv_set_timer,
        .now = loop_uv_now,
        .update = loop_uv_update,
        .free = loop_uv_free,
        .forked = loop_uv_forked,
    };
    uv_timer_init(uv, &l->timer);
    uv_prepare_init(uv, &l->soon);
    l->timer.data = l->soon.data = l;
    l->handles = 2;
    pb__loop_init(&l->loop, &ops, l);
}

pb_loop *pb_loop_uv(struct uv_loop_s *uv)
{
    struct loop_uv *l = uv ? pb__malloc(sizeof *l) : NULL;
    if (!l) {
        return NULL;
    }
    loop_uv_init(l, uv);
    return &l->loop;
}

/* Whether `count` descriptors can be opened. */
static bool descriptors_are_left(size_t count)
{
    int fds[8];
    size_t n = 0;
    assert(count <= sizeof fds / sizeof *fds);
    while (n < count && (fds[n] = open("/", O_RDONLY | O_CLOEXEC)) >= 0) {
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        close(fds[i]);
    }
    return n == count;
}

/* libuv's default loop, or NULL. It opens an epoll instance, two pipes and an event
 * descriptor. If there are too few, libuv aborts the process, or leaks those that it
 * has opened. */
static uv_loop_t *loop_uv_make_default(void)
{
    unsigned held = pb__descriptors_reserve();
    uv_loop_t *uv = descriptors_are_left(6) ? uv_default_loop() : NULL;
    pb__descriptors_release(held);
    return uv;
}

pb_loop *pb_loop_default(void)
{
    /* One for the process, like libuv's default loop; it is never freed. */
    static struct loop_uv l;
    if (l.handles == 0) {
        uv_loop_t *uv = loop_uv_make_default();
        if (!uv) {
            return NULL;
        }
        loop_uv_init(&l, uv);
    }
    return &l.loop;
}
