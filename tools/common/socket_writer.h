/* SPDX-License-Identifier: MIT
 *
 * The writing half of a socket, with TLS or without: bytes wait here until it takes
 * them. */
#ifndef PB__TOOLS_COMMON_SOCKET_WRITER_H
#define PB__TOOLS_COMMON_SOCKET_WRITER_H

#include "libpb/base/buf.h"
#include "libpb/net/tls.h"

/* fd and tls (NULL: without) are the owner's to set, and to give back. */
struct outlet {
    int fd;
    struct pb__tls *tls;
    struct pb__buf bytes; /* that wait, and how many of them went already */
    size_t sent;
    bool blocked; /* the socket takes no more for now */
};

/* Puts bytes behind those that wait. PB_ERR_NOMEM. */
int outlet_put(struct outlet *o, pb_span bytes);
/* How many wait. */
static inline size_t outlet_waits(const struct outlet *o)
{
    return o->bytes.len - o->sent;
}
/* Writes as much as the socket takes. PB_ERR_LOST where it has failed; PB_ERR_TLS or
 * PB_ERR_NOMEM, of TLS, whose alert is sent then. */
int outlet_flush(struct outlet *o, pb_error *err);
/* Says that there is no more to send, if what waits has gone: true then. */
bool outlet_finish(struct outlet *o);
/* Drops what waits. */
void outlet_drop(struct outlet *o);
/* The peer has broken TLS: what TLS has to say of that is sent if the socket takes it. */
void outlet_alert(struct outlet *o);

#endif
