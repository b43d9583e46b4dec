/* SPDX-License-Identifier: MIT
 *
 * Spare blocks: blocks of one size that were freed and are kept for reuse, for objects of
 * which one comes and goes with each message. */
#ifndef PB__SPARES_H
#define PB__SPARES_H

#include "libpb/base/mem.h"

/* Blocks that are kept at most. A build with PB_DEBUG keeps none, so that
 * AddressSanitizer sees every use after free. */
#ifdef PB_DEBUG
#define PB__SPARES_MOST 0
#else
#define PB__SPARES_MOST 128
#endif

struct pb__spare {
    struct pb__spare *next;
};

/* Zeroed memory has no spare block. */
struct pb__spares {
    struct pb__spare *first;
    int count;
};

/* A block of `size` bytes, always the same for these spares and that of a pointer at
 * least; NULL if memory is exhausted. Give it back with pb__spares_give or pb__free. */
static inline void *pb__spares_take(struct pb__spares *s, size_t size)
{
    struct pb__spare *spare = s->first;
    if (!spare) {
        return pb__malloc(size);
    }
    s->first = spare->next;
    s->count--;
    return spare;
}

/* Frees a block, or keeps it. NULL is allowed. */
static inline void pb__spares_give(struct pb__spares *s, void *block)
{
    struct pb__spare *spare = block;
    if (!spare || s->count >= PB__SPARES_MOST) {
        pb__free(block);
        return;
    }
    spare->next = s->first;
    s->first = spare;
    s->count++;
}

/* Frees the blocks that are kept. */
static inline void pb__spares_fini(struct pb__spares *s)
{
    while (s->first) {
        pb__free(pb__spares_take(s, 0));
    }
}

#endif
