/* SPDX-License-Identifier: MIT
 *
 * Patterns without PCRE2: every pattern is refused, so no list has any. */
#include "libpb/base/error.h"
#include "libpb/jelly/pattern.h"

int pb__pattern_add(struct pb__pattern **list, const char *text, pb_error *err)
{
    (void)list;
    return pb__error_set(err, PB_ERR_STATE, 0,
                         "pattern '%.80s': this libpb was built without PCRE2", text);
}

bool pb__pattern_matches(const struct pb__pattern *list, pb_span name)
{
    (void)list, (void)name;
    return false;
}

void pb__pattern_free(struct pb__pattern *list)
{
    (void)list;
}
