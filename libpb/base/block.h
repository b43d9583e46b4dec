/* SPDX-License-Identifier: MIT
 *
 * Blocks: memory for objects that are too large for a slab, from the same pool. A pool
 * reuses freed blocks, up to its block_keep bytes, because the allocator would return
 * such memory to the system between two messages, and each page would cause a fault
 * again. */
#ifndef PB__BLOCK_H
#define PB__BLOCK_H

#include "libpb/base/slab.h"

#define PB__BLOCK_MAX ((size_t)1 << 20)    /* larger blocks are not reused */
#define PB__BLOCKS_KEPT ((size_t)16 << 20) /* bytes */

/* Allocates `size` bytes, aligned as by malloc; NULL if memory is exhausted. */
void *pb__block_take(struct pb__slab_pool *p, size_t size);
/* Frees a block. */
void pb__block_give(void *thing);

/* Frees all blocks that the pool keeps for reuse. */
void pb__blocks_trim(struct pb__slab_pool *p);

#endif
