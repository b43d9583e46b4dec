/* SPDX-License-Identifier: MIT
 *
 * Parses a line of `pb shell`: [NAME =] [TARGET.]METHOD(ARG, ..., KEY=ARG), or NAME
 * alone. An ARG is a Python literal or the name of a result. */
#ifndef PB__TOOLS_CALL_SHELL_LINE_H
#define PB__TOOLS_CALL_SHELL_LINE_H

#include <stdbool.h>

#include "pb/value.h"

struct shell_line {
    char *name;   /* of the result; NULL: none */
    char *target; /* the result to call; NULL: the root or the avatar */
    char *method; /* NULL: `name` alone, which is to be printed */
    pb_value *args, *kwargs;
};

/* The value of a name, borrowed; NULL: there is none. */
typedef pb_value *shell_find(const char *name, void *ctx);

/* Whether a bracket or a string of three quotes is open at the end of the text, so that
 * more lines belong to it. */
bool shell_line_is_open(const char *text);
/* PB_ERR_SYNTAX with the offset of the place, PB_ERR_NOMEM. An empty line has neither
 * name nor method. */
int shell_line_parse(const char *text, shell_find *find, void *ctx,
                     struct shell_line *out, pb_error *err);
void shell_line_fini(struct shell_line *l);

#endif
