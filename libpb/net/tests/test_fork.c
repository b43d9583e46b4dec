/* SPDX-License-Identifier: MIT
 *
 * The child of a fork, which has a copy of all that its parent has: whatever it does with
 * that, the parent goes on as if there were no child. */
#include <dirent.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "libpb/net/tests/certificate.h"
#include "libpb/net/tests/matrix_server.h"
#include "libpb/net/tests/peers.h"
#include "pb/service.h"

/* In the child: the line at which what was expected is not so. */
#define EXPECT(condition)    \
    do {                     \
        if (!(condition)) {  \
            return __LINE__; \
        }                    \
    } while (0)

/* Runs a function in a child, which must return 0. */
static void in_child(int (*run)(void *ctx), void *ctx)
{
    int pipes[2], line = -1, status;
    cr_assert_eq(pipe(pipes), 0);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(30);
        line = run(ctx);
        _exit(write(pipes[1], &line, sizeof line) == sizeof line ? 0 : 1);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    close(pipes[1]);
    cr_assert_eq(status, 0, "the child ended by %x", (unsigned)status);
    cr_assert_eq(read(pipes[0], &line, sizeof line), sizeof line);
    cr_assert_eq(line, 0, "in the child, line %d", line);
    close(pipes[0]);
}

static int descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(d)) {
        n++;
    }
    closedir(d);
    return n;
}

static bool says(const pb_error *err, const char *text)
{
    return err->code == PB_ERR_STATE && strstr(err->text, text);
}

/* ---- The blocking client ---- */

struct client {
    struct m_server server;
    pb_client *client;
    pb_value *object; /* the server's */
    pb_object *root;
    long blocks; /* before it was opened */
    int inside;  /* the line of the child in a served method */
};

static const char *const plugins[] = {"tcp", "ssl"};

static void open_client(struct client *c, const char *plugin, pb_object *root)
{
    pb_error err = {0};
    *c = (struct client){.root = root};
    make_certificate();
    const pb_net_config server = {.tls_certificate = certificate_path};
    const pb_net_config config = {.tls_ca = certificate_path, .session.root = root};
    m_begin(&c->server, plugin, &server);
    c->blocks = pb__test_live();
    c->client = pb_client_open(c->server.endpoint, &config, &err);
    cr_assert(c->client, "%s", err.text);
    c->object = pb_client_call(c->client, pb_client_root(c->client), "object", &err, "");
    cr_assert(pb_as_remote(c->object), "%s", err.text);
}

/* The parent goes on: its object is still there at the server, and goes home. */
static void close_client(struct client *c)
{
    pb_error err = {0};
    pb_value *v = pb_client_call(c->client, pb_client_root(c->client), "echo", &err, "O",
                                 c->object);
    cr_assert(v && pb_value_equal(v, c->object), "%s", err.text);
    pb_value_unref(v);
    pb_value_unref(c->object);
    v = pb_client_call(c->client, pb_client_root(c->client), "echo", &err, "i", 7);
    cr_assert_eq(v, pb_int(7), "%s", err.text);
    pb_client_free(c->client);
    m_end(&c->server);
    unlink(certificate_path);
}

static int unref_object(void *ctx)
{
    struct client *c = ctx;
    pb_value_unref(c->object);
    return 0;
}

static int free_client(void *ctx)
{
    struct client *c = ctx;
    int before = descriptors();
    pb_client_free(c->client);
    pb_value_unref(c->object);
    EXPECT(descriptors() == before - 1);
    EXPECT(pb__test_live() == c->blocks);
    return 0;
}

static int close_session(void *ctx)
{
    struct client *c = ctx;
    pb_session_close(pb_client_session(c->client));
    return free_client(ctx);
}

static void never(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)result;
    (void)failure;
    (void)user_data;
    _exit(2);
}

static const pb_class nothing = {.name = "Nothing"};

