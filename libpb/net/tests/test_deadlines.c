/* SPDX-License-Identifier: MIT
 *
 * From when timeouts count, on a loop whose clock goes only when the test says so: while
 * a callback is at work, and while the program is away from the loop. */
#include <poll.h>

#include "libpb/net/tests/peers.h"
#include "pb/service.h"

enum { WATCHES = 16, WORK = 1200, TIMEOUT = 1000 };

struct watch {
    pb_watch *watch; /* NULL: free */
    int fd;
    short events;
};

/* A loop whose time stands still during a turn, as libuv's. */
struct clocked {
    pb_loop *pb;
    struct watch watches[WATCHES];
    int64_t clock;
    int64_t woke, due;
    struct seen client, server;
    pb_conn *conn;
    pb_object *root;
    pb_server *listens;
    pb_session *accepted;
};

static int watch_new(void *loop, int fd, pb_watch *w, void **own)
{
    struct clocked *c = loop;
    struct watch *at = c->watches;
    while (at->watch) {
        at++;
    }
    cr_assert(at < c->watches + WATCHES);
    *at = (struct watch){.watch = w, .fd = fd};
    *own = at;
    return 0;
}

static int watch_set(void *loop, void *watch, int events)
{
    struct watch *w = watch;
    (void)loop;
    w->events = (short)(((events & PB_WATCH_READ) ? POLLIN : 0) |
                        ((events & PB_WATCH_WRITE) ? POLLOUT : 0));
    return 0;
}

static void watch_free(void *loop, void *watch)
{
    (void)loop;
    *(struct watch *)watch = (struct watch){0};
}

static void set_timer(void *loop, int64_t delay)
{
    struct clocked *c = loop;
    c->due = delay < 0 ? INT64_MAX : c->woke + delay;
}

static int64_t now(void *loop)
{
    return ((struct clocked *)loop)->woke;
}

static void update(void *loop)
{
    struct clocked *c = loop;
    c->woke = c->clock;
}

static void open_loop(struct clocked *c)
{
    static const pb_loop_ops ops = {.watch_new = watch_new,
                                    .watch_set = watch_set,
                                    .watch_free = watch_free,
                                    .set_timer = set_timer,
                                    .now = now,
                                    .update = update};
    alarm(60);
    *c = (struct clocked){.clock = 1000000, .woke = 1000000, .due = INT64_MAX};
    c->pb = pb_loop_new(&ops, c);
    c->root = pb_object_new(&root_class, &c->server);
}

/* One turn: the timer, then what is ready. False where nothing was to do. */
static bool turn(struct clocked *c)
{
    bool any = false;
    c->woke = c->clock;
    if (c->due <= c->woke) {
        c->due = INT64_MAX;
        any = true;
        pb_loop_due(c->pb);
    }
    struct pollfd fds[WATCHES];
    for (int i = 0; i < WATCHES; i++) {
        const struct watch *w = &c->watches[i];
        fds[i] = (struct pollfd){.fd = w->watch && w->events ? w->fd : -1,
                                 .events = w->events};
    }
    poll(fds, WATCHES, any ? 0 : 20);
    c->woke = c->clock;
    for (int i = 0; i < WATCHES; i++) {
        const struct watch *w = &c->watches[i];
        if (fds[i].revents && w->watch && w->fd == fds[i].fd) {
            any = true;
            pb_watch_ready(w->watch,
                           ((fds[i].revents & ~POLLOUT) ? PB_WATCH_READ : 0) |
                               ((fds[i].revents & POLLOUT) ? PB_WATCH_WRITE : 0));
        }
    }
    return any;
}

/* Until nothing more is to do at this time. */
static void rest(struct clocked *c)
{
    while (turn(c)) {
    }
}

static void later(struct clocked *c, int64_t milliseconds)
{
    c->clock += milliseconds;
    rest(c);
}

static void accepted(pb_session *s, void *user_data)
{
    struct clocked *c = user_data;
    c->accepted = s;
}

/* A server and a client of it, which are ready. */
static void open_both(struct clocked *c, pb_net_config client)
{
    open_loop(c);
    const pb_net_config server = {
        .session = {.root = c->root, .on_ready = accepted, .user_data = c}};
    client.session.on_close = on_close;
    client.session.user_data = &c->client;
    c->listens = pb_serve(c->pb, "127.0.0.1:0", &server, NULL);
    c->conn = pb_connect(c->pb, at_port(pb_server_port(c->listens)), &client, NULL);
    rest(c);
    cr_assert(pb_session_is_ready(pb_conn_session(c->conn)));
}

static void close_both(struct clocked *c)
{
    if (!c->client.closed) {
        pb_conn_close(c->conn);
    }
    pb_server_close(c->listens, NULL, NULL);
    rest(c);
    pb_object_unref(c->root);
    seen_fini(&c->client);
    seen_fini(&c->server);
    pb_loop_unref(c->pb);
}

