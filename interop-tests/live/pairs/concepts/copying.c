/* SPDX-License-Identifier: MIT
 *
 * Copies more closely: tags, factories and class trees, copies within copies, shared and
 * cyclic, with references inside, of both sides, and those that are refused. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>
#include <string.h>

/* ---- What is sent: a tag by its class, a state that is self ---- */

static pb_value *state_of(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    (void)err;
    return pb_value_ref(self);
}

static void forget_state(void *self)
{
    pb_value_unref(self);
}

#define SENT(tag)                                                             \
    {                                                                         \
        .name = tag, .flavor = PB_FLAVOR_COPYABLE, .state_to_copy = state_of, \
        .destroy = forget_state                                               \
    }
static const pb_class point = SENT("copying.Point"), tree = SENT("copying.Tree"),
                      made = SENT("copying.Made"), leaf = SENT("tree.Leaf"),
                      bare = SENT("copying.Bare"), unknown = SENT("copying.Unknown");

static pb_value *no_state(void *self, pb_object *perspective, pb_error *err)
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
    .state_to_copy = no_state,
};

/* A copy with that state, which is taken: *new*. */
static pb_value *copy_steal(const pb_class *cls, pb_value *state)
{
    return pb_object_value_steal(pb_object_new(cls, state));
}

static pb_value *copy_of(const pb_class *cls, const char *literal)
{
    return copy_steal(cls, pb_value_parse(literal, NULL));
}

/* Examples by name, each *new*. */

static pb_value *make_nested(void)
{
    pb_value *right = copy_of(&tree, "{'left': None}");
    return copy_steal(&tree, pb_build(NULL, "{sNsN}", "left", copy_of(&point, "{'x': 1}"),
                                      "right", right));
}

static pb_value *make_shared(void)
{
    pb_value *one = copy_of(&point, "{'x': 1}");
    return pb_build(NULL, "[NO]", one, one);
}

/* The tree that holds itself does so while it is being sent, as a class of its own. */
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

static pb_value *make_cyclic(void)
{
    pb_value **self = malloc(sizeof *self);
    *self = pb_object_value_steal(pb_object_new(&cyclic, self));
    return *self;
}

static pb_value *make_in_a_dict(void)
{
    return pb_build(NULL, "{i(N)}", 1, copy_of(&point, "{'x': 5}"));
}

static const struct example {
    const char *name;
    const pb_class *cls; /* and its state; or else what makes it */
    const char *literal;
    pb_value *(*make)(void);
} examples[] = {
    {"point", &point, "{'x': 1, 'y': 'two', 'z': b'three'}", NULL},
    {"empty", &point, "{}", NULL},
    {"nested", NULL, NULL, make_nested},
    {"shared", NULL, NULL, make_shared},
    {"cyclic", NULL, NULL, make_cyclic},
    {"made", &made, "{'a': 1, 'b': 2}", NULL},
    {"leaf", &leaf, "{'green': True}", NULL},
    {"bare", &bare, "(1, 'two', [3])", NULL},
    {"in a dict", NULL, NULL, make_in_a_dict},
    {"unknown", &unknown, "{'x': 1}", NULL},
};
#define EXAMPLES (sizeof examples / sizeof *examples)

static pb_value *make(const struct example *e)
{
    return e->make ? e->make() : copy_of(e->cls, e->literal);
}

/* ---- What comes ---- */

/* A point can be sent on: its self has the state. */

static void *holder_new(void)
{
    return calloc(1, sizeof(pb_value *));
}

static int holder_set(void *self, pb_value *state, pb_error *err)
{
    (void)err;
    *(pb_value **)self = pb_value_ref(state);
    return 0;
}

static pb_value *holder_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    (void)err;
    return pb_value_ref(*(pb_value **)self);
}

static void holder_destroy(void *self)
{
    pb_value_unref(*(pb_value **)self);
    free(self);
}

static const pb_class copied_point = {
    .name = "copying.Point",
    .flavor = PB_FLAVOR_COPYABLE,
    .construct = holder_new,
    .set_state = holder_set,
    .state_to_copy = holder_state,
    .destroy = holder_destroy,
};
static const pb_class copied_tree = {.name = "Tree", .flavor = PB_FLAVOR_COPYABLE},
                      copied_bare = {.name = "Bare", .flavor = PB_FLAVOR_COPYABLE},
                      copied_leaf = {.name = "copied.Leaf", .flavor = PB_FLAVOR_COPYABLE};

static pb_value *make_made(pb_value *state, pb_error *err, void *user_data)
{
    (void)user_data;
    return pb_build(err, "(sO)", "made of", pb_dict_get(state, "a"));
}

static pb_registry *new_registry(void)
{
    const pb_class *const leaves[] = {&copied_leaf};
    pb_registry *g = pb_registry_new();
    pb_registry_set_class(g, "copying.Point", &copied_point);
    pb_registry_set_class(g, "copying.Tree", &copied_tree);
    pb_registry_set_class(g, "copying.Bare", &copied_bare);
    pb_registry_set_factory(g, "copying.Made", make_made, NULL);
    pb_registry_set_class_tree(g, "tree", leaves, 1);
    return g;
}

/* A copy as text. */
static void write_copy(FILE *out, pb_value *v)
{
    if (pb_value_kind(v) == PB_INSTANCE) {
        /* What Twisted's default setCopyableState loses in Python 3. */
        fputs("never filled", out);
        return;
    }
    const pb_object *o = pb_as_object(v);
    const char *name = o ? pb_object_class(o)->name : NULL;
    if (!o || pb_object_class(o) == &copied_bare) {
        char *text = shown(o ? pb_object_state(o) : v);
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
        write_copy(out, value);
    }
    fputc(')', out);
}

