/* SPDX-License-Identifier: MIT
 *
 * Copies and caches, inside. An object of ours that is Copyable goes as its type tag and
 * state; a Cacheable likewise, and from then on the session knows that the peer has a
 * cache of it. What comes so is an object too, which holds its state; of a cache the
 * session keeps that object, and each receipt is a value of its own that shows it.
 *
 * A session has a struct pb__caches with the first cache that is sent or comes. */
#ifndef PB__COPIES_H
#define PB__COPIES_H

#include "libpb/base/export.h"
#include "libpb/broker/session.h"
#include "pb/publish.h"

struct pb__caches {
    /* Cacheables of ours, of which the peer has caches. */
    struct pb__map cached;      /* luid to pb__cached */
    struct pb__map luids;       /* object to pb__cached */
    struct pb__list order;      /* pb__cached.link: all of them, the oldest first */
    struct pb__cached *touched; /* by the message that is being written */

    /* Caches of the peer's. */
    struct pb__map shown; /* luid to pb__copy, one count each */
    struct pb__list owed; /* pb__cache.link: dead ones, whose decache is to be written */
    struct pb__list late; /* likewise, once the message that comes has been handled */
};

/* s->caches, made if need be; NULL for lack of memory. */
struct pb__caches *pb__caches(pb_session *s);

/* ---- registry.c ---- */

struct pb__registered {
    const pb_class *cls;
    pb_factory_cb factory; /* NULL: there is a class, or nothing but data */
    void *user_data;       /* of the factory */
    bool publishes;        /* what comes is a RemotePublished */
    pb_published_config published;
    char tag[];
};

/* NULL: nothing is known by that tag. g may be NULL. */
const struct pb__registered *pb__registry_find(const pb_registry *g, pb_span tag);

/* ---- copyable.c: Copyables of ours ---- */

/* The type tag of o, borrowed, and its *new* state, for s->perspective; the state from
 * state_to_cache where there is an observer. */
int pb__copyable_state(pb_session *s, pb_object *o, pb_remote *observer,
                       struct pb__form *form, pb_error *err);
/* Copyable.jellyFor, and RemoteCopy's way out, which Twisted takes for any instance's. */
int pb__copyable_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err);
int pb__copy_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err);
/* Its class and *new* state where there is no broker (pb__foreign_ops.plain). */
int pb__copyable_plain(struct pb__foreign *f, const char **name, pb_value **state,
                       pb_error *err);

/* ---- remote_copy.c: copies that come ---- */

enum pb__arrival {
    PB__ARRIVING, /* in a message that has not been handled yet */
    PB__ARRIVED,  /* it has been told its state */
    PB__REFUSED,  /* it refused its state, or was never told: nobody is to see it */
};

/* A RemoteCopy, or what the values of a RemoteCache show. */
struct pb__copy {
    pb_object object;         /* holds the state */
    struct pb__list arriving; /* in its kit, while it arrives */
    uint64_t members;         /* of the message that it came in, which hold it: bits */
    uint8_t arrival;          /* enum pb__arrival */
    bool made;                /* its self has been constructed */
    bool is_cache;            /* what follows is of a cache only */
    pb_session *session;      /* until it is uncached */
    int64_t luid;
    pb_value *receipt; /* the first value that shows it; NULL: that is gone */
    struct pb__publication *publication; /* of a RemotePublished; else NULL */
};

extern const struct pb__foreign_ops pb__copy_ops;

/* One that has just been read; NULL for lack of memory. Takes the state, whose member of
 * the message is the first that holds it. */
struct pb__copy *pb__copy_new_steal(pb_session *s, const pb_class *cls, pb_value *state);
/* The member that is being read holds it. */
void pb__copy_in_member(const pb_session *s, struct pb__copy *c);
/* The state as Twisted's setCopyableState keeps it: *new*, NULL with err. */
pb_value *pb__copy_state(const pb_session *s, pb_value *state, pb_error *err);
/* The *new* value of what came under a tag. */
int pb__copy_read(pb_session *s, const struct pb__registered *as,
                  const struct pb__form *form, pb_value **out, pb_error *err);
