/* SPDX-License-Identifier: MIT
 *
 * Draws the statistics of the traffic that passes: over the ones before at a terminal,
 * one after the other elsewhere. */
#include "tools/record/record_statistics.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "pb/error.h"

enum { WINDOW = 4096 /* answers of a method whose times are kept */ };

int record_statistics_init(struct record_statistics *r)
{
    *r = (struct record_statistics){.stats = dump_stats_new(WINDOW),
                                    .terminal = isatty(STDOUT_FILENO)};
    return r->stats ? 0 : PB_ERR_NOMEM;
}

int record_statistics_draw(struct record_statistics *r, double now)
{
    uint64_t errors, calls = dump_stats_calls(r->stats, &errors);
    double passed = now - r->drawn;
    double rate = passed > 0 ? (double)(calls - r->calls) / passed : 0;
    fputs(r->terminal ? "\033[H\033[J" : "\n", stdout);
    printf("%.0f s: %.1f calls/s, %" PRIu64 " calls, %" PRIu64 " errors\n", now, rate,
           calls, errors);
    int failed = dump_stats_print(r->stats, false);
    fflush(stdout);
    r->drawn = now;
    r->calls = calls;
    return failed;
}

void record_statistics_fini(struct record_statistics *r)
{
    dump_stats_free(r->stats);
}
