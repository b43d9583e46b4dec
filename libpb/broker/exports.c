/* SPDX-License-Identifier: MIT
 *
 * The tables of exported objects. Each time an object is sent, its count goes up by one;
 * each decref takes one off. A number is never used again. */
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/log.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/session.h"

int pb__export_refuse(pb_session *s, const char *text, pb_error *err)
{
    size_t limit = s->shared->config.max_refs;
    s->refused_as = "twisted.spread.pb.Error";
    pb__log(s, PB_LOG_WARNING, "%s (limit %zu)", text, limit);
    if (++s->strikes > 3) {
        pb_error why = {0};
        pb__error_set(&why, PB_ERR_LIMIT, 0, "%s  Goodbye. (limit %zu)", text, limit);
        pb__session_end(s, &why);
    }
    return pb__error_set(err, PB_ERR_LIMIT, 0, "%s", text);
}

static struct pb__export *export_find(const struct pb__exports *e, const pb_object *o)
{
    struct pb__export *x = pb__map_get(&e->by_object, pb__object_key(o));
    while (x && !pb__object_same(x->object, o)) {
        x = x->like;
    }
    return x;
}

static struct pb__export *export_add(pb_session *s, pb_object *o)
{
    struct pb__exports *e = s->exports;
    uint64_t key = pb__object_key(o);
    struct pb__export *x = pb__malloc(sizeof *x);
    if (!x) {
        return NULL;
    }
    *x = (struct pb__export){
        .object = o, .luid = s->last_luid + 1, .like = pb__map_get(&e->by_object, key)};
    if (pb__map_set(&e->by_luid, (uint64_t)x->luid, x) != 0) {
        pb__free(x);
        return NULL;
    }
    if (pb__map_set(&e->by_object, key, x) != 0) {
        pb__map_take(&e->by_luid, (uint64_t)x->luid);
        pb__free(x);
        return NULL;
    }
    pb_object_ref(o);
    s->last_luid++;
    return x;
}

/* Frees the tables if they are empty: with most logins a single object comes and goes. */
static void exports_trim(pb_session *s)
{
    struct pb__exports *e = s->exports;
    if (e->by_luid.len == 0) {
        pb__map_fini(&e->by_luid);
        pb__map_fini(&e->by_object);
        pb__free(e);
        s->exports = NULL;
    }
}

static bool have_tables(pb_session *s)
{
    if (!s->exports) {
        s->exports = pb__calloc(1, sizeof *s->exports);
    }
    return s->exports != NULL;
}

/* Mirrors Broker.registerReference. */
int pb__export_add(pb_session *s, pb_object *o, int64_t *luid, pb_error *err)
{
    if (!have_tables(s)) {
        return pb__error_nomem(err);
    }
    struct pb__exports *e = s->exports;
    struct pb__export *x = export_find(e, o);
    if (!x) {
        bool full = e->by_luid.len + pb__published_count(s) > s->shared->config.max_refs;
        x = full ? NULL : export_add(s, o);
        if (!x) {
            exports_trim(s);
            return full
                       ? pb__export_refuse(s, "Maximum PB reference count exceeded.", err)
                       : pb__error_nomem(err);
        }
    }
    if (x->fresh == 0) {
        x->next_touched = e->touched;
        e->touched = x;
    }
    x->fresh++;
    x->count++;
    *luid = x->luid;
    return 0;
}

void pb__export_commit(pb_session *s)
{
    if (s->exports) {
        for (struct pb__export *x = s->exports->touched; x; x = x->next_touched) {
            x->fresh = 0;
        }
        s->exports->touched = NULL;
    }
}

/* Removes x from the table by objects. If another export has the same key, it takes the
 * free slot, so that no memory is needed. */
static void export_forget(struct pb__exports *e, struct pb__export *x)
{
    uint64_t key = pb__object_key(x->object);
    struct pb__export *first = pb__map_take(&e->by_object, key);
    if (first == x) {
        first = x->like;
    } else {
        struct pb__export *before = first;
        while (before->like != x) {
            before = before->like;
        }
        before->like = x->like;
    }
    if (first) {
        pb__map_set(&e->by_object, key, first);
    }
}

static void export_drop(pb_session *s, struct pb__export *x)
{
    pb__map_take(&s->exports->by_luid, (uint64_t)x->luid);
    export_forget(s->exports, x);
    exports_trim(s);
    struct pb__export was = *x;
    pb__free(x);
    if (was.cleanup) {
        was.cleanup(was.cleanup_data);
    }
    pb_object_unref(was.object);
}

void pb__export_set_cleanup(pb_session *s, const pb_object *o,
                            void (*cleanup)(void *user_data), void *user_data)
{
    struct pb__export *x = s->exports ? export_find(s->exports, o) : NULL;
    if (x) {
        x->cleanup = cleanup;
        x->cleanup_data = user_data;
    }
}

void pb__export_undo(pb_session *s)
{
    while (s->exports && s->exports->touched) {
        struct pb__export *x = s->exports->touched;
        s->exports->touched = x->next_touched;
        x->count -= x->fresh;
        x->fresh = 0;
        if (x->count == 0) {
            export_drop(s, x);
        }
    }
}

static struct pb__export *export_at(const pb_session *s, int64_t luid)
{
    return s->exports ? pb__map_get(&s->exports->by_luid, (uint64_t)luid) : NULL;
}

bool pb__export_drop(pb_session *s, int64_t luid)
{
    struct pb__export *x = export_at(s, luid);
    if (x && --x->count == 0) {
        export_drop(s, x);
    }
    return x != NULL;
}

pb_object *pb__export_find(const pb_session *s, int64_t luid)
{
    const struct pb__export *x = export_at(s, luid);
    return x ? x->object : NULL;
}

void pb__export_fini(pb_session *s)
{
    struct pb__exports *e = s->exports;
    s->exports = NULL;
    if (!e) {
        return;
    }
    pb__map_fini(&e->by_object);
    size_t pos = 0;
    uint64_t luid;
    void *value;
    while (pb__map_next(&e->by_luid, &pos, &luid, &value)) {
        struct pb__export *x = value;
        pb_object_unref(x->object);
        pb__free(x);
    }
    pb__map_fini(&e->by_luid);
    pb__free(e);
}
