/* SPDX-License-Identifier: MIT
 *
 * Caches of the peer's cacheables. The session keeps one object for each, which the peer
 * keeps up to date. Each receipt is a value of its own that shows the object. It needs a
 * decache when its last owner releases it, unless the peer has uncached the object by
 * then. Mirrors flavors.RemoteCache, whose values are copies that share one __dict__. */
#include <inttypes.h>
#include <stdio.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/caches.h"
#include "libpb/broker/copyable.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/registry.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/session.h"

/* ---- The values ---- */

static struct pb__copy *cache_shown(const struct pb__foreign *f)
{
    return (struct pb__copy *)((const struct pb__local *)f)->holds;
}

/* Notes now, before the shown object is released, whether a decache is needed. */
static void cache_release(struct pb__foreign *f)
{
    struct pb__receipt *v = (struct pb__receipt *)f;
    struct pb__copy *c = cache_shown(f);
    v->session = c->session;
    v->luid = c->luid;
    if (c->receipt == &f->node.head) {
        c->receipt = NULL;
    }
}

/* The value itself stays in the session's list until its decache can be written. */
static void remote_cache_destroy(struct pb__foreign *f)
{
    struct pb__receipt *v = (struct pb__receipt *)f;
    pb_session *s = v->session;
    if (!s) {
        pb__free(v);
        return;
    }
    pb__list_push(s->reading ? &s->caches->decaches_deferred : &s->caches->decaches_due,
                  &v->link);
    if (!s->reading) {
        pb__session_enter(s);
        pb__decref_flush(s);
        pb__session_leave(s);
    }
}

static bool cache_equal(const struct pb__foreign *a, const struct pb__foreign *b)
{
    return cache_shown(a) == cache_shown(b);
}

static uint64_t cache_hash(const struct pb__foreign *f)
{
    return (uintptr_t)cache_shown(f) >> 4;
}

static int cache_repr(const struct pb__foreign *f, char *out, size_t size)
{
    return snprintf(out, size, "<RemoteCache %" PRId64 ">", cache_shown(f)->luid);
}

static const struct pb__foreign_ops cache_ops = {
    .release = cache_release,
    .destroy = remote_cache_destroy,
    .equal = cache_equal,
    .hash = cache_hash,
    .repr = cache_repr,
    .plain = pb__copyable_plain,
};

bool pb__is_remote_cache(const pb_value *v)
{
    return pb__kind(v) == PB_OBJECT && ((const struct pb__foreign *)v)->ops == &cache_ops;
}

/* Makes one more value that shows the cache. */
static int cache_show(struct pb__copy *c, pb_value **out, pb_error *err)
{
    pb_value *holds = pb_object_value(&c->object);
    struct pb__receipt *v = pb__local_new(sizeof(struct pb__receipt), &cache_ops, holds);
    if (!v) {
        pb_value_unref(holds);
        return pb__error_nomem(err);
    }
    *out = &v->base.foreign.node.head;
    return 0;
}

/* ---- Reading ---- */

static int read_luid(const struct pb__form *form, int64_t *luid, pb_error *err)
{
    return form->id && pb__kind(form->id) == PB_INT && pb_as_int(form->id, luid) == 0
               ? 0
               : pb__error_set(err, PB_ERR_SYNTAX, 0,
                               "the number of the cache is missing or not a number");
}

struct pb__copy *pb__remote_cache_any(const pb_session *s, int64_t luid)
{
    return s->caches ? pb__map_get(&s->caches->remote_caches, (uint64_t)luid) : NULL;
}

struct pb__copy *pb__remote_cache_find(const pb_session *s, int64_t luid)
{
    struct pb__copy *c = pb__remote_cache_any(s, luid);
    return c && c->arrival != PB__REFUSED ? c : NULL;
}

/* Adds a cache to the table, with one value that shows it. */
static int cache_add(pb_session *s, const struct pb__registered *as, int64_t luid,
                     pb_value *state, pb_value **out, pb_error *err)
{
    struct pb__caches *cs = pb__caches(s);
    struct pb__copy *c = pb__copy_new_steal(s, as->cls, state);
    if (c && as->publishes) {
        c->publication = pb__publication_new(s, &as->published);
    }
    bool made = cs && c && (c->publication || !as->publishes);
    int e = made ? cache_show(c, out, err) : pb__error_nomem(err);
    if (e == 0 && pb__map_set(&cs->remote_caches, (uint64_t)luid, c) != 0) {
        pb_value_unref(*out);
        e = pb__error_nomem(err);
    }
    if (e) {
        pb_object_unref((pb_object *)c);
        return e;
    }
    c->is_cache = true;
    c->session = s;
    c->luid = luid;
    c->receipt = *out;
    return 0;
}

