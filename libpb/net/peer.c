/* SPDX-License-Identifier: MIT
 *
 * The peer of a connection: its address, and its process for a UNIX socket. */
#include "libpb/net/peer.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#include "libpb/base/mem.h"

struct pb__address pb__address_of(const struct sockaddr *from, socklen_t len)
{
    struct pb__address at = {0};
    if (len >= sizeof(sa_family_t)) {
        memcpy(&at.is, from, len < sizeof at.is ? len : sizeof at.is);
    }
    return at;
}

/* Converts an IPv4 address in IPv6 form, as servers that listen on both see it. */
static struct pb__address address_plain(const struct pb__address *at)
{
    const struct sockaddr_in6 *from = &at->is.ip6;
    if (from->sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&from->sin6_addr)) {
        return *at;
    }
    struct pb__address plain = {
        .is.ip4 = {.sin_family = AF_INET, .sin_port = from->sin6_port}};
    memcpy(&plain.is.ip4.sin_addr, from->sin6_addr.s6_addr + 12, 4);
    return plain;
}

static void address_set_tcp(struct pb__peer *p, const struct pb__address *at)
{
    struct pb__address plain = address_plain(at);
    bool six = plain.is.any.sa_family == AF_INET6;
    char port[8];
    if (getnameinfo(&plain.is.any, six ? sizeof plain.is.ip6 : sizeof plain.is.ip4,
                    p->host, sizeof p->host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        return;
    }
    snprintf(p->address, sizeof p->address, six ? "tcp:[%s]:%s" : "tcp:%s:%s", p->host,
             port);
    p->shown.host = p->host;
    p->shown.address = p->address;
}

static bool path_is_printable(const char *path, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)path[i] < ' ' || path[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* The path that the socket's peer is bound to: mostly none for a client. */
static void address_set_unix(struct pb__peer *p, int fd)
{
    struct sockaddr_un un;
    socklen_t len = sizeof un;
    size_t n = 0, before = offsetof(struct sockaddr_un, sun_path);
    memset(&un, 0, sizeof un);
    if (fd >= 0 && getpeername(fd, (struct sockaddr *)&un, &len) == 0 && len > before) {
        n = strnlen(un.sun_path, len - before);
    }
    n = path_is_printable(un.sun_path, n) ? n : 0;
    snprintf(p->address, sizeof p->address, "unix:%.*s", (int)n, un.sun_path);
    p->shown.address = p->address;
#ifdef __linux__
    struct ucred who;
    len = sizeof who;
    if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0) {
        p->process = (pb_peer_process){.pid = who.pid, .uid = who.uid, .gid = who.gid};
        p->shown.process = &p->process;
    }
#endif
}

void pb__peer_init(struct pb__peer *p, const struct pb__address *at, int fd)
{
    memset(p, 0, sizeof *p);
    switch (at->is.any.sa_family) {
    case AF_INET:
    case AF_INET6:
        address_set_tcp(p, at);
        break;
    case AF_UNIX:
        address_set_unix(p, fd);
        break;
    default:
        break;
    }
}

void pb__peer_add_tls(struct pb__peer *p, const struct pb__tls *tls)
{
    if (!p->shown.tls && tls && pb__tls_describe(tls, &p->tls, &p->texts) == 0) {
        p->shown.tls = &p->tls;
    }
}

void pb__peer_fini(struct pb__peer *p)
{
    pb__free(p->texts);
}
