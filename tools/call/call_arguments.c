/* SPDX-License-Identifier: MIT
 *
 * Calls as they stand on a command line. A word is a Python literal; what is none is
 * text; NAME=WORD is a keyword argument. */
#include "tools/call/call_arguments.h"

#include <string.h>

#include "tools/common/command.h"

/* How long the name of a keyword argument is that the word begins with; 0: it does not. */
static size_t keyword_len(const char *word)
{
    size_t n = 0;
    unsigned char c;
    while ((c = (unsigned char)word[n]) == '_' || c >= 0x80 ||
           (unsigned)((c | 32) - 'a') < 26 || (n && c >= '0' && c <= '9')) {
        n++;
    }
    return word[n] == '=' ? n : 0;
}

/* A word as a value, *new*; NULL after saying what is wrong. */
static pb_value *value_of(const char *word)
{
    pb_error err = {0};
    pb_value *v = pb_value_parse(word, &err);
    if (!v && err.code == PB_ERR_SYNTAX) {
        err = (pb_error){0};
        v = pb_strn((pb_span){(const uint8_t *)word, strlen(word)}, &err);
    }
    if (!v) {
        tool_usage(word, &err);
    }
    return v;
}

/* Adds one word; a status. */
static int add(struct args_call *call, const char *word)
{
    size_t len = keyword_len(word);
    pb_value *v = value_of(len ? word + len + 1 : word);
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
            tool_say("the keyword argument %.*s is given twice", (int)len, word);
        } else {
            tool_usage(word, &err);
        }
        pb_value_unref(name);
        pb_value_unref(v);
        return TOOL_USAGE;
    }
    return pb_dict_set_value_steal(call->kwargs, name, v) == 0 ? TOOL_DONE : tool_nomem();
}

int args_parse(int count, char **words, struct args_call *out)
{
    *out = (struct args_call){words[0], pb_seq(PB_TUPLE, 0), pb_dict()};
    int status = out->args && out->kwargs ? TOOL_DONE : tool_nomem();
    int i = 1;
    while (i < count && strcmp(words[i], "then") != 0 && status == TOOL_DONE) {
        status = add(out, words[i++]);
    }
    if (status == TOOL_DONE && i < count && ++i == count) {
        tool_say("a method is missing after \"then\"");
        status = TOOL_USAGE;
    }
    if (status != TOOL_DONE) {
        args_fini(out);
        return -status;
    }
    return i;
}

void args_fini(struct args_call *call)
{
    pb_value_unref(call->args);
    pb_value_unref(call->kwargs);
}
