/* SPDX-License-Identifier: MIT
 *
 * Programs on the event loop. Each update is answered before more is read, so that
 * neither a program that prints without end nor a slow master fills the memory. */
#include "workers/buildbot/process.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include "workers/buildbot/logfile.h"
#include "workers/buildbot/output.h"
#include "workers/buildbot/spawn.h"

enum { STREAMS = 2, KILL_WAIT = 5000 /* ms */ };

/* The signals by which a master may interrupt. */
static const struct {
    const char *name;
    int number;
} signals[] = {
    {"KILL", SIGKILL}, {"TERM", SIGTERM}, {"INT", SIGINT},   {"HUP", SIGHUP},
    {"QUIT", SIGQUIT}, {"ABRT", SIGABRT}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
};
enum { SIGNALS = sizeof signals / sizeof *signals };

typedef struct {
    uv_poll_t poll; /* first, so that it is the stream */
    process *process;
    const char *name;
    bool dropped, open;
    int fd;
    output_lines lines;
} stream;

struct process {
    command *command;
    process *next; /* of those that run */
    pid_t pid;     /* 0: it has ended */
    int rc, signal;
    uint64_t started;
    void (*done)(command *c, int rc);
    int users; /* handles that are not closed, and updates without an answer */
    bool finished, killed, sigterm, interrupted;
    int kill_signal;
    double timeout, max_time, sigterm_time;
    size_t lines, max_lines;
    char *shown;
    stream streams[STREAMS];
    uv_timer_t io_timer, max_timer, kill_timer;
    uv_poll_t input_poll;
    bool input_open;
    int input_fd;
    char *input;
    size_t input_len, input_sent;
    logfile_set *logfiles;
};

static process *running;
static uv_signal_t child_signal;

static void stream_read_on(stream *s);
static void process_finish(process *p);

/* ---- The end ---- */

static void process_release(process *p)
{
    if (--p->users > 0) {
        return;
    }
    command *c = p->command;
    void (*done)(command *, int) = p->done;
    int rc = p->rc;
    free(p->shown);
    free(p->input);
    free(p);
    c->state = NULL;
    c->interrupt = NULL;
    done(c, rc);
}

static void on_handle_closed(uv_handle_t *handle)
{
    process_release(handle->data);
}

static void process_close_handle(void *handle)
{
    uv_close(handle, on_handle_closed);
}

static void input_close(process *p)
{
    if (p->input_open) {
        p->input_open = false;
        uv_poll_stop(&p->input_poll);
        close(p->input_fd);
        process_close_handle(&p->input_poll);
    }
}

static void stream_sent(pb_value *answer, pb_failure *failure, void *user_data)
{
    stream *s = user_data;
    (void)answer;
    (void)failure; /* the connection is gone: the command is interrupted */
    if (s->open) {
        stream_read_on(s);
    }
    process_release(s->process);
}

static void stream_close(stream *s)
{
    static char out[OUTPUT_ROOM];
    if (!s->open) {
        return;
    }
    s->open = false;
    size_t n = output_finish(&s->lines, out);
    if (n && !s->dropped) {
        command_update(s->process->command, s->name, text_value(out, n), NULL, NULL);
    }
    uv_poll_stop(&s->poll);
    close(s->fd);
    process_close_handle(&s->poll);
}

static void logfiles_drained(void *user_data)
{
    process *p = user_data;
    p->logfiles = NULL;
    process_release(p);
}

/* The program has ended and all that it printed is read: closes everything. */
static void process_finish(process *p)
{
    if (p->finished) {
        return;
    }
    p->finished = true;
    double seconds = (double)(uv_hrtime() - p->started) / 1e9;
    for (int i = 0; i < STREAMS; i++) {
        stream_close(&p->streams[i]);
    }
    input_close(p);
    process_close_handle(&p->io_timer);
    process_close_handle(&p->max_timer);
    process_close_handle(&p->kill_timer);
    if (p->signal) {
        command_header(p->command, "process killed by signal %d\n", p->signal);
    }
    command_header(p->command, "elapsedTime=%f\n", seconds);
    if (p->logfiles) {
        p->users++;
        logfile_set_finish(p->logfiles, logfiles_drained, p);
    }
    process_release(p);
}

