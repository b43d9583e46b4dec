/* SPDX-License-Identifier: MIT
 *
 * Blocks: they have the requested size, are reused after they were freed, up to a bound,
 * and are freed with their pool. */
#include <criterion/criterion.h>
#include <string.h>

#include "libpb/base/block.h"
#include "tests/support.h"

PB_TEST(block, has_room_for_what_was_asked)
{
    struct pb__slab_pool *p = pb__slab_pool_new();
    for (size_t size = 1; size <= 3 * PB__BLOCK_MAX; size += size / 7 + 1) {
        uint8_t *a = pb__block_take(p, size);
        uint8_t *b = pb__block_take(p, size);
        memset(a, 1, size);
        memset(b, 2, size);
        cr_assert(a[0] == 1 && a[size - 1] == 1, "%zu bytes", size);
        cr_assert_eq((uintptr_t)a % 16, 0);
        pb__block_give(a);
        pb__block_give(b);
    }
    pb__slab_pool_unref(p);
}

PB_TEST(block, is_used_again)
{
    struct pb__slab_pool *p = pb__slab_pool_new();
    for (size_t size = 1; size + 64 <= PB__BLOCK_MAX; size += size / 7 + 1) {
        void *first = pb__block_take(p, size);
        pb__block_give(first);
        long live = pb__test_live();
        void *again = pb__block_take(p, size);
        cr_assert_eq(again, first, "%zu bytes", size);
        cr_assert_eq(pb__test_live(), live);
        pb__block_give(again);
    }
    pb__slab_pool_unref(p);
}

PB_TEST(block, is_kept_up_to_a_bound)
{
    struct pb__slab_pool *p = pb__slab_pool_new();
    p->block_keep = 1000000;
    void *blocks[20];
    for (size_t i = 0; i < 20; i++) {
        blocks[i] = pb__block_take(p, 100000);
    }
    for (size_t i = 0; i < 20; i++) {
        pb__block_give(blocks[i]);
    }
    cr_assert_leq(p->block_bytes, p->block_keep);
    cr_assert_geq(p->block_bytes, p->block_keep * 3 / 4);
    pb__slab_pool_trim(p);
    cr_assert_eq(p->block_bytes, 0);
    cr_assert_eq(pb__test_live(), 1, "the pool alone is left");
    pb__slab_pool_unref(p);
}

PB_TEST(block, is_not_kept_when_it_is_very_large)
{
    struct pb__slab_pool *p = pb__slab_pool_new();
    pb__block_give(pb__block_take(p, PB__BLOCK_MAX));
    cr_assert_eq(p->block_bytes, 0);
    pb__slab_pool_unref(p);
}

PB_TEST(block, outlives_its_pool)
{
    struct pb__slab_pool *p = pb__slab_pool_new();
    uint8_t *a = pb__block_take(p, 5000);
    uint8_t *b = pb__block_take(p, 5000);
    pb__slab_pool_unref(p);
    memset(a, 1, 5000);
    pb__block_give(a);
    memset(b, 1, 5000);
    pb__block_give(b);
}

PB_TEST(block, fails_for_lack_of_memory)
{
    struct pb__slab_pool *p = pb__slab_pool_new();
    pb__test_fail_at(1, false);
    cr_assert_null(pb__block_take(p, 5000));
    pb__test_fail_at(0, false);
    cr_assert_null(pb__block_take(p, SIZE_MAX - 8));
    pb__slab_pool_unref(p);
}
