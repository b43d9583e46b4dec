/* SPDX-License-Identifier: MIT
 *
 * `pb shell`: makes the calls that are typed, one after the other on one connection.
 * Their results are kept under names. */
#include <editline/readline.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <unistd.h>
#include <wchar.h>

#include "tools/call/client_options.h"
#include "tools/call/shell_line.h"
#include "tools/common/command.h"
#include "tools/json/answer_text.h"
#include "tools/pb.h"

static const char shell_help_end[] =
    "Exit status: 0 end of input; 2 wrong usage; 3 no connection, or connection\n"
    "lost; 4 time-out when connecting. If the input is not a terminal, the first\n"
    "call that fails ends the shell, with the exit status of pb call.\n"
    "\n"
    "Example: pb shell --login ada --password-file secret tls:example.com:8800\n";

struct shell {
    struct client_options client;
    pb_value *results; /* a dict of text to value, "_" included */
    pb_value *methods; /* a set of text: the methods called so far, for completion */
    bool interactive;  /* the input is a terminal */
    bool quits;        /* the last line was quit */
};

static pb_value *shell_find_result(const char *name, void *ctx)
{
    return pb_dict_get(((struct shell *)ctx)->results, name);
}

/* Keeps a value under a name (NULL: none) and as the last result. Prints it, unless it
 * was typed with a name. */
static int shell_keep_result(struct shell *s, const char *name, pb_value *v)
{
    if (pb_dict_set(s->results, "_", v) != 0 ||
        (name && pb_dict_set(s->results, name, v) != 0)) {
        return tool_nomem();
    }
    return name && s->interactive ? TOOL_DONE
                                  : answer_print(v, ANSWER_REPR, (pb_profile){0});
}

/* The end of a call, and whether Ctrl-C ended the wait for it. */
struct shell_outcome {
    bool done;
    pb_value *result;
    pb_failure *failure;
};

/* Ctrl-C was pressed since the shell last asked for input. */
static volatile sig_atomic_t shell_interrupted;

static void shell_on_interrupt(int number)
{
    (void)number;
    shell_interrupted = 1;
}

static void shell_answered(pb_value *result, pb_failure *failure, void *user_data)
{
    struct shell_outcome *o = user_data;
    o->done = true;
    o->result = result ? pb_value_ref(result) : NULL;
    o->failure = pb_failure_ref(failure);
}

/* Makes a call, and waits for its end, or for Ctrl-C, which cancels it. Returns
 * TOOL_DONE, or an exit status after an error message. */
static int shell_make_call(struct shell *s, pb_remote *to, const struct shell_line *l,
                           struct shell_outcome *o)
{
    enum { TURN = 1 }; /* milliseconds between looks at the interrupt */
    const pb_call_options options = {.timeout = s->client.timeout};
    pb_call *call = NULL;
    pb_error err = {0};
    if (pb_remote_call_values(to, l->method, l->args, l->kwargs, &options, shell_answered,
                              o, &call, &err) != 0) {
        tool_error_from(&err);
        return err.code == PB_ERR_DEAD ? TOOL_DISCONNECTED : TOOL_USAGE;
    }
    while (!o->done && !shell_interrupted &&
           pb_client_wait(s->client.connection, TURN) == 0) {
    }
    if (!o->done && shell_interrupted) {
        pb_call_cancel(call);
        tool_error("the call was cancelled");
        return TOOL_FAILED;
    }
    return o->failure ? client_report_failure(&s->client, o->failure) : TOOL_DONE;
}

static int shell_call(struct shell *s, const struct shell_line *l)
{
    pb_value *target = l->target ? shell_find_result(l->target, s) : NULL;
    pb_remote *to = !l->target ? s->client.callee : target ? pb_as_remote(target) : NULL;
    if (!to) {
        tool_error(target ? "%s has no methods" : "there is no %s", l->target);
        return TOOL_USAGE;
    }
    pb_value *method = pb_str(l->method);
    pb_append_steal(s->methods, method);
    struct shell_outcome o = {0};
    int status = shell_make_call(s, to, l, &o);
    if (o.result) {
        status = shell_keep_result(s, l->name, o.result);
    }
    pb_value_unref(o.result);
    pb_failure_unref(o.failure);
    return status;
}

static const char shell_help_lines[] =
    "  two = getTwo()      call a method of the root, or of the avatar\n"
    "  two.three(12, x=1)  call a method of a result\n"
    "  two                 print a result; _ is the last one\n"
    "  help, quit          print this; end the shell, as Ctrl-D does\n"
    "\n"
    "Arguments are Python literals and names of results. While a bracket, or a string\n"
    "of three quotes, is open, the next line belongs to it. Ctrl-C gives up a line, or\n"
    "a call that is not answered.\n";

