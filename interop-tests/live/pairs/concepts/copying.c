/* SPDX-License-Identifier: MIT
 *
 * Copies of both sides: tags, factories and class trees, copies within copies, shared and
 * cyclic copies, copies with references inside, and rejected copies. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>
#include <string.h>

/* ---- Copies to send: the class has the tag, self is the state ---- */

static pb_value *sent_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    (void)err;
    return pb_value_ref(self);
}

static void sent_destroy(void *self)
{
    pb_value_unref(self);
}

#define SENT(tag)                                                               \
    {                                                                           \
        .name = tag, .flavor = PB_FLAVOR_COPYABLE, .state_to_copy = sent_state, \
        .destroy = sent_destroy                                                 \
    }
static const pb_class point = SENT("copying.Point"), tree = SENT("copying.Tree"),
                      made = SENT("copying.Made"), leaf = SENT("tree.Leaf"),
                      bare = SENT("copying.Bare"), unknown = SENT("copying.Unknown");

static pb_value *broken_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    err->code = PB_ERR_ARG;
    snprintf(err->text, sizeof err->text, "no state");
    return NULL;
}

static const pb_class broken = {
    .name = "copying.Point",
    .flavor = PB_FLAVOR_COPYABLE,
    .state_to_copy = broken_state,
};

/* A copy of the class; takes its state. *New*. */
static pb_value *copy_steal(const pb_class *cls, pb_value *state)
{
    return pb_object_value_steal(pb_object_new(cls, state));
}

static pb_value *copy_from_literal(const pb_class *cls, const char *literal)
{
    return copy_steal(cls, pb_value_parse(literal, NULL));
}

/* The examples; each function returns a *new* value. */

static pb_value *example_nested(void)
{
    pb_value *right = copy_from_literal(&tree, "{'left': None}");
    return copy_steal(&tree,
                      pb_build(NULL, "{sNsN}", "left",
                               copy_from_literal(&point, "{'x': 1}"), "right", right));
}

static pb_value *example_shared(void)
{
    pb_value *one = copy_from_literal(&point, "{'x': 1}");
    return pb_build(NULL, "[NO]", one, one);
}

/* A tree that contains itself. Its state refers to it only while it is being sent. */
static pb_value *cyclic_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    return pb_build(err, "{sssO}", "name", "root", "self", *(pb_value **)self);
}

static const pb_class cyclic = {
    .name = "copying.Tree",
    .flavor = PB_FLAVOR_COPYABLE,
    .state_to_copy = cyclic_state,
    .destroy = free,
};

static pb_value *example_cyclic(void)
{
    pb_value **self = malloc(sizeof *self);
    *self = pb_object_value_steal(pb_object_new(&cyclic, self));
    return *self;
}

static pb_value *example_in_a_dict(void)
{
    return pb_build(NULL, "{i(N)}", 1, copy_from_literal(&point, "{'x': 5}"));
}

static const struct example {
    const char *name;
    const pb_class *cls; /* NULL where `make` makes the value */
    const char *literal; /* the state */
    pb_value *(*make)(void);
} examples[] = {
    {"point", &point, "{'x': 1, 'y': 'two', 'z': b'three'}", NULL},
    {"empty", &point, "{}", NULL},
    {"nested", NULL, NULL, example_nested},
    {"shared", NULL, NULL, example_shared},
    {"cyclic", NULL, NULL, example_cyclic},
    {"made", &made, "{'a': 1, 'b': 2}", NULL},
    {"leaf", &leaf, "{'green': True}", NULL},
    {"bare", &bare, "(1, 'two', [3])", NULL},
    {"in a dict", NULL, NULL, example_in_a_dict},
    {"unknown", &unknown, "{'x': 1}", NULL},
};
#define EXAMPLES (sizeof examples / sizeof *examples)

static pb_value *example_value(const struct example *e)
{
    return e->make ? e->make() : copy_from_literal(e->cls, e->literal);
}

/* ---- Received copies ---- */

/* A received point keeps its state in self, so that it can be sent again. */

static void *received_point_new(void)
{
    return calloc(1, sizeof(pb_value *));
}

static int received_point_set_state(void *self, pb_value *state, pb_error *err)
{
    (void)err;
    *(pb_value **)self = pb_value_ref(state);
    return 0;
}