static void process_check_end(process *p)
{
    if (p->pid == 0 && !p->streams[0].open && !p->streams[1].open) {
        process_finish(p);
    }
}

/* ---- Killing ---- */

static void process_unlink(process *p)
{
    process **at = &running;
    while (*at && *at != p) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = p->next;
    }
}

static void process_signal(process *p, int signal)
{
    if (p->pid && kill(-p->pid, signal) != 0) { /* and all that it has started */
        (void)kill(p->pid, signal);
    }
}

static void on_kill_failed(uv_timer_t *timer)
{
    process *p = timer->data;
    if (p->pid) {
        command_header(p->command, "signal %d failed to kill process\n", p->kill_signal);
        command_header(p->command, "using fake rc=-1\n");
        process_unlink(p);
        p->pid = 0;
    }
    p->rc = -1;
    process_finish(p);
}

static void on_kill_due(uv_timer_t *timer)
{
    process *p = timer->data;
    process_signal(p, p->kill_signal);
    uv_timer_start(&p->kill_timer, on_kill_failed, KILL_WAIT, 0);
}

static void process_kill(process *p, const char *why)
{
    if (p->finished || p->killed) {
        return;
    }
    p->killed = true;
    uv_timer_stop(&p->io_timer);
    uv_timer_stop(&p->max_timer);
    command_header(p->command, "\n%s, attempting to kill\n", why);
    if (p->sigterm) {
        process_signal(p, SIGTERM);
        uv_timer_start(&p->kill_timer, on_kill_due, (uint64_t)(p->sigterm_time * 1000),
                       0);
    } else {
        on_kill_due(&p->kill_timer);
    }
}

static void process_interrupt(command *c)
{
    process_kill(c->state, "command interrupted");
}

static void process_limit_reached(process *p, const char *reason, const char *what,
                                  double limit, const char *unit)
{
    char *text = NULL;
    command_update(p->command, "failure_reason", pb_str(reason), NULL, NULL);
    if (asprintf(&text, "command %s: %g %s running %s", what, limit, unit, p->shown) >=
        0) {
        process_kill(p, text);
        free(text);
    }
}

static void on_io_timeout(uv_timer_t *timer)
{
    process *p = timer->data;
    process_limit_reached(p, "timeout_without_output", "timed out", p->timeout,
                          "seconds without output");
}

static void on_max_time(uv_timer_t *timer)
{
    process *p = timer->data;
    process_limit_reached(p, "timeout", "timed out", p->max_time, "seconds elapsed");
}

static void process_heard(process *p)
{
    if (p->timeout > 0 && !p->killed) {
        uv_timer_start(&p->io_timer, on_io_timeout, (uint64_t)(p->timeout * 1000), 0);
    }
}

/* ---- Output and input ---- */

static void stream_count_lines(stream *s, const char *text, size_t n)
{
    process *p = s->process;
    for (size_t i = 0; p->max_lines && i < n; i++) {
        p->lines += text[i] == '\n';
    }
    if (p->max_lines && p->lines > p->max_lines && !p->killed) {
        process_limit_reached(p, "max_lines_failure", "exceeds max lines",
                              (double)p->max_lines, "lines");
    }
}

