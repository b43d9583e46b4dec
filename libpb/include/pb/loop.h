/* SPDX-License-Identifier: MIT
 *
 * Event loops. Connections, servers, services and posts (net.h, service.h) run under any
 * loop that can watch descriptors and has a timer. pb_loop_default is for programs without
 * a loop of their own, pb_loop_uv takes a loop of libuv, and the headers in pb/adapters/
 * take those of GLib, libev and libevent. For another one, fill in a pb_loop_ops.
 *
 * A loop and what is under it belong to the process that made them. In the child of a fork
 * nothing can be made under an inherited loop, nor called (PB_ERR_STATE); to close or free
 * what is inherited closes the child's descriptors, at once, and tells the peer nothing: the
 * parent goes on with it. */
#ifndef PB_LOOP_H
#define PB_LOOP_H

#include "pb/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;

/* ---- Loops ---- */

/* An event loop as the library sees it. It belongs to the thread that runs the loop.
 * Counted: each connection, server, service and post owns it too, so a program may give
 * its own count back at any time. */
typedef struct pb_loop pb_loop;

/* The process's default loop, borrowed; always the same. It runs on uv_default_loop(),
 * which a program may use for timers and other handles of its own. NULL where the system
 * has no descriptors left for it. It belongs to the process that asked for it first.
 * Mirrors twisted.internet.reactor. */
PB_API pb_loop *pb_loop_default(void);
/* Runs the default loop until nothing is left to do, or until SIGINT or SIGTERM. 0,
 * PB_ERR_SYSTEM where signals cannot be watched, or PB_ERR_STATE: it runs already, and this
 * is one of its callbacks, or the loop is another process's. A program that ends on a signal closes its
 * server then, and runs once more until that is done. Mirrors reactor.run. */
PB_API int pb_run(void);

/* Takes a loop of libuv, which the program runs: *new*. uv is borrowed until the last
 * owner has gone, and uv_run has run once more after that: uv_loop_close succeeds then.
 * NULL for lack of memory. */
PB_API pb_loop *pb_loop_uv(struct uv_loop_s *uv);
/* Adds an owner, and returns l. NULL is allowed. */
PB_API pb_loop *pb_loop_ref(pb_loop *l);
/* Removes an owner. NULL is allowed. */
PB_API void pb_loop_unref(pb_loop *l);

/* ---- Other loops ---- */

/* The library's interest in a descriptor. */
typedef struct pb_watch pb_watch;

/* What a descriptor is watched for, and what has happened to it: bits. */
enum {
    PB_WATCH_READ = 1,
    PB_WATCH_WRITE = 2,
    PB_WATCH_FAILED = 4, /* happened: the loop can watch it no longer */
};

/* What a loop does for the library, in the loop's thread. `loop` is what pb_loop_new was
 * given. `now`, `update`, `free` and `forked` may be NULL. */
typedef struct {
    /* Prepares to watch fd, for nothing yet: *watch is what the next two functions get.
     * 0, or -errno if it cannot. */
    int (*watch_new)(void *loop, int fd, pb_watch *w, void **watch);
    /* From now on calls pb_watch_ready as long as the descriptor is ready for any of these
     * events (0: never), but not from here. A descriptor that has failed or hung up is
     * ready for all that it is watched for. 0, or -errno if it cannot. */
    int (*watch_set)(void *loop, void *watch, int events);
    /* Ends the watch, and frees what watch_new made. The descriptor is still open. */
    void (*watch_free)(void *loop, void *watch);
    /* Calls pb_loop_due once, so many milliseconds from what `now` says, instead of at the
     * time that was set before. 0 is soon, but not from here; a negative delay is never.
     * To be early does no harm. */
    void (*set_timer)(void *loop, int64_t delay);
    /* The time in monotonic milliseconds. It may be that at which the loop woke, if there
     * is an `update`, which makes it the present time. NULL: the system's. */
    int64_t (*now)(void *loop);
    void (*update)(void *loop);
    /* The last owner has gone, and no watch is left. This may be called from inside
     * pb_watch_ready and pb_loop_due. */
    void (*free)(void *loop);
    /* This is the child of a fork, and what it shares with its parent, as an epoll
     * instance, is to be replaced: called there before a watch is ended, once. NULL: it
     * shares nothing but descriptors that are watched. */
    void (*forked)(void *loop);
    void *reserved[4];
} pb_loop_ops;

/* A loop that works by these functions, which are borrowed for its life: *new*. NULL for
 * lack of memory, or of a function that may not be NULL, and `free` is not called then. */
PB_API pb_loop *pb_loop_new(const pb_loop_ops *ops, void *loop);
/* The time of set_timer has come. */
PB_API void pb_loop_due(pb_loop *l);
/* The descriptor is ready for these events. This may end the watch and others, and free
 * the loop. */
PB_API void pb_watch_ready(pb_watch *w, int events);

#ifdef __cplusplus
}
#endif
#endif
