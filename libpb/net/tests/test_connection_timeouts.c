/* SPDX-License-Identifier: MIT
 *
 * The life of connections in time: those that nobody uses, peers that fall silent, and
 * ends that wait for answers. */
#include "libpb/net/tests/peers.h"

/* A server and a client of it, in one loop. */
struct place {
    struct loop loop;
    struct seen at_server, seen;
    pb_server *server;
    pb_conn *conn;
    pb_remote *root;
    bool closed;
};

static void begin_place(struct place *p, pb_net_config server, pb_net_config client)
{
    *p = (struct place){0};
    begin_loop(&p->loop);
    pb_object *root = pb_object_new(&root_class, &p->at_server);
    server.session = config_of(&p->at_server).session;
    server.session.root = root;
    client.session = config_of(&p->seen).session;
    p->server = pb_serve(p->loop.pb, "127.0.0.1:0", &server, NULL);
    pb_object_unref(root);
    p->conn = pb_connect(p->loop.pb, at_port(pb_server_port(p->server)), &client, NULL);
    p->root = pb_conn_root(p->conn);
    RUN_UNTIL(&p->loop, p->seen.ready);
}

static void on_closed(void *user_data)
{
    struct place *p = user_data;
    p->closed = true;
}

static void end_place(struct place *p)
{
    pb_remote_unref(p->root);
    if (!p->closed) {
        pb_server_close(p->server, on_closed, p);
    }
    end_loop(&p->loop);
    cr_assert(p->closed);
    seen_fini(&p->seen);
    seen_fini(&p->at_server);
}

static void call(struct place *p, const char *method)
{
    cr_assert_eq(pb_remote_call(p->root, method, on_answer, &p->seen, NULL, "i", 1), 0);
}

static void run_for(struct loop *loop, uint64_t milliseconds)
{
    uint64_t until = uv_hrtime() + milliseconds * 1000000;
    while (uv_hrtime() < until) {
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        uv_sleep(1);
    }
}

PB_TEST(life, idle)
{
    struct place p;
    begin_place(&p, (pb_net_config){.idle_timeout = 60}, (pb_net_config){0});
    run_for(&p.loop, 30);
    call(&p, "echo");
    run_for(&p.loop, 40);
    cr_assert_eq(p.at_server.closed, 0, "a word counts");
    RUN_UNTIL(&p.loop, p.at_server.closed);
    cr_assert_eq(p.at_server.why.code, PB_ERR_TIMEOUT);
    cr_assert_str_eq(p.at_server.why.text, "the connection was idle for 60 milliseconds");
    end_place(&p);
}

PB_TEST(life, nobody_is_idle_who_waits)
{
    struct place p;
    begin_place(&p, (pb_net_config){.idle_timeout = 30},
                (pb_net_config){.idle_timeout = 30});
    call(&p, "hold");
    RUN_UNTIL(&p.loop, p.at_server.held);
    run_for(&p.loop, 100);
    cr_assert(!p.at_server.closed && !p.seen.closed);
    cr_assert_eq(pb_request_answer_steal(p.at_server.held, pb_none()), 0);
    RUN_UNTIL(&p.loop, p.seen.answers == 1);
    RUN_UNTIL(&p.loop, p.at_server.closed && p.seen.closed);
    end_place(&p);
}

PB_TEST(life, ping)
{
    /* The server has no such method, and says so: that will do. */
    struct place p;
    begin_place(&p, (pb_net_config){0},
                (pb_net_config){.ping_method = "ping", .ping_interval = 20});
    run_for(&p.loop, 150);
    cr_assert_eq(p.seen.closed, 0);
    end_place(&p);
}

PB_TEST(life, no_pong)
{
    struct loop loop;
    begin_loop(&loop);
    struct seen seen = {0};
    int port, listener = raw_listen(&port, 1);
    pb_net_config config = config_of(&seen);
    config.ping_method = "ping";
    config.ping_interval = 30;
    cr_assert(pb_connect(loop.pb, at_port(port), &config, NULL));
    int fd = accept(listener, NULL, NULL);
    cr_assert_eq(write(fd, "\x01\x80\x04\x82none", 8), 8);
    RUN_UNTIL(&loop, seen.closed);
    cr_assert_eq(seen.ready, 1);
    cr_assert_eq(seen.why.code, PB_ERR_TIMEOUT);
    cr_assert_str_eq(seen.why.text,
                     "the peer has not answered a ping within 30 milliseconds");
    close(fd);
    close(listener);
    end_loop(&loop);
}

/* The client finishes: what it has called is answered, what is called of it is not
 * heard. */
