/* SPDX-License-Identifier: MIT
 *
 * Caches of the peer's cacheables. The session has one pb__copy for each, which the peer
 * keeps up to date. Each time the peer sends it, the application gets a value of its own,
 * a receipt, that shows the copy and needs a decache. */
#ifndef PB__REMOTE_CACHE_H
#define PB__REMOTE_CACHE_H

#include "libpb/base/export.h"
#include "libpb/base/list.h"
#include "libpb/broker/registry.h"
#include "libpb/broker/remote_copy.h"

/* One receipt of a remote cache: a value of the application. */
struct pb__receipt {
    struct pb__local base; /* holds what it shows, a pb__copy */
    struct pb__list link;  /* in pb__caches.decaches_due or decaches_deferred */
    pb_session *session;   /* that sends the decache; set when the value is released */
    int64_t luid;
};

/* Whether v is one. */
PB__SHARED bool pb__is_remote_cache(const pb_value *v);

/* The *new* values of [tag, luid, state], ["cached", luid] and ["lcache", luid]. */
int pb__remote_cache_read(pb_session *s, const struct pb__registered *as,
                          const struct pb__form *form, pb_value **out, pb_error *err);
int pb__cached_read(pb_session *s, const struct pb__form *form, pb_value **out,
                    pb_error *err);
int pb__lcache_read(pb_session *s, const struct pb__form *form, pb_value **out,
                    pb_error *err);
/* RemoteCache.jellyFor, of the object that a receipt shows. */
int pb__remote_cache_form(pb_session *s, const struct pb__copy *c, struct pb__form *form,
                          pb_error *err);
/* NULL for an unknown luid, or for that of a cache that refused its state. */
struct pb__copy *pb__remote_cache_find(const pb_session *s, int64_t luid);
/* NULL for an unknown luid only. */
struct pb__copy *pb__remote_cache_any(const pb_session *s, int64_t luid);
/* The peer has uncached it: its receipts need no decache any more. */
void pb__remote_cache_drop(pb_session *s, struct pb__copy *c);
/* Makes due the decaches of receipts that were released within a message. */
void pb__remote_cache_undefer(pb_session *s);
/* The session is closed: no decache is due any more. */
void pb__remote_cache_end(pb_session *s);
/* The session is over: releases all caches. */
void pb__remote_cache_fini(pb_session *s);

#endif
