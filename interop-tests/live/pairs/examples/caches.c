/* SPDX-License-Identifier: MIT
 *
 * A cache, as in Twisted's cache example: the receiver of a pond observes it until it
 * releases its copy. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>
#include <string.h>

#define POND_TAG "cache_classes.MasterDuckPond"

/* ---- The pond that the client sends; it has one observer at most ---- */

struct pond {
    pb_value *ducks;
    pb_remote *observer;
};

static pb_value *master_pond_state(void *self, pb_object *perspective,
                                   pb_remote *observer, pb_error *err)
{
    struct pond *pond = self;
    (void)perspective;
    (void)err;
    pond->observer = pb_remote_ref(observer);
    printf("the pond is observed\n");
    return pb_value_ref(pond->ducks);
}

static void master_pond_stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    struct pond *pond = self;
    (void)perspective;
    (void)observer;
    pb_remote_unref(pond->observer);
    pond->observer = NULL;
    printf("the pond is no longer observed\n");
}

static const pb_class pond_class = {
    .name = POND_TAG,
    .flavor = PB_FLAVOR_CACHEABLE,
    .state_to_cache = master_pond_state,
    .stopped_observing = master_pond_stopped,
};

static void pond_call_observer(struct pond *pond, const char *method, const char *duck)
{
    if (pond->observer) {
        pb_remote_call(pond->observer, method, NULL, NULL, NULL, "s", duck);
    }
}

static void pond_add_duck(struct pond *pond, const char *duck)
{
    pb_append_steal(pond->ducks, pb_str(duck));
    pond_call_observer(pond, "addDuck", duck);
}

/* A copy of the list without the items that are equal to the text: *new*. */
static pb_value *list_without(pb_value *list, const char *text)
{
    pb_value *rest = pb_list();
    for (size_t i = 0; i < pb_len(list); i++) {
        pb_span item;
        pb_as_text(pb_item(list, i), &item);
        if (strcmp((const char *)item.data, text) != 0) {
            pb_append(rest, pb_item(list, i));
        }
    }
    return rest;
}

static void pond_remove_duck(struct pond *pond, const char *duck)
{
    pb_value *rest = list_without(pond->ducks, duck);
    pb_value_unref(pond->ducks);
    pond->ducks = rest;
    pond_call_observer(pond, "removeDuck", duck);
}

/* ---- The pond that the server receives ---- */

struct slave_pond {
    pb_value *ducks;
};

static int slave_add_duck(void *self, pb_request *req)
{
    struct slave_pond *slave = self;
    const char *duck;
    int e = pb_request_unpack(req, "s", &duck);
    if (e == 0) {
        printf("a duck is added: %s\n", duck);
        e = pb_append_steal(slave->ducks, pb_str(duck));
    }
    return e;
}

static int slave_remove_duck(void *self, pb_request *req)
{
    struct slave_pond *slave = self;
    const char *duck;
    int e = pb_request_unpack(req, "s", &duck);
    if (e == 0) {
        printf("a duck is removed: %s\n", duck);
        pb_value *rest = list_without(slave->ducks, duck);
        pb_value_unref(slave->ducks);
        slave->ducks = rest;
    }
    return e;
}

static void *slave_new(void)
{
    return calloc(1, sizeof(struct slave_pond));
}

static int slave_set_state(void *self, pb_value *state, pb_error *err)
{
    struct slave_pond *slave = self;
    (void)err;
    slave->ducks = pb_value_ref(state);
    return 0;
}

static void slave_destroy(void *self)
{
    struct slave_pond *slave = self;
    pb_value_unref(slave->ducks);
    free(slave);
}

static const pb_class slave_class = {
    .name = "SlavePond",
    .flavor = PB_FLAVOR_CACHEABLE,
    .observe = (const pb_method[]){{"addDuck", slave_add_duck},
                                   {"removeDuck", slave_remove_duck},
                                   {0}},
    .construct = slave_new,
    .set_state = slave_set_state,
    .destroy = slave_destroy,
};

/* ---- The server ---- */

struct cache_receiver {
    pb_value *pond;
};

static int cache_receiver_check(void *self, pb_request *req)
{
    struct cache_receiver *r = self;
    (void)req;
    const struct slave_pond *slave = pb_object_self(pb_as_object(r->pond));
    printf("%zu ducks:", pb_len(slave->ducks));
    for (size_t i = 0; i < pb_len(slave->ducks); i++) {
        pb_span duck;
        pb_as_text(pb_item(slave->ducks, i), &duck);
        printf("%s %s", i > 0 ? "," : "", (const char *)duck.data);
    }
    printf("\n");
    return 0;
}

static int cache_receiver_take_pond(void *self, pb_request *req)
{
    struct cache_receiver *r = self;
    pb_value *pond;
    int e = pb_request_unpack(req, "O", &pond);
    if (e) {
        return e;
    }
    r->pond = pb_value_ref(pond);
    return cache_receiver_check(self, req);
}

static int cache_receiver_ignore_pond(void *self, pb_request *req)
{
    struct cache_receiver *r = self;
    (void)req;
    pb_value_unref(r->pond);
    r->pond = NULL;
    printf("the pond is released\n");
    return 0;
}

static const pb_class receiver_class = {
    .name = "Receiver",
    .remote = (const pb_method[]){{"takePond", cache_receiver_take_pond},
                                  {"checkDucks", cache_receiver_check},
                                  {"ignorePond", cache_receiver_ignore_pond},
                                  {"shutdown", stop_server},
                                  {0}},
    .destroy = free,
};

static void serve_cache(pb_net_config *config)
{
    config->session.root =
        pb_object_new(&receiver_class, calloc(1, sizeof(struct cache_receiver)));
    config->session.registry = pb_registry_new();
    pb_registry_set_class(config->session.registry, POND_TAG, &slave_class);
}

/* ---- The client ---- */

static void receiver_call(struct test_client *t, const char *method)
{
    print_answer_steal(t, method,
                       pb_client_call(t->client, t->root, method, &t->err, ""));
}

static void run_cache(struct test_client *t)
{
    struct pond pond = {pb_build(NULL, "[ss]", "one duck", "two duck"), NULL};
    pb_object *o = pb_object_new(&pond_class, &pond);
    print_answer_steal(
        t, "takePond",
        pb_client_call(t->client, t->root, "takePond", &t->err, "N", pb_object_value(o)));
    pond_add_duck(&pond, "ugly duckling");
    receiver_call(t, "checkDucks");
    pond_remove_duck(&pond, "one duck");
    receiver_call(t, "checkDucks");
    receiver_call(t, "ignorePond");
    pond_add_duck(&pond, "nobody's duck");
    call_until_closed(t, "shutdown");
    pb_object_unref(o);
    pb_value_unref(pond.ducks);
}

const struct pair pairs_caches[] = {{"cache", serve_cache, run_cache, NULL}, {0}};
