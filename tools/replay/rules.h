/* SPDX-License-Identifier: MIT
 *
 * What a replay does not compare, or not as it stands: a file of rules, a line each, which
 * docs/replay.md describes. */
#ifndef PB__TOOLS_REPLAY_RULES_H
#define PB__TOOLS_REPLAY_RULES_H

#include <stdbool.h>

#include "libpb/base/buf.h"
#include "pb/value.h"

struct rule;

/* Zeroed storage has none. */
struct rules {
    struct rule *rule;
    size_t count;
};

/* Appends what the file has. PB_ERR_SYSTEM where it cannot be read, PB_ERR_SYNTAX with the
 * line in err->where, PB_ERR_NOMEM. */
int rules_read(struct rules *r, const char *path, pb_error *err);
/* Whether the place in a call of the method, or in the answer to one, is masked. path is as
 * reports have it; names are the keys and members along it, each ended by a NUL. */
bool rules_mask(const struct rules *r, const char *method, const char *path,
                const struct pb__buf *names);
/* Whether two texts, or two byte strings, are alike but for parts that are masked. */
bool rules_alike(const struct rules *r, const char *method, const pb_value *a,
                 const pb_value *b);
/* Whether calls of the method that the peer makes are left out. */
bool rules_ignore(const struct rules *r, const char *method);
void rules_fini(struct rules *r);

#endif
