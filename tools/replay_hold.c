/* SPDX-License-Identifier: MIT
 *
 * What the application holds of what came: each reference and each cache on its own, so
 * that one can be given back when the capture shows that it was. */
#include "libpb/broker/copies.h"
#include "tools/replay_play.h"
#include "tools/walk.h"

static size_t count(const struct play *p)
{
    return p->held.len / sizeof(pb_value *);
}

static pb_value **at(const struct play *p, size_t i)
{
    return (pb_value **)(void *)p->held.data + i;
}

static int keep(pb_value *v, void *ctx)
{
    struct play *p = ctx;
    if (!pb_as_remote(v) && !pb__is_cache(v)) {
        return 0;
    }
    int e = pb__buf_append(&p->held, &v, sizeof v);
    if (e == 0) {
        pb_value_ref(v);
    }
    return e;
}

void hold(struct play *p, pb_value *v)
{
    if (v && walk_value(v, keep, p) != 0) {
        play_fail(p, p->r->line, "out of memory");
    }
}

static int64_t luid_of(const pb_value *v)
{
    const pb_object *o = pb_as_object(v);
    return o ? ((const struct pb__copy *)o)->luid : pb_remote_luid(pb_as_remote(v));
}

/* Where the oldest is; count(p): nowhere. */
static size_t find(const struct play *p, int64_t luid, bool cache)
{
    size_t i = 0;
    while (i < count(p) &&
           !(pb__is_cache(*at(p, i)) == cache && luid_of(*at(p, i)) == luid)) {
        i++;
    }
    return i;
}

pb_value *hold_find(struct play *p, int64_t luid, bool cache)
{
    size_t i = find(p, luid, cache);
    return i < count(p) ? *at(p, i) : NULL;
}

pb_remote *hold_remote(struct play *p, int64_t luid)
{
    pb_value *v = hold_find(p, luid, false);
    if (!v) {
        v = (pb_value *)pb__remote_new(p->session, luid);
        if (v && pb__buf_append(&p->held, &v, sizeof v) != 0) {
            pb_value_unref(v);
            v = NULL;
        }
    }
    return v ? pb_as_remote(v) : NULL;
}

bool hold_drop(struct play *p, int64_t luid, bool cache)
{
    size_t i = find(p, luid, cache);
    if (i == count(p)) {
        return false;
    }
    pb_value *v = *at(p, i);
    memmove(at(p, i), at(p, i + 1), (count(p) - i - 1) * sizeof v);
    p->held.len -= sizeof v;
    pb_value_unref(v);
    return true;
}

void hold_fini(struct play *p)
{
    for (size_t i = 0; i < count(p); i++) {
        pb_value_unref(*at(p, i));
    }
    pb__buf_fini(&p->held);
}
