/* SPDX-License-Identifier: MIT
 *
 * The functions that all tests share. It is linked with failing_mem.c, because
 * LeakSanitizer does not see leaks inside a Criterion test. Each Criterion test runs in a
 * process of its own, so each starts with nothing allocated and no failure ordered. */
#ifndef PB__TEST_SUPPORT_H
#define PB__TEST_SUPPORT_H

#include <criterion/criterion.h>

#include "libpb/base/tests/failing_mem.h"

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

/* Calls run with the first, second, third, ... allocation failing, once and from then on,
 * until it gets through without a failure. run gives back all it took, and returns 0 for
 * success or a PB_ERR_ code. Fails the test where run leaves something allocated, returns
 * an error other than PB_ERR_NOMEM, or any error though no allocation failed. */
void pb__test_each_failure(int (*run)(void *user_data), void *user_data);

#endif
