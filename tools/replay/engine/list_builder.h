/* SPDX-License-Identifier: MIT
 *
 * Banana without jelly: expressions as plain lists of ints, floats and bytes, held in
 * pb_values. For what judges banana alone. */
#ifndef PB__TOOLS_REPLAY_ENGINE_LIST_BUILDER_H
#define PB__TOOLS_REPLAY_ENGINE_LIST_BUILDER_H

#include "libpb/base/buf.h"
#include "pb/banana.h"
#include "pb/value.h"

/* A sink that builds trees. */
struct tree_builder {
    pb_value *done;      /* a list of the expressions that are complete */
    struct pb__buf open; /* of pb_value *: the lists that are open, outermost first */
};

/* PB_ERR_NOMEM. */
int tree_builder_init(struct tree_builder *b);
pb_sink tree_builder_sink(struct tree_builder *b);
void tree_builder_fini(struct tree_builder *b);

/* Writes v to a sink: int, bool (as 0 or 1), float, bytes, list and tuple. PB_ERR_TYPE for
 * any other kind, which banana cannot carry, or the number that the sink returned. */
int tree_write(pb_value *v, pb_sink out);

#endif
