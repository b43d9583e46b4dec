/* SPDX-License-Identifier: MIT
 *
 * Slabs: memory for small things that are made together and mostly die together, such as
 * the values of a message. Taking is the bump of a pointer; giving back counts the slab
 * down, and an empty slab goes back to its pool. A single thing that is kept pins its
 * slab only (PB__SLAB_SIZE bytes), never the whole message. */
#ifndef PB__SLAB_H
#define PB__SLAB_H

#include <assert.h>
#include <stdalign.h>
#include <stdint.h>

#include "libpb/base/mem.h"

#define PB__SLAB_SIZE ((size_t)16384) /* and the alignment of a slab */
#define PB__SLAB_MAX ((size_t)2048)   /* the largest thing that goes into a slab */

struct pb__slab_pool;

/* Things follow it, which are aligned to 8 bytes. */
struct pb__slab {
    alignas(8) struct pb__slab_pool *pool;
    struct pb__slab *next; /* in the pool's list of empty ones */
    size_t live;           /* things in it, and one more while the pool fills it */
};

#define PB__BLOCK_CLASSES 37 /* see block.h */
struct pb__block;

/* A pool is counted by its owners and by each slab and block that is out, so values may
 * outlive the reader that made them. */
struct pb__slab_pool {
    uint8_t *at, *end; /* the free part of the slab that is being filled */
    size_t taken;      /* things taken from it that its `live` does not count yet */
    struct pb__slab *filling;
    struct pb__slab *empty; /* kept for reuse */
    size_t empty_count;
    size_t out; /* slabs that are being filled or have live things, and blocks in use */
    size_t owners;
    struct pb__block *blocks[PB__BLOCK_CLASSES]; /* kept for reuse, by class */
    size_t block_bytes;                          /* of those */
    size_t block_keep; /* what block_bytes may grow to: PB__BLOCKS_KEPT unless set */
};

/* A pool without slabs yet, and one owner; NULL for lack of memory. */
struct pb__slab_pool *pb__slab_pool_new(void);
struct pb__slab_pool *pb__slab_pool_ref(struct pb__slab_pool *p);
/* Ends one owner's use; things that live on keep their slabs. NULL is allowed. */
void pb__slab_pool_unref(struct pb__slab_pool *p);
/* Gives back the memory that is kept for reuse. */
void pb__slab_pool_trim(struct pb__slab_pool *p);

void *pb__slab_take_slow(struct pb__slab_pool *p, size_t size);
void pb__slab_empty(struct pb__slab *s);
/* A slab or block is no longer out; frees the pool when it was the last, and nobody owns
 * it. */
void pb__slab_pool_back(struct pb__slab_pool *p);

/* `size` bytes (at most PB__SLAB_MAX) aligned for pointers; NULL for lack of memory. */
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

/* Gives a thing back. */
static inline void pb__slab_give(void *thing)
{
    struct pb__slab *s =
        (struct pb__slab *)((uintptr_t)thing & ~((uintptr_t)PB__SLAB_SIZE - 1));
    if (--s->live == 0) {
        pb__slab_empty(s);
    }
}

#endif
