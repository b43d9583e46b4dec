/* SPDX-License-Identifier: MIT
 *
 * The tables of caches of a session, for both sides: what we export is a cacheable
 * (cacheable.h); what the peer exports is a remote cache (remote_cache.h). They are made
 * with the first cache that is sent or received. */
#ifndef PB__CACHES_H
#define PB__CACHES_H

#include "libpb/base/list.h"
#include "libpb/base/map.h"
#include "pb/broker.h"

struct pb__caches {
    /* Exported: cacheables of ours that the peer has caches of. */
    struct pb__map cacheables;           /* luid to pb__cacheable */
    struct pb__map cacheables_by_object; /* pb_object to pb__cacheable */
    struct pb__list cacheables_in_order; /* pb__cacheable.link, the oldest first */
    struct pb__cacheable *touched;       /* by the message that is being written */

    /* Imported: caches of the peer's cacheables. */
    struct pb__map remote_caches;      /* luid to pb__copy, one count each */
    struct pb__list decaches_due;      /* pb__receipt.link: released, not written yet */
    struct pb__list decaches_deferred; /* the same, until the message has been handled */
};

/* s->caches, made if needed; NULL for lack of memory. */
struct pb__caches *pb__caches(pb_session *s);

#endif
