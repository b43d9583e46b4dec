/* SPDX-License-Identifier: MIT
 *
 * The tests of every loop. The test that includes this has such a loop:
 *     pb_loop *open_base(void)    makes it, and takes it for the library
 *     void run_base(void)         runs it until something has happened
 *     void drain_base(void)       runs it until it has nothing left to do
 *     void close_base(void)       frees it
 *     #define LOOP_NESTS          if callbacks may run it */
#ifndef PB__NET_TESTS_UNDER_LOOP_H
#define PB__NET_TESTS_UNDER_LOOP_H

#include <fcntl.h>
#include <pthread.h>

#include "libpb/net/tests/certificate.h"
#include "libpb/net/tests/peers.h"
#include "pb/service.h"

/* There under AddressSanitizer, which does not see by itself what a test of Criterion's
 * leaves. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* A server and a client in one loop. */
struct place {
    pb_loop *loop;
    pb_object *root;
    pb_server *server;
    struct seen at_server, seen;
    int closed;
};

#define UNTIL(condition)       \
    do {                       \
        while (!(condition)) { \
            run_base();        \
        }                      \
    } while (0)

static void open_place(struct place *p)
{
    alarm(60);
    *p = (struct place){.loop = open_base()};
    p->root = pb_object_new(&root_class, &p->at_server);
}

static void count(void *number)
{
    ++*(int *)number;
}

static void open_server(struct place *p, const char *endpoint)
{
    pb_error err = {0};
    pb_net_config config = config_of(&p->at_server);
    config.session.root = p->root;
    config.tls_certificate = *certificate_path ? certificate_path : NULL;
    p->server = pb_serve(p->loop, endpoint, &config, &err);
    cr_assert(p->server, "%s", err.text);
}

static void close_server(struct place *p)
{
    pb_server_close(p->server, count, &p->closed);
    p->server = NULL;
    UNTIL(p->closed);
    p->closed = 0;
}

/* All has been freed, and the loop has nothing left to do. */
static void close_place(struct place *p)
{
    if (p->server) {
        close_server(p);
    }
    pb_loop_unref(p->loop);
    drain_base();
    close_base();
    pb_object_unref(p->root);
    seen_fini(&p->seen);
    seen_fini(&p->at_server);
    wait_for_lookups();
    if (__lsan_do_recoverable_leak_check) {
        cr_assert_eq(__lsan_do_recoverable_leak_check(), 0);
    }
}

static void call(pb_conn *c, struct seen *seen, const char *method, int64_t timeout)
{
    pb_remote *root = pb_conn_root(c);
    pb_value *args = pb_build(NULL, "(i)", 7);
    const pb_call_options options = {.timeout = timeout};
    cr_assert_eq(pb_remote_call_values(root, method, args, NULL, &options, on_answer,
                                       seen, NULL, NULL),
                 0);
    pb_value_unref(args);
    pb_remote_unref(root);
}

static pb_conn *join(struct place *p, const char *endpoint)
{
    pb_error err = {0};
    pb_net_config config = config_of(&p->seen);
    config.tls_ca = *certificate_path ? certificate_path : NULL;
    pb_conn *c = pb_connect(p->loop, endpoint, &config, &err);
    cr_assert(c, "%s", err.text);
    return c;
}

/* A call, and its answer, between a server there and a client that goes to `to`, followed
 * by the port if there is one. */
static void converse(const char *at, const char *to)
{
    struct place p;
    char endpoint[128];
    open_place(&p);
    open_server(&p, at);
    int port = pb_server_port(p.server);
    snprintf(endpoint, sizeof endpoint, port ? "%s:%d" : "%s", to, port);
    pb_conn *c = join(&p, endpoint);
    call(c, &p.seen, "echo", 0);
    cr_assert_eq(p.seen.answers, 0, "called back before the loop ran");
    UNTIL(p.seen.answers == 1);
    cr_assert_eq(p.seen.answer, pb_int(7));
    call(c, &p.seen, "hold", 20);
    UNTIL(p.seen.failures == 1);
    cr_assert_eq(p.seen.failure_code, PB_ERR_TIMEOUT);
    pb_conn_close(c);
    cr_assert_eq(p.seen.closed, 1);
    UNTIL(p.at_server.closed == 1);
    cr_assert_eq(pb_server_connections(p.server), 0);
    close_place(&p);
}

