/* SPDX-License-Identifier: MIT
 *
 * The rule for NULL in the blocking client: see tests/null.h. */
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "libpb/net/tests/peers.h"
#include "tests/null.h"

static pb_error err;

/* A server in a process of its own, and its endpoint. */
struct child {
    pid_t pid;
    char endpoint[32];
};

static void begin_child(struct child *c)
{
    int port, ports[2];
    cr_assert_eq(pipe(ports), 0);
    c->pid = fork();
    if (c->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* when the test ends, however it does */
        struct loop loop;
        struct seen seen = {0};
        begin_loop(&loop);
        const pb_net_config config = {.session.root = pb_object_new(&root_class, &seen)};
        port = pb_server_port(pb_serve(loop.pb, "127.0.0.1:0", &config, NULL));
        if (write(ports[1], &port, sizeof port) == sizeof port) {
            uv_run(&loop.uv, UV_RUN_DEFAULT);
        }
        _exit(1);
    }
    cr_assert_eq(read(ports[0], &port, sizeof port), sizeof port);
    snprintf(c->endpoint, sizeof c->endpoint, "127.0.0.1:%d", port);
}

static pb_client *begin(struct child *c)
{
    alarm(60);
    begin_child(c);
    pb_client *client = pb_client_open(c->endpoint, NULL, NULL);
    cr_assert_not_null(client);
    return client;
}

static void end(struct child *c, pb_client *client)
{
    pb_client_free(client);
    kill(c->pid, SIGKILL);
    waitpid(c->pid, NULL, 0);
}

PB_TEST(null, pb_client_open)
{
    static const pb_net_config config;
    GIVES(pb_client_open(NULL, &config, &err), NULL);
    TOLD_NULL(&err, "the endpoint");
    GIVES(pb_client_open("", NULL, &err), NULL);
    pb_error_clear(&err);
    GIVES(pb_client_open("", &config, NULL), NULL);
    GIVES(pb_client_open(NULL, NULL, NULL), NULL);
}

PB_TEST(null, pb_client_root)
{
    GIVES(pb_client_root(NULL), NULL);
}

PB_TEST(null, pb_client_login)
{
    struct child child;
    const pb_credentials who = {.username = "a", .password = "b"};
    pb_client *c = begin(&child);
    GIVES(pb_client_login(NULL, &who, pb_none(), &err), NULL);
    TOLD_NULL(&err, "the client");
    GIVES(pb_client_login(c, NULL, pb_none(), &err), NULL);
    TOLD_NULL(&err, "the user to log in");
    GIVES(pb_client_login(c, &who, NULL, &err), NULL);
    GIVES(err.code, PB_ERR_REMOTE); /* there is no login there */
    pb_error_clear(&err);
    GIVES(pb_client_login(c, &who, pb_none(), NULL), NULL);
    GIVES(pb_client_login(NULL, NULL, NULL, NULL), NULL);
    end(&child, c);
}

PB_TEST(null, pb_client_login_value)
{
    struct child child;
    const pb_credentials who = {.username = "a", .password = "b"};
    pb_client *c = begin(&child);
    GIVES(pb_client_login_value(NULL, &who, pb_none(), &err), NULL);
    TOLD_NULL(&err, "the client");
    GIVES(pb_client_login_value(c, NULL, pb_none(), &err), NULL);
    TOLD_NULL(&err, "the user to log in");
    GIVES(pb_client_login_value(c, &who, NULL, NULL), NULL);
    GIVES(pb_client_login_value(NULL, NULL, NULL, NULL), NULL);
    end(&child, c);
}

PB_TEST(null, pb_client_set_timeout)
{
    struct child child;
    pb_client_set_timeout(NULL, 1);
    pb_client *c = begin(&child);
    static const int64_t timeouts[] = {INT64_MAX, INT64_MIN, 0};
    for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
        pb_client_set_timeout(c, timeouts[i]);
        GIVES(pb_client_call(c, pb_client_root(c), "echo", NULL, "i", 1), pb_int(1));
    }
    end(&child, c);
}

PB_TEST(null, pb_client_call)
{
    struct child child;
    pb_client *c = begin(&child);
    pb_remote *root = pb_client_root(c);
    GIVES(pb_client_call(NULL, root, "echo", &err, "N", pb_list()), NULL);
    TOLD_NULL(&err, "the client");
    GIVES(pb_client_call(c, NULL, "echo", &err, "N", pb_list()), NULL);
    TOLD_NULL(&err, "the reference to call");
    GIVES(pb_client_call(c, root, NULL, &err, "N", pb_list()), NULL);
    TOLD_NULL(&err, "the method to call");
    GIVES(pb_client_call(c, root, "echo", NULL, "i", 1), pb_int(1));
    GIVES(pb_client_call(c, root, "echo", &err, NULL), NULL);
    TOLD_NULL(&err, "the format");
    GIVES(pb_client_call(NULL, NULL, NULL, NULL, NULL), NULL);
    GIVES(pb_client_call(NULL, NULL, NULL, &err, "N", pb_list()), NULL);
    TOLD_NULL(&err, "the client");
    end(&child, c);
}

PB_TEST(null, pb_client_call_values)
{
    struct child child;
    pb_client *c = begin(&child);
    pb_remote *root = pb_client_root(c);
    pb_value *args = pb_build(NULL, "(i)", 1), *kwargs = pb_dict();
    GIVES(pb_client_call_values(NULL, root, "echo", args, kwargs, &err), NULL);
    TOLD_NULL(&err, "the client");
    GIVES(pb_client_call_values(c, NULL, "echo", args, kwargs, &err), NULL);
    TOLD_NULL(&err, "the reference to call");
    GIVES(pb_client_call_values(c, root, NULL, args, kwargs, &err), NULL);
    TOLD_NULL(&err, "the method to call");
    GIVES(pb_client_call_values(c, root, "echo", NULL, kwargs, &err), NULL);
    GIVES(err.code, PB_ERR_REMOTE); /* without arguments it is a TypeError */
    pb_error_clear(&err);
    GIVES(pb_client_call_values(c, root, "echo", args, NULL, &err), pb_int(1));
    GIVES(pb_client_call_values(c, root, "echo", args, kwargs, NULL), pb_int(1));
    GIVES(pb_client_call_values(NULL, NULL, NULL, NULL, NULL, NULL), NULL);
    pb_value_unref(args);
    pb_value_unref(kwargs);
    end(&child, c);
}

PB_TEST(null, pb_client_wait)
{
    struct child child;
    GIVES(pb_client_wait(NULL, 1), PB_ERR_ARG);
    pb_client *c = begin(&child);
    GIVES(pb_client_wait(c, INT64_MIN), 0);
    GIVES(pb_client_wait(c, 0), 0);
    end(&child, c);
}

PB_TEST(null, pb_client_failure)
{
    GIVES(pb_client_failure(NULL), NULL);
}

PB_TEST(null, pb_client_session)
{
    GIVES(pb_client_session(NULL), NULL);
}

PB_TEST(null, pb_client_free)
{
    pb_client_free(NULL);
}
