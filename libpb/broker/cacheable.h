/* SPDX-License-Identifier: MIT
 *
 * Cacheables of ours: sent once with their state; from then on the peer has a cache, and
 * an observer tells it about changes. */
#ifndef PB__CACHEABLE_H
#define PB__CACHEABLE_H

#include "libpb/base/list.h"
#include "libpb/broker/objects.h"

/* ---- cacheable.c ---- */

struct pb__cacheable {
    struct pb__list link;
    pb_object *object;      /* one count, as of perspective and observer */
    pb_object *perspective; /* that it was sent for; NULL: none */
    pb_remote *observer;    /* NULL: the object does not know of it yet */
    int64_t luid;
    uint64_t count; /* receipts that the peer has; 0: it is being removed */
    uint64_t fresh; /* of these, those in the message that is being written */
    struct pb__cacheable *next_touched;
};

/* Cacheable.jellyFor. */
int pb__cacheable_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err);
/* The message was written, or was taken back: keep its counts, or take them back and call
 * stopped_observing. */
void pb__cacheable_commit(pb_session *s);
void pb__cacheable_undo(pb_session *s);
/* The number of the peer's cache of o; 0: it has none. */
int64_t pb__cacheable_luid(const pb_session *s, const pb_object *o);
/* NULL for an unknown luid. */
struct pb__cacheable *pb__cacheable_find(const pb_session *s, int64_t luid);
/* The peer has no cache of it any more: calls stopped_observing, and frees x. */
void pb__cacheable_drop(pb_session *s, struct pb__cacheable *x);
/* The session is over: the same for all of them. */
void pb__cacheable_fini(pb_session *s);

/* ---- cacheable_observer.c ---- */

/* A weak pointer to an object. */
struct pb__weak {
    size_t refs;
    pb_object *object; /* NULL: it was freed */
};

/* A RemoteCacheObserver: *new*, NULL for lack of memory. */
pb_remote *pb__observer_new(pb_session *s, pb_object *o, pb_object *perspective);
/* The form in which an observer is sent: not a reference, but an instance of a class that
 * no taster allows. */
int pb__observer_form(struct pb__form *form, pb_error *err);
void pb__weak_unref(struct pb__weak *w);

#endif
