/* SPDX-License-Identifier: MIT
 *
 * Reads recorded traffic: a capture of `pb record`, the raw bytes of one side, or a pcap
 * file, each plain or in gzip. The format is recognised by the first bytes. */
#ifndef PB__TOOLS_COMMON_TRAFFIC_FILE_H
#define PB__TOOLS_COMMON_TRAFFIC_FILE_H

#include <stdbool.h>

#include "tools/common/input.h"

enum traffic_format { TRAFFIC_CAPTURE, TRAFFIC_RAW, TRAFFIC_PCAP };

/* Receives the content of a file in order. Connections are numbered from 1; `from` is
 * SIDE_CLIENT or SIDE_SERVER. A negative return value stops the reading. */
struct traffic_sink {
    /* Runs first. In a pcap file, connections may be of other protocols, and may have
     * begun before the recording did. Times are seconds since `epoch`, which is seconds
     * since 1970; 0 if it is not known. */
    void (*begin)(enum traffic_format format, double epoch, void *ctx);
    int (*bytes)(size_t connection, int from, double time, pb_span in, void *ctx);
    /* The side sends no more; why may be NULL. */
    int (*end)(size_t connection, int from, double time, const char *why, void *ctx);
    void *ctx;
};

/* Reads a whole file ("-": standard input), as its bytes come, and with `follow` for
 * ever; raw_from is the side that sent a raw stream. 0, the negative number that the sink
 * returned, or an error: PB_ERR_SYSTEM, PB_ERR_SYNTAX, PB_ERR_NOMEM. */
int traffic_file_read(const char *path, int raw_from, bool follow,
                      const struct traffic_sink *sink, pb_error *err);

/* The same for an open pcap or pcapng file: pcap_file.c. */
int traffic_file_read_pcap(struct input *in, const struct traffic_sink *sink,
                           pb_error *err);

#endif
