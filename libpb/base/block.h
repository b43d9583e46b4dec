/* SPDX-License-Identifier: MIT
 *
 * Blocks: memory for things that are too large for a slab, from the same pool. What the
 * allocator would give back to the system between two messages, to be faulted in again
 * page by page, a pool keeps for the next one, up to its block_keep bytes. */
#ifndef PB__BLOCK_H
#define PB__BLOCK_H

#include "libpb/base/slab.h"

#define PB__BLOCK_MAX ((size_t)1 << 20)    /* larger ones are not kept */
#define PB__BLOCKS_KEPT ((size_t)16 << 20) /* bytes */

/* `size` bytes aligned as by malloc; NULL for lack of memory. */
void *pb__block_take(struct pb__slab_pool *p, size_t size);
/* Gives one back. */
void pb__block_give(void *thing);

/* Frees all that the pool keeps. */
void pb__blocks_trim(struct pb__slab_pool *p);

#endif
