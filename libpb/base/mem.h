/* SPDX-License-Identifier: MIT
 *
 * The only functions of the library that allocate memory. Tests replace mem.c by a
 * version that counts allocations and makes them fail on request. */
#ifndef PB__MEM_H
#define PB__MEM_H

#include <stdbool.h>
#include <stddef.h>

#include "libpb/base/export.h"

/* As malloc, calloc, realloc and free, but a size of 0 is allowed, and returns a
 * block. */
PB__SHARED void *pb__malloc(size_t size);
PB__SHARED void *pb__calloc(size_t count, size_t size);
PB__SHARED void *pb__realloc(void *p, size_t size);
/* Allocates a block whose address is a multiple of `align`, a power of two. Free it with
 * pb__free. */
void *pb__malloc_aligned(size_t align, size_t size);
PB__SHARED void pb__free(void *p);
/* Gives memory that was freed back to the system. Takes some milliseconds. */
void pb__mem_trim(void);

/* *out = a + b and *out = a * b; they return false if the result overflows. */
static inline bool pb__add(size_t a, size_t b, size_t *out)
{
    return !__builtin_add_overflow(a, b, out);
}

static inline bool pb__mul(size_t a, size_t b, size_t *out)
{
    return !__builtin_mul_overflow(a, b, out);
}

#endif