static pb_value *received_point_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    (void)err;
    return pb_value_ref(*(pb_value **)self);
}

static void received_point_destroy(void *self)
{
    pb_value_unref(*(pb_value **)self);
    free(self);
}

static const pb_class received_point = {
    .name = "copying.Point",
    .flavor = PB_FLAVOR_COPYABLE,
    .construct = received_point_new,
    .set_state = received_point_set_state,
    .state_to_copy = received_point_state,
    .destroy = received_point_destroy,
};
static const pb_class received_tree = {.name = "Tree", .flavor = PB_FLAVOR_COPYABLE},
                      received_bare = {.name = "Bare", .flavor = PB_FLAVOR_COPYABLE},
                      received_leaf = {.name = "copied.Leaf",
                                       .flavor = PB_FLAVOR_COPYABLE};

static pb_value *made_factory(pb_value *state, pb_error *err, void *user_data)
{
    (void)user_data;
    return pb_build(err, "(sO)", "made of", pb_dict_get(state, "a"));
}

static pb_registry *copying_registry(void)
{
    const pb_class *const leaves[] = {&received_leaf};
    pb_registry *g = pb_registry_new();
    pb_registry_set_class(g, "copying.Point", &received_point);
    pb_registry_set_class(g, "copying.Tree", &received_tree);
    pb_registry_set_class(g, "copying.Bare", &received_bare);
    pb_registry_set_factory(g, "copying.Made", made_factory, NULL);
    pb_registry_set_class_tree(g, "tree", leaves, 1);
    return g;
}

/* A copy as text. */
static void write_copy_text(FILE *out, pb_value *v)
{
    if (pb_value_kind(v) == PB_INSTANCE) {
        /* Twisted's default setCopyableState does not fill in cycles in Python 3. */
        fputs("never filled", out);
        return;
    }
    const pb_object *o = pb_as_object(v);
    const char *name = o ? pb_object_class(o)->name : NULL;
    if (!o || pb_object_class(o) == &received_bare) {
        char *text = value_text(o ? pb_object_state(o) : v);
        fprintf(out, o ? "%s %s" : "%s%s", o ? name : "", text);
        free(text);
        return;
    }
    fprintf(out, "%s(", strchr(name, '.') ? strchr(name, '.') + 1 : name);
    size_t pos = 0;
    pb_value *key, *value;
    pb_span text;
    for (const char *comma = ""; pb_dict_next(pb_object_state(o), &pos, &key, &value);
         comma = ", ") {
        pb_as_text(key, &text);
        fprintf(out, "%s%s=", comma, (const char *)text.data);
        write_copy_text(out, value);
    }
    fputc(')', out);
}

static char *copy_text(pb_value *v)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    write_copy_text(out, v);
    fclose(out);
    return text;
}

/* ---- The server ---- */

static int copies_take(void *self, pb_request *req)
{
    (void)self;
    pb_value *answer = pb_list();
    for (size_t i = 0; i < pb_len(pb_request_args(req)); i++) {
        char *text = copy_text(pb_item(pb_request_args(req), i));
        pb_append_steal(answer, pb_str(text));
        free(text);
    }
    return pb_request_answer_steal(req, answer);
}

static int copies_same(void *self, pb_request *req)
{
    (void)self;
    pb_value *a, *b;
    int e = pb_request_unpack(req, "OO", &a, &b);
    return e ? e
             : pb_request_answer_steal(req, pb_bool(pb_as_object(a) == pb_as_object(b)));
}

static pb_value *copy_member(pb_value *copy, const char *name)
{
    return pb_dict_get(pb_object_state(pb_as_object(copy)), name);
}

static void copies_call_answered(pb_value *answer, pb_failure *failure, void *user_data)
{
    (void)failure;
    pb_request_answer_steal(user_data, answer ? pb_value_ref(answer) : pb_none());
    pb_request_unref(user_data);
}

static int copies_call(void *self, pb_request *req)
{
    (void)self;
    pb_value *v;
    int e = pb_request_unpack(req, "O", &v);
    if (e) {
        return e;
    }
    return pb_remote_call(pb_as_remote(copy_member(v, "printer")), "tell",
                          copies_call_answered, pb_request_ref(req), NULL, "O",
                          copy_member(v, "x"));
}

