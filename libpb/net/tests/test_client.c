/* SPDX-License-Identifier: MIT
 *
 * The blocking client, against a server in a process of its own. */
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "libpb/broker/failures.h"
#include "libpb/net/tests/peers.h"
#include "pb/flavors.h"

/* A server that runs in a child. */
struct child {
    pid_t pid;
    int events; /* a byte for each object of give that is given back */
    char endpoint[32];
};

/* The child's own. */
struct service {
    struct seen seen; /* first, for the methods of root_class */
    int events;
    struct loop *loop;
};

static void given_back(void *self)
{
    struct service *s = self;
    cr_assert_eq(write(s->events, "x", 1), 1);
}

static const pb_class given_class = {.name = "Given",
                                     .remote = (const pb_method[]){{"echo", echo}, {0}},
                                     .destroy = given_back};

static int give(void *self, pb_request *req)
{
    return pb_request_answer_steal(
        req, pb_object_value_steal(pb_object_new(&given_class, self)));
}

static int fail_by_copy(void *self, pb_request *req)
{
    static const pb_class sold_out = {.name = "shop.SoldOut",
                                      .flavor = PB_FLAVOR_COPYABLE};
    pb_value *v = pb_object_value_steal(pb_object_new(&sold_out, self));
    pb_failure *f = pb__failure_received(v);
    int e = pb_request_fail_with(req, f);
    pb_failure_unref(f);
    pb_value_unref(v);
    return e;
}

static int hang_up(void *self, pb_request *req)
{
    (void)self;
    pb_session_close(pb_request_session(req));
    return 0;
}

static void on_slow(uv_timer_t *timer)
{
    struct service *s = timer->data;
    (void)pb_request_answer_steal(s->seen.held, pb_str("at last"));
}

static int slow(void *self, pb_request *req)
{
    struct service *s = self;
    static uv_timer_t timer;
    s->seen.held = pb_request_ref(req);
    uv_timer_init(&s->loop->uv, &timer);
    timer.data = s;
    return uv_timer_start(&timer, on_slow, 100, 0);
}

static int keyword(void *self, pb_request *req)
{
    (void)self;
    pb_value *v = pb_dict_get(pb_request_kwargs(req), "name");
    return pb_request_answer_steal(req, pb_value_ref(v));
}

/* An avatar for a mind that is None, nothing for ever for one that is 0, else the
 * mind. */
static int log_in_anonymous(void *self, pb_request *req)
{
    pb_value *mind = pb_item(pb_request_args(req), 0);
    return mind == pb_none()   ? give(self, req)
           : mind == pb_int(0) ? hold(self, req)
                               : pb_request_answer_steal(req, pb_value_ref(mind));
}

static const pb_class service_class = {
    .name = "Service",
    .remote = (const pb_method[]){{"echo", echo},
                                  {"boom", boom},
                                  {"hold", hold},
                                  {"give", give},
                                  {"slow", slow},
                                  {"fail_by_copy", fail_by_copy},
                                  {"hang_up", hang_up},
                                  {"keyword", keyword},
                                  {"loginAnonymous", log_in_anonymous},
                                  {0}}};

static void serve(int port_to, int events)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* when the test ends, however it does */
    struct loop loop;
    struct service service = {.events = events, .loop = &loop};
    begin_loop(&loop);
    const pb_net_config config = {.session.root =
                                      pb_object_new(&service_class, &service)};
    int port = pb_server_port(pb_serve(loop.pb, "127.0.0.1:0", &config, NULL));
    if (write(port_to, &port, sizeof port) == sizeof port) {
        uv_run(&loop.uv, UV_RUN_DEFAULT);
    }
    _exit(1);
}

static void begin_child(struct child *c)
{
    int port, ports[2], events[2];
    alarm(60);
    cr_assert(pipe(ports) == 0 && pipe(events) == 0);
    c->pid = fork();
    if (c->pid == 0) {
        serve(ports[1], events[1]);
    }
    cr_assert_eq(read(ports[0], &port, sizeof port), sizeof port);
    snprintf(c->endpoint, sizeof c->endpoint, "127.0.0.1:%d", port);
    c->events = events[0];
}

static void end_child(struct child *c)
{
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
}

static pb_client *open_client(const struct child *c)
{
    pb_error err = {0};
    pb_client *client = pb_client_open(c->endpoint, NULL, &err);
    cr_assert(client, "%s", err.text);
    return client;
}

