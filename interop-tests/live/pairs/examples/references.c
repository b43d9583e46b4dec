/* SPDX-License-Identifier: MIT
 *
 * References, as in Twisted's pb1, pb2, pb3 and pb4: a server sends one, recognizes its
 * object when the reference is sent back, calls the client through one, and publishes
 * objects under names. */
#include <stdlib.h>

#include "interop-tests/live/pairs/pair.h"

/* ---- pb1 ---- */

static int two_object_three(void *self, pb_request *req)
{
    (void)self;
    int arg;
    int e = pb_request_unpack(req, "i", &arg);
    if (e == 0) {
        printf("Two.three was given %d\n", arg);
    }
    return e;
}

static int two_object_print(void *self, pb_request *req)
{
    (void)self;
    int arg;
    int e = pb_request_unpack(req, "i", &arg);
    if (e == 0) {
        printf("Two.print was given %d\n", arg);
    }
    return e;
}

static const pb_class two_class = {
    .name = "Two",
    .remote = (const pb_method[]){{"three", two_object_three},
                                  {"print", two_object_print},
                                  {0}},
};

static int pb1_get_two(void *self, pb_request *req)
{
    (void)self;
    printf("One gives a new Two\n");
    return pb_request_answer_steal(
        req, pb_object_value_steal(pb_object_new(&two_class, NULL)));
}

static const pb_class pb1_class = {
    .name = "Pb1",
    .remote = (const pb_method[]){{"getTwo", pb1_get_two}, {0}},
};

static void serve_pb1(pb_net_config *config)
{
    config->session.root = pb_object_new(&pb1_class, NULL);
}

static pb_value *fetch_two(struct test_client *t)
{
    pb_value *two = pb_client_call(t->client, t->root, "getTwo", &t->err, "");
    print_value("got", two);
    return two;
}

static void run_pb1(struct test_client *t)
{
    pb_value *two = fetch_two(t);
    print_answer_steal(
        t, "three",
        pb_client_call(t->client, pb_as_remote(two), "three", &t->err, "i", 12));
    pb_value_unref(two);
}

/* ---- pb2 ---- */

static int pb2_get_two(void *self, pb_request *req)
{
    printf("One gives its Two\n");
    return pb_request_answer_steal(req, pb_object_value(self));
}

static int pb2_check_two(void *self, pb_request *req)
{
    pb_value *two;
    int e = pb_request_unpack(req, "O", &two);
    if (e == 0) {
        printf("One was given %s\n", pb_as_object(two) == self ? "its Two" : "another");
    }
    return e;
}

static void pb2_destroy(void *self)
{
    pb_object_unref(self);
}

static const pb_class pb2_class = {
    .name = "Pb2",
    .remote =
        (const pb_method[]){{"getTwo", pb2_get_two}, {"checkTwo", pb2_check_two}, {0}},
    .destroy = pb2_destroy,
};

static void serve_pb2(pb_net_config *config)
{
    config->session.root = pb_object_new(&pb2_class, pb_object_new(&two_class, NULL));
}

static void run_pb2(struct test_client *t)
{
    pb_value *two = fetch_two(t);
    print_answer_steal(t, "checkTwo",
                       pb_client_call(t->client, t->root, "checkTwo", &t->err, "O", two));
    pb_value_unref(two);
}

/* ---- pb3 ---- */

static int pb3_take_two(void *self, pb_request *req)
{
    (void)self;
    pb_value *two;
    int e = pb_request_unpack(req, "O", &two);
    if (e) {
        return e;
    }
    print_value("One was given", two);
    return pb_remote_call(pb_as_remote(two), "print", NULL, NULL, NULL, "i", 12);
}

static const pb_class pb3_class = {
    .name = "Pb3",
    .remote = (const pb_method[]){{"takeTwo", pb3_take_two}, {0}},
};

static void serve_pb3(pb_net_config *config)
{
    config->session.root = pb_object_new(&pb3_class, NULL);
}

static void run_pb3(struct test_client *t)
{
    pb_object *two = pb_object_new(&two_class, NULL);
    print_answer_steal(t, "takeTwo",
                       pb_client_call(t->client, t->root, "takeTwo", &t->err, "N",
                                      pb_object_value(two)));
    pb_object_unref(two);
}

/* ---- pb4 ---- */

static int foo_foo(void *self, pb_request *req)
{
    const char *arg;
    int e = pb_request_unpack(req, "s", &arg);
    if (e == 0) {
        printf("%s was told to foo %s\n", (const char *)self, arg);
    }
    return e;
}

static const pb_class foo_class = {
    .name = "Foo",
    .remote = (const pb_method[]){{"foo", foo_foo}, {0}},
};

static pb_object *pb4_root(pb_session *s, void *user_data)
{
    (void)user_data;
    const char *const names[] = {"two", "three"};
    for (size_t i = 0; i < 2; i++) {
        pb_object *foo = pb_object_new(&foo_class, (char *)names[i]);
        pb_session_set_name_for_local(s, names[i], foo);
        pb_object_unref(foo);
    }
    return pb_object_new(&foo_class, "root");
}

static void serve_pb4(pb_net_config *config)
{
    config->session.root_object = pb4_root;
}

static void run_pb4(struct test_client *t)
{
    const char *const rows[][2] = {
        {"root", "A"}, {"two", "B"}, {"three", "C"}, {"four", "D"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_remote *foo =
            pb_session_remote_for_name(pb_client_session(t->client), rows[i][0]);
        print_answer_steal(
            t, rows[i][0],
            pb_client_call(t->client, foo, "foo", &t->err, "s", rows[i][1]));
        pb_remote_unref(foo);
    }
}

const struct pair pairs_references[] = {
    {"pb1", serve_pb1, run_pb1, NULL},
    {"pb2", serve_pb2, run_pb2, NULL},
    {"pb3", serve_pb3, run_pb3, NULL},
    {"pb4", serve_pb4, run_pb4, NULL},
    {0},
};