static int call_client(void *ctx)
{
    struct client *c = ctx;
    pb_remote *root = pb_client_root(c->client);
    const pb_credentials nobody = {.anonymous = true};
    pb_error err = {0};
    EXPECT(!pb_client_call(c->client, root, "echo", &err, "i", 1));
    EXPECT(says(&err, "the client belongs to the parent process"));
    err = (pb_error){0};
    EXPECT(!pb_client_login(c->client, &nobody, NULL, &err));
    EXPECT(err.code == PB_ERR_STATE);
    EXPECT(pb_client_wait(c->client, 10) == PB_ERR_STATE);
    err = (pb_error){0};
    EXPECT(pb_remote_call(root, "echo", never, NULL, &err, "i", 1) == PB_ERR_STATE);
    EXPECT(says(&err, "the connection belongs to the parent process"));
    EXPECT(pb_get_all_pages(root, "pages", NULL, NULL, NULL, never, NULL, NULL) ==
           PB_ERR_STATE);
    pb_value *bytes = pb_bytes(pb_span_of("page"));
    EXPECT(pb_page_bytes(root, bytes, 1, NULL, NULL, NULL) == PB_ERR_STATE);
    pb_value_unref(bytes);
    pb_object *o = pb_object_new(&nothing, NULL);
    EXPECT(pb_session_set_name_for_local(pb_client_session(c->client), "o", o) ==
           PB_ERR_STATE);
    pb_object_unref(o);
    return free_client(ctx);
}

/* It has one of its own. */
static int open_another(void *ctx)
{
    struct client *c = ctx;
    pb_error err = {0};
    const pb_net_config config = {.tls_ca = certificate_path};
    pb_client *own = pb_client_open(c->server.endpoint, &config, &err);
    pb_value *v = pb_client_call(own, pb_client_root(own), "echo", &err, "i", 3);
    EXPECT(v == pb_int(3));
    pb_client_free(own);
    return free_client(ctx);
}

PB_TEST(fork, client)
{
    int (*const deeds[])(void *ctx) = {unref_object, free_client, close_session,
                                       call_client, open_another};
    for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
        struct client c;
        open_client(&c, plugins[i], NULL);
        for (size_t k = 0; k < sizeof deeds / sizeof *deeds; k++) {
            in_child(deeds[k], &c);
            in_child(deeds[k], &c);
        }
        close_client(&c);
    }
}

static int served; /* the child's return value, from the method to what called it */

/* Forks, and lets the child return from the method, too. */
static int serve_fork(void *self, pb_request *r)
{
    struct client *c = self;
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        alarm(30);
        served = pb_request_answer_steal(r, pb_str("the child")) == PB_ERR_LOST ? 0 : 1;
        return 0;
    }
    waitpid(pid, &status, 0);
    c->inside = status;
    return pb_request_answer_steal(r, pb_str("the parent"));
}

static const pb_class forking_class = {
    .name = "Forking", .remote = (const pb_method[]){{"run", serve_fork}, {0}}};

PB_TEST(fork, inside_a_method)
{
    for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
        static struct client c;
        pb_error err = {0};
        pb_object *root = pb_object_new(&forking_class, &c);
        pid_t parent = getpid();
        open_client(&c, plugins[i], root);
        pb_value *v = pb_client_call(c.client, pb_client_root(c.client), "call_me", &err,
                                     "s", "run");
        if (getpid() != parent) {
            _exit(v || !says(&err, "belongs to the parent process") ? 3 : served);
        }
        pb_span text;
        cr_assert(v && pb_as_text(v, &text) == 0 && text.len == 10, "%s", err.text);
        cr_assert_eq(c.inside, 0, "the child: %x", (unsigned)c.inside);
        pb_value_unref(v);
        close_client(&c);
        pb_object_unref(root);
    }
}

