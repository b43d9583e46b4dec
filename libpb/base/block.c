/* SPDX-License-Identifier: MIT
 *
 * Blocks by size class. Each power of two has four classes, so a block is at most a
 * quarter larger than requested. */
#include "libpb/base/block.h"

#include <stdalign.h>
#include <stddef.h>

struct pb__block {
    alignas(max_align_t) struct pb__slab_pool *pool;
    struct pb__block *next; /* next free block of the same class */
    /* including this header: that of its class, or more than the largest class */
    size_t size;
};

#define SHIFT_LEAST 11 /* 2 KiB */

/* Returns the class for blocks of at least `size` bytes, and in *room the size of its
 * blocks. */
static unsigned block_class(size_t size, size_t *room)
{
    if (size <= (size_t)1 << SHIFT_LEAST) {
        size = (size_t)1 << SHIFT_LEAST;
    }
    unsigned shift = 63 - (unsigned)__builtin_clzll(size);
    size_t step = (size_t)1 << (shift - 2);
    *room = (size + step - 1) & ~(step - 1);
    return (shift - SHIFT_LEAST) * 4 + (unsigned)((*room - ((size_t)1 << shift)) / step);
}

void *pb__block_take(struct pb__slab_pool *p, size_t size)
{
    size_t room;
    if (!pb__add(size, sizeof(struct pb__block), &room)) {
        return NULL;
    }
    struct pb__block *b = NULL;
    struct pb__block **kept = NULL;
    if (room <= PB__BLOCK_MAX) {
        kept = &p->blocks[block_class(room, &room)];
    }
    if (!pb__budget_allows(p, room)) {
        return NULL;
    }
    if (kept) {
        b = *kept;
        if (b) {
            *kept = b->next;
            p->block_bytes -= room;
        }
    }
    if (!b) {
        b = pb__malloc(room);
        if (!b) {
            return NULL;
        }
        b->pool = p;
        b->size = room;
    }
    p->out++;
    p->used += room;
    return b + 1;
}

void pb__block_give(void *thing)
{
    struct pb__block *b = (struct pb__block *)thing - 1;
    struct pb__slab_pool *p = b->pool;
    pb__budget_return(p, b->size);
    if (p->owners != 0 && b->size <= PB__BLOCK_MAX &&
        p->block_bytes + b->size <= p->block_keep) {
        size_t room;
        struct pb__block **kept = &p->blocks[block_class(b->size, &room)];
        b->next = *kept;
        *kept = b;
        p->block_bytes += b->size;
    } else {
        pb__free(b);
    }
    pb__slab_pool_back(p);
}

void pb__blocks_trim(struct pb__slab_pool *p)
{
    for (size_t i = 0; p->block_bytes != 0; i++) {
        while (p->blocks[i]) {
            struct pb__block *b = p->blocks[i];
            p->blocks[i] = b->next;
            p->block_bytes -= b->size;
            pb__free(b);
        }
    }
}
