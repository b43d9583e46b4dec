/* SPDX-License-Identifier: MIT
 *
 * As much of Criterion as the tests use, for machines without Criterion, for emulators,
 * and for ThreadSanitizer, which cannot run under Criterion's own. */
#ifndef PLAIN_CRITERION_H
#define PLAIN_CRITERION_H

/* As in an installed header, operands of different signs are compared without a
 * warning. */
#pragma GCC system_header

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A test registers itself before main runs. */
void plain_register(const char *name, void (*test)(void));
/* Prints a failure; a fatal one ends the test. */
void plain_failed(bool fatal, const char *file, int line, const char *condition,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Whether two strings are equal; prints them if not. */
bool plain_same(const char *a, const char *b);

#define Test(suite, name)                                                 \
    static void suite##_##name##_test(void);                              \
    __attribute__((constructor)) static void suite##_##name##_known(void) \
    {                                                                     \
        plain_register(#suite "::" #name, suite##_##name##_test);         \
    }                                                                     \
    static void suite##_##name##_test(void)

/* What follows the condition is a format with its arguments, or nothing. */
#define PLAIN_CHECK(fatal, condition, text, ...)                            \
    do {                                                                    \
        if (!(condition)) {                                                 \
            plain_failed(fatal, __FILE__, __LINE__, text, " " __VA_ARGS__); \
        }                                                                   \
    } while (0)
#define PLAIN_COMPARE(fatal, a, operator, b, ...) \
    PLAIN_CHECK(fatal, (a) operator(b), #a " " #operator" " #b, __VA_ARGS__)

#define cr_assert(a, ...) PLAIN_CHECK(true, a, #a, __VA_ARGS__)
#define cr_assert_not(a, ...) PLAIN_CHECK(true, !(a), "not " #a, __VA_ARGS__)
#define cr_assert_null(a, ...) PLAIN_CHECK(true, (a) == NULL, #a " == NULL", __VA_ARGS__)
#define cr_assert_not_null(a, ...) \
    PLAIN_CHECK(true, (a) != NULL, #a " != NULL", __VA_ARGS__)
#define cr_assert_eq(a, b, ...) PLAIN_COMPARE(true, a, ==, b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...) PLAIN_COMPARE(true, a, !=, b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...) PLAIN_COMPARE(true, a, <, b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...) PLAIN_COMPARE(true, a, <=, b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...) PLAIN_COMPARE(true, a, >, b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...) PLAIN_COMPARE(true, a, >=, b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...) \
    PLAIN_CHECK(true, plain_same(a, b), #a " is " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...) \
    PLAIN_CHECK(true, memcmp(a, b, size) == 0, #a " has the bytes of " #b, __VA_ARGS__)

#define cr_expect(a, ...) PLAIN_CHECK(false, a, #a, __VA_ARGS__)
#define cr_expect_not(a, ...) PLAIN_CHECK(false, !(a), "not " #a, __VA_ARGS__)
#define cr_expect_null(a, ...) PLAIN_CHECK(false, (a) == NULL, #a " == NULL", __VA_ARGS__)
#define cr_expect_eq(a, b, ...) PLAIN_COMPARE(false, a, ==, b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...) PLAIN_COMPARE(false, a, !=, b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...) PLAIN_COMPARE(false, a, <=, b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...) PLAIN_COMPARE(false, a, >, b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...) PLAIN_COMPARE(false, a, >=, b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) \
    PLAIN_CHECK(false, plain_same(a, b), #a " is " #b, __VA_ARGS__)

#endif
