/* SPDX-License-Identifier: MIT
 *
 * The references and caches that the application holds: one entry for each receipt, so
 * that each can be released where the capture shows that it was. */
#include "libpb/broker/remote.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/remote_copy.h"
#include "tools/replay/engine/player.h"
#include "tools/common/traversal.h"

static size_t held_count(const struct player *p)
{
    return p->held.len / sizeof(pb_value *);
}

static pb_value **held_at(const struct player *p, size_t i)
{
    return (pb_value **)(void *)p->held.data + i;
}

static int held_keep(pb_value *v, void *ctx)
{
    struct player *p = ctx;
    if (!pb_as_remote(v) && !pb__is_remote_cache(v)) {
        return 0;
    }
    int e = pb__buf_append(&p->held, &v, sizeof v);
    if (e == 0) {
        pb_value_ref(v);
    }
    return e;
}

void held_add(struct player *p, pb_value *v)
{
    if (v && traverse_value(v, held_keep, p) != 0) {
        player_fail(p, p->check->line, "out of memory");
    }
}

static int64_t held_luid(const pb_value *v)
{
    const pb_object *o = pb_as_object(v);
    return o ? ((const struct pb__copy *)o)->luid : pb_remote_luid(pb_as_remote(v));
}

/* The index of the one that was received first; held_count(p) if there is none. */
static size_t held_index(const struct player *p, int64_t luid, bool cache)
{
    size_t i = 0;
    while (i < held_count(p) && !(pb__is_remote_cache(*held_at(p, i)) == cache &&
                                  held_luid(*held_at(p, i)) == luid)) {
        i++;
    }
    return i;
}

pb_value *held_find(struct player *p, int64_t luid, bool cache)
{
    size_t i = held_index(p, luid, cache);
    return i < held_count(p) ? *held_at(p, i) : NULL;
}

pb_remote *held_remote(struct player *p, int64_t luid)
{
    pb_remote *r = pb_as_remote(held_find(p, luid, false));
    if (!r && !pb_session_is_closed(p->session) &&
        pb__remote_receive(p->session, luid, &r, NULL) == 0 &&
        pb__buf_append(&p->held, &r, sizeof r) != 0) {
        pb_remote_unref(r);
        r = NULL;
    }
    return r;
}

void held_release(struct player *p, int64_t luid, bool cache)
{
    size_t i = held_index(p, luid, cache);
    if (i == held_count(p)) {
        return;
    }
    pb_value *v = *held_at(p, i);
    memmove(held_at(p, i), held_at(p, i + 1), (held_count(p) - i - 1) * sizeof v);
    p->held.len -= sizeof v;
    pb_value_unref(v);
}

void held_fini(struct player *p)
{
    for (size_t i = 0; i < held_count(p); i++) {
        pb_value_unref(*held_at(p, i));
    }
    pb__buf_fini(&p->held);
}
