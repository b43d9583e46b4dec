/* SPDX-License-Identifier: MIT
 *
 * Cacheables of ours, and the peer's caches of them. The first time a Cacheable is sent,
 * its state goes with it, under a number; after that only the number. Each time counts as
 * one receipt. Mirrors flavors.Cacheable, Broker.cacheRemotely and cachedRemotelyAs. */
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/caches.h"
#include "libpb/broker/copyable.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"

struct pb__caches *pb__caches(pb_session *s)
{
    if (!s->caches) {
        struct pb__caches *c = pb__calloc(1, sizeof *c);
        if (!c) {
            return NULL;
        }
        pb__list_init(&c->cacheables_in_order);
        pb__list_init(&c->decaches_due);
        pb__list_init(&c->decaches_deferred);
        s->caches = c;
    }
    return s->caches;
}

static struct pb__cacheable *cached_find(const pb_session *s, const pb_object *o)
{
    return s->caches ? pb__map_get(&s->caches->cacheables_by_object, (uintptr_t)o) : NULL;
}

int64_t pb__cacheable_luid(const pb_session *s, const pb_object *o)
{
    const struct pb__cacheable *x = o ? cached_find(s, o) : NULL;
    return x ? x->luid : 0;
}

struct pb__cacheable *pb__cacheable_find(const pb_session *s, int64_t luid)
{
    return s->caches ? pb__map_get(&s->caches->cacheables, (uint64_t)luid) : NULL;
}

static void cached_touch(struct pb__caches *cs, struct pb__cacheable *x)
{
    if (x->fresh == 0) {
        x->next_touched = cs->touched;
        cs->touched = x;
    }
    x->fresh++;
    x->count++;
}

/* Removes x from the tables. */
static void cached_forget(struct pb__caches *cs, struct pb__cacheable *x)
{
    pb__list_remove(&x->link);
    pb__map_take(&cs->cacheables, (uint64_t)x->luid);
    if (pb__map_get(&cs->cacheables_by_object, (uintptr_t)x->object) == x) {
        pb__map_take(&cs->cacheables_by_object, (uintptr_t)x->object);
    }
}

static void free_cached(struct pb__cacheable *x)
{
    pb_remote_unref(x->observer);
    pb_object_unref(x->perspective);
    pb_object_unref(x->object);
    pb__free(x);
}

/* Adds a Cacheable to the tables and to the message. If the object is being removed under
 * another number, that older entry is found only by its number from now on. */
static struct pb__cacheable *cached_add(pb_session *s, pb_object *o)
{
    struct pb__caches *cs = pb__caches(s);
    struct pb__cacheable *x = cs ? pb__calloc(1, sizeof *x) : NULL;
    if (!x) {
        return NULL;
    }
    x->object = pb_object_ref(o);
    x->perspective = pb_object_ref(s->perspective);
    x->luid = s->last_luid;
    pb__list_push(&cs->cacheables_in_order, &x->link);
    if (pb__map_set(&cs->cacheables, (uint64_t)x->luid, x) != 0 ||
        pb__map_set(&cs->cacheables_by_object, (uintptr_t)o, x) != 0) {
        cached_forget(cs, x);
        free_cached(x);
        return NULL;
    }
    cached_touch(cs, x);
    return x;
}

static int write_luid(struct pb__form *form, const struct pb__cacheable *x, pb_error *err)
{
    form->id = pb_int(x->luid);
    return form->id ? 0 : pb__error_nomem(err);
}

static int write_cached(pb_session *s, struct pb__cacheable *x, struct pb__form *form,
                        pb_error *err)
{
    cached_touch(s->caches, x);
    form->head = pb__word(PB__WORD_CACHED);
    return write_luid(form, x, err);
}

int pb__cacheable_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err)
{
    struct pb__cacheable *x = cached_find(s, o);
    if (x && x->count > 0) {
        return write_cached(s, x, form, err);
    }
    s->last_luid++; /* Twisted takes a number before it checks the limit */
    if (s->caches && s->caches->cacheables.len > s->shared->config.max_refs) {
        return pb__export_refuse(s, "Maximum PB cache count exceeded.", err);
    }
    x = cached_add(s, o);
    if (!x) {
        return pb__error_nomem(err);
    }
    pb_remote *observer = pb__observer_new(s, o, s->perspective);
    int e =
        observer ? pb__copyable_state(s, o, observer, form, err) : pb__error_nomem(err);
    if (e) {
        pb_remote_unref(observer);
        return e;
    }
    x->observer = observer;
    return write_luid(form, x, err);
}

void pb__cacheable_commit(pb_session *s)
{
    for (struct pb__cacheable *x = s->caches->touched; x; x = x->next_touched) {
        x->fresh = 0;
    }
    s->caches->touched = NULL;
}

static void tell_stopped(struct pb__cacheable *x)
{
    const pb_class *with =
        pb__class_with(x->object->cls, offsetof(pb_class, stopped_observing));
    if (x->observer && with) {
        with->stopped_observing(x->object->self, x->perspective, x->observer);
    }
}

void pb__cacheable_undo(pb_session *s)
{
    struct pb__cacheable *touched = s->caches->touched;
    struct pb__cacheable *gone = NULL;
    s->caches->touched = NULL;
    while (touched) {
        struct pb__cacheable *x = touched;
        touched = x->next_touched;
        x->count -= x->fresh;
        x->fresh = 0;
        if (x->count == 0) {
            cached_forget(s->caches, x);
            x->next_touched = gone;
            gone = x;
        }
    }
    while (gone) {
        struct pb__cacheable *x = gone;
        gone = x->next_touched;
        tell_stopped(x);
        free_cached(x);
    }
}

/* x stays in the tables during stopped_observing, so that the observers still find it. */
void pb__cacheable_drop(pb_session *s, struct pb__cacheable *x)
{
    tell_stopped(x);
    cached_forget(s->caches, x);
    free_cached(x);
}

void pb__cacheable_fini(pb_session *s)
{
    while (s->caches && !pb__list_empty(&s->caches->cacheables_in_order)) {
        struct pb__cacheable *x = PB__LIST_ENTRY(s->caches->cacheables_in_order.next,
                                                 struct pb__cacheable, link);
        cached_forget(s->caches, x);
        tell_stopped(x);
        free_cached(x);
    }
    if (s->caches) {
        pb__map_fini(&s->caches->cacheables);
        pb__map_fini(&s->caches->cacheables_by_object);
    }
}
