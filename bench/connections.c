/* SPDX-License-Identifier: MIT
 *
 * Many connections to one server, by epoll and bytes that were written down, so that it
 * costs the same for every server: connect, negotiate, one call of echo(1), the answer;
 * then all stay idle, and the server's memory is looked at. Or such a server, which only
 * knows those bytes: what is left of a server without a protocol.
 *
 *     connections PORT PID COUNT      prints lines of NAME VALUE UNIT
 *     connections raw                 serves, and prints its port */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/call/bench.h"

enum { AT_ONCE = 64, EVENTS = 256 };

static const uint8_t offer[] = "\x02\x80\x02\x82pb\x04\x82none";
/* pb, version 6, message 1: root.echo(1); and version 6, answer 1: 1. */
static const uint8_t asked[] = "\x02\x82pb\x02\x80\x13\x87\x06\x81"
                               "\x07\x80\x1a\x87\x01\x81\x04\x82root\x04\x82"
                               "echo\x01\x81\x02\x80\x0b\x87\x01\x81\x01\x80\x05\x87";
static const uint8_t answered[] =
    "\x02\x80\x13\x87\x06\x81\x03\x80\x1b\x87\x01\x81\x01\x81";

#define LEN(bytes) (sizeof(bytes) - 1)

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void watch(int epoll, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.fd = fd};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) {
        die("epoll_ctl");
    }
}

static void send_all(int fd, const uint8_t *bytes, size_t len)
{
    if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len) {
        die("send");
    }
}

static void set_nodelay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* ---- The server without a protocol ---- */

static void serve(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0),
        epoll = epoll_create1(0);
    if (bind(listener, (struct sockaddr *)&at, len) != 0 || listen(listener, 1024) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0) {
        die("listen");
    }
    printf("listening on tcp:%d\n", ntohs(at.sin_port));
    fflush(stdout);
    watch(epoll, listener, EPOLLIN);
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            uint8_t in[4096];
            int fd = events[i].data.fd;
            if (fd != listener) {
                ssize_t got = recv(fd, in, sizeof in, 0);
                if (got > 0) {
                    send_all(fd, answered, LEN(answered));
                } else if (got == 0) {
                    close(fd);
                }
                continue;
            }
            while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
                set_nodelay(fd);
                send_all(fd, offer, LEN(offer));
                watch(epoll, fd, EPOLLIN);
            }
        }
    }
}

/* ---- The clients ---- */

/* Resident memory of a process, KiB. */
static double memory_of(int pid)
{
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (strncmp(line, "VmRSS:", 6) == 0) {
            kib = strtod(line + 6, NULL);
        }
    }
    if (f) {
        fclose(f);
    }
    return kib;
}

static int dial(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0 &&
                   errno != EINPROGRESS)) {
        die("connect");
    }
    set_nodelay(fd);
    return fd;
}

/* Reads what has come; how many bytes there have been in all. */
static size_t hear(int fd, size_t heard)
{
    uint8_t in[4096];
    ssize_t n = recv(fd, in, sizeof in, 0);
    if (n <= 0) {
        die("recv");
    }
    return heard + (size_t)n;
}

/* Opens all, so many at once: seconds that it took. */
static double open_all(int port, size_t count)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    size_t *heard = calloc(count + 4096, sizeof *heard); /* by fd */
    int epoll = epoll_create1(0);
    size_t opened = 0, done = 0;
    double began = bench_now();
    while (done < count) {
        for (; opened < count && opened - done < AT_ONCE; opened++) {
            watch(epoll, dial(&to), EPOLLIN);
        }
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, 10000);
        if (n <= 0) {
            die("nothing comes");
        }
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            size_t before = heard[fd];
            heard[fd] = hear(fd, before);
            if (before < LEN(offer) && heard[fd] >= LEN(offer)) {
                send_all(fd, asked, LEN(asked));
            }
            done += heard[fd] == LEN(offer) + LEN(answered);
        }
    }
    double took = bench_now() - began;
    free(heard);
    return took;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (argc == 2 && strcmp(argv[1], "raw") == 0) {
        serve();
    }
    if (argc != 4) {
        fprintf(stderr, "usage: %s PORT PID COUNT | raw\n", argv[0]);
        return 2;
    }
    int pid = atoi(argv[2]);
    size_t count = strtoul(argv[3], NULL, 10);
    double before = memory_of(pid);
    double took = open_all(atoi(argv[1]), count);
    usleep(200000); /* what the server frees late */
    printf("setup %.0f connections/s\n", (double)count / took);
    printf("memory %.3f KiB/connection\n", (memory_of(pid) - before) / (double)count);
    return 0;
}
