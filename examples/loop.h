/* SPDX-License-Identifier: MIT
 *
 * What the examples of event loops do besides having one: connect, ask the root of a
 * one_two server for a Two, call it, and say how it ended. */
#ifndef EXAMPLES_LOOP_H
#define EXAMPLES_LOOP_H

#include <netdb.h>
#include <pb/pb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connected socket; -1 after saying why not. */
static inline int connect_to(const char *host, const char *port)
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

static inline void on_three(pb_value *result, pb_failure *failure, void *user_data)
{
    char *text = result ? pb_value_repr(result) : NULL;
    printf("three(12) answered %s\n", text ? text : pb_failure_text(failure));
    pb_free(text);
    pb_session_close(user_data);
}

static inline void on_two(pb_value *result, pb_failure *failure, void *user_data)
{
    pb_remote *two = result ? pb_as_remote(result) : NULL;
    if (!two || pb_remote_call(two, "three", on_three, user_data, NULL, "i", 12) != 0) {
        printf("getTwo() failed: %s\n", failure ? pb_failure_text(failure) : "no Two");
        pb_session_close(user_data);
    }
}

/* Begins; the rest happens in the loop. */
static inline void ask(pb_session *s)
{
    pb_remote *root = pb_session_root(s);
    pb_remote_call(root, "getTwo", on_two, s, NULL, "");
    pb_remote_unref(root);
}

#endif