PB_TEST(under_loop, tcp)
{
    converse("tcp:0:interface=127.0.0.1", "tcp:127.0.0.1");
}

PB_TEST(under_loop, tcp_by_name)
{
    converse("tcp:0:interface=127.0.0.1", "localhost");
}

#ifndef PB__WITHOUT_TLS
PB_TEST(under_loop, tls_by_name)
{
    make_certificate();
    converse("tls:0:interface=127.0.0.1", "tls:localhost");
    remove(certificate_path);
}
#endif

PB_TEST(under_loop, unix_path)
{
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "unix:/tmp/pb-under-loop-%d", (int)getpid());
    converse(endpoint, endpoint);
}

#ifndef PB__WITHOUT_TLS
PB_TEST(under_loop, adopted)
{
    struct place p;
    int pair[2];
    make_certificate();
    open_place(&p);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    pb_net_config server = config_of(&p.at_server), client = config_of(&p.seen);
    server.session.root = p.root;
    server.tls_certificate = client.tls_ca = certificate_path;
    client.tls_host_name = "localhost";
    cr_assert(pb_conn_adopt(p.loop, pair[0], PB_ADOPT_TLS, &server, NULL));
    pb_conn *c =
        pb_conn_adopt(p.loop, pair[1], PB_ADOPT_CLIENT | PB_ADOPT_TLS, &client, NULL);
    call(c, &p.seen, "echo", 0);
    UNTIL(p.seen.answers == 1);
    pb_conn_close(c);
    UNTIL(p.at_server.closed == 1);
    close_place(&p);
    remove(certificate_path);
}
#endif

static int unused_port(void)
{
    int port, fd = raw_listen(&port, 1);
    close(fd);
    return port;
}

#ifdef LOOP_NESTS
/* A callback that runs the loop until a call of its own is answered. */
struct nesting {
    struct place *p;
    pb_conn *c;
    int left;
};

static void on_nested_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct nesting *n = user_data;
    on_answer(result, failure, &n->p->seen);
    if (n->left-- > 0) {
        int before = n->p->seen.answers;
        pb_remote *root = pb_conn_root(n->c);
        cr_assert_eq(
            pb_remote_call(root, "echo", on_nested_answer, n, NULL, "i", n->left), 0);
        pb_remote_unref(root);
        UNTIL(n->p->seen.answers > before);
    }
}

PB_TEST(under_loop, callbacks_wait_for_their_own_calls)
{
    struct place p;
    open_place(&p);
    open_server(&p, "127.0.0.1:0");
    struct nesting n = {&p, join(&p, at_port(pb_server_port(p.server))), 5};
    pb_remote *root = pb_conn_root(n.c);
    /* Three answers in one chunk: the inner calls are answered behind them. */
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pb_remote_call(root, "echo", on_nested_answer, &n, NULL, "i", i), 0);
    }
    pb_remote_unref(root);
    UNTIL(p.seen.answers == 3 + 5);
    pb_conn_close(n.c);
    UNTIL(p.at_server.closed);
    close_place(&p);
}
#endif

PB_TEST(under_loop, refused)
{
    struct place p;
    open_place(&p);
    join(&p, at_port(unused_port()));
    UNTIL(p.seen.closed);
    cr_assert_eq(p.seen.why.code, PB_ERR_SYSTEM);
    join(&p, "unix:/nowhere/at/all");
    UNTIL(p.seen.closed == 2);
    cr_assert_eq(p.seen.why.code, PB_ERR_SYSTEM);
    join(&p, "no such host.invalid:80");
    UNTIL(p.seen.closed == 3);
    cr_assert_eq(p.seen.why.code, PB_ERR_SYSTEM);
    close_place(&p);
}

