/* SPDX-License-Identifier: MIT
 *
 * The patterns of a taster, which match complete names. pattern.c implements them with
 * PCRE2; pattern_none.c replaces it if libpb is built without PCRE2. */
#ifndef PB__PATTERN_H
#define PB__PATTERN_H

#include <stdbool.h>

#include "pb/error.h"

/* A list of patterns, the most recent first. NULL is the empty list. */
struct pb__pattern;

/* Adds a pattern to a list. PB_ERR_SYNTAX for a pattern that PCRE2 refuses, PB_ERR_NOMEM,
 * PB_ERR_STATE without PCRE2. */
int pb__pattern_add(struct pb__pattern **list, const char *text, pb_error *err);
/* Returns whether a pattern matches the complete name. A match that exceeds a limit
 * counts as none. */
bool pb__pattern_matches(const struct pb__pattern *list, pb_span name);
/* Frees all patterns of the list. */
void pb__pattern_free(struct pb__pattern *list);

#endif
