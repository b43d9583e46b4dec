/* SPDX-License-Identifier: MIT
 *
 * Servers: what listens, and their connections, with clients in the same loop. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "libpb/net/tests/peers.h"

enum { BLOB = 256 << 10, BLOBS = 100, QUEUED = 1 << 20 };

/* A server with clients, all in one loop. */
struct place {
    struct loop loop;
    pb_object *root;
    pb_server *server;
    struct seen at_server;
    bool closed;
};

static void server_closed(void *user_data)
{
    struct place *p = user_data;
    p->closed = true;
}

static void open_place(struct place *p, const char *endpoint, size_t max_connections)
{
    *p = (struct place){0};
    begin_loop(&p->loop);
    pb_error err = {0};
    p->root = pb_object_new(&root_class, &p->at_server);
    pb_net_config config = config_of(&p->at_server);
    config.session.root = p->root;
    config.session.max_queued = QUEUED;
    config.max_connections = max_connections;
    p->server = pb_serve(p->loop.pb, endpoint, &config, &err);
    cr_assert(p->server, "%s", err.text);
}

static void close_place(struct place *p)
{
    pb_server_close(p->server, server_closed, p);
    pb_object_unref(p->root);
    end_loop(&p->loop);
    cr_assert(p->closed);
    seen_fini(&p->at_server);
}

static pb_conn *join(struct place *p, struct seen *seen)
{
    pb_error err = {0};
    pb_net_config config = config_of(seen);
    pb_conn *c =
        pb_connect(p->loop.pb, at_port(pb_server_port(p->server)), &config, &err);
    cr_assert(c, "%s", err.text);
    return c;
}

static void call_echo(pb_conn *c, struct seen *seen, int i)
{
    pb_error err = {0};
    pb_remote *root = pb_conn_root(c);
    cr_assert_eq(pb_remote_call(root, "echo", on_answer, seen, &err, "i", i), 0, "%s",
                 err.text);
    pb_remote_unref(root);
}

PB_TEST(server, call)
{
    struct place p;
    struct seen seen = {0};
    open_place(&p, "tcp:0:interface=127.0.0.1", 0);
    pb_conn *c = join(&p, &seen);
    call_echo(c, &seen, 7);
    cr_assert_eq(seen.answers, 0);
    RUN_UNTIL(&p.loop, seen.answers == 1);
    int64_t i;
    cr_assert(pb_as_int(seen.answer, &i) == 0 && i == 7);
    cr_assert_eq(seen.ready, 1);
    cr_assert_eq(pb_server_connections(p.server), 1);
    pb_conn_close(c);
    RUN_UNTIL(&p.loop, pb_server_connections(p.server) == 0);
    cr_assert(seen.closed == 1 && seen.why.code == PB_OK);
    cr_assert(p.at_server.closed == 1 && p.at_server.why.code == PB_ERR_LOST);
    cr_assert_str_eq(p.at_server.why.text, "the peer closed the connection");
    seen_fini(&seen);
    close_place(&p);
}

PB_TEST(server, unix_path)
{
    char folder[] = "/tmp/pb-test-XXXXXX", endpoint[64];
    cr_assert(mkdtemp(folder));
    snprintf(endpoint, sizeof endpoint, "unix:%s/socket", folder);
    struct place p;
    struct seen seen = {0};
    open_place(&p, endpoint, 0);
    cr_assert_eq(pb_server_port(p.server), 0);
    pb_net_config config = config_of(&seen);
    pb_conn *c = pb_connect(p.loop.pb, endpoint, &config, NULL);
    call_echo(c, &seen, 7);
    RUN_UNTIL(&p.loop, seen.answers == 1);
    close_place(&p);
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.why.code, PB_ERR_LOST);
    cr_assert_eq(rmdir(folder), 0, "the socket is left");
    seen_fini(&seen);
}

PB_TEST(server, many)
{
    enum { MANY = 100 };
    struct place p;
    struct seen seen = {0};
    open_place(&p, "tcp:0:interface=127.0.0.1", 0);
    for (int i = 0; i < MANY; i++) {
        call_echo(join(&p, &seen), &seen, i);
    }
    RUN_UNTIL(&p.loop, seen.answers == MANY);
    cr_assert_eq(pb_server_connections(p.server), MANY);
    close_place(&p);
    cr_assert_eq(seen.closed, MANY);
    seen_fini(&seen);
}

