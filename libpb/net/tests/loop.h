/* SPDX-License-Identifier: MIT
 *
 * A loop of libuv for a test. */
#ifndef PB__NET_TESTS_LOOP_H
#define PB__NET_TESTS_LOOP_H

#include <unistd.h>
#include <uv.h>

#include "pb/loop.h"
#include "tests/support.h"

/* A loop of libuv, twice. */
struct loop {
    uv_loop_t uv;
    pb_loop *pb; /* NULL for lack of memory */
};

/* A loop for a test that may take a minute; then a signal ends it. */
static inline void begin_loop(struct loop *loop)
{
    alarm(60);
    cr_assert_eq(uv_loop_init(&loop->uv), 0);
    loop->pb = pb_loop_uv(&loop->uv);
}

/* Runs the loop until the condition holds. */
#define RUN_UNTIL(loop, condition)                                         \
    do {                                                                   \
        while (!(condition)) {                                             \
            bool more = uv_run(&(loop)->uv, UV_RUN_ONCE) != 0;             \
            cr_assert(more || (condition), "nothing is left to wait for"); \
        }                                                                  \
    } while (0)

/* Runs what is left to run, which must be nothing that waits for a peer, and closes. */
static inline void end_loop(struct loop *loop)
{
    pb_loop_unref(loop->pb);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop->uv), 0);
}

/* Until nothing is allocated: threads that look up a host end when they are done. */
static inline void wait_for_lookups(void)
{
    for (int i = 0; pb__test_live() > 0 && i < 10000; i++) {
        uv_sleep(1);
    }
}

#endif
