/* SPDX-License-Identifier: MIT
 *
 * Values, as in Twisted's pbsimple and pbinterop. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/live/pairs/pair.h"

/* ---- pbsimple ---- */

static int echoer_echo(void *self, pb_request *req)
{
    (void)self;
    const char *text;
    int e = pb_request_unpack(req, "s", &text);
    if (e) {
        return e;
    }
    printf("echoing: %s\n", text);
    return pb_request_answer_steal(req, pb_str(text));
}

static const pb_class echoer_class = {
    .name = "Echoer",
    .remote = (const pb_method[]){{"echo", echoer_echo}, {0}},
};

static void serve_pbsimple(pb_net_config *config)
{
    config->session.root = pb_object_new(&echoer_class, NULL);
}

static void run_pbsimple(struct test_client *t)
{
    print_answer_steal(
        t, "echo",
        pb_client_call(t->client, t->root, "echo", &t->err, "s", "hello network"));
}

/* ---- pbinterop ---- */

/* The answers of these methods, as Python literals. */
static const struct {
    const char *method, *literal;
} constants[] = {
    {"int", "1"},     {"string", "b'string'"}, {"unicode", "'string'"},
    {"float", "1.5"}, {"list", "[1, 2, 3]"},   {"dict", "{1: 2}"},
};
#define CONSTANTS (sizeof constants / sizeof *constants)

static int interop_constant(void *self, pb_request *req)
{
    (void)self;
    size_t i = 0;
    while (i + 1 < CONSTANTS &&
           strcmp(constants[i].method, pb_request_method(req)) != 0) {
        i++;
    }
    return pb_request_answer_steal(req, pb_value_parse(constants[i].literal, NULL));
}

static int interop_recursive(void *self, pb_request *req)
{
    (void)self;
    pb_value *loop = pb_list();
    pb_append(loop, loop);
    pb_value_tie(loop, loop);
    return pb_request_answer_steal(req, loop);
}

static int interop_reference(void *self, pb_request *req)
{
    return pb_request_answer_steal(req, pb_object_value(self));
}

static int greeter_hello(void *self, pb_request *req)
{
    (void)self;
    printf("greeted\n");
    return pb_request_answer_steal(req, pb_str("hello, world"));
}

static const pb_class greeter_class = {
    .name = "Greeter",
    .remote = (const pb_method[]){{"hello", greeter_hello}, {0}},
};

static void interop_greeted(pb_value *answer, pb_failure *failure, void *user_data)
{
    pb_request *req = user_data;
    pb_span words;
    if (failure) {
        pb_request_fail_with(req, failure);
    } else if (pb_as_text(answer, &words) == 0) {
        printf("the greeter answered %s\n", (const char *)words.data);
        pb_request_answer_steal(req, pb_none());
    }
    pb_request_unref(req);
}

static int interop_local(void *self, pb_request *req)
{
    (void)self;
    pb_value *greeter;
    int e = pb_request_unpack(req, "O", &greeter);
    if (e) {
        return e;
    }
    return pb_remote_call(pb_as_remote(greeter), "hello", interop_greeted,
                          pb_request_ref(req), NULL, "");
}

static int interop_receive(void *self, pb_request *req)
{
    (void)self;
    pb_value *values;
    int e = pb_request_unpack(req, "O", &values);
    if (e == 0) {
        print_value("received", values);
    }
    return e;
}

static int interop_self(void *self, pb_request *req)
{
    (void)self;
    pb_value *other;
    int e = pb_request_unpack(req, "O", &other);
    if (e == 0) {
        bool same = pb_as_object(other) == pb_request_object(req);
        printf("the argument is %s\n", same ? "this object" : "another object");
    }
    return e;
}

/* A Copyable; self is the value of its only attribute. */
static pb_value *copyable_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    return pb_build(err, "{sO}", "x", (pb_value *)self);
}

static void copyable_destroy(void *self)
{
    pb_value_unref(self);
}

static const pb_class copyable_class = {
    .name = "twisted.spread.flavors.Copyable",
    .flavor = PB_FLAVOR_COPYABLE,
    .state_to_copy = copyable_state,
    .destroy = copyable_destroy,
};

static int interop_copy(void *self, pb_request *req)
{
    (void)self;
    pb_value *x;
    int e = pb_request_unpack(req, "O", &x);
    if (e) {
        return e;
    }
    pb_object *copy = pb_object_new(&copyable_class, pb_value_ref(x));
    return pb_request_answer_steal(req, pb_object_value_steal(copy));
}

static void interop_destroy(void *self)
{
    pb_object_unref(self);
}

static const pb_class interop_class = {
    .name = "Interop",
    .remote = (const pb_method[]){{"int", interop_constant},
                                  {"string", interop_constant},
                                  {"unicode", interop_constant},
                                  {"float", interop_constant},
                                  {"list", interop_constant},
                                  {"dict", interop_constant},
                                  {"recursive", interop_recursive},
                                  {"reference", interop_reference},
                                  {"local", interop_local},
                                  {"receive", interop_receive},
                                  {"self", interop_self},
                                  {"copy", interop_copy},
                                  {0}},
    .destroy = interop_destroy,
};

static void serve_pbinterop(pb_net_config *config)
{
    config->session.root =
        pb_object_new(&interop_class, pb_object_new(&greeter_class, NULL));
}

static const pb_class copied = {.name = "Copied", .flavor = PB_FLAVOR_COPYABLE};

static void prepare_pbinterop(pb_net_config *config)
{
    config->session.registry = pb_registry_new();
    pb_registry_set_class(config->session.registry, "twisted.spread.flavors.Copyable",
                          &copied);
}

static void run_pbinterop(struct test_client *t)
{
    const char *const plain[] = {"int",  "string", "unicode",  "float",
                                 "list", "dict",   "reference"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        print_answer_steal(t, plain[i],
                           pb_client_call(t->client, t->root, plain[i], &t->err, ""));
    }
    pb_value *loop = pb_client_call(t->client, t->root, "recursive", &t->err, "");
    printf("recursive: %zu %s\n", pb_len(loop), python_bool(pb_item(loop, 0) == loop));
    pb_value_unref(loop);

    pb_object *mine = pb_object_new(&greeter_class, NULL);
    print_answer_steal(
        t, "local",
        pb_client_call(t->client, t->root, "local", &t->err, "N", pb_object_value(mine)));
    print_answer_steal(t, "receive",
                       pb_client_call(t->client, t->root, "receive", &t->err,
                                      "[idss{ii}]", 1, 1.5, "hi", "hi", 1, 2));
    print_answer_steal(t, "self",
                       pb_client_call(t->client, t->root, "self", &t->err, "N",
                                      pb_remote_value(t->root)));
    print_answer_steal(
        t, "self",
        pb_client_call(t->client, t->root, "self", &t->err, "N", pb_object_value(mine)));
    pb_object_unref(mine);

    pb_value *copy = pb_client_call(t->client, t->root, "copy", &t->err, "i", 5);
    char *text = value_text(copy);
    printf("copy: %s with 5\n", text);
    free(text);
    pb_value_unref(copy);
}

const struct pair pairs_simple[] = {
    {"pbsimple", serve_pbsimple, run_pbsimple, NULL},
    {"pbinterop", serve_pbinterop, run_pbinterop, prepare_pbinterop},
    {0},
};