static void call(struct clocked *c, const char *method, int64_t timeout)
{
    const pb_call_options options = {.timeout = timeout};
    pb_remote *root = pb_conn_root(c->conn);
    pb_value *args = pb_build(NULL, "(i)", 7);
    cr_assert_eq(pb_remote_call_values(root, method, args, NULL, &options, on_answer,
                                       &c->client, NULL, NULL),
                 0);
    pb_value_unref(args);
    pb_remote_unref(root);
}

/* Works, then calls what is not answered. */
static void work_and_hold(pb_value *result, pb_failure *failure, void *user_data)
{
    struct clocked *c = user_data;
    (void)result;
    (void)failure;
    c->clock += WORK;
    call(c, "hold", TIMEOUT);
}

static void expect_timeout(struct clocked *c)
{
    cr_assert_eq(c->client.failures, 0);
    later(c, TIMEOUT - 1);
    cr_assert_eq(c->client.failures, 0);
    later(c, 1);
    cr_assert_eq(c->client.failures, 1);
    cr_assert_eq(c->client.failure_code, PB_ERR_TIMEOUT);
}

PB_TEST(deadlines, of_a_call_after_work)
{
    struct clocked c;
    open_both(&c, (pb_net_config){0});
    pb_remote *root = pb_conn_root(c.conn);
    pb_remote_call(root, "echo", work_and_hold, &c, NULL, "i", 1);
    rest(&c);
    expect_timeout(&c);
    pb_remote_unref(root);
    close_both(&c);
}

PB_TEST(deadlines, of_a_call_between_two_turns)
{
    struct clocked c;
    open_both(&c, (pb_net_config){0});
    c.clock += 5000; /* the loop does not know */
    call(&c, "hold", TIMEOUT);
    rest(&c);
    expect_timeout(&c);
    close_both(&c);
}

/* While there is no connection yet, and while nobody negotiates. */
PB_TEST(deadlines, of_a_call_before_the_connection)
{
    struct clocked c;
    int port, listener = raw_listen(&port, 1);
    open_loop(&c);
    const pb_net_config config = config_of(&c.client);
    c.clock += 5000;
    c.conn = pb_connect(c.pb, at_port(port), &config, NULL);
    c.clock += 5000;
    call(&c, "hold", TIMEOUT);
    rest(&c);
    expect_timeout(&c);
    cr_assert_eq(c.client.closed, 0);
    later(&c, 30000 - TIMEOUT - 1); /* from when the socket was there */
    cr_assert_eq(c.client.closed, 0);
    later(&c, 1);
    cr_assert_eq(c.client.closed, 1);
    cr_assert_eq(c.client.why.code, PB_ERR_TIMEOUT);
    pb_object_unref(c.root);
    seen_fini(&c.client);
    pb_loop_unref(c.pb);
    close(listener);
}

PB_TEST(deadlines, of_a_call_that_waits_for_a_connection)
{
    struct clocked c;
    int port, listener = raw_listen(&port, 1);
    close(listener);
    open_loop(&c);
    const pb_service_config config = {.first_delay = 100000, .jitter = -1};
    pb_service *s = pb_service_new(c.pb, at_port(port), &config, NULL);
    rest(&c);
    c.clock += 5000;
    const pb_call_options options = {.timeout = TIMEOUT};
    cr_assert_eq(pb_service_call_values(s, "hold", NULL, NULL, &options, on_answer,
                                        &c.client, NULL),
                 0);
    rest(&c);
    expect_timeout(&c);
    pb_service_stop(s, 0, NULL, NULL);
    rest(&c);
    pb_object_unref(c.root);
    pb_loop_unref(c.pb);
}

/* ---- While the program is away from the loop ---- */

/* Leaves the client's loop for so long that all its times pass. The server's goes on. */
static void go_away(struct clocked *client, struct clocked *server)
{
    rest(server);
    client->clock += 1000000;
}

/* A connection, the peer's version and an answer that arrived meanwhile are not late. */
PB_TEST(deadlines, of_what_arrived_while_away)
{
    struct clocked server, client;
    open_loop(&server);
    open_loop(&client);
    const pb_net_config at_server = {.session = {.root = server.root}};
    const pb_net_config at_client = config_of(&client.client);
    server.listens = pb_serve(server.pb, "127.0.0.1:0", &at_server, NULL);
    client.conn =
        pb_connect(client.pb, at_port(pb_server_port(server.listens)), &at_client, NULL);
    client.due = INT64_MAX;
    pb_loop_due(client.pb); /* half a turn: it connects, and does not wait */
    go_away(&client, &server);
    while (!pb_session_is_ready(pb_conn_session(client.conn))) {
        rest(&server);
        turn(&client);
        cr_assert_eq(client.client.closed, 0, "%s", client.client.why.text);
    }
    go_away(&client, &server); /* the server's version is still to be read */
    rest(&client);
    cr_assert_eq(client.client.closed, 0, "%s", client.client.why.text);
    cr_assert(pb_session_is_ready(pb_conn_session(client.conn)));
    call(&client, "echo", TIMEOUT);
    turn(&client);
    go_away(&client, &server);
    rest(&client);
    cr_assert_eq(client.client.answers, 1);
    cr_assert_eq(client.client.failures, 0);
    pb_conn_close(client.conn);
    pb_server_close(server.listens, NULL, NULL);
    rest(&client);
    rest(&server);
    pb_object_unref(client.root);
    pb_object_unref(server.root);
    seen_fini(&client.client);
    pb_loop_unref(client.pb);
    pb_loop_unref(server.pb);
}

