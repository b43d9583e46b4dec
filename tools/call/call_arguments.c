/* SPDX-License-Identifier: MIT
 *
 * Parses calls on a command line: words that are values, by argument_value.c; NAME=WORD
 * is a keyword argument. */
#include "tools/call/call_arguments.h"

#include <string.h>

#include "tools/call/argument_value.h"
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

/* Adds one argument; returns an exit status. */
static int argument_add(struct call_arguments *call, const char *word, bool json)
{
    size_t len = keyword_length(word);
    pb_value *v = argument_value(len ? word + len + 1 : word, json);
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

int call_arguments_parse(int count, char **words, bool json, struct call_arguments *out)
{
    *out = (struct call_arguments){words[0], pb_seq(PB_TUPLE, 0), pb_dict()};
    int status = out->args && out->kwargs ? TOOL_DONE : tool_nomem();
    int i = 1;
    while (i < count && strcmp(words[i], "then") != 0 && status == TOOL_DONE) {
        status = argument_add(out, words[i++], json);
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
