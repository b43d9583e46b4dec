/* SPDX-License-Identifier: MIT
 *
 * TCP reassembly: sorts segments into connections by their addresses, and delivers the
 * bytes of each side in sequence, whatever was repeated, reordered or lost. */
#ifndef PB__TOOLS_COMMON_TCP_REASSEMBLY_H
#define PB__TOOLS_COMMON_TCP_REASSEMBLY_H

#include <stdbool.h>

#include "tools/common/traffic_file.h"

/* One captured segment. An address is IPv6, or IPv4 in its first 4 bytes. */
struct tcp_segment {
    uint8_t from[16], to[16];
    uint16_t from_port, to_port;
    uint32_t seq;
    bool syn, ack, fin, rst;
    pb_span data;
    double time;
};

struct tcp_reassembly;

/* NULL for lack of memory. The sink is borrowed. */
struct tcp_reassembly *tcp_reassembly_new(const struct traffic_sink *sink);
/* Adds a segment. 0, PB_ERR_NOMEM, or what the sink returned. */
int tcp_reassembly_add(struct tcp_reassembly *t, const struct tcp_segment *s);
/* Ends all connections: a side that still has segments after a missing one ends with an
 * error text. Returns as tcp_reassembly_add. */
int tcp_reassembly_end(struct tcp_reassembly *t);
void tcp_reassembly_free(struct tcp_reassembly *t);

#endif
