/* SPDX-License-Identifier: MIT
 *
 * The address and TLS data of a connection's peer as text: made when it is first asked
 * for. */
#ifndef PB__PEER_H
#define PB__PEER_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "libpb/net/tls.h"
#include "pb/broker.h"

/* The address as a connection stores it; of a UNIX address only the family. */
struct pb__address {
    union {
        struct sockaddr any; /* AF_UNSPEC: unknown */
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } is;
};

/* The address of an accepted or connected socket, as the system gave it; truncated to
 * what fits. */
struct pb__address pb__address_of(const struct sockaddr *from, socklen_t len);

struct pb__peer {
    pb_peer shown;
    pb_peer_process process;
    pb_peer_tls tls;
    char host[64]; /* an IPv6 address may end in the name of an interface */
    char address[128];
    void *texts; /* of tls */
};

/* fd may be -1: closed. */
void pb__peer_init(struct pb__peer *p, const struct pb__address *at, int fd);
/* Adds what is known from TLS once the handshake is over. If there is no memory, the next
 * call does it. */
void pb__peer_add_tls(struct pb__peer *p, const struct pb__tls *tls);
void pb__peer_fini(struct pb__peer *p);

#endif
