/* SPDX-License-Identifier: MIT
 *
 * How slabs are filled, freed and reused. While the pool fills a slab, `live` of the slab
 * begins at a number so large that it cannot be counted down to zero. When the pool is
 * done with the slab, it sets `live` to the true number. */
#include "libpb/base/slab.h"

#include "libpb/base/block.h"

#define FILLING (SIZE_MAX / 2)
#define EMPTY_KEPT 16 /* empty slabs that a pool keeps for the next message: 256 KiB */

struct pb__slab_pool *pb__slab_pool_new(void)
{
    struct pb__slab_pool *p = pb__calloc(1, sizeof *p);
    if (p) {
        p->owners = 1;
        p->block_keep = PB__BLOCKS_KEPT;
        p->most = SIZE_MAX;
    }
    return p;
}

static void drop_slab(struct pb__slab_pool *p, struct pb__slab *s)
{
    if (p->owners != 0 && p->empty_count < EMPTY_KEPT) {
        s->next = p->empty;
        p->empty = s;
        p->empty_count++;
    } else {
        pb__free(s);
    }
}

void pb__slab_pool_back(struct pb__slab_pool *p)
{
    if (--p->out == 0 && p->owners == 0) {
        pb__free(p);
    }
}

void pb__slab_empty(struct pb__slab *s)
{
    struct pb__slab_pool *p = s->pool;
    pb__budget_return(p, PB__SLAB_SIZE);
    drop_slab(p, s);
    pb__slab_pool_back(p);
}

/* Stops filling the current slab. */
static void slab_leave(struct pb__slab_pool *p)
{
    struct pb__slab *s = p->filling;
    if (!s) {
        return;
    }
    s->live -= FILLING - p->taken;
    p->filling = NULL;
    p->at = p->end = NULL;
    p->taken = 0;
    if (s->live == 0) {
        pb__budget_return(p, PB__SLAB_SIZE);
        drop_slab(p, s);
        p->out--;
    }
}

void *pb__slab_take_slow(struct pb__slab_pool *p, size_t size)
{
    slab_leave(p);
    if (!pb__budget_allows(p, PB__SLAB_SIZE)) {
        return NULL;
    }
    struct pb__slab *s = p->empty;
    if (s) {
        p->empty = s->next;
        p->empty_count--;
    } else {
        s = pb__malloc_aligned(PB__SLAB_SIZE, PB__SLAB_SIZE);
        if (!s) {
            return NULL;
        }
    }
    *s = (struct pb__slab){.pool = p, .live = FILLING};
    p->out++;
    p->used += PB__SLAB_SIZE;
    p->filling = s;
    p->at = (uint8_t *)(s + 1);
    p->end = (uint8_t *)s + PB__SLAB_SIZE;
    return pb__slab_take(p, size);
}

void pb__slab_pool_trim(struct pb__slab_pool *p)
{
    slab_leave(p);
    while (p->empty) {
        struct pb__slab *s = p->empty;
        p->empty = s->next;
        pb__free(s);
    }
    p->empty_count = 0;
    pb__blocks_trim(p);
}

struct pb__slab_pool *pb__slab_pool_ref(struct pb__slab_pool *p)
{
    p->owners++;
    return p;
}

void pb__slab_pool_unref(struct pb__slab_pool *p)
{
    if (!p || p->owners > 1) {
        if (p) {
            p->owners--;
        }
        return;
    }
    pb__slab_pool_trim(p);
    p->owners = 0;
    if (p->out == 0) {
        pb__free(p);
    }
}
