/* SPDX-License-Identifier: MIT
 *
 * The methods that a master calls. To any input, the answer is a result or a failure. */
#include "workers/buildbot/bot.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "workers/buildbot/command.h"

/* The version of Buildbot whose worker this one replaces. */
static const char buildbot_version[] = "4.0.0";
enum { INFO_MAX = 64 << 10 /* bytes of a file */, SHUTDOWN_DELAY = 200 /* ms */ };

struct bot {
    const bot_config *config;
    pb_value *builders; /* {name: builder} */
};

typedef struct {
    char *base, *folder;
    command *command; /* that is running, or NULL */
} builder;

static int print(void *self, pb_request *req)
{
    static const char *const names[] = {"message", NULL};
    pb_value *message;
    (void)self;
    int e = pb_request_unpack_keywords(req, "O", names, &message);
    char *text = e ? NULL : pb_value_repr(message);
    if (text) {
        printf("message from master: %s\n", text);
        pb_free(text);
    }
    return e;
}

/* ---- A builder ---- */

static void builder_destroy(void *self)
{
    builder *b = self;
    if (b->command) {
        command_silence(b->command);
    }
    free(b->base);
    free(b->folder);
    free(b);
}

static int set_master(void *self, pb_request *req)
{
    (void)self;
    (void)req; /* the end of the connection is noticed by the steps */
    return 0;
}

static int start_build(void *self, pb_request *req)
{
    (void)self;
    (void)req;
    return 0;
}

static int start_command(void *self, pb_request *req)
{
    builder *b = self;
    pb_error err = {0};
    pb_value *step, *id, *args;
    const char *name;
    int e = pb_request_unpack(req, "OOsO", &step, &id, &name, &args);
    if (e) {
        return e;
    }
    if (!pb_as_remote(step)) {
        return pb_request_fail(req, "builtins.TypeError",
                               "the step of '%.100s' is no reference", name);
    }
    if (b->command) {
        printf("leftover command, dropping it\n");
        command_silence(b->command);
    }
    printf(" startCommand:%.100s\n", name);
    command_place place = {b->base, b->folder, &b->command};
    if (command_start(place, pb_as_remote(step), name, args, &err) == 0) {
        return 0;
    }
    printf("the command is refused: %s\n", err.text);
    bool unknown = strncmp(err.text, "unrecognized", 12) == 0;
    return pb_request_fail(
        req,
        unknown ? "buildbot_worker.base.UnknownCommand twisted.spread.pb.Error"
                : "builtins.ValueError",
        "%s", err.text);
}

static int interrupt_command(void *self, pb_request *req)
{
    builder *b = self;
    (void)req;
    printf("asked to interrupt the current command%s\n",
           b->command ? "" : ", but none was running");
    if (b->command) {
        command_interrupt(b->command);
    }
    return 0;
}

static const pb_class builder_class = {
    .name = "WorkerForBuilderPb",
    .remote = (const pb_method[]){{"print", print},
                                  {"setMaster", set_master},
                                  {"startBuild", start_build},
                                  {"startCommand", start_command},
                                  {"interruptCommand", interrupt_command},
                                  {0}},
    .destroy = builder_destroy,
};

/* ---- The builders ---- */

/* A folder of the worker for a builder: its path, *new* (free), or NULL with err. */
static char *builder_folder(const char *base, const char *name, pb_error *err)
{
    char path[PATH_MAX];
    if (path_join(path, base, name, err) != 0) {
        return NULL;
    }
    int e = make_folders(path);
    if (e) {
        refuse(err, PB_ERR_SYSTEM, "%.100s: %s", path, strerror(e));
        return NULL;
    }
    return strdup(path);
}

/* A builder as a *new* value. Takes folder. */
static pb_value *builder_new_steal(const char *base, char *folder)
{
    builder *b = calloc(1, sizeof *b);
    if (!b) {
        free(folder);
        return NULL;
    }
    b->base = strdup(base);
    b->folder = folder;
    pb_object *object = b->base ? pb_object_new(&builder_class, b) : NULL;
    if (!object) {
        builder_destroy(b);
        return NULL;
    }
    return pb_object_value_steal(object);
}

