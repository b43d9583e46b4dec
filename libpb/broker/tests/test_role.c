/* SPDX-License-Identifier: MIT
 *
 * Roles: objects called as avatars and through ViewPoints, the perspective for which
 * values are sent and received, and the error if a role has no such method. */
#include "libpb/broker/exports.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/service.h"

struct world {
    struct pair *p;
    pb_object *root, *avatar, *other, *room;
    pb_remote *kept; /* by the avatar's keep */
};

/* Notes the called object, its role, and the perspective. */
static int serve_whoami(void *self, pb_request *r)
{
    struct world *w = self;
    pb_object *o = pb_request_object(r);
    pb_object *by = pb_request_perspective(r);
    note(w->p, "%s as %d by %s", pb_object_class(o)->name, pb_request_role(r),
         by ? pb_object_class(by)->name : "nobody");
    return 0;
}

static int serve_room(void *self, pb_request *r)
{
    struct world *w = self;
    return pb_request_answer_steal(r, pb_object_value(w->room));
}

static int serve_avatar(void *self, pb_request *r)
{
    struct world *w = self;
    return pb_request_answer_steal(
        r,
        pb_build(
            NULL, "[NN]",
            pb_object_value_steal(pb_referenceable_new(w->avatar, PB_ROLE_PERSPECTIVE)),
            pb_object_value_steal(pb_referenceable_new(w->other, PB_ROLE_PERSPECTIVE))));
}

/* Whether the argument is a ViewPoint on the room, and its perspective. */
static int serve_is_room(void *self, pb_request *r)
{
    struct world *w = self;
    pb_object *o = pb_as_object(pb_item(pb_request_args(r), 0));
    pb_object *by = pb_viewpoint_perspective(o);
    note(w->p, "%s on %s for %s", pb_object_class(o)->name,
         pb_object_class(pb_viewpoint_object(o))->name,
         by ? pb_object_class(by)->name : "nobody");
    return 0;
}

static int serve_keep_reference(void *self, pb_request *r)
{
    struct world *w = self;
    pb_remote_unref(w->kept);
    w->kept = pb_remote_ref(pb_as_remote(pb_item(pb_request_args(r), 0)));
    return 0;
}

static int serve_any(void *self, pb_request *r)
{
    struct world *w = self;
    note(w->p, "%s has no %s for %d", pb_object_class(pb_request_object(r))->name,
         pb_request_method(r), pb_request_role(r));
    return 0;
}

static const pb_method root_methods[] = {{"avatar", serve_avatar},
                                         {"room", serve_room},
                                         {"isRoom", serve_is_room},
                                         {"whoami", serve_whoami},
                                         {0}};
static const pb_method avatar_methods[] = {{"room", serve_room},
                                           {"isRoom", serve_is_room},
                                           {"keep", serve_keep_reference},
                                           {"whoami", serve_whoami},
                                           {0}};
static const pb_method view_methods[] = {{"whoami", serve_whoami}, {0}};

static const pb_class root_class = {.name = "Root", .remote = root_methods};
static const pb_class avatar_class = {
    .name = "shop.Person", .perspective = avatar_methods, .view = view_methods};
static const pb_class other_class = {.name = "Other", .perspective = avatar_methods};
static const pb_class room_class = {
    .name = "shop.Room", .flavor = PB_FLAVOR_VIEWABLE, .view = view_methods};
static const pb_class open_class = {.name = "Open", .fallback = serve_any};

static void open_world(struct pair *p, struct world *w)
{
    *w = (struct world){.p = p,
                        .root = pb_object_new(&root_class, w),
                        .avatar = pb_object_new(&avatar_class, w),
                        .other = pb_object_new(&other_class, w),
                        .room = pb_object_new(&room_class, w)};
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){.root = w->root}));
    talk(p);
    p->log_len = 0;
}

static void close_world(struct pair *p, struct world *w)
{
    pb_remote_unref(w->kept);
    talk(p);
    size_t end = p->log_len;
    pair_close_both(p);
    p->log[end] = '\0';
    pb_object_unref(w->root);
    pb_object_unref(w->avatar);
    pb_object_unref(w->other);
    pb_object_unref(w->room);
}

static void keep_result(pb_value *result, pb_failure *failure, void *user_data)
{
    cr_assert(result, "%s", failure ? pb_failure_text(failure) : "");
    *(pb_value **)user_data = pb_value_ref(result);
}

