/* SPDX-License-Identifier: MIT
 *
 * The command `shell`: the words and the environment of a program, from arguments. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "workers/buildbot/process.h"

/* A growing list of strings that are freed with it. */
typedef struct {
    char **list; /* ends with NULL */
    size_t n;
    bool full; /* memory is exhausted */
} strings;

/* Takes text; NULL is memory that is exhausted. */
static void strings_add_steal(strings *s, char *text)
{
    char **list = text ? realloc(s->list, (s->n + 2) * sizeof *list) : NULL;
    if (!list) {
        free(text);
        s->full = true;
        return;
    }
    s->list = list;
    list[s->n++] = text;
    list[s->n] = NULL;
}

static void strings_free(strings *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->list[i]);
    }
    free(s->list);
}

static const char *plain_text(pb_value *v)
{
    pb_span text;
    bool good = pb_as_text(v, &text) == 0 && !memchr(text.data, 0, text.len);
    return good ? (const char *)text.data : NULL;
}

/* ---- The words ---- */

/* A word, and the one that is shown: ("obfuscated", real, shown) hides a password. */
static int add_word(strings *words, pb_value *shown, pb_value *word, pb_error *err)
{
    const char *tag = NULL, *real = NULL, *fake = NULL;
    bool hidden = pb_unpack(word, NULL, "(sss)", &tag, &real, &fake) == 0 &&
                  strcmp(tag, "obfuscated") == 0;
    char *repr = NULL;
    if (!hidden) {
        real = plain_text(word);
        fake = real;
    }
    if (!real && pb_value_kind(word) < PB_BYTES) { /* a number, as Python prints it */
        repr = pb_value_repr(word);
        real = repr;
        fake = repr;
    }
    if (!real || !fake) {
        return refuse(err, PB_ERR_TYPE, "a word of the command is no text");
    }
    pb_append_steal(shown, pb_bytes((pb_span){(const uint8_t *)fake, strlen(fake)}));
    strings_add_steal(words, strdup(real));
    pb_free(repr);
    return 0;
}

static int make_words(const command *c, strings *words, pb_value *shown, pb_error *err)
{
    pb_value *line = pb_dict_get(c->args, "command");
    if (!line || pb_is(line, PB_NONE)) {
        return refuse(err, PB_ERR_ARG, "%s is missing args: command", c->name);
    }
    const char *text = plain_text(line);
    if (text) {
        strings_add_steal(words, strdup("/bin/sh"));
        strings_add_steal(words, strdup("-c"));
        strings_add_steal(words, strdup(text));
        return pb_append(shown, line);
    }
    if ((!pb_is(line, PB_LIST) && !pb_is(line, PB_TUPLE)) || pb_len(line) == 0) {
        return refuse(err, PB_ERR_TYPE, "the argument 'command' is no text and no list");
    }
    int e = 0;
    for (size_t i = 0; !e && i < pb_len(line); i++) {
        e = add_word(words, shown, pb_item(line, i), err);
    }
    return e;
}

/* ---- The environment ---- */

/* Appends the n bytes of text to a string that ends at len. */
static char *text_append(char *to, size_t *len, const char *text, size_t n)
{
    char *more = realloc(to, *len + n + 1);
    if (!more) {
        free(to);
        return NULL;
    }
    memcpy(more + *len, text, n);
    *len += n;
    more[*len] = '\0';
    return more;
}

