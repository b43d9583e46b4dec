/* SPDX-License-Identifier: MIT
 *
 * Exported objects: those that the peer holds references to, by luid, with a count for
 * each time one was sent; and those that are published under a name. */
#ifndef PB__EXPORTS_H
#define PB__EXPORTS_H

#include "libpb/base/map.h"
#include "libpb/broker/objects.h"

struct pb__export {
    pb_object *object;       /* one count */
    struct pb__export *like; /* the next export whose object has the same key */
    int64_t luid;
    uint64_t count; /* references that the peer has */
    uint64_t fresh; /* of these, those in the message that is being written */
    struct pb__export *next_touched;
    void (*cleanup)(void *user_data); /* see pb__export_set_cleanup */
    void *cleanup_data;
};

struct pb__exports {
    struct pb__map by_luid;
    struct pb__map by_object;   /* pb__object_key to the first export with that key */
    struct pb__export *touched; /* by the message that is being written */
};

struct pb__published {
    struct pb__published *next;
    pb_object *object; /* one count */
    char name[];
};

/* Refuses one object or cache more than the limit. The fourth time ends the session. */
int pb__export_refuse(pb_session *s, const char *text, pb_error *err);
/* Counts one more reference to o, in the message that is being written; its number goes
 * to *luid. */
int pb__export_add(pb_session *s, pb_object *o, int64_t *luid, pb_error *err);
/* The message was written, or was taken back: keep its counts, or take them back. */
void pb__export_commit(pb_session *s);
void pb__export_undo(pb_session *s);
/* Counts one reference less; false if there was none. */
bool pb__export_drop(pb_session *s, int64_t luid);
/* Sets the function to call when the peer has released o, in place of the one that was
 * set before. Not called when the session ends. Nothing happens if the peer does not hold
 * o. Mirrors Broker._localCleanup. */
void pb__export_set_cleanup(pb_session *s, const pb_object *o,
                            void (*cleanup)(void *user_data), void *user_data);
/* Borrowed; NULL for an unknown luid or name. */
pb_object *pb__export_find(const pb_session *s, int64_t luid);
pb_object *pb__published_find(const pb_session *s, pb_span name);
size_t pb__published_count(const pb_session *s);
/* Release all objects, as the session is over. */
void pb__export_fini(pb_session *s);
void pb__published_fini(pb_session *s);

#endif
