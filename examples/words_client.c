/* SPDX-License-Identifier: MIT
 *
 * Logs in to a server of twisted.words, joins a group, says something, and prints what
 * the others say: words_client ENDPOINT NAME PASSWORD GROUP TEXT. The classes of
 * twisted.words are sent as references with a type tag of their own. */
#include <pb/pb.h>
#include <stdio.h>

/* A mind is sent as [type, number], a group as [type, name, number]. */
static pb_value *no_members(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    (void)err;
    return pb_list();
}

/* The state of the client while it is logged in. */
struct chat {
    pb_remote *group; /* that it has joined; NULL before */
    int received;
};

/* receive(sender, recipient, message), as the mind of a user who is logged in. */
static int receive(void *self, pb_request *req)
{
    struct chat *chat = self;
    pb_value *sender, *group, *message;
    int e = pb_request_unpack(req, "OOO", &sender, &group, &message);
    if (e) {
        return e;
    }
    if (!pb_remote_equal(pb_as_remote(group), chat->group)) {
        return 0; /* for this user alone, or in another group */
    }
    pb_value *members = pb_remote_members(pb_as_remote(group));
    char *name = members ? pb_value_repr(pb_item(members, 0)) : NULL;
    char *text = pb_value_repr(message);
    printf("%s: %s\n", name ? name : "a user", text ? text : "");
    pb_free(name);
    pb_free(text);
    chat->received++;
    return 0;
}

static int ignore(void *self, pb_request *req)
{
    (void)self;
    (void)req;
    return 0; /* userJoined, userLeft, groupMetaUpdate */
}

static const pb_class mind_class = {
    .name = "twisted.words.service.PBMind",
    .remote = (const pb_method[]){{"receive", receive}, {0}},
    .fallback = ignore,
    .jelly_members = no_members,
};

/* Joins, talks, and waits for one message. */
static void talk(pb_client *client, pb_remote *avatar, char **words, struct chat *chat,
                 pb_error *err)
{
    pb_value *group = pb_client_call(client, avatar, "join", err, "s", words[0]);
    pb_remote *to = chat->group = pb_as_remote(group);
    if (to) {
        printf("joined as a %s\n", pb_remote_type(to) ? pb_remote_type(to) : "reference");
    }
    pb_value_unref(pb_client_call(client, to, "send", err, "{ss}", "text", words[1]));
    for (int i = 0; i < 100 && !err->code && chat->received == 0; i++) {
        pb_client_wait(client, 50);
    }
    pb_value_unref(pb_client_call(client, to, "leave", err, ""));
    chat->group = NULL;
    pb_value_unref(group);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: words_client ENDPOINT NAME PASSWORD GROUP TEXT\n");
        return 2;
    }
    pb_registry *types = pb_registry_new();
    pb_registry_set_reference(types, "twisted.words.service.ChatAvatar");
    pb_registry_set_reference(types, "twisted.words.service.PBGroup");

    pb_error err = {0};
    struct chat chat = {0};
    pb_net_config config = {.session.registry = types};
    pb_credentials who = {.username = argv[2], .password = argv[3]};
    pb_value *mind = pb_object_value_steal(pb_object_new(&mind_class, &chat));
    pb_client *client = pb_client_open(argv[1], &config, &err);
    pb_remote *avatar = pb_client_login(client, &who, mind, &err);
    if (avatar) {
        talk(client, avatar, argv + 4, &chat, &err);
    }
    if (err.code) {
        fprintf(stderr, "%s\n", err.text);
    }
    pb_remote_unref(avatar);
    pb_value_unref(mind);
    pb_client_free(client);
    pb_registry_unref(types);
    return err.code || chat.received == 0 ? 1 : 0;
}