static char *read_copy(pb_value *v)
{
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    write_copy(out, v);
    fclose(out);
    return text;
}

/* ---- The server ---- */

static int do_take(void *self, pb_request *req)
{
    (void)self;
    pb_value *answer = pb_list();
    for (size_t i = 0; i < pb_len(pb_request_args(req)); i++) {
        char *text = read_copy(pb_item(pb_request_args(req), i));
        pb_append_steal(answer, pb_str(text));
        free(text);
    }
    return pb_request_answer_steal(req, answer);
}

static int do_same(void *self, pb_request *req)
{
    (void)self;
    pb_value *a, *b;
    int e = pb_request_unpack(req, "OO", &a, &b);
    return e ? e
             : pb_request_answer_steal(req, pb_bool(pb_as_object(a) == pb_as_object(b)));
}

static pb_value *member(pb_value *copy, const char *name)
{
    return pb_dict_get(pb_object_state(pb_as_object(copy)), name);
}

static void called(pb_value *answer, pb_failure *failure, void *user_data)
{
    (void)failure;
    pb_request_answer_steal(user_data, answer ? pb_value_ref(answer) : pb_none());
    pb_request_unref(user_data);
}

static int do_call(void *self, pb_request *req)
{
    (void)self;
    pb_value *v;
    int e = pb_request_unpack(req, "O", &v);
    if (e) {
        return e;
    }
    return pb_remote_call(pb_as_remote(member(v, "told")), "tell", called,
                          pb_request_ref(req), NULL, "O", member(v, "x"));
}

static int do_give(void *self, pb_request *req)
{
    (void)self;
    const char *name;
    int e = pb_request_unpack(req, "s", &name);
    for (size_t i = 0; i < EXAMPLES && e == 0; i++) {
        if (strcmp(examples[i].name, name) == 0) {
            return pb_request_answer_steal(req, make(&examples[i]));
        }
    }
    return e;
}

static int do_echo(void *self, pb_request *req)
{
    (void)self;
    pb_value *v;
    int e = pb_request_unpack(req, "O", &v);
    return e ? e : pb_request_answer_steal(req, pb_value_ref(v));
}

static int do_broken(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req,
                                   pb_object_value_steal(pb_object_new(&broken, NULL)));
}

static const pb_class copies_class = {
    .name = "Copies",
    .remote = (const pb_method[]){{"take", do_take},
                                  {"same", do_same},
                                  {"call", do_call},
                                  {"give", do_give},
                                  {"echo", do_echo},
                                  {"broken", do_broken},
                                  {0}},
};

static void serve_copying(pb_net_config *config)
{
    config->session.root = pb_object_new(&copies_class, NULL);
    config->session.registry = new_registry();
}

static void prepare_copying(pb_net_config *config)
{
    config->session.registry = new_registry();
}

/* ---- The client ---- */

static pb_value *ask(struct talk *t, const char *method, const char *format, pb_value *v,
                     pb_value *w)
{
    return pb_client_call(t->client, t->root, method, &t->err, format, v, w);
}

static void tell_error(struct talk *t, const char *what, pb_value *answer)
{
    const pb_failure *f = pb_client_failure(t->client);
    printf("%s: %s\n", what, f ? pb_failure_text(f) : t->err.text);
    pb_value_unref(answer);
    t->err = (pb_error){0};
}

static void take_ours(struct talk *t)
{
    for (size_t i = 0; i < EXAMPLES; i++) {
        char what[40];
        snprintf(what, sizeof what, "take %s", examples[i].name);
        tell(t, what, ask(t, "take", "N", make(&examples[i]), NULL));
    }
    pb_value *shared = make_shared();
    tell(t, "same", ask(t, "same", "OO", pb_item(shared, 0), pb_item(shared, 1)));
    pb_value_unref(shared);
    tell(t, "same",
         ask(t, "same", "NN", copy_of(&point, "{'x': 1}"), copy_of(&point, "{'x': 1}")));
    pb_value *told = pb_object_value_steal(told_new("the client's"));
    tell(t, "call",
         ask(t, "call", "N",
             copy_steal(&point, pb_build(NULL, "{sisN}", "x", 8, "told", told)), NULL));
}

static void get_theirs(struct talk *t)
{
    for (size_t i = 0; i < EXAMPLES - 1; i++) {
        const char *name = examples[i].name;
        pb_value *v = pb_client_call(t->client, t->root, "give", &t->err, "s", name);
        char *text = read_copy(v);
        printf("given %s: %s\n", name, text);
        free(text);
        pb_value_unref(v);
    }
    pb_value *both = pb_client_call(t->client, t->root, "give", &t->err, "s", "shared");
    pb_object *a = pb_as_object(pb_item(both, 0)), *b = pb_as_object(pb_item(both, 1));
    printf("shared: %s\n", a == b ? "True" : "False");
    pb_value *back = ask(t, "echo", "O", pb_item(both, 0), NULL);
    char *text = read_copy(back);
    printf("echoed: %s %s\n", text, pb_as_object(back) == a ? "True" : "False");
    free(text);
    pb_value_unref(back);
    pb_value_unref(both);
}

static void copying(struct talk *t)
{
    take_ours(t);
    get_theirs(t);
    tell_error(
        t, "not sent",
        ask(t, "take", "N", pb_object_value_steal(pb_object_new(&broken, NULL)), NULL));
    tell_error(t, "not given", ask(t, "broken", "", NULL, NULL));
    tell(t, "still", ask(t, "take", "N", pb_int(1), NULL));
}

const struct pair pairs_copying[] = {
    {"copying", serve_copying, copying, prepare_copying},
    {0},
};