static int copies_give(void *self, pb_request *req)
{
    (void)self;
    const char *name;
    int e = pb_request_unpack(req, "s", &name);
    for (size_t i = 0; i < EXAMPLES && e == 0; i++) {
        if (strcmp(examples[i].name, name) == 0) {
            return pb_request_answer_steal(req, example_value(&examples[i]));
        }
    }
    return e;
}

static int copies_echo(void *self, pb_request *req)
{
    (void)self;
    pb_value *v;
    int e = pb_request_unpack(req, "O", &v);
    return e ? e : pb_request_answer_steal(req, pb_value_ref(v));
}

static int copies_broken(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req,
                                   pb_object_value_steal(pb_object_new(&broken, NULL)));
}

static const pb_class copies_class = {
    .name = "Copies",
    .remote = (const pb_method[]){{"take", copies_take},
                                  {"same", copies_same},
                                  {"call", copies_call},
                                  {"give", copies_give},
                                  {"echo", copies_echo},
                                  {"broken", copies_broken},
                                  {0}},
};

static void serve_copying(pb_net_config *config)
{
    config->session.root = pb_object_new(&copies_class, NULL);
    config->session.registry = copying_registry();
}

static void prepare_copying(pb_net_config *config)
{
    config->session.registry = copying_registry();
}

/* ---- The client ---- */

static pb_value *copying_call(struct test_client *t, const char *method,
                              const char *format, pb_value *v, pb_value *w)
{
    return pb_client_call(t->client, t->root, method, &t->err, format, v, w);
}

static void print_error_steal(struct test_client *t, const char *what, pb_value *answer)
{
    const pb_failure *f = pb_client_failure(t->client);
    printf("%s: %s\n", what, f ? pb_failure_text(f) : t->err.text);
    pb_value_unref(answer);
    t->err = (pb_error){0};
}

static void run_sent_copies(struct test_client *t)
{
    for (size_t i = 0; i < EXAMPLES; i++) {
        char what[40];
        snprintf(what, sizeof what, "take %s", examples[i].name);
        print_answer_steal(
            t, what, copying_call(t, "take", "N", example_value(&examples[i]), NULL));
    }
    pb_value *shared = example_shared();
    print_answer_steal(
        t, "same", copying_call(t, "same", "OO", pb_item(shared, 0), pb_item(shared, 1)));
    pb_value_unref(shared);
    print_answer_steal(t, "same",
                       copying_call(t, "same", "NN",
                                    copy_from_literal(&point, "{'x': 1}"),
                                    copy_from_literal(&point, "{'x': 1}")));
    pb_value *printer = pb_object_value_steal(printer_new("the client's"));
    pb_value *state = pb_build(NULL, "{sisN}", "x", 8, "printer", printer);
    print_answer_steal(t, "call",
                       copying_call(t, "call", "N", copy_steal(&point, state), NULL));
}

static void run_received_copies(struct test_client *t)
{
    for (size_t i = 0; i < EXAMPLES - 1; i++) {
        const char *name = examples[i].name;
        pb_value *v = pb_client_call(t->client, t->root, "give", &t->err, "s", name);
        char *text = copy_text(v);
        printf("given %s: %s\n", name, text);
        free(text);
        pb_value_unref(v);
    }
    pb_value *both = pb_client_call(t->client, t->root, "give", &t->err, "s", "shared");
    pb_object *a = pb_as_object(pb_item(both, 0)), *b = pb_as_object(pb_item(both, 1));
    printf("shared: %s\n", python_bool(a == b));
    pb_value *back = copying_call(t, "echo", "O", pb_item(both, 0), NULL);
    char *text = copy_text(back);
    printf("echoed: %s %s\n", text, python_bool(pb_as_object(back) == a));
    free(text);
    pb_value_unref(back);
    pb_value_unref(both);
}

static void run_copying(struct test_client *t)
{
    run_sent_copies(t);
    run_received_copies(t);
    print_error_steal(t, "not sent",
                      copying_call(t, "take", "N",
                                   pb_object_value_steal(pb_object_new(&broken, NULL)),
                                   NULL));
    print_error_steal(t, "not given", copying_call(t, "broken", "", NULL, NULL));
    print_answer_steal(t, "still", copying_call(t, "take", "N", pb_int(1), NULL));
}

const struct pair pairs_copying[] = {
    {"copying", serve_copying, run_copying, prepare_copying},
    {0},
};
