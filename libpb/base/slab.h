/* SPDX-License-Identifier: MIT
 *
 * Slabs: memory for small objects that are allocated together and mostly freed together,
 * such as the values of a message. Allocating only moves a pointer. Freeing decrements
 * the count of the slab; an empty slab returns to its pool. An object that is held for
 * long keeps only its slab (PB__SLAB_SIZE bytes) in use, not the complete message. */
#ifndef PB__SLAB_H
#define PB__SLAB_H

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>

#include "libpb/base/mem.h"

#define PB__SLAB_SIZE ((size_t)16384) /* also the alignment of a slab */
#define PB__SLAB_MAX ((size_t)2048)   /* the largest object in a slab */

struct pb__slab_pool;

/* The objects follow this header, aligned to 8 bytes. */
struct pb__slab {
    alignas(8) struct pb__slab_pool *pool;
    struct pb__slab *next; /* in the pool's list of empty slabs */
    size_t live;           /* objects in it, plus one while the pool fills it */
};

#define PB__BLOCK_CLASSES 37 /* see block.h */
struct pb__block;

/* A pool is counted by its owners and by each slab and block in use, so values may live
 * longer than the reader that made them. */
struct pb__slab_pool {
    uint8_t *at, *end; /* the free part of the slab that is being filled */
    size_t taken;      /* objects allocated from it that its `live` does not count yet */
    struct pb__slab *filling;
    struct pb__slab *empty; /* empty slabs for reuse */
    size_t empty_count;
    size_t out; /* slabs that are being filled or have live objects, and blocks in use */
    size_t owners;
    struct pb__block *blocks[PB__BLOCK_CLASSES]; /* free blocks for reuse, by class */
    size_t block_bytes;                          /* total bytes of these blocks */
    size_t block_keep; /* limit of block_bytes: PB__BLOCKS_KEPT unless set */
    /* The budget of the current message: bytes of slabs and blocks that were allocated
     * since it began, bytes that were charged for other memory, and the limit of their
     * sum. */
    size_t used, charged, most;
    bool over; /* an allocation was refused because of the limit */
};

/* Begins a new budget. Earlier allocations do not count. */
static inline void pb__budget_begin(struct pb__slab_pool *p)
{
    p->used = p->charged = 0;
    p->over = false;
}

/* Returns whether `size` more bytes are within the budget. */
static inline bool pb__budget_allows(struct pb__slab_pool *p, size_t size)
{
    bool allows = size <= p->most && p->used + p->charged <= p->most - size;
    p->over |= !allows;
    return allows;
}

/* Counts memory that is not the pool's own. p may be NULL. Returns false beyond the
 * limit. */
static inline bool pb__budget_charge(struct pb__slab_pool *p, size_t size)
{
    if (p && !pb__budget_allows(p, size)) {
        return false;
    }
    if (p) {
        p->charged += size;
    }
    return true;
}

/* A slab or a block of the pool was freed. It may be of an earlier budget. */
static inline void pb__budget_return(struct pb__slab_pool *p, size_t size)
{
    p->used -= size < p->used ? size : p->used;
}

/* A pool without slabs, with one owner; NULL if memory is exhausted. */
struct pb__slab_pool *pb__slab_pool_new(void);
struct pb__slab_pool *pb__slab_pool_ref(struct pb__slab_pool *p);
/* Removes an owner. Objects that are still in use keep their slabs. NULL is allowed. */
void pb__slab_pool_unref(struct pb__slab_pool *p);
/* Frees the memory that the pool keeps for reuse. */
void pb__slab_pool_trim(struct pb__slab_pool *p);

void *pb__slab_take_slow(struct pb__slab_pool *p, size_t size);
void pb__slab_empty(struct pb__slab *s);
/* Reports that a slab or block is no longer in use. Frees the pool if it was the last one
 * and the pool has no owner. */
void pb__slab_pool_back(struct pb__slab_pool *p);

/* Allocates `size` bytes (at most PB__SLAB_MAX), aligned for pointers; NULL if memory is
 * exhausted. */
static inline void *pb__slab_take(struct pb__slab_pool *p, size_t size)
{
    size = (size + 7) & ~(size_t)7;
    assert(size <= PB__SLAB_MAX);
    if (size <= (size_t)(p->end - p->at)) {
        void *thing = p->at;
        p->at += size;
        p->taken++;
        return thing;
    }
    return pb__slab_take_slow(p, size);
}

/* Frees an object. */
static inline void pb__slab_give(void *thing)
{
    struct pb__slab *s =
        (struct pb__slab *)((uintptr_t)thing & ~((uintptr_t)PB__SLAB_SIZE - 1));
    if (--s->live == 0) {
        pb__slab_empty(s);
    }
}

#endif
