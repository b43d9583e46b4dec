/* SPDX-License-Identifier: MIT
 *
 * The halves of `pb bench`. */
#ifndef PB__TOOLS_CALL_BENCH_H
#define PB__TOOLS_CALL_BENCH_H

#include <time.h>

/* Seconds of the monotonic clock. */
static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* argv is "call", the endpoint, the method, its arguments, and options behind them. */
int bench_call_main(int argc, char **argv);

#endif
