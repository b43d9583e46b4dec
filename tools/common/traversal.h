/* SPDX-License-Identifier: MIT
 *
 * Walking over all that a value holds, once each, whatever the cycles in it. */
#ifndef PB__TOOLS_COMMON_TRAVERSAL_H
#define PB__TOOLS_COMMON_TRAVERSAL_H

#include "pb/value.h"

/* Calls visit with v and each value that is not a scalar in it, in order, until it returns
 * non-zero; the states of instances, copies and forms count as in them. Returns what visit
 * did, or PB_ERR_NOMEM. */
int walk_value(pb_value *v, int (*visit)(pb_value *v, void *ctx), void *ctx);

#endif
