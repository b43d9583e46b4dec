/* SPDX-License-Identifier: MIT
 *
 * The view of `pb record --stats`: calls per second, latency by method, errors and open
 * references of the traffic that passes. */
#ifndef PB__TOOLS_RECORD_RECORD_STATISTICS_H
#define PB__TOOLS_RECORD_RECORD_STATISTICS_H

#include "tools/dump/dump.h"

struct record_statistics {
    struct dump_stats *stats;
    double drawn;   /* seconds: when it was drawn last */
    uint64_t calls; /* at that time */
    bool terminal;  /* standard output is one: the view is redrawn on it */
};

/* PB_ERR_NOMEM. */
int record_statistics_init(struct record_statistics *r);
/* Draws the view. Before that, dump_stats_reset_open and dump_stats_add_open.
 * PB_ERR_NOMEM. */
int record_statistics_draw(struct record_statistics *r, double now);
void record_statistics_fini(struct record_statistics *r);

#endif
