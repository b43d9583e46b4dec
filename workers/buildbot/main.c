/* SPDX-License-Identifier: MIT
 *
 * pb-buildbot-worker, a worker for Buildbot's masters: logs in, with an object that the
 * master calls, runs what it is told to, and reconnects when the connection is lost. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "workers/buildbot/bot.h"
#include "workers/buildbot/command.h"
#include "workers/buildbot/settings.h"

enum { DRAIN = 1000, FILE_POLL = 10000 /* ms */ };

typedef struct {
    settings settings;
    char folder[PATH_MAX];
    pb_service *service;
    bool failed;        /* it gave up */
    bool keeping_alive; /* a call of it is outstanding */
    uv_timer_t keepalive, file_timer;
    uv_signal_t hangup;
    struct timespec stamp; /* of the file by which a shutdown is asked for */
} worker;

static const char usage[] =
    "Usage: pb-buildbot-worker [--help] [--version] FILE\n"
    "\n"
    "Runs a worker for a master of Buildbot, with the settings in FILE: lines of\n"
    "NAME = VALUE, as Buildbot's own worker has them in its buildbot.tac.\n"
    "\n"
    "  -h, --help     print this\n"
    "      --version  print the version\n"
    "\n"
    "Example: pb-buildbot-worker /etc/pb-buildbot-worker/default.conf\n";

/* ---- Shutting down ---- */

static void shutdown_answered(pb_value *answer, pb_failure *failure, void *user_data)
{
    (void)answer;
    (void)user_data;
    if (failure) {
        fprintf(stderr, "the master does not shut the worker down: %s\n",
                pb_failure_text(failure));
    }
}

/* Asks the master to let the running builds end, and then to stop this worker. */
static void ask_for_shutdown(worker *w)
{
    if (!pb_service_root(w->service)) {
        printf("no active connection, shutting down now\n");
        (void)raise(SIGTERM);
        return;
    }
    printf("telling the master that the worker wants to end after its builds\n");
    (void)pb_service_call(w->service, "shutdown", shutdown_answered, w, NULL, "");
}

static void on_hangup(uv_signal_t *handle, int signal)
{
    (void)signal;
    ask_for_shutdown(handle->data);
}

static struct timespec shutdown_stamp(const worker *w)
{
    char path[PATH_MAX];
    pb_error err = {0};
    struct stat st = {0};
    bool found =
        path_join(path, w->folder, "shutdown.stamp", &err) == 0 && stat(path, &st) == 0;
    return found ? st.st_mtim : (struct timespec){0};
}

static void on_file_poll(uv_timer_t *timer)
{
    worker *w = timer->data;
    struct timespec now = shutdown_stamp(w);
    if (now.tv_sec > w->stamp.tv_sec ||
        (now.tv_sec == w->stamp.tv_sec && now.tv_nsec > w->stamp.tv_nsec)) {
        w->stamp = now;
        ask_for_shutdown(w);
    }
}

/* ---- The connection ---- */

static void keepalive_answered(pb_value *answer, pb_failure *failure, void *user_data)
{
    worker *w = user_data;
    (void)answer;
    (void)failure; /* of a lost connection: on_down tells of it */
    w->keeping_alive = false;
}

static void on_keepalive(uv_timer_t *timer)
{
    worker *w = timer->data;
    if (pb_service_root(w->service) && !w->keeping_alive) {
        w->keeping_alive = pb_service_call(w->service, "keepalive", keepalive_answered, w,
                                           NULL, "") == 0;
    }
}

static void on_up(pb_service *s, pb_remote *avatar, void *user_data)
{
    (void)s;
    (void)avatar;
    (void)user_data;
    printf("Connected to buildmaster; worker is ready\n");
}

static void on_down(pb_service *s, const pb_error *why, int64_t retry_in, void *user_data)
{
    worker *w = user_data;
    (void)s;
    if (retry_in < 0) {
        fprintf(stderr, "%s; giving up\n", why->text);
        w->failed = true;
        (void)raise(SIGTERM);
    } else {
        fprintf(stderr, "%s; again in %lld ms\n", why->text, (long long)retry_in);
    }
}

