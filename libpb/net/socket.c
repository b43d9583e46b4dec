/* SPDX-License-Identifier: MIT
 *
 * System calls on sockets. A loop watches them; reading and writing is done here. */
#include "libpb/net/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "libpb/base/error.h"
#include "libpb/net/descriptor.h"

enum { KEEP_ALIVE_MOST = 32767 /* seconds: the maximum in Linux */ };

#ifdef MSG_NOSIGNAL
enum { SEND_FLAGS = MSG_NOSIGNAL };
#else
enum { SEND_FLAGS = 0 };
#endif

const char *pb__socket_text(int negative_errno)
{
    return uv_strerror(negative_errno);
}

int pb__socket_error(pb_error *err, int negative_errno, const char *format, ...)
{
    char what[160];
    va_list args;
    if (negative_errno == -ENOMEM) {
        return pb__error_nomem(err);
    }
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return pb__error_set(err, PB_ERR_SYSTEM, 0, "%s: %s", what,
                         pb__socket_text(negative_errno));
}

#ifdef HAVE_ACCEPT4

static int socket_new(int family)
{
    int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return fd < 0 ? -errno : pb__descriptor_raise(fd);
}

static int socket_accept(int fd, struct sockaddr *from, socklen_t *len)
{
    int got = accept4(fd, from, len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return got < 0 ? -errno : pb__descriptor_raise(got);
}

#else /* as on macOS: the flags are set afterwards */

static int socket_new(int family)
{
    int fd = socket(family, SOCK_STREAM, 0);
    return fd < 0 ? -errno : pb__descriptor_nonblocking(fd);
}

static int socket_accept(int fd, struct sockaddr *from, socklen_t *len)
{
    int got = accept(fd, from, len);
    return got < 0 ? -errno : pb__descriptor_nonblocking(got);
}

#endif

/* Sends small writes at once; UNIX sockets neither have nor need that option. Writing to
 * a closed socket is an error and no signal: where send has no flag for that, the socket
 * has an option. */
static void socket_set_options(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
#ifndef MSG_NOSIGNAL
    setsockopt(fd, SOL_SOCKET, SO_NOSIGPIPE, &on, sizeof on);
#endif
}

/* Closes fd after a call on it has failed. */
static int socket_give_up(int fd)
{
    int e = -errno;
    close(fd);
    return e;
}

/* Binds to a numeric address of the family of `to`: 0 or -errno. */
static int socket_bind_source(int fd, const struct sockaddr *to, const char *from)
{
    struct addrinfo *found, hints = {.ai_flags = AI_NUMERICHOST | AI_PASSIVE,
                                     .ai_family = to->sa_family,
                                     .ai_socktype = SOCK_STREAM};
    if (getaddrinfo(from, NULL, &hints, &found) != 0) {
        return -EADDRNOTAVAIL;
    }
    int e = bind(fd, found->ai_addr, found->ai_addrlen) == 0 ? 0 : -errno;
    freeaddrinfo(found);
    return e;
}

int pb__socket_connect(const struct sockaddr *to, socklen_t len, const char *from)
{
    int fd = socket_new(to->sa_family);
    if (fd < 0) {
        return fd;
    }
    socket_set_options(fd);
    int e = from ? socket_bind_source(fd, to, from) : 0;
    if (e) {
        close(fd);
        return e;
    }
    if (connect(fd, to, len) != 0 && errno != EINPROGRESS && errno != EINTR) {
        return socket_give_up(fd);
    }
    return fd;
}

int pb__socket_status(int fd)
{
    int status = 0;
    socklen_t len = sizeof status;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &status, &len) != 0 ? -errno : -status;
}

/* A socket that is bound, and does not listen yet. */
static int socket_bind(const struct sockaddr *at, socklen_t len, bool reuse)
{
    int fd = socket_new(at->sa_family);
    if (fd < 0) {
        return fd;
    }
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        (reuse && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0) ||
        bind(fd, at, len) != 0) {
        return socket_give_up(fd);
    }
    return fd;
}

static int socket_listen(const struct sockaddr *at, socklen_t len, int backlog,
                         bool reuse)
{
    int fd = socket_bind(at, len, reuse);
    return fd >= 0 && listen(fd, backlog) != 0 ? socket_give_up(fd) : fd;
}

