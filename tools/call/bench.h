/* SPDX-License-Identifier: MIT
 *
 * The parts of `pb bench`: bench.c measures the codec, bench_call.c a server. */
#ifndef PB__TOOLS_CALL_BENCH_H
#define PB__TOOLS_CALL_BENCH_H

#include <time.h>

#include "tools/call/client_options.h"

/* The monotonic clock, in seconds. */
static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

struct bench_options {
    struct client_options client;
    long outstanding;
    double seconds;
};

/* `pb bench call`: the words are the endpoint, the method and its arguments. Returns the
 * exit status. */
int bench_call_run(struct bench_options *o, int count, char **words);

#endif