static void on_stream(uv_poll_t *poll, int status, int events)
{
    static char data[OUTPUT_CHUNK], out[OUTPUT_ROOM];
    stream *s = (stream *)poll;
    process *p = s->process;
    (void)events;
    ssize_t n = status < 0 ? 0 : read(s->fd, data, sizeof data);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        if (p->killed && p->pid == 0) {
            stream_close(s); /* what the killed program has left open */
            process_check_end(p);
        }
        return;
    }
    if (n <= 0) { /* the end; EIO, if it is that of a terminal */
        stream_close(s);
        process_check_end(p);
        return;
    }
    process_heard(p);
    size_t len = output_convert(&s->lines, data, (size_t)n, out);
    stream_count_lines(s, out, len);
    if (len == 0 || s->dropped) {
        return;
    }
    uv_poll_stop(&s->poll);
    p->users++;
    if (!command_update(p->command, s->name, text_value(out, len), stream_sent, s)) {
        p->users--;
        stream_read_on(s); /* nobody listens */
    }
}

static void stream_read_on(stream *s)
{
    uv_poll_start(&s->poll, UV_READABLE, on_stream);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    process *p = poll->data;
    (void)events;
    ssize_t n = status < 0 ? -1
                           : write(p->input_fd, p->input + p->input_sent,
                                   p->input_len - p->input_sent);
    if (n < 0 && status >= 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    p->input_sent += n > 0 ? (size_t)n : 0;
    if (n < 0 || p->input_sent == p->input_len) {
        input_close(p);
    }
}

static void process_reap(process *p)
{
    int status;
    if (waitpid(p->pid, &status, WNOHANG) != p->pid) {
        return;
    }
    process_unlink(p);
    p->pid = 0;
    p->signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    p->rc = p->signal ? -1 : WEXITSTATUS(status);
    if (p->killed && p->rc == 0) {
        p->rc = -1;
    }
    for (int i = 0; p->killed && i < STREAMS; i++) {
        if (p->streams[i].open && uv_is_active((uv_handle_t *)&p->streams[i].poll)) {
            on_stream(&p->streams[i].poll, 0, UV_READABLE);
        }
    }
    if (p->killed) {
        uv_timer_start(&p->kill_timer, on_kill_failed, KILL_WAIT, 0);
    }
    process_check_end(p);
}

static void on_child(uv_signal_t *handle, int signal)
{
    process *next;
    (void)handle;
    (void)signal;
    for (process *p = running; p; p = next) {
        next = p->next;
        process_reap(p);
    }
}

/* ---- The start ---- */

/* Tells what is run, in one update: a master stores each one in its database. */
static void process_tell(process *p, const process_options *o)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out) {
        return;
    }
    fprintf(out, "%s\n in dir %s", p->shown, o->folder);
    if (o->timeout > 0) {
        fprintf(out, " (timeout %g secs)", o->timeout);
    }
    if (o->max_time > 0) {
        fprintf(out, " (maxTime %g secs)", o->max_time);
    }
    fputs("\n", out);
    if (!o->hide_environ) {
        fputs(" environment:\n", out);
        for (char *const *e = o->environ ? o->environ : environ; *e; e++) {
            fprintf(out, "  %s\n", *e);
        }
    }
    if (o->input.len) {
        fprintf(out, " writing %zu bytes to stdin\n", o->input.len);
    }
    fprintf(out, " using PTY: %s\n", o->pty ? "True" : "False");
    if (fclose(out) == 0) {
        command_update(p->command, "header", text_value(text, len), NULL, NULL);
    }
    free(text);
}

static void process_add_handles(process *p, const spawned *child)
{
    static const char *const names[STREAMS] = {"stdout", "stderr"};
    uv_loop_t *loop = uv_default_loop();
    p->users = 1;
    for (int i = 0; i < STREAMS; i++) {
        stream *s = &p->streams[i];
        s->process = p;
        s->name = names[i];
        s->fd = child->output[i];
        s->open = s->fd >= 0 && uv_poll_init(loop, &s->poll, s->fd) == 0;
        if (s->open) {
            p->users++;
            s->poll.data = p;
            stream_read_on(s);
        }
    }
    p->input_fd = child->input;
    p->input_open =
        child->input >= 0 && uv_poll_init(loop, &p->input_poll, child->input) == 0;
    if (p->input_open) {
        p->users++;
        p->input_poll.data = p;
        uv_poll_start(&p->input_poll, UV_WRITABLE, on_input);
    }
    uv_timer_t *const timers[] = {&p->io_timer, &p->max_timer, &p->kill_timer};
    for (int i = 0; i < 3; i++) {
        uv_timer_init(loop, timers[i]);
        timers[i]->data = p;
        p->users++;
    }
}

