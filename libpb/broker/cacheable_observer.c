/* SPDX-License-Identifier: MIT
 *
 * Observers: through one, a Cacheable calls methods of the peer's caches of it. An
 * observer is a reference that has no number but an object, whose number is looked up at
 * each call. It does not own the object: most often the object owns the observer. Mirrors
 * flavors.RemoteCacheObserver. */
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/remote.h"

static struct pb__weak *weak_of(pb_object *o)
{
    if (!o->weak) {
        o->weak = pb__malloc(sizeof *o->weak);
        if (!o->weak) {
            return NULL;
        }
        *o->weak = (struct pb__weak){.refs = 1, .object = o};
    }
    o->weak->refs++;
    return o->weak;
}

void pb__weak_unref(struct pb__weak *w)
{
    if (w && --w->refs == 0) {
        pb__free(w);
    }
}

pb_remote *pb__observer_new(pb_session *s, pb_object *o, pb_object *perspective)
{
    pb_remote *r = pb_session_remote_for_name(s, "");
    struct pb__weak *w = r ? weak_of(o) : NULL;
    if (!w) {
        pb_remote_unref(r);
        return NULL;
    }
    r->observed = w;
    r->perspective = pb_object_ref(perspective);
    return r;
}

int pb__observer_form(struct pb__form *form, pb_error *err)
{
    static const char reason[] = "instance of class "
                                 "twisted.spread.flavors.RemoteCacheObserver deemed "
                                 "insecure";
    form->head = pb__word(PB__WORD_UNPERSISTABLE);
    form->shared = true;
    form->id = pb_bytes((pb_span){(const uint8_t *)reason, sizeof reason - 1});
    return form->id ? 0 : pb__error_nomem(err);
}
