/* SPDX-License-Identifier: MIT
 *
 * Banana without jelly: expressions as plain lists of ints, floats and bytes, in
 * pb_values. The vectors of banana are checked with it. */
#ifndef PB__TOOLS_REPLAY_ENGINE_LIST_BUILDER_H
#define PB__TOOLS_REPLAY_ENGINE_LIST_BUILDER_H

#include "libpb/base/buf.h"
#include "pb/banana.h"
#include "pb/value.h"

/* A sink that builds lists. */
struct list_builder {
    pb_value *done;      /* a list of the complete expressions */
    struct pb__buf open; /* pb_value *: the open lists, outermost first */
};

/* PB_ERR_NOMEM. */
int list_builder_init(struct list_builder *b);
pb_sink list_builder_sink(struct list_builder *b);
void list_builder_fini(struct list_builder *b);

/* Encodes v: an int, bool (as 0 or 1), float, bytes, list or tuple. PB_ERR_TYPE for any
 * other kind, which banana cannot carry; other errors as pb_encoder_sink. */
int list_encode(pb_value *v, pb_encoder *e, pb_error *err);

#endif