/* The words that are no calls; false for any other line. */
static bool shell_run_word(struct shell *s, const struct shell_line *l)
{
    bool word = l->name && !l->method && !shell_find_result(l->name, s);
    if (word && strcmp(l->name, "help") == 0) {
        fputs(shell_help_lines, stdout);
        (void)tool_flush_output(TOOL_DONE);
        return true;
    }
    s->quits = word && (strcmp(l->name, "quit") == 0 || strcmp(l->name, "exit") == 0);
    return s->quits;
}

static int shell_run_line(struct shell *s, const char *text)
{
    struct shell_line l;
    pb_error err = {0};
    if (shell_line_parse(text, shell_find_result, s, &l, &err) != 0) {
        return tool_bad_argument(text, &err);
    }
    int status = TOOL_DONE;
    if (l.method) {
        status = shell_call(s, &l);
    } else if (l.name && !shell_run_word(s, &l)) {
        pb_value *v = shell_find_result(l.name, s);
        status = v ? shell_keep_result(s, NULL, pb_value_ref(v)) : TOOL_USAGE;
        pb_value_unref(v);
        if (!v) {
            tool_error("there is no %s", l.name);
        }
    }
    shell_line_fini(&l);
    return status;
}

/* ---- At a terminal ---- */

static struct shell *shell_at_terminal; /* editline passes no context to functions */

/* The next name in a dict or set that begins with the text: *new* (free); NULL at the
 * end. */
static char *completion_next(const pb_value *results, const char *text, size_t *at)
{
    pb_value *key, *value;
    pb_span name;
    bool dict = pb_value_kind(results) == PB_DICT;
    for (;;) {
        if (dict ? !pb_dict_next(results, at, &key, &value)
                 : !(key = pb_item(results, (*at)++))) {
            return NULL;
        }
        if (pb_as_text(key, &name) == 0 &&
            strncmp((const char *)name.data, text, strlen(text)) == 0) {
            return strdup((const char *)name.data);
        }
    }
}

static char *completion_result(const char *text, int again)
{
    static size_t at;
    at = again ? at : 0;
    return completion_next(shell_at_terminal->results, text, &at);
}

static char *completion_method(const char *text, int again)
{
    static size_t at;
    at = again ? at : 0;
    return completion_next(shell_at_terminal->methods, text, &at);
}

static char **shell_complete(const char *text, int start, int end)
{
    (void)end;
    bool behind_dot = start > 0 && rl_line_buffer[start - 1] == '.';
    char **found = behind_dot ? NULL : rl_completion_matches(text, completion_result);
    return found ? found : rl_completion_matches(text, completion_method);
}

static char *shell_history_path(void)
{
    const char *given = getenv("PB_HISTORY"), *home = getenv("HOME");
    char *path;
    if (given) {
        return strdup(given);
    }
    return home && asprintf(&path, "%s/.pb_history", home) >= 0 ? path : NULL;
}

/* Text that is typed may be UTF-8, also if the environment says nothing of it. */
static void shell_set_locale(void)
{
    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0) {
        setlocale(LC_CTYPE, "C.UTF-8");
    }
}

/* Appends a line to the text; false for lack of memory. */
static bool shell_text_add(char **text, const char *line)
{
    char *more;
    int len = asprintf(&more, "%s%s%s", *text ? *text : "", *text ? "\n" : "", line);
    free(*text);
    *text = len < 0 ? NULL : more;
    return *text != NULL;
}

/* Handles what the peer has sent, such as pings. Returns whether the connection is up. */
static bool shell_serve(const struct shell *s)
{
    pb_client_wait(s->client.connection, 0);
    return pb_client_session(s->client.connection) != NULL;
}

/* Reads a byte from the terminal, or waits until Ctrl-C is pressed or the connection has
 * ended: EOF, also at the end of the input. SIGINT arrives only while pselect waits: one
 * that came before it is not overlooked. */
static int shell_read_byte(FILE *in)
{
    const struct timespec turn = {.tv_nsec = 200000000};
    int fd = fileno(in);
    sigset_t interrupt, before;
    fd_set readable;
    unsigned char byte;
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &before);
    int ready = 0;
    while (ready == 0 && !shell_interrupted && shell_serve(shell_at_terminal)) {
        FD_ZERO(&readable);
        FD_SET(fd, &readable);
        ready = pselect(fd + 1, &readable, NULL, NULL, &turn, &before);
        ready = ready < 0 && errno == EINTR ? 0 : ready;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    return !shell_interrupted && ready > 0 && read(fd, &byte, 1) == 1 ? byte : EOF;
}

/* Reads a character for editline, which takes it as a wide one. Bytes that are no text in
 * this locale are read as U+FFFD. */
