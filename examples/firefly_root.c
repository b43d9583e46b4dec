/* SPDX-License-Identifier: MIT
 *
 * The root of a Firefly tree: keeps its children by name, is called by them, and calls
 * them. firefly_node.c is a child; Firefly's own, or one of Twisted's, does as well.
 *
 *     firefly_root [--python3] PORT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "examples/firefly.h"

struct child {
    struct tree *tree;
    struct child *next;
    pb_remote *proxy;
    char name[];
};

struct tree {
    struct child *children;
};

static struct child *find_child(const struct tree *tree, const char *name)
{
    struct child *c = tree->children;
    while (c && strcmp(c->name, name) != 0) {
        c = c->next;
    }
    return c;
}

/* ---- What a child may call at any time ---- */

static void child_left(pb_remote *proxy, void *user_data)
{
    struct child *child = user_data;
    struct child **at = &child->tree->children;
    while (*at != child) {
        at = &(*at)->next;
    }
    *at = child->next;
    printf("%s leaves\n", child->name);
    pb_remote_unref(proxy);
    free(child);
}

static int take_proxy(void *self, pb_request *req)
{
    struct tree *tree = self;
    const char *name;
    pb_value *proxy;
    int e = pb_request_unpack(req, "sO", &name, &proxy);
    if (e) {
        return e;
    }
    if (!pb_as_remote(proxy) || find_child(tree, name)) {
        return pb_request_fail(req, "builtins.ValueError", "child %s %s", name,
                               pb_as_remote(proxy) ? "exists" : "gives no proxy");
    }
    struct child *child = malloc(sizeof *child + strlen(name) + 1);
    if (!child) {
        return PB_ERR_NOMEM;
    }
    child->tree = tree;
    child->proxy = pb_remote_ref(pb_as_remote(proxy));
    strcpy(child->name, name);
    child->next = tree->children;
    tree->children = child;
    printf("%s joins\n", name);
    return pb_remote_notify_on_disconnect(child->proxy, child_left, child);
}

/* ---- The targets ---- */

static void child_answered(pb_value *answer, pb_failure *failure, void *user_data)
{
    pb_request *req = user_data;
    if (failure) {
        pb_request_fail_with(req, failure);
    } else {
        pb_request_answer_steal(req, pb_value_ref(answer));
    }
    pb_request_unref(req);
}

/* tell(name, command, ...): what that child answers. */
static int tell(void *self, pb_request *req, pb_value *args, pb_value *kwargs)
{
    const struct tree *tree = self;
    const char *name = NULL;
    (void)pb_unpack(pb_item(args, 0), NULL, "s", &name); /* what is no text is no name */
    const struct child *child = name ? find_child(tree, name) : NULL;
    if (!child) {
        firefly_print("there is no such child:", args);
        return 0;
    }
    pb_value *rest = firefly_rest(args, 1);
    pb_error err = {0};
    int e = pb_remote_call_values(child->proxy, "callChild", rest, kwargs, NULL,
                                  child_answered, pb_request_ref(req), NULL, &err);
    pb_value_unref(rest);
    if (e) {
        pb_request_fail(req, "twisted.spread.pb.Error", "%s", err.text);
        pb_request_unref(req);
    }
    return 0;
}

static int children(void *self, pb_request *req, pb_value *args, pb_value *kwargs)
{
    const struct tree *tree = self;
    (void)args;
    (void)kwargs;
    pb_value *names = pb_list();
    for (const struct child *c = tree->children; c; c = c->next) {
        pb_append_steal(names, pb_str(c->name));
    }
    return firefly_answer_steal(req, names);
}

static int add(void *self, pb_request *req, pb_value *args, pb_value *kwargs)
{
    (void)self;
    pb_error err = {0};
    int64_t a, b, scale = 1;
    if (pb_unpack(args, &err, "(LL)", &a, &b) != 0 ||
        pb_unpack(kwargs, &err, "{s?L}", "scale", &scale) != 0) {
        return pb_request_fail(req, "builtins.TypeError", "%s", err.text);
    }
    return firefly_answer_steal(req, pb_int((a + b) * scale));
}

static const struct firefly_target targets[] = {
    {"add", add},   {"children", children}, {"echo", firefly_echo},
    {"tell", tell}, {"7", firefly_echo},    {0},
};

static int call_target(void *self, pb_request *req)
{
    return firefly_call(targets, self, req);
}

static const pb_class root_class = {
    .name = "PBRoot",
    .remote =
        (const pb_method[]){{"takeProxy", take_proxy}, {"callTarget", call_target}, {0}},
};

int main(int argc, char **argv)
{
    uint8_t python = firefly_python(&argc, &argv);
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "tcp:%s", argc > 1 ? argv[1] : "1000");
    setvbuf(stdout, NULL, _IOLBF, 0);

    struct tree tree = {0};
    pb_error err = {0};
    pb_object *root = pb_object_new(&root_class, &tree);
    pb_net_config config = {
        .session = {.root = root, .jelly.profile.python_major = python}};
    pb_server *server = pb_serve(pb_loop_default(), endpoint, &config, &err);
    if (server) {
        printf("listening on port %d\n", pb_server_port(server));
        pb_run(); /* until a signal comes */
        pb_server_close(server, NULL, NULL);
        pb_run(); /* until it is closed */
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    pb_object_unref(root);
    return server ? 0 : 1;
}
