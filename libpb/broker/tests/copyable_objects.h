/* SPDX-License-Identifier: MIT
 *
 * Objects that are sent as copies, the classes that received copies get, and a root that
 * sends and receives them: those of the captures, and some that misbehave. */
#ifndef PB__TEST_COPYABLE_OBJECTS_H
#define PB__TEST_COPYABLE_OBJECTS_H

#include "libpb/base/mem.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/pair.h"

static const pb_profile python3 = {
    .python_major = 3, .python_minor = 11, .twisted = 2204};
static const pb_profile python2 = {.python_major = 2, .python_minor = 7, .twisted = 1606};

/* A native string of the profile. */
static inline pb_value *native(pb_profile p, const char *text)
{
    return p.python_major == 2 ? pb_build(NULL, "y", text) : pb_str(text);
}

/* ---- What is sent ---- */

struct duck {
    const char *name;
    pb_value *friends;
    pb_profile profile;
    int destroyed;
};

static inline pb_value *duck_state(void *self, pb_object *perspective, pb_error *err)
{
    struct duck *d = self;
    (void)err;
    cr_assert_null(perspective);
    pb_value *state = pb_dict();
    if (!state ||
        pb_dict_set_value_steal(state, native(d->profile, "name"), pb_str(d->name)) !=
            0 ||
        pb_dict_set_value_steal(state, native(d->profile, "friends"),
                                d->friends ? pb_value_ref(d->friends) : pb_list()) != 0) {
        pb_value_unref(state);
        return NULL;
    }
    return state;
}

static inline void duck_destroyed(void *self)
{
    ((struct duck *)self)->destroyed++;
}

static const pb_class duck_class = {.name = "scenarios.Duck",
                                    .flavor = PB_FLAVOR_COPYABLE,
                                    .state_to_copy = duck_state,
                                    .destroy = duck_destroyed};

static inline const char *tagged_type(void *self, pb_object *perspective)
{
    (void)self;
    cr_assert_null(perspective);
    return "farm.tagged";
}

static inline pb_value *tagged_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    return pb_build(err, "{s:i,s:[i]}", "only", 1, "dup", 2);
}

static const pb_class tagged_class = {.name = "scenarios.Tagged",
                                      .flavor = PB_FLAVOR_COPYABLE,
                                      .type_to_copy = tagged_type,
                                      .state_to_copy = tagged_state};

/* Without state_to_copy: it has no members. */
static const pb_class bare_class = {.name = "scenarios.Bare",
                                    .flavor = PB_FLAVOR_COPYABLE};

static inline pb_value *failing_state(void *self, pb_object *perspective, pb_error *err)
{
    const pb_error *why = self;
    (void)perspective;
    if (err && why) {
        *err = *why;
    }
    return NULL;
}

static const pb_class failing_class = {.name = "scenarios.Failing",
                                       .flavor = PB_FLAVOR_COPYABLE,
                                       .state_to_copy = failing_state};

/* ---- What is received ---- */

static int constructed, destroyed;
static const char *refuses; /* the name in the state that set_state refuses */

struct copied {
    pb_value *state; /* the object's */
};

static inline void *copied_new(void)
{
    struct copied *c = pb__calloc(1, sizeof *c);
    constructed += c != NULL;
    return c;
}

static inline int copied_set(void *self, pb_value *state, pb_error *err)
{
    struct copied *c = self;
    cr_assert_null(c->state);
    c->state = state;
    pb_value *name = pb_dict_get(state, "name");
    pb_span text;
    if (refuses && name && pb_as_text(name, &text) == 0 &&
        strcmp((const char *)text.data, refuses) == 0) {
        if (err) {
            err->code = PB_ERR_RANGE;
            snprintf(err->text, sizeof err->text, "no room for %s", refuses);
        }
        return PB_ERR_RANGE;
    }
    return 0;
}

static inline void copied_free(void *self)
{
    destroyed++;
    pb__free(self);
}

#define COPIED(symbol, title)                                \
    static const pb_class symbol = {.name = title,           \
                                    .construct = copied_new, \
                                    .set_state = copied_set, \
                                    .destroy = copied_free}
COPIED(remote_duck, "RemoteDuck");
COPIED(remote_tagged, "RemoteTagged");
COPIED(remote_bare, "RemoteBare");

static const pb_class both_class = {.name = "scenarios.Both",
                                    .flavor = PB_FLAVOR_COPYABLE,
                                    .construct = copied_new,
                                    .set_state = copied_set,
                                    .destroy = copied_free};

