/* SPDX-License-Identifier: MIT
 *
 * Connections that are made: how they begin, and all the ways in which they end. The peer
 * is a raw socket, or a server in the same loop. */
#include <fcntl.h>

#include "libpb/net/tests/certificate.h"
#include "libpb/net/tests/peers.h"

/* Connects to what does not answer as it should, and returns how on_close was told of
 * it. */
static pb_error fate(struct loop *loop, const char *endpoint, pb_net_config config)
{
    struct seen seen = {0};
    pb_error err = {0};
    config.session.on_ready = on_ready;
    config.session.on_close = on_close;
    config.session.user_data = &seen;
    cr_assert(pb_connect(loop->pb, endpoint, &config, &err), "%s", err.text);
    cr_assert_eq(seen.closed, 0, "told before the loop ran");
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    cr_assert_eq(seen.closed, 1);
    cr_assert_eq(seen.ready, 0);
    return seen.why;
}

PB_TEST(conn, refused)
{
    struct loop loop;
    begin_loop(&loop);
    int port, fd = raw_listen(&port, 1);
    close(fd);
    char says[128];
    snprintf(says, sizeof says, "cannot connect to tcp:127.0.0.1:%d: connection refused",
             port);
    pb_error why = fate(&loop, at_port(port), (pb_net_config){0});
    cr_assert_eq(why.code, PB_ERR_SYSTEM);
    cr_assert_str_eq(why.text, says);

    why = fate(&loop, "unix:/nowhere/at/all", (pb_net_config){0});
    cr_assert_eq(why.code, PB_ERR_SYSTEM);
    cr_assert_str_eq(why.text,
                     "cannot connect to unix:/nowhere/at/all: no such file or directory");
    end_loop(&loop);
}

PB_TEST(conn, unknown_host)
{
    static const char says[] = "cannot find host \"no such host.invalid\": ";
    struct loop loop;
    begin_loop(&loop);
    pb_error why = fate(&loop, "no such host.invalid:80", (pb_net_config){0});
    cr_assert_eq(why.code, PB_ERR_SYSTEM);
    cr_assert_eq(strncmp(why.text, says, strlen(says)), 0, "%s", why.text);
    end_loop(&loop);
    wait_for_lookups();
}

PB_TEST(conn, malformed_endpoint)
{
    struct loop loop;
    begin_loop(&loop);
    pb_error err = {0};
    cr_assert_null(pb_connect(loop.pb, "tcp:a:x", NULL, &err));
    cr_assert_eq(err.code, PB_ERR_SYNTAX);
    cr_assert_eq(err.offset, 6);
    end_loop(&loop);
}

/* A server whose queue of connections is full leaves us waiting. */
PB_TEST(conn, connect_timeout)
{
    struct loop loop;
    begin_loop(&loop);
    int port, listener = raw_listen(&port, 0), fds[8];
    struct sockaddr_in to = loopback(port);
    for (int i = 0; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fds[i], (struct sockaddr *)&to, sizeof to);
    }
    char says[128];
    snprintf(says, sizeof says,
             "no connection to tcp:127.0.0.1:%d within 30 milliseconds", port);
    pb_error why = fate(&loop, at_port(port), (pb_net_config){.connect_timeout = 30});
    cr_assert_eq(why.code, PB_ERR_TIMEOUT);
    cr_assert_str_eq(why.text, says);
    for (int i = 0; i < 8; i++) {
        close(fds[i]);
    }
    close(listener);
    end_loop(&loop);
}

PB_TEST(conn, silent_server)
{
    struct loop loop;
    begin_loop(&loop);
    int port, listener = raw_listen(&port, 1);
    pb_error why =
        fate(&loop, at_port(port), (pb_net_config){.session.negotiation_timeout = 30});
    cr_assert_eq(why.code, PB_ERR_TIMEOUT);
    cr_assert_str_eq(why.text, "the peer did not negotiate in time");
    close(listener);
    end_loop(&loop);
}

/* The action of a server that has accepted, and the error that the client gets. */
static pb_error fate_of_words(const char *words, bool reset)
{
    struct loop loop;
    begin_loop(&loop);
    struct seen seen = {0};
    int port, listener = raw_listen(&port, 1);
    pb_net_config config = config_of(&seen);
    cr_assert(pb_connect(loop.pb, at_port(port), &config, NULL));
    int fd = accept(listener, NULL, NULL);
    for (int i = 0; i < 3; i++) {
        uv_run(&loop.uv, UV_RUN_NOWAIT); /* it is connected before anything is said */
    }
    cr_assert_eq(write(fd, words, strlen(words)), strlen(words));
    reset ? raw_reset(fd) : close(fd);
    RUN_UNTIL(&loop, seen.closed);
    close(listener);
    end_loop(&loop);
    return seen.why;
}

