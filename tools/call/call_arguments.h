/* SPDX-License-Identifier: MIT
 *
 * Calls as they stand on a command line: METHOD [ARG]... [then METHOD [ARG]...]... */
#ifndef PB__TOOLS_CALL_CALL_ARGUMENTS_H
#define PB__TOOLS_CALL_CALL_ARGUMENTS_H

#include "pb/value.h"

struct args_call {
    const char *method;
    pb_value *args;   /* a tuple */
    pb_value *kwargs; /* a dict */
};

/* Reads one call from the words, of which there is at least one: how many of them it took,
 * the `then` behind it included, or the status to exit with, negated, after saying why. */
int args_parse(int count, char **words, struct args_call *out);
void args_fini(struct args_call *call);

#endif
