/* SPDX-License-Identifier: MIT
 *
 * Parses calls on a command line. A word is a Python literal, or text if it does not begin
 * like one; NAME=WORD is a keyword argument. */
#include "tools/call/call_arguments.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "tools/common/command.h"

/* The length of NAME in a word NAME=...; 0 for any other word. */
static size_t keyword_length(const char *word)
{
    size_t n = 0;
    unsigned char c;
    while ((c = (unsigned char)word[n]) == '_' || c >= 0x80 ||
           (unsigned)((c | 32) - 'a') < 26 || (n && c >= '0' && c <= '9')) {
        n++;
    }
    return word[n] == '=' ? n : 0;
}

/* What reads as a value in another language, and what to write for it. */
static const struct {
    const char *word, *literal;
} foreign_words[] = {
    {"true", "True"},
    {"false", "False"},
    {"null", "None"},
    {"nan", "float('nan')"},
    {"NaN", "float('nan')"},
    {"inf", "float('inf')"},
    {"+inf", "float('inf')"},
    {"-inf", "float('-inf')"},
    {"Infinity", "float('inf')"},
    {"-Infinity", "float('-inf')"},
};

static const char *literal_of_foreign_word(const char *word)
{
    for (size_t i = 0; i < sizeof foreign_words / sizeof *foreign_words; i++) {
        if (strcmp(word, foreign_words[i].word) == 0) {
            return foreign_words[i].literal;
        }
    }
    return NULL;
}

static bool is_digit_or_point(const char *s)
{
    s += *s == '.';
    return *s >= '0' && *s <= '9';
}

/* Whether a word that is no literal begins like one: with a bracket, a quote (after the
 * prefix of a string), a digit (after a sign), or the call of a constructor. The latter is
 * one if the error is behind its name. */
static bool begins_like_literal(const char *word, const pb_error *err)
{
    size_t prefix = strspn(word, "bBrRuU"), name = 0;
    while (isalnum((unsigned char)word[name]) || word[name] == '.') {
        name++;
    }
    bool quote = word[prefix] == '\'' || word[prefix] == '"';
    return *word == '[' || *word == '(' || *word == '{' || (prefix <= 2 && quote) ||
           is_digit_or_point(word + strspn(word, "+-")) ||
           (name && word[name] == '(' && err->offset >= name);
}

/* Appends text as a Python string in a word of the shell; returns the end. out has
 * QUOTED_SIZE bytes for at most QUOTED_MAX bytes of text. */
enum { QUOTED_MAX = 60, QUOTED_SIZE = 4 * QUOTED_MAX + 5 };
static void quote_for_shell(char out[QUOTED_SIZE], const char *text)
{
    out = stpcpy(out, "'\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') {
            *out++ = '\\';
        }
        out = *text == '\'' ? stpcpy(out, "'\\''") : (*out = *text, out + 1);
    }
    strcpy(out, "\"'");
}

/* Prints why a word is rejected, and how to write what may have been meant. */
static void reject_word(const char *word, const pb_error *err)
{
    const char *literal = literal_of_foreign_word(word);
    char quoted[QUOTED_SIZE] = "'\"text\"'";
    bool one_line = !word[strcspn(word, "\n\r\t")];
    if (strlen(word) <= QUOTED_MAX && one_line) {
        quote_for_shell(quoted, word);
    }
    if (literal) {
        tool_error("%s: not a Python literal (at byte 0)", word);
        tool_hint("as a value: %s%s%s", strchr(literal, '(') ? "\"" : "", literal,
                  strchr(literal, '(') ? "\"" : "");
    } else {
        tool_bad_argument(word, err);
        tool_show_place(word, err->offset);
    }
    tool_hint("as text: %s", quoted);
}

/* The value of a word, *new*; NULL after an error message. */
static pb_value *argument_value(const char *word)
{
    pb_error err = {0};
    bool foreign = literal_of_foreign_word(word) != NULL;
    pb_value *v = foreign ? NULL : pb_value_parse(word, &err);
    if (v) {
        return v;
    }
    if (foreign || (err.code == PB_ERR_SYNTAX && begins_like_literal(word, &err))) {
        reject_word(word, &err);
        return NULL;
    }
    if (err.code == PB_ERR_SYNTAX) {
        err = (pb_error){0};
        v = pb_strn(pb_span_of(word), &err);
    }
    if (!v) {
        tool_bad_argument(word, &err);
    }
    return v;
}

/* Adds one argument; returns an exit status. */
static int argument_add(struct call_arguments *call, const char *word)
{
    size_t len = keyword_length(word);
    pb_value *v = argument_value(len ? word + len + 1 : word);
    if (!v) {
        return TOOL_USAGE;
    }
    if (!len) {
        return pb_append_steal(call->args, v) == 0 ? TOOL_DONE : tool_nomem();
    }
    pb_error err = {0};
    pb_value *name = pb_strn((pb_span){(const uint8_t *)word, len}, &err);
    if (!name || pb_dict_get_value(call->kwargs, name)) {
        if (name) {
            tool_error("the keyword argument %.*s is given twice", (int)len, word);
        } else {
            tool_bad_argument(word, &err);
        }
        pb_value_unref(name);
        pb_value_unref(v);
        return TOOL_USAGE;
    }
    return pb_dict_set_value_steal(call->kwargs, name, v) == 0 ? TOOL_DONE : tool_nomem();
}

int call_arguments_parse(int count, char **words, struct call_arguments *out)
{
    *out = (struct call_arguments){words[0], pb_seq(PB_TUPLE, 0), pb_dict()};
    int status = out->args && out->kwargs ? TOOL_DONE : tool_nomem();
    int i = 1;
    while (i < count && strcmp(words[i], "then") != 0 && status == TOOL_DONE) {
        status = argument_add(out, words[i++]);
    }
    if (status == TOOL_DONE && i < count && ++i == count) {
        tool_error("a method is missing after \"then\"");
        status = TOOL_USAGE;
    }
    if (status != TOOL_DONE) {
        call_arguments_fini(out);
        return -status;
    }
    return i;
}

void call_arguments_fini(struct call_arguments *call)
{
    pb_value_unref(call->args);
    pb_value_unref(call->kwargs);
}