PB_TEST(conn, servers_that_are_none)
{
    pb_error why = fate_of_words("", false);
    cr_assert_eq(why.code, PB_ERR_LOST);
    cr_assert_str_eq(why.text, "the peer closed the connection");

    why = fate_of_words("", true);
    cr_assert_eq(why.code, PB_ERR_LOST);
    cr_assert_str_eq(why.text, "connection lost: connection reset by peer");

    why = fate_of_words("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"
                        "Connection: close\r\n\r\n<html>",
                        false);
    cr_assert_eq(why.code, PB_ERR_LIMIT, "%d %s", why.code, why.text);

    why = fate_of_words("SSH-2.0-OpenSSH_9.2\r\n\xff", false);
    cr_assert(why.code == PB_ERR_SYNTAX || why.code == PB_ERR_LIMIT);
}

PB_TEST(conn, closed_at_once)
{
    struct loop loop;
    begin_loop(&loop);
    int port, listener = raw_listen(&port, 1);
    const char *const endpoints[] = {at_port(port), "no such host.invalid:80"};
    for (int i = 0; i < 2; i++) {
        struct seen seen = {0};
        pb_net_config config = config_of(&seen);
        pb_conn *c = pb_connect(loop.pb, endpoints[i], &config, NULL);
        pb_remote *root = pb_conn_root(c);
        cr_assert_eq(pb_remote_call(root, "echo", on_answer, &seen, NULL, "i", 1), 0);
        pb_conn_close(c);
        cr_assert(seen.closed == 1 && seen.why.code == PB_OK);
        cr_assert(seen.failures == 1 && seen.failure_code == PB_ERR_LOST);
        uv_run(&loop.uv, UV_RUN_DEFAULT);
        pb_error err = {0};
        cr_assert_eq(pb_remote_call(root, "echo", on_answer, &seen, &err, "i", 1),
                     PB_ERR_DEAD);
        pb_remote_unref(root);
    }
    close(listener);
    end_loop(&loop);
    wait_for_lookups();
}

/* A server in the same loop. */
struct served {
    struct loop loop;
    struct seen at_server, seen;
    pb_object *object;
    pb_server *server;
    pb_conn *conn;
    pb_remote *root;
};

static void begin_served(struct served *s, const char *listen, const char *to)
{
    char endpoint[64];
    pb_error err = {0};
    *s = (struct served){0};
    begin_loop(&s->loop);
    const char *pem = *certificate_path ? certificate_path : NULL;
    pb_net_config config = config_of(&s->at_server);
    config.tls_certificate = pem;
    config.session.root = s->object = pb_object_new(&root_class, &s->at_server);
    s->server = pb_serve(s->loop.pb, listen, &config, &err);
    cr_assert(s->server, "%s", err.text);
    pb_object_unref(s->object);
    config = config_of(&s->seen);
    config.tls_ca = pem;
    snprintf(endpoint, sizeof endpoint, "%s:%d", to, pb_server_port(s->server));
    s->conn = pb_connect(s->loop.pb, endpoint, &config, &err);
    cr_assert(s->conn, "%s", err.text);
    s->root = pb_conn_root(s->conn);
}

static void end_served(struct served *s)
{
    pb_remote_unref(s->root);
    pb_server_close(s->server, NULL, NULL);
    end_loop(&s->loop);
    seen_fini(&s->seen);
    seen_fini(&s->at_server);
}

PB_TEST(conn, host_with_several_addresses)
{
    /* "localhost" may be ::1 first, where nobody listens. */
    struct served s;
    begin_served(&s, "tcp:0:interface=127.0.0.1", "tcp:localhost");
    RUN_UNTIL(&s.loop, s.seen.ready);
    end_served(&s);
    wait_for_lookups();
}

PB_TEST(conn, call_timeout)
{
    struct served s;
    begin_served(&s, "127.0.0.1:0", "tcp:127.0.0.1");
    const pb_call_options options = {.timeout = 20};
    pb_value *args = pb_build(NULL, "()");
    cr_assert_eq(pb_remote_call_values(s.root, "hold", args, NULL, &options, on_answer,
                                       &s.seen, NULL, NULL),
                 0);
    RUN_UNTIL(&s.loop, s.seen.failures == 1);
    cr_assert_eq(s.seen.failure_code, PB_ERR_TIMEOUT);
    cr_assert_eq(s.seen.closed, 0);
    /* Time passes, of which the session isn't told: it is no part of the next one's. */
    const pb_call_options longer = {.timeout = 1000};
    uv_sleep(1100);
    cr_assert_eq(pb_remote_call_values(s.root, "echo", NULL, NULL, &longer, on_answer,
                                       &s.seen, NULL, NULL),
                 0);
    pb_value_unref(args);
    RUN_UNTIL(&s.loop, s.seen.failures == 2);
    cr_assert_eq(s.seen.failure_code, PB_OK, "the peer's TypeError is meant, not %s",
                 s.seen.failure_text);
    end_served(&s);
}