PB_TEST(client, calls)
{
    struct child child;
    begin_child(&child);
    pb_client *client = open_client(&child);
    pb_remote *root = pb_client_root(client);
    pb_error err = {0};
    const char *text;
    pb_value *v = pb_client_call(client, root, "echo", &err, "s", "hello");
    cr_assert(v && pb_unpack(v, NULL, "s", &text) == 0, "%s", err.text);
    cr_assert_str_eq(text, "hello");
    pb_value_unref(v);

    pb_value *kwargs = pb_build(NULL, "{s:i}", "name", 5);
    v = pb_client_call_values(client, root, "keyword", NULL, kwargs, &err);
    int i;
    cr_assert(v && pb_unpack(v, NULL, "i", &i) == 0 && i == 5, "%s", err.text);
    pb_value_unref(v);
    pb_value_unref(kwargs);

    v = pb_client_call(client, root, "keyword", &err, "s, name=i", "positional", 6);
    cr_assert(v && pb_unpack(v, NULL, "i", &i) == 0 && i == 6, "%s", err.text);
    pb_value_unref(v);
    pb_error refused = {0};
    cr_assert_null(
        pb_client_call(client, root, "keyword", &refused, "a=N, a=i", pb_list(), 1));
    cr_assert_eq(refused.code, PB_ERR_ARG);
    cr_assert_str_eq(refused.text, "keyword argument repeated: a");

    v = pb_client_call(client, root, "give", &err, "");
    pb_value *back = pb_client_call(client, pb_as_remote(v), "echo", &err, "O", v);
    cr_assert(v && back && pb_value_equal(v, back), "%s", err.text);
    cr_assert_null(pb_client_failure(client));
    cr_assert(pb_session_is_ready(pb_client_session(client)));
    pb_value_unref(v);
    pb_value_unref(back);
    pb_client_free(client);
    end_child(&child);
}

static pb_client *to_free;

static void free_client(void *self)
{
    (void)self;
    pb_client_free(to_free);
    to_free = NULL;
}

/* The failure of a call is freed by the next call, and with it an object whose destroy
 * frees the client. */
static void frees_with_the_failure(const char *method, pb_client *of_reference)
{
    static const pb_class sold_out = {
        .name = "SoldOut", .flavor = PB_FLAVOR_COPYABLE, .destroy = free_client};
    struct child child;
    begin_child(&child);
    pb_registry *g = pb_registry_new();
    cr_assert_eq(pb_registry_set_class(g, "shop.SoldOut", &sold_out), 0);
    const pb_net_config config = {.session.registry = g};
    pb_error err = {0};
    to_free = pb_client_open(child.endpoint, &config, &err);
    pb_client *client = to_free, *other = of_reference ? of_reference : client;
    pb_registry_unref(g);
    cr_assert_null(
        pb_client_call(client, pb_client_root(client), "fail_by_copy", &err, ""));
    cr_assert(pb_client_failure(client));
    pb_error_clear(&err);
    cr_assert_null(pb_client_call(client, pb_client_root(other), method, &err, ""));
    cr_assert(err.code);
    cr_assert_null(to_free);
    end_child(&child);
}

PB_TEST(client, is_freed_with_a_failure)
{
    frees_with_the_failure("echo", NULL);
    frees_with_the_failure("no method \xff", NULL);
}

PB_TEST(client, is_freed_with_a_failure_by_a_wrong_call)
{
    struct child child;
    begin_child(&child);
    pb_client *other = open_client(&child);
    frees_with_the_failure("echo", other);
    pb_client_free(other);
    end_child(&child);
}

PB_TEST(client, logs_in)
{
    struct child child;
    begin_child(&child);
    pb_client *client = open_client(&child);
    const pb_credentials nobody = {.anonymous = true};
    const pb_credentials alice = {.username = "alice", .password = "sesame"};
    pb_error err = {0};
    pb_remote *avatar = pb_client_login(client, &nobody, NULL, &err);
    cr_assert(avatar, "%s", err.text);
    pb_value *v = pb_client_call(client, avatar, "echo", &err, "i", 5);
    cr_assert_eq(v, pb_int(5), "%s", err.text);
    pb_remote_unref(avatar);

    cr_assert_null(pb_client_login(client, &alice, NULL, &err));
    cr_assert_eq(err.code, PB_ERR_REMOTE);
    cr_assert_str_eq(err.text, "twisted.spread.flavors.NoSuchMethod: "
                               "No such method: remote_login");

    err = (pb_error){0};
    cr_assert_null(pb_client_login(client, &nobody, pb_int(7), &err));
    cr_assert_eq(err.code, PB_ERR_TYPE);
    cr_assert_str_eq(err.text, "the avatar is int, which has no methods");

    err = (pb_error){0};
    pb_client_set_timeout(client, 20);
    cr_assert_null(pb_client_login(client, &nobody, pb_int(0), &err));
    cr_assert_eq(err.code, PB_ERR_TIMEOUT);

    err = (pb_error){0};
    cr_assert_null(pb_client_login(client, NULL, NULL, &err));
    cr_assert_str_eq(err.text, "the user to log in is NULL");
    err = (pb_error){0};
    cr_assert_null(pb_client_login(NULL, &nobody, NULL, &err));
    cr_assert_str_eq(err.text, "the client is NULL");
    cr_assert_eq(err.code, PB_ERR_ARG);

    err = (pb_error){0};
    pb_value_unref(pb_client_call(client, pb_client_root(client), "hang_up", &err, ""));
    err = (pb_error){0};
    cr_assert_null(pb_client_login(client, &nobody, NULL, &err));
    cr_assert_eq(err.code, PB_ERR_LOST, "%s", err.text);
    pb_client_free(client);
    end_child(&child);
}

