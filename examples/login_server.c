/* SPDX-License-Identifier: MIT
 *
 * A server with users: each gets an avatar that knows its name. Log in as alice with the
 * password sesame, by login_client.c or by Twisted's PBClientFactory.login. */
#include <pb/pb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct person {
    char name[32];
};

static int do_greet(void *self, pb_request *req)
{
    const struct person *person = self;
    char text[64];
    snprintf(text, sizeof text, "Hello, %s!", person->name);
    return pb_request_answer_steal(req, pb_str(text));
}

static void person_destroy(void *self)
{
    free(self);
}

static const pb_method person_methods[] = {{"greet", do_greet}, {0}};
static const pb_class person_class = {
    .name = "Person", .perspective = person_methods, .destroy = person_destroy};

static void log_out(void *user_data)
{
    (void)user_data;
    puts("somebody logged out");
    fflush(stdout);
}

/* The realm: makes an avatar for a user who has logged in. */
static int request_avatar(pb_attempt *attempt, void *user_data)
{
    (void)user_data;
    pb_span id = pb_attempt_avatar_id(attempt);
    struct person *person = calloc(1, sizeof *person);
    if (!person) {
        return PB_ERR_NOMEM;
    }
    snprintf(person->name, sizeof person->name, "%.*s", (int)id.len,
             (const char *)id.data);
    pb_object *avatar = pb_object_new(&person_class, person);
    if (!avatar) {
        free(person);
        return PB_ERR_NOMEM;
    }
    int failed = pb_attempt_grant(attempt, avatar, log_out, NULL);
    pb_object_unref(avatar);
    return failed;
}

int main(int argc, char **argv)
{
    pb_error err = {0};
    pb_portal *portal = pb_portal_new(request_avatar, NULL);
    pb_object *root = portal ? pb_portal_root(portal) : NULL;
    if (!root ||
        pb_portal_add_user(portal, pb_span_of("alice"), pb_span_of("sesame")) != 0) {
        return 1;
    }
    pb_net_config config = {.session.root = root};
    pb_server *server =
        pb_serve(pb_loop_default(), argc > 1 ? argv[1] : "tcp:8800", &config, &err);
    if (server) {
        printf("listening on tcp:%d\n", pb_server_port(server));
        fflush(stdout);
        pb_run();
        pb_server_close(server, NULL, NULL);
        pb_run();
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    pb_object_unref(root);
    pb_portal_unref(portal);
    return err.code ? 1 : 0;
}
