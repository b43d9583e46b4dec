/* SPDX-License-Identifier: MIT
 *
 * The one door to the allocator. Tests replace mem.c by one that counts, and that fails
 * when told to. */
#ifndef PB__MEM_H
#define PB__MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "libpb/base/export.h"

/* As malloc, calloc, realloc and free. Sizes of 0 are allowed and give a block. */
PB__SHARED void *pb__malloc(size_t size);
PB__SHARED void *pb__calloc(size_t count, size_t size);
PB__SHARED void *pb__realloc(void *p, size_t size);
/* A block whose address is a multiple of `align`, a power of two; freed by pb__free. */
void *pb__malloc_aligned(size_t align, size_t size);
PB__SHARED void pb__free(void *p);

/* *out = a + b, a * b; false where that overflows. */
static inline bool pb__add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool pb__mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

#endif
