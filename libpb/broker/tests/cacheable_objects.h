/* SPDX-License-Identifier: MIT
 *
 * A pond of ducks, which is Cacheable, the peer's cache of it, and a root that sends and
 * receives it: those of the captures. */
#ifndef PB__TEST_CACHEABLE_OBJECTS_H
#define PB__TEST_CACHEABLE_OBJECTS_H

#include "libpb/base/mem.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/pair.h"

#define OBSERVERS 8

/* ---- What is sent ---- */

struct pond {
    pb_value *ducks; /* a list */
    pb_remote *observers[OBSERVERS];
    size_t observed; /* how many of them */
    size_t stopped;  /* how often stopped_observing was called */
    size_t destroyed;
    bool unwilling; /* state_to_cache fails */
    struct pair *log;
};

static inline pb_value *pond_state(void *self, pb_object *perspective,
                                   pb_remote *observer, pb_error *err)
{
    struct pond *pond = self;
    (void)perspective;
    if (pond->unwilling) {
        if (err) {
            err->code = PB_ERR_STATE;
            snprintf(err->text, sizeof err->text, "the pond is frozen");
        }
        return NULL;
    }
    /* A copy, as the state must not change before it is written. */
    pb_value *ducks = pb_list();
    for (size_t i = 0; ducks && i < pb_len(pond->ducks); i++) {
        if (pb_append(ducks, pb_item(pond->ducks, i)) != 0) {
            pb_value_unref(ducks);
            ducks = NULL;
        }
    }
    pb_value *state = pb_build(NULL, "{s:N}", "ducks", ducks);
    if (state) {
        cr_assert_lt(pond->observed, OBSERVERS);
        pond->observers[pond->observed++] = pb_remote_ref(observer);
    }
    return state;
}

static inline void pond_stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    struct pond *pond = self;
    (void)perspective;
    size_t i = 0;
    while (i < pond->observed &&
           !pb_value_equal((pb_value *)pond->observers[i], (pb_value *)observer)) {
        i++;
    }
    cr_assert_lt(i, pond->observed);
    pb_remote_unref(pond->observers[i]);
    pond->observers[i] = pond->observers[--pond->observed];
    pond->stopped++;
    if (pond->log) {
        note(pond->log, "stopped");
    }
}

static inline void pond_destroyed(void *self)
{
    ((struct pond *)self)->destroyed++;
}

static const pb_class pond_class = {.name = "scenarios.Pond",
                                    .flavor = PB_FLAVOR_CACHEABLE,
                                    .state_to_cache = pond_state,
                                    .stopped_observing = pond_stopped,
                                    .destroy = pond_destroyed};

/* Takes the duck. */
static inline void pond_add(struct pond *pond, pb_value *duck)
{
    pb_append(pond->ducks, duck);
    for (size_t i = 0; i < pond->observed; i++) {
        pb_value *args = pb_build(NULL, "(O)", duck);
        pb_remote_call_values(pond->observers[i], "add", args, NULL, NULL, NULL, NULL,
                              NULL, NULL);
        pb_value_unref(args);
    }
    pb_value_unref(duck);
}

/* ---- What is received ---- */

struct cached_pond {
    pb_value *state; /* the object's */
    bool *alive;
};

static int ponds_made, ponds_gone;

static inline void *cached_pond_new(void)
{
    struct cached_pond *c = pb__calloc(1, sizeof *c);
    ponds_made += c != NULL;
    return c;
}

static inline int cached_pond_set(void *self, pb_value *state, pb_error *err)
{
    (void)err;
    struct cached_pond *c = self;
    c->state = state;
    return pb_dict_get(state, "frozen") ? PB_ERR_RANGE : 0;
}

static inline void cached_pond_free(void *self)
{
    ponds_gone++;
    pb__free(self);
}

static inline int observe_add(void *self, pb_request *r)
{
    struct cached_pond *c = self;
    pb_value *ducks = pb_dict_get(c->state, "ducks");
    pb_append(ducks, pb_item(pb_request_args(r), 0));
    cr_assert_eq(pb_request_role(r), PB_ROLE_OBSERVE);
    cr_assert_eq(pb_object_self(pb_request_object(r)), self);
    return pb_request_answer_steal(r, pb_int((int64_t)pb_len(ducks)));
}

static inline int observe_fail(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "builtins.ValueError", "observer");
}

static const pb_method observing[] = {{"add", observe_add}, {"fail", observe_fail}, {0}};
static const pb_class remote_pond = {.name = "scenarios.RemotePond",
                                     .flavor = PB_FLAVOR_CACHEABLE,
                                     .observe = observing,
                                     .construct = cached_pond_new,
                                     .set_state = cached_pond_set,
                                     .destroy = cached_pond_free};

static inline pb_registry *pond_registry(void)
{
    pb_registry *g = pb_registry_new();
    if (g && pb_registry_set_class(g, "scenarios.Pond", &remote_pond) != 0) {
        pb_registry_unref(g);
        return NULL;
    }
    return g;
}

/* The ducks of a cache, borrowed. */
static inline pb_value *ducks_of(const pb_value *cache)
{
    return pb_dict_get(pb_object_state(pb_as_object(cache)), "ducks");
}

