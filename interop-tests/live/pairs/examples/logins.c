/* SPDX-License-Identifier: MIT
 *
 * Logins, as in Twisted's pb5, pb6, pb7 and pbAnon: with a password, as several users
 * over one connection, anonymously, and not at all. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>

/* ---- The server ---- */

static int do_foo(void *self, pb_request *req)
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
    .perspective = (const pb_method[]){{"foo", do_foo}, {0}},
    .destroy = free,
};

static void logout(void *user_data)
{
    printf("%s logs out\n", (const char *)pb_object_self(user_data));
    pb_object_unref(user_data);
}

static int realm(pb_attempt *a, void *user_data)
{
    (void)user_data;
    char *name = id_of(a);
    printf("%s logs in\n", name);
    pb_object *avatar = pb_object_new(&perspective_class, name);
    return pb_attempt_grant(a, avatar, logout, avatar);
}

static const struct account accounts[] = {{"user1", "pass1"}, {"user2", "pass2"}, {0}};

static void serve_users(pb_net_config *config)
{
    serve_portal(config, realm, NULL, accounts, false);
}

static void serve_anybody(pb_net_config *config)
{
    serve_portal(config, realm, NULL, accounts, true);
}

/* ---- The clients ---- */

static void tell_foo(struct talk *t, pb_remote *perspective, int number)
{
    tell(t, "foo", pb_client_call(t->client, perspective, "foo", &t->err, "i", number));
}

static void as(struct talk *t, const char *name, const char *password, int number)
{
    pb_remote *perspective = log_in(t, name, password, NULL);
    printf("got %s\n", perspective ? "a reference" : "nothing");
    tell_foo(t, perspective, number);
    pb_remote_unref(perspective);
}

static void pb5(struct talk *t)
{
    as(t, "user1", "pass1", 12);
}

static void pb6_1(struct talk *t)
{
    as(t, "user1", "pass1", 13);
}

static void pb6_2(struct talk *t)
{
    as(t, "user2", "pass2", 14);
}

static void pb7(struct talk *t)
{
    pb_remote *first = log_in(t, "user1", "pass1", NULL);
    tell_foo(t, first, 10);
    tell_login(t, "login", log_in(t, "user1", "pass2", NULL));
    tell_login(t, "login", log_in(t, "user3", "pass3", NULL));
    tell_login(t, "login", log_in(t, "", "", NULL));
    tell_login(t, "login", log_in(t, NULL, NULL, NULL));
    pb_remote *second = log_in(t, "user2", "pass2", NULL);
    tell_foo(t, second, 11);
    tell_foo(t, first, 12);
    tell(t, "bar", pb_client_call(t->client, first, "bar", &t->err, ""));
    pb_remote_unref(first);
    pb_remote_unref(second);
}

static void pb_anon(struct talk *t)
{
    pb_remote *nobody = log_in(t, NULL, NULL, NULL);
    pb_remote *user1 = log_in(t, "user1", "pass1", NULL);
    tell_foo(t, nobody, 13);
    tell_foo(t, user1, 13);
    pb_remote_unref(nobody);
    pb_remote_unref(user1);
}

const struct pair pairs_logins[] = {
    {"pb5", serve_users, pb5, NULL},          {"pb6-1", serve_users, pb6_1, NULL},
    {"pb6-2", serve_users, pb6_2, NULL},      {"pb7", serve_users, pb7, NULL},
    {"pbAnon", serve_anybody, pb_anon, NULL}, {0},
};