/* Nothing that the child does puts a byte on the wire. */
PB_TEST(fork, says_nothing)
{
    int port;
    alarm(60);
    int listener = raw_listen(&port, 1);
    pid_t peer = fork();
    if (peer == 0) { /* negotiates, gives an object, and ends well if nothing follows */
        char heard[256];
        int fd = accept(listener, NULL, NULL);
        static const char hello[] = "\x01\x80\x02\x82pb",
                          gives[] = "\x03\x80\x1b\x87\x01\x81\x02\x80\x10\x87\x01\x81";
        bool good = write(fd, hello, sizeof hello - 1) == sizeof hello - 1;
        size_t n = 0;
        while (good && n < 4 + 6 + 30) { /* the dialect, the version, the call */
            ssize_t got = read(fd, heard, sizeof heard);
            n += got > 0 ? (size_t)got : 0;
            good = got > 0;
        }
        good = good && write(fd, gives, sizeof gives - 1) == sizeof gives - 1;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        good = good && poll(&p, 1, 300) == 0;
        _exit(good ? 0 : 1);
    }
    struct client c = {0};
    pb_error err = {0};
    c.blocks = pb__test_live();
    c.client = pb_client_open(at_port(port), NULL, &err);
    cr_assert(c.client, "%s", err.text);
    c.object = pb_client_call(c.client, pb_client_root(c.client), "object", &err, "");
    cr_assert(c.object, "%s", err.text);
    in_child(unref_object, &c);
    in_child(free_client, &c);
    in_child(close_session, &c);
    in_child(call_client, &c);
    int status;
    cr_assert_eq(waitpid(peer, &status, 0), peer);
    cr_assert_eq(status, 0);
    pb_value_unref(c.object);
    pb_client_free(c.client);
    close(listener);
}

/* ---- What is under a loop ---- */

struct looped {
    pb_server *server;
    pb_conn *conn;
    pb_service *service;
    pb_post *post;
    pb_object *root;
    char endpoint[64], path[40];
    struct seen server_seen, conn_seen, service_seen;
    int gone, stopped, posted;
};

static void count(void *data)
{
    ++*(int *)data;
}

static void on_up(pb_service *s, pb_remote *root, void *user_data)
{
    (void)s;
    (void)root;
    ++*(int *)user_data;
}

/* A server, a connection, a service and a post, which have got to know one another. */
static void open_loop(struct looped *l, const char *plugin)
{
    bool is_unix = strcmp(plugin, "unix") == 0;
    pb_error err = {0};
    char at[64];
    *l = (struct looped){.root = pb_object_new(&root_class, &l->server_seen)};
    alarm(60);
    make_certificate();
    snprintf(l->path, sizeof l->path, "/tmp/pb-fork-%d", (int)getpid());
    snprintf(at, sizeof at, is_unix ? "unix:%s%s" : "%s%s:0:interface=127.0.0.1",
             is_unix ? l->path : plugin, "");
    pb_net_config config = config_of(&l->server_seen);
    config.session.root = l->root;
    config.tls_certificate = certificate_path;
    l->server = pb_serve(pb_loop_default(), at, &config, &err);
    cr_assert(l->server, "%s", err.text);
    snprintf(l->endpoint, sizeof l->endpoint, is_unix ? "unix:%s" : "%s:127.0.0.1:%d",
             is_unix ? l->path : plugin, pb_server_port(l->server));
    config = config_of(&l->conn_seen);
    config.tls_ca = certificate_path;
    l->conn = pb_connect(pb_loop_default(), l->endpoint, &config, &err);
    pb_service_config service = {.net = config_of(&l->service_seen)};
    service.net.tls_ca = certificate_path;
    service.on_up = on_up;
    service.user_data = &l->posted;
    l->service = pb_service_new(pb_loop_default(), l->endpoint, &service, &err);
    l->post = pb_post_new(pb_loop_default(), &err);
    cr_assert(l->conn && l->service && l->post, "%s", err.text);
}

static void run_until(const int *counter, int value)
{
    while (*counter < value) {
        uv_run(uv_default_loop(), UV_RUN_ONCE);
    }
}

