/* SPDX-License-Identifier: MIT
 *
 * A worker for Buildbot's masters, as buildbot-worker is one: logs in, with an object
 * that the master calls, runs what it is told to, and comes back when the connection is
 * lost.
 *
 *     buildbot_worker FOLDER HOST:PORT NAME PASSWORD */
#include <pb/pb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "examples/buildbot_command.h"

/* ---- A builder: what the master calls to have a build made ---- */

struct builder {
    char folder[4096];
    pb_object *object;
    command *command; /* that is running, or NULL */
};

static int print(void *self, pb_request *req)
{
    static const char *const names[] = {"message", NULL};
    const char *message;
    (void)self;
    int e = pb_request_unpack_keywords(req, "s", names, &message);
    if (e == 0) {
        printf("the master says: %s\n", message);
    }
    return e;
}

static int start_build(void *self, pb_request *req)
{
    (void)self;
    (void)req;
    return 0;
}

static int start_command(void *self, pb_request *req)
{
    struct builder *b = self;
    pb_value *step, *id, *args;
    const char *name;
    int e = pb_request_unpack(req, "OOsO", &step, &id, &name, &args);
    if (e) {
        return e;
    }
    struct place place = {b->folder, &b->command, b->object};
    if (!pb_as_remote(step) || b->command ||
        !command_start(place, pb_as_remote(step), name, args)) {
        return pb_request_fail(
            req, "buildbot_worker.pb.UnknownCommand twisted.spread.pb.Error",
            "cannot start command '%s'", name);
    }
    return 0;
}

static int interrupt_command(void *self, pb_request *req)
{
    struct builder *b = self;
    (void)req;
    if (b->command) {
        command_interrupt(b->command);
    }
    return 0;
}

static const pb_class builder_class = {
    .name = "WorkerForBuilderPb",
    .remote = (const pb_method[]){{"print", print},
                                  {"startBuild", start_build},
                                  {"startCommand", start_command},
                                  {"interruptCommand", interrupt_command},
                                  {0}},
    .destroy = free,
};

/* ---- The bot: what the master calls first ---- */

static int get_worker_info(void *self, pb_request *req)
{
    const char *folder = self;
    pb_value *info =
        pb_build(NULL, "{s:s s:s s:i s:s s:N s:{} s:N}", "system", "posix", "basedir",
                 folder, "numcpus", (int)sysconf(_SC_NPROCESSORS_ONLN), "version",
                 "3.7.0", "worker_commands", command_versions(), "environ",
                 "delete_leftover_dirs", pb_bool(false));
    return pb_request_answer_steal(req, info);
}

/* A *new* reference to a builder whose folder has that name. */
static pb_value *builder_new(const char *base, const char *name)
{
    struct builder *b = calloc(1, sizeof *b);
    if (!b) {
        return NULL;
    }
    snprintf(b->folder, sizeof b->folder, "%s/%s", base, name);
    b->object = pb_object_new(&builder_class, b);
    if (!b->object) {
        free(b);
        return NULL;
    }
    return pb_object_value_steal(b->object);
}

static int set_builder_list(void *self, pb_request *req)
{
    pb_value *list, *builders = pb_dict();
    int e = pb_request_unpack(req, "O", &list);
    for (size_t i = 0; e == 0 && i < pb_len(list); i++) {
        const char *name, *folder;
        e = pb_unpack(pb_item(list, i), NULL, "(ss)", &name, &folder);
        if (e == 0) {
            e = pb_dict_set_value_steal(builders, pb_str(name),
                                        builder_new(self, folder));
        }
    }
    if (e) {
        pb_value_unref(builders);
        return e;
    }
    return pb_request_answer_steal(req, builders);
}

static int shut_down(void *self, pb_request *req)
{
    (void)self;
    (void)req;
    return raise(SIGTERM) == 0 ? 0 : PB_ERR_SYSTEM;
}

static const pb_class bot_class = {
    .name = "BotPb",
    .remote = (const pb_method[]){{"print", print},
                                  {"getWorkerInfo", get_worker_info},
                                  {"setBuilderList", set_builder_list},
                                  {"shutdown", shut_down},
                                  {0}},
};

/* ---- The connection ---- */

static void on_up(pb_service *s, pb_remote *avatar, void *user_data)
{
    (void)s;
    (void)avatar;
    (void)user_data;
    printf("attached\n");
}

static void on_down(pb_service *s, const pb_error *why, int64_t retry_in, void *user_data)
{
    (void)s;
    (void)user_data;
    fprintf(stderr, "%s; again in %lld ms\n", why->text, (long long)retry_in);
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: buildbot_worker FOLDER HOST:PORT NAME PASSWORD\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    pb_credentials who = {.username = argv[3], .password = argv[4]};
    pb_object *bot = pb_object_new(&bot_class, argv[1]);
    pb_value *mind = pb_object_value(bot);
    pb_service_config config = {
        .login = &who, .mind = mind, .on_up = on_up, .on_down = on_down};
    pb_error err = {0};
    pb_service *service = pb_service_new(pb_loop_default(), argv[2], &config, &err);
    if (service) {
        pb_run(); /* until a signal comes */
        pb_service_stop(service, 1000, NULL, NULL);
        pb_run(); /* until it has stopped */
    } else {
        fprintf(stderr, "%s\n", err.text);
    }
    pb_value_unref(mind);
    pb_object_unref(bot);
    return service ? 0 : 1;
}
