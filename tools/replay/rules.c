/* SPDX-License-Identifier: MIT
 *
 * Parses rules, "mask WHAT [in METHOD]" and "ignore METHOD", and applies them to
 * differences that a comparison has found. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "tools/replay/rules.h"

#include <errno.h>
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/base/error.h"
#include "tools/common/command.h"

/* Matches a name, or any text in which a regular expression is found. */
struct matcher {
    char *name;       /* NULL: it is an expression */
    pcre2_code *code; /* both NULL: matches everything */
};

enum does { MASK_PLACE, MASK_NAME, MASK_TEXT, IGNORE };

struct rule {
    enum does does;
    char *place;         /* of MASK_PLACE: a path, in which * is any run of characters */
    struct matcher what; /* of MASK_NAME and MASK_TEXT */
    struct matcher in;   /* the methods for which the rule holds */
};

/* ---- Parsing ---- */

static int matcher_compile(struct matcher *m, const char *text, size_t len, pb_error *err)
{
    int code;
    PCRE2_SIZE at;
    m->code = pcre2_compile((PCRE2_SPTR)text, len, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF,
                            &code, &at, NULL);
    if (!m->code) {
        PCRE2_UCHAR why[128];
        pcre2_get_error_message(code, why, sizeof why);
        return pb__error_set(err, PB_ERR_SYNTAX, at, "/%.*s/: %s", (int)len, text,
                             (const char *)why);
    }
    return 0;
}

/* The length of a word: up to the next blank; of an expression, up to its closing
 * slash. 0 for an expression without one. */
static size_t rule_word_length(const char *text)
{
    if (*text != '/') {
        return strcspn(text, " \t");
    }
    for (size_t i = 1; text[i]; i++) {
        if (text[i] == '\\' && text[i + 1]) {
            i++;
        } else if (text[i] == '/') {
            return i + 1;
        }
    }
    return 0;
}

static bool is_expression_word(const char *word, size_t len)
{
    return len >= 2 && word[0] == '/' && word[len - 1] == '/';
}

static int matcher_read(struct matcher *m, const char *word, size_t len, pb_error *err)
{
    if (is_expression_word(word, len)) {
        return matcher_compile(m, word + 1, len - 2, err);
    }
    m->name = tool_copy_text(word, len);
    return m->name ? 0 : pb__error_nomem(err);
}

static int rule_read_mask(struct rule *r, const char *word, size_t len, pb_error *err)
{
    if (strchr("[.*", *word) || strncmp(word, "args[", 5) == 0 ||
        strncmp(word, "kwargs[", 7) == 0) {
        r->does = MASK_PLACE;
        r->place = tool_copy_text(word, len);
        return r->place ? 0 : pb__error_nomem(err);
    }
    r->does = is_expression_word(word, len) ? MASK_TEXT : MASK_NAME;
    return matcher_read(&r->what, word, len, err);
}

static const char *rule_skip_blanks(const char *s)
{
    return s + strspn(s, " \t");
}

/* Parses a line that is neither empty nor a comment. */
static int rule_read(struct rule *r, const char *s, pb_error *err)
{
    size_t len = rule_word_length(s);
    bool mask = len == 4 && memcmp(s, "mask", 4) == 0;
    bool ignore = len == 6 && memcmp(s, "ignore", 6) == 0;
    if (!mask && !ignore) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0,
                             "a rule begins with \"mask\" or \"ignore\", not \"%.40s\"",
                             s);
    }
    s = rule_skip_blanks(s + len);
    len = rule_word_length(s);
    if (!len) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "an argument is missing after \"%s\"",
                             mask ? "mask" : "ignore");
    }
    r->does = IGNORE;
    int failed =
        mask ? rule_read_mask(r, s, len, err) : matcher_read(&r->in, s, len, err);
    s = rule_skip_blanks(s + len);
    if (!failed && mask && strncmp(s, "in", 2) == 0 && strchr(" \t", s[2])) {
        s = rule_skip_blanks(s + 2);
        len = rule_word_length(s);
        failed = len ? matcher_read(&r->in, s, len, err)
                     : pb__error_set(err, PB_ERR_SYNTAX, 0,
                                     "a method is missing after \"in\"");
        s = rule_skip_blanks(s + len);
    }
    return failed || !*s
               ? failed
               : pb__error_set(err, PB_ERR_SYNTAX, 0, "unexpected text \"%.40s\"", s);
}

static void matcher_fini(struct matcher *m)
{
    pb__free(m->name);
    pcre2_code_free(m->code);
}

static void rule_fini(struct rule *r)
{
    pb__free(r->place);
    matcher_fini(&r->what);
    matcher_fini(&r->in);
}

static int rules_add_line(struct rules *r, char *line, pb_error *err)
{
    line[strcspn(line, "\r\n")] = 0;
    const char *s = rule_skip_blanks(line);
    for (size_t n = strlen(line); n && strchr(" \t", line[n - 1]); n--) {
        line[n - 1] = 0;
    }
    if (!*s || *s == '#') {
        return 0;
    }
    struct rule *more = pb__realloc(r->rule, (r->count + 1) * sizeof *more);
    if (!more) {
        return pb__error_nomem(err);
    }
    r->rule = more;
    more[r->count] = (struct rule){0};
    int failed = rule_read(&more[r->count], s, err);
    if (failed) {
        rule_fini(&more[r->count]);
    } else {
        r->count++;
    }
    return failed;
}

