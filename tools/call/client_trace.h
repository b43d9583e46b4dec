/* SPDX-License-Identifier: MIT
 *
 * The output of a client with -v, on standard error: "* " before a step of the
 * connection, "> " before a message that was sent, "< " before one that was received. */
#ifndef PB__TOOLS_CALL_CLIENT_TRACE_H
#define PB__TOOLS_CALL_CLIENT_TRACE_H

#include "tools/call/client_options.h"

/* Sets the callbacks of o->config that print. They use no user_data. */
void client_trace_attach(struct client_options *o);
/* Prints a step. */
void client_trace_step(const struct client_options *o, const char *format, ...)
    PB_PRINTF(2, 3);
/* Prints who the peer is: for on_ready. */
void client_trace_peer(pb_session *s, void *user_data);

#endif
