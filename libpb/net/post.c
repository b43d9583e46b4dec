/* SPDX-License-Identifier: MIT
 *
 * Running functions in a loop's thread from other threads: a queue with a lock, and a
 * descriptor that wakes the loop. Mirrors reactor.callFromThread. */
#include "libpb/net/post.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>
#ifdef HAVE_SYS_EVENTFD_H
#include <sys/eventfd.h>
#endif

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/descriptor.h"
#include "libpb/net/loop.h"
#include "libpb/net/process.h"
#include "libpb/net/socket.h"

struct pb_post {
    pb_loop *loop;
    pb_watch watch; /* of fd */
    int fd;
    int wake_fd; /* writing to it makes fd readable: fd itself, or a pipe's other end */
    pthread_mutex_t lock; /* of the fields below */
    struct pb__list queue;
    size_t queued;
    size_t holders; /* the program; the loop until closed, and while it runs items */
    bool closing;
    pid_t process; /* the loop's: the loop may be freed after pb_post_close */
};

/* A call that pb_post_run has allocated. */
struct posted_call {
    struct pb__posted posted;
    void (*run)(void *data);
    void *data;
};

static bool post_is_foreign(const pb_post *p)
{
    return p->process != pb__process_id();
}

static void post_release(pb_post *p)
{
    pthread_mutex_lock(&p->lock);
    bool last = --p->holders == 0;
    pthread_mutex_unlock(&p->lock);
    if (last) {
        pthread_mutex_destroy(&p->lock);
        pb__free(p);
    }
}

/* Make the descriptor readable or not. Both are called with the lock, so that it is
 * readable exactly while there are items. */
static void post_signal(pb_post *p)
{
    const uint64_t one = 1;
    while (write(p->wake_fd, &one, sizeof one) < 0 && errno == EINTR) {
    }
}

static void post_clear(pb_post *p)
{
    uint64_t count;
    while (read(p->fd, &count, sizeof count) < 0 && errno == EINTR) {
    }
}

/* Takes the first item from the queue; NULL: there is none. */
static struct pb__posted *post_take(pb_post *p)
{
    struct pb__posted *first = NULL;
    pthread_mutex_lock(&p->lock);
    if (p->queued > 0) {
        first = PB__LIST_ENTRY(p->queue.next, struct pb__posted, link);
        pb__list_remove(&first->link);
        p->queued--;
        if (p->queued == 0) {
            post_clear(p);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return first;
}

/* Runs the items that are posted now, in order; items that these post run next time. */
static void post_on_ready(pb_watch *w, int events)
{
    pb_post *p = PB__LIST_ENTRY(w, pb_post, watch);
    struct pb__posted *first;
    (void)events;
    pb__loop_enter(p->loop);
    pthread_mutex_lock(&p->lock);
    p->holders++;
    size_t n = p->queued;
    pthread_mutex_unlock(&p->lock);
    for (; n > 0 && (first = post_take(p)); n--) {
        first->run(first);
    }
    post_release(p);
}

#ifdef HAVE_SYS_EVENTFD_H

/* Makes p->fd and p->wake_fd: 0 or -errno. */
static int post_open_descriptors(pb_post *p)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->fd = p->wake_fd = fd < 0 ? -errno : pb__descriptor_raise(fd);
    return p->fd < 0 ? p->fd : 0;
}

#else

static int post_open_descriptors(pb_post *p)
{
    int fds[2];
    if (pipe(fds) != 0) {
        return -errno;
    }
    p->fd = pb__descriptor_nonblocking(fds[0]);
    p->wake_fd = pb__descriptor_nonblocking(fds[1]);
    int e = p->fd < 0 ? p->fd : p->wake_fd < 0 ? p->wake_fd : 0;
    if (e && p->fd >= 0) {
        close(p->fd);
    }
    if (e && p->wake_fd >= 0) {
        close(p->wake_fd);
    }
    return e;
}

#endif

static void post_close_descriptors(pb_post *p)
{
    close(p->fd);
    if (p->wake_fd != p->fd) {
        close(p->wake_fd);
    }
}

/* Makes the loop watch a new descriptor: 0 or -errno. */
static int post_open(pb_post *p)
{
    int e = post_open_descriptors(p);
    if (e) {
        return e;
    }
    e = pb__watch_new(p->loop, &p->watch, p->fd, post_on_ready);
    if (!e) {
        e = pb__watch_set(p->loop, &p->watch, PB_WATCH_READ);
        if (e) {
            pb__watch_free(p->loop, &p->watch);
        }
    }
    if (e) {
        post_close_descriptors(p);
    }
    return e;
}

pb_post *pb_post_new(pb_loop *loop, pb_error *err)
{
    if (pb__loop_check(loop, err) != 0) {
        return NULL;
    }
    pb_post *p = pb__calloc(1, sizeof *p);
    if (!p) {
        pb__error_nomem(err);
        return NULL;
    }
    p->loop = loop;
    p->process = pb__process_id();
    int e = -pthread_mutex_init(&p->lock, NULL);
    if (!e && (e = post_open(p)) != 0) {
        pthread_mutex_destroy(&p->lock);
    }
    if (e) {
        pb__socket_error(err, e, "cannot create a post");
        pb__free(p);
        return NULL;
    }
    pb_loop_ref(loop);
    pb__list_init(&p->queue);
    p->holders = 2;
    return p;
}

int pb__post_add(pb_post *p, struct pb__posted *posted)
{
    pthread_mutex_lock(&p->lock);
    bool closing = p->closing;
    if (!closing) {
        pb__list_init(&posted->link);
        pb__list_push(&p->queue, &posted->link);
        p->queued++;
        if (p->queued == 1) {
            post_signal(p);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return closing ? PB_ERR_STATE : 0;
}

static void posted_call_run(struct pb__posted *posted)
{
    struct posted_call call = *(struct posted_call *)posted;
    pb__free(posted);
    call.run(call.data);
}

int pb_post_run(pb_post *p, void (*run)(void *data), void *data)
{
    struct posted_call *call = p && run ? pb__malloc(sizeof *call) : NULL;
    if (!call) {
        return p && run ? PB_ERR_NOMEM : PB_ERR_ARG;
    }
    *call = (struct posted_call){.posted.run = posted_call_run, .run = run, .data = data};
    int e = post_is_foreign(p) ? PB_ERR_STATE : pb__post_add(p, &call->posted);
    if (e) {
        pb__free(call);
    }
    return e;
}

static void post_end_watch(pb_post *p)
{
    pb__watch_free(p->loop, &p->watch);
    post_close_descriptors(p);
    pb_loop_unref(p->loop);
}

void pb_post_close(pb_post *p)
{
    if (!p) {
        return;
    }
    if (post_is_foreign(p)) {
        /* The items belong to the parent process, and one of its threads may hold the
         * lock. */
        if (!p->closing) {
            p->closing = true;
            post_end_watch(p);
        }
        return;
    }
    pthread_mutex_lock(&p->lock);
    bool again = p->closing;
    p->closing = true;
    pthread_mutex_unlock(&p->lock);
    if (again) {
        return;
    }
    /* Nothing can be posted any more, so the descriptor is used here only. */
    struct pb__posted *first;
    while ((first = post_take(p))) {
        first->run(first);
    }
    post_end_watch(p);
    post_release(p);
}

void pb_post_free(pb_post *p)
{
    if (p) {
        post_release(p);
    }
}
