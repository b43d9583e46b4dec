/* SPDX-License-Identifier: MIT
 *
 * Counts of references: one object in many places, sent home, dropped early and late, by
 * both sides; and what a broker does when there are too many. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>

struct counts {
    pb_object *told;
    pb_value *kept; /* a list */
};

/* ---- The server ---- */

static int do_twice(void *self, pb_request *req)
{
    struct counts *c = self;
    pb_value *answer =
        pb_build(NULL, "[N(N){sN}]", pb_object_value(c->told), pb_object_value(c->told),
                 "again", pb_object_value(c->told));
    return pb_request_answer_steal(req, answer);
}

static pb_value *fresh_list(int count, const char *name)
{
    pb_value *list = pb_list();
    for (int i = 0; i < count; i++) {
        pb_append_steal(list, pb_object_value_steal(told_new(name)));
    }
    return list;
}

static int do_fresh(void *self, pb_request *req)
{
    (void)self;
    int count;
    int e = pb_request_unpack(req, "i", &count);
    return e ? e : pb_request_answer_steal(req, fresh_list(count, "fresh"));
}

static int do_mine(void *self, pb_request *req)
{
    const struct counts *c = self;
    pb_value *args = pb_request_args(req);
    int64_t mine = 0;
    for (size_t i = 0; i < pb_len(args); i++) {
        mine += pb_as_object(pb_item(args, i)) == c->told;
    }
    return pb_request_answer_steal(req, pb_int(mine));
}

static int do_keep(void *self, pb_request *req)
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

static int do_drop(void *self, pb_request *req)
{
    struct counts *c = self;
    (void)req;
    pb_value_unref(c->kept);
    c->kept = pb_list();
    return 0;
}

static int do_back(void *self, pb_request *req)
{
    struct counts *c = self;
    return pb_request_answer_steal(req, pb_value_ref(c->kept));
}

static int do_tables(void *self, pb_request *req)
{
    (void)self;
    char text[TABLES_SIZE];
    tables(pb_request_session(req), text);
    return pb_request_answer_steal(req, pb_str(text));
}

/* Answers to calls of everything kept, and the request that waits for all of them. */
struct gathered {
    pb_request *req;
    pb_value *answers;
    size_t missing;
};

static void gather(pb_value *answer, pb_failure *failure, void *user_data)
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

static int do_call_all(void *self, pb_request *req)
{
    struct counts *c = self;
    struct gathered *g = malloc(sizeof *g);
    *g = (struct gathered){pb_request_ref(req), pb_list(), pb_len(c->kept)};
    for (size_t i = 0; i < pb_len(c->kept); i++) {
        pb_remote_call(pb_as_remote(pb_item(c->kept, i)), "tell", gather, g, NULL, "i",
                       (int)i);
    }
    return 0;
}

static void destroy(void *self)
{
    struct counts *c = self;
    pb_object_unref(c->told);
    pb_value_unref(c->kept);
    free(c);
}

static const pb_class counts_class = {
    .name = "Counts",
    .remote = (const pb_method[]){{"twice", do_twice},
                                  {"fresh", do_fresh},
                                  {"mine", do_mine},
                                  {"keep", do_keep},
                                  {"drop", do_drop},
                                  {"back", do_back},
                                  {"tables", do_tables},
                                  {"call_all", do_call_all},
                                  {0}},
    .destroy = destroy,
};

static void serve_counts(pb_net_config *config)
{
    struct counts *c = malloc(sizeof *c);
    *c = (struct counts){told_new("the server's"), pb_list()};
    config->session.root = pb_object_new(&counts_class, c);
}

/* ---- The clients ---- */

static pb_value *call(struct talk *t, const char *method)
{
    return pb_client_call(t->client, t->root, method, &t->err, "");
}

static void tell_tables(struct talk *t)
{
    tell(t, "the server keeps", call(t, "tables"));
}

static const char *truth(bool b)
{
    return b ? "True" : "False";
}

