/* SPDX-License-Identifier: MIT
 *
 * Values, as in Twisted's pbsimple and pbinterop. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/live/pairs/pair.h"

/* ---- pbsimple ---- */

static int do_echo(void *self, pb_request *req)
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
    .remote = (const pb_method[]){{"echo", do_echo}, {0}},
};

static void serve_pbsimple(pb_net_config *config)
{
    config->session.root = pb_object_new(&echoer_class, NULL);
}

static void pbsimple(struct talk *t)
{
    tell(t, "echo",
         pb_client_call(t->client, t->root, "echo", &t->err, "s", "hello network"));
}

/* ---- pbinterop ---- */

/* What these methods answer, in Python's notation. */
static const struct {
    const char *method, *literal;
} constants[] = {
    {"int", "1"},     {"string", "b'string'"}, {"unicode", "'string'"},
    {"float", "1.5"}, {"list", "[1, 2, 3]"},   {"dict", "{1: 2}"},
};
#define CONSTANTS (sizeof constants / sizeof *constants)

static int do_constant(void *self, pb_request *req)
{
    (void)self;
    size_t i = 0;
    while (i + 1 < CONSTANTS &&
           strcmp(constants[i].method, pb_request_method(req)) != 0) {
        i++;
    }
    return pb_request_answer_steal(req, pb_value_parse(constants[i].literal, NULL));
}

static int do_recursive(void *self, pb_request *req)
{
    (void)self;
    pb_value *loop = pb_list();
    pb_append(loop, loop);
    pb_value_tie(loop, loop);
    return pb_request_answer_steal(req, loop);
}

static int do_reference(void *self, pb_request *req)
{
    return pb_request_answer_steal(req, pb_object_value(self));
}

static int do_hello(void *self, pb_request *req)
{
    (void)self;
    printf("greeted\n");
    return pb_request_answer_steal(req, pb_str("hello, world"));
}

static const pb_class greeter_class = {
    .name = "Greeter",
    .remote = (const pb_method[]){{"hello", do_hello}, {0}},
};

static void heard(pb_value *answer, pb_failure *failure, void *user_data)
{
    pb_request *req = user_data;
    pb_span words;
    if (failure) {
        pb_request_fail_with(req, failure);
    } else if (pb_as_text(answer, &words) == 0) {
        printf("heard %s\n", (const char *)words.data);
        pb_request_answer_steal(req, pb_none());
    }
    pb_request_unref(req);
}

static int do_local(void *self, pb_request *req)
{
    (void)self;
    pb_value *greeter;
    int e = pb_request_unpack(req, "O", &greeter);
    if (e) {
        return e;
    }
    return pb_remote_call(pb_as_remote(greeter), "hello", heard, pb_request_ref(req),
                          NULL, "");
}

static int do_receive(void *self, pb_request *req)
{
    (void)self;
    pb_value *values;
    int e = pb_request_unpack(req, "O", &values);
    if (e == 0) {
        char *text = shown(values);
        printf("received %s\n", text);
        free(text);
    }
    return e;
}

static int do_self(void *self, pb_request *req)
{
    (void)self;
    pb_value *other;
    int e = pb_request_unpack(req, "O", &other);
    if (e == 0) {
        bool me = pb_as_object(other) == pb_request_object(req);
        printf("that is %s\n", me ? "me" : "another");
    }
    return e;
}

/* A Copyable, whose state is the only argument. */
static pb_value *copy_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    return pb_build(err, "{sO}", "x", (pb_value *)self);
}

static void copy_destroy(void *self)
{
    pb_value_unref(self);
}

static const pb_class copyable_class = {
    .name = "twisted.spread.flavors.Copyable",
    .flavor = PB_FLAVOR_COPYABLE,
    .state_to_copy = copy_state,
    .destroy = copy_destroy,
};

static int do_copy(void *self, pb_request *req)
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

static void give_back(void *self)
{
    pb_object_unref(self);
}

static const pb_class interop_class = {
    .name = "Interop",
    .remote = (const pb_method[]){{"int", do_constant},
                                  {"string", do_constant},
                                  {"unicode", do_constant},
                                  {"float", do_constant},
                                  {"list", do_constant},
                                  {"dict", do_constant},
                                  {"recursive", do_recursive},
                                  {"reference", do_reference},
                                  {"local", do_local},
                                  {"receive", do_receive},
                                  {"self", do_self},
                                  {"copy", do_copy},
                                  {0}},
    .destroy = give_back,
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

static void pbinterop(struct talk *t)
{
    const char *const plain[] = {"int",  "string", "unicode",  "float",
                                 "list", "dict",   "reference"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        tell(t, plain[i], pb_client_call(t->client, t->root, plain[i], &t->err, ""));
    }
    pb_value *loop = pb_client_call(t->client, t->root, "recursive", &t->err, "");
    printf("recursive: %zu %s\n", pb_len(loop),
           pb_item(loop, 0) == loop ? "True" : "False");
    pb_value_unref(loop);

    pb_object *mine = pb_object_new(&greeter_class, NULL);
    tell(
        t, "local",
        pb_client_call(t->client, t->root, "local", &t->err, "N", pb_object_value(mine)));
    tell(t, "receive",
         pb_client_call(t->client, t->root, "receive", &t->err, "[idss{ii}]", 1, 1.5,
                        "hi", "hi", 1, 2));
    tell(t, "self",
         pb_client_call(t->client, t->root, "self", &t->err, "N",
                        pb_remote_value(t->root)));
    tell(t, "self",
         pb_client_call(t->client, t->root, "self", &t->err, "N", pb_object_value(mine)));
    pb_object_unref(mine);

    pb_value *copy = pb_client_call(t->client, t->root, "copy", &t->err, "i", 5);
    char *text = shown(copy);
    printf("copy: %s with 5\n", text);
    free(text);
    pb_value_unref(copy);
}

const struct pair pairs_simple[] = {
    {"pbsimple", serve_pbsimple, pbsimple, NULL},
    {"pbinterop", serve_pbinterop, pbinterop, prepare_pbinterop},
    {0},
};
