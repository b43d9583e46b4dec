/* SPDX-License-Identifier: MIT
 *
 * A socket connected to where a client's endpoint says, for those who speak on it without
 * a session: the host's addresses are tried one after the other. */
#ifndef PB__TOOLS_COMMON_CONNECT_H
#define PB__TOOLS_COMMON_CONNECT_H

#include <uv.h>

#include "libpb/net/target.h"

struct knock;

/* Starts; calls back once, never before this returns: with a socket, which is the
 * caller's, or with -1 and why (PB_ERR_SYSTEM, PB_ERR_TIMEOUT). NULL for lack of memory. */
struct knock *knock_new(uv_loop_t *loop, struct pb__target *to,
                        void (*done)(int fd, const pb_error *why, void *ctx), void *ctx);
/* Gives up, without calling back. Only before it has called back. */
void knock_cancel(struct knock *k);

#endif