/* ---- The connection's own times ---- */

static int work(void *self, pb_request *req)
{
    struct clocked *c = self;
    c->clock += WORK;
    return pb_request_answer_steal(req, pb_int(1));
}

static const pb_class working_class = {
    .name = "Working", .remote = (const pb_method[]){{"work", work}, {0}}};

/* The server calls a method of the client's, which works for longer than the timeout that
 * the client has for it. */
static void work_for_the_peer(struct clocked *c, pb_net_config client)
{
    open_both(c, client);
    pb_object *o = pb_object_new(&working_class, c);
    pb_session_set_name_for_local(pb_conn_session(c->conn), "root", o);
    pb_remote *root = pb_session_root(c->accepted);
    pb_remote_call(root, "work", on_answer, &c->server, NULL, "");
    rest(c);
    cr_assert_eq(c->server.answers, 1);
    cr_assert_eq(c->client.closed, 0, "%s", c->client.why.text);
    pb_remote_unref(root);
    pb_object_unref(o);
}

/* That was no idle time, which counts from then on. */
PB_TEST(deadlines, of_an_idle_connection)
{
    struct clocked c;
    work_for_the_peer(&c, (pb_net_config){.idle_timeout = TIMEOUT});
    later(&c, TIMEOUT - 1);
    cr_assert_eq(c.client.closed, 0);
    later(&c, 1);
    cr_assert_eq(c.client.closed, 1);
    cr_assert_eq(c.client.why.code, PB_ERR_TIMEOUT);
    close_both(&c);
}

/* Nor was the peer silent, which answers the ping when its time has come. */
PB_TEST(deadlines, of_a_ping)
{
    struct clocked c;
    work_for_the_peer(&c,
                      (pb_net_config){.ping_method = "echo", .ping_interval = TIMEOUT});
    for (int i = 0; i < 3; i++) {
        later(&c, TIMEOUT + WORK);
        cr_assert_eq(c.client.closed, 0, "%s", c.client.why.text);
    }
    close_both(&c);
}

/* The write timeout counts from when the bytes were to be sent, not from the beginning of
 * the turn. */
static void work_and_fill(pb_session *s, void *user_data)
{
    struct clocked *c = user_data;
    static char large[1 << 20];
    const pb_call_options untold = {.no_answer = true};
    pb_remote *root = pb_session_root(s);
    pb_value *args = pb_build(NULL, "(y#)", large, sizeof large / 2);
    c->clock += WORK;
    for (int i = 0; i < 32; i++) {
        pb_remote_call_values(root, "echo", args, NULL, &untold, NULL, NULL, NULL, NULL);
    }
    pb_value_unref(args);
    pb_remote_unref(root);
}

static void on_lost(pb_session *s, const pb_error *why, void *user_data)
{
    struct clocked *c = user_data;
    (void)s;
    c->client.closed++;
    c->client.why = *why;
}

PB_TEST(deadlines, of_a_write)
{
    struct clocked c;
    int port, listener = raw_listen(&port, 1);
    open_loop(&c);
    const pb_net_config config = {
        .session = {.on_ready = work_and_fill, .on_close = on_lost, .user_data = &c},
        .write_timeout = TIMEOUT};
    c.conn = pb_connect(c.pb, at_port(port), &config, NULL);
    rest(&c);
    int fd = accept(listener, NULL, NULL);
    cr_assert_eq(write(fd, "\x01\x80\x02\x82pb", 6), 6);
    rest(&c);
    cr_assert_eq(c.client.closed, 0, "%s", c.client.why.text);
    later(&c, TIMEOUT - 1);
    cr_assert_eq(c.client.closed, 0, "%s", c.client.why.text);
    for (int i = 0; i < 10 && !c.client.closed; i++) {
        later(&c, TIMEOUT); /* the system may have moved a little to the peer until now */
    }
    cr_assert_eq(c.client.closed, 1);
    cr_assert_eq(c.client.why.code, PB_ERR_TIMEOUT);
    rest(&c);
    close(fd);
    close(listener);
    pb_object_unref(c.root);
    pb_loop_unref(c.pb);
}