/* The answer of a method without arguments, *new*. */
static pb_value *ask(struct pair *p, pb_remote *to, const char *method)
{
    pb_value *result = NULL;
    cr_assert_eq(pb_remote_call(to, method, keep_result, &result, NULL, ""), 0);
    talk(p);
    return result;
}

static void say(struct pair *p, pb_remote *to, const char *method, pb_value *arg)
{
    pb_value *args = arg ? pb_build(NULL, "(O)", arg) : NULL;
    cr_assert_eq(
        pb_remote_call_values(to, method, args, NULL, NULL, noted, p, NULL, NULL), 0);
    pb_value_unref(args);
    talk(p);
}

static void roles(struct pair *p)
{
    struct world w;
    open_world(p, &w);
    pb_remote *root = pb_session_root(p->client);
    pb_value *avatars = ask(p, root, "avatar");
    pb_remote *avatar = pb_as_remote(pb_item(avatars, 0));
    pb_value *room = ask(p, avatar, "room");
    pb_value *again = ask(p, avatar, "room");
    pb_value *others = ask(p, pb_as_remote(pb_item(avatars, 1)), "room");
    pb_value *nobodys = ask(p, root, "room");
    note(p, "%d %d %d", pb_value_equal(room, again), pb_value_equal(room, others),
         pb_value_equal(room, nobodys));
    say(p, root, "whoami", NULL);
    say(p, avatar, "whoami", NULL);
    say(p, pb_as_remote(room), "whoami", NULL);
    say(p, pb_as_remote(others), "whoami", NULL);
    say(p, pb_as_remote(nobodys), "whoami", NULL);
    say(p, avatar, "isRoom", room);
    say(p, root, "isRoom", nobodys);
    say(p, avatar, "nothing", NULL);
    say(p, pb_as_remote(room), "nothing", NULL);
    pb_value_unref(nobodys);
    pb_value_unref(others);
    pb_value_unref(again);
    pb_value_unref(room);
    pb_value_unref(avatars);
    pb_remote_unref(root);
    close_world(p, &w);
}

PB_TEST(role, says_who_is_called_and_by_whom)
{
    converse(roles, "1 0 0\n"
                    "Root as 0 by nobody\nanswer None\n"
                    "shop.Person as 1 by shop.Person\nanswer None\n"
                    "shop.Room as 2 by shop.Person\nanswer None\n"
                    "shop.Room as 2 by Other\nanswer None\n"
                    "shop.Room as 2 by nobody\nanswer None\n"
                    "ViewPoint on shop.Room for shop.Person\nanswer None\n"
                    "ViewPoint on shop.Room for nobody\nanswer None\n"
                    "failure 0 builtins.AttributeError: 'Person' object has no attribute "
                    "'perspective_nothing'\n"
                    "failure 0 builtins.AttributeError: 'Room' object has no attribute "
                    "'view_nothing'\n");
}

static void old_words(struct pair *p)
{
    pb_object *room = pb_object_new(&room_class, NULL);
    pb_object *view = pb_viewpoint_new(NULL, room);
    pb_session_config c = {.jelly.profile.python_major = 2};
    cr_assert(pair_open(p, c, c));
    pb_session_set_name_for_local(p->server, "view", view);
    talk(p);
    p->log_len = 0;
    pb_remote *r = pb_session_remote_for_name(p->client, "view");
    say(p, r, "nothing", NULL);
    pb_remote_unref(r);
    size_t end = p->log_len;
    pair_close_both(p);
    p->log[end] = '\0';
    pb_object_unref(view);
    pb_object_unref(room);
}

PB_TEST(role, speaks_of_old_classes_as_python2_does)
{
    converse(old_words, "failure 0 exceptions.AttributeError: Room instance has no "
                        "attribute 'view_nothing'\n");
}

