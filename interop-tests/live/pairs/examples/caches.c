/* SPDX-License-Identifier: MIT
 *
 * A cache, as in Twisted's cache example: a pond is watched by whom it was sent to, until
 * it is given up there. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>
#include <string.h>

#define POND_TAG "cache_classes.MasterDuckPond"

/* ---- The pond that is sent; one observer is enough here ---- */

struct pond {
    pb_value *ducks;
    pb_remote *observer;
};

static pb_value *pond_state(void *self, pb_object *perspective, pb_remote *observer,
                            pb_error *err)
{
    struct pond *pond = self;
    (void)perspective;
    (void)err;
    pond->observer = pb_remote_ref(observer);
    printf("somebody watches\n");
    return pb_value_ref(pond->ducks);
}

static void pond_stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    struct pond *pond = self;
    (void)perspective;
    (void)observer;
    pb_remote_unref(pond->observer);
    pond->observer = NULL;
    printf("nobody watches\n");
}

static const pb_class pond_class = {
    .name = POND_TAG,
    .flavor = PB_FLAVOR_CACHEABLE,
    .state_to_cache = pond_state,
    .stopped_observing = pond_stopped,
};

static void tell_observer(struct pond *pond, const char *method, const char *duck)
{
    if (pond->observer) {
        pb_remote_call(pond->observer, method, NULL, NULL, NULL, "s", duck);
    }
}

static void add_duck(struct pond *pond, const char *duck)
{
    pb_append_steal(pond->ducks, pb_str(duck));
    tell_observer(pond, "addDuck", duck);
}

/* A list that has lost the items of that text: *new*. */
static pb_value *without(pb_value *list, const char *text)
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

static void remove_duck(struct pond *pond, const char *duck)
{
    pb_value *rest = without(pond->ducks, duck);
    pb_value_unref(pond->ducks);
    pond->ducks = rest;
    tell_observer(pond, "removeDuck", duck);
}

/* ---- The pond that comes ---- */

struct slave {
    pb_value *ducks;
};

static int observe_add(void *self, pb_request *req)
{
    struct slave *slave = self;
    const char *duck;
    int e = pb_request_unpack(req, "s", &duck);
    if (e == 0) {
        printf("a duck comes: %s\n", duck);
        e = pb_append_steal(slave->ducks, pb_str(duck));
    }
    return e;
}

static int observe_remove(void *self, pb_request *req)
{
    struct slave *slave = self;
    const char *duck;
    int e = pb_request_unpack(req, "s", &duck);
    if (e == 0) {
        printf("a duck goes: %s\n", duck);
        pb_value *rest = without(slave->ducks, duck);
        pb_value_unref(slave->ducks);
        slave->ducks = rest;
    }
    return e;
}

static void *slave_new(void)
{
    return calloc(1, sizeof(struct slave));
}

static int slave_set(void *self, pb_value *state, pb_error *err)
{
    struct slave *slave = self;
    (void)err;
    slave->ducks = pb_value_ref(state);
    return 0;
}

static void slave_destroy(void *self)
{
    struct slave *slave = self;
    pb_value_unref(slave->ducks);
    free(slave);
}

static const pb_class slave_class = {
    .name = "SlavePond",
    .flavor = PB_FLAVOR_CACHEABLE,
    .observe = (const pb_method[]){{"addDuck", observe_add},
                                   {"removeDuck", observe_remove},
                                   {0}},
    .construct = slave_new,
    .set_state = slave_set,
    .destroy = slave_destroy,
};

/* ---- The server ---- */

struct receiver {
    pb_value *pond;
};

static int do_check(void *self, pb_request *req)
{
    struct receiver *r = self;
    (void)req;
    const struct slave *slave = pb_object_self(pb_as_object(r->pond));
    printf("%zu ducks:", pb_len(slave->ducks));
    for (size_t i = 0; i < pb_len(slave->ducks); i++) {
        pb_span duck;
        pb_as_text(pb_item(slave->ducks, i), &duck);
        printf("%s %s", i > 0 ? "," : "", (const char *)duck.data);
    }
    printf("\n");
    return 0;
}

static int do_take_pond(void *self, pb_request *req)
{
    struct receiver *r = self;
    pb_value *pond;
    int e = pb_request_unpack(req, "O", &pond);
    if (e) {
        return e;
    }
    r->pond = pb_value_ref(pond);
    return do_check(self, req);
}

static int do_ignore(void *self, pb_request *req)
{
    struct receiver *r = self;
    (void)req;
    pb_value_unref(r->pond);
    r->pond = NULL;
    printf("the pond is given up\n");
    return 0;
}

static const pb_class receiver_class = {
    .name = "Receiver",
    .remote = (const pb_method[]){{"takePond", do_take_pond},
                                  {"checkDucks", do_check},
                                  {"ignorePond", do_ignore},
                                  {"shutdown", stop_serving},
                                  {0}},
    .destroy = free,
};

static void serve_cache(pb_net_config *config)
{
    config->session.root =
        pb_object_new(&receiver_class, calloc(1, sizeof(struct receiver)));
    config->session.registry = pb_registry_new();
    pb_registry_set_class(config->session.registry, POND_TAG, &slave_class);
}

/* ---- The client ---- */

static void call(struct talk *t, const char *method)
{
    tell(t, method, pb_client_call(t->client, t->root, method, &t->err, ""));
}

static void cache(struct talk *t)
{
    struct pond pond = {pb_build(NULL, "[ss]", "one duck", "two duck"), NULL};
    pb_object *o = pb_object_new(&pond_class, &pond);
    tell(
        t, "takePond",
        pb_client_call(t->client, t->root, "takePond", &t->err, "N", pb_object_value(o)));
    add_duck(&pond, "ugly duckling");
    call(t, "checkDucks");
    remove_duck(&pond, "one duck");
    call(t, "checkDucks");
    call(t, "ignorePond");
    add_duck(&pond, "nobody's duck");
    call_until_gone(t, "shutdown");
    pb_object_unref(o);
    pb_value_unref(pond.ducks);
}

const struct pair pairs_caches[] = {{"cache", serve_cache, cache, NULL}, {0}};
