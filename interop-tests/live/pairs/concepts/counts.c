/* SPDX-License-Identifier: MIT
 *
 * Reference counts, on both sides: one object sent several times, sent back to its owner,
 * released early and late; and a broker's reaction to too many references. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>

struct counts {
    pb_object *printer;
    pb_value *kept; /* a list */
};

/* ---- The server ---- */

static int counts_twice(void *self, pb_request *req)
{
    struct counts *c = self;
    pb_value *answer =
        pb_build(NULL, "[N(N){sN}]", pb_object_value(c->printer),
                 pb_object_value(c->printer), "again", pb_object_value(c->printer));
    return pb_request_answer_steal(req, answer);
}

static pb_value *printer_list(int count, const char *name)
{
    pb_value *list = pb_list();
    for (int i = 0; i < count; i++) {
        pb_append_steal(list, pb_object_value_steal(printer_new(name)));
    }
    return list;
}

static int counts_fresh(void *self, pb_request *req)
{
    (void)self;
    int count;
    int e = pb_request_unpack(req, "i", &count);
    return e ? e : pb_request_answer_steal(req, printer_list(count, "fresh"));
}

static int counts_mine(void *self, pb_request *req)
{
    const struct counts *c = self;
    pb_value *args = pb_request_args(req);
    int64_t mine = 0;
    for (size_t i = 0; i < pb_len(args); i++) {
        mine += pb_as_object(pb_item(args, i)) == c->printer;
    }
    return pb_request_answer_steal(req, pb_int(mine));
}

static int counts_keep(void *self, pb_request *req)
{
    struct counts *c = self;
    pb_value *values;
    int e = pb_request_unpack(req, "O", &values);
    if (e) {
        return e;
    }
    for (size_t i = 0; i < pb_len(values); i++) {
        pb_append(c->kept, pb_item(values, i));
    }
    return pb_request_answer_steal(req, pb_int((int64_t)pb_len(c->kept)));
}

static int counts_drop(void *self, pb_request *req)
{
    struct counts *c = self;
    (void)req;
    pb_value_unref(c->kept);
    c->kept = pb_list();
    return 0;
}

static int counts_back(void *self, pb_request *req)
{
    struct counts *c = self;
    return pb_request_answer_steal(req, pb_value_ref(c->kept));
}

/* The answers to the calls of all kept references, and the request that gets them. */
struct gathered {
    pb_request *req;
    pb_value *answers;
    size_t missing;
};

static void gathered_answer(pb_value *answer, pb_failure *failure, void *user_data)
{
    struct gathered *g = user_data;
    if (failure) {
        pb_request_fail_with(g->req, failure);
    } else {
        pb_append(g->answers, answer);
    }
    if (--g->missing == 0) {
        pb_request_answer_steal(g->req, g->answers);
        pb_request_unref(g->req);
        free(g);
    }
}

static int counts_call_all(void *self, pb_request *req)
{
    struct counts *c = self;
    struct gathered *g = malloc(sizeof *g);
    *g = (struct gathered){pb_request_ref(req), pb_list(), pb_len(c->kept)};
    for (size_t i = 0; i < pb_len(c->kept); i++) {
        pb_remote_call(pb_as_remote(pb_item(c->kept, i)), "tell", gathered_answer, g,
                       NULL, "i", (int)i);
    }
    return 0;
}

static void counts_destroy(void *self)
{
    struct counts *c = self;
    pb_object_unref(c->printer);
    pb_value_unref(c->kept);
    free(c);
}

static const pb_class counts_class = {
    .name = "Counts",
    .remote = (const pb_method[]){{"twice", counts_twice},
                                  {"fresh", counts_fresh},
                                  {"mine", counts_mine},
                                  {"keep", counts_keep},
                                  {"drop", counts_drop},
                                  {"back", counts_back},
                                  {"counts", answer_counts},
                                  {"call_all", counts_call_all},
                                  {0}},
    .destroy = counts_destroy,
};

static void serve_counts(pb_net_config *config)
{
    struct counts *c = malloc(sizeof *c);
    *c = (struct counts){printer_new("the server's"), pb_list()};
    config->session.root = pb_object_new(&counts_class, c);
}

/* ---- The clients ---- */

static pb_value *counts_call(struct test_client *t, const char *method)
{
    return pb_client_call(t->client, t->root, method, &t->err, "");
}