PB_TEST(server, calls_of_one_go_leave_together)
{
    enum { MANY = 1000 };
    struct place p;
    struct seen seen = {0};
    open_place(&p, "tcp:0:interface=127.0.0.1", 0);
    pb_conn *c = join(&p, &seen);
    for (int i = 0; i < MANY; i++) {
        call_echo(c, &seen, i);
    }
    /* They fit one read, so they are worked on together, and the answers as well. */
    RUN_UNTIL(&p.loop, seen.answers > 0);
    cr_assert_eq(seen.answers, MANY);
    close_place(&p);
    seen_fini(&seen);
}

PB_TEST(server, max_connections)
{
    struct place p;
    struct seen seen[3] = {{0}};
    pb_conn *c[3];
    open_place(&p, "tcp:0:interface=127.0.0.1", 2);
    for (int i = 0; i < 3; i++) {
        c[i] = join(&p, &seen[i]);
    }
    RUN_UNTIL(&p.loop, seen[0].ready && seen[1].ready);
    call_echo(c[0], &seen[0], 1);
    RUN_UNTIL(&p.loop, seen[0].answers == 1);
    cr_assert_eq(seen[2].ready, 0);
    cr_assert_eq(pb_server_connections(p.server), 2);
    pb_conn_close(c[1]);
    RUN_UNTIL(&p.loop, seen[2].ready);
    cr_assert_eq(pb_server_connections(p.server), 2);
    close_place(&p);
    for (int i = 0; i < 3; i++) {
        seen_fini(&seen[i]);
    }
}

