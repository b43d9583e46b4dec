/* SPDX-License-Identifier: MIT
 *
 * The objects that the tests call: those of the captures, as far as they are needed. */
#ifndef PB__TEST_SERVICE_H
#define PB__TEST_SERVICE_H

#include "libpb/broker/tests/pair.h"

#define KEPT 4

struct service {
    pb_object *root;
    pb_object *two;            /* the Two that `getTwo` returns */
    pb_value *kept;            /* set by `keep` */
    pb_request *waiting[KEPT]; /* set by `later` */
    pb_value *waiting_args[KEPT];
    size_t waiting_count;
    size_t destroyed; /* objects of class Two */
    struct pair *log; /* where to note events, or NULL */
};

static inline int serve_three(void *self, pb_request *r)
{
    (void)self;
    int64_t n;
    int e = pb_request_unpack(r, "L", &n);
    return e ? e : pb_request_answer_steal(r, pb_build(NULL, "[iii]", 1, 2, 3));
}

static inline int serve_me(void *self, pb_request *r)
{
    struct service *s = self;
    return pb_request_answer_steal(r, pb_object_value(s->two));
}

static inline void two_destroyed(void *self)
{
    ((struct service *)self)->destroyed++;
}

static const pb_method two_methods[] = {{"three", serve_three}, {"me", serve_me}, {0}};
static const pb_class two_class = {
    .name = "Two", .remote = two_methods, .destroy = two_destroyed};

/* Answers its first argument. */
static inline int serve_echo(void *self, pb_request *r)
{
    struct service *s = self;
    if (s->log) {
        note_value(s->log, "echo", pb_request_args(r));
    }
    pb_value *v = pb_len(pb_request_args(r)) > 0 ? pb_item(pb_request_args(r), 0)
                                                 : pb_dict_get(pb_request_kwargs(r), "x");
    return pb_request_answer_steal(r, pb_value_ref(v ? v : pb_none()));
}

static inline int serve_none(void *self, pb_request *r)
{
    (void)self;
    (void)r;
    return 0;
}

static inline int serve_get_two(void *self, pb_request *r)
{
    return serve_me(self, r);
}

static inline int serve_same(void *self, pb_request *r)
{
    struct service *s = self;
    return pb_request_answer_steal(
        r, pb_build(NULL, "[NN]", pb_object_value(s->two), pb_object_value(s->two)));
}

static inline int serve_check_two(void *self, pb_request *r)
{
    struct service *s = self;
    pb_object *o = pb_as_object(pb_item(pb_request_args(r), 0));
    return pb_request_answer_steal(r, pb_bool(o == s->two));
}

/* Answers a list of new objects. */
static inline int serve_new(void *self, pb_request *r)
{
    int n;
    int e = pb_request_unpack(r, "i", &n);
    if (e) {
        return e;
    }
    pb_value *list = pb_list();
    for (int i = 0; list && i < n; i++) {
        pb_append_steal(list, pb_object_value_steal(pb_object_new(&two_class, self)));
    }
    return pb_request_answer_steal(r, list);
}

static inline int serve_keep(void *self, pb_request *r)
{
    struct service *s = self;
    pb_value_unref(s->kept);
    s->kept = pb_value_ref(pb_item(pb_request_args(r), 0));
    return 0;
}

static inline int serve_back(void *self, pb_request *r)
{
    struct service *s = self;
    return pb_request_answer_steal(r, pb_value_ref(s->kept));
}

static inline int serve_forget(void *self, pb_request *r)
{
    struct service *s = self;
    (void)r;
    pb_value_unref(s->kept);
    s->kept = NULL;
    return 0;
}

static inline int serve_later(void *self, pb_request *r)
{
    struct service *s = self;
    cr_assert_lt(s->waiting_count, (size_t)KEPT);
    s->waiting_args[s->waiting_count] = pb_value_ref(pb_request_args(r));
    s->waiting[s->waiting_count++] = pb_request_ref(r);
    return 0;
}

/* Keeps the request, and none of its arguments. */
static inline int serve_wait(void *self, pb_request *r)
{
    struct service *s = self;
    cr_assert_lt(s->waiting_count, (size_t)KEPT);
    s->waiting[s->waiting_count++] = pb_request_ref(r);
    return 0;
}

/* Answers a stored request with its own argument, or with a failure. */
static inline void answer_later(struct service *s, size_t place, const char *failure)
{
    pb_request *r = s->waiting[place];
    pb_value *args = s->waiting_args[place];
    s->waiting[place] = NULL;
    s->waiting_args[place] = NULL;
    if (failure) {
        pb_request_fail(r, failure, "late");
    } else {
        pb_value *v = pb_item(args, 0);
        pb_request_answer_steal(r, pb_value_ref(v ? v : pb_none()));
    }
    pb_value_unref(args);
    pb_request_unref(r);
}

static inline int serve_fail(void *self, pb_request *r)
{
    (void)self;
    const char *type, *text;
    int e = pb_request_unpack(r, "ss", &type, &text);
    return e ? e : pb_request_fail(r, type, "%s", text);
}

/* Returns the number that is its argument. */
static inline int serve_return(void *self, pb_request *r)
{
    (void)self;
    int code;
    int e = pb_request_unpack(r, "i", &code);
    return e ? e : code;
}

static const pb_method service_methods[] = {
    {"echo", serve_echo},          {"none", serve_none},
    {"getTwo", serve_get_two},     {"same", serve_same},
    {"checkTwo", serve_check_two}, {"new", serve_new},
    {"keep", serve_keep},          {"back", serve_back},
    {"forget", serve_forget},      {"later", serve_later},
    {"wait", serve_wait},          {"fail", serve_fail},
    {"return", serve_return},      {0},
};
static const pb_class service_class = {.name = "Service", .remote = service_methods};

static inline bool service_begin(struct service *s, struct pair *log)
{
    *s = (struct service){.log = log};
    s->root = pb_object_new(&service_class, s);
    s->two = pb_object_new(&two_class, s);
    return s->root && s->two;
}

static inline void service_end(struct service *s)
{
    for (size_t i = 0; i < KEPT; i++) {
        pb_request_unref(s->waiting[i]);
        pb_value_unref(s->waiting_args[i]);
    }
    pb_value_unref(s->kept);
    pb_object_unref(s->two);
    pb_object_unref(s->root);
}

/* Opens a pair in which the server, or both sides, have a service. */
static inline void open_services(struct pair *p, struct service *server,
                                 struct service *client)
{
    cr_assert(service_begin(server, p) && (!client || service_begin(client, p)));
    pb_session_config c = {.root = client ? client->root : NULL};
    cr_assert(pair_open(p, c, (pb_session_config){.root = server->root}));
    talk(p);
    p->log_len = 0;
}

static inline void close_services(struct pair *p, struct service *server,
                                  struct service *client)
{
    size_t end = p->log_len;
    pair_close_both(p);
    p->log[end] = '\0';
    service_end(server);
    if (client) {
        service_end(client);
    }
}

#endif