int rules_read(struct rules *r, const char *path, pb_error *err)
{
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t size = 0, number = 0;
    int failed = 0;
    if (!f) {
        return pb__error_set(err, PB_ERR_SYSTEM, 0, "%s: %s", path, strerror(errno));
    }
    while (!failed && getline(&line, &size, f) >= 0) {
        number++;
        failed = rules_add_line(r, line, err);
    }
    if (failed) {
        pb__error_where(err, "%s:%zu", path, number);
    }
    free(line);
    fclose(f);
    return failed;
}

void rules_fini(struct rules *r)
{
    for (size_t i = 0; i < r->count; i++) {
        rule_fini(&r->rule[i]);
    }
    pb__free(r->rule);
    *r = (struct rules){0};
}

/* ---- Matching ---- */

static bool expression_found(pcre2_code *code, const char *text, size_t len)
{
    pcre2_match_data *match = pcre2_match_data_create(1, NULL);
    int got = match ? pcre2_match(code, (PCRE2_SPTR)text, len, 0, 0, match, NULL) : -1;
    pcre2_match_data_free(match);
    return got >= 0;
}

static bool matcher_matches(const struct matcher *m, const char *text)
{
    if (m->name) {
        return strcmp(m->name, text) == 0;
    }
    return !m->code || expression_found(m->code, text, strlen(text));
}

static bool rule_applies_to_method(const struct rule *r, const char *method)
{
    return (!r->in.name && !r->in.code) || (method && matcher_matches(&r->in, method));
}

/* Whether a path is the place, or inside it; "*" in the place is any run of
 * characters. */
static bool place_contains(const char *place, const char *path)
{
    const char *star = NULL, *again = NULL;
    for (;;) {
        if (*place == '*') {
            star = ++place;
            again = path;
        } else if (!*place && strchr("[.{", *path)) {
            return true; /* also at the end of path: strchr finds the NUL */
        } else if (*place && *place == *path) {
            place++;
            path++;
        } else if (star && *again) {
            place = star;
            path = ++again;
        } else {
            return false;
        }
    }
}

static bool names_contain(const struct matcher *m, const struct pb__buf *names)
{
    const char *at = (const char *)names->data, *end = at + names->len;
    for (; at < end; at += strlen(at) + 1) {
        if (matcher_matches(m, at)) {
            return true;
        }
    }
    return false;
}

bool rules_is_masked(const struct rules *r, const char *method, const char *path,
                     const struct pb__buf *names)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct rule *rule = &r->rule[i];
        if (rule_applies_to_method(rule, method) &&
            ((rule->does == MASK_PLACE && place_contains(rule->place, path)) ||
             (rule->does == MASK_NAME && names_contain(&rule->what, names)))) {
            return true;
        }
    }
    return false;
}

/* Replaces each match of the expression in a text by an asterisk. */
static int expression_mask_text(pcre2_code *code, struct pb__buf *text)
{
    struct pb__buf out = {0};
    PCRE2_SIZE len = 2 * text->len + 64;
    int got = PCRE2_ERROR_NOMEMORY;
    while (got == PCRE2_ERROR_NOMEMORY) {
        out.len = 0;
        if (pb__buf_reserve(&out, len) != 0) {
            return PB_ERR_NOMEM;
        }
        got = pcre2_substitute(code, text->data, text->len, 0,
                               PCRE2_SUBSTITUTE_GLOBAL | PCRE2_SUBSTITUTE_OVERFLOW_LENGTH,
                               NULL, NULL, (PCRE2_SPTR) "*", 1, out.data, &len);
    }
    if (got < 0) {
        pb__buf_fini(&out);
        return 0; /* beyond the limits of the matcher: nothing is masked */
    }
    out.len = len;
    pb__buf_fini(text);
    *text = out;
    return 0;
}

bool rules_texts_match(const struct rules *r, const char *method, const pb_value *a,
                       const pb_value *b)
{
    pb_span x, y;
    struct pb__buf left = {0}, right = {0};
    if (pb_value_kind(a) != pb_value_kind(b) || pb_as_text(a, &x) != 0 ||
        pb_as_text(b, &y) != 0) {
        return false;
    }
    int failed = pb__buf_append(&left, x.data, x.len);
    failed = failed ? failed : pb__buf_append(&right, y.data, y.len);
    for (size_t i = 0; !failed && i < r->count; i++) {
        const struct rule *rule = &r->rule[i];
        if (rule->does == MASK_TEXT && rule_applies_to_method(rule, method)) {
            failed = expression_mask_text(rule->what.code, &left);
            failed = failed ? failed : expression_mask_text(rule->what.code, &right);
        }
    }
    bool alike = !failed && left.len == right.len &&
                 (!left.len || memcmp(left.data, right.data, left.len) == 0);
    pb__buf_fini(&left);
    pb__buf_fini(&right);
    return alike;
}

bool rules_is_ignored(const struct rules *r, const char *method)
{
    for (size_t i = 0; i < r->count; i++) {
        if (r->rule[i].does == IGNORE && rule_applies_to_method(&r->rule[i], method)) {
            return true;
        }
    }
    return false;
}
