/* SPDX-License-Identifier: MIT
 *
 * `pb shell`: calls typed one after the other on one connection, whose results have
 * names. */
#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpb/base/mem.h"
#include "tools/common/command.h"
#include "tools/call/client_options.h"
#include "tools/call/shell_line.h"

static void help(void)
{
    printf(
        "Usage: pb shell [OPTION]... ENDPOINT\n"
        "Calls what is typed, on one connection, and prints the answers:\n"
        "\n"
        "  two = getTwo()      calls a method of the root, or of the avatar\n"
        "  two.three(12, x=1)  calls a method of a result\n"
        "  two                 shows a result; _ is the last one\n"
        "\n"
        "Arguments are Python literals and names of results. Tab completes names; the\n"
        "history is kept in ~/.pb_history, or where PB_HISTORY says.\n"
        "\n"
        "%s\n"
        "\n"
        "%s"
        "      --help              print this text\n"
        "\n"
        "Exit status: 0; 2 wrong usage; 3 no connection, or connection lost;\n"
        "4 time-out when connecting. Where lines do not come from a terminal, that of\n"
        "the first call that failed.\n"
        "\n"
        "Example: pb shell --login ada --password-file secret tls:example.com:8800\n",
        reach_endpoint_help, reach_options_help);
}

struct shell {
    struct reach reach;
    pb_value *names;   /* text to value: results, "_" among them */
    pb_value *methods; /* a set of text: called so far, for completion */
    bool typed;        /* by a person */
};

static pb_value *find(const char *name, void *ctx)
{
    return pb_dict_get(((struct shell *)ctx)->names, name);
}

/* Shows a value, and keeps it under a name and as the last. */
static int keep(struct shell *s, const char *name, pb_value *v)
{
    char *text = pb_value_repr(v);
    if (!text || pb_dict_set(s->names, "_", v) != 0 ||
        (name && pb_dict_set(s->names, name, v) != 0)) {
        pb_free(text);
        return tool_nomem();
    }
    if (!name || !s->typed) {
        puts(text);
    }
    pb_free(text);
    return tool_end_output(TOOL_DONE);
}

static int call(struct shell *s, const struct shell_line *l)
{
    pb_value *target = l->target ? find(l->target, s) : NULL;
    pb_remote *to = !l->target ? s->reach.first : target ? pb_as_remote(target) : NULL;
    if (!to) {
        tool_say(target ? "%s has no methods" : "there is no %s", l->target);
        return TOOL_USAGE;
    }
    pb_error err = {0};
    pb_value *method = pb_str(l->method);
    pb_append_steal(s->methods, method);
    pb_value *v =
        pb_client_call_values(s->reach.client, to, l->method, l->args, l->kwargs, &err);
    if (!v) {
        return reach_report(&s->reach, &err);
    }
    int status = keep(s, l->name, v);
    pb_value_unref(v);
    return status;
}

static int run_line(struct shell *s, const char *text)
{
    struct shell_line l;
    pb_error err = {0};
    if (shell_line_parse(text, find, s, &l, &err) != 0) {
        return tool_usage(text, &err);
    }
    int status = TOOL_DONE;
    if (l.method) {
        status = call(s, &l);
    } else if (l.name) {
        pb_value *v = find(l.name, s);
        status = v ? keep(s, NULL, pb_value_ref(v)) : TOOL_USAGE;
        pb_value_unref(v);
        if (!v) {
            tool_say("there is no %s", l.name);
        }
    }
    shell_line_fini(&l);
    return status;
}

/* ---- Typing ---- */

static struct shell *completing; /* editline knows no context */

/* The next name, of those in a dict or set, that begins with the text. */
static char *next_name(const pb_value *names, const char *text, size_t *at)
{
    pb_value *key, *value;
    pb_span name;
    bool dict = pb_value_kind(names) == PB_DICT;
    for (;;) {
        if (dict ? !pb_dict_next(names, at, &key, &value)
                 : !(key = pb_item(names, (*at)++))) {
            return NULL;
        }
        if (pb_as_text(key, &name) == 0 &&
            strncmp((const char *)name.data, text, strlen(text)) == 0) {
            return strdup((const char *)name.data);
        }
    }
}

static char *complete_result(const char *text, int again)
{
    static size_t at;
    at = again ? at : 0;
    return next_name(completing->names, text, &at);
}

static char *complete_method(const char *text, int again)
{
    static size_t at;
    at = again ? at : 0;
    return next_name(completing->methods, text, &at);
}

static char **complete(const char *text, int start, int end)
{
    (void)end;
    bool behind_dot = start > 0 && rl_line_buffer[start - 1] == '.';
    char **found = behind_dot ? NULL : rl_completion_matches(text, complete_result);
    return found ? found : rl_completion_matches(text, complete_method);
}

static char *history_path(void)
{
    const char *given = getenv("PB_HISTORY"), *home = getenv("HOME");
    char *path;
    if (given) {
        return strdup(given);
    }
    return home && asprintf(&path, "%s/.pb_history", home) >= 0 ? path : NULL;
}

static int type(struct shell *s)
{
    static char name[] = "pb", breaks[] = " \t\n=(),.";
    char *line, *path = history_path();
    int status = TOOL_DONE;
    completing = s;
    rl_readline_name = name;
    rl_attempted_completion_function = complete;
    rl_basic_word_break_characters = breaks;
    using_history();
    if (path) {
        read_history(path);
    }
    while (status != TOOL_DISCONNECTED && (line = readline("pb> "))) {
        if (*line) {
            add_history(line);
        }
        /* What the peer has said meanwhile. */
        pb_client_wait(s->reach.client, 0);
        status = run_line(s, line);
        free(line);
    }
    if (path) {
        write_history(path);
    }
    free(path);
    return status == TOOL_DISCONNECTED ? status : TOOL_DONE;
}

/* Lines of a file or pipe: the first that fails ends it. */
static int read_lines(struct shell *s)
{
    char *line = NULL;
    size_t room = 0;
    int status = TOOL_DONE;
    while (status == TOOL_DONE && getline(&line, &room, stdin) >= 0) {
        status = run_line(s, line);
    }
    free(line);
    return status;
}

static int run(struct shell *s, const char *endpoint)
{
    s->names = pb_dict();
    s->methods = pb_seq(PB_SET, 0);
    if (!s->names || !s->methods) {
        return tool_nomem();
    }
    int status = reach_open(&s->reach, endpoint);
    if (status != TOOL_DONE) {
        return status;
    }
    pb_value *first = pb_remote_value(s->reach.first);
    pb_dict_set(s->names, s->reach.log_in ? "avatar" : "root", first);
    pb_value_unref(first);
    return s->typed ? type(s) : read_lines(s);
}

int shell_main(int argc, char **argv)
{
    static const struct option known[] = {
        REACH_OPTIONS, {"help", no_argument, NULL, 'h'}, {0}};
    struct shell s = {.typed = isatty(STDIN_FILENO)};
    int got, status = TOOL_DONE;
    opterr = 0;
    while (status == TOOL_DONE &&
           (got = getopt_long(argc, argv, "+:", known, NULL)) != -1) {
        if (got == 'h') {
            help();
            return TOOL_DONE;
        }
        status = reach_option(&s.reach, got, argv);
    }
    if (status == TOOL_DONE && argc - optind != 1) {
        tool_say("one endpoint is needed; see pb shell --help");
        status = TOOL_USAGE;
    }
    if (status == TOOL_DONE) {
        status = run(&s, argv[optind]);
    }
    pb_value_unref(s.names);
    pb_value_unref(s.methods);
    reach_fini(&s.reach);
    return status;
}
