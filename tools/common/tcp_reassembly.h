/* SPDX-License-Identifier: MIT
 *
 * Putting TCP's segments in order again: connections by their addresses, and for each side
 * the bytes in sequence, whatever came twice, late or not at all. */
#ifndef PB__TOOLS_COMMON_TCP_REASSEMBLY_H
#define PB__TOOLS_COMMON_TCP_REASSEMBLY_H

#include <stdbool.h>

#include "tools/common/traffic_file.h"

/* One segment as it was seen. Addresses are IPv6's, or IPv4's in their first 4 bytes. */
struct tcp_segment {
    uint8_t from[16], to[16];
    uint16_t from_port, to_port;
    uint32_t seq;
    bool syn, ack, fin, rst;
    pb_span data;
    double time;
};

struct tcp;

/* NULL for lack of memory. The sink is borrowed. */
struct tcp *tcp_new(const struct source_sink *sink);
/* 0, PB_ERR_NOMEM, or what the sink returned. */
int tcp_take(struct tcp *t, const struct tcp_segment *s);
/* There are no more: what waits for bytes that never came is given out as a gap. */
int tcp_end(struct tcp *t);
void tcp_free(struct tcp *t);

#endif
