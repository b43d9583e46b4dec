/* SPDX-License-Identifier: MIT
 *
 * Event loops. Connections, servers, services and posts (net.h, service.h) run on any
 * loop that can watch descriptors and has a timer. pb_loop_default is for programs
 * without their own loop, pb_loop_uv wraps a loop of libuv, and the headers in
 * pb/adapters/ wrap those of GLib, libev and libevent. For another loop, fill in a
 * pb_loop_ops.
 *
 * A callback may run the loop, if the loop itself allows that (GLib and libev do, libuv
 * and libevent do not). Calls that the callback has made are then sent and answered.
 *
 * A loop and everything on it belong to the process that made them. In the child process
 * of a fork, nothing can be made on an inherited loop, and no call can be made through it
 * (PB_ERR_STATE). Closing or freeing an inherited object closes the child's descriptors
 * at once, and sends nothing to the peer, because the parent process still uses the
 * connection. */
#ifndef PB_LOOP_H
#define PB_LOOP_H

#include "pb/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct uv_loop_s;

/* ---- Loops ---- */

/* An event loop as the library sees it. It belongs to the thread that runs the loop.
 * Counted: each connection, server, service and post is an owner too, so a program may
 * release its own count at any time. */
typedef struct pb_loop pb_loop;

/* The default loop of the process, borrowed; always the same. It runs on
 * uv_default_loop(), which a program may use for its own timers and other handles. NULL
 * if the system has no descriptors left for it. It belongs to the process that called
 * this first. Mirrors twisted.internet.reactor. */
PB_API pb_loop *pb_loop_default(void);
/* Runs the default loop until nothing is left to do, or until SIGINT or SIGTERM. After a
 * signal, a program closes its server and calls this again, until the server is closed.
 * 0; PB_ERR_SYSTEM if signals cannot be watched; PB_ERR_STATE if it is called from a
 * callback of the running loop, or if the loop belongs to another process. Mirrors
 * reactor.run. */
PB_API int pb_run(void);

/* Wraps a loop of libuv, which the program runs: *new*. uv is borrowed until the last
 * owner is removed and uv_run has run once more after that; then uv_loop_close succeeds.
 * NULL if memory is exhausted. */
PB_API pb_loop *pb_loop_uv(struct uv_loop_s *uv) PB_MUST_USE;
/* Adds an owner, and returns l. NULL is allowed. */
PB_API pb_loop *pb_loop_ref(pb_loop *l);
/* Removes an owner. NULL is allowed. */
PB_API void pb_loop_unref(pb_loop *l);

/* ---- Other loops ---- */

/* The library's interest in a descriptor. */
typedef struct pb_watch pb_watch;

/* The events of a descriptor, as bits: those to watch for, and those that have
 * occurred. */
enum {
    PB_WATCH_READ = 1,
    PB_WATCH_WRITE = 2,
    PB_WATCH_FAILED = 4, /* occurred: the loop can no longer watch it */
};

/* The functions of a loop that the library calls, in the loop's thread. `loop` is the
 * pointer that was passed to pb_loop_new. `now`, `update`, `free` and `forked` may be
 * NULL. */
typedef struct {
    /* Prepares to watch fd, for no events yet. It sets *watch to the pointer that is
     * passed to the next two functions. 0, or -errno if it fails. */
    int (*watch_new)(void *loop, int fd, pb_watch *w, void **watch);
    /* Sets the events to watch for (0: none). As long as the descriptor is ready for one
     * of them, the loop calls pb_watch_ready, but not from inside this function. A
     * descriptor that has failed or hung up is ready for all events that it is watched
     * for. 0, or -errno if it fails. */
    int (*watch_set)(void *loop, void *watch, int events);
    /* Ends the watch, and frees the memory that watch_new allocated. The descriptor is
     * still open. */
    void (*watch_free)(void *loop, void *watch);
    /* Sets the timer: the loop calls pb_loop_due once, `delay` milliseconds after the
     * time that `now` returns. This replaces the time that was set before. 0 means soon,
     * but not from inside this function; a negative delay means never. It is harmless to
     * call pb_loop_due early. */
    void (*set_timer)(void *loop, int64_t delay);
    /* Returns the time in milliseconds of a monotonic clock. It may be the time at which
     * the loop woke up, if there is an `update` function, which refreshes it. NULL: the
     * system's clock. */
    int64_t (*now)(void *loop);
    void (*update)(void *loop);
    /* The last owner was removed, and no watch is left. This may be called from inside
     * pb_watch_ready and pb_loop_due. */
    void (*free)(void *loop);
    /* Called once in the child process of a fork, before a watch is ended there. It
     * replaces what the loop shares with the parent process, such as an epoll instance.
     * NULL: nothing is shared except watched descriptors. */
    void (*forked)(void *loop);
    void *reserved[4];
} pb_loop_ops;

/* A loop that uses these functions, which are borrowed for its life: *new*. NULL if
 * memory is exhausted, or if a required function is NULL; then `free` is not called. */
PB_API pb_loop *pb_loop_new(const pb_loop_ops *ops, void *loop) PB_MUST_USE;
/* Reports that the timer of set_timer has expired. */
PB_API void pb_loop_due(pb_loop *l);
/* Reports that the descriptor is ready for these events. During this call the watch and
 * others may be ended, and the loop may be freed. */
PB_API void pb_watch_ready(pb_watch *w, int events);

#ifdef __cplusplus
}
#endif
#endif
