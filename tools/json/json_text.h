/* SPDX-License-Identifier: MIT
 *
 * JSON as text: a parser that nests as deeply as memory lasts and reads ints of any size,
 * where jansson has limits; and the escaping of strings, so that what a peer wrote does
 * nothing to a terminal. */
#ifndef PB__TOOLS_JSON_JSON_TEXT_H
#define PB__TOOLS_JSON_JSON_TEXT_H

#include <jansson.h>

#include "libpb/base/buf.h"
#include "pb/value.h"

/* The events of a JSON text, in order. Each returns 0, or an error that ends the
 * parsing. */
struct json_sink {
    int (*begin)(bool object, void *ctx);
    int (*end)(void *ctx);
    int (*key)(pb_span text, void *ctx); /* UTF-8, as unescaped; its value follows */
    int (*string)(pb_span text, void *ctx);
    /* The text of a number, as JSON has it, and whether it is an int. */
    int (*number)(pb_span text, bool integer, void *ctx);
    int (*constant)(char first, void *ctx); /* 't', 'f' or 'n' */
    void *ctx;
};

/* Parses one JSON value at the beginning of the text, with white space around it; *used
 * is the number of bytes. PB_ERR_SYNTAX with the offset of the place, PB_ERR_NOMEM, or
 * what the sink returned. */
int json_text_parse(pb_span text, const struct json_sink *sink, size_t *used,
                    pb_error *err);

/* The same as a tree of jansson's, *new* (json_tree_free). NULL with err. */
json_t *json_tree_parse(pb_span text, size_t *used, pb_error *err);
/* Frees a tree without recursion. NULL is allowed. */
void json_tree_free(json_t *j);
/* Appends a tree as text on one line, with the keys of objects in alphabetical order if
 * `sorted`. PB_ERR_NOMEM. */
int json_tree_append(struct pb__buf *out, const json_t *j, bool sorted);

/* Appends text as a JSON string. PB_ERR_NOMEM. */
int json_append_string(struct pb__buf *out, pb_span text);

#endif
