/* SPDX-License-Identifier: MIT
 *
 * Loops. All timers of a loop share the one timer of the underlying loop, which is set
 * for the earliest. */
#include "libpb/net/loop.h"

#include <assert.h>
#include <time.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"

/* ---- The heap of timers ---- A pairing heap: it needs no memory, and nothing
 * recurses. */

static struct pb__timer *heap_merge(struct pb__timer *a, struct pb__timer *b)
{
    if (b->due < a->due) {
        struct pb__timer *t = a;
        a = b;
        b = t;
    }
    b->next = a->child;
    b->prev = a;
    if (a->child) {
        a->child->prev = b;
    }
    a->child = b;
    return a;
}

/* Merges a list of siblings: in pairs from the left, and the pairs from the right. */
static struct pb__timer *heap_merge_siblings(struct pb__timer *first)
{
    struct pb__timer *pairs = NULL, *root = NULL;
    while (first) {
        struct pb__timer *a = first, *b = a->next;
        first = b ? b->next : NULL;
        a = b ? heap_merge(a, b) : a;
        a->next = pairs;
        pairs = a;
    }
    while (pairs) {
        struct pb__timer *a = pairs;
        pairs = a->next;
        root = root ? heap_merge(root, a) : a;
    }
    if (root) {
        root->next = root->prev = NULL;
    }
    return root;
}

static void heap_insert(pb_loop *l, struct pb__timer *t)
{
    t->child = t->next = t->prev = NULL;
    l->first = l->first ? heap_merge(l->first, t) : t;
    l->timers++;
}

static void heap_remove(pb_loop *l, struct pb__timer *t)
{
    struct pb__timer *below = heap_merge_siblings(t->child);
    if (t == l->first) {
        l->first = below;
    } else {
        *(t->prev->child == t ? &t->prev->child : &t->prev->next) = t->next;
        if (t->next) {
            t->next->prev = t->prev;
        }
        l->first = below ? heap_merge(l->first, below) : l->first;
    }
    l->timers--;
}

/* ---- Timers ---- */

enum {
    MAX_DELAY = 1000000000 /* milliseconds: no loop miscounts a delay of this length */
};

/* The time of the underlying loop's clock. */
static int64_t loop_clock(const pb_loop *l)
{
    struct timespec t;
    if (l->ops->now) {
        return l->ops->now(l->own);
    }
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The delay for the underlying loop's timer. Time may have passed since the loop
 * entered. */
static int64_t loop_delay(const pb_loop *l, int64_t at)
{
    int64_t delay = at > l->time ? at - loop_clock(l) : 0;
    return delay < 0 ? 0 : delay < MAX_DELAY ? delay : MAX_DELAY;
}

/* Sets the underlying loop's timer, unless it already expires early enough. */
static void loop_set_timer(pb_loop *l)
{
    int64_t at = l->first ? l->first->due : INT64_MAX;
    if (at < l->timer_at || (at == INT64_MAX && l->timer_at != INT64_MAX)) {
        l->timer_at = at;
        l->ops->set_timer(l->own, at == INT64_MAX ? -1 : loop_delay(l, at));
    }
}

void pb__timer_set(pb_loop *l, struct pb__timer *t, int64_t at)
{
    if (t->due == at) {
        return;
    }
    if (t->due != INT64_MAX) {
        heap_remove(l, t);
    }
    t->due = at;
    if (at != INT64_MAX) {
        heap_insert(l, t);
    }
    loop_set_timer(l);
}

void pb_loop_due(pb_loop *l)
{
    if (!l) {
        return;
    }
    pb__loop_enter(l);
    pb_loop_ref(l);
    l->timer_at = INT64_MAX;
    /* A timer that is set by a callback here expires in a later turn, so that the loop
     * gets its turn. */
    int64_t now = l->time;
    for (size_t n = l->timers; n > 0 && l->first && l->first->due <= now; n--) {
        struct pb__timer *t = l->first;
        pb__timer_stop(l, t);
        t->expired(t);
    }
    if (l->first && l->first->due > l->timer_at) {
        l->timer_at =
            INT64_MAX; /* it was set for a timer that has expired or was stopped */
    }
    loop_set_timer(l);
    pb_loop_unref(l);
}

/* ---- Loops ---- */

void pb__loop_enter(pb_loop *l)
{
    l->time = loop_clock(l);
}

void pb__loop_update(pb_loop *l)
{
    if (l->ops->update) {
        l->ops->update(l->own);
    }
    pb__loop_enter(l);
}

void pb__loop_init(pb_loop *l, const pb_loop_ops *ops, void *own)
{
    *l = (pb_loop){.refs = 1,
                   .ops = ops,
                   .own = own,
                   .timer_at = INT64_MAX,
                   .embedded = true,
                   .process = pb__process_id()};
    pb__loop_update(l);
}

int pb__loop_check(const pb_loop *l, pb_error *err)
{
    if (!l) {
        return pb__error_set(err, PB_ERR_ARG, 0,
                             "the loop is NULL; the default loop is NULL if there "
                             "are too many open files");
    }
    return pb__loop_is_foreign(l)
               ? pb__error_set(err, PB_ERR_STATE, 0,
                               "the loop belongs to the parent process: use one that was "
                               "made in this process")
               : 0;
}

pb_loop *pb_loop_new(const pb_loop_ops *ops, void *loop)
{
    bool fits =
        ops && ops->watch_new && ops->watch_set && ops->watch_free && ops->set_timer;
    pb_loop *l = fits ? pb__malloc(sizeof *l) : NULL;
    if (l) {
        pb__loop_init(l, ops, loop);
        l->embedded = false;
    }
    return l;
}

pb_loop *pb_loop_ref(pb_loop *l)
{
    if (l) {
        l->refs++;
    }
    return l;
}

void pb_loop_unref(pb_loop *l)
{
    if (!l || --l->refs > 0) {
        return;
    }
    assert(!l->first && !l->resolver);
    void (*end)(void *) = l->ops->free;
    void *own = l->own;
    if (!l->embedded) {
        pb__free(l);
    }
    if (end) {
        end(own);
    }
}

/* ---- Watches ---- */

int pb__watch_new(pb_loop *l, pb_watch *w, int fd,
                  void (*ready)(struct pb_watch *w, int events))
{
    w->ready = ready;
    return l->ops->watch_new(l->own, fd, w, &w->own);
}

void pb__watch_free(pb_loop *l, pb_watch *w)
{
    if (pb__loop_is_foreign(l) && !l->forked) {
        l->forked = true;
        if (l->ops->forked) {
            l->ops->forked(l->own);
        }
    }
    l->ops->watch_free(l->own, w->own);
}

void pb_watch_ready(pb_watch *w, int events)
{
    if (w) {
        w->ready(w, events);
    }
}
