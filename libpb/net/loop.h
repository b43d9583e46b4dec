/* SPDX-License-Identifier: MIT
 *
 * The loop under connections and everything else in this folder: watches for descriptors,
 * and any number of timers over the single timer of the underlying loop. */
#ifndef PB__LOOP_H
#define PB__LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libpb/net/process.h"
#include "pb/loop.h"

/* Expires once each time it is set. */
struct pb__timer {
    struct pb__timer *child, *next; /* in the loop's heap */
    struct pb__timer *prev;         /* the sibling before it, or its parent */
    int64_t due;                    /* INT64_MAX: not set */
    void (*expired)(struct pb__timer *t);
};

struct pb__resolver;

struct pb_loop {
    size_t refs;
    const pb_loop_ops *ops;
    void *own;               /* passed to the functions of ops */
    int64_t time;            /* when the program or the loop entered */
    struct pb__timer *first; /* the root of a pairing heap of timers by due */
    size_t timers;           /* number of timers in it */
    int64_t timer_at;        /* when the timer of ops expires; INT64_MAX: it is not set */
    struct pb__resolver *resolver; /* while lookups are pending, else NULL */
    bool embedded;                 /* part of another allocation */
    bool forked;                   /* ops->forked was called */
    pid_t process;                 /* that made the loop */
};

struct pb_watch {
    void *own; /* from ops->watch_new */
    /* The descriptor is ready. Must call pb__loop_enter first. */
    void (*ready)(struct pb_watch *w, int events);
};

/* Initializes a pb_loop inside an allocation that ops->free frees; it has one owner. */
void pb__loop_init(pb_loop *l, const pb_loop_ops *ops, void *own);

/* PB_ERR_ARG or PB_ERR_STATE, with err filled, for a loop that cannot be used: NULL, or
 * one of another process. */
int pb__loop_check(const pb_loop *l, pb_error *err);
/* Whether this process is a child of the one that made the loop. */
static inline bool pb__loop_is_foreign(const pb_loop *l)
{
    return l->process != pb__process_id();
}

/* Update the loop's time. The first is for callbacks of the loop; the second for
 * functions that the program calls, which may have been busy for long. */
void pb__loop_enter(pb_loop *l);
void pb__loop_update(pb_loop *l);
/* The time `by` milliseconds after `from`, at most INT64_MAX. */
static inline int64_t pb__later(int64_t from, int64_t by)
{
    int64_t at;
    return __builtin_add_overflow(from, by, &at) ? INT64_MAX : at;
}

static inline int64_t pb__earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The loop's time, in milliseconds. */
static inline int64_t pb__loop_now(const pb_loop *l)
{
    return l->time;
}

/* Prepares w to watch fd. 0 or -errno. */
int pb__watch_new(pb_loop *l, pb_watch *w, int fd,
                  void (*ready)(struct pb_watch *w, int events));
/* Watches for these events from now on. 0 or -errno. */
static inline int pb__watch_set(pb_loop *l, pb_watch *w, int events)
{
    return l->ops->watch_set(l->own, w->own, events);
}
/* Ends the watch; to be called before the descriptor is closed, also in a child
 * process. */
void pb__watch_free(pb_loop *l, pb_watch *w);

static inline void pb__timer_init(struct pb__timer *t,
                                  void (*expired)(struct pb__timer *t))
{
    *t = (struct pb__timer){.due = INT64_MAX, .expired = expired};
}
/* Sets the time at which t expires, in place of an earlier setting; INT64_MAX: never. The
 * callback runs from the loop, never from here, even if the time has passed. */
void pb__timer_set(pb_loop *l, struct pb__timer *t, int64_t at);
/* Makes t expire as soon as the loop runs. */
static inline void pb__timer_set_soon(pb_loop *l, struct pb__timer *t)
{
    pb__timer_set(l, t, l->time);
}
static inline void pb__timer_stop(pb_loop *l, struct pb__timer *t)
{
    pb__timer_set(l, t, INT64_MAX);
}

#endif
