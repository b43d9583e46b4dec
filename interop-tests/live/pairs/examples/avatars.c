/* SPDX-License-Identifier: MIT
 *
 * Avatars, as in Twisted's pbecho, pbbench and pb_exceptions. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/live/pairs/pair.h"

/* ---- pbecho ---- */

static int echo_avatar_echo(void *self, pb_request *req)
{
    (void)self;
    const char *text;
    int e = pb_request_unpack(req, "s", &text);
    if (e) {
        return e;
    }
    printf("echoing %s\n", text);
    return pb_request_answer_steal(req, pb_str(text));
}

static int echo_avatar_error(void *self, pb_request *req)
{
    (void)self;
    return pb_request_fail(req, "pbecho.DefinedError twisted.spread.pb.Error",
                           "exception!");
}

static const pb_class echo_avatar_class = {
    .name = "Echo",
    .perspective = (const pb_method[]){{"echo", echo_avatar_echo},
                                       {"error", echo_avatar_error},
                                       {0}},
};

static void run_pbecho(struct test_client *t)
{
    pb_remote *guest = log_in_steal(t, "guest", "guest", NULL);
    print_answer_steal(
        t, "echo", pb_client_call(t->client, guest, "echo", &t->err, "s", "hello world"));
    print_answer_steal(t, "error",
                       pb_client_call(t->client, guest, "error", &t->err, ""));
    pb_remote_unref(guest);
}

/* ---- pbbench ---- */

static int bench_avatar_simple(void *self, pb_request *req)
{
    (void)req;
    ++*(int *)self;
    return 0;
}

static int bench_avatar_complex_types(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req, pb_value_parse("['a', 1, 1, 1.0, [], ()]", NULL));
}

static const pb_class bench_avatar_class = {
    .name = "Bench",
    .perspective = (const pb_method[]){{"simple", bench_avatar_simple},
                                       {"complexTypes", bench_avatar_complex_types},
                                       {0}},
    .destroy = free,
};

static void bench_avatar_logout(void *user_data)
{
    printf("simple was called %d times\n", *(int *)pb_object_self(user_data));
    pb_object_unref(user_data);
}

static void run_pbbench(struct test_client *t)
{
    pb_remote *benchmark = log_in_steal(t, "benchmark", "benchmark", NULL);
    pb_value *both = NULL;
    for (int i = 0; i < 200; i++) {
        pb_value_unref(both);
        pb_value *one = pb_client_call(t->client, benchmark, "simple", &t->err, "");
        pb_value *two = pb_client_call(t->client, benchmark, "complexTypes", &t->err, "");
        both = pb_build(NULL, "[NN]", one, two);
    }
    print_value("the last answers:", both);
    pb_value_unref(both);
    pb_remote_unref(benchmark);
}

/* ---- pb_exceptions ---- */

static int exception_avatar_raise(void *self, pb_request *req)
{
    (void)self;
    return pb_request_fail(req, "builtins.ZeroDivisionError", "division by zero");
}

static const pb_class exception_avatar_class = {
    .name = "Avatar",
    .perspective = (const pb_method[]){{"exception", exception_avatar_raise}, {0}},
};

static void run_pb_exceptions(struct test_client *t)
{
    pb_remote *avatar = log_in_steal(t, "user", "pass", NULL);
    pb_value_unref(pb_client_call(t->client, avatar, "exception", &t->err, "i", 10));
    const pb_failure *f = pb_client_failure(t->client);
    if (f) {
        bool full = strstr(pb_failure_traceback(f), "Traceback (most recent call last)");
        printf("failed: %s: %s\n", pb_failure_type(f), pb_failure_text(f));
        printf("traceback: %s\n", python_bool(full));
    }
    t->err = (pb_error){0};
    pb_remote_unref(avatar);
}

/* ---- The servers ---- */

static int avatars_realm(pb_attempt *a, void *user_data)
{
    char *id = attempt_name(a);
    (void)user_data;
    pb_object *avatar = strcmp(id, "benchmark") == 0
                            ? pb_object_new(&bench_avatar_class, calloc(1, sizeof(int)))
                        : strcmp(id, "guest") == 0
                            ? pb_object_new(&echo_avatar_class, NULL)
                            : pb_object_new(&exception_avatar_class, NULL);
    free(id);
    if (pb_object_class(avatar) == &bench_avatar_class) {
        return pb_attempt_grant(a, avatar, bench_avatar_logout, avatar);
    }
    int e = pb_attempt_grant(a, avatar, NULL, NULL);
    pb_object_unref(avatar);
    return e;
}

static void serve_avatars(pb_net_config *config)
{
    static const struct account accounts[] = {
        {"guest", "guest"}, {"benchmark", "benchmark"}, {"user", "pass"}, {0}};
    serve_portal(config, avatars_realm, NULL, accounts, false);
}

static void serve_exceptions(pb_net_config *config)
{
    serve_avatars(config);
    config->session.unsafe_tracebacks = true;
}

const struct pair pairs_avatars[] = {
    {"pbecho", serve_avatars, run_pbecho, NULL},
    {"pbbench", serve_avatars, run_pbbench, NULL},
    {"pb_exceptions", serve_exceptions, run_pb_exceptions, NULL},
    {0},
};
