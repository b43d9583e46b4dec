/* SPDX-License-Identifier: MIT
 *
 * Parses one line: a cursor moves through the text once, without recursion. */
#include "tools/call/shell_line.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/command.h"

struct line_cursor {
    const char *text, *at;
    shell_find *find;
    void *ctx;
    pb_error *err;
};

static void cursor_skip_space(struct line_cursor *c)
{
    while (isspace((unsigned char)*c->at)) {
        c->at++;
    }
}

static int cursor_error(struct line_cursor *c, int code, const char *at, const char *text)
{
    c->err->code = code;
    c->err->offset = (uint64_t)(at - c->text);
    snprintf(c->err->text, sizeof c->err->text, "%s", text);
    return code;
}

static int cursor_syntax_error(struct line_cursor *c, const char *at, const char *text)
{
    return cursor_error(c, PB_ERR_SYNTAX, at, text);
}

static int cursor_nomem(struct line_cursor *c)
{
    return cursor_error(c, PB_ERR_NOMEM, c->text, pb_strerror(PB_ERR_NOMEM));
}

static size_t shell_name_length(const char *s)
{
    size_t n = 0;
    while (isalpha((unsigned char)s[n]) || s[n] == '_' ||
           (n && isdigit((unsigned char)s[n]))) {
        n++;
    }
    return n;
}

/* A name and the space around it: *new* (free) in *out. */
static int cursor_take_name(struct line_cursor *c, char **out)
{
    cursor_skip_space(c);
    size_t n = shell_name_length(c->at);
    if (n == 0) {
        return cursor_syntax_error(c, c->at, "a name is missing");
    }
    *out = tool_copy_text(c->at, n);
    c->at += n;
    cursor_skip_space(c);
    return *out ? 0 : cursor_nomem(c);
}

/* The end of the string that begins at s with a quote, behind its last quote; NULL if it
 * is never closed. *triple is set if three quotes begin it. */
static const char *string_end(const char *s, bool *triple)
{
    char quote = *s;
    *triple = s[1] == quote && s[2] == quote;
    for (s += *triple ? 3 : 1; *s; s++) {
        if (*s == '\\' && s[1]) {
            s++;
        } else if (*s == quote && !*triple) {
            return s + 1;
        } else if (*s == quote && s[1] == quote && s[2] == quote) {
            return s + 3;
        } else if (*s == '\n' && !*triple) {
            return NULL;
        }
    }
    return NULL;
}

/* Passes over text up to one of the characters outside of brackets and strings, or to its
 * end. *depth is the number of brackets that are open there; *open tells whether a string
 * of three quotes is. */
static const char *skip_nested(const char *s, const char *until, int *depth, bool *open)
{
    *depth = 0;
    *open = false;
    while (*s) {
        const char *end = NULL;
        if (*s == '\'' || *s == '"') {
            end = string_end(s, open);
            s = end ? end : s + strlen(s);
            *open = *open && !end;
            continue;
        }
        if (*depth == 0 && strchr(until, *s)) {
            break;
        }
        *depth += strchr("([{", *s) ? 1 : strchr(")]}", *s) ? -1 : 0;
        s++;
    }
    return s;
}

bool shell_line_is_open(const char *text)
{
    int depth;
    bool open;
    skip_nested(text, "", &depth, &open);
    return depth > 0 || open;
}

/* The end of an argument: the next comma or ")" outside of its strings and brackets. */
static const char *argument_end(const char *s)
{
    int depth;
    bool open;
    return skip_nested(s, ",)", &depth, &open);
}

/* The value of a literal, or of the result of that name: *new*, or NULL with the
 * error. */