/* Times count from when the program asks, and not from when the loop ran last. */
PB_TEST(under_loop, the_program_was_away)
{
    struct place p;
    open_place(&p);
    open_server(&p, "127.0.0.1:0");
    pb_net_config config = config_of(&p.seen);
    config.connect_timeout = 1000;
    usleep(1100000);
    pb_conn *c = pb_connect(p.loop, at_port(pb_server_port(p.server)), &config, NULL);
    UNTIL(p.seen.ready || p.seen.closed);
    cr_assert_eq(p.seen.closed, 0, "%s", p.seen.why.text);
    pb_conn_close(c);
    UNTIL(p.at_server.closed);
    close_place(&p);
}

/* A server that takes the connection, and says nothing. */
PB_TEST(under_loop, silence)
{
    struct place p;
    open_place(&p);
    int port, listener = raw_listen(&port, 1);
    pb_net_config config = config_of(&p.seen);
    config.session.negotiation_timeout = 30;
    cr_assert(pb_connect(p.loop, at_port(port), &config, NULL));
    UNTIL(p.seen.closed);
    cr_assert_eq(p.seen.why.code, PB_ERR_TIMEOUT);
    close(listener);
    close_place(&p);
}

/* Its connection ends whenever the server goes, and comes back with it. */
PB_TEST(under_loop, service)
{
    struct place p;
    open_place(&p);
    char at[64];
    int stopped = 0;
    snprintf(at, sizeof at, "127.0.0.1:%d", unused_port());
    const pb_service_config config = {.first_delay = 5, .jitter = -1};
    pb_service *s = pb_service_new(p.loop, at, &config, NULL);
    for (int i = 1; i <= 3; i++) {
        cr_assert_eq(pb_service_call(s, "echo", on_answer, &p.seen, NULL, "i", i), 0);
        run_base();
        open_server(&p, at);
        UNTIL(p.seen.answers == i);
        close_server(&p);
        UNTIL(!pb_service_root(s));
    }
    pb_service_stop(s, 0, count, &stopped);
    UNTIL(stopped);
    close_place(&p);
}

/* ---- Posts ---- */

struct posting {
    pb_post *post;
    int ran;
};

static void *post_from_thread(void *arg)
{
    struct posting *t = arg;
    for (int i = 0; i < 100; i++) {
        cr_assert_eq(pb_post_run(t->post, count, &t->ran), 0);
        usleep(i % 10 ? 0 : 1000);
    }
    return NULL;
}

PB_TEST(under_loop, post)
{
    struct place p;
    struct posting t = {0};
    pthread_t thread;
    open_place(&p);
    t.post = pb_post_new(p.loop, NULL);
    cr_assert_eq(pthread_create(&thread, NULL, post_from_thread, &t), 0);
    UNTIL(t.ran == 100);
    pthread_join(thread, NULL);
    pb_post_close(t.post);
    pb_post_free(t.post);
    close_place(&p);
}

/* ---- Memory ---- */

/* Whichever allocation fails, all ends and is freed. */
static int converse_without_memory(void *user_data)
{
    (void)user_data;
    struct place p = {.loop = open_base()};
    pb_error err = {0};
    p.root = pb_object_new(&root_class, &p.at_server);
    pb_net_config config = config_of(&p.at_server);
    config.session.root = p.root;
    p.server = p.root ? pb_serve(p.loop, "127.0.0.1:0", &config, &err) : NULL;
    config = config_of(&p.seen);
    pb_conn *c =
        p.server ? pb_connect(p.loop, at_port(pb_server_port(p.server)), &config, &err)
                 : NULL;
    pb_remote *root = pb_conn_root(c);
    bool made =
        root && pb_remote_call(root, "echo", on_answer, &p.seen, &err, "i", 7) == 0;
    UNTIL(!made || p.seen.answers + p.seen.failures == 1);
    pb_remote_unref(root);
    if (c && !p.seen.closed) {
        pb_conn_close(c);
    }
    int answers = p.seen.answers;
    close_place(&p);
    return answers ? 0 : PB_ERR_NOMEM;
}

PB_TEST(under_loop, memory)
{
    alarm(60);
    pb__test_each_failure(converse_without_memory, NULL);
}

#endif
