/* SPDX-License-Identifier: MIT
 *
 * The hash map, compared with a plain table of the same contents. */
#include <criterion/criterion.h>

#include "libpb/base/map.h"
#include "pb/error.h"
#include "tests/support.h"

static int things[4096];

PB_TEST(map, is_empty_without_memory)
{
    struct pb__map m = {0};
    size_t pos = 0;
    uint64_t key;
    void *value;
    cr_assert_null(pb__map_get(&m, 0));
    cr_assert_null(pb__map_take(&m, 0));
    cr_assert_not(pb__map_next(&m, &pos, &key, &value));
    cr_assert_eq(pb__test_live(), 0);
    pb__map_fini(&m);
}

PB_TEST(map, gives_back_what_was_set)
{
    struct pb__map m = {0};
    static const uint64_t keys[] = {0, 1, UINT64_MAX, 1ull << 63, 1ull << 32};
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(pb__map_set(&m, keys[i], &things[i]), 0);
    }
    cr_assert_eq(m.len, 5);
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(pb__map_get(&m, keys[i]), &things[i]);
    }
    cr_assert_null(pb__map_get(&m, 2));
    pb__map_fini(&m);
    cr_assert_eq(m.len, 0);
    cr_assert_null(pb__map_get(&m, 0));
}

PB_TEST(map, replaces_the_value_of_a_key)
{
    struct pb__map m = {0};
    cr_assert_eq(pb__map_set(&m, 7, &things[0]), 0);
    cr_assert_eq(pb__map_set(&m, 7, &things[1]), 0);
    cr_assert_eq(m.len, 1);
    cr_assert_eq(pb__map_get(&m, 7), &things[1]);
    pb__map_fini(&m);
}

PB_TEST(map, takes_a_key_once)
{
    struct pb__map m = {0};
    cr_assert_eq(pb__map_set(&m, 7, &things[0]), 0);
    cr_assert_null(pb__map_take(&m, 8));
    cr_assert_eq(pb__map_take(&m, 7), &things[0]);
    cr_assert_null(pb__map_take(&m, 7));
    cr_assert_null(pb__map_get(&m, 7));
    cr_assert_eq(m.len, 0);
    pb__map_fini(&m);
}

static void check_walk(const struct pb__map *m, void *const *table, size_t count)
{
    size_t pos = 0, seen = 0;
    uint64_t key;
    void *value;
    while (pb__map_next(m, &pos, &key, &value)) {
        cr_assert_lt(key, count);
        cr_assert_eq(value, table[key]);
        seen++;
    }
    cr_assert_eq(seen, m->len);
}

/* Sets and takes at random among few keys, so that runs of slots grow together, wrap
 * round the end, and are taken apart in their middle. */
PB_TEST(map, agrees_with_a_table)
{
    enum { KEYS = 300 };
    void *table[KEYS] = {0};
    struct pb__map m = {0};
    size_t len = 0;
    uint32_t random = 1;
    for (int round = 0; round < 100000; round++) {
        random = random * 1664525u + 1013904223u;
        uint64_t key = (random >> 8) % KEYS;
        if (random >> 31) {
            len += table[key] == NULL;
            table[key] = &things[round % 4096];
            cr_assert_eq(pb__map_set(&m, key, table[key]), 0);
        } else {
            len -= table[key] != NULL;
            cr_assert_eq(pb__map_take(&m, key), table[key]);
            table[key] = NULL;
        }
        cr_assert_eq(m.len, len);
        key = (random >> 12) % KEYS;
        cr_assert_eq(pb__map_get(&m, key), table[key]);
    }
    check_walk(&m, table, KEYS);
    for (uint64_t key = 0; key < KEYS; key++) {
        cr_assert_eq(pb__map_get(&m, key), table[key]);
    }
    pb__map_fini(&m);
}

PB_TEST(map, holds_addresses)
{
    struct pb__map m = {0};
    for (size_t i = 0; i < 4096; i++) {
        cr_assert_eq(pb__map_set(&m, (uintptr_t)&things[i], &things[i]), 0);
    }
    cr_assert_leq(m.len * 4, (m.mask + 1) * 3, "no slot left free to end a search");
    for (size_t i = 0; i < 4096; i++) {
        cr_assert_eq(pb__map_take(&m, (uintptr_t)&things[i]), &things[i]);
    }
    cr_assert_eq(m.len, 0);
    pb__map_fini(&m);
}

PB_TEST(map, takes_without_memory)
{
    struct pb__map m = {0};
    for (size_t i = 0; i < 100; i++) {
        cr_assert_eq(pb__map_set(&m, i, &things[i]), 0);
    }
    pb__test_fail_at(1, true);
    for (size_t i = 0; i < 100; i++) {
        cr_assert_eq(pb__map_take(&m, i), &things[i]);
    }
    cr_assert_not(pb__test_failed());
    pb__map_fini(&m);
}

PB_TEST(map, stays_as_it_was_without_memory)
{
    struct pb__map m = {0};
    pb__test_fail_at(1, true);
    cr_assert_eq(pb__map_set(&m, 0, &things[0]), PB_ERR_NOMEM);
    pb__test_fail_at(0, false);

    size_t held = 0;
    pb__test_fail_at(3, true);
    while (pb__map_set(&m, held, &things[held]) == 0) {
        held++;
    }
    cr_assert(pb__test_failed());
    cr_assert_eq(m.len, held);
    for (size_t i = 0; i < held; i++) {
        cr_assert_eq(pb__map_get(&m, i), &things[i]);
    }
    cr_assert_null(pb__map_get(&m, held));
    pb__map_fini(&m);
}

static int fill(void *user_data)
{
    (void)user_data;
    struct pb__map m = {0};
    int e = 0;
    for (size_t i = 0; e == 0 && i < 1000; i++) {
        e = pb__map_set(&m, i, &things[i]);
    }
    pb__map_fini(&m);
    return e;
}

PB_TEST(map, leaks_nothing_at_any_failure)
{
    pb__test_each_failure(fill, NULL);
}