/* A service may answer with another value than an avatar. */
PB_TEST(client, logs_in_and_gets_a_value)
{
    struct child child;
    begin_child(&child);
    pb_client *client = open_client(&child);
    const pb_credentials nobody = {.anonymous = true};
    const pb_credentials alice = {.username = "alice", .password = "sesame"};
    pb_error err = {0};
    pb_value *v = pb_client_login_value(client, &nobody, pb_int(7), &err);
    cr_assert_eq(v, pb_int(7), "%s", err.text);
    v = pb_client_login_value(client, &nobody, NULL, &err);
    cr_assert(v && pb_as_remote(v), "%s", err.text);
    pb_value_unref(v);
    cr_assert_null(pb_client_login_value(client, &alice, NULL, &err));
    cr_assert_eq(err.code, PB_ERR_REMOTE);
    pb_client_free(client);
    end_child(&child);
}

PB_TEST(client, failures)
{
    struct child child;
    begin_child(&child);
    pb_client *client = open_client(&child);
    pb_remote *root = pb_client_root(client);

    pb_error err = {0};
    cr_assert_null(pb_client_call(client, root, "boom", &err, ""));
    cr_assert_eq(err.code, PB_ERR_REMOTE);
    cr_assert_str_eq(err.text, "builtins.ValueError: boom");
    cr_assert_str_eq(pb_failure_type(pb_client_failure(client)), "builtins.ValueError");
    cr_assert(pb_failure_check(pb_client_failure(client), "builtins.Exception"));

    err = (pb_error){0};
    cr_assert_null(pb_client_call(client, root, "echo", &err, "("));
    cr_assert_eq(err.code, PB_ERR_ARG);

    err = (pb_error){0};
    pb_value *huge =
        pb_int_text("1000000000000000000000000000000000000000000000000000000000"
                    "00000000000000000000000000000000000000000000000000000000000"
                    "0000000000000000000000000000",
                    NULL);
    cr_assert_null(pb_client_call(client, root, "echo", &err, "N", huge));
    cr_assert_eq(err.code, PB_ERR_LIMIT);
    cr_assert_null(pb_client_failure(client));

    err = (pb_error){0};
    pb_client_set_timeout(client, 20);
    cr_assert_null(pb_client_call(client, root, "hold", &err, ""));
    cr_assert_eq(err.code, PB_ERR_TIMEOUT);
    cr_assert_str_eq(err.text, "the call was not answered in time");
    pb_client_set_timeout(client, 0);

    err = (pb_error){0};
    pb_client *other = open_client(&child);
    cr_assert_null(pb_client_call(other, root, "echo", &err, "i", 1));
    cr_assert_eq(err.code, PB_ERR_ARG);
    cr_assert_str_eq(err.text, "the reference belongs to another connection");
    pb_client_free(other);

    pb_client_free(client);
    end_child(&child);
}

/* The first error stays, and nothing crashes that comes after. */
PB_TEST(client, without_a_connection)
{
    pb_error err = {0};
    pb_client *client = pb_client_open("unix:/nowhere/at/all", NULL, &err);
    pb_value *v = pb_client_call(client, pb_client_root(client), "echo", &err, "i", 1);
    cr_assert_null(v);
    cr_assert_null(pb_client_failure(client));
    cr_assert_eq(err.code, PB_ERR_SYSTEM);
    cr_assert_str_eq(err.text,
                     "cannot connect to unix:/nowhere/at/all: no such file or directory");
    pb_client_free(client);

    err = (pb_error){0};
    cr_assert_null(pb_client_call(NULL, NULL, "echo", &err, ""));
    cr_assert_eq(err.code, PB_ERR_ARG);
    cr_assert_str_eq(err.text, "the client is NULL");

    err = (pb_error){0};
    cr_assert_null(pb_client_open("tcp:a", NULL, &err));
    cr_assert_eq(err.code, PB_ERR_SYNTAX);
}

