/* SPDX-License-Identifier: MIT
 *
 * Reads the values of words. A word that begins like a literal and is none is an error,
 * not text: it would reach the server as something that was not meant. */
#include "tools/call/argument_value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/command.h"
#include "tools/json/json.h"
#include "tools/json/json_text.h"
#include "tools/json/plain.h"

const char argument_help[] =
    "ARG is a Python literal, or text if it does not begin like one; NAME=ARG is a\n"
    "keyword argument. @FILE reads the literal from FILE, and - from standard input.\n"
    "@text:FILE passes the content of FILE as text, @bytes:FILE as bytes; @json:FILE\n"
    "reads it as JSON, and @typed:FILE as lossless JSON.\n";

/* ---- Words ---- */

/* Words of other languages' values, and the Python words for them. */
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
 * prefix of a string), a digit (after a sign), or the call of a constructor. The latter
 * is one if the error is behind its name. */
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

static bool is_json(const char *word)
{
    pb_error err = {0};
    pb_value *v = value_from_plain_json(pb_span_of(word), &err);
    pb_value_unref(v);
    return v != NULL;
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
    if (is_json(word)) {
        tool_hint("as JSON: with --json");
    }
    tool_hint("as text: %s", quoted);
}

/* With --json, a word that begins like JSON has to be JSON. */
static bool begins_like_json(const char *word)
{
    return *word == '"' || *word == '[' || *word == '{' || *word == '-' ||
           (*word >= '0' && *word <= '9') || literal_of_foreign_word(word);
}

static pb_value *json_word_value(const char *word)
{
    pb_error err = {0};
    pb_value *v = value_from_plain_json(pb_span_of(word), &err);
    if (!v) {
        tool_bad_argument(word, &err);
        tool_show_place(word, err.offset);
    }
    return v;
}

/* The value of a word that is not in a file, *new*; NULL after an error message. */
static pb_value *word_value(const char *word, bool json)
{
    pb_error err = {0};
    if (json && begins_like_json(word)) {
        return json_word_value(word);
    }
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

/* ---- Files ---- */

static pb_value *literal_from_text(pb_span text, pb_error *err)
{
    /* The text ends in a NUL that does not count. */
    if (memchr(text.data, '\0', text.len)) {
        err->code = PB_ERR_SYNTAX;
        err->offset = strlen((const char *)text.data);
        strcpy(err->text, "a NUL in a literal");
        return NULL;
    }
    return pb_value_parse((const char *)text.data, err);
}

static pb_value *str_from_text(pb_span text, pb_error *err)
{
    return pb_strn(text, err);
}

static pb_value *bytes_from_text(pb_span text, pb_error *err)
{
    pb_value *v = pb_bytes(text);
    err->code = v ? 0 : PB_ERR_NOMEM;
    return v;
}

static pb_value *typed_from_text(pb_span text, pb_error *err)
{
    size_t used = 0;
    json_t *j = json_tree_parse(text, &used, err);
    pb_value *v = NULL;
    if (j && used < text.len) {
        err->code = PB_ERR_SYNTAX;
        err->offset = used;
        strcpy(err->text, "unexpected text after the value");
    } else if (j) {
        v = value_from_json(j, err);
    }
    json_tree_free(j);
    return v;
}

/* The notations of a file, by what stands between "@" and its path. */
static const struct notation {
    const char *head;
    pb_value *(*read)(pb_span text, pb_error *err);
} notations[] = {
    {"text:", str_from_text},         {"bytes:", bytes_from_text},
    {"json:", value_from_plain_json}, {"typed:", typed_from_text},
    {"", literal_from_text}, /* the last: it fits all */
};

/* The value in a file, *new*; NULL after an error message. */
static pb_value *file_value(const char *path, const struct notation *n)
{
    size_t len;
    char *text = tool_read_file(path, &len);
    if (!text) {
        return NULL;
    }
    pb_error err = {0};
    pb_value *v = n->read((pb_span){(const uint8_t *)text, len}, &err);
    if (!v) {
        tool_error("%s: %s (at byte %llu)", path,
                   err.text[0] ? err.text : pb_strerror(err.code),
                   (unsigned long long)err.offset);
        if (n->read == literal_from_text) {
            tool_hint("as text: @text:%s", path);
        }
    }
    free(text);
    return v;
}

pb_value *argument_value(const char *word, bool json)
{
    static const struct notation plain = {"", value_from_plain_json};
    const struct notation *n = notations;
    if (strcmp(word, "-") != 0 && *word != '@') {
        return word_value(word, json);
    }
    word += *word == '@';
    while (strncmp(word, n->head, strlen(n->head)) != 0) {
        n++;
    }
    return file_value(word + strlen(n->head), json && !*n->head ? &plain : n);
}
