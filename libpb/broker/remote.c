/* SPDX-License-Identifier: MIT
 *
 * References to the peer's objects. Each reference that is received counts at the peer.
 * Here it is a pb_remote, which sends one decref when its last owner releases it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "compat/compare.h"
#include "libpb/base/mem.h"
#include "libpb/broker/cacheable.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"

/* The pb_remote itself stays in the session's list until its decref can be written. */
static void remote_destroy(struct pb__foreign *f)
{
    pb_remote *r = (pb_remote *)f;
    pb_session *s = pb_remote_session(r);
    pb_object *perspective = r->perspective;
    r->perspective = NULL;
    pb__list_remove(&r->link);
    pb__weak_unref(r->observed);
    pb__local_target_free(r->target);
    pb_value_unref(r->type);
    pb_value_unref(r->members);
    r->type = r->members = NULL;
    if (!s || !r->counted) {
        pb__free(r);
    } else {
        pb__list_push(s->reading ? &s->decrefs_deferred : &s->decrefs_due, &r->link);
        if (!s->reading) {
            pb__session_enter(s);
            pb__decref_flush(s);
            pb__session_leave(s);
        }
    }
    pb_object_unref(perspective);
}

/* After the end of their session, its references form a ring. */
static bool same_ring(const pb_remote *a, const pb_remote *b)
{
    const struct pb__list *l = a->link.next;
    while (l != &a->link && l != &b->link) {
        l = l->next;
    }
    return l == &b->link;
}

/* Mirrors __cmp__ of RemoteReference and RemoteCacheObserver. */
static bool remote_equal(const struct pb__foreign *a, const struct pb__foreign *b)
{
    const pb_remote *x = (const pb_remote *)a;
    const pb_remote *y = (const pb_remote *)b;
    return x == y || (x->session == y->session && x->luid == y->luid &&
                      strcmp(x->name, y->name) == 0 && x->observed == y->observed &&
                      (!x->observed || x->perspective == y->perspective) &&
                      (x->session || same_ring(x, y)));
}

static uint64_t remote_hash(const struct pb__foreign *f)
{
    const pb_remote *r = (const pb_remote *)f;
    uint64_t name = pb__hash_text(PB_STR, (const uint8_t *)r->name, strlen(r->name));
    return pb__hash_words(PB_REMOTE, (uint64_t)r->luid,
                          pb__hash_words(PB_REMOTE, name, (uintptr_t)r->observed));
}

static int remote_repr(const struct pb__foreign *f, char *out, size_t size)
{
    const pb_remote *r = (const pb_remote *)f;
    if (r->observed) {
        const pb_object *o = r->observed->object;
        return snprintf(out, size, "<RemoteCacheObserver %s>",
                        o ? pb__class_name(o->cls) : "");
    }
    if (r->target) {
        return snprintf(out, size, "<LocalAsRemote>");
    }
    return r->counted ? snprintf(out, size, "<RemoteReference %" PRId64 ">", r->luid)
                      : snprintf(out, size, "<RemoteReference %s>", r->name);
}

static const struct pb__foreign_ops ops = {
    .destroy = remote_destroy,
    .equal = remote_equal,
    .hash = remote_hash,
    .repr = remote_repr,
};

static pb_remote *remote_new(pb_session *s, int64_t luid, bool counted, const char *name)
{
    size_t len = strlen(name);
    pb_remote *r = pb__malloc(sizeof *r + len + 1);
    if (r) {
        *r = (pb_remote){
            .base = {.node.head = {.refs = 1, .kind = PB_REMOTE}, .ops = &ops},
            .session = s,
            .luid = luid,
            .counted = counted,
        };
        memcpy(r->name, name, len + 1);
        pb__list_init(&r->link);
    }
    return r;
}

pb_remote *pb__remote_new_local(struct pb__local_target *target)
{
    pb_remote *r = remote_new(NULL, 0, false, "");
    if (r) {
        r->target = target;
    }
    return r;
}

/* The peer gives more references than may be held: the session is over. */
static int remote_refuse(pb_session *s, pb_error *err)
{
    pb_error why = {0};
    pb__error_set(&why, PB_ERR_LIMIT, 0,
                  "the peer has sent more than %zu references, the limit",
                  s->shared->config.max_held);
    pb__session_end(s, &why);
    return pb__error_set(err, PB_ERR_LIMIT, 0, "%s", why.text);
}