PB_TEST(client, no_reference)
{
    struct child child;
    begin_child(&child);
    pb_client *client = open_client(&child);
    pb_error err = {0};
    pb_value *five = pb_int(5);
    cr_assert_null(pb_client_call(client, pb_as_remote(five), "echo", &err, "i", 1));
    cr_assert_eq(err.code, PB_ERR_ARG);
    cr_assert_str_eq(err.text, "the reference to call is NULL");
    pb_client_free(client);
    end_child(&child);
}

/* The peer goes: the call that waits fails, and those after it; no signal kills us. */
PB_TEST(client, peer_that_goes)
{
    struct child child;
    begin_child(&child);
    pb_client *client = open_client(&child);
    pb_remote *root = pb_client_root(client);
    pb_error err = {0};
    pb_value *kept = pb_client_call(client, root, "give", &err, "");
    cr_assert_null(pb_client_call(client, root, "hang_up", &err, ""));
    cr_assert_eq(err.code, PB_ERR_LOST);
    cr_assert_str_eq(err.text, "the peer closed the connection");
    for (int i = 0; i < 2; i++) {
        err = (pb_error){0};
        cr_assert_null(pb_client_call(client, root, "echo", &err, "i", 1));
        cr_assert_eq(err.code, PB_ERR_DEAD);
    }
    pb_client_free(client);

    client = open_client(&child);
    end_child(&child);
    err = (pb_error){0};
    cr_assert_null(pb_client_call(client, pb_client_root(client), "echo", &err, "i", 1));
    cr_assert_eq(err.code, PB_ERR_LOST, "%s", err.text);
    cr_assert_null(pb_client_session(client));
    pb_client_free(client);
    pb_value_unref(kept);
}

/* A reference goes home the moment it is dropped, though nothing is called. */
PB_TEST(client, decref_at_once)
{
    struct child child;
    begin_child(&child);
    pb_client *client = open_client(&child);
    pb_value *v = pb_client_call(client, pb_client_root(client), "give", NULL, "");
    struct pollfd events = {.fd = child.events, .events = POLLIN};
    cr_assert_eq(poll(&events, 1, 0), 0);
    pb_value_unref(v);
    cr_assert_eq(poll(&events, 1, 10000), 1);
    pb_client_free(client);
    end_child(&child);
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number;
    signals++;
}

/* Signals break into a call's waiting, with system calls begun again and without. */
static void interrupt(int flags)
{
    struct child child;
    begin_child(&child);
    const struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    pb_client *client = open_client(&child);
    pb_error err = {0};
    signals = 0;
    pb_value *v = pb_client_call(client, pb_client_root(client), "slow", &err, "");
    cr_assert_gt(signals, 1);
    cr_assert(v, "%s", err.text);
    pb_client_set_timeout(client, 50);
    cr_assert_null(pb_client_call(client, pb_client_root(client), "hold", &err, ""));
    cr_assert_eq(err.code, PB_ERR_TIMEOUT, "%s", err.text);
    setitimer(ITIMER_REAL, &never, NULL);
    pb_value_unref(v);
    pb_client_free(client);
    end_child(&child);
}

PB_TEST(client, interrupted)
{
    interrupt(0);
}

PB_TEST(client, interrupted_with_restart)
{
    interrupt(SA_RESTART);
}

/* A peer that only takes the connection: its socket, and its port in *port. */
static int negotiate(int *port, pb_client **client)
{
    int listener = raw_listen(port, 1);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = accept(listener, NULL, NULL);
        char heard[64];
        bool said = write(fd, "\x01\x80\x04\x82none", 8) == 8;
        _exit(said && read(fd, heard, sizeof heard) > 0 ? 0 : 1);
    }
    pb_error err = {0};
    int status;
    *client = pb_client_open(at_port(*port), NULL, &err);
    cr_assert(*client, "%s", err.text);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0, "%x", (unsigned)status);
    return listener;
}

/* Writing to a peer that has gone fails without a signal. */
PB_TEST(client, no_signal_of_a_broken_pipe)
{
    const struct sigaction action = {.sa_handler = on_signal};
    int port;
    pb_client *client;
    sigaction(SIGPIPE, &action, NULL);
    alarm(60);
    int listener = negotiate(&port, &client);
    struct sigaction now;
    pb_remote *root = pb_client_root(client);
    const pb_call_options untold = {.no_answer = true};
    for (int i = 0; i < 3; i++) { /* the first is answered by a reset */
        (void)pb_remote_call_values(root, "echo", NULL, NULL, &untold, NULL, NULL, NULL,
                                    NULL);
    }
    cr_assert_eq(pb_client_wait(client, 10000), PB_ERR_LOST);
    cr_assert_eq(signals, 0);
    cr_assert(sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == on_signal,
              "what the program does with the signal is its own affair");
    pb_client_free(client);
    close(listener);
}

