/* SPDX-License-Identifier: MIT
 *
 * The log on standard error: its lines, and which programs get it from the
 * environment. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "libpb/net/tests/peers.h"

/* Runs in a process of its own, whose standard error is returned, for free(). */
static char *said_by(void (*run)(void *data), void *data)
{
    char *said = calloc(1, 100000);
    size_t len = 0;
    int ends[2], status;
    alarm(60);
    cr_assert_eq(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(ends[1], 2);
        run(data);
        _exit(0);
    }
    close(ends[1]);
    ssize_t n;
    while ((n = read(ends[0], said + len, 99999 - len)) > 0) {
        len += (size_t)n;
    }
    close(ends[0]);
    waitpid(pid, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return said;
}

/* ---- Lines ---- */

static void log_lines(void *data)
{
    (void)data;
    pb_log_to_stderr(NULL, PB_LOG_ERROR, "a traceback:\n  line 1\nError\x1b[2J", NULL);
    pb_log_to_stderr(NULL, PB_LOG_WARNING, "\xc3\xa9\xff\xe2\x80\xae\xc3", NULL);
    pb_log_to_stderr(NULL, (pb_log_level)9, NULL, NULL);
}

/* "pb: 12:34:56.789 ": its digits become 0. */
static void zero_times(char *said)
{
    for (char *line = said; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        for (char *c = line; strncmp(line, "pb: ", 4) == 0 && c < line + 16; c++) {
            *c = *c >= '0' && *c <= '9' ? '0' : *c;
        }
    }
}

PB_TEST(debug, lines)
{
    char *said = said_by(log_lines, NULL);
    zero_times(said);
    cr_assert_str_eq(said, "pb: 00:00:00.000 - error: a traceback:\n"
                           "      line 1\n"
                           "    Error\\x1b[2J\n"
                           "pb: 00:00:00.000 - warning: \xc3\xa9\\xff\\u202e\\xc3\n"
                           "pb: 00:00:00.000 - log: \n");
    free(said);
}

/* ---- The environment ---- */

struct run {
    const char *asked;
    bool own_log; /* the program has an on_log */
};

static void own_log(pb_session *s, pb_log_level level, const char *text, void *user_data)
{
    (void)s, (void)text, (void)user_data;
    if (level == PB_LOG_DEBUG) {
        fputs("asked for too much\n", stderr);
    }
}

/* A call that is answered, and one that fails. */
static void talk(void *data)
{
    const struct run *r = data;
    struct loop loop;
    struct seen at_server = {0}, seen = {0};
    if (r->asked) {
        setenv("PB_DEBUG", r->asked, 1);
    } else {
        unsetenv("PB_DEBUG");
    }
    begin_loop(&loop);
    pb_net_config server = config_of(&at_server), client = config_of(&seen);
    client.session.on_log = r->own_log ? own_log : NULL;
    server.session.on_log = client.session.on_log;
    server.session.root = pb_object_new(&root_class, &at_server);
    pb_server *s = pb_serve(loop.pb, "127.0.0.1:0", &server, NULL);
    pb_conn *c = pb_connect(loop.pb, at_port(pb_server_port(s)), &client, NULL);
    pb_remote *root = pb_conn_root(c);
    pb_remote_call(root, "echo", on_answer, &seen, NULL, "s", "hello");
    pb_remote_call(root, "boom", on_answer, &seen, NULL, "");
    RUN_UNTIL(&loop, seen.answers + seen.failures == 2);
    pb_remote_unref(root);
    pb_conn_close(c);
    pb_server_close(s, NULL, NULL);
    uv_run(&loop.uv, UV_RUN_DEFAULT);
}

static const char *const lines[] = {
    " error: Peer will receive following PB traceback: builtins.ValueError: boom\n",
    " info: negotiated the dialect pb\n",
    " debug: > message 1 root.echo('hello',), ",
    " debug: < message 1 root.echo('hello',), ",
    " debug: > answer 1 'hello', ",
    " debug: < error 2 builtins.ValueError: boom, ",
    " debug: the session has ended: closed by this side\n",
};
enum { INFOS = 2, ALL = sizeof lines / sizeof *lines };

PB_TEST(debug, is_asked_for_by_the_environment)
{
    static const struct {
        struct run run;
        size_t lines;
    } rows[] = {
        {{NULL, false}, 0},      {{"", false}, 0},        {{"0", false}, 0},
        {{"error", false}, 1},   {{"warning", false}, 1}, {{"info", false}, INFOS},
        {{"debug", false}, ALL}, {{"1", false}, ALL},     {{"2", false}, ALL},
        {{"1", true}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *said = said_by(talk, (void *)(uintptr_t)&rows[i].run);
        for (size_t l = 0; l < ALL; l++) {
            cr_assert_eq(strstr(said, lines[l]) != NULL, l < rows[i].lines,
                         "%zu: %s in\n%s", i, lines[l], said);
        }
        cr_assert_eq(rows[i].lines > 0, strstr(said, " tcp:127.0.0.1:") != NULL);
        cr_assert_eq(rows[i].lines > 0, strncmp(said, "pb: ", 4) == 0);
        free(said);
    }
}

/* A program's own log may be this one, to its own level. */
static void ask_oneself(void *data)
{
    pb_error err = {0};
    unsetenv("PB_DEBUG");
    pb_net_config config = {
        .session = {.on_log = pb_log_to_stderr, .log_level = PB_LOG_DEBUG},
        .connect_timeout = 5000};
    pb_client *c = pb_client_open(at_port(*(int *)data), &config, &err);
    pb_client_free(c);
}

PB_TEST(debug, is_asked_for_by_the_program)
{
    int port, fd = raw_listen(&port, 1);
    close(fd);
    char *said = said_by(ask_oneself, &port);
    cr_assert_not_null(strstr(said, " - error: cannot connect to tcp:127.0.0.1:"), "%s",
                       said);
    free(said);
}