static void theirs(struct talk *t)
{
    pb_value *twice = call(t, "twice");
    pb_value *first = pb_item(twice, 0);
    pb_value *third = pb_dict_get(pb_item(twice, 2), "again");
    printf("one object: %s\n",
           truth(pb_value_equal(first, pb_item(pb_item(twice, 1), 0)) &&
                 pb_value_equal(first, third)));
    tell_tables(t);
    tell(t, "mine",
         pb_client_call(t->client, t->root, "mine", &t->err, "OON", first, third,
                        pb_remote_value(t->root)));
    pb_value *again = call(t, "twice");
    printf("and again: %s\n", truth(pb_value_equal(pb_item(again, 0), first)));
    pb_value_unref(twice);
    tell_tables(t);
    tell(t, "tell",
         pb_client_call(t->client, pb_as_remote(pb_item(again, 0)), "tell", &t->err, "i",
                        1));
    pb_value_unref(again);
    tell_tables(t);
    pb_value *fresh = pb_client_call(t->client, t->root, "fresh", &t->err, "i", 5);
    printf("alike: %s\n", truth(pb_value_equal(pb_item(fresh, 0), pb_item(fresh, 1))));
    tell_tables(t);
    pb_value_unref(fresh);
    tell_tables(t);
}

static void ours(struct talk *t)
{
    pb_object *mine = told_new("the client's");
    tell(t, "keep",
         pb_client_call(t->client, t->root, "keep", &t->err, "[NN]",
                        pb_object_value(mine), pb_object_value(mine)));
    tell(t, "call all", call(t, "call_all"));
    tell(t, "keep",
         pb_client_call(t->client, t->root, "keep", &t->err, "[N]",
                        pb_object_value(mine)));
    pb_value *back = call(t, "back");
    printf("came home: [");
    for (size_t i = 0; i < pb_len(back); i++) {
        printf("%s%s", i ? ", " : "", truth(pb_as_object(pb_item(back, i)) == mine));
    }
    printf("]\n");
    pb_value_unref(back);
    char text[TABLES_SIZE];
    tables(pb_client_session(t->client), text);
    printf("the client keeps %s\n", text);
    pb_value_unref(call(t, "drop"));
    tell_tables(t);
    pb_object_unref(mine);
}

static void counts(struct talk *t)
{
    theirs(t);
    ours(t);
}

static pb_value *get_fresh(struct talk *t, int count)
{
    return pb_client_call(t->client, t->root, "fresh", &t->err, "i", count);
}

static void too_many(struct talk *t)
{
    tell(t, "keep",
         pb_client_call(t->client, t->root, "keep", &t->err, "N", fresh_list(1000, "x")));
    pb_value *fresh = get_fresh(t, 1000);
    printf("fresh: %zu\n", pb_len(fresh));
    pb_value *more = get_fresh(t, 23);
    pb_value *last = get_fresh(t, 1);
    tell(t, "one more", get_fresh(t, 1));
    pb_value_unref(last);
    tell(t, "one instead", call(t, "mine"));
    last = get_fresh(t, 1);
    printf("more: %zu\n", pb_len(more) + pb_len(last));
    tell(t, "tables", call(t, "tables"));
    pb_value_unref(fresh);
    pb_value_unref(more);
    pb_value_unref(last);
    pb_value_unref(call(t, "drop"));
    tell(t, "tables", call(t, "tables"));
}

static void gone_for_good(struct talk *t)
{
    pb_value *fresh = get_fresh(t, 1024);
    for (int i = 0; i < 3; i++) {
        tell(t, "one more", get_fresh(t, 1));
    }
    pb_value_unref(get_fresh(t, 1));
    call_until_gone(t, "tables");
    pb_value_unref(fresh);
}

const struct pair pairs_counts[] = {
    {"counts", serve_counts, counts, NULL},
    {"too-many", serve_counts, too_many, NULL},
    {"gone", serve_counts, gone_for_good, NULL},
    {0},
};
