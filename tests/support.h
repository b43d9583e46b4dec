/* SPDX-License-Identifier: MIT
 *
 * What every test shares. support.c stands in for libpb/base/mem.c: it counts the blocks
 * that are allocated, because LeakSanitizer does not see leaks inside a Criterion test,
 * and it fails when told to. Each Criterion test runs in a process of its own, so each
 * starts with nothing allocated and no failure ordered. */
#ifndef PB__TEST_SUPPORT_H
#define PB__TEST_SUPPORT_H

#include <criterion/criterion.h>
#include <stdbool.h>

/* A Criterion Test that fails where its body leaves something allocated. (Criterion takes
 * no failure from the fini of a suite.) */
#define PB_TEST(suite, name)                                                  \
    static void suite##_##name(void);                                         \
    Test(suite, name)                                                         \
    {                                                                         \
        suite##_##name();                                                     \
        cr_assert_eq(pb__test_live(), 0, "%ld blocks left", pb__test_live()); \
    }                                                                         \
    static void suite##_##name(void)

/* Lets the n-th allocation from now fail (1 is the next): once, or from then on. 0
 * switches failing off. */
void pb__test_fail_at(long n, bool forever);
/* Whether an allocation was made to fail since the last pb__test_fail_at. */
bool pb__test_failed(void);
/* The number of blocks that are allocated now. */
long pb__test_live(void);
/* Bytes, counted since the last pb__test_count_bytes: the most that were allocated at
 * once, and all that were asked for. Both say how much memory, and how much work with
 * memory, an input costs. What was allocated before does not count. */
void pb__test_count_bytes(void);
size_t pb__test_peak_bytes(void);
size_t pb__test_taken_bytes(void);
/* How often the library gave memory back to the system. */
long pb__test_trims(void);
/* Calls run with the first, second, third, ... allocation failing, once and from then on,
 * until it gets through without a failure. run gives back all it took, and returns 0 for
 * success or a PB_ERR_ code. Fails the test where run leaves something allocated, returns
 * an error other than PB_ERR_NOMEM, or any error though no allocation failed. */
void pb__test_each_failure(int (*run)(void *user_data), void *user_data);

#endif
