/* SPDX-License-Identifier: MIT
 *
 * Logins, as in Twisted's pb5, pb6, pb7 and pbAnon: with a password, several users
 * over one connection, anonymous logins, and rejected ones. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>

/* ---- The server ---- */

static int perspective_foo(void *self, pb_request *req)
{
    int arg;
    int e = pb_request_unpack(req, "i", &arg);
    if (e == 0) {
        printf("%s was told to foo %d\n", (const char *)self, arg);
    }
    return e;
}

static const pb_class perspective_class = {
    .name = "Perspective",
    .perspective = (const pb_method[]){{"foo", perspective_foo}, {0}},
    .destroy = free,
};

static void perspective_logout(void *user_data)
{
    printf("%s logs out\n", (const char *)pb_object_self(user_data));
    pb_object_unref(user_data);
}

static int logins_realm(pb_attempt *a, void *user_data)
{
    (void)user_data;
    char *name = attempt_name(a);
    printf("%s logs in\n", name);
    pb_object *avatar = pb_object_new(&perspective_class, name);
    return pb_attempt_grant(a, avatar, perspective_logout, avatar);
}

static const struct account accounts[] = {{"user1", "pass1"}, {"user2", "pass2"}, {0}};

static void serve_logins(pb_net_config *config)
{
    serve_portal(config, logins_realm, NULL, accounts, false);
}

static void serve_anonymous_logins(pb_net_config *config)
{
    serve_portal(config, logins_realm, NULL, accounts, true);
}

/* ---- The clients ---- */

static void print_foo(struct test_client *t, pb_remote *perspective, int number)
{
    print_answer_steal(
        t, "foo", pb_client_call(t->client, perspective, "foo", &t->err, "i", number));
}

/* Logs in, and calls the perspective. */
static void run_login(struct test_client *t, const char *name, const char *password,
                      int number)
{
    pb_remote *perspective = log_in_steal(t, name, password, NULL);
    printf("got %s\n", perspective ? "a reference" : "nothing");
    print_foo(t, perspective, number);
    pb_remote_unref(perspective);
}

static void run_pb5(struct test_client *t)
{
    run_login(t, "user1", "pass1", 12);
}

static void run_pb6_1(struct test_client *t)
{
    run_login(t, "user1", "pass1", 13);
}

static void run_pb6_2(struct test_client *t)
{
    run_login(t, "user2", "pass2", 14);
}

static void run_pb7(struct test_client *t)
{
    pb_remote *first = log_in_steal(t, "user1", "pass1", NULL);
    print_foo(t, first, 10);
    print_login_steal(t, "login", log_in_steal(t, "user1", "pass2", NULL));
    print_login_steal(t, "login", log_in_steal(t, "user3", "pass3", NULL));
    print_login_steal(t, "login", log_in_steal(t, "", "", NULL));
    print_login_steal(t, "login", log_in_steal(t, NULL, NULL, NULL));
    pb_remote *second = log_in_steal(t, "user2", "pass2", NULL);
    print_foo(t, second, 11);
    print_foo(t, first, 12);
    print_answer_steal(t, "bar", pb_client_call(t->client, first, "bar", &t->err, ""));
    pb_remote_unref(first);
    pb_remote_unref(second);
}

static void run_pb_anon(struct test_client *t)
{
    pb_remote *nobody = log_in_steal(t, NULL, NULL, NULL);
    pb_remote *user1 = log_in_steal(t, "user1", "pass1", NULL);
    print_foo(t, nobody, 13);
    print_foo(t, user1, 13);
    pb_remote_unref(nobody);
    pb_remote_unref(user1);
}

const struct pair pairs_logins[] = {
    {"pb5", serve_logins, run_pb5, NULL},
    {"pb6-1", serve_logins, run_pb6_1, NULL},
    {"pb6-2", serve_logins, run_pb6_2, NULL},
    {"pb7", serve_logins, run_pb7, NULL},
    {"pbAnon", serve_anonymous_logins, run_pb_anon, NULL},
    {0},
};