/* A value with the worker's own variables in place of ${NAME}, appended to *to. */
static char *add_substituted(char *to, size_t *len, const char *value)
{
    static const char name_chars[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                     "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
    while (to && *value) {
        const char *dollar = strstr(value, "${");
        size_t before = dollar ? (size_t)(dollar - value) : strlen(value);
        size_t name = dollar ? strspn(dollar + 2, name_chars) : 0;
        if (dollar && dollar[2 + name] != '}') {
            before += 2; /* that is text */
            dollar = NULL;
        }
        to = text_append(to, len, value, before);
        value += before;
        if (dollar && to) {
            char *key = strndup(dollar + 2, name);
            const char *found = key ? getenv(key) : NULL;
            to = text_append(to, len, found ? found : "", found ? strlen(found) : 0);
            free(key);
            value = dollar + name + 3;
        }
    }
    return to;
}

/* One setting: a text, or a list of texts that are joined with ":". */
static int add_setting(strings *env, const char *name, pb_value *value, pb_error *err)
{
    size_t len = 0, n = pb_is(value, PB_LIST) ? pb_len(value) : 1;
    char *text = text_append(NULL, &len, name, strlen(name));
    text = text ? text_append(text, &len, "=", 1) : NULL;
    for (size_t i = 0; i < n; i++) {
        const char *part = plain_text(pb_is(value, PB_LIST) ? pb_item(value, i) : value);
        if (!part) {
            free(text);
            return refuse(err, PB_ERR_TYPE,
                          "'env' values must be strings or lists; key '%.60s' is "
                          "incorrect",
                          name);
        }
        text = text && i ? text_append(text, &len, ":", 1) : text;
        text = text ? add_substituted(text, &len, part) : NULL;
    }
    if (text && strcmp(name, "PYTHONPATH") == 0) { /* the worker's own stays behind it */
        text = add_substituted(text, &len, ":${PYTHONPATH}");
    }
    strings_add_steal(env, text);
    return 0;
}

/* Whether the settings say something about the variable of "NAME=VALUE". */
static bool is_set(pb_value *settings, const char *variable)
{
    size_t len = strcspn(variable, "=");
    char *name = strndup(variable, len);
    bool set = name && pb_dict_get(settings, name);
    free(name);
    return set || strncmp(variable, "PWD=", 4) == 0;
}

static int make_environ(const command *c, strings *env, const char *folder, pb_error *err)
{
    pb_value *settings = pb_dict_get(c->args, "env"), *name, *value;
    size_t pos = 0;
    if (settings && !pb_is(settings, PB_NONE) && !pb_is(settings, PB_DICT)) {
        return refuse(err, PB_ERR_TYPE, "the argument 'env' is no dict");
    }
    for (char **e = environ; *e; e++) {
        if (!is_set(settings, *e)) {
            strings_add_steal(env, strdup(*e));
        }
    }
    while (pb_dict_next(settings, &pos, &name, &value)) {
        const char *key = plain_text(name);
        if (!key || !*key || strchr(key, '=')) {
            return refuse(err, PB_ERR_TYPE, "a name in 'env' is none of a variable");
        }
        int e = pb_is(value, PB_NONE) || strcmp(key, "PWD") == 0
                    ? 0
                    : add_setting(env, key, value, err);
        if (e) {
            return e;
        }
    }
    char *pwd = NULL;
    strings_add_steal(env, asprintf(&pwd, "PWD=%s", folder) < 0 ? NULL : pwd);
    return 0;
}

/* ---- The command ---- */

static void shell_done(command *c, int rc)
{
    command_rc(c, rc);
    command_complete(c);
}

static int read_limits(const command *c, process_options *o, pb_error *err)
{
    bool want_stdout, want_stderr, log_environ;
    double lines;
    pb_value *sigterm = pb_dict_get(c->args, "sigtermTime");
    pb_value *signal = pb_dict_get(c->args, "interruptSignal");
    const char *name = "KILL";
    int e = command_number(c, "timeout", 0, &o->timeout, err);
    e = e ? e : command_number(c, "maxTime", 0, &o->max_time, err);
    e = e ? e : command_number(c, "sigtermTime", 0, &o->sigterm_time, err);
    e = e ? e : command_number(c, "max_lines", 0, &lines, err);
    e = e ? e : command_flag(c, "want_stdout", true, &want_stdout, err);
    e = e ? e : command_flag(c, "want_stderr", true, &want_stderr, err);
    e = e ? e : command_flag(c, "logEnviron", true, &log_environ, err);
    e = e ? e : command_flag(c, "usePTY", false, &o->pty, err);
    if (!e && signal && !pb_is(signal, PB_NONE)) {
        name = command_text(c, "interruptSignal", err);
        e = name ? 0 : err->code;
    }
    if (e) {
        return e;
    }
    o->signal = signal_by_name(name);
    o->sigterm = sigterm && !pb_is(sigterm, PB_NONE);
    o->max_lines = (size_t)lines;
    o->drop_stdout = !want_stdout;
    o->drop_stderr = !want_stderr;
    o->hide_environ = !log_environ;
    return 0;
}

static int read_input(const command *c, process_options *o, pb_error *err)
{
    pb_value *input = pb_dict_get(c->args, "initial_stdin");
    if (input && !pb_is(input, PB_NONE)) {
        if (pb_as_text(input, &o->input) != 0) {
            return refuse(err, PB_ERR_TYPE, "the argument 'initial_stdin' is no text");
        }
        if (o->pty) {
            command_header((command *)c, "WARNING: disabling usePTY for this command");
            o->pty = false; /* the end of the input is told by closing a pipe */
        }
    }
    return 0;
}

int shell_start(command *c, pb_error *err)
{
    char folder[PATH_MAX];
    strings words = {0}, env = {0};
    process_options o = {.folder = folder,
                         .logfiles = pb_dict_get(c->args, "logfiles"),
                         .done = shell_done};
    pb_value *shown = pb_list();
    int e = command_path(c, "workdir", NULL, folder, err);
    e = e ? e : make_words(c, &words, shown, err);
    e = e ? e : read_limits(c, &o, err);
    e = e ? e : read_input(c, &o, err);
    e = e ? e : make_environ(c, &env, folder, err);
    if (!e && (words.full || env.full)) {
        e = refuse(err, PB_ERR_NOMEM, "out of memory");
    }
    if (!e) {
        o.argv = words.list;
        o.environ = env.list;
        o.shown = shown;
        e = process_start(c, &o, err);
    }
    strings_free(&words);
    strings_free(&env);
    pb_value_unref(shown);
    return e;
}