int pb__remote_receive(pb_session *s, int64_t luid, pb_remote **out, pb_error *err)
{
    if (s->held >= s->shared->config.max_held) {
        return remote_refuse(s, err);
    }
    pb_remote *r = remote_new(s, luid, true, "");
    if (!r) {
        return pb__error_nomem(err);
    }
    r->arriving = true;
    pb__list_push(&s->remotes, &r->link);
    s->held++;
    *out = r;
    return 0;
}

void pb__remote_arrived(pb_session *s, pb_object *perspective)
{
    for (struct pb__list *l = s->remotes.prev; l != &s->remotes; l = l->prev) {
        pb_remote *r = PB__LIST_ENTRY(l, pb_remote, link);
        if (!r->arriving) {
            return;
        }
        r->arriving = false;
        r->perspective = pb_object_ref(perspective);
    }
}

void pb__remote_undefer(pb_session *s)
{
    while (!pb__list_empty(&s->decrefs_deferred)) {
        struct pb__list *link = s->decrefs_deferred.next;
        pb__list_remove(link);
        pb__list_push(&s->decrefs_due, link);
    }
}

void pb__remote_end(pb_session *s)
{
    pb__remote_undefer(s);
    while (!pb__list_empty(&s->decrefs_due)) {
        pb_remote *r = PB__LIST_ENTRY(s->decrefs_due.next, pb_remote, link);
        pb__list_remove(&r->link);
        pb__free(r);
    }
    s->held = 0;
}

void pb__remote_fini(pb_session *s)
{
    struct pb__list ring;
    pb__list_init(&ring);
    while (!pb__list_empty(&s->remotes)) {
        pb_remote *r = PB__LIST_ENTRY(s->remotes.next, pb_remote, link);
        pb_object *perspective = r->perspective;
        r->perspective = NULL;
        r->session = NULL;
        pb__list_remove(&r->link);
        pb__list_push(&ring, &r->link);
        pb_object_unref(perspective);
    }
    pb__list_remove(&ring);
}

pb_remote *pb_remote_ref(pb_remote *r)
{
    pb_value_ref((pb_value *)r);
    return r;
}

void pb_remote_unref(pb_remote *r)
{
    pb_value_unref((pb_value *)r);
}

pb_remote *pb_as_remote(const pb_value *v)
{
    bool is =
        v && pb__kind(v) == PB_REMOTE && ((const struct pb__foreign *)v)->ops == &ops;
    return is ? (pb_remote *)v : NULL;
}

bool pb_remote_equal(const pb_remote *a, const pb_remote *b)
{
    return a && b && remote_equal(&a->base, &b->base);
}

pb_value *pb_remote_value(pb_remote *r)
{
    return pb_value_ref((pb_value *)r);
}

int64_t pb_remote_luid(const pb_remote *r)
{
    if (r && r->observed && r->session) {
        return pb__cacheable_luid(r->session, r->observed->object);
    }
    return r ? r->luid : 0;
}

const char *pb_remote_type(const pb_remote *r)
{
    pb_span type;
    return r && r->type && pb_as_text(r->type, &type) == 0 ? (const char *)type.data
                                                           : NULL;
}

pb_value *pb_remote_members(const pb_remote *r)
{
    return r ? r->members : NULL;
}

pb_session *pb_remote_session(const pb_remote *r)
{
    return r && r->session && pb__session_open(r->session) ? r->session : NULL;
}

pb_object *pb_remote_perspective(const pb_remote *r)
{
    return r ? r->perspective : NULL;
}

pb_remote *pb_session_remote_for_name(pb_session *s, const char *name)
{
    pb_remote *r = s && name ? remote_new(s, 0, false, name) : NULL;
    if (r && !pb__session_open(s)) {
        r->session = NULL;
    } else if (r) {
        pb__list_push(s->remotes.next,
                      &r->link); /* at the front: arriving references are at the end */
    }
    return r;
}

pb_remote *pb_session_root(pb_session *s)
{
    return pb_session_remote_for_name(s, "root");
}
