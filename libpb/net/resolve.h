/* SPDX-License-Identifier: MIT
 *
 * Looking up the addresses of a host, with getaddrinfo in threads. */
#ifndef PB__RESOLVE_H
#define PB__RESOLVE_H

#include <netdb.h>

#include "libpb/net/loop.h"

struct pb__lookup;

/* The result of a lookup: addresses, which the callback must free (freeaddrinfo), or NULL
 * and the reason. */
typedef void pb__lookup_cb(struct addrinfo *found, const char *why, void *ctx);

/* Looks up the addresses of a host for stream sockets to that port. Calls back in the
 * loop's thread, never before this returns. Borrows the loop. NULL with err filled. */
struct pb__lookup *pb__lookup_new(pb_loop *l, const char *host, const char *port,
                                  pb__lookup_cb *cb, void *ctx, pb_error *err);
/* Cancels the lookup. Only before it has called back. */
void pb__lookup_cancel(struct pb__lookup *k);

#endif
