/* SPDX-License-Identifier: MIT
 *
 * The ways of `pb call` to make more than one call: repeated, measured, or a list of
 * calls at once. */
#ifndef PB__TOOLS_CALL_CALL_REPEAT_H
#define PB__TOOLS_CALL_CALL_REPEAT_H

#include <stdbool.h>

#include "tools/call/client_options.h"
#include "tools/json/answer_text.h"

struct repeat_options {
    int64_t count;    /* 0: for ever; 1 is the default */
    int64_t interval; /* milliseconds between calls */
    bool latency;     /* print how long the calls take, not their answers */
    int64_t parallel; /* calls of standard input to make at once; 0: none */
};

/* Runs make(ctx) as often as was asked for, or until Ctrl-C; between two runs the client
 * listens. make returns an exit status. Returns the first that is not TOOL_DONE; one of a
 * lost connection ends the repetition. */
int call_repeat(struct client_options *client, const struct repeat_options *o,
                int (*make)(void *ctx), void *ctx);
/* Makes the calls on the lines of standard input, METHOD(ARG, ...), some of them at once,
 * and prints the answers in the order of the lines: "! " and the text for a failure.
 * Returns an exit status: TOOL_FAILED if a call failed. */
int call_parallel(struct client_options *client, const struct repeat_options *o,
                  enum answer_form form);

#endif
