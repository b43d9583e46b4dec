/* SPDX-License-Identifier: MIT
 *
 * One connection as a stream of bytes, for a tool that has nothing else to do: it is made
 * by waiting, and read by waiting. Endpoints are those of net/, TLS included. */
#ifndef PB__TOOLS_REPLAY_SOCKET_WAIT_H
#define PB__TOOLS_REPLAY_SOCKET_WAIT_H

#include "libpb/net/target.h"
#include "tools/common/socket_writer.h"

struct wire {
    struct outlet out; /* its fd is -1 where there is none */
    bool finishing;
};

/* Connects, or waits on a socket that listens for the first connection (timeout in
 * milliseconds; negative: for ever). PB_ERR_SYSTEM, PB_ERR_TIMEOUT, PB_ERR_NOMEM. */
int wire_connect(struct wire *w, struct pb__target *to, pb_error *err);
int wire_accept(struct wire *w, struct pb__target *at, int listener, int64_t timeout,
                pb_error *err);
/* Puts bytes behind those that wait to be sent. PB_ERR_NOMEM. */
int wire_send(struct wire *w, pb_span bytes);
/* Sends what waits and reads what comes first: how many bytes; 0 at the end of the stream.
 * PB_ERR_LOST, PB_ERR_TLS, or PB_ERR_TIMEOUT after so many milliseconds without a byte in
 * either direction. */
int wire_read(struct wire *w, uint8_t *out, size_t size, int64_t timeout, pb_error *err);
/* Says that there is no more to send, once what waits has gone. */
void wire_finish(struct wire *w);
void wire_fini(struct wire *w);

#endif
