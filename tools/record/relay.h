/* SPDX-License-Identifier: MIT
 *
 * Passing bytes on between two connected sockets, each with TLS or without. What one side
 * sends the other gets unchanged; how one side ends, so does the other. A side that takes
 * nothing is one that the other is not heard for, so that little waits here. */
#ifndef PB__TOOLS_RECORD_RELAY_H
#define PB__TOOLS_RECORD_RELAY_H

#include <uv.h>

#include "libpb/net/tls.h"

struct relay;

/* Sides are TALK_CLIENT and TALK_SERVER. */
struct relay_hooks {
    /* Plain bytes of a side, after the other socket was given what it took of them. */
    void (*bytes)(int from, pb_span in, void *ctx);
    /* The side sends no more; why: NULL, or by what its connection broke. */
    void (*end)(int from, const char *why, void *ctx);
    /* Nothing is left to pass on, or relay_close was called; r is freed after this. */
    void (*over)(void *ctx);
};

/* Takes both sockets, and what is in tls (NULL: none), by side; also where it fails: NULL,
 * for lack of memory, or of room in the loop. */
struct relay *relay_new(uv_loop_t *loop, const int *fds, struct pb__tls **tls,
                        const struct relay_hooks *hooks, void *ctx);
/* Has closing the socket break the connection, not end it. */
void relay_reset(int fd);
/* Breaks off both connections. */
void relay_close(struct relay *r);

#endif
