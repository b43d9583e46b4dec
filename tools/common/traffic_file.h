/* SPDX-License-Identifier: MIT
 *
 * Where `pb dump` takes bytes from: a capture of ours, the raw bytes of one side, or a pcap
 * file, each plain or in gzip, and told apart by how they begin. */
#ifndef PB__TOOLS_COMMON_TRAFFIC_FILE_H
#define PB__TOOLS_COMMON_TRAFFIC_FILE_H

#include <stdbool.h>
#include <zlib.h>

#include "pb/error.h"

/* Told what a source has, in its order. Connections count from 1; `from` is TALK_CLIENT
 * or TALK_SERVER. Below zero stops the source. */
struct source_sink {
    /* First of all: whether it is a pcap file, where not every connection is ours. */
    void (*begin)(bool packets, void *ctx);
    int (*bytes)(size_t connection, int from, double time, pb_span in, void *ctx);
    /* The side writes no more; why may be NULL. */
    int (*end)(size_t connection, int from, double time, const char *why, void *ctx);
    void *ctx;
};

/* Reads all of a file ("-": standard input); raw_from is who wrote a raw stream. 0, what
 * the sink returned, or an error: PB_ERR_SYSTEM, PB_ERR_SYNTAX, PB_ERR_NOMEM. */
int source_read(const char *path, int raw_from, const struct source_sink *sink,
                pb_error *err);

/* The same for a pcap or pcapng file. */
int source_read_packets(gzFile file, const struct source_sink *sink, pb_error *err);

#endif
