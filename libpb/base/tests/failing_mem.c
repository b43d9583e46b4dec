/* SPDX-License-Identifier: MIT
 *
 * The allocator of tests and fuzz targets, in place of libpb/base/mem.c. Its numbers are
 * atomic, for a test may have its peer in a thread. */
#include "libpb/base/tests/failing_mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "libpb/base/mem.h"

static atomic_long live, trims;
static atomic_long live_bytes, peak_bytes, taken_bytes;
static atomic_long countdown; /* allocations until the one that fails; 0: none does */
static atomic_bool fail_forever;
static atomic_bool failed;

void pb__test_fail_at(long n, bool forever)
{
    failed = false;
    fail_forever = forever;
    countdown = n;
}

bool pb__test_failed(void)
{
    return failed;
}

long pb__test_live(void)
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
    if (!fail_forever) {
        countdown = 0;
    }
    failed = true;
    return true;
}

static void bytes_add(size_t n)
{
    taken_bytes += (long)n;
    long now = atomic_fetch_add(&live_bytes, (long)n) + (long)n;
    long most = peak_bytes;
    while (now > most && !atomic_compare_exchange_weak(&peak_bytes, &most, now)) {
    }
}

static void *counted(void *p)
{
    if (p) {
        live++;
        bytes_add(malloc_usable_size(p));
    }
    return p;
}

void pb__test_count_bytes(void)
{
    live_bytes = peak_bytes = taken_bytes = 0;
}

size_t pb__test_peak_bytes(void)
{
    return (size_t)peak_bytes;
}

size_t pb__test_taken_bytes(void)
{
    return (size_t)taken_bytes;
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
    if (fails()) {
        return NULL;
    }
    size_t before = malloc_usable_size(p);
    void *moved = realloc(p, size ? size : 1);
    if (moved) {
        live_bytes -= (long)before;
        bytes_add(malloc_usable_size(moved));
    }
    return moved;
}

void *pb__malloc_aligned(size_t align, size_t size)
{
    void *p = NULL;
    if (fails() || posix_memalign(&p, align, size ? size : 1) != 0) {
        return NULL;
    }
    return counted(p);
}

void pb__free(void *p)
{
    if (p) {
        live--;
        live_bytes -= (long)malloc_usable_size(p);
    }
    free(p);
}

void pb__mem_trim(void)
{
    trims++;
}

long pb__test_trims(void)
{
    return trims;
}