static int shell_read_character(FILE *in)
{
    mbstate_t state = {0};
    wchar_t character = 0;
    size_t used;
    do {
        int byte = shell_read_byte(in);
        if (byte == EOF) {
            return EOF;
        }
        char c = (char)byte;
        used = mbrtowc(&character, &c, 1, &state);
    } while (used == (size_t)-2);
    return used == (size_t)-1 ? 0xfffd : (int)character;
}

/* Reads lines from the terminal until no bracket is open: *new* (free). NULL at the end
 * of the input; empty if Ctrl-C was pressed. */
static char *shell_read_terminal(void)
{
    char *text = NULL;
    shell_interrupted = 0;
    do {
        char *line = shell_interrupted ? NULL : readline(text ? "... " : "pb> ");
        if (!line && shell_interrupted) {
            putchar('\n');
            free(text);
            return strdup("");
        }
        bool added = line && shell_text_add(&text, line);
        free(line);
        if (!added) {
            break;
        }
    } while (shell_line_is_open(text));
    return text;
}

static int shell_run_terminal(struct shell *s)
{
    static char name[] = "pb", breaks[] = " \t\n=(),.";
    const struct sigaction interrupt = {.sa_handler = shell_on_interrupt};
    char *text, *path = shell_history_path();
    shell_at_terminal = s;
    shell_set_locale();
    rl_readline_name = name;
    rl_catch_signals = 0;
    rl_getc_function = shell_read_character;
    rl_attempted_completion_function = shell_complete;
    rl_basic_word_break_characters = breaks;
    using_history();
    if (path) {
        read_history(path);
    }
    sigaction(SIGINT, &interrupt, NULL);
    while (!s->quits && pb_client_session(s->client.connection) &&
           (text = shell_read_terminal())) {
        if (*text) {
            add_history(text);
        }
        if (*text && path) {
            write_history(path); /* each time: a signal may end the shell */
        }
        (void)shell_serve(s);
        (void)shell_run_line(s, text);
        free(text);
    }
    free(path);
    if (pb_client_session(s->client.connection)) {
        return TOOL_DONE;
    }
    return tool_connection_error(&s->client.ending);
}

/* Reads lines from a file or a pipe, up to the first that fails. */
static int shell_run_input(struct shell *s)
{
    char *line = NULL, *text = NULL;
    size_t room = 0;
    int status = TOOL_DONE;
    bool more = true;
    while (status == TOOL_DONE && !s->quits && more) {
        ssize_t len = getline(&line, &room, stdin);
        more = len >= 0;
        if (more) {
            line[len - (len > 0 && line[len - 1] == '\n')] = '\0';
        }
        if (more && !shell_text_add(&text, line)) {
            status = tool_nomem();
        } else if (text && !(more && shell_line_is_open(text))) {
            status = shell_run_line(s, text);
            free(text);
            text = NULL;
        }
    }
    free(line);
    free(text);
    return status;
}

static int shell_run(struct shell *s)
{
    s->results = pb_dict();
    s->methods = pb_seq(PB_SET, 0);
    if (!s->results || !s->methods) {
        return tool_nomem();
    }
    int status = client_options_connect(&s->client);
    if (status != TOOL_DONE) {
        return status;
    }
    pb_value *first = pb_remote_value(s->client.callee);
    pb_dict_set(s->results, s->client.log_in ? "avatar" : "root", first);
    pb_value_unref(first);
    return s->interactive ? shell_run_terminal(s) : shell_run_input(s);
}

int shell_main(int argc, char **argv)
{
    struct shell s = {.interactive = isatty(STDIN_FILENO)};
    char begin[1500];
    snprintf(
        begin, sizeof begin,
        "Usage: pb shell [OPTION]... ENDPOINT\n"
        "Reads calls, makes them on one connection, and prints the answers:\n"
        "\n"
        "  two = getTwo()      call a method of the root, or of the avatar\n"
        "  two.three(12, x=1)  call a method of a result\n"
        "  two                 print a result; _ is the last one\n"
        "\n"
        "Arguments are Python literals and names of results. Tab completes names; the\n"
        "history is kept in the file PB_HISTORY, or in ~/.pb_history.\n\n%s",
        client_endpoint_help);
    const struct tool_usage usage = {
        "shell", begin, shell_help_end, {CLIENT_OPTIONS(&s.client)}};
    bool done = false;
    int count, used = 0;
    int status = tool_parse_options(&usage, argc, argv, &count, &done);
    if (status == TOOL_DONE && !done) {
        status = client_options_finish(&s.client, count, argv, &used);
    }
    if (status == TOOL_DONE && !done && used < count) {
        tool_error("only one endpoint is needed; see pb shell --help");
        status = TOOL_USAGE;
    }
    if (status == TOOL_DONE && !done) {
        status = shell_run(&s);
    }
    pb_value_unref(s.results);
    pb_value_unref(s.methods);
    client_options_fini(&s.client);
    return status;
}
