/* SPDX-License-Identifier: MIT
 *
 * A chat, as in Twisted's chatserver and chatclient: the realm keeps the minds of its
 * users, and a group is a Viewable, whose methods know which user calls them. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>
#include <string.h>

#define MEMBERS 4

struct user {
    char *name;
    pb_remote *mind;
    struct chat *chat;
};

/* There is one group. */
struct group {
    char name[40];
    pb_object *object;           /* the group's */
    pb_object *members[MEMBERS]; /* users, borrowed */
};

struct chat {
    struct group group;
};

/* ---- The group ---- */

static int group_send(void *self, pb_request *req)
{
    struct group *group = self;
    const char *text;
    int e = pb_request_unpack(req, "s", &text);
    if (e) {
        return e;
    }
    if (strstr(text, "mattress")) {
        return pb_request_fail(req, "builtins.ValueError", "that word is not said here");
    }
    const struct user *from = pb_object_self(pb_request_perspective(req));
    char line[200];
    snprintf(line, sizeof line, "%s says: %s", from->name, text);
    for (size_t i = 0; i < MEMBERS && group->members[i]; i++) {
        const struct user *to = pb_object_self(group->members[i]);
        pb_remote_call(to->mind, "print", NULL, NULL, NULL, "s", line);
    }
    return 0;
}

/* Whether the argument is the caller's ViewPoint of this group. */
static int group_same(void *self, pb_request *req)
{
    struct group *group = self;
    pb_value *v;
    int e = pb_request_unpack(req, "O", &v);
    if (e) {
        return e;
    }
    const pb_object *o = pb_as_object(v);
    return pb_request_answer_steal(
        req,
        pb_build(NULL, "[NN]", pb_bool(pb_viewpoint_object(o) == group->object),
                 pb_bool(pb_viewpoint_perspective(o) == pb_request_perspective(req))));
}

static const pb_class group_class = {
    .name = "Group",
    .flavor = PB_FLAVOR_VIEWABLE,
    .view = (const pb_method[]){{"send", group_send}, {"same", group_same}, {0}},
};

/* ---- The users ---- */

static int user_join_group(void *self, pb_request *req)
{
    const struct user *user = self;
    struct group *group = &user->chat->group;
    const char *const names[] = {"name", "quiet", NULL};
    const char *name;
    int quiet = 0;
    int e = pb_request_unpack_keywords(req, "s|p", names, &name, &quiet);
    if (e) {
        return e;
    }
    size_t i = 0;
    while (group->members[i]) {
        i++;
    }
    group->members[i] = pb_request_object(req);
    if (!quiet) {
        printf("%s joins %s\n", user->name, name);
    }
    return pb_request_answer_steal(req, pb_object_value(group->object));
}

static void user_destroy(void *self)
{
    struct user *user = self;
    free(user->name);
    free(user);
}

static const pb_class user_class = {
    .name = "User",
    .perspective = (const pb_method[]){{"joinGroup", user_join_group}, {0}},
    .destroy = user_destroy,
};

static void user_leave(void *user_data)
{
    pb_object *o = user_data;
    struct user *user = pb_object_self(o);
    printf("%s leaves\n", user->name);
    pb_object **members = user->chat->group.members;
    for (size_t i = 0, kept = 0; i < MEMBERS; i++) {
        pb_object *member = members[i];
        members[i] = NULL;
        if (member != o) {
            members[kept++] = member;
        }
    }
    pb_remote_unref(user->mind);
    user->mind = NULL;
    pb_object_unref(o);
}

static int chat_realm(pb_attempt *a, void *user_data)
{
    struct user *user = malloc(sizeof *user);
    *user = (struct user){attempt_name(a),
                          pb_remote_ref(pb_as_remote(pb_attempt_mind(a))), user_data};
    pb_object *avatar = pb_object_new(&user_class, user);
    return pb_attempt_grant(a, avatar, user_leave, avatar);
}

static void serve_chat(pb_net_config *config)
{
    static struct chat chat;
    static const struct account accounts[] = {
        {"alice", "1234"}, {"bob", "secret"}, {"carol", "fido"}, {0}};
    chat.group.object = pb_object_new(&group_class, &chat.group);
    serve_portal(config, chat_realm, &chat, accounts, false);
}

/* ---- The client ---- */

static int chat_mind_print(void *self, pb_request *req)
{
    const char *line;
    int e = pb_request_unpack(req, "s", &line);
    if (e == 0) {
        printf("%s reads: %s\n", (const char *)self, line);
    }
    return e;
}

static const pb_class mind_class = {
    .name = "Mind",
    .remote = (const pb_method[]){{"print", chat_mind_print}, {0}},
};

static pb_value *chat_mind_new(const char *name)
{
    return pb_object_value_steal(pb_object_new(&mind_class, (char *)name));
}

static void print_send(struct test_client *t, pb_value *group, const char *line)
{
    print_answer_steal(
        t, "send",
        pb_client_call(t->client, pb_as_remote(group), "send", &t->err, "s", line));
}

/* Logs bob in, and has him join the group and use it: his avatar, *new*. */
static pb_remote *run_bob(struct test_client *t, pb_value *group)
{
    pb_remote *bob = log_in_steal(t, "bob", "secret", chat_mind_new("bob"));
    pb_value *args = pb_build(NULL, "(s)", "#NeedAFourth");
    pb_value *kwargs = pb_build(NULL, "{sp}", "quiet", 1);
    pb_value *same =
        pb_client_call_values(t->client, bob, "joinGroup", args, kwargs, &t->err);
    pb_value_unref(args);
    pb_value_unref(kwargs);
    print_send(t, same, "Four is a group.");
    print_send(t, group, "And a mattress.");
    print_answer_steal(
        t, "same",
        pb_client_call(t->client, pb_as_remote(group), "same", &t->err, "O", group));
    print_answer_steal(
        t, "same",
        pb_client_call(t->client, pb_as_remote(group), "same", &t->err, "O", same));
    print_answer_steal(
        t, "nothing",
        pb_client_call(t->client, pb_as_remote(group), "nothing", &t->err, ""));
    pb_value_unref(same);
    return bob;
}

static void run_alice(struct test_client *t, bool bob_joins)
{
    pb_remote *alice = log_in_steal(t, "alice", "1234", chat_mind_new("alice"));
    pb_value *group =
        pb_client_call(t->client, alice, "joinGroup", &t->err, "s", "#NeedAFourth");
    printf("got %s\n", pb_as_remote(group) ? "a reference" : "nothing");
    print_send(t, group, "You can call me Al.");
    pb_remote *bob = bob_joins ? run_bob(t, group) : NULL;
    pb_value_unref(group);
    pb_remote_unref(alice);
    pb_remote_unref(bob);
}

static void run_chat(struct test_client *t)
{
    run_alice(t, false);
}

static void run_chat_of_two(struct test_client *t)
{
    run_alice(t, true);
}

const struct pair pairs_chat[] = {
    {"chat", serve_chat, run_chat, NULL},
    {"chat-of-two", serve_chat, run_chat_of_two, NULL},
    {0},
};
