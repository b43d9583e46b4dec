/* SPDX-License-Identifier: MIT
 *
 * Repeats a call, and prints how long it takes as a histogram, which is redrawn at a
 * terminal. */
#include "tools/call/call_repeat.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/call/bench.h"
#include "tools/common/command.h"

enum {
    BUCKETS = 32,      /* of latencies: powers of 2 of microseconds */
    BAR = 40,          /* columns of the longest bar */
    REDRAW_AFTER = 100 /* milliseconds */
};

struct latency {
    uint64_t buckets[BUCKETS];
    uint64_t count;
    double least, most, sum; /* seconds */
    double drawn;            /* when it was drawn last */
    int lines;               /* of what was drawn last */
};

static volatile sig_atomic_t repeat_interrupted;

static void repeat_on_interrupt(int number)
{
    (void)number;
    repeat_interrupted = 1;
}

static void repeat_latency_add(struct latency *l, double seconds)
{
    int bucket = 0;
    while (bucket < BUCKETS - 1 &&
           seconds * 1e6 >= (double)(UINT64_C(1) << (bucket + 1))) {
        bucket++;
    }
    l->buckets[bucket]++;
    l->least = l->count == 0 || seconds < l->least ? seconds : l->least;
    l->most = seconds > l->most ? seconds : l->most;
    l->sum += seconds;
    l->count++;
}

/* The latency below which that part of the calls is, in milliseconds: the end of a
 * bucket. */
static double latency_quantile(const struct latency *l, double q)
{
    uint64_t passed = 0;
    for (int i = 0; i < BUCKETS; i++) {
        passed += l->buckets[i];
        if ((double)passed >= q * (double)l->count) {
            double end = (double)(UINT64_C(2) << i) * 1e-3;
            return end < l->most * 1e3 ? end : l->most * 1e3;
        }
    }
    return l->most * 1e3;
}

static void latency_print(struct latency *l)
{
    int first = 0, last = BUCKETS - 1;
    uint64_t largest = 1;
    for (int i = 0; i < BUCKETS; i++) {
        largest = l->buckets[i] > largest ? l->buckets[i] : largest;
    }
    while (first < last && !l->buckets[first]) {
        first++;
    }
    while (last > first && !l->buckets[last]) {
        last--;
    }
    printf("%llu calls, least %.3f ms, mean %.3f ms, p99 %.3f ms, most %.3f ms\n",
           (unsigned long long)l->count, l->least * 1e3,
           l->count ? l->sum / (double)l->count * 1e3 : 0, latency_quantile(l, 0.99),
           l->most * 1e3);
    l->lines = 1;
    for (int i = first; l->count && i <= last; i++, l->lines++) {
        int bar = (int)((l->buckets[i] * BAR + largest - 1) / largest);
        printf("%12.3f ms %10llu %.*s\n", (double)(UINT64_C(2) << i) * 1e-3,
               (unsigned long long)l->buckets[i], bar,
               "########################################");
    }
}

/* Draws the histogram over the one before, at a terminal. */
static void latency_redraw(struct latency *l, double now)
{
    if (!isatty(STDOUT_FILENO) || now - l->drawn < REDRAW_AFTER * 1e-3) {
        return;
    }
    if (l->lines) {
        printf("\033[%dA\033[J", l->lines);
    }
    latency_print(l);
    fflush(stdout);
    l->drawn = now;
}

int call_repeat(struct client_options *client, const struct repeat_options *o,
                int (*make)(void *ctx), void *ctx)
{
    const struct sigaction interrupt = {.sa_handler = repeat_on_interrupt};
    struct latency latency = {0};
    int first = TOOL_DONE;
    bool repeats = o->count != 1;
    if (repeats) {
        sigaction(SIGINT, &interrupt, NULL);
    }
    for (int64_t i = 0; !repeat_interrupted && (o->count == 0 || i < o->count); i++) {
        if (i > 0 && o->interval &&
            pb_client_wait(client->connection, o->interval) != 0) {
            break;
        }
        if (repeat_interrupted) {
            break;
        }
        double start = bench_now();
        int status = make(ctx);
        first = first == TOOL_DONE ? status : first;
        if (status == TOOL_DISCONNECTED || status == TOOL_USAGE) {
            break;
        }
        double now = bench_now();
        repeat_latency_add(&latency, now - start);
        if (o->latency) {
            latency_redraw(&latency, now);
        }
    }
    if (o->latency) {
        if (latency.lines) {
            printf("\033[%dA\033[J", latency.lines);
        }
        latency_print(&latency);
        first = tool_flush_output(first);
    }
    return first;
}