static void process_configure(process *p, const process_options *o)
{
    p->done = o->done;
    p->started = uv_hrtime();
    p->timeout = o->timeout;
    p->max_time = o->max_time;
    p->sigterm = o->sigterm;
    p->sigterm_time = o->sigterm_time;
    p->kill_signal = o->signal ? o->signal : SIGKILL;
    p->max_lines = o->max_lines;
    p->streams[0].dropped = o->drop_stdout;
    p->streams[1].dropped = o->drop_stderr;
    process_heard(p);
    if (p->max_time > 0) {
        uv_timer_start(&p->max_timer, on_max_time, (uint64_t)(p->max_time * 1000), 0);
    }
}

/* The words as the step is told them, *new* (free). */
static char *shown_words(const process_options *o)
{
    pb_value *list = o->shown ? pb_value_ref(o->shown) : pb_list();
    for (char *const *a = o->argv; !o->shown && *a; a++) {
        pb_append_steal(list, text_value(*a, strlen(*a)));
    }
    char *repr = pb_value_repr(list);
    char *words = repr ? strdup(repr) : NULL;
    pb_free(repr);
    pb_value_unref(list);
    return words;
}

/* Watches for the ends of programs, from the first one on. */
static bool watch_children(void)
{
    static bool watching;
    if (!watching && uv_signal_init(uv_default_loop(), &child_signal) == 0) {
        watching = uv_signal_start(&child_signal, on_child, SIGCHLD) == 0;
        uv_unref((uv_handle_t *)&child_signal);
    }
    return watching;
}

static int process_new(command *c, const process_options *o, process **out)
{
    process *p = calloc(1, sizeof *p);
    if (p) {
        p->command = c;
        p->shown = shown_words(o);
        p->input = o->input.len ? malloc(o->input.len) : NULL;
        p->input_len = o->input.len;
    }
    if (!p || !p->shown || (o->input.len && !p->input)) {
        free(p ? p->shown : NULL);
        free(p ? p->input : NULL);
        free(p);
        return PB_ERR_NOMEM;
    }
    if (o->input.len) {
        memcpy(p->input, o->input.data, o->input.len);
    }
    *out = p;
    return 0;
}

int process_start(command *c, const process_options *o, pb_error *err)
{
    process *p;
    spawned child;
    if (!watch_children() || process_new(c, o, &p) != 0) {
        return refuse(err, PB_ERR_NOMEM, "out of memory");
    }
    int e = make_folders(o->folder);
    logfile_set *logs = NULL;
    int code = e ? refuse(err, PB_ERR_SYSTEM, "%.100s: %s", o->folder, strerror(e))
                 : logfile_set_new(c, o->folder, o->logfiles, &logs, err);
    if (code == 0 && (e = spawn(o, &child)) != 0) {
        code = refuse(err, PB_ERR_SYSTEM, "the program cannot be run: %s", strerror(e));
        logfile_set_free(logs);
    }
    if (code) {
        free(p->shown);
        free(p->input);
        free(p);
        return code;
    }
    p->pid = child.pid;
    p->logfiles = logs;
    p->next = running;
    running = p;
    c->state = p;
    c->interrupt = process_interrupt;
    process_add_handles(p, &child);
    process_configure(p, o);
    process_tell(p, o);
    if (logs) {
        logfile_set_watch(logs);
    }
    return 0;
}

int signal_by_name(const char *name)
{
    size_t i = 0;
    while (i < SIGNALS && strcmp(signals[i].name, name) != 0) {
        i++;
    }
    return i < SIGNALS ? signals[i].number : 0;
}
