/* SPDX-License-Identifier: MIT
 *
 * Visits everything that a value holds, once each, also in cycles. */
#ifndef PB__TOOLS_COMMON_TRAVERSAL_H
#define PB__TOOLS_COMMON_TRAVERSAL_H

#include "pb/value.h"

/* Calls visit with v and with each container, instance, method, object and reference
 * in it, in order, until visit returns non-zero. The states of instances, copies and
 * broker expressions are visited too. Returns what visit returned, or PB_ERR_NOMEM. */
int traverse_value(pb_value *v, int (*visit)(pb_value *v, void *ctx), void *ctx);

#endif
