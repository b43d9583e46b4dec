/* SPDX-License-Identifier: MIT
 *
 * Opens many connections to one server. Each connects, negotiates, calls echo(1), waits
 * for the answer and stays idle; then the server's memory is measured. The bytes are
 * constants and the program uses epoll only, so its own cost is the same for every
 * server. As `raw`, it is a server that sends constant bytes: the lower bound for any
 * server.
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

static void epoll_add(int epoll, int fd, uint32_t events)
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

/* ---- The server with constant bytes ---- */

static void raw_serve(void)
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
    epoll_add(epoll, listener, EPOLLIN);
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
                epoll_add(epoll, fd, EPOLLIN);
            }
        }
    }
}

/* ---- The clients ---- */

/* The resident memory of a process in KiB. */
static double process_memory(int pid)
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

static int socket_connect(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || (connect(fd, (const struct sockaddr *)to, sizeof *to) != 0 &&
                   errno != EINPROGRESS)) {
        die("connect");
    }
    set_nodelay(fd);
    return fd;
}

/* Reads the input that is there. Returns the number of bytes received so far. */
static size_t socket_receive(int fd, size_t received)
{
    uint8_t in[4096];
    ssize_t n = recv(fd, in, sizeof in, 0);
    if (n <= 0) {
        die("recv");
    }
    return received + (size_t)n;
}

/* Opens all connections, AT_ONCE at a time. Returns the seconds that this took. */
static double connections_open(int port, size_t count)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    size_t *received = calloc(count + 4096, sizeof *received); /* by fd */
    int epoll = epoll_create1(0);
    size_t opened = 0, done = 0;
    if (!received || epoll < 0) {
        die("connections");
    }
    double began = bench_now();
    while (done < count) {
        for (; opened < count && opened - done < AT_ONCE; opened++) {
            epoll_add(epoll, socket_connect(&to), EPOLLIN);
        }
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll, events, EVENTS, 10000);
        if (n <= 0) {
            die("no answer");
        }
        for (int i = 0; i < n; i++) {
            int fd = events[i].data.fd;
            size_t before = received[fd];
            received[fd] = socket_receive(fd, before);
            if (before < LEN(offer) && received[fd] >= LEN(offer)) {
                send_all(fd, asked, LEN(asked));
            }
            done += received[fd] == LEN(offer) + LEN(answered);
        }
    }
    double took = bench_now() - began;
    free(received);
    return took;
}

int main(int argc, char **argv)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    if (argc == 2 && strcmp(argv[1], "raw") == 0) {
        raw_serve();
    }
    if (argc != 4) {
        fprintf(stderr, "usage: %s PORT PID COUNT | raw\n", argv[0]);
        return 2;
    }
    int pid = atoi(argv[2]);
    size_t count = strtoul(argv[3], NULL, 10);
    double before = process_memory(pid);
    double took = connections_open(atoi(argv[1]), count);
    usleep(200000); /* until the server has freed what it frees later */
    printf("setup %.0f connections/s\n", (double)count / took);
    printf("memory %.3f KiB/connection\n",
           (process_memory(pid) - before) / (double)count);
    return 0;
}
