/* SPDX-License-Identifier: MIT
 *
 * The default allocator: that of the C library. */
#include "libpb/base/mem.h"

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "pb/error.h"

void *pb__malloc(size_t size)
{
    return malloc(size ? size : 1);
}

void *pb__calloc(size_t count, size_t size)
{
    return calloc(count ? count : 1, size ? size : 1);
}

void *pb__realloc(void *p, size_t size)
{
    return realloc(p, size ? size : 1);
}

void *pb__malloc_aligned(size_t align, size_t size)
{
    void *p = NULL;
    return posix_memalign(&p, align, size ? size : 1) == 0 ? p : NULL;
}

void pb__free(void *p)
{
    free(p);
}

void pb__mem_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
