/* SPDX-License-Identifier: MIT
 *
 * The client of one_two_server.c with the session driven by hand over poll(2): what any
 * loop has to do is here. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "examples/loop.h"

static int64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* A connected socket; -1 after saying why not. */
static int connect_to(const char *host, const char *port)
{
    struct addrinfo *found, hints = {.ai_socktype = SOCK_STREAM};
    int status = getaddrinfo(host, port, &hints, &found);
    if (status) {
        fprintf(stderr, "%s\n", gai_strerror(status));
        return -1;
    }
    int fd = socket(found->ai_family, found->ai_socktype, 0);
    if (connect(fd, found->ai_addr, found->ai_addrlen) != 0) {
        perror("connect");
        close(fd);
        fd = -1;
    }
    freeaddrinfo(found);
    return fd;
}

/* How long poll may wait: until the session wants to be told the time. */
static int patience(const pb_session *s)
{
    int64_t deadline = pb_session_deadline(s), left = deadline - now();
    return deadline == INT64_MAX ? -1 : left < 0 ? 0 : left > 1000 ? 1000 : (int)left;
}

/* Reads from the socket and passes the bytes to the session. */
static void take(pb_session *s, int fd)
{
    uint8_t chunk[16384];
    ssize_t n = read(fd, chunk, sizeof chunk);
    if (n > 0) {
        pb_session_recv(s, (pb_span){chunk, (size_t)n}, now());
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        pb_session_lost(s, NULL);
    }
}

/* Writes the session's output to the socket; some of it may have to wait. */
static void give(pb_session *s, int fd)
{
    pb_span out = pb_session_send(s);
    ssize_t n = out.len ? send(fd, out.data, out.len, MSG_NOSIGNAL) : 0;
    if (n > 0) {
        pb_session_sent(s, (size_t)n, now());
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        pb_session_lost(s, NULL);
    }
}

int main(int argc, char **argv)
{
    int fd = connect_to("127.0.0.1", argc > 1 ? argv[1] : "8800");
    pb_session *s = fd < 0 ? NULL : pb_session_client_new(NULL, now());
    if (!s) {
        return 1;
    }
    fcntl(fd, F_SETFL, O_NONBLOCK);
    ask(s);
    while (!pb_session_is_closed(s) || pb_session_want_send(s)) {
        struct pollfd p = {.fd = fd,
                           .events = (short)((pb_session_want_recv(s) ? POLLIN : 0) |
                                             (pb_session_want_send(s) ? POLLOUT : 0))};
        int ready = poll(&p, 1, patience(s));
        if (ready > 0 && p.revents & (POLLIN | POLLHUP | POLLERR)) {
            take(s, fd);
        }
        if (ready > 0 && p.revents & POLLOUT) {
            give(s, fd);
        }
        if (pb_session_deadline(s) <= now()) {
            pb_session_tick(s, now());
        }
    }
    int status = say_end(pb_session_error(s));
    pb_session_free(s);
    close(fd);
    return status;
}