/* All of it works. */
static void converse(struct looped *l)
{
    pb_remote *root = pb_conn_root(l->conn);
    int before = l->conn_seen.answers;
    cr_assert_eq(pb_remote_call(root, "echo", on_answer, &l->conn_seen, NULL, "i", 1), 0);
    run_until(&l->conn_seen.answers, before + 1);
    pb_remote_unref(root);
    before = l->service_seen.answers;
    cr_assert_eq(
        pb_service_call(l->service, "echo", on_answer, &l->service_seen, NULL, "i", 2),
        0);
    run_until(&l->service_seen.answers, before + 1);
    before = l->posted;
    cr_assert_eq(pb_post_run(l->post, count, &l->posted), 0);
    run_until(&l->posted, before + 1);
    struct seen seen = {0};
    const pb_net_config config = {
        .session = {.on_ready = on_ready, .on_close = on_close, .user_data = &seen},
        .tls_ca = certificate_path};
    pb_conn *another = pb_connect(pb_loop_default(), l->endpoint, &config, NULL);
    run_until(&seen.ready, 1);
    pb_conn_close(another);
    run_until(&seen.closed, 1);
}

static void close_loop(struct looped *l)
{
    pb_conn_close(l->conn);
    pb_service_stop(l->service, 0, count, &l->stopped);
    pb_server_close(l->server, count, &l->gone);
    pb_post_close(l->post);
    pb_post_free(l->post);
    cr_assert_eq(pb_run(), 0);
    cr_assert(l->stopped == 1 && l->gone == 1);
    cr_assert_eq(l->conn_seen.closed, 1);
    seen_fini(&l->server_seen);
    seen_fini(&l->conn_seen);
    seen_fini(&l->service_seen);
    pb_object_unref(l->root);
    unlink(certificate_path);
}

static int close_conn(void *ctx)
{
    struct looped *l = ctx;
    pb_remote *root = pb_conn_root(l->conn);
    pb_error err = {0};
    EXPECT(pb_remote_call(root, "echo", never, NULL, &err, "i", 1) == PB_ERR_STATE);
    pb_remote_unref(root);
    int before = descriptors();
    pb_conn_close(l->conn);
    EXPECT(l->conn_seen.closed == 1 && l->conn_seen.why.code == PB_ERR_STATE);
    EXPECT(descriptors() < before);
    return 0;
}

static int drain_conn(void *ctx)
{
    struct looped *l = ctx;
    pb_conn_drain(l->conn, 1000);
    EXPECT(l->conn_seen.closed == 1);
    return 0;
}

static int close_server(void *ctx)
{
    struct looped *l = ctx;
    struct stat s;
    bool was_there = stat(l->path, &s) == 0;
    int connections = (int)pb_server_connections(l->server);
    pb_server_close(l->server, count, &l->gone);
    EXPECT(l->gone == 1 && l->server_seen.closed >= connections);
    EXPECT((stat(l->path, &s) == 0) == was_there);
    return 0;
}

static int drain_server(void *ctx)
{
    struct looped *l = ctx;
    pb_server_drain(l->server, 1000, count, &l->gone);
    EXPECT(l->gone == 1);
    return 0;
}

static int stop_service(void *ctx)
{
    struct looped *l = ctx;
    pb_error err = {0};
    EXPECT(pb_service_call(l->service, "echo", never, NULL, &err, "i", 1) ==
           PB_ERR_STATE);
    pb_service_retry(l->service);
    pb_service_stop(l->service, 1000, count, &l->stopped);
    EXPECT(l->stopped == 1 && l->service_seen.closed == 1);
    return 0;
}

static int close_post(void *ctx)
{
    struct looped *l = ctx;
    EXPECT(pb_post_run(l->post, count, &l->posted) == PB_ERR_STATE);
    pb_post_close(l->post);
    pb_post_free(l->post);
    return 0;
}

