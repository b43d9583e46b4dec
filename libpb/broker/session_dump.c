/* SPDX-License-Identifier: MIT
 *
 * A session's state as text, and with PB_DEBUG the check of its counts. */
#include <assert.h>
#include <inttypes.h>

#include "libpb/base/buf.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/caches.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/pager.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/requests.h"
#include "libpb/broker/session.h"

static const char *state_name(const pb_session *s)
{
    static const char *const names[] = {"negotiating", "open", "closed"};
    return names[s->state];
}

static int dump_calls(const pb_session *s, struct pb__buf *out)
{
    int e = 0;
    size_t at = 0;
    uint64_t request;
    void *value;
    while (!e && s->calls && pb__map_next(&s->calls->sent, &at, &request, &value)) {
        const pb_call *c = value;
        e = pb__buf_printf(out, "call %" PRIu64 "%s\n", request,
                           c->told ? " given up" : "");
    }
    return e;
}

static int dump_requests(const pb_session *s, struct pb__buf *out)
{
    int e = 0;
    for (const struct pb__list *l = s->requests.next; !e && l != &s->requests;
         l = l->next) {
        const pb_request *r = PB__LIST_ENTRY(l, pb_request, link);
        e = pb__buf_printf(out, "request %s%s\n", pb_request_method(r),
                           r->answered ? " answered" : "");
    }
    return e;
}

static int dump_objects(const pb_session *s, struct pb__buf *out)
{
    int e = 0;
    size_t at = 0;
    uint64_t luid;
    void *value;
    while (!e && s->exports && pb__map_next(&s->exports->by_luid, &at, &luid, &value)) {
        const struct pb__export *x = value;
        e = pb__buf_printf(out, "object %" PRIu64 " %s count %" PRIu64 "\n", luid,
                           pb__class_name(x->object->cls), x->count);
    }
    for (const struct pb__published *p = s->published; !e && p; p = p->next) {
        e = pb__buf_printf(out, "published %s %s\n", p->name,
                           pb__class_name(p->object->cls));
    }
    return e;
}

static int dump_remotes(const struct pb__list *list, const char *what,
                        struct pb__buf *out)
{
    int e = 0;
    for (const struct pb__list *l = list->next; !e && l != list; l = l->next) {
        const pb_remote *r = PB__LIST_ENTRY(l, pb_remote, link);
        e = pb__buf_printf(out, "%s %" PRId64 "%s\n", r->observed ? "observer" : what,
                           pb_remote_luid(r), r->name);
    }
    return e;
}

static int dump_caches(const struct pb__caches *cs, struct pb__buf *out)
{
    int e = 0;
    for (const struct pb__list *l = cs->cacheables_in_order.next;
         !e && l != &cs->cacheables_in_order; l = l->next) {
        const struct pb__cacheable *x = PB__LIST_ENTRY(l, struct pb__cacheable, link);
        e = pb__buf_printf(out, "cached %" PRId64 " %s count %" PRIu64 "\n", x->luid,
                           pb__class_name(x->object->cls), x->count);
    }
    size_t at = 0;
    uint64_t luid;
    void *value;
    while (!e && pb__map_next(&cs->remote_caches, &at, &luid, &value)) {
        const struct pb__copy *c = value;
        e = pb__buf_printf(out, "cache %" PRIu64 " %s\n", luid,
                           pb__class_name(c->object.cls));
    }
    for (const struct pb__list *l = cs->decaches_due.next; !e && l != &cs->decaches_due;
         l = l->next) {
        const struct pb__receipt *v = PB__LIST_ENTRY(l, struct pb__receipt, link);
        e = pb__buf_printf(out, "owed cache %" PRId64 "\n", v->luid);
    }
    return e;
}

static int dump_pagers(const pb_session *s, struct pb__buf *out)
{
    size_t n = pb__pagers_count(s);
    return n ? pb__buf_printf(out, "pagings %zu\n", n) : 0;
}

int pb__session_dump(const pb_session *s, struct pb__buf *out)
{
    pb_session_stats stats;
    pb_session_get_stats(s, &stats);
    int e = pb__buf_printf(out, "%s %s pending %zu serving %zu held %zu queued %zu\n",
                           s->is_client ? "client" : "server", state_name(s),
                           stats.pending, stats.serving, stats.held, stats.queued);
    e = e ? e : dump_calls(s, out);
    e = e ? e : dump_requests(s, out);
    e = e ? e : dump_objects(s, out);
    e = e ? e : dump_pagers(s, out);
    e = e || !s->caches ? e : dump_caches(s->caches, out);
    e = e ? e : dump_remotes(&s->remotes, "reference", out);
    return e ? e : dump_remotes(&s->decrefs_due, "owed", out);
}

#ifdef PB_DEBUG

static size_t dump_list_length(const struct pb__list *list)
{
    size_t n = 0;
    for (const struct pb__list *l = list->next; l != list; l = l->next) {
        n++;
    }
    return n;
}

static void check_caches(const struct pb__caches *cs)
{
    assert(!cs->touched);
    assert(dump_list_length(&cs->cacheables_in_order) == cs->cacheables.len &&
           cs->cacheables_by_object.len <= cs->cacheables.len);
    for (const struct pb__list *l = cs->cacheables_in_order.next;
         l != &cs->cacheables_in_order; l = l->next) {
        const struct pb__cacheable *x = PB__LIST_ENTRY(l, struct pb__cacheable, link);
        assert(x->count > 0 && x->fresh == 0 && x->observer);
        assert(pb__map_get(&cs->cacheables, (uint64_t)x->luid) == x);
        assert(pb__map_get(&cs->cacheables_by_object, (uintptr_t)x->object) == x);
    }
}

void pb__session_check(const pb_session *s)
{
    if (s->depth > 1) {
        return; /* an outer message is still being handled */
    }
    if (s->caches) {
        check_caches(s->caches);
    }
    if (s->calls) {
        assert(dump_list_length(&s->calls->waiting) == s->calls->pending);
        assert(dump_list_length(&s->calls->timers) +
                   dump_list_length(&s->calls->untimed) <=
               s->calls->pending);
    }
    assert(!s->exports || (s->exports->by_luid.len > 0 && !s->exports->touched));
    assert(!s->writing);
    size_t at = 0;
    uint64_t key;
    void *value;
    while (s->exports && pb__map_next(&s->exports->by_luid, &at, &key, &value)) {
        const struct pb__export *x = value;
        assert(x->count > 0 && x->fresh == 0 && (uint64_t)x->luid == key);
        const struct pb__export *y =
            pb__map_get(&s->exports->by_object, pb__object_key(x->object));
        while (y != x) {
            y = y->like;
        }
    }
    size_t unanswered = 0;
    for (const struct pb__list *l = s->requests.next; l != &s->requests; l = l->next) {
        unanswered += !PB__LIST_ENTRY(l, pb_request, link)->answered;
    }
    assert(unanswered == s->serving);
    size_t counted =
        dump_list_length(&s->decrefs_due) + dump_list_length(&s->decrefs_deferred);
    for (const struct pb__list *l = s->remotes.next; l != &s->remotes; l = l->next) {
        const pb_remote *r = PB__LIST_ENTRY(l, pb_remote, link);
        counted += pb_remote_session(r) && r->counted;
    }
    assert(counted == s->held);
}

#else

void pb__session_check(const pb_session *s)
{
    (void)s;
}

#endif
