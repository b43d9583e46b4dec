/* SPDX-License-Identifier: MIT
 *
 * The parts of `pb bench`: bench.c measures the codec, bench_call.c a server. */
#ifndef PB__TOOLS_CALL_BENCH_H
#define PB__TOOLS_CALL_BENCH_H

#include <time.h>

/* The monotonic clock, in seconds. */
static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* `pb bench call`. argv is "call", the endpoint, the method, its arguments, and options
 * after them. Returns the exit status. */
int bench_call_main(int argc, char **argv);

#endif
