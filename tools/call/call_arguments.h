/* SPDX-License-Identifier: MIT
 *
 * Parses calls on a command line: METHOD [ARG]... [then METHOD [ARG]...]... */
#ifndef PB__TOOLS_CALL_CALL_ARGUMENTS_H
#define PB__TOOLS_CALL_CALL_ARGUMENTS_H

#include <stdbool.h>

#include "pb/value.h"

struct call_arguments {
    const char *method;
    pb_value *args;   /* a tuple */
    pb_value *kwargs; /* a dict */
};

/* Parses one call from at least one word; its arguments are JSON if `json`. Returns how
 * many words it used, including the `then` after it; or, after an error message, the
 * negated exit status. */
int call_arguments_parse(int count, char **words, bool json, struct call_arguments *out);
void call_arguments_fini(struct call_arguments *call);

#endif