/* Watches what asks for a shutdown, and sends the keep-alive. */
static void watch(worker *w)
{
    uv_loop_t *loop = uv_default_loop();
    uv_timer_init(loop, &w->keepalive);
    uv_timer_init(loop, &w->file_timer);
    uv_signal_init(loop, &w->hangup);
    w->keepalive.data = w;
    w->file_timer.data = w;
    w->hangup.data = w;
    if (w->settings.keepalive) {
        uint64_t each = (uint64_t)w->settings.keepalive * 1000;
        uv_timer_start(&w->keepalive, on_keepalive, each, each);
    }
    if (w->settings.allow_shutdown == SHUTDOWN_BY_SIGNAL) {
        uv_signal_start(&w->hangup, on_hangup, SIGHUP);
    } else if (w->settings.allow_shutdown == SHUTDOWN_BY_FILE) {
        w->stamp = shutdown_stamp(w);
        uv_timer_start(&w->file_timer, on_file_poll, FILE_POLL, FILE_POLL);
    }
}

static void unwatch(worker *w)
{
    uv_close((uv_handle_t *)&w->keepalive, NULL);
    uv_close((uv_handle_t *)&w->file_timer, NULL);
    uv_close((uv_handle_t *)&w->hangup, NULL);
}

/* ---- The program ---- */

/* The endpoint of the master; false: it is too long. */
static bool make_endpoint(const settings *s, char *out, size_t room)
{
    size_t n = 0;
    if (s->connection_string) {
        return (size_t)snprintf(out, room, "%s", s->connection_string) < room;
    }
    n = (size_t)snprintf(out, room, "%s:host=", s->use_tls ? "tls" : "tcp");
    for (const char *h = s->buildmaster_host; *h && n + 3 < room; h++) {
        if (*h == ':' || *h == '\\') { /* of an IPv6 address */
            out[n++] = '\\';
        }
        out[n++] = *h;
    }
    return n < room && (size_t)snprintf(out + n, room - n, ":port=%lld",
                                        (long long)s->port) < room - n;
}

/* Writes the name of the machine where Buildbot's own worker writes it. */
static void record_host_name(const worker *w)
{
    char path[PATH_MAX], name[256] = "";
    pb_error err = {0};
    bool good = gethostname(name, sizeof name - 1) == 0 &&
                path_join(path, w->folder, "twistd.hostname", &err) == 0;
    FILE *file = good ? fopen(path, "we") : NULL;
    if (file) {
        fprintf(file, "%s\n", name);
        fclose(file);
    }
}

static int worker_run(worker *w, pb_error *err)
{
    char endpoint[1024];
    const settings *s = &w->settings;
    if (!make_endpoint(s, endpoint, sizeof endpoint)) {
        return refuse(err, PB_ERR_LIMIT, "the endpoint of the master is too long");
    }
    bot_config config = {w->folder, (int)s->numcpus, s->delete_leftover_dirs};
    pb_object *object = bot_new(&config);
    pb_value *mind = object ? pb_object_value(object) : NULL;
    pb_credentials who = {.username = s->workername, .password = s->passwd};
    pb_service_config service = {.login = &who,
                                 .mind = mind,
                                 .max_delay = s->maxdelay * 1000,
                                 .max_failures = (size_t)s->maxretries,
                                 .on_up = on_up,
                                 .on_down = on_down,
                                 .user_data = w};
    w->service = mind ? pb_service_new(pb_loop_default(), endpoint, &service, err) : NULL;
    if (w->service) {
        watch(w);
        pb_run(); /* until a signal comes */
        unwatch(w);
        pb_service_stop(w->service, DRAIN, NULL, NULL);
        pb_run(); /* until it has stopped */
    } else if (!err->code) {
        refuse(err, PB_ERR_NOMEM, "out of memory");
    }
    pb_value_unref(mind);
    pb_object_unref(object);
    return err->code;
}

static int worker_start(worker *w, const char *file, pb_error *err)
{
    if (!settings_read(&w->settings, file, err)) {
        return err->code;
    }
    if (w->settings.umask >= 0) {
        umask((mode_t)(w->settings.umask & 0777));
    }
    if (!realpath(w->settings.basedir, w->folder) || chdir(w->folder) != 0) {
        return refuse(err, PB_ERR_SYSTEM, "%.100s: %s", w->settings.basedir,
                      strerror(errno));
    }
    record_host_name(w);
    return worker_run(w, err);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'v'}, {0}};
    static worker w;
    pb_error err = {0};
    int option = getopt_long(argc, argv, "h", options, NULL);
    if (option == 'h' || option == 'v') {
        fputs(option == 'h' ? usage : "pb-buildbot-worker " PB_VERSION "\n", stdout);
        return 0;
    }
    if (option != -1 || optind + 1 != argc) {
        fputs(usage, stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (worker_start(&w, argv[optind], &err) != 0) {
        fprintf(stderr, "pb-buildbot-worker: %s\n", err.text);
    }
    settings_fini(&w.settings);
    return err.code || w.failed ? 1 : 0;
}