PB_TEST(server, no_room_in_the_system)
{
    struct place p;
    struct seen seen = {0};
    open_place(&p, "tcp:0:interface=127.0.0.1", 0);
    join(&p, &seen);
    struct rlimit before, none;
    getrlimit(RLIMIT_NOFILE, &before);
    int next = dup(0); /* the number that a new connection would have */
    close(next);
    none = (struct rlimit){(rlim_t)next, before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    uint64_t begun = uv_hrtime();
    uv_update_time(&p.loop.uv);
    /* The connection cannot be taken: the server tries again later, and does not spin. */
    int rounds = 0;
    while (uv_hrtime() - begun < 100000000) {
        uv_run(&p.loop.uv, UV_RUN_ONCE);
        rounds++;
        if (rounds == 2) {
            setrlimit(RLIMIT_NOFILE, &before);
        }
    }
    cr_assert_lt(rounds, 20);
    struct seen later = {0};
    join(&p, &later);
    RUN_UNTIL(&p.loop, later.ready);
    /* Under valgrind, accept takes the first one nevertheless, and drops it. */
    cr_assert(seen.ready || seen.closed);
    close_place(&p);
    seen_fini(&seen);
}

PB_TEST(server, others_live_on)
{
    static const char *const malformed[] = {
        "GET /index.html HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n\r\n",
        "\x05\xff", "\x01\x80\x01\x81", "\x02pb\x82"};
    struct place p;
    struct seen seen = {0};
    open_place(&p, "tcp:0:interface=127.0.0.1", 0);
    pb_conn *c = join(&p, &seen);
    RUN_UNTIL(&p.loop, seen.ready);
    for (int i = 0; i < 4; i++) {
        int fd = raw_connect(pb_server_port(p.server));
        cr_assert_gt(write(fd, malformed[i], strlen(malformed[i])), 0);
        RUN_UNTIL(&p.loop, p.at_server.closed == i + 1);
        cr_assert(p.at_server.why.code != PB_OK && p.at_server.why.code != PB_ERR_LOST);
        call_echo(c, &seen, i);
        RUN_UNTIL(&p.loop, seen.answers == i + 1);
        close(fd);
    }
    RUN_UNTIL(&p.loop, pb_server_connections(p.server) == 1);
    close_place(&p);
    seen_fini(&seen);
}

PB_TEST(server, peers_that_do_not_negotiate)
{
    struct place p = {0};
    begin_loop(&p.loop);
    pb_net_config config = config_of(&p.at_server);
    config.session.negotiation_timeout = 30;
    p.server = pb_serve(p.loop.pb, "tcp:0:interface=127.0.0.1", &config, NULL);
    int silent = raw_connect(pb_server_port(p.server));
    int slow = raw_connect(pb_server_port(p.server));
    cr_assert_eq(write(slow, "\x02\x82p", 3), 3);
    RUN_UNTIL(&p.loop, p.at_server.closed == 2);
    cr_assert_eq(p.at_server.why.code, PB_ERR_TIMEOUT);
    cr_assert_str_eq(p.at_server.why.text, "the peer did not negotiate in time");
    close(silent);
    close(slow);
    close_place(&p);
}

PB_TEST(server, peers_that_vanish)
{
    struct place p;
    open_place(&p, "tcp:0:interface=127.0.0.1", 0);
    int fd = raw_connect(pb_server_port(p.server));
    RUN_UNTIL(&p.loop, pb_server_connections(p.server) == 1);
    cr_assert_eq(write(fd, "\x02\x82pb", 4), 4);
    raw_reset(fd);
    RUN_UNTIL(&p.loop, p.at_server.closed == 1);
    cr_assert_eq(p.at_server.why.code, PB_ERR_LOST);
    cr_assert_str_eq(p.at_server.why.text, "connection lost: connection reset by peer");
    close(raw_connect(pb_server_port(p.server)));
    RUN_UNTIL(&p.loop, p.at_server.closed == 2);
    close_place(&p);
}

/* A client that does not read its answers: the server stops reading, so that they don't
 * pile up, and goes on when the client does. */
PB_TEST(server, slow_reader)
{
    struct place p;
    open_place(&p, "tcp:0:interface=127.0.0.1", 0);
    static uint8_t blob[BLOB];
    pb_encoder *e = raw_calls("echo", BLOBS, true, (pb_span){blob, sizeof blob});
    pb_span out = pb_encoder_send(e);
    int fd = raw_connect(pb_server_port(p.server));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    size_t sent = 0, got = 0;
    for (int idle = 0; idle < 100; idle++) {
        ssize_t n = send(fd, out.data + sent, out.len - sent, 0);
        sent += n > 0 ? (size_t)n : 0;
        idle = n > 0 ? 0 : idle;
        uv_run(&p.loop.uv, UV_RUN_NOWAIT);
    }
    cr_assert_lt(sent, out.len, "the server reads on");
    cr_assert_geq(p.at_server.queued, QUEUED);
    cr_assert_lt(p.at_server.queued, QUEUED + 2 * BLOB);
    static char in[64 << 10];
    while (got < (size_t)BLOBS * BLOB) {
        ssize_t n = recv(fd, in, sizeof in, 0);
        got += n > 0 ? (size_t)n : 0;
        n = send(fd, out.data + sent, out.len - sent, 0);
        sent += n > 0 ? (size_t)n : 0;
        uv_run(&p.loop.uv, UV_RUN_NOWAIT);
    }
    close(fd);
    pb_encoder_free(e);
    close_place(&p);
}

PB_TEST(server, answered_after_the_end)
{
    struct place p;
    struct seen seen = {0};
    open_place(&p, "tcp:0:interface=127.0.0.1", 0);
    pb_conn *c = join(&p, &seen);
    pb_remote *root = pb_conn_root(c);
    cr_assert_eq(pb_remote_call(root, "hold", on_answer, &seen, NULL, ""), 0);
    pb_remote_unref(root);
    RUN_UNTIL(&p.loop, p.at_server.held);
    pb_conn_close(c);
    cr_assert_eq(seen.failures, 1);
    RUN_UNTIL(&p.loop, pb_server_connections(p.server) == 0);
    cr_assert_null(pb_request_session(p.at_server.held));
    cr_assert_eq(pb_request_answer_steal(p.at_server.held, pb_none()), PB_ERR_LOST);
    close_place(&p);
    seen_fini(&seen);
}

PB_TEST(server, answered_from_outside)
{
    struct place p;
    struct seen seen = {0};
    open_place(&p, "tcp:0:interface=127.0.0.1", 0);
    pb_remote *root = pb_conn_root(join(&p, &seen));
    cr_assert_eq(pb_remote_call(root, "hold", on_answer, &seen, NULL, ""), 0);
    pb_remote_unref(root);
    RUN_UNTIL(&p.loop, p.at_server.held);
    cr_assert_eq(pb_request_answer_steal(p.at_server.held, pb_int(5)), 0);
    RUN_UNTIL(&p.loop, seen.answers == 1);
    close_place(&p);
    seen_fini(&seen);
}

PB_TEST(server, errors)
{
    struct loop loop;
    begin_loop(&loop);
    int port, fd = raw_listen(&port, 1);
    const pb_net_config config = {0};
    pb_error err = {0};
    char endpoint[64], says[128];
    snprintf(endpoint, sizeof endpoint, "tcp:%d:interface=127.0.0.1", port);
    snprintf(says, sizeof says, "cannot listen on %s: address already in use", endpoint);
    cr_assert_null(pb_serve(loop.pb, endpoint, &config, &err));
    cr_assert_eq(err.code, PB_ERR_SYSTEM);
    cr_assert_str_eq(err.text, says);
    close(fd);

    err = (pb_error){0};
    cr_assert_null(pb_serve(loop.pb, "unix:/nowhere/at/all", &config, &err));
    cr_assert_eq(err.code, PB_ERR_SYSTEM);
    cr_assert_str_eq(err.text,
                     "cannot listen on unix:/nowhere/at/all: no such file or directory");

    err = (pb_error){0};
    cr_assert_null(pb_serve(loop.pb, "tcp:0:interface=[::g]", &config, &err));
    cr_assert_eq(err.code, PB_ERR_SYSTEM);

    err = (pb_error){0};
    cr_assert_null(pb_serve(loop.pb, "tcp:x", &config, &err));
    cr_assert_eq(err.code, PB_ERR_SYNTAX);
    cr_assert_eq(err.offset, 4);
    end_loop(&loop);
}

#ifndef PB__WITHOUT_TLS
PB_TEST(server, names_the_certificate_that_is_missing)
{
    pb_error err = {0};
    struct loop loop;
    begin_loop(&loop);
    cr_assert_null(pb_serve(loop.pb, "ssl:0", NULL, &err));
    cr_assert_str_eq(err.text, "server.pem: No such file or directory");
    end_loop(&loop);
}
#endif

/* A whole conversation. What lacks memory fails with that, and whatever fails, all
 * ends. */
static int converse(void *user_data)
{
    struct place *p = user_data;
    struct seen seen = {0};
    pb_error err = {0};
    *p = (struct place){0};
    begin_loop(&p->loop);
    pb_net_config config = config_of(&p->at_server);
    config.session.root = p->root = pb_object_new(&root_class, &p->at_server);
    pb_conn *c = NULL;
    pb_remote *root = NULL;
    p->server = p->root ? pb_serve(p->loop.pb, "127.0.0.1:0", &config, &err) : NULL;
    config = config_of(&seen);
    if (p->server) {
        c = pb_connect(p->loop.pb, at_port(pb_server_port(p->server)), &config, &err);
    }
    if (c && (root = pb_conn_root(c))) {
        const pb_call_options timed = {.timeout = 10000};
        if (pb_remote_call_values(root, "hold", NULL, NULL, &timed, on_answer, &seen,
                                  NULL, &err) == 0) {
            RUN_UNTIL(&p->loop, p->at_server.held || seen.closed || seen.failures);
            if (p->at_server.held) {
                (void)pb_request_answer_steal(p->at_server.held, pb_str("here"));
            }
            RUN_UNTIL(&p->loop, seen.answers + seen.failures == 1 || seen.closed);
        }
        pb_remote_unref(root);
    }
    bool well = seen.answers == 1;
    if (p->server) {
        pb_server_close(p->server, server_closed, p);
    }
    if (c && !seen.closed) {
        pb_conn_close(c);
    }
    pb_object_unref(p->root);
    end_loop(&p->loop);
    cr_assert(!p->server || p->closed);
    seen_fini(&seen);
    seen_fini(&p->at_server);
    return well ? 0 : PB_ERR_NOMEM;
}

PB_TEST(server, memory)
{
    struct place p;
    pb__test_each_failure(converse, &p);
}