/* Peers that say nothing: one that does not even take the connection, one that does, and
 * one that has negotiated. */
PB_TEST(client, silent_peers)
{
    int port, fds[8], listener = raw_listen(&port, 0);
    struct sockaddr_in to = loopback(port);
    pb_error err = {0};
    alarm(60);
    for (int i = 0; i < 8; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fds[i], (struct sockaddr *)&to, sizeof to);
    }
    const pb_net_config impatient = {.connect_timeout = 30,
                                     .session.negotiation_timeout = 30};
    cr_assert_null(pb_client_open(at_port(port), &impatient, &err));
    cr_assert_eq(err.code, PB_ERR_TIMEOUT);
    cr_assert_not_null(strstr(err.text, "within 30 milliseconds"), "%s", err.text);
    for (int i = 0; i < 8; i++) {
        close(fds[i]);
    }
    close(listener);

    listener = raw_listen(&port, 1);
    err = (pb_error){0};
    cr_assert_null(pb_client_open(at_port(port), &impatient, &err));
    cr_assert_eq(err.code, PB_ERR_TIMEOUT);
    cr_assert_str_eq(err.text, "the peer did not negotiate in time");
    close(listener);

    struct child child;
    begin_child(&child);
    pb_client *client = open_client(&child);
    kill(child.pid, SIGSTOP);
    pb_client_set_timeout(client, 30);
    const pb_credentials alice = {.username = "alice", .password = "sesame"};
    err = (pb_error){0};
    cr_assert_null(pb_client_login(client, &alice, NULL, &err));
    cr_assert_eq(err.code, PB_ERR_TIMEOUT);
    err = (pb_error){0};
    pb_client_set_timeout(client, 1); /* which can pass at any step of the loop */
    for (int i = 0; i < 200; i++) {
        err = (pb_error){0};
        cr_assert_null(
            pb_client_call(client, pb_client_root(client), "echo", &err, "i", 1));
        cr_assert_eq(err.code, PB_ERR_TIMEOUT);
    }
    pb_client_free(client);
    end_child(&child);
}

static int converse(void *user_data)
{
    const struct child *child = user_data;
    pb_error err = {0};
    pb_client *client = pb_client_open(child->endpoint, NULL, &err);
    pb_value *v = pb_client_call(client, pb_client_root(client), "give", &err, "");
    pb_value *w = pb_client_call(client, pb_as_remote(v), "echo", &err, "O", v);
    bool well = w != NULL;
    pb_value_unref(v);
    pb_value_unref(w);
    const pb_credentials nobody = {.anonymous = true};
    pb_value *mind =
        well ? pb_client_login_value(client, &nobody, pb_int(7), &err) : NULL;
    well = mind == pb_int(7);
    pb_client_free(client);
    cr_assert_eq(err.code == 0, well, "%s", err.text);
    return well ? 0 : err.code;
}

PB_TEST(client, memory)
{
    struct child child;
    begin_child(&child);
    pb__test_each_failure(converse, &child);
    end_child(&child);
}

static void on_called(pb_value *result, pb_failure *failure, void *user_data)
{
    int *answers = user_data;
    (void)failure;
    *answers += result != NULL;
}

PB_TEST(client, waits)
{
    struct child child;
    begin_child(&child);
    pb_client *client = open_client(&child);
    pb_remote *root = pb_client_root(client);
    int answers = 0;
    cr_assert_eq(pb_remote_call(root, "slow", on_called, &answers, NULL, ""), 0);
    for (int i = 0; i < 3; i++) { /* also where nothing comes */
        cr_assert_eq(pb_client_wait(client, 0), 0);
    }
    cr_assert_eq(answers, 0);
    while (answers == 0) {
        cr_assert_eq(pb_client_wait(client, 10), 0);
    }
    cr_assert_eq(pb_remote_call(root, "hang_up", on_called, &answers, NULL, ""), 0);
    cr_assert_eq(pb_client_wait(client, 60000), PB_ERR_LOST);
    cr_assert_eq(pb_client_wait(client, 60000), PB_ERR_LOST);
    cr_assert_eq(answers, 1);
    pb_client_free(client);
    end_child(&child);
}
