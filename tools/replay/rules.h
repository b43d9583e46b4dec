/* SPDX-License-Identifier: MIT
 *
 * The rules of --rules: which differences a replay ignores. A file has one rule per line;
 * docs/replay.md describes them. */
#ifndef PB__TOOLS_REPLAY_RULES_H
#define PB__TOOLS_REPLAY_RULES_H

#include <stdbool.h>

#include "libpb/base/buf.h"
#include "pb/value.h"

struct rule;

/* Zeroed storage has no rules. */
struct rules {
    struct rule *rule;
    size_t count;
};

/* Appends the rules of a file. PB_ERR_SYSTEM if it cannot be read, PB_ERR_SYNTAX with the
 * line in err->where, PB_ERR_NOMEM. */
int rules_read(struct rules *r, const char *path, pb_error *err);
/* Whether a place in a call of the method, or in the answer to one, is masked. path is as
 * reports print it; names are the keys and members along it, each ended by a NUL. */
bool rules_is_masked(const struct rules *r, const char *method, const char *path,
                     const struct pb__buf *names);
/* Whether two texts, or two byte strings, are equal except for masked parts. */
bool rules_texts_match(const struct rules *r, const char *method, const pb_value *a,
                       const pb_value *b);
/* Whether calls of the method by the peer are left out of the comparison. */
bool rules_is_ignored(const struct rules *r, const char *method);
void rules_fini(struct rules *r);

#endif
