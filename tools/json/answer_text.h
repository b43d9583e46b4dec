/* SPDX-License-Identifier: MIT
 *
 * Prints answers: as Python would, as plain JSON, or as lossless JSON. */
#ifndef PB__TOOLS_JSON_ANSWER_TEXT_H
#define PB__TOOLS_JSON_ANSWER_TEXT_H

#include "pb/jelly.h"

enum answer_form { ANSWER_REPR, ANSWER_PLAIN, ANSWER_TYPED };

/* The argument of --json: NULL or "plain", "typed". Returns TOOL_DONE, or TOOL_USAGE
 * after an error message. */
int answer_form_parse(const char *text, enum answer_form *out);
/* Prints a value on a line. Returns TOOL_DONE, or an exit status after an error message:
 * TOOL_FAILED for one that plain JSON cannot hold. */
int answer_print(const pb_value *v, enum answer_form form, pb_profile profile);

#endif
