/* SPDX-License-Identifier: MIT
 *
 * One piece of one file at a time is told; the next one is read when the master has
 * answered. */
#include "workers/buildbot/logfile.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "workers/buildbot/output.h"

enum { POLL = 2000 /* ms */, LOGFILES_MAX = 100 };

typedef struct {
    const char *name; /* borrowed from the arguments of the command */
    char path[PATH_MAX];
    bool follow, existed;
    struct stat before;
    int fd; /* -1: the program has not begun to write it */
    output_lines lines;
} logfile;

struct logfile_set {
    command *command;
    uv_timer_t timer;
    bool waiting; /* for an answer */
    void (*done)(void *user_data);
    void *user_data;
    size_t n, at;
    logfile files[];
};

static void logfile_set_turn(logfile_set *s);

static int logfile_init(logfile *f, const char *folder, pb_value *name, pb_value *value,
                        pb_error *err)
{
    const char *path = NULL;
    pb_value *follow = pb_dict_get(value, "follow");
    int64_t number = 0;
    int bad = pb_is(value, PB_DICT) ? pb_unpack(value, NULL, "{s:s}", "filename", &path)
                                    : pb_unpack(value, NULL, "s", &path);
    bool good = pb_unpack(name, NULL, "s", &f->name) == 0 && !bad;
    if (!good || (follow && pb_as_int(follow, &number) != 0)) {
        return refuse(err, PB_ERR_TYPE, "a log file is no text and no dict of options");
    }
    f->follow = number != 0;
    f->fd = -1;
    int e = path_join(f->path, folder, path, err);
    f->existed = e == 0 && stat(f->path, &f->before) == 0;
    return e;
}

int logfile_set_new(command *c, const char *folder, pb_value *logfiles, logfile_set **out,
                    pb_error *err)
{
    pb_value *name, *value;
    size_t n = pb_len(logfiles), pos = 0;
    *out = NULL;
    if (!logfiles || pb_is(logfiles, PB_NONE) || (pb_is(logfiles, PB_DICT) && n == 0)) {
        return 0;
    }
    if (!pb_is(logfiles, PB_DICT) || n > LOGFILES_MAX) {
        return refuse(err, PB_ERR_TYPE, "the argument 'logfiles' is no dict of up to %d",
                      LOGFILES_MAX);
    }
    logfile_set *s = calloc(1, sizeof *s + n * sizeof *s->files);
    if (!s) {
        return refuse(err, PB_ERR_NOMEM, "out of memory");
    }
    s->command = c;
    while (pb_dict_next(logfiles, &pos, &name, &value)) {
        int e = logfile_init(&s->files[s->n++], folder, name, value, err);
        if (e) {
            free(s);
            return e;
        }
    }
    *out = s;
    return 0;
}

void logfile_set_free(logfile_set *s)
{
    free(s);
}

static bool logfile_open(logfile *f)
{
    struct stat now;
    if (stat(f->path, &now) != 0) {
        f->existed = false; /* the program removes it, to write a new one */
        return false;
    }
    if (f->existed && now.st_mtime == f->before.st_mtime &&
        now.st_ctime == f->before.st_ctime && now.st_size == f->before.st_size) {
        return false;
    }
    f->fd = open(f->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (f->fd >= 0 && f->follow && f->existed) {
        (void)lseek(f->fd, f->before.st_size, SEEK_SET);
    }
    return f->fd >= 0;
}

static void logfile_sent(pb_value *answer, pb_failure *failure, void *user_data)
{
    logfile_set *s = user_data;
    (void)answer;
    (void)failure;
    s->waiting = false;
    logfile_set_turn(s);
}

static bool logfile_tell(logfile_set *s, const logfile *f, const char *text, size_t n)
{
    pb_value *told = pb_build(NULL, "(sN)", f->name, text_value(text, n));
    s->waiting = command_update(s->command, "log", told, logfile_sent, s);
    return s->waiting;
}

/* Reads on in one file; false: there is nothing to be told now. */
static bool logfile_read(logfile_set *s, logfile *f)
{
    static char data[OUTPUT_CHUNK], out[OUTPUT_ROOM];
    ssize_t n = 1;
    while ((f->fd >= 0 || logfile_open(f)) && n > 0) {
        n = read(f->fd, data, sizeof data);
        size_t len = n > 0     ? output_convert(&f->lines, data, (size_t)n, out)
                     : s->done ? output_finish(&f->lines, out)
                               : 0;
        if (len && logfile_tell(s, f, out, len)) {
            return true;
        }
    }
    return false;
}

static void logfile_set_closed(uv_handle_t *timer)
{
    logfile_set *s = timer->data;
    void (*done)(void *) = s->done;
    void *user_data = s->user_data;
    for (size_t i = 0; i < s->n; i++) {
        if (s->files[i].fd >= 0) {
            close(s->files[i].fd);
        }
    }
    free(s);
    done(user_data);
}

/* Goes on with the file that is at turn, and with those after it. */
static void logfile_set_turn(logfile_set *s)
{
    for (; s->at < s->n; s->at++) {
        if (logfile_read(s, &s->files[s->at])) {
            return;
        }
    }
    s->at = 0;
    if (s->done) {
        uv_close((uv_handle_t *)&s->timer, logfile_set_closed);
    }
}

static void on_logfile_poll(uv_timer_t *timer)
{
    logfile_set *s = timer->data;
    if (!s->waiting && !s->done) {
        logfile_set_turn(s);
    }
}

void logfile_set_watch(logfile_set *s)
{
    uv_timer_init(uv_default_loop(), &s->timer);
    s->timer.data = s;
    uv_timer_start(&s->timer, on_logfile_poll, POLL, POLL);
}

void logfile_set_finish(logfile_set *s, void (*done)(void *user_data), void *user_data)
{
    s->user_data = user_data;
    s->done = done;
    if (!s->waiting) {
        s->at = 0;
        logfile_set_turn(s);
    }
}