/* ---- The root ---- */

struct ponds {
    pb_object *root;
    pb_object *object; /* the pond's */
    struct pond pond;
    struct pair *log;
};

static inline int serve_pond(void *self, pb_request *r)
{
    struct ponds *p = self;
    return pb_request_answer_steal(r, pb_object_value(p->object));
}

static inline int serve_two_ponds(void *self, pb_request *r)
{
    struct ponds *p = self;
    return pb_request_answer_steal(r, pb_build(NULL, "[N(N)]", pb_object_value(p->object),
                                               pb_object_value(p->object)));
}

static inline int serve_add_duck(void *self, pb_request *r)
{
    struct ponds *p = self;
    pond_add(&p->pond, pb_value_ref(pb_item(pb_request_args(r), 0)));
    return 0;
}

static inline int serve_is(void *self, pb_request *r)
{
    struct ponds *p = self;
    pb_value *v = pb_item(pb_request_args(r), 0);
    return pb_request_answer_steal(r, pb_bool(pb_as_object(v) == p->object));
}

static inline int serve_stopped(void *self, pb_request *r)
{
    struct ponds *p = self;
    return pb_request_answer_steal(
        r, pb_build(NULL, "[ii]", (int)p->pond.stopped, (int)p->pond.observed));
}

/* Answers a list of new ponds, all of one class. */
static inline int serve_new_ponds(void *self, pb_request *r)
{
    struct ponds *p = self;
    int n;
    int e = pb_request_unpack(r, "i", &n);
    if (e) {
        return e;
    }
    pb_value *list = pb_list();
    for (int i = 0; list && i < n; i++) {
        pb_append_steal(list,
                        pb_object_value_steal(pb_object_new(&pond_class, &p->pond)));
    }
    return pb_request_answer_steal(r, list);
}

static const pb_method ponds_methods[] = {{"pond", serve_pond},
                                          {"two", serve_two_ponds},
                                          {"addDuck", serve_add_duck},
                                          {"is", serve_is},
                                          {"stopped", serve_stopped},
                                          {"new", serve_new_ponds},
                                          {0}};
static const pb_class ponds_class = {.name = "PondRoot", .remote = ponds_methods};

static inline bool ponds_begin(struct ponds *p, struct pair *log)
{
    *p = (struct ponds){.pond = {.ducks = pb_list(), .log = log}, .log = log};
    p->root = pb_object_new(&ponds_class, p);
    p->object = pb_object_new(&pond_class, &p->pond);
    return p->root && p->object && p->pond.ducks &&
           pb_append_steal(p->pond.ducks, pb_str("one")) == 0;
}

static inline void ponds_end(struct ponds *p)
{
    for (size_t i = 0; i < p->pond.observed; i++) {
        pb_remote_unref(p->pond.observers[i]);
    }
    pb_object_unref(p->object);
    pb_object_unref(p->root);
    pb_value_unref(p->pond.ducks);
}

/* ---- A pair with ponds ---- */

/* Opens a pair with ponds at the server; the client has a pond of its own to send. */
static inline void open_ponds(struct pair *p, struct ponds *server,
                              pb_session_config both)
{
    cr_assert(ponds_begin(server, p));
    both.registry = pond_registry();
    pb_session_config s = both;
    s.root = server->root;
    cr_assert(pair_open(p, both, s));
    pb_registry_unref(both.registry);
    talk(p);
    p->log_len = 0;
    server->pond.log = p;
}

static inline void close_ponds(struct pair *p, struct ponds *server)
{
    size_t end = p->log_len;
    server->pond.log = NULL;
    pair_close_both(p);
    p->log_len = end;
    p->log[end] = '\0';
    ponds_end(server);
}

static inline pb_session_stats stats_of(const pb_session *s)
{
    pb_session_stats stats;
    pb_session_get_stats(s, &stats);
    return stats;
}

static pb_value *ponds_kept; /* the answer of the last call */

static inline void ponds_keep(pb_value *result, pb_failure *failure, void *user_data)
{
    ponds_kept = pb_value_ref(result);
    if (failure) {
        noted(NULL, failure, user_data);
    }
}

/* The answer to a call, *new*; NULL and a note if it failed. */
static inline pb_value *ponds_get(struct pair *p, const char *method, pb_value *args)
{
    ponds_kept = NULL;
    pb_remote *root = pb_session_root(p->client);
    pb_error err = {0};
    int e = root ? pb_remote_call_values(root, method, args, NULL, NULL, ponds_keep, p,
                                         NULL, &err)
                 : PB_ERR_NOMEM;
    if (e && e != PB_ERR_NOMEM) {
        note(p, "not sent %d %s", e, err.text);
    }
    pb_value_unref(args);
    pb_remote_unref(root);
    talk(p);
    return ponds_kept;
}

static inline void ponds_ask(struct pair *p, const char *method, pb_value *args)
{
    pb_value *v = ponds_get(p, method, args);
    if (v) {
        note_value(p, method, v);
    }
    pb_value_unref(v);
    talk(p);
}

#endif