static inline pb_registry *registry_new(void)
{
    pb_registry *g = pb_registry_new();
    if (!g || pb_registry_set_class(g, "scenarios.Duck", &remote_duck) != 0 ||
        pb_registry_set_class(g, "farm.tagged", &remote_tagged) != 0 ||
        pb_registry_set_class(g, "scenarios.Bare", &remote_bare) != 0 ||
        pb_registry_set_class(g, "scenarios.Both", &both_class) != 0 ||
        pb_registry_set_class(g, "scenarios.Holder", NULL) != 0) {
        pb_registry_unref(g);
        return NULL;
    }
    return g;
}

/* ---- A root that sends and receives copies ---- */

struct copy_service {
    pb_object *root;
    struct duck duck;
    pb_value *kept;
    struct pair *log;
};

static inline int serve_three(void *self, pb_request *r)
{
    (void)self;
    return pb_request_answer_steal(r, pb_build(NULL, "[iii]", 1, 2, 3));
}

static const pb_method held_methods[] = {{"three", serve_three}, {0}};
static const pb_class held_class = {.name = "Two", .remote = held_methods};

static inline pb_value *holder_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    return pb_build(err, "{s:N}", "held",
                    pb_object_value_steal(pb_object_new(&held_class, NULL)));
}

static const pb_class holder_class = {.name = "scenarios.Holder",
                                      .flavor = PB_FLAVOR_COPYABLE,
                                      .state_to_copy = holder_state};

static inline pb_value *both_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    return pb_build(err, "{s:i}", "x", 1);
}

static const pb_class sent_both_class = {
    .name = "scenarios.Both", .flavor = PB_FLAVOR_COPYABLE, .state_to_copy = both_state};

/* The objects that the captures request by name. */
static inline int serve_get(void *self, pb_request *r)
{
    struct copy_service *f = self;
    const struct {
        const char *what;
        const pb_class *cls;
    } rows[] = {{"duck", &duck_class},      {"tagged", &tagged_class},
                {"both", &sent_both_class}, {"bare", &bare_class},
                {"holder", &holder_class},  {"failing", &failing_class}};
    const char *what;
    int e = pb_request_unpack(r, "s", &what);
    for (size_t i = 0; e == 0 && i < sizeof rows / sizeof *rows; i++) {
        if (strcmp(what, rows[i].what) == 0) {
            void *whom = rows[i].cls == &duck_class ? &f->duck : NULL;
            return pb_request_answer_steal(
                r, pb_object_value_steal(pb_object_new(rows[i].cls, whom)));
        }
    }
    return e;
}

static inline int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The class name of the argument, and its members. */
static inline int serve_look(void *self, pb_request *r)
{
    struct copy_service *f = self;
    pb_object *o = pb_as_object(pb_item(pb_request_args(r), 0));
    const char *names[8];
    size_t n = 0, at = 0;
    pb_value *key, *value;
    pb_span text;
    if (!o) {
        return PB_ERR_TYPE;
    }
    while (pb_dict_next(pb_object_state(o), &at, &key, &value)) {
        cr_assert_eq(pb_as_text(key, &text), 0);
        names[n++] = (const char *)text.data;
    }
    qsort(names, n, sizeof *names, by_text);
    pb_value *list = pb_list();
    for (size_t i = 0; i < n; i++) {
        pb_append_steal(list, pb_str(names[i]));
    }
    const char *name = pb_object_class(o)->name;
    return pb_request_answer_steal(
        r, pb_build(NULL, "[NN]", native(f->duck.profile, name), list));
}

static inline int serve_many(void *self, pb_request *r)
{
    struct copy_service *f = self;
    if (f->log) {
        note_value(f->log, "many", pb_request_args(r));
    }
    return pb_request_answer_steal(
        r, pb_build(NULL, "[iN]", (int)pb_len(pb_request_args(r)), pb_list()));
}

static inline int serve_none(void *self, pb_request *r)
{
    (void)self;
    (void)r;
    return 0;
}

static inline int serve_echo(void *self, pb_request *r)
{
    struct copy_service *f = self;
    pb_value *v = pb_item(pb_request_args(r), 0);
    if (f->log) {
        note_value(f->log, "echo", v);
    }
    return pb_request_answer_steal(r, pb_value_ref(v ? v : pb_none()));
}

static const pb_method copy_service_methods[] = {
    {"get", serve_get},   {"look", serve_look}, {"many", serve_many},
    {"none", serve_none}, {"echo", serve_echo}, {0}};
static const pb_class copy_service_class = {.name = "Farm",
                                            .remote = copy_service_methods};

static inline bool copy_service_begin(struct copy_service *f, struct pair *log,
                                      pb_profile profile)
{
    *f = (struct copy_service){.duck = {.name = "of the server", .profile = profile},
                               .log = log};
    f->root = pb_object_new(&copy_service_class, f);
    return f->root != NULL;
}

#endif
