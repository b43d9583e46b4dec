/* SPDX-License-Identifier: MIT
 *
 * Classes with a jellyFor and an unjellyFor of their own: values of several members, and
 * references that are sent under a type tag. */
#include "libpb/broker/tests/service.h"

static const char *name_of_group(void *self, pb_object *perspective)
{
    (void)self;
    (void)perspective;
    return "chat.Group";
}

static pb_value *members_of_group(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    return pb_build(err, "(yi)", "lobby", 7);
}

/* A reference to it has a name and a number. */
static const pb_class group_class = {.name = "Group",
                                     .remote = two_methods,
                                     .type_to_copy = name_of_group,
                                     .jelly_members = members_of_group,
                                     .destroy = two_destroyed};

static pb_value *members_of_point(void *self, pb_object *perspective, pb_error *err)
{
    (void)perspective;
    return self ? pb_build(err, "[iys[i]]", 7, "raw", "text", 1) : NULL;
}

static const pb_class point_class = {.name = "shapes.Point",
                                     .flavor = PB_FLAVOR_COPYABLE,
                                     .jelly_members = members_of_point};

static pb_value *unjelly_point(pb_value *members, pb_error *err, void *user_data)
{
    (void)user_data;
    if (pb_len(members) < 2) {
        pb_error_set(err, PB_ERR_SYNTAX, "a point has two members");
        return NULL;
    }
    return pb_value_ref(members);
}

/* The server holds at most max_held references (0: the default). */
static void open_registered(struct pair *p, struct service *server,
                            struct service *client, size_t max_held)
{
    cr_assert(service_begin(server, p) && service_begin(client, p));
    pb_registry *g = pb_registry_new();
    cr_assert_eq(pb_registry_set_reference(g, "chat.Group"), 0);
    cr_assert_eq(pb_registry_set_unjelly(g, "shapes.Point", unjelly_point, NULL), 0);
    pb_session_config c = {.root = client->root, .registry = g};
    cr_assert(pair_open(
        p, c,
        (pb_session_config){.root = server->root, .registry = g, .max_held = max_held}));
    pb_registry_unref(g);
    talk(p);
    p->log_len = 0;
}

static pb_value *group_new(struct service *owner)
{
    return pb_object_value_steal(pb_object_new(&group_class, owner));
}

static size_t exported(pb_session *s)
{
    pb_session_stats stats;
    pb_session_get_stats(s, &stats);
    return stats.exported;
}

static void references(struct pair *p)
{
    struct service server, client;
    open_registered(p, &server, &client, 0);
    pb_value *group = group_new(&client);
    call_root(p, p->client, "keep", pb_build(NULL, "(O)", group), NULL);
    talk(p);
    pb_remote *r = pb_as_remote(server.kept);
    cr_assert_str_eq(pb_remote_type(r), "chat.Group");
    note_value(p, "members", pb_remote_members(r));
    cr_assert_eq(pb_remote_luid(r), 1);
    pb_remote_call(r, "three", noted, p, NULL, "i", 1);
    call_root(p, p->client, "same", pb_build(NULL, "()"), NULL);
    call_root(p, p->client, "back", pb_build(NULL, "()"), NULL); /* as itself */
    talk(p);
    cr_assert_eq(exported(p->client), 1);
    call_root(p, p->client, "forget", pb_build(NULL, "()"), NULL);
    talk(p);
    cr_assert_eq(exported(p->client), 0);
    pb_remote *root = pb_session_root(p->client);
    cr_assert_null(pb_remote_type(root));
    cr_assert_null(pb_remote_members(root));
    pb_remote_unref(root);
    pb_value_unref(group);
    close_services(p, &server, &client);
}

PB_TEST(jellyable, references_have_a_type_and_members)
{
    converse(references, "answer None\n"
                         "members [b'lobby', 7]\n"
                         "answer [<RemoteReference 1>, <RemoteReference 1>]\n"
                         "answer <Referenceable Group>\n"
                         "answer [1, 2, 3]\n"
                         "answer None\n");
}

static void held(struct pair *p)
{
    struct service server, client;
    open_registered(p, &server, &client, 3);
    pb_value *groups = pb_list();
    for (int i = 0; i < 4; i++) {
        pb_append_steal(groups, group_new(&client));
        pb_value *args = pb_build(NULL, "(O)", groups);
        call_root(p, p->client, "forget", args, NULL);
        talk(p);
    }
    cr_assert_eq(pb_session_error(p->server)->code, PB_ERR_LIMIT);
    pb_session_lost(p->client, NULL);
    pb_value_unref(groups);
    close_services(p, &server, &client);
}

PB_TEST(jellyable, references_are_limited_in_number)
{
    converse(held,
             "answer None\n"
             "answer None\n"
             "answer None\n"
             "server closed -6 : the peer has sent more than 3 references, the limit\n"
             "failure -10 twisted.spread.pb.PBConnectionLost: "
             "the peer closed the connection\n"
             "client closed -10 : the peer closed the connection\n");
}

static void values(struct pair *p)
{
    struct service server, client;
    open_registered(p, &server, &client, 0);
    pb_value *point = pb_object_value_steal(pb_object_new(&point_class, p));
    call_root(p, p->client, "echo", pb_build(NULL, "(O)", point), NULL);
    call_root(p, p->client, "echo", pb_build(NULL, "([OO])", point, point), NULL);
    talk(p);
    pb_value_unref(point);
    point = pb_object_value_steal(pb_object_new(&point_class, NULL));
    pb_error err = {0};
    pb_remote *root = pb_session_root(p->client);
    pb_value *args = pb_build(NULL, "(O)", point);
    cr_assert_eq(
        pb_remote_call_values(root, "echo", args, NULL, NULL, noted, p, NULL, &err),
        PB_ERR_NOMEM);
    pb_value_unref(args);
    pb_remote_unref(root);
    pb_value_unref(point);
    close_services(p, &server, &client);
}

PB_TEST(jellyable, values_keep_all_their_members)
{
    converse(values, "echo ([7, b'raw', 'text', [1]],)\n"
                     "echo ([[7, b'raw', 'text', [1]], [7, b'raw', 'text', [1]]],)\n"
                     "answer [7, b'raw', 'text', [1]]\n"
                     "answer [[7, b'raw', 'text', [1]], [7, b'raw', 'text', [1]]]\n");
}
