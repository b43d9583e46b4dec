/* SPDX-License-Identifier: MIT
 *
 * Taking a line of `pb shell` apart. */
#include "tools/call/shell_line.h"

#include <ctype.h>
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "tools/common/command.h"

struct cursor {
    const char *text, *at;
    shell_find *find;
    void *ctx;
    pb_error *err;
};

static void skip_space(struct cursor *c)
{
    while (isspace((unsigned char)*c->at)) {
        c->at++;
    }
}

static int syntax(struct cursor *c, const char *at, const char *what)
{
    return pb__error_set(c->err, PB_ERR_SYNTAX, (uint64_t)(at - c->text), "%s", what);
}

static size_t name_length(const char *s)
{
    size_t n = 0;
    while (isalpha((unsigned char)s[n]) || s[n] == '_' ||
           (n && isdigit((unsigned char)s[n]))) {
        n++;
    }
    return n;
}

/* A name, *new* in *out. */
static int take_name(struct cursor *c, char **out)
{
    skip_space(c);
    size_t n = name_length(c->at);
    if (n == 0) {
        return syntax(c, c->at, "a name is missing");
    }
    *out = tool_copy(c->at, n);
    c->at += n;
    skip_space(c);
    return *out ? 0 : pb__error_nomem(c->err);
}

/* Where an argument ends: at a comma or bracket that is not within it. */
static const char *end_of(const char *s)
{
    int depth = 0;
    char quote = 0;
    for (; *s; s++) {
        if (quote) {
            if (*s == '\\' && s[1]) {
                s++;
            } else if (*s == quote) {
                quote = 0;
            }
        } else if (*s == '\'' || *s == '"') {
            quote = *s;
        } else if (strchr("([{", *s)) {
            depth++;
        } else if (depth > 0 && strchr(")]}", *s)) {
            depth--;
        } else if (depth == 0 && (*s == ',' || *s == ')')) {
            break;
        }
    }
    return s;
}

/* A literal, or what a name stands for: *new*. */
static pb_value *take_value(struct cursor *c, const char *end)
{
    size_t n = name_length(c->at);
    const char *last = end;
    while (last > c->at && isspace((unsigned char)last[-1])) {
        last--;
    }
    char *text = tool_copy(c->at, (size_t)(last - c->at));
    if (!text) {
        pb__error_nomem(c->err);
        return NULL;
    }
    pb_value *named = n && c->at + n == last ? c->find(text, c->ctx) : NULL;
    pb_error why = {0};
    pb_value *v = named ? pb_value_ref(named) : pb_value_parse(text, &why);
    if (!v) {
        pb__error_set(c->err, why.code, (uint64_t)(c->at - c->text) + why.offset, "%s",
                      why.text);
    }
    pb__free(text);
    c->at = end;
    return v;
}

static int take_argument(struct cursor *c, struct shell_line *l)
{
    skip_space(c);
    const char *start = c->at, *end = end_of(c->at);
    size_t n = name_length(c->at);
    const char *equals = c->at + n;
    while (isspace((unsigned char)*equals)) {
        equals++;
    }
    if (n == 0 || *equals != '=' || equals[1] == '=') {
        if (pb_len(l->kwargs)) {
            return syntax(c, start,
                          "an argument without a name follows one that has one");
        }
        pb_value *v = take_value(c, end);
        return v ? pb_append_steal(l->args, v) : c->err->code;
    }
    pb_value *key = pb_strn((pb_span){(const uint8_t *)c->at, n}, NULL);
    c->at = equals + 1;
    skip_space(c);
    pb_value *v = take_value(c, end);
    if (!v) {
        pb_value_unref(key);
        return c->err->code;
    }
    return pb_dict_set_value_steal(l->kwargs, key, v);
}

static int take_arguments(struct cursor *c, struct shell_line *l)
{
    int failed = 0;
    l->args = pb_seq(PB_TUPLE, 4);
    l->kwargs = pb_dict();
    if (!l->args || !l->kwargs) {
        return pb__error_nomem(c->err);
    }
    c->at++;
    skip_space(c);
    while (!failed && *c->at != ')') {
        failed = take_argument(c, l);
        skip_space(c);
        if (!failed && *c->at == ',') {
            c->at++;
            skip_space(c);
        } else if (!failed && *c->at != ')') {
            failed = syntax(c, c->at, "\")\" is missing");
        }
    }
    if (failed) {
        return failed;
    }
    c->at++;
    skip_space(c);
    return *c->at ? syntax(c, c->at, "nothing belongs behind the call") : 0;
}

static int parse(struct cursor *c, struct shell_line *l)
{
    skip_space(c);
    if (!*c->at) {
        return 0;
    }
    int failed = take_name(c, &l->name);
    if (!failed && *c->at == '=') {
        c->at++;
        failed = take_name(c, &l->target);
    } else if (!failed && *c->at) {
        l->target = l->name;
        l->name = NULL;
    }
    if (!failed && *c->at == '.') {
        c->at++;
        failed = take_name(c, &l->method);
    } else if (!failed && *c->at == '(') {
        l->method = l->target;
        l->target = NULL;
    }
    if (!failed && *c->at == '(' && l->method) {
        return take_arguments(c, l);
    }
    if (!failed && (l->target || l->method)) {
        failed = syntax(c, c->at, "a call is METHOD(...) or NAME.METHOD(...)");
    }
    return failed;
}

int shell_line_parse(const char *text, shell_find *find, void *ctx,
                     struct shell_line *out, pb_error *err)
{
    struct cursor c = {text, text, find, ctx, err};
    *out = (struct shell_line){0};
    int failed = parse(&c, out);
    if (failed) {
        shell_line_fini(out);
    }
    return failed;
}

void shell_line_fini(struct shell_line *l)
{
    pb__free(l->name);
    pb__free(l->target);
    pb__free(l->method);
    pb_value_unref(l->args);
    pb_value_unref(l->kwargs);
    *l = (struct shell_line){0};
}
