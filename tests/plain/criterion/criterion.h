/* SPDX-License-Identifier: MIT
 *
 * As much of Criterion as the tests of threads use, in one process: ThreadSanitizer cannot
 * run under Criterion's own. */
#ifndef PLAIN_CRITERION_H
#define PLAIN_CRITERION_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plain_test(void (*test)(void));

#define Test(suite, name)                                                 \
    static void suite##_##name##_test(void);                              \
    __attribute__((constructor)) static void suite##_##name##_known(void) \
    {                                                                     \
        plain_test(suite##_##name##_test);                                \
    }                                                                     \
    static void suite##_##name##_test(void)

#define cr_assert(condition, ...)                                           \
    do {                                                                    \
        if (!(condition)) {                                                 \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition); \
            abort();                                                        \
        }                                                                   \
    } while (0)
#define cr_assert_not(condition, ...) cr_assert(!(condition))
#define cr_assert_eq(a, b, ...) cr_assert((a) == (b))
#define cr_assert_null(a, ...) cr_assert((a) == NULL)
#define cr_assert_not_null(a, ...) cr_assert((a) != NULL)

#endif