static int socket_port(int fd)
{
    struct sockaddr_storage at = {0};
    socklen_t len = sizeof at;
    getsockname(fd, (struct sockaddr *)&at, &len);
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

/* Whether the path is a socket that no process listens on. */
static bool socket_is_stale(const struct sockaddr_un *at)
{
    struct stat s;
    int fd =
        stat(at->sun_path, &s) == 0 && S_ISSOCK(s.st_mode) ? socket_new(AF_UNIX) : -1;
    if (fd < 0) {
        return false;
    }
    bool refused = connect(fd, (const struct sockaddr *)at, sizeof *at) != 0 &&
                   errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static int socket_listen_unix(const struct pb__endpoint *e)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    memcpy(at.sun_path, e->path, strlen(e->path));
    if (e->replace && socket_is_stale(&at)) {
        unlink(at.sun_path);
    }
    int fd = socket_bind((struct sockaddr *)&at, sizeof at, false);
    if (fd < 0) {
        return fd;
    }
    /* The mode is set before listening, so that no connection is accepted without it. */
    bool good = (e->mode < 0 || chmod(at.sun_path, (mode_t)e->mode) == 0) &&
                listen(fd, e->backlog) == 0;
    return good ? fd : socket_give_up(fd);
}

/* The socket that systemd has opened, by its index or its name: sd_listen_fds(3). */
static int socket_take_systemd(const struct pb__endpoint *e)
{
    enum { FIRST = 3 };
    const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
    const char *names = getenv("LISTEN_FDNAMES");
    long count = fds ? strtol(fds, NULL, 10) : 0, index = e->index;
    if (!pid || strtol(pid, NULL, 10) != (long)getpid()) {
        return -ENOENT;
    }
    if (e->name) {
        size_t len = strlen(e->name);
        index = 0;
        while (names &&
               (strncmp(names, e->name, len) != 0 || (names[len] && names[len] != ':'))) {
            names = strchr(names, ':');
            names = names ? names + 1 : NULL;
            index++;
        }
        index = names ? index : count;
    }
    int fd = (int)(FIRST + index), flags = index < count ? fcntl(fd, F_GETFL) : -1;
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) {
        return -ENOENT;
    }
    return fd;
}

static int socket_listen_tcp(const struct pb__endpoint *e, bool reuse, pb_error *err)
{
    bool any = !*e->host;
    struct addrinfo *found, hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                     .ai_family = any ? AF_INET : AF_UNSPEC,
                                     .ai_socktype = SOCK_STREAM};
    char service[8];
    snprintf(service, sizeof service, "%d", e->port);
    int status = getaddrinfo(any ? NULL : e->host, service, &hints, &found);
    if (status) {
        return pb__error_set(err, PB_ERR_SYSTEM, 0, "cannot listen on %s: %s",
                             e->spelling, gai_strerror(status));
    }
    int fd = socket_listen(found->ai_addr, found->ai_addrlen, e->backlog, reuse);
    freeaddrinfo(found);
    return fd;
}

int pb__socket_listen(const struct pb__endpoint *e, bool reuse, int *port, pb_error *err)
{
    int fd = e->is_systemd ? socket_take_systemd(e)
             : e->is_unix  ? socket_listen_unix(e)
                           : socket_listen_tcp(e, reuse, err);
    *port = fd < 0 || e->is_unix ? 0 : socket_port(fd);
    if (fd < 0) {
        pb__socket_error(err, fd, "cannot listen on %s", e->spelling);
    }
    return fd;
}

int pb__socket_accept(int fd, struct pb__address *from)
{
    struct sockaddr_storage is = {0};
    socklen_t len;
    int got;
    do {
        len = sizeof is;
        got = socket_accept(fd, (struct sockaddr *)&is, &len);
    } while (got == -EINTR || got == -ECONNABORTED);
    if (from) {
        *from = pb__address_of((struct sockaddr *)&is, got < 0 ? 0 : len);
    }
    if (got >= 0) {
        socket_set_options(got);
    }
    return got;
}

struct pb__address pb__socket_peer(int fd)
{
    struct sockaddr_storage is = {0};
    socklen_t len = sizeof is;
    return pb__address_of((struct sockaddr *)&is,
                          getpeername(fd, (struct sockaddr *)&is, &len) == 0 ? len : 0);
}

int pb__socket_adopt(int fd)
{
    int type = 0;
    socklen_t len = sizeof type;
    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0) {
        return socket_give_up(fd);
    }
    if (type != SOCK_STREAM) {
        close(fd);
        return -EPROTOTYPE;
    }
    socket_set_options(fd);
    return pb__descriptor_nonblocking(fd);
}

void pb__socket_keep_alive(int fd, int seconds)
{
    /* A quarter of the time is for repeated probes. */
    seconds = seconds < KEEP_ALIVE_MOST ? seconds : KEEP_ALIVE_MOST;
    int on = 1, idle = seconds - seconds / 4, again = seconds / 12 + 1, times = 3;
    if (seconds > 0) {
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
#ifdef TCP_KEEPIDLE
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
#elif defined TCP_KEEPALIVE /* its name on macOS */
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPALIVE, &idle, sizeof idle);
#endif
#ifdef TCP_KEEPCNT /* OpenBSD has one time for all connections */
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &again, sizeof again);
        setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
#endif
    }
}

bool pb__socket_has_input(int fd)
{
    char c;
    return recv(fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

int pb__socket_unsent(int fd)
{
    int n = 0;
#ifdef SO_NWRITE /* macOS */
    socklen_t len = sizeof n;
    return getsockopt(fd, SOL_SOCKET, SO_NWRITE, &n, &len) == 0 ? n : 0;
#elif defined FIONWRITE /* FreeBSD */
    return ioctl(fd, FIONWRITE, &n) == 0 ? n : 0;
#else
    return ioctl(fd, TIOCOUTQ, &n) == 0 ? n : 0;
#endif
}

ssize_t pb__socket_recv(int fd, void *to, size_t size)
{
    ssize_t n;
    do {
        n = recv(fd, to, size, 0);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

ssize_t pb__socket_send(int fd, const void *data, size_t len)
{
    ssize_t n;
    do {
        n = send(fd, data, len, SEND_FLAGS);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}
