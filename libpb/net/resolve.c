/* SPDX-License-Identifier: MIT
 *
 * Lookups. getaddrinfo blocks, so threads call it; they end when the loop has no more
 * lookups for them. Nothing waits for a thread: after its lookup was cancelled, the
 * thread notices when it is done, and frees the rest. */
#include "libpb/net/resolve.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/net/post.h"
#include "libpb/net/socket.h"

enum {
    WORKERS = 16 /* threads per loop: a silent name server blocks only a few */
};

/* Shared by the lookups of a loop, while there are any. */
struct pb__resolver {
    pb_loop *loop;         /* these two: of the loop's thread */
    size_t awaited;        /* lookups that still have to call back */
    pb_post *post;         /* from the threads to the loop */
    pthread_mutex_t lock;  /* of the fields below */
    struct pb__list queue; /* lookup.link: not taken by a thread yet */
    size_t workers;
    size_t holders; /* the threads, and the loop */
};

struct pb__lookup {
    struct pb__posted posted; /* first */
    struct pb__list link;
    struct pb__resolver *resolver;
    pb__lookup_cb *cb; /* NULL: cancelled. Of the loop's thread. */
    void *ctx;
    struct addrinfo *found;
    int status; /* of getaddrinfo */
    int error;  /* errno, for EAI_SYSTEM */
    const char *port;
    char host[];
};

static void lookup_free(struct pb__lookup *k)
{
    if (k->found) {
        freeaddrinfo(k->found);
    }
    pb__free(k);
}

/* ---- Resolvers ---- */

static void resolver_release(struct pb__resolver *r)
{
    pthread_mutex_lock(&r->lock);
    bool last = --r->holders == 0;
    pthread_mutex_unlock(&r->lock);
    if (last) {
        pb_post_free(r->post);
        pthread_mutex_destroy(&r->lock);
        pb__free(r);
    }
}

static struct pb__resolver *resolver_new(pb_loop *l, pb_error *err)
{
    struct pb__resolver *r = pb__calloc(1, sizeof *r);
    if (!r || pthread_mutex_init(&r->lock, NULL) != 0) {
        pb__error_nomem(err);
        pb__free(r);
        return NULL;
    }
    r->post = pb_post_new(l, err);
    if (!r->post) {
        pthread_mutex_destroy(&r->lock);
        pb__free(r);
        return NULL;
    }
    r->loop = l;
    r->holders = 1;
    pb__list_init(&r->queue);
    l->resolver = r;
    return r;
}

/* Counts one lookup less; after the last the loop has no resolver any more. */
static void resolver_unawait(struct pb__resolver *r)
{
    if (--r->awaited == 0) {
        r->loop->resolver = NULL;
        pb_post_close(r->post);
        resolver_release(r);
    }
}

/* ---- Threads ---- */

static void lookup_done(struct pb__posted *posted)
{
    struct pb__lookup *k = (struct pb__lookup *)posted;
    if (k->cb) {
        struct addrinfo *found = k->found;
        const char *why = k->status == EAI_SYSTEM ? pb__socket_text(-k->error)
                                                  : gai_strerror(k->status);
        k->found = NULL;
        resolver_unawait(k->resolver);
        k->cb(found, found ? NULL : why, k->ctx);
    }
    lookup_free(k);
}

static void lookup_run(struct pb__lookup *k)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    k->status = getaddrinfo(k->host, k->port, &hints, &k->found);
    k->error = errno;
    if (k->status) {
        k->found = NULL;
    }
}

static void *resolver_work(void *resolver)
{
    struct pb__resolver *r = resolver;
    pthread_mutex_lock(&r->lock);
    while (!pb__list_empty(&r->queue)) {
        struct pb__lookup *k = PB__LIST_ENTRY(r->queue.next, struct pb__lookup, link);
        pb__list_remove(&k->link);
        pthread_mutex_unlock(&r->lock);
        lookup_run(k);
        if (pb__post_add(r->post, &k->posted) != 0) {
            lookup_free(k);
        }
        pthread_mutex_lock(&r->lock);
    }
    r->workers--;
    pthread_mutex_unlock(&r->lock);
    resolver_release(r);
    return NULL;
}

/* Called with the lock. The thread blocks all signals. 0 or -errno. */
static int resolver_start_worker(struct pb__resolver *r)
{
    pthread_t thread;
    pthread_attr_t attr;
    sigset_t all, before;
    int e = pthread_attr_init(&attr);
    if (e) {
        return -e;
    }
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    e = pthread_create(&thread, &attr, resolver_work, r);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (e == 0) {
        r->workers++;
        r->holders++;
    }
    return -e;
}

/* ---- Lookups ---- */

/* Passes the lookup to a thread. 0 or -errno. */
static int lookup_ask(struct pb__lookup *k)
{
    struct pb__resolver *r = k->resolver;
    int e = 0;
    pthread_mutex_lock(&r->lock);
    if (r->workers < WORKERS) {
        e = resolver_start_worker(r);
    }
    if (r->workers > 0) { /* one is enough */
        e = 0;
        pb__list_push(&r->queue, &k->link);
    }
    pthread_mutex_unlock(&r->lock);
    return e;
}

struct pb__lookup *pb__lookup_new(pb_loop *l, const char *host, const char *port,
                                  pb__lookup_cb *cb, void *ctx, pb_error *err)
{
    struct pb__resolver *r = l->resolver ? l->resolver : resolver_new(l, err);
    if (!r) {
        return NULL;
    }
    size_t host_size = strlen(host) + 1, port_size = strlen(port) + 1;
    struct pb__lookup *k = pb__malloc(sizeof *k + host_size + port_size);
    r->awaited++;
    int e = -ENOMEM;
    if (k) {
        *k = (struct pb__lookup){.posted.run = lookup_done,
                                 .resolver = r,
                                 .cb = cb,
                                 .ctx = ctx,
                                 .port = k->host + host_size};
        memcpy(k->host, host, host_size);
        memcpy(k->host + host_size, port, port_size);
        pb__list_init(&k->link);
        e = lookup_ask(k);
    }
    if (e) {
        pb__socket_error(err, e, "cannot look up host \"%s\"", host);
        pb__free(k);
        resolver_unawait(r);
        return NULL;
    }
    return k;
}

/* In a child process, which has no threads. A thread of the parent may have held the
 * lock, so the shared data is not touched. */
static void lookup_disown(struct pb__resolver *r)
{
    if (--r->awaited == 0) {
        r->loop->resolver = NULL;
        pb_post_close(r->post);
    }
}

void pb__lookup_cancel(struct pb__lookup *k)
{
    struct pb__resolver *r = k->resolver;
    if (pb__loop_is_foreign(r->loop)) {
        lookup_disown(r);
        return;
    }
    pthread_mutex_lock(&r->lock);
    bool untaken = !pb__list_empty(&k->link);
    pb__list_remove(&k->link);
    pthread_mutex_unlock(&r->lock);
    k->cb = NULL;
    if (untaken) {
        lookup_free(k);
    }
    resolver_unawait(r);
}