/* References of the client to objects of the server. */
static void run_imported_references(struct test_client *t)
{
    pb_value *twice = counts_call(t, "twice");
    pb_value *first = pb_item(twice, 0);
    pb_value *third = pb_dict_get(pb_item(twice, 2), "again");
    printf("one object: %s\n",
           python_bool(pb_value_equal(first, pb_item(pb_item(twice, 1), 0)) &&
                       pb_value_equal(first, third)));
    print_server_counts(t, "the server keeps");
    print_answer_steal(t, "mine",
                       pb_client_call(t->client, t->root, "mine", &t->err, "OON", first,
                                      third, pb_remote_value(t->root)));
    pb_value *again = counts_call(t, "twice");
    printf("and again: %s\n", python_bool(pb_value_equal(pb_item(again, 0), first)));
    pb_value_unref(twice);
    print_server_counts(t, "the server keeps");
    print_answer_steal(t, "tell",
                       pb_client_call(t->client, pb_as_remote(pb_item(again, 0)), "tell",
                                      &t->err, "i", 1));
    pb_value_unref(again);
    print_server_counts(t, "the server keeps");
    pb_value *fresh = pb_client_call(t->client, t->root, "fresh", &t->err, "i", 5);
    printf("equal: %s\n",
           python_bool(pb_value_equal(pb_item(fresh, 0), pb_item(fresh, 1))));
    print_server_counts(t, "the server keeps");
    pb_value_unref(fresh);
    print_server_counts(t, "the server keeps");
}

/* References of the server to an object of the client. */
static void run_exported_references(struct test_client *t)
{
    pb_object *mine = printer_new("the client's");
    print_answer_steal(t, "keep",
                       pb_client_call(t->client, t->root, "keep", &t->err, "[NN]",
                                      pb_object_value(mine), pb_object_value(mine)));
    print_answer_steal(t, "call all", counts_call(t, "call_all"));
    print_answer_steal(t, "keep",
                       pb_client_call(t->client, t->root, "keep", &t->err, "[N]",
                                      pb_object_value(mine)));
    pb_value *back = counts_call(t, "back");
    printf("sent back: [");
    for (size_t i = 0; i < pb_len(back); i++) {
        printf("%s%s", i ? ", " : "",
               python_bool(pb_as_object(pb_item(back, i)) == mine));
    }
    printf("]\n");
    pb_value_unref(back);
    print_client_counts(t);
    pb_value_unref(counts_call(t, "drop"));
    print_server_counts(t, "the server keeps");
    pb_object_unref(mine);
}

static void run_counts(struct test_client *t)
{
    run_imported_references(t);
    run_exported_references(t);
}

static pb_value *fetch_fresh(struct test_client *t, int count)
{
    return pb_client_call(t->client, t->root, "fresh", &t->err, "i", count);
}

static void run_too_many(struct test_client *t)
{
    print_answer_steal(t, "keep",
                       pb_client_call(t->client, t->root, "keep", &t->err, "N",
                                      printer_list(1000, "x")));
    pb_value *fresh = fetch_fresh(t, 1000);
    printf("fresh: %zu\n", pb_len(fresh));
    pb_value *more = fetch_fresh(t, 23);
    pb_value *last = fetch_fresh(t, 1);
    print_answer_steal(t, "one more", fetch_fresh(t, 1));
    pb_value_unref(last);
    print_answer_steal(t, "one instead", counts_call(t, "mine"));
    last = fetch_fresh(t, 1);
    printf("more: %zu\n", pb_len(more) + pb_len(last));
    print_server_counts(t, "counts");
    pb_value_unref(fresh);
    pb_value_unref(more);
    pb_value_unref(last);
    pb_value_unref(counts_call(t, "drop"));
    print_server_counts(t, "counts");
}

static void run_gone(struct test_client *t)
{
    pb_value *fresh = fetch_fresh(t, 1024);
    for (int i = 0; i < 3; i++) {
        print_answer_steal(t, "one more", fetch_fresh(t, 1));
    }
    pb_value_unref(fetch_fresh(t, 1));
    call_until_closed(t, "counts");
    pb_value_unref(fresh);
}

const struct pair pairs_counts[] = {
    {"counts", serve_counts, run_counts, NULL},
    {"too-many", serve_counts, run_too_many, NULL},
    {"gone", serve_counts, run_gone, NULL},
    {0},
};
