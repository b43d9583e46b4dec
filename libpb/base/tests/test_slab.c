/* SPDX-License-Identifier: MIT
 *
 * Slabs: objects do not overlap, and memory is freed with the last object, in whatever
 * order the pool and the objects end. */
#include <criterion/criterion.h>

#include "libpb/base/slab.h"
#include "pb/error.h"
#include "tests/support.h"

enum { THINGS = 2000 };

static size_t size_of(size_t i)
{
    static const size_t sizes[] = {8, 24, 40, 1, 100, 17, PB__SLAB_MAX};
    return sizes[i % (sizeof sizes / sizeof *sizes)];
}

static void take_all(struct pb__slab_pool *p, uint8_t *things[THINGS])
{
    for (size_t i = 0; i < THINGS; i++) {
        things[i] = pb__slab_take(p, size_of(i));
        cr_assert_not_null(things[i]);
        cr_assert_eq((uintptr_t)things[i] % 8, 0);
        memset(things[i], (int)(i % 251), size_of(i));
    }
}

static void check_all(uint8_t *things[THINGS])
{
    for (size_t i = 0; i < THINGS; i++) {
        for (size_t j = 0; j < size_of(i); j++) {
            cr_assert_eq(things[i][j], i % 251, "byte %zu of thing %zu", j, i);
        }
    }
}

PB_TEST(slab, costs_nothing_before_it_is_used)
{
    struct pb__slab_pool *p = pb__slab_pool_new();
    cr_assert_eq(pb__test_live(), 1);
    pb__slab_pool_trim(p);
    pb__slab_pool_unref(p);
    pb__slab_pool_unref(NULL);
}

PB_TEST(slab, things_do_not_overlap)
{
    static uint8_t *things[THINGS];
    struct pb__slab_pool *p = pb__slab_pool_new();
    take_all(p, things);
    check_all(things);
    for (size_t i = 0; i < THINGS; i++) {
        pb__slab_give(things[i]);
    }
    pb__slab_pool_unref(p);
}

PB_TEST(slab, things_outlive_the_owners)
{
    static uint8_t *things[THINGS];
    struct pb__slab_pool *p = pb__slab_pool_new();
    cr_assert_eq(pb__slab_pool_ref(p), p);
    pb__slab_pool_unref(p);
    take_all(p, things);
    pb__slab_pool_unref(p);
    check_all(things);
    for (size_t i = 0; i < THINGS; i++) {
        cr_assert_gt(pb__test_live(), 0);
        pb__slab_give(things[(i * 7) % THINGS]);
    }
}

PB_TEST(slab, one_thing_pins_its_slab_only)
{
    static uint8_t *things[THINGS];
    struct pb__slab_pool *p = pb__slab_pool_new();
    take_all(p, things);
    for (size_t i = 0; i < THINGS; i++) {
        if (i != THINGS / 2) {
            pb__slab_give(things[i]);
        }
    }
    pb__slab_pool_unref(p);
    cr_assert_eq(pb__test_live(), 2, "%ld blocks, not pool and slab", pb__test_live());
    for (size_t j = 0; j < size_of(THINGS / 2); j++) {
        cr_assert_eq(things[THINGS / 2][j], (THINGS / 2) % 251);
    }
    pb__slab_give(things[THINGS / 2]);
}

PB_TEST(slab, uses_an_empty_slab_again)
{
    struct pb__slab_pool *p = pb__slab_pool_new();
    for (int message = 0; message < 100; message++) {
        void *things[30];
        for (size_t i = 0; i < 30; i++) {
            things[i] = pb__slab_take(p, PB__SLAB_MAX);
            cr_assert_not_null(things[i]);
        }
        for (size_t i = 0; i < 30; i++) {
            pb__slab_give(things[i]);
        }
    }
    cr_assert_leq(pb__test_live(), 1 + 6, "%ld blocks", pb__test_live());
    pb__slab_pool_trim(p);
    cr_assert_eq(pb__test_live(), 1);
    pb__slab_pool_unref(p);
}

PB_TEST(slab, keeps_few_empty_slabs)
{
    static uint8_t *things[THINGS];
    struct pb__slab_pool *p = pb__slab_pool_new();
    take_all(p, things);
    cr_assert_gt(pb__test_live(), 30);
    for (size_t i = 0; i < THINGS; i++) {
        pb__slab_give(things[i]);
    }
    cr_assert_leq(pb__test_live(), 1 + 16 + 1, "%ld blocks", pb__test_live());
    pb__slab_pool_unref(p);
}

PB_TEST(slab, trims_around_what_lives)
{
    struct pb__slab_pool *p = pb__slab_pool_new();
    uint8_t *thing = pb__slab_take(p, 8);
    memset(thing, 0x5a, 8);
    pb__slab_pool_trim(p);
    uint8_t *other = pb__slab_take(p, 8);
    memset(other, 0xa5, 8);
    cr_assert_eq(thing[0], 0x5a);
    pb__slab_give(thing);
    pb__slab_give(other);
    pb__slab_pool_trim(p);
    cr_assert_eq(pb__test_live(), 1);
    pb__slab_pool_unref(p);
}

PB_TEST(slab, goes_on_after_lack_of_memory)
{
    struct pb__slab_pool *p = pb__slab_pool_new();
    void *first = pb__slab_take(p, PB__SLAB_MAX);
    size_t taken = 1;
    pb__test_fail_at(1, true);
    void *things[16];
    while ((things[taken] = pb__slab_take(p, PB__SLAB_MAX)) != NULL) {
        taken++;
    }
    cr_assert_eq(taken, (PB__SLAB_SIZE - sizeof(struct pb__slab)) / PB__SLAB_MAX);
    cr_assert_null(pb__slab_take(p, 8));
    pb__test_fail_at(0, false);
    void *more = pb__slab_take(p, 8);
    cr_assert_not_null(more);
    pb__slab_give(more);
    pb__slab_give(first);
    for (size_t i = 1; i < taken; i++) {
        pb__slab_give(things[i]);
    }
    pb__slab_pool_unref(p);
}

static int take_and_give(void *user_data)
{
    (void)user_data;
    struct pb__slab_pool *p = pb__slab_pool_new();
    if (!p) {
        return PB_ERR_NOMEM;
    }
    void *things[30] = {0};
    int e = 0;
    for (size_t i = 0; e == 0 && i < 30; i++) {
        things[i] = pb__slab_take(p, PB__SLAB_MAX);
        e = things[i] ? 0 : PB_ERR_NOMEM;
    }
    pb__slab_pool_unref(p);
    for (size_t i = 0; i < 30 && things[i]; i++) {
        pb__slab_give(things[i]);
    }
    return e;
}

PB_TEST(slab, leaks_nothing_at_any_failure)
{
    pb__test_each_failure(take_and_give, NULL);
}
