/* SPDX-License-Identifier: MIT
 *
 * Opens a socket that is connected to a client's endpoint, for tools that use the socket
 * without a session. The addresses of the host are tried one after the other. */
#ifndef PB__TOOLS_COMMON_CONNECTOR_H
#define PB__TOOLS_COMMON_CONNECTOR_H

#include <uv.h>

#include "libpb/net/target.h"

struct connector;

/* Starts to connect. `done` runs once, never before this function returns: with a socket,
 * which belongs to the caller, or with -1 and the error (PB_ERR_SYSTEM, PB_ERR_TIMEOUT).
 * NULL for lack of memory. */
struct connector *connector_new(uv_loop_t *loop, struct pb__target *to,
                                void (*done)(int fd, const pb_error *err, void *ctx),
                                void *ctx);
/* Stops connecting; `done` does not run. Only before `done` has run. */
void connector_cancel(struct connector *c);

#endif
