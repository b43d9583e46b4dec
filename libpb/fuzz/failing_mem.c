/* SPDX-License-Identifier: MIT */
#include "libpb/fuzz/failing_mem.h"

#include <stdlib.h>

#include "libpb/base/mem.h"

static long live;
static unsigned countdown;
static bool fail_forever;

void pb__fuzz_fail_at(unsigned n, bool forever)
{
    countdown = n;
    fail_forever = forever;
}

long pb__fuzz_live(void)
{
    return live;
}

static bool fails(void)
{
    if (countdown == 0) {
        return false;
    }
    if (countdown > 1) {
        countdown--;
        return false;
    }
    countdown = fail_forever;
    return true;
}

static void *counted(void *p)
{
    live += p != NULL;
    return p;
}

void *pb__malloc(size_t size)
{
    return fails() ? NULL : counted(malloc(size ? size : 1));
}

void *pb__calloc(size_t count, size_t size)
{
    return fails() ? NULL : counted(calloc(count ? count : 1, size ? size : 1));
}

void *pb__realloc(void *p, size_t size)
{
    if (!p) {
        return pb__malloc(size);
    }
    return fails() ? NULL : realloc(p, size ? size : 1);
}

void *pb__malloc_aligned(size_t align, size_t size)
{
    void *p = NULL;
    return fails() || posix_memalign(&p, align, size ? size : 1) != 0 ? NULL : counted(p);
}

void pb__free(void *p)
{
    live -= p != NULL;
    free(p);
}

void pb__mem_trim(void)
{
}