static int close_all(void *ctx)
{
    int e = close_conn(ctx);
    e = e ? e : stop_service(ctx);
    e = e ? e : close_server(ctx);
    return e ? e : close_post(ctx);
}

/* Nothing can be made under the loop, nor can it be run; one of the child's own can. */
static int use_loops(void *ctx)
{
    struct looped *l = ctx;
    pb_error err = {0};
    EXPECT(pb_run() == PB_ERR_STATE);
    EXPECT(!pb_connect(pb_loop_default(), l->endpoint, NULL, &err));
    EXPECT(says(&err, "the loop belongs to the parent process"));
    EXPECT(!pb_serve(pb_loop_default(), "127.0.0.1:0", NULL, NULL));
    EXPECT(!pb_service_new(pb_loop_default(), l->endpoint, NULL, NULL));
    EXPECT(!pb_post_new(pb_loop_default(), NULL));
    uv_loop_t uv;
    uv_loop_init(&uv);
    pb_loop *own = pb_loop_uv(&uv);
    struct seen seen = {0};
    const pb_net_config config = {
        .session = {.on_ready = on_ready, .on_close = on_close, .user_data = &seen}};
    pb_server *s = pb_serve(own, "127.0.0.1:0", NULL, NULL);
    EXPECT(s);
    pb_conn *c = pb_connect(own, at_port(pb_server_port(s)), &config, NULL);
    while (!seen.ready) {
        uv_run(&uv, UV_RUN_ONCE);
    }
    pb_conn_close(c);
    pb_server_close(s, NULL, NULL);
    pb_loop_unref(own);
    uv_run(&uv, UV_RUN_DEFAULT);
    EXPECT(uv_loop_close(&uv) == 0);
    return 0;
}

/* The child takes the loop over as libuv has it, and runs it: there is nothing left of
 * what was under it. */
static int run_loop(void *ctx)
{
    struct looped *l = ctx;
    EXPECT(uv_loop_fork(uv_default_loop()) == 0);
    pb_post_close(l->post);
    pb_server_close(l->server, count, &l->gone);
    pb_service_stop(l->service, 0, NULL, NULL);
    pb_conn_close(l->conn);
    uv_run(uv_default_loop(), UV_RUN_DEFAULT);
    EXPECT(l->gone == 1 && l->conn_seen.closed == 1);
    return 0;
}

static int (*const loop_deeds[])(void *ctx) = {close_conn,   drain_conn,   close_server,
                                               drain_server, stop_service, close_post,
                                               close_all,    use_loops,    run_loop};

static void under_a_loop(const char *plugin)
{
    struct looped l;
    open_loop(&l, plugin);
    run_until(&l.posted, 1); /* the service is up */
    converse(&l);
    for (size_t i = 0; i < sizeof loop_deeds / sizeof *loop_deeds; i++) {
        in_child(loop_deeds[i], &l);
        converse(&l);
    }
    close_loop(&l);
}

PB_TEST(fork, under_a_loop)
{
    under_a_loop("tcp");
}

PB_TEST(fork, under_a_loop_with_tls)
{
    under_a_loop("ssl");
}

PB_TEST(fork, under_a_loop_at_a_path)
{
    under_a_loop("unix");
}

/* Before anything is connected, and while a name is looked up. */
PB_TEST(fork, at_the_beginning)
{
    struct looped l;
    open_loop(&l, "tcp");
    pb_error err = {0};
    struct seen seen = {0};
    const pb_net_config config = config_of(&seen);
    pb_conn *conn = l.conn;
    l.conn = pb_connect(pb_loop_default(), "tcp:localhost:1", &config, &err);
    cr_assert(l.conn, "%s", err.text);
    l.conn_seen.closed = 0;
    in_child(stop_service, &l);
    in_child(close_server, &l);
    in_child(drain_server, &l);
    run_until(&seen.closed, 1);
    l.conn = conn;
    run_until(&l.posted, 1);
    converse(&l);
    close_loop(&l);
    wait_for_lookups();
}
