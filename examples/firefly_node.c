/* SPDX-License-Identifier: MIT
 *
 * A node of a Firefly tree: gives its proxy to the root, calls targets there, and is
 * called by the root until the connection ends. firefly_root.c is a root; Firefly's own,
 * or one of Twisted's, does as well.
 *
 *     firefly_node [--python3] HOST:PORT NAME [COMMAND [ARG]...
 *                  [then COMMAND [ARG]...]...]
 *
 * An ARG is a Python literal, or name=LITERAL; what is none is text. */
#include <stdio.h>
#include <string.h>

#include "examples/firefly.h"

struct node {
    const char *name;
    char **words; /* what is left to call */
    pb_conn *conn;
    pb_remote *root;
    pb_object *proxy;
    int status;
};

/* ---- What the root may call ---- */

static int push(void *self, pb_request *req, pb_value *args, pb_value *kwargs)
{
    (void)self;
    (void)kwargs;
    firefly_print("pushed", args);
    return firefly_answer_steal(req, pb_bool(true));
}

static int fail(void *self, pb_request *req, pb_value *args, pb_value *kwargs)
{
    (void)self;
    (void)args;
    (void)kwargs;
    return pb_request_fail(req, "builtins.RuntimeError", "not here");
}

static const struct firefly_target targets[] = {
    {"push", push}, {"fail", fail}, {"echo", firefly_echo}, {"7", firefly_echo}, {0},
};

static int call_child(void *self, pb_request *req)
{
    return firefly_call(targets, self, req);
}

static const pb_class proxy_class = {
    .name = "ProxyReference",
    .remote = (const pb_method[]){{"callChild", call_child}, {0}},
};

/* ---- What it calls itself ---- */

static pb_value *value_of(const char *word)
{
    pb_value *v = pb_value_parse(word, NULL);
    return v ? v : pb_str(word);
}

/* Takes the words of one call: its arguments. */
static void next_call(struct node *n, pb_value *args, pb_value *kwargs)
{
    for (; *n->words && strcmp(*n->words, "then") != 0; n->words++) {
        char *equals = strchr(*n->words, '=');
        if (equals) {
            pb_span name = {(const uint8_t *)*n->words, (size_t)(equals - *n->words)};
            pb_dict_set_value_steal(kwargs, pb_strn(name, NULL), value_of(equals + 1));
        } else {
            pb_append_steal(args, value_of(*n->words));
        }
    }
    n->words += *n->words ? 1 : 0;
}

static void answered(pb_value *answer, pb_failure *failure, void *user_data);

static void call_on(struct node *n)
{
    if (!*n->words) {
        printf("waiting for calls\n");
        return;
    }
    pb_error err = {0};
    pb_value *args = pb_seq(PB_TUPLE, 0), *kwargs = pb_dict();
    next_call(n, args, kwargs);
    if (pb_remote_call_values(n->root, "callTarget", args, kwargs, NULL, answered, n,
                              NULL, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        pb_conn_close(n->conn);
    }
    pb_value_unref(args);
    pb_value_unref(kwargs);
}

static void answered(pb_value *answer, pb_failure *failure, void *user_data)
{
    struct node *n = user_data;
    if (answer) {
        firefly_print("answered", answer);
    } else if (pb_failure_code(failure) == PB_OK) {
        printf("failed: %s: %s\n", pb_failure_type(failure), pb_failure_text(failure));
    } else {
        return; /* the connection is gone, as on_close will say */
    }
    call_on(n);
}

static void joined(pb_value *answer, pb_failure *failure, void *user_data)
{
    struct node *n = user_data;
    if (answer) {
        printf("%s joined\n", n->name);
        call_on(n);
    } else if (pb_failure_code(failure) == PB_OK) {
        printf("failed: %s: %s\n", pb_failure_type(failure), pb_failure_text(failure));
        n->status = 1;
        pb_conn_close(n->conn);
    }
}

static void on_ready(pb_session *s, void *user_data)
{
    struct node *n = user_data;
    pb_error err = {0};
    (void)s;
    n->root = pb_conn_root(n->conn);
    if (pb_remote_call(n->root, "takeProxy", joined, n, &err, "sN", n->name,
                       pb_object_value(n->proxy)) != 0) {
        fprintf(stderr, "%s\n", err.text);
        n->status = 1;
        pb_conn_close(n->conn);
    }
}

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    struct node *n = user_data;
    (void)s;
    n->conn = NULL;
    if (why->code) {
        fprintf(stderr, "%s\n", why->text);
        n->status = 1;
    }
}

int main(int argc, char **argv)
{
    uint8_t python = firefly_python(&argc, &argv);
    if (argc < 3) {
        fprintf(stderr, "usage: firefly_node HOST:PORT NAME [COMMAND [ARG]...]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct node node = {.name = argv[2], .words = argv + 3};
    node.proxy = pb_object_new(&proxy_class, &node);
    pb_net_config config = {.session = {.jelly.profile.python_major = python,
                                        .on_ready = on_ready,
                                        .on_close = on_close,
                                        .user_data = &node}};
    pb_error err = {0};
    node.conn = pb_connect(pb_loop_default(), argv[1], &config, &err);
    if (node.conn) {
        pb_run(); /* until the connection ends, or a signal comes */
    } else {
        fprintf(stderr, "%s\n", err.text);
        node.status = 1;
    }
    if (node.conn) {
        pb_conn_close(node.conn);
        pb_run(); /* until it is closed */
    }
    pb_remote_unref(node.root);
    pb_object_unref(node.proxy);
    return node.status;
}
