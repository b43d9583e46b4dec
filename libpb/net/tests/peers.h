/* SPDX-License-Identifier: MIT
 *
 * The parts that the tests of sockets share: a root to serve, what the sides of a
 * connection saw, and raw sockets that speak what no session would. */
#ifndef PB__NET_TESTS_PEERS_H
#define PB__NET_TESTS_PEERS_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libpb/net/tests/loop.h"
#include "pb/net.h"

/* The events on one side. */
struct seen {
    int ready, closed, answers, failures;
    pb_error why;     /* of the last close */
    int failure_code; /* of the last failure */
    char failure_text[192];
    pb_value *answer; /* the last, owned */
    pb_request *held; /* the last call of hold */
    size_t held_len;  /* of the string it was given */
    size_t queued;    /* the most bytes that waited to be sent after an echo */
};

static inline int echo(void *self, pb_request *req)
{
    static const char *const names[] = {"x", NULL};
    struct seen *seen = self;
    pb_value *x;
    int e = pb_request_unpack_keywords(req, "O", names, &x);
    e = e ? e : pb_request_answer_steal(req, pb_value_ref(x));
    pb_session_stats stats = {0};
    if (pb_request_session(req)) {
        pb_session_get_stats(pb_request_session(req), &stats);
    }
    seen->queued = stats.queued > seen->queued ? stats.queued : seen->queued;
    return e;
}

/* Keeps the request, for the test to answer. */
static inline int hold(void *self, pb_request *req)
{
    struct seen *seen = self;
    pb_value *args = pb_request_args(req);
    pb_request_unref(seen->held);
    seen->held = pb_request_ref(req);
    seen->held_len = pb_len(args) ? pb_len(pb_item(args, 0)) : 0;
    return 0;
}

static inline int boom(void *self, pb_request *req)
{
    (void)self;
    return pb_request_fail(req, "builtins.ValueError", "boom");
}

static const pb_method root_methods[] = {
    {"echo", echo}, {"hold", hold}, {"boom", boom}, {0}};
static const pb_class root_class = {.name = "Root", .remote = root_methods};

static inline void on_ready(pb_session *s, void *user_data)
{
    cr_assert_eq(pb_session_user_data(s), user_data);
    ((struct seen *)user_data)->ready++;
}

static inline void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    struct seen *seen = user_data;
    cr_assert_eq(pb_session_user_data(s), user_data);
    seen->closed++;
    seen->why = *why;
}

static inline void on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct seen *seen = user_data;
    if (result) {
        seen->answers++;
        pb_value_unref(seen->answer);
        seen->answer = pb_value_ref(result);
    } else {
        seen->failures++;
        seen->failure_code = pb_failure_code(failure);
        snprintf(seen->failure_text, sizeof seen->failure_text, "%s: %s",
                 pb_failure_type(failure), pb_failure_text(failure));
    }
}

static inline void seen_fini(struct seen *seen)
{
    pb_value_unref(seen->answer);
    pb_request_unref(seen->held);
    *seen = (struct seen){0};
}

static inline pb_net_config config_of(struct seen *seen)
{
    return (pb_net_config){
        .session = {.on_ready = on_ready, .on_close = on_close, .user_data = seen}};
}

/* ---- Raw sockets ---- */

static inline struct sockaddr_in loopback(int port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((uint16_t)port)};
}

static inline int raw_connect(int port)
{
    struct sockaddr_in to = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline int raw_listen(int *port, int backlog)
{
    struct sockaddr_in at = loopback(0);
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, backlog), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

/* Closes so that the peer sees a reset. */
static inline void raw_reset(int fd)
{
    struct linger none = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    close(fd);
}

/* The bytes of a client in the dialect none, in a new encoder: its greeting, and n calls
 * of a method of the root. The argument is a byte string; without data, there is none. */
static inline pb_encoder *raw_calls(const char *method, int n, bool wants_answer,
                                    pb_span argument)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_NONE, NULL);
    pb_sink out = pb_encoder_sink(e);
#define TEXT(s) out.ops->bytes(out.ctx, (pb_span){(const uint8_t *)(s), strlen(s)})
    TEXT("none");
    for (int i = 1; i <= n; i++) {
        out.ops->list(out.ctx, 7);
        TEXT("message");
        out.ops->integer(out.ctx, i);
        TEXT("root");
        TEXT(method);
        out.ops->integer(out.ctx, wants_answer);
        out.ops->list(out.ctx, argument.data ? 2 : 1);
        TEXT("tuple");
        if (argument.data) {
            out.ops->bytes(out.ctx, argument);
        }
        out.ops->end(out.ctx);
        out.ops->list(out.ctx, 1);
        TEXT("dictionary");
        out.ops->end(out.ctx);
        out.ops->end(out.ctx);
    }
#undef TEXT
    return e;
}

static inline const char *at_port(int port)
{
    static char text[32];
    snprintf(text, sizeof text, "tcp:127.0.0.1:%d", port);
    return text;
}

#endif
