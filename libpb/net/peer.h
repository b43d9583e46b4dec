/* SPDX-License-Identifier: MIT
 *
 * Who is at the other end of a connection, in text: made when somebody asks. */
#ifndef PB__PEER_H
#define PB__PEER_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "libpb/net/tls.h"
#include "pb/broker.h"

/* An address as a connection keeps it; of a UNIX socket only that it is one. */
struct pb__address {
    union {
        struct sockaddr any; /* AF_UNSPEC: it is not known */
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } is;
};

/* Of what was accepted or connected, as the system has given it; cut to what fits. */
struct pb__address pb__address_of(const struct sockaddr_storage *from, socklen_t len);

struct pb__peer {
    pb_peer shown;
    pb_peer_process process;
    pb_peer_tls tls;
    char host[64]; /* an address of IPv6 may end in the name of an interface */
    char address[128];
    void *texts; /* of tls */
};

/* fd may be -1: it is closed. */
void pb__peer_init(struct pb__peer *p, const struct pb__address *at, int fd);
/* Adds what is known of TLS once its handshake is over. Without the memory for it, that is
 * left for the next time. */
void pb__peer_add_tls(struct pb__peer *p, const struct pb__tls *tls);
void pb__peer_fini(struct pb__peer *p);

#endif