PB_TEST(life, client_finishes)
{
    struct place p;
    begin_place(&p, (pb_net_config){0}, (pb_net_config){0});
    call(&p, "hold");
    RUN_UNTIL(&p.loop, p.at_server.held);
    pb_conn_drain(p.conn, -1);
    run_for(&p.loop, 20);
    cr_assert_eq(p.seen.closed, 0);
    cr_assert_eq(pb_request_answer_steal(p.at_server.held, pb_none()), 0);
    RUN_UNTIL(&p.loop, p.seen.closed);
    cr_assert_eq(p.seen.answers, 1);
    cr_assert_eq(p.seen.why.code, PB_OK);
    end_place(&p);
}

PB_TEST(life, client_finishes_before_it_begins)
{
    struct loop loop;
    begin_loop(&loop);
    struct seen seen = {0};
    int port, listener = raw_listen(&port, 1);
    pb_net_config config = config_of(&seen);
    pb_conn *c = pb_connect(loop.pb, at_port(port), &config, NULL);
    pb_remote *root = pb_conn_root(c);
    cr_assert_eq(pb_remote_call(root, "echo", on_answer, &seen, NULL, "i", 1), 0);
    pb_conn_drain(c, 30);
    RUN_UNTIL(&loop, seen.closed);
    cr_assert(seen.failures == 1 && seen.failure_code == PB_ERR_LOST);
    cr_assert_eq(seen.why.code, PB_OK);
    pb_remote_unref(root);
    close(listener);
    end_loop(&loop);
}

PB_TEST(life, server_finishes)
{
    struct place p;
    begin_place(&p, (pb_net_config){0}, (pb_net_config){0});
    call(&p, "hold");
    RUN_UNTIL(&p.loop, p.at_server.held);
    pb_server_drain(p.server, -1, on_closed, &p);
    call(&p, "echo");
    run_for(&p.loop, 20);
    cr_assert(!p.closed && !p.seen.closed);
    cr_assert_eq(p.seen.answers, 0, "it does not hear what comes now");
    cr_assert_eq(pb_request_answer_steal(p.at_server.held, pb_none()), 0);
    uv_run(&p.loop.uv, UV_RUN_DEFAULT);
    cr_assert(p.closed && p.seen.closed);
    cr_assert(p.seen.answers == 1 && p.seen.failures == 1);
    cr_assert_eq(p.at_server.why.code, PB_OK);
    end_place(&p);
}

PB_TEST(life, patience_ends)
{
    struct place p;
    begin_place(&p, (pb_net_config){0}, (pb_net_config){0});
    call(&p, "hold");
    RUN_UNTIL(&p.loop, p.at_server.held);
    pb_server_drain(p.server, 20, on_closed, &p);
    uv_run(&p.loop.uv, UV_RUN_DEFAULT);
    cr_assert(p.closed && p.seen.closed);
    cr_assert_eq(p.seen.failures, 1);
    end_place(&p);
}

/* The program may lose its patience. */
PB_TEST(life, closed_while_it_finishes)
{
    struct place p;
    begin_place(&p, (pb_net_config){0}, (pb_net_config){0});
    call(&p, "hold");
    RUN_UNTIL(&p.loop, p.at_server.held);
    pb_server_drain(p.server, -1, on_closed, &p);
    run_for(&p.loop, 10);
    pb_server_close(p.server, NULL, NULL);
    uv_run(&p.loop.uv, UV_RUN_DEFAULT);
    cr_assert(p.closed && p.seen.failures == 1);
    end_place(&p);
}

PB_TEST(life, keep_alive)
{
    struct place p;
    begin_place(&p, (pb_net_config){.keep_alive = 120},
                (pb_net_config){.keep_alive = -1});
    /* The client's and the server's socket are the last two. */
    int fd = dup(0), on, idle, again, found = 0;
    for (int i = fd - 1; i > 2; i--) {
        socklen_t len = sizeof on;
        if (getsockopt(i, SOL_SOCKET, SO_KEEPALIVE, &on, &len) == 0 && on) {
            found++;
            len = sizeof idle;
            getsockopt(i, IPPROTO_TCP, TCP_KEEPIDLE, &idle, &len);
            getsockopt(i, IPPROTO_TCP, TCP_KEEPINTVL, &again, &len);
        }
    }
    close(fd);
    cr_assert_eq(found, 1);
    cr_assert(idle == 90 && again == 11);
    end_place(&p);
}

PB_TEST(life, two_servers_on_a_port)
{
    struct place p;
    begin_place(&p, (pb_net_config){.reuse_port = true}, (pb_net_config){0});
    struct seen other = {0};
    pb_net_config config = config_of(&other);
    char endpoint[32];
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%d", pb_server_port(p.server));
    pb_error err = {0};
    cr_assert_null(pb_serve(p.loop.pb, endpoint, &config, &err));
    cr_assert_eq(err.code, PB_ERR_SYSTEM);
    config.reuse_port = true;
    pb_server *second = pb_serve(p.loop.pb, endpoint, &config, NULL);
    cr_assert(second);
    pb_server_close(second, NULL, NULL);
    end_place(&p);
}
