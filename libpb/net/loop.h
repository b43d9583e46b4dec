/* SPDX-License-Identifier: MIT
 *
 * The loop under connections and all else in this folder: watches of descriptors, and any
 * number of timers on the one timer that the loop behind it has. */
#ifndef PB__LOOP_H
#define PB__LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libpb/net/process.h"
#include "pb/loop.h"

/* Expires once for each time that it is set. */
struct pb__timer {
    struct pb__timer *child, *next; /* in the loop's heap */
    struct pb__timer *prev;         /* the sibling before it, or its parent */
    int64_t due;                    /* INT64_MAX: it is not set */
    void (*expired)(struct pb__timer *t);
};

struct pb__resolver;

struct pb_loop {
    size_t refs;
    const pb_loop_ops *ops;
    void *own;               /* what the functions of ops get */
    int64_t time;            /* when the program or the loop entered */
    struct pb__timer *first; /* the root of a pairing heap of timers by due */
    size_t timers;           /* how many are in it */
    int64_t asked;           /* for when the timer of ops is set; INT64_MAX: it is not */
    struct pb__resolver *resolver; /* while names are being looked up, else NULL */
    bool embedded;                 /* the memory is not pb_loop_new's */
    bool forked;                   /* ops->forked was called */
    pid_t process;                 /* to which it belongs */
};

struct pb_watch {
    void *own; /* what ops->watch_new gave */
    /* The descriptor is ready. Begins with pb__loop_enter. */
    void (*ready)(struct pb_watch *w, int events);
};

/* For a pb_loop that lies in what ops->free frees; it has one owner then. */
void pb__loop_init(pb_loop *l, const pb_loop_ops *ops, void *own);

/* An error, with a sentence, for a loop that nothing can be made under: NULL, or another
 * process's. */
int pb__loop_check(const pb_loop *l, pb_error *err);
/* Whether this is not the process to which it belongs, but a child of that. */
static inline bool pb__loop_is_foreign(const pb_loop *l)
{
    return l->process != pb__process_id();
}

/* Takes the time: where the loop enters, and where the program does, which may have been
 * away for long. */
void pb__loop_enter(pb_loop *l);
void pb__loop_update(pb_loop *l);
/* The time so many milliseconds after another one, at most INT64_MAX. */
static inline int64_t pb__later(int64_t from, int64_t by)
{
    int64_t at;
    return __builtin_add_overflow(from, by, &at) ? INT64_MAX : at;
}

/* That time, in milliseconds. */
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
/* Ends the watch; to be called before the descriptor is closed. In the child of a fork, too. */
void pb__watch_free(pb_loop *l, pb_watch *w);

static inline void pb__timer_init(struct pb__timer *t,
                                  void (*expired)(struct pb__timer *t))
{
    *t = (struct pb__timer){.due = INT64_MAX, .expired = expired};
}
/* Has t expire at that time instead of the one it was set for: from the loop, never from
 * here, also where the time has passed. INT64_MAX: never. */
void pb__timer_set(pb_loop *l, struct pb__timer *t, int64_t at);
/* Has t expire as soon as the loop runs. */
static inline void pb__timer_set_soon(pb_loop *l, struct pb__timer *t)
{
    pb__timer_set(l, t, l->time);
}
static inline void pb__timer_stop(pb_loop *l, struct pb__timer *t)
{
    pb__timer_set(l, t, INT64_MAX);
}

#endif