static pb_value *cursor_take_value(struct line_cursor *c, const char *end)
{
    size_t n = shell_name_length(c->at);
    const char *last = end;
    while (last > c->at && isspace((unsigned char)last[-1])) {
        last--;
    }
    char *text = tool_copy_text(c->at, (size_t)(last - c->at));
    if (!text) {
        cursor_nomem(c);
        return NULL;
    }
    pb_value *named = n && c->at + n == last ? c->find(text, c->ctx) : NULL;
    pb_error why = {0};
    pb_value *v = named ? pb_value_ref(named) : pb_value_parse(text, &why);
    if (!v) {
        cursor_error(c, why.code, c->at + why.offset, why.text);
    }
    free(text);
    c->at = end;
    return v;
}

static int cursor_take_argument(struct line_cursor *c, struct shell_line *l)
{
    cursor_skip_space(c);
    const char *start = c->at, *end = argument_end(c->at);
    size_t n = shell_name_length(c->at);
    const char *equals = c->at + n;
    while (isspace((unsigned char)*equals)) {
        equals++;
    }
    if (n == 0 || *equals != '=' || equals[1] == '=') {
        if (pb_len(l->kwargs)) {
            return cursor_syntax_error(
                c, start, "a positional argument follows a keyword argument");
        }
        pb_value *v = cursor_take_value(c, end);
        return v ? pb_append_steal(l->args, v) : c->err->code;
    }
    pb_value *key = pb_strn((pb_span){(const uint8_t *)c->at, n}, NULL);
    c->at = equals + 1;
    cursor_skip_space(c);
    pb_value *v = cursor_take_value(c, end);
    if (!v) {
        pb_value_unref(key);
        return c->err->code;
    }
    return pb_dict_set_value_steal(l->kwargs, key, v);
}

static int cursor_take_arguments(struct line_cursor *c, struct shell_line *l)
{
    int failed = 0;
    l->args = pb_seq(PB_TUPLE, 4);
    l->kwargs = pb_dict();
    if (!l->args || !l->kwargs) {
        return cursor_nomem(c);
    }
    c->at++;
    cursor_skip_space(c);
    while (!failed && *c->at != ')') {
        failed = cursor_take_argument(c, l);
        cursor_skip_space(c);
        if (!failed && *c->at == ',') {
            c->at++;
            cursor_skip_space(c);
        } else if (!failed && *c->at != ')') {
            failed = cursor_syntax_error(c, c->at, "\")\" is missing");
        }
    }
    if (failed) {
        return failed;
    }
    c->at++;
    cursor_skip_space(c);
    return *c->at ? cursor_syntax_error(c, c->at, "unexpected text after the call") : 0;
}

static int cursor_parse(struct line_cursor *c, struct shell_line *l)
{
    cursor_skip_space(c);
    if (!*c->at) {
        return 0;
    }
    int failed = cursor_take_name(c, &l->name);
    if (!failed && *c->at == '=') {
        c->at++;
        failed = cursor_take_name(c, &l->target);
    } else if (!failed && *c->at) {
        l->target = l->name;
        l->name = NULL;
    }
    if (!failed && *c->at == '.') {
        c->at++;
        failed = cursor_take_name(c, &l->method);
    } else if (!failed && *c->at == '(') {
        l->method = l->target;
        l->target = NULL;
    }
    if (!failed && *c->at == '(' && l->method) {
        return cursor_take_arguments(c, l);
    }
    if (!failed && (l->target || l->method)) {
        failed =
            cursor_syntax_error(c, c->at, "a call is METHOD(...) or NAME.METHOD(...)");
    }
    return failed;
}

int shell_line_parse(const char *text, shell_find *find, void *ctx,
                     struct shell_line *out, pb_error *err)
{
    struct line_cursor c = {text, text, find, ctx, err};
    *out = (struct shell_line){0};
    int failed = cursor_parse(&c, out);
    if (failed) {
        shell_line_fini(out);
    }
    return failed;
}

void shell_line_fini(struct shell_line *l)
{
    free(l->name);
    free(l->target);
    free(l->method);
    pb_value_unref(l->args);
    pb_value_unref(l->kwargs);
    *l = (struct shell_line){0};
}
