/* SPDX-License-Identifier: MIT
 *
 * Copies that are received: RemoteCopy (remote_copy.c), and RemotePublished (publish.c).
 * A copy is an object that holds its state. The object behind the receipts of a remote
 * cache (remote_cache.h) is one too. */
#ifndef PB__REMOTE_COPY_H
#define PB__REMOTE_COPY_H

#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/registry.h"

enum pb__arrival {
    PB__ARRIVING, /* in a message that has not been handled yet */
    PB__ARRIVED,  /* it was given its state */
    PB__REFUSED,  /* it refused its state, or never gets it: nobody sees it */
};

/* A RemoteCopy, or the object that the receipts of a RemoteCache show. */
struct pb__copy {
    pb_object object;         /* holds the state */
    struct pb__list arriving; /* in its read context, then in its message */
    uint64_t members;         /* the members of its message that hold it, as bits */
    uint8_t arrival;          /* enum pb__arrival */
    bool made;                /* its self has been constructed */
    bool is_cache;            /* the fields below are for a cache only */
    pb_session *session;      /* until it is uncached */
    int64_t luid;
    pb_value *receipt; /* the first value that shows it; NULL: that one is gone */
    struct pb__publication *publication; /* of a RemotePublished; else NULL */
};

extern const struct pb__foreign_ops pb__copy_ops;

/* ---- remote_copy.c ---- */

/* A copy that has just been read; NULL for lack of memory. Takes the state. The member of
 * the message that is being read is the first that holds the copy. */
struct pb__copy *pb__copy_new_steal(pb_session *s, const pb_class *cls, pb_value *state);
/* Notes that the member that is being read holds the copy. */
void pb__copy_in_member(const pb_session *s, struct pb__copy *c);
/* The state as Twisted's setCopyableState keeps it: *new*; NULL with err filled. */
pb_value *pb__copy_state(const pb_session *s, pb_value *state, pb_error *err);
/* The *new* value for a form whose tag is registered. */
int pb__copy_read(pb_session *s, const struct pb__registered *as,
                  const struct pb__form *form, pb_value **out, pb_error *err);
/* The same for a flat form (jellyable.c). */
int pb__jellyable_read(pb_session *s, const struct pb__registered *as,
                       const struct pb__form *form, pb_value **out, pb_error *err);
/* The message is complete: gives its copies their states. Members that hold a copy that
 * refuses its state become NULL, and m->refused is set to the first of those errors. */
void pb__copies_arrived(pb_session *s, pb_value *list, struct pb__received *m);
/* The copies in the list that have not been given their state never are. */
void pb__copies_forget(struct pb__list *arriving);

/* ---- publish.c ---- */

/* The extra state of a RemotePublished; NULL for lack of memory. */
struct pb__publication *pb__publication_new(const pb_session *s,
                                            const pb_published_config *config);
/* The object is freed: calls back those that still wait for it. */
void pb__publication_end(struct pb__copy *c);
/* The first state has arrived: loads the full state, or requests it. */
int pb__publication_begin(struct pb__copy *c, pb_error *err);

#endif