/* The builder of that name, one that is there already or a new one; *new*. */
static pb_value *builder_for(const bot *t, const char *name, const char *folder,
                             pb_error *err)
{
    pb_value *known = pb_dict_get(t->builders, name);
    char *path = builder_folder(t->config->folder, folder, err);
    if (!path) {
        return NULL;
    }
    if (!known) {
        return builder_new_steal(t->config->folder, path);
    }
    builder *b = pb_object_self(pb_as_object(known));
    free(b->folder);
    b->folder = path;
    return pb_value_ref(known);
}

/* Stops the commands of builders that the master does not name any more. */
static void stop_unwanted(const bot *t, pb_value *wanted)
{
    pb_value *name, *value;
    size_t pos = 0;
    while (pb_dict_next(t->builders, &pos, &name, &value)) {
        builder *b = pb_object_self(pb_as_object(value));
        if (!pb_dict_get_value(wanted, name) && b->command) {
            command_silence(b->command);
        }
    }
}

/* Removes a folder of the worker in the background. */
static void folder_delete(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (fork() == 0) {
            execlp("rm", "rm", "-rf", path, (char *)NULL);
        }
        _exit(0);
    }
    if (pid > 0) {
        (void)waitpid(pid, NULL, 0);
    }
}

static bool folder_is_wanted(pb_value *list, const char *folder)
{
    for (size_t i = 0; i < pb_len(list); i++) {
        const char *name, *wanted = "";
        (void)pb_unpack(pb_item(list, i), NULL, "(ss)", &name, &wanted);
        size_t len = strlen(folder);
        if (strncmp(wanted, folder, len) == 0 && strchr("/", wanted[len])) {
            return true;
        }
    }
    return false;
}

/* Says which folders no builder uses, or deletes them. */
static void check_leftovers(const bot *t, pb_value *list)
{
    char path[PATH_MAX];
    pb_error err = {0};
    struct stat st;
    DIR *base = opendir(t->config->folder);
    const struct dirent *entry;
    while (base && (entry = readdir(base))) {
        const char *name = entry->d_name;
        if (*name == '.' || strcmp(name, "info") == 0 || folder_is_wanted(list, name) ||
            path_join(path, t->config->folder, name, &err) != 0 ||
            lstat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
            continue;
        }
        printf("the folder '%s' is not used by the master%s\n", name,
               t->config->delete_leftover_dirs ? ": it is deleted" : "");
        if (t->config->delete_leftover_dirs) {
            folder_delete(path);
        }
    }
    if (base) {
        closedir(base);
    }
}

static int set_builder_list(void *self, pb_request *req)
{
    bot *t = self;
    pb_value *list;
    pb_error err = {0};
    int e = pb_request_unpack(req, "O", &list);
    if (e) {
        return e;
    }
    if (!pb_is(list, PB_LIST) && !pb_is(list, PB_TUPLE)) {
        return pb_request_fail(req, "builtins.TypeError", "the builders are no list");
    }
    pb_value *wanted = pb_dict();
    for (size_t i = 0; !e && i < pb_len(list); i++) {
        const char *name, *folder;
        e = pb_unpack(pb_item(list, i), &err, "(ss)", &name, &folder);
        pb_value *one = e ? NULL : builder_for(t, name, folder, &err);
        e = e ? e : pb_dict_set_steal(wanted, name, one);
    }
    if (e) {
        pb_value_unref(wanted);
        return pb_request_fail(req, "builtins.ValueError", "builder list: %s",
                               err.code ? err.text : "out of memory");
    }
    stop_unwanted(t, wanted);
    pb_value_unref(t->builders);
    t->builders = wanted;
    check_leftovers(t, list);
    return pb_request_answer_steal(req, pb_value_copy(wanted));
}

/* ---- What the master asks about the worker ---- */

