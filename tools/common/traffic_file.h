/* SPDX-License-Identifier: MIT
 *
 * Reads recorded traffic: a capture of `pb record`, the raw bytes of one side, or a pcap
 * file, each plain or in gzip. The format is recognised by the first bytes. */
#ifndef PB__TOOLS_COMMON_TRAFFIC_FILE_H
#define PB__TOOLS_COMMON_TRAFFIC_FILE_H

#include <stdbool.h>
#include <zlib.h>

#include "pb/error.h"

/* Receives the content of a file in order. Connections are numbered from 1; `from` is
 * SIDE_CLIENT or SIDE_SERVER. A negative return value stops the reading. */
struct traffic_sink {
    /* Runs first. In a pcap file (is_pcap), connections may be of other protocols. */
    void (*begin)(bool is_pcap, void *ctx);
    int (*bytes)(size_t connection, int from, double time, pb_span in, void *ctx);
    /* The side sends no more; why may be NULL. */
    int (*end)(size_t connection, int from, double time, const char *why, void *ctx);
    void *ctx;
};

/* Reads a whole file ("-": standard input); raw_from is the side that sent a raw stream.
 * 0, the negative number that the sink returned, or an error: PB_ERR_SYSTEM,
 * PB_ERR_SYNTAX, PB_ERR_NOMEM. */
int traffic_file_read(const char *path, int raw_from, const struct traffic_sink *sink,
                      pb_error *err);

/* The same for an open pcap or pcapng file: pcap_file.c. */
int traffic_file_read_pcap(gzFile file, const struct traffic_sink *sink, pb_error *err);

#endif
