/* SPDX-License-Identifier: MIT
 *
 * The patterns of a taster, which match whole names: by PCRE2 (pattern.c), or none at all
 * where libpb is built without it (pattern_none.c). */
#ifndef PB__PATTERN_H
#define PB__PATTERN_H

#include <stdbool.h>

#include "pb/error.h"

/* A list of patterns: the last that was added, and those before it. NULL: none. */
struct pb__pattern;

/* Adds a pattern to a list. PB_ERR_SYNTAX for one that PCRE2 refuses, PB_ERR_NOMEM;
 * PB_ERR_STATE where there is no PCRE2. */
int pb__pattern_add(struct pb__pattern **list, const char *text, pb_error *err);
/* Whether one of them matches all of the name; one that runs into a limit does not. */
bool pb__pattern_matches(const struct pb__pattern *list, pb_span name);
/* Frees the whole list. */
void pb__pattern_free(struct pb__pattern *list);

#endif