/* The message has come whole: its copies are told their states. The members that hold one
 * that refuses it become NULL, with the first such error in m->refused. */
void pb__copies_arrived(pb_session *s, pb_value *list, struct pb__received *m);
/* What is in the list and was not told its state never will be. */
void pb__copies_forget(struct pb__list *arriving);

/* ---- cacheable.c: Cacheables of ours ---- */

struct pb__cached {
    struct pb__list link;
    pb_object *object;      /* one count, as of perspective and observer */
    pb_object *perspective; /* for whom it was sent; NULL: nobody */
    pb_remote *observer;    /* NULL: the object has not been told of it */
    int64_t luid;
    uint64_t count; /* as the peer has it; 0: on its way out */
    uint64_t fresh; /* of these, by the message that is being written */
    struct pb__cached *next_touched;
};

/* Cacheable.jellyFor. */
int pb__cacheable_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err);
/* The counts of the message that was written stand; or fall, and the objects are told. */
void pb__cacheable_commit(pb_session *s);
void pb__cacheable_undo(pb_session *s);
/* The number by which the peer has a cache of o; 0: it has none. */
int64_t pb__cacheable_luid(const pb_session *s, const pb_object *o);
/* NULL for an unknown luid. */
struct pb__cached *pb__cacheable_find(const pb_session *s, int64_t luid);
/* The peer has no cache of it any more: tells the object, and forgets it. */
void pb__cacheable_drop(pb_session *s, struct pb__cached *x);
/* The session is over: the same for all of them. */
void pb__cacheable_fini(pb_session *s);

/* ---- remote_cache.c: caches of the peer's ---- */

/* One receipt of a cache: a value of the application's. */
struct pb__cache {
    struct pb__local base; /* holds what it shows, a pb__copy */
    struct pb__list link;
    pb_session *session; /* that is owed a decache; known once the value goes */
    int64_t luid;
};

/* Whether v is one. */
PB__SHARED bool pb__is_cache(const pb_value *v);

/* The *new* values of [tag, luid, state], ["cached", luid] and ["lcache", luid]. */
int pb__cache_read(pb_session *s, const struct pb__registered *as,
                   const struct pb__form *form, pb_value **out, pb_error *err);
int pb__cached_read(pb_session *s, const struct pb__form *form, pb_value **out,
                    pb_error *err);
int pb__lcache_read(pb_session *s, const struct pb__form *form, pb_value **out,
                    pb_error *err);
/* RemoteCache.jellyFor, of a value's object. */
int pb__cache_form(pb_session *s, const struct pb__copy *c, struct pb__form *form,
                   pb_error *err);
/* NULL for an unknown luid, or for that of a cache that refused its state. */
struct pb__copy *pb__cache_find(const pb_session *s, int64_t luid);
/* The same, but for an unknown luid only. */
struct pb__copy *pb__cache_any(const pb_session *s, int64_t luid);
/* It is uncached: no decache is owed any more. */
void pb__cache_drop(pb_session *s, struct pb__copy *c);
void pb__cache_splice_late(pb_session *s);
/* The session is over: nothing is owed any more; and lets go of all of them. */
void pb__cache_end(pb_session *s);
void pb__cache_fini(pb_session *s);

/* ---- publish.c ---- */

/* What a RemotePublished has; NULL for lack of memory. */
struct pb__publication *pb__publication_new(const pb_session *s,
                                            const pb_published_config *config);
/* The object goes: who still waits for it is told. */
void pb__publication_end(struct pb__copy *c);
/* Its first state is there: loads the rest, or asks for it. */
int pb__publication_begin(struct pb__copy *c, pb_error *err);

/* ---- cacheable_observer.c ---- */

/* An object, as long as it lives. */
struct pb__weak {
    size_t refs;
    pb_object *object; /* NULL: it is gone */
};

/* A RemoteCacheObserver: *new*, NULL for lack of memory. */
pb_remote *pb__observer_new(pb_session *s, pb_object *o, pb_object *perspective);
/* What an observer is sent as: it is no reference, but an instance that no taster knows. */
int pb__observer_form(struct pb__form *form, pb_error *err);
void pb__weak_unref(struct pb__weak *w);

#endif
