/* SPDX-License-Identifier: MIT
 *
 * Classes with bases: methods of each role, and each callback, of the class itself and of
 * its bases. */
#include <stddef.h>

#include "libpb/broker/objects.h"
#include "libpb/broker/tests/pair.h"

/* ---- Methods and callbacks that note their name ---- */

static struct pair *at; /* of the conversation that runs */

#define METHOD(name)                                      \
    static int name(void *self, pb_request *r)            \
    {                                                     \
        note(at, #name " of %s", *(char **)self);         \
        return pb_request_answer_steal(r, pb_str(#name)); \
    }

METHOD(base_first)
METHOD(base_second)
METHOD(base_third)
METHOD(own_first)
METHOD(own_second)
METHOD(base_any)
METHOD(own_any)

static const pb_method base_methods[] = {
    {"first", base_first}, {"second", base_second}, {"third", base_third}, {0}};
static const pb_method middle_methods[] = {{"second", own_second}, {0}};
static const pb_method own_methods[] = {{"first", own_first}, {0}};

static void on_destroy(void *self)
{
    note(at, "%s destroyed", *(char **)self);
}

static const char *type_of(void *self, pb_object *perspective)
{
    (void)self;
    (void)perspective;
    return "m.Copy";
}

static pb_value *state_of(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    return pb_build(err, "{s:s}", "of", *(char **)self);
}

static pb_value *state_to_cache(void *self, pb_object *perspective, pb_remote *observer,
                                pb_error *err)
{
    (void)perspective;
    (void)observer;
    return pb_build(err, "{s:s}", "cached", *(char **)self);
}

static void on_stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    (void)perspective;
    (void)observer;
    note(at, "%s is observed no more", *(char **)self);
}

static void *construct(void)
{
    static char text[] = "the copy";
    static char *name = text;
    return &name;
}

static int set_state(void *self, pb_value *state, pb_error *err)
{
    (void)err;
    note_value(at, *(char **)self, state);
    return 0;
}

static const pb_class base_class = {
    .name = "m.Base",
    .remote = base_methods,
    .perspective = base_methods,
    .view = base_methods,
    .observe = base_methods,
    .fallback = base_any,
    .destroy = on_destroy,
    .type_to_copy = type_of,
    .state_to_copy = state_of,
    .state_to_cache = state_to_cache,
    .stopped_observing = on_stopped,
    .construct = construct,
    .set_state = set_state,
};
/* Two bases in between: one with callbacks of its own, and one with none. */
static const pb_class middle_class = {
    .name = "m.Middle", .base = &base_class, .remote = middle_methods};
static const pb_class empty_class = {.name = "m.Empty", .base = &middle_class};
static const pb_class own_class = {.name = "m.Own",
                                   .base = &empty_class,
                                   .remote = own_methods,
                                   .perspective = own_methods,
                                   .view = own_methods,
                                   .observe = own_methods};

/* ---- Lookups ---- */

static const char *method_of(const pb_class *cls, pb_role role, const char *name)
{
    const pb_method *m = pb__class_method(cls, role, pb_span_of(name));
    return !m                       ? "none"
           : m->call == own_first   ? "own_first"
           : m->call == own_second  ? "own_second"
           : m->call == base_first  ? "base_first"
           : m->call == base_second ? "base_second"
                                    : "base_third";
}

PB_TEST(class, methods_of_the_nearest)
{
    for (pb_role role = PB_ROLE_REMOTE; role <= PB_ROLE_OBSERVE; role++) {
        bool remote = role == PB_ROLE_REMOTE;
        cr_assert_str_eq(method_of(&own_class, role, "first"), "own_first");
        cr_assert_str_eq(method_of(&own_class, role, "second"),
                         remote ? "own_second" : "base_second");
        cr_assert_str_eq(method_of(&own_class, role, "third"), "base_third");
        cr_assert_str_eq(method_of(&own_class, role, "fourth"), "none");
        cr_assert_str_eq(method_of(&own_class, role, ""), "none");
        cr_assert_str_eq(method_of(&base_class, role, "first"), "base_first");
        cr_assert(pb__class_has_role(&own_class, role));
        cr_assert(pb__class_has_role(&empty_class, role));
    }
}

/* The methods of one role are unknown to the others. */
PB_TEST(class, roles_are_apart)
{
    static const pb_class base = {.name = "B", .perspective = base_methods};
    static const pb_class cls = {.name = "C", .base = &base, .view = own_methods};
    cr_assert_str_eq(method_of(&cls, PB_ROLE_REMOTE, "first"), "none");
    cr_assert_str_eq(method_of(&cls, PB_ROLE_OBSERVE, "first"), "none");
    cr_assert_str_eq(method_of(&cls, PB_ROLE_PERSPECTIVE, "first"), "base_first");
    cr_assert_str_eq(method_of(&cls, PB_ROLE_VIEW, "first"), "own_first");
    cr_assert_not(pb__class_has_role(&cls, PB_ROLE_REMOTE));
    cr_assert(pb__class_has_role(&cls, PB_ROLE_PERSPECTIVE));
}

PB_TEST(class, callbacks_of_the_nearest)
{
    static const size_t callbacks[] = {
        offsetof(pb_class, fallback),       offsetof(pb_class, destroy),
        offsetof(pb_class, type_to_copy),   offsetof(pb_class, state_to_copy),
        offsetof(pb_class, state_to_cache), offsetof(pb_class, stopped_observing),
        offsetof(pb_class, construct),      offsetof(pb_class, set_state),
    };
    static const pb_class plain = {.name = "Plain"};
    for (size_t i = 0; i < sizeof callbacks / sizeof *callbacks; i++) {
        cr_assert_eq(pb__class_with(&own_class, callbacks[i]), &base_class);
        cr_assert_eq(pb__class_with(&base_class, callbacks[i]), &base_class);
        cr_assert_null(pb__class_with(&plain, callbacks[i]));
    }
    pb_class cls = {.name = "C", .base = &own_class, .fallback = own_any};
    cr_assert_eq(pb__class_with(&cls, offsetof(pb_class, fallback)), &cls);
    cr_assert_eq(pb__class_with(&cls, offsetof(pb_class, destroy)), &base_class);
}

/* A cycle of bases ends, and so does a chain that is too long. */
PB_TEST(class, circles_and_chains)
{
    pb_class a = {.name = "A", .remote = own_methods};
    pb_class b = {.name = "B", .base = &a, .view = base_methods};
    a.base = &b;
    cr_assert_str_eq(method_of(&a, PB_ROLE_REMOTE, "third"), "none");
    cr_assert_str_eq(method_of(&a, PB_ROLE_VIEW, "third"), "base_third");
    cr_assert_null(pb__class_with(&b, offsetof(pb_class, destroy)));
    cr_assert_not(pb__class_has_role(&b, PB_ROLE_PERSPECTIVE));

    pb_class chain[65] = {{0}};
    for (size_t i = 0; i + 1 < 65; i++) {
        chain[i].base = &chain[i + 1];
    }
    chain[64].remote = own_methods;
    cr_assert_str_eq(method_of(&chain[1], PB_ROLE_REMOTE, "first"), "own_first");
    cr_assert_str_eq(method_of(&chain[0], PB_ROLE_REMOTE, "first"), "none");
}

/* ---- Over the wire ---- */

struct world {
    char *name;
    pb_object *object;
};

static struct world world;

static int give_roles(void *self, pb_request *r)
{
    pb_object *o = ((struct world *)self)->object;
    return pb_request_answer_steal(
        r, pb_build(NULL, "[NN]",
                    pb_object_value_steal(pb_referenceable_new(o, PB_ROLE_PERSPECTIVE)),
                    pb_object_value_steal(pb_viewpoint_new(o, o))));
}

static const pb_class root_class = {
    .name = "Root",
    .base = &own_class,
    .remote = (const pb_method[]){{"roles", give_roles}, {0}},
};

static void got_roles(pb_value *result, pb_failure *failure, void *user_data)
{
    cr_assert(result, "%s", pb_failure_text(failure));
    for (size_t i = 0; i < 2; i++) {
        pb_remote *to = pb_as_remote(pb_item(result, i));
        cr_assert_eq(pb_remote_call(to, "first", noted, user_data, NULL, ""), 0);
        cr_assert_eq(pb_remote_call(to, "third", noted, user_data, NULL, ""), 0);
        cr_assert_eq(pb_remote_call(to, "else", noted, user_data, NULL, ""), 0);
    }
}

static void open_world(struct pair *p, const pb_class *cls, pb_registry *registry)
{
    at = p;
    world = (struct world){.name = "it"};
    world.object = pb_object_new(cls, &world);
    cr_assert(pair_open(p, (pb_session_config){.registry = registry},
                        (pb_session_config){.root = world.object}));
    talk(p);
    p->log_len = 0;
}

static void calls(struct pair *p)
{
    open_world(p, &root_class, NULL);
    static const char *const methods[] = {"first", "second", "third", "else"};
    for (size_t i = 0; i < 4; i++) {
        call_root(p, p->client, methods[i], pb_build(NULL, "()"), NULL);
        talk(p);
    }
    pb_remote *root = pb_session_root(p->client);
    cr_assert_eq(pb_remote_call(root, "roles", got_roles, p, NULL, ""), 0);
    talk(p);
    pb_remote_unref(root);
    pb_object_unref(world.object);
    pair_close_both(p);
}

PB_TEST(class, is_called_by_its_own_methods_and_those_of_its_bases)
{
    converse(calls, "own_first of it\n"
                    "answer 'own_first'\n"
                    "own_second of it\n"
                    "answer 'own_second'\n"
                    "base_third of it\n"
                    "answer 'base_third'\n"
                    "base_any of it\n"
                    "answer 'base_any'\n"
                    "own_first of it\n"
                    "base_third of it\n"
                    "base_any of it\n"
                    "own_first of it\n"
                    "base_third of it\n"
                    "base_any of it\n"
                    "answer 'own_first'\n"
                    "answer 'base_third'\n"
                    "answer 'base_any'\n"
                    "answer 'own_first'\n"
                    "answer 'base_third'\n"
                    "answer 'base_any'\n"
                    "client closed\n"
                    "server closed\n"
                    "it destroyed\n");
}

/* The error for an unknown method names the class itself. */
static void missing(struct pair *p)
{
    static const pb_class base = {.name = "m.Base", .perspective = base_methods};
    static const pb_class cls = {.name = "m.Derived", .base = &base};
    open_world(p, &cls, NULL);
    pb_object *avatar = pb_referenceable_new(world.object, PB_ROLE_PERSPECTIVE);
    cr_assert_eq(pb_session_set_name_for_local(p->server, "avatar", avatar), 0);
    pb_remote *to = pb_session_remote_for_name(p->client, "avatar");
    cr_assert_eq(pb_remote_call(to, "second", noted, p, NULL, ""), 0);
    cr_assert_eq(pb_remote_call(to, "fourth", noted, p, NULL, ""), 0);
    talk(p);
    pb_remote_unref(to);
    pb_object_unref(avatar);
    pb_object_unref(world.object);
    pair_close_both(p);
}

PB_TEST(class, of_which_nobody_has_the_method)
{
    converse(missing,
             "base_second of it\n"
             "answer 'base_second'\n"
             "failure 0 builtins.AttributeError: 'Derived' object has no attribute "
             "'perspective_fourth'\n"
             "client closed\n"
             "server closed\n");
}

/* ---- Copies and caches ---- */

static pb_registry *registry_of(pb_flavor flavor)
{
    static pb_class cls;
    cls = (pb_class){.name = "m.Here", .flavor = flavor, .base = &own_class};
    pb_registry *g = pb_registry_new();
    cr_assert_eq(pb_registry_set_class(g, "m.Copy", &cls), 0);
    return g;
}

static int give_it(void *self, pb_request *r)
{
    return pb_request_answer_steal(r, pb_object_value(((struct world *)self)->object));
}

static const pb_class give_class = {
    .name = "Give", .remote = (const pb_method[]){{"give", give_it}, {0}}};

static pb_object *sent(pb_flavor flavor)
{
    static pb_class cls;
    static char text[] = "the original";
    static char *name = text;
    cls = (pb_class){.name = "m.There", .flavor = flavor, .base = &own_class};
    return pb_object_new(&cls, &name);
}

static void on_copy(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)user_data;
    cr_assert(result, "%s", pb_failure_text(failure));
    cr_assert_str_eq(pb_object_class(pb_as_object(result))->name, "m.Here");
}

static void copy_in_flavor(struct pair *p, pb_flavor flavor)
{
    pb_registry *registry = registry_of(flavor);
    open_world(p, &give_class, registry);
    pb_object *root = world.object;
    world.object = sent(flavor);
    pb_remote *to = pb_session_root(p->client);
    cr_assert_eq(pb_remote_call(to, "give", on_copy, NULL, NULL, ""), 0);
    talk(p);
    pb_remote_unref(to);
    pb_object_unref(world.object);
    pair_close_both(p);
    pb_object_unref(root);
    pb_registry_unref(registry);
}

static void copies(struct pair *p)
{
    copy_in_flavor(p, PB_FLAVOR_COPYABLE);
}

static void caches(struct pair *p)
{
    copy_in_flavor(p, PB_FLAVOR_CACHEABLE);
}

PB_TEST(class, copies_by_the_callbacks_of_its_bases)
{
    converse(copies, "the copy {'of': 'the original'}\n"
                     "the copy destroyed\n"
                     "the original destroyed\n"
                     "client closed\n"
                     "server closed\n");
}

PB_TEST(class, caches_by_the_callbacks_of_its_bases)
{
    converse(caches, "the copy {'cached': 'the original'}\n"
                     "the original is observed no more\n"
                     "the copy destroyed\n"
                     "the original destroyed\n"
                     "client closed\n"
                     "server closed\n");
}
