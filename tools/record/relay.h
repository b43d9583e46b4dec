/* SPDX-License-Identifier: MIT
 *
 * Forwards bytes between two connected sockets, each with or without TLS, unchanged.
 * If one side ends its connection, the other is ended in the same way. While one side
 * takes no bytes, the other is not read, so that little has to be kept in memory. */
#ifndef PB__TOOLS_RECORD_RELAY_H
#define PB__TOOLS_RECORD_RELAY_H

#include <uv.h>

#include "libpb/net/tls.h"

struct relay;

/* Sides are SIDE_CLIENT and SIDE_SERVER. */
struct relay_hooks {
    /* Plain bytes that a side sent, after they were given to the other socket. */
    void (*bytes)(int from, pb_span in, void *ctx);
    /* The side sends no more. why: NULL, or the error of its connection. */
    void (*end)(int from, const char *why, void *ctx);
    /* Nothing is left to forward, or relay_close was called. Runs last. */
    void (*over)(void *ctx);
};

/* Takes both sockets, and both elements of tls (NULL: no TLS), by side, also if it fails:
 * NULL for lack of memory, or if the loop cannot watch a socket. */
struct relay *relay_new(uv_loop_t *loop, const int *fds, struct pb__tls **tls,
                        const struct relay_hooks *hooks, void *ctx);
/* Makes closing the socket reset the connection. */
void relay_reset(int fd);
/* Resets both connections, and frees r when the loop has closed its handles. */
void relay_close(struct relay *r);

#endif
