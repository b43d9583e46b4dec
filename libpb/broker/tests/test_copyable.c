/* SPDX-License-Identifier: MIT
 *
 * The captures with Copyables: a session plays either side, byte for byte. */
#include "libpb/broker/session.h"
#include "libpb/broker/tests/captured_copies.h"
#include "libpb/broker/tests/copyable_objects.h"

/* ---- Captures ---- */

static void serve(const struct chunk *chunks, const char *name, pb_profile profile)
{
    for (int single = 0; single < 2; single++) {
        struct copy_service service;
        cr_assert(copy_service_begin(&service, NULL, profile));
        pb_registry *g = registry_new();
        pb_session_config c = {
            .root = service.root, .registry = g, .jelly.profile = profile};
        pb_session *s = pb_session_server_new(&c, 0);
        pb_registry_unref(g);
        play(s, chunks, name, single, NULL, NULL);
        pb_session_free(s);
        pb_object_unref(service.root);
        cr_assert_eq(constructed, destroyed);
        cr_assert_eq(pb__test_live(), 0);
    }
}

PB_TEST(copyable, is_served_as_by_twisted)
{
    serve(copyable, "copyable", python3);
    serve(copyable_python2, "copyable_python2", python2);
    serve(copyable_empty, "copyable_empty", python3);
    serve(copyable_empty_python2, "copyable_empty_python2", python2);
    serve(copyable_with_reference, "copyable_with_reference", python3);
}

struct client {
    pb_session *s;
    pb_remote *root;
    pb_value *result; /* of the last call */
    pb_profile profile;
};

static void keep_result(pb_value *result, pb_failure *failure, void *user_data)
{
    struct client *c = user_data;
    cr_assert_null(failure, "%s", failure ? pb_failure_text(failure) : "");
    c->result = pb_value_ref(result);
}

static void call(struct client *c, pb_remote *to, const char *method, pb_value *args)
{
    pb_value *before = c->result;
    c->result = NULL;
    pb_value_unref(before);
    cr_assert_eq(
        pb_remote_call_values(to, method, args, NULL, NULL, keep_result, c, NULL, NULL),
        0);
    pb_value_unref(args);
}

static void get(struct client *c, const char *what)
{
    call(c, c->root, "get", pb_build(NULL, "(y)", what));
}

static void expect_state(struct client *c, const char *class_name, const char *state)
{
    pb_object *o = pb_as_object(c->result);
    cr_assert(o);
    cr_assert_str_eq(pb_object_class(o)->name, class_name);
    char *text = pb_value_repr(pb_object_state(o));
    cr_assert_str_eq(text, state);
    cr_assert_eq(((struct copied *)pb_object_self(o))->state, pb_object_state(o));
    pb_free(text);
}

static void send_duck(struct client *c, struct duck *d)
{
    call(c, c->root, "look",
         pb_build(NULL, "(N)", pb_object_value_steal(pb_object_new(&duck_class, d))));
}

/* Two ducks that are friends. */
static void send_friends(struct client *c)
{
    struct duck one = {.name = "one", .friends = pb_list(), .profile = c->profile};
    struct duck two = {.name = "two", .friends = pb_list(), .profile = c->profile};
    pb_object *a = pb_object_new(&duck_class, &one);
    pb_object *b = pb_object_new(&duck_class, &two);
    pb_append_steal(one.friends, pb_object_value(b));
    pb_append_steal(two.friends, pb_object_value(a));
    call(c, c->root, "many",
         pb_build(NULL, "(N[NN])", pb_object_value(a), pb_object_value(b),
                  pb_object_value(a)));
    pb_value_unref(one.friends);
    pb_value_unref(two.friends);
    pb_object_unref(a);
    pb_object_unref(b);
    cr_assert_eq(one.destroyed + two.destroyed, 2);
}

static void copyable_steps(void *ctx, size_t turn)
{
    struct client *c = ctx;
    bool bare = c->profile.python_major == 2;
    struct duck alone = {.name = "alone", .profile = c->profile};
    switch (turn) {
    case 0:
        get(c, "duck");
        break;
    case 1:
        expect_state(c, "RemoteDuck",
                     bare ? "{b'name': 'of the server', b'friends': []}"
                          : "{'name': 'of the server', 'friends': []}");
        get(c, "tagged");
        break;
    case 2:
        expect_state(c, "RemoteTagged", "{'only': 1, 'dup': [2]}");
        get(c, "both");
        break;
    case 3:
        expect_state(c, "scenarios.Both", "{'x': 1}");
        send_duck(c, &alone);
        break;
    case 4:
        call(c, c->root, "look",
             pb_build(NULL, "(N)",
                      pb_object_value_steal(pb_object_new(&tagged_class, NULL))));
        break;
    default:
        send_friends(c);
    }
}

static void empty_steps(void *ctx, size_t turn)
{
    struct client *c = ctx;
    if (turn == 0) {
        get(c, "bare");
    } else {
        expect_state(c, "RemoteBare", "{}");
        call(c, c->root, "look",
             pb_build(NULL, "(N)",
                      pb_object_value_steal(pb_object_new(&bare_class, NULL))));
    }
}

static void reference_steps(void *ctx, size_t turn)
{
    struct client *c = ctx;
    static pb_value *holder;
    switch (turn) {
    case 0:
        get(c, "holder");
        break;
    case 1:
        /* Registered without a class: data, under the received tag. */
        cr_assert_str_eq(pb_name_of(c->result), "scenarios.Holder");
        holder = pb_value_ref(c->result);
        call(c, pb_as_remote(pb_dict_get(pb_instance_state(holder), "held")), "three",
             pb_build(NULL, "(i)", 1));
        break;
    default:
        pb_value_unref(holder);
        call(c, c->root, "none", NULL);
    }
}

static void ask(const struct chunk *chunks, const char *name, pb_profile profile,
                void (*steps)(void *ctx, size_t turn))
{
    for (int single = 0; single < 2; single++) {
        pb_registry *g = registry_new();
        pb_session_config config = {.registry = g, .jelly.profile = profile};
        struct client c = {.s = pb_session_client_new(&config, 0), .profile = profile};
        pb_registry_unref(g);
        c.root = pb_session_root(c.s);
        play(c.s, chunks, name, single, steps, &c);
        pb_value_unref(c.result);
        pb_remote_unref(c.root);
        pb_session_free(c.s);
        cr_assert_eq(constructed, destroyed);
        cr_assert_eq(pb__test_live(), 0);
    }
}

PB_TEST(copyable, is_asked_for_as_by_twisted)
{
    ask(copyable, "copyable", python3, copyable_steps);
    ask(copyable_python2, "copyable_python2", python2, copyable_steps);
    ask(copyable_empty, "copyable_empty", python3, empty_steps);
    ask(copyable_empty_python2, "copyable_empty_python2", python2, empty_steps);
    ask(copyable_with_reference, "copyable_with_reference", python3, reference_steps);
}