/* The content of a file, up to INFO_MAX bytes: a *new* str, or NULL. */
static pb_value *file_text(const char *path)
{
    char *text = malloc(INFO_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = text && fd >= 0 ? read(fd, text, INFO_MAX) : -1;
    pb_value *v = n < 0 ? NULL : text_value(text, (size_t)n);
    if (fd >= 0) {
        close(fd);
    }
    free(text);
    return v;
}

/* Adds the files of the folder info, by which the administrator describes the worker. */
static void add_info_files(const bot *t, pb_value *info)
{
    char folder[PATH_MAX], path[PATH_MAX];
    pb_error err = {0};
    struct stat st;
    DIR *files =
        path_join(folder, t->config->folder, "info", &err) == 0 ? opendir(folder) : NULL;
    const struct dirent *entry;
    while (files && (entry = readdir(files))) {
        if (path_join(path, folder, entry->d_name, &err) == 0 && stat(path, &st) == 0 &&
            S_ISREG(st.st_mode)) {
            pb_dict_set_value_steal(
                info, text_value(entry->d_name, strlen(entry->d_name)), file_text(path));
        }
    }
    if (files) {
        closedir(files);
    }
}

/* Adds NAME=VALUE as os_name: VALUE. */
static void add_os_line(pb_value *info, char *line)
{
    char key[64] = "os_";
    char *equals = strchr(line, '=');
    if (*line == '#' || !equals || !equals[1] || equals - line > 50) {
        return;
    }
    for (size_t i = 0; line + i < equals; i++) {
        key[3 + i] = line[i] >= 'A' && line[i] <= 'Z' ? (char)(line[i] + 32) : line[i];
    }
    char *value = equals + 1;
    value += strspn(value, "\"");
    size_t len = strlen(value);
    while (len && value[len - 1] == '"') {
        len--;
    }
    pb_dict_set_steal(info, key, text_value(value, len));
}

static void add_os_release(pb_value *info)
{
    char line[1000];
    FILE *file = fopen("/etc/os-release", "re");
    while (file && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\r\n")] = '\0';
        add_os_line(info, line);
    }
    if (file) {
        fclose(file);
    }
}

static pb_value *environ_dict(void)
{
    pb_value *variables = pb_dict();
    for (char **e = environ; *e; e++) {
        size_t len = strcspn(*e, "=");
        const char *value = (*e)[len] ? *e + len + 1 : "";
        pb_dict_set_value_steal(variables, text_value(*e, len),
                                text_value(value, strlen(value)));
    }
    return variables;
}

static int get_worker_info(void *self, pb_request *req)
{
    const bot *t = self;
    pb_value *info = pb_dict();
    int cpus = t->config->cpus ? t->config->cpus : (int)sysconf(_SC_NPROCESSORS_ONLN);
    const char *folder = t->config->folder;
    add_info_files(t, info);
    add_os_release(info);
    pb_dict_set_steal(info, "environ", environ_dict());
    pb_dict_set_steal(info, "system", pb_str("posix"));
    pb_dict_set_steal(info, "basedir", text_value(folder, strlen(folder)));
    pb_dict_set_steal(info, "numcpus", pb_int(cpus > 0 ? cpus : 1));
    pb_dict_set_steal(info, "version", pb_str(buildbot_version));
    pb_dict_set_steal(info, "worker_commands", command_versions());
    pb_dict_set_steal(info, "delete_leftover_dirs",
                      pb_bool(t->config->delete_leftover_dirs));
    return pb_request_answer_steal(req, info);
}

static int get_commands(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req, command_versions());
}

static int get_version(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req, pb_str(buildbot_version));
}

static void on_shutdown(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, (uv_close_cb)free);
    (void)raise(SIGTERM);
}

/* Ends the worker a little later, so that the answer is sent before. */
static int shut_down(void *self, pb_request *req)
{
    (void)self;
    (void)req;
    uv_timer_t *timer = malloc(sizeof *timer);
    if (!timer) {
        return PB_ERR_NOMEM;
    }
    printf("worker shutting down on command from master\n");
    uv_timer_init(uv_default_loop(), timer);
    uv_timer_start(timer, on_shutdown, SHUTDOWN_DELAY, 0);
    return 0;
}

static void bot_destroy(void *self)
{
    bot *t = self;
    pb_value_unref(t->builders);
    free(t);
}

static const pb_class bot_class = {
    .name = "BotPb",
    .remote = (const pb_method[]){{"print", print},
                                  {"getCommands", get_commands},
                                  {"getVersion", get_version},
                                  {"getWorkerInfo", get_worker_info},
                                  {"setBuilderList", set_builder_list},
                                  {"shutdown", shut_down},
                                  {0}},
    .destroy = bot_destroy,
};

pb_object *bot_new(const bot_config *config)
{
    bot *t = calloc(1, sizeof *t);
    pb_object *object = NULL;
    if (t) {
        t->config = config;
        t->builders = pb_dict();
        object = t->builders ? pb_object_new(&bot_class, t) : NULL;
    }
    if (!object && t) {
        bot_destroy(t);
    }
    return object;
}
