/* SPDX-License-Identifier: MIT
 *
 * How jelly writes and reads the values that belong to a session: references, copies,
 * caches and published objects. */
#ifndef PB__INVOKER_H
#define PB__INVOKER_H

#include "libpb/jelly/jelly.h"
#include "pb/broker.h"

/* The invoker of the session that *session is at the time of each call. */
struct pb__invoker pb__invoker(pb_session **session);

#endif