/* The client sends a reference to an avatar, which then sends a Viewable through it. */
static void perspectives(struct pair *p)
{
    struct world w, client;
    open_world(p, &w);
    client = (struct world){.p = p};
    pb_object *mind = pb_object_new(&open_class, &client);
    pb_remote *root = pb_session_root(p->client);
    pb_value *avatars = ask(p, root, "avatar");
    pb_remote *avatar = pb_as_remote(pb_item(avatars, 0));
    cr_assert_null(pb_remote_perspective(avatar));
    say(p, avatar, "keep", (pb_value *)mind);
    cr_assert_eq(pb_remote_perspective(w.kept), w.avatar);

    pb_remote *named = pb_session_root(p->server);
    cr_assert_null(pb_remote_perspective(named));
    say(p, w.kept, "look", (pb_value *)w.room);
    pb_remote_unref(named);
    pb_remote_unref(root);
    pb_value_unref(avatars);
    talk(p);
    pb_session_stats stats;
    pb_session_get_stats(p->server, &stats);
    note(p, "%zu %zu", stats.exported, stats.held);
    pb_session_lost(p->client, NULL);
    pb_session_lost(p->server, NULL);
    cr_assert_null(pb_remote_perspective(w.kept));
    pb_object_unref(mind);
    close_world(p, &w);
}

PB_TEST(role, gives_references_their_perspective)
{
    converse(perspectives, "answer None\n"
                           "Open has no look for 0\n"
                           "answer None\n"
                           "0 1\n"
                           "client closed -10 : the peer closed the connection\n"
                           "server closed -10 : the peer closed the connection\n");
}

/* A fallback is called for methods that no table has, in every role. */
static void fallback(struct pair *p)
{
    struct world w;
    open_world(p, &w);
    pb_object *open = pb_object_new(&open_class, &w);
    pb_object *as[] = {
        pb_referenceable_new(open, PB_ROLE_REMOTE),
        pb_referenceable_new(open, PB_ROLE_PERSPECTIVE),
        pb_viewpoint_new(w.avatar, open),
        pb_referenceable_new(w.avatar, PB_ROLE_REMOTE),
    };
    static const char *const names[] = {"remote", "perspective", "view", "wrong"};
    for (size_t i = 0; i < 4; i++) {
        pb_session_set_name_for_local(p->server, names[i], as[i]);
        pb_remote *r = pb_session_remote_for_name(p->client, names[i]);
        say(p, r, "x", NULL);
        pb_remote_unref(r);
        pb_object_unref(as[i]);
    }
    cr_assert_null(pb_referenceable_new(open, PB_ROLE_VIEW));
    cr_assert_null(pb_referenceable_new(open, PB_ROLE_OBSERVE));
    cr_assert_null(pb_referenceable_new(NULL, PB_ROLE_REMOTE));
    cr_assert_null(pb_viewpoint_new(w.avatar, NULL));
    cr_assert_null(pb_viewpoint_object(open));
    cr_assert_null(pb_viewpoint_perspective(open));
    pb_object_unref(open);
    close_world(p, &w);
}

PB_TEST(role, falls_back)
{
    converse(fallback, "Open has no x for 0\nanswer None\n"
                       "Open has no x for 1\nanswer None\n"
                       "Open has no x for 2\nanswer None\n"
                       "failure 0 twisted.spread.flavors.NoSuchMethod: No such method: "
                       "remote_x\n");
}

/* ViewPoints on one object share a slot of the table; they are released in another
 * order. */
PB_TEST(role, two_viewpoints_on_a_pair_are_one)
{
    struct pair p = {0};
    struct world w;
    open_world(&p, &w);
    enum { N = 50 };
    pb_object *avatars[N];
    int64_t luids[N];
    for (size_t i = 0; i < N; i++) {
        avatars[i] = pb_object_new(&avatar_class, &w);
    }
    for (size_t round = 0; round < 2; round++) {
        for (size_t i = 0; i < N; i++) {
            pb_object *v = pb_viewpoint_new(i > 0 ? avatars[i] : NULL, w.room);
            int64_t luid;
            cr_assert_eq(pb__export_add(p.server, v, &luid, NULL), 0);
            cr_assert(round == 0 || luid == luids[i]);
            luids[i] = luid;
            pb_object_unref(v);
        }
        pb__export_commit(p.server);
    }
    for (size_t i = 0; i < 2 * N; i++) {
        pb_session_stats stats;
        pb_session_get_stats(p.server, &stats);
        cr_assert_eq(stats.exported, i < N ? N : 2 * N - i);
        cr_assert(pb__export_drop(p.server, luids[i * 7 % N]));
        pb__session_check(p.server);
    }
    cr_assert_null(p.server->exports);
    for (size_t i = 0; i < N; i++) {
        pb_object_unref(avatars[i]);
    }
    close_world(&p, &w);
}