PB_TEST(conn, what_waits_is_sent_before_the_end)
{
    enum { SIZE = 600 << 10 };
    static uint8_t blob[SIZE];
    struct served s;
    begin_served(&s, "127.0.0.1:0", "tcp:127.0.0.1");
    RUN_UNTIL(&s.loop, s.seen.ready);
    const pb_call_options options = {.no_answer = true};
    pb_value *args = pb_build(NULL, "(y#)", blob, sizeof blob);
    for (int i = 0; i < 20; i++) {
        cr_assert_eq(pb_remote_call_values(s.root, i == 19 ? "hold" : "echo", args, NULL,
                                           &options, NULL, NULL, NULL, NULL),
                     0);
    }
    pb_value_unref(args);
    pb_conn_close(s.conn);
    RUN_UNTIL(&s.loop, s.at_server.held_len == SIZE);
    end_served(&s);
}

#ifndef PB__WITHOUT_TLS
/* The side that closes ends TLS as well: else its last bytes might have been cut off. */
PB_TEST(conn, tls_is_ended)
{
    make_certificate();
    for (int by_server = 0; by_server < 2; by_server++) {
        struct served s;
        begin_served(&s, "tls:0:interface=127.0.0.1", "tls:localhost");
        cr_assert_eq(pb_remote_call(s.root, "hold", on_answer, &s.seen, NULL, ""), 0);
        RUN_UNTIL(&s.loop, s.at_server.held);
        struct seen *other = by_server ? &s.seen : &s.at_server;
        pb_session_close(by_server ? pb_request_session(s.at_server.held)
                                   : pb_conn_session(s.conn));
        RUN_UNTIL(&s.loop, other->closed);
        cr_assert_str_eq(other->why.text, "the peer closed the connection");
        end_served(&s);
    }
    remove(certificate_path);
    wait_for_lookups();
}
#endif

/* A peer that takes nothing, and never goes: it is left after a while. */
PB_TEST(conn, lingers_no_longer_than_it_may)
{
    enum { SIZE = 600 << 10 };
    static uint8_t blob[SIZE];
    struct loop loop;
    begin_loop(&loop);
    int port, listener = raw_listen(&port, 1);
    struct seen seen = {0};
    pb_net_config config = config_of(&seen);
    pb_conn *c = pb_connect(loop.pb, at_port(port), &config, NULL);
    int fd = accept(listener, NULL, NULL);
    cr_assert_eq(write(fd, "\x01\x80\x04\x82none", 8), 8);
    RUN_UNTIL(&loop, seen.ready);
    pb_remote *root = pb_conn_root(c);
    for (int i = 0; i < 30; i++) {
        cr_assert_eq(
            pb_remote_call(root, "echo", on_answer, &seen, NULL, "y#", blob, sizeof blob),
            0);
    }
    pb_remote_unref(root);
    pb_conn_close(c);
    cr_assert_eq(seen.failures, 30);
    uint64_t begun = uv_hrtime();
    uv_run(&loop.uv, UV_RUN_DEFAULT);
    uint64_t took = (uv_hrtime() - begun) / 1000000;
    cr_assert(took >= 4900 && took < 10000, "%d", (int)took);
    close(fd);
    close(listener);
    end_loop(&loop);
}

static void call_other(pb_value *result, pb_failure *failure, void *user_data)
{
    struct served *s = user_data;
    cr_assert(!result && pb_failure_code(failure) == PB_ERR_LOST);
    cr_assert_eq(pb_remote_call(s->root, "echo", on_answer, &s->seen, NULL, "i", 1), 0);
}

/* A call that is made because another connection ended is sent at once. */
PB_TEST(conn, call_from_the_end_of_another)
{
    struct served s;
    begin_served(&s, "127.0.0.1:0", "tcp:127.0.0.1");
    struct seen other = {0};
    int port, listener = raw_listen(&port, 1);
    pb_net_config config = config_of(&other);
    pb_remote *root = pb_conn_root(pb_connect(s.loop.pb, at_port(port), &config, NULL));
    int fd = accept(listener, NULL, NULL);
    cr_assert_eq(write(fd, "\x01\x80\x04\x82none", 8), 8);
    RUN_UNTIL(&s.loop, other.ready && s.seen.ready);
    raw_reset(fd);
    cr_assert_eq(pb_remote_call(root, "echo", call_other, &s, NULL, "i", 1), 0);
    RUN_UNTIL(&s.loop, s.seen.answers == 1);
    cr_assert_eq(other.closed, 1);
    pb_remote_unref(root);
    close(listener);
    end_served(&s);
}