int pb__remote_cache_read(pb_session *s, const struct pb__registered *as,
                          const struct pb__form *form, pb_value **out, pb_error *err)
{
    int64_t luid;
    int e = read_luid(form, &luid, err);
    if (e) {
        return e;
    }
    if (!form->state) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "a cache without a state");
    }
    if (pb__remote_cache_any(s, luid)) {
        return pb__error_set(err, PB_ERR_PROTOCOL, 0,
                             "there is a cache %" PRId64 " already", luid);
    }
    size_t limit = s->shared->config.max_caches;
    if (s->caches && s->caches->remote_caches.len >= limit) {
        return pb__error_set(err, PB_ERR_LIMIT, 0,
                             "the peer has sent more caches than the limit of %zu",
                             limit);
    }
    pb_value *state = pb__copy_state(s, form->state, err);
    return state ? cache_add(s, as, luid, state, out, err) : err->code;
}

int pb__cached_read(pb_session *s, const struct pb__form *form, pb_value **out,
                    pb_error *err)
{
    int64_t luid;
    int e = read_luid(form, &luid, err);
    if (e) {
        return e;
    }
    struct pb__copy *c = pb__remote_cache_find(s, luid);
    if (!c) {
        return pb__error_set(err, PB_ERR_PROTOCOL, 0, "there is no cache %" PRId64, luid);
    }
    pb__copy_in_member(s, c);
    return cache_show(c, out, err);
}

/* Mirrors flavors.unjellyLCache. */
int pb__lcache_read(pb_session *s, const struct pb__form *form, pb_value **out,
                    pb_error *err)
{
    int64_t luid;
    int e = read_luid(form, &luid, err);
    if (e) {
        return e;
    }
    const struct pb__cacheable *x = pb__cacheable_find(s, luid);
    if (!x) {
        return pb__error_set(err, PB_ERR_PROTOCOL, 0,
                             "there is no object %" PRId64 " with caches", luid);
    }
    *out = pb_object_value(x->object);
    return 0;
}

int pb__remote_cache_form(pb_session *s, const struct pb__copy *c, struct pb__form *form,
                          pb_error *err)
{
    if (c->session != s) {
        s->refused_as = "builtins.AssertionError";
        return pb__error_set(err, PB_ERR_TYPE, 0,
                             "You cannot exchange cached proxies between brokers.");
    }
    form->head = pb__word(PB__WORD_LCACHE);
    form->id = pb_int(c->luid);
    return form->id ? 0 : pb__error_nomem(err);
}

/* ---- The end ---- */

/* Removes the decaches of c (NULL: of all caches) from a list, as they are not needed any
 * more. */
static void cache_forgive(struct pb__list *list, const struct pb__copy *c)
{
    struct pb__list *l = list->next;
    while (l != list) {
        struct pb__receipt *v = PB__LIST_ENTRY(l, struct pb__receipt, link);
        l = l->next;
        if (!c || v->luid == c->luid) {
            pb__list_remove(&v->link);
            pb__free(v);
        }
    }
}

void pb__remote_cache_drop(pb_session *s, struct pb__copy *c)
{
    cache_forgive(&s->caches->decaches_due, c);
    cache_forgive(&s->caches->decaches_deferred, c);
    pb__map_take(&s->caches->remote_caches, (uint64_t)c->luid);
    c->session = NULL;
    pb_object_unref(&c->object);
}

void pb__remote_cache_undefer(pb_session *s)
{
    while (s->caches && !pb__list_empty(&s->caches->decaches_deferred)) {
        struct pb__list *link = s->caches->decaches_deferred.next;
        pb__list_remove(link);
        pb__list_push(&s->caches->decaches_due, link);
    }
}

void pb__remote_cache_end(pb_session *s)
{
    if (!s->caches) {
        return;
    }
    cache_forgive(&s->caches->decaches_due, NULL);
    cache_forgive(&s->caches->decaches_deferred, NULL);
    size_t at = 0;
    uint64_t luid;
    void *value;
    while (pb__map_next(&s->caches->remote_caches, &at, &luid, &value)) {
        ((struct pb__copy *)value)->session = NULL;
    }
}

void pb__remote_cache_fini(pb_session *s)
{
    if (!s->caches) {
        return;
    }
    struct pb__map shown = s->caches->remote_caches;
    s->caches->remote_caches = (struct pb__map){0};
    size_t at = 0;
    uint64_t luid;
    void *value;
    while (pb__map_next(&shown, &at, &luid, &value)) {
        pb_object_unref(value);
    }
    pb__map_fini(&shown);
}
