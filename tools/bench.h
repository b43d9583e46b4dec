/* SPDX-License-Identifier: MIT
 *
 * The halves of `pb bench`. */
#ifndef PB__TOOLS_BENCH_H
#define PB__TOOLS_BENCH_H

#include <malloc.h>
#include <time.h>

/* Seconds of the monotonic clock. */
static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Lets the C library keep what is freed, as it does in a program that has run for a while:
 * else it gives large values back to the system after each round, and what is measured is
 * how the system fills pages with zeros. */
static inline void bench_keep_memory(void)
{
#if defined(M_TRIM_THRESHOLD) && defined(M_MMAP_THRESHOLD)
    mallopt(M_MMAP_THRESHOLD, 64 << 20);
    mallopt(M_TRIM_THRESHOLD, 512 << 20);
#endif
}

/* argv is "call", the endpoint, the method, its arguments, and options behind them. */
int bench_call_main(int argc, char **argv);

#endif
