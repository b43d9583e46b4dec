/* SPDX-License-Identifier: MIT
 *
 * Positional and keyword arguments, defaults, and all kinds of wrong arguments. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>

static int arguments_both(void *self, pb_request *req)
{
    (void)self;
    const char *const names[] = {"a", "b", "c", NULL};
    pb_value *a = NULL, *b = NULL, *c = NULL;
    int e = pb_request_unpack_keywords(req, "O|O$O", names, &a, &b, &c);
    if (e) {
        return e;
    }
    pb_value *answer = pb_build(NULL, "[OOO]", a, b ? b : pb_int(2), c ? c : pb_int(3));
    char *texts[3];
    for (size_t i = 0; i < 3; i++) {
        texts[i] = value_text(pb_item(answer, i));
    }
    printf("both: %s %s %s\n", texts[0], texts[1], texts[2]);
    for (size_t i = 0; i < 3; i++) {
        free(texts[i]);
    }
    return pb_request_answer_steal(req, answer);
}

static int arguments_rest(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(
        req, pb_build(NULL, "[OO]", pb_request_args(req), pb_request_kwargs(req)));
}

static int arguments_two(void *self, pb_request *req)
{
    (void)self;
    const char *const names[] = {"a", "b", NULL};
    pb_value *a, *b;
    int e = pb_request_unpack_keywords(req, "OO", names, &a, &b);
    return e ? e : pb_request_answer_steal(req, pb_build(NULL, "(OO)", b, a));
}

static int arguments_none(void *self, pb_request *req)
{
    (void)self;
    int e = pb_request_unpack(req, "");
    return e ? e : pb_request_answer_steal(req, pb_str("nothing"));
}

static const pb_class arguments_class = {
    .name = "Arguments",
    .remote = (const pb_method[]){{"both", arguments_both},
                                  {"rest", arguments_rest},
                                  {"two", arguments_two},
                                  {"none", arguments_none},
                                  {0}},
};

static void serve_arguments(pb_net_config *config)
{
    config->session.root = pb_object_new(&arguments_class, NULL);
}

static void run_arguments(struct test_client *t)
{
    static const char *const calls[][3] = {
        {"both", "(1,)", "{}"},
        {"both", "(1, 5)", "{}"},
        {"both", "(1,)", "{'b': 6}"},
        {"both", "()", "{'c': 7, 'a': 1}"},
        {"both", "(1, 2)", "{'c': [7]}"},
        {"rest", "()", "{}"},
        {"rest", "(1, (2,))", "{'x': None, 'y': {'z': b'z'}}"},
        {"rest", "()", "{'self_': 1}"},
        {"two", "(1,)", "{'b': 2}"},
        {"none", "()", "{}"},
        /* wrong arguments */
        {"both", "()", "{}"},
        {"both", "()", "{'b': 1}"},
        {"both", "(1, 2, 3)", "{}"},
        {"both", "(1, 2, 3, 4)", "{'c': 1}"},
        {"both", "(1,)", "{'a': 1}"},
        {"both", "(1,)", "{'d': 1}"},
        {"both", "(1,)", "{'d': 1, 'e': 2}"},
        {"two", "()", "{}"},
        {"two", "(1,)", "{}"},
        {"two", "(1, 2, 3)", "{}"},
        {"none", "(1,)", "{}"},
        {"none", "()", "{'x': 1}"},
    };
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        char label[80];
        snprintf(label, sizeof label, "%s %s %s", calls[i][0], calls[i][1], calls[i][2]);
        pb_value *args = pb_value_parse(calls[i][1], NULL);
        pb_value *kwargs = pb_value_parse(calls[i][2], NULL);
        print_answer_steal(t, label,
                           pb_client_call_values(t->client, t->root, calls[i][0], args,
                                                 kwargs, &t->err));
        pb_value_unref(args);
        pb_value_unref(kwargs);
    }
}

const struct pair pairs_arguments[] = {
    {"arguments", serve_arguments, run_arguments, NULL},
    {0},
};
