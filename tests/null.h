/* SPDX-License-Identifier: MIT
 *
 * The tables of NULL test the rule of pb/error.h. Each exported function has a row,
 * PB_TEST(null, NAME), which calls it with NULL for each of its pointers in turn, with
 * NULL for all of them, and with no_bytes for each span. tests/check-null compares the
 * rows with the list of exported symbols and with the headers. */
#ifndef PB__TEST_NULL_H
#define PB__TEST_NULL_H

#include <string.h>

#include "pb/error.h"
#include "tests/support.h"

/* A span that has a length and no data. */
static const pb_span no_bytes = {NULL, 1};

/* A call returns this. */
#define GIVES(call, expected) cr_assert((call) == (expected), "%s", #call)
#define GIVES_TEXT(call, expected) cr_assert_str_eq((call), (expected), "%s", #call)

/* The call before has filled the error with this. Empties it. */
#define TOLD(err, expected_code, sentence)          \
    do {                                            \
        cr_assert_eq((err)->code, (expected_code)); \
        cr_assert_str_eq((err)->text, (sentence));  \
        pb_error_clear(err);                        \
    } while (0)

/* The same for an argument that is NULL. */
#define TOLD_NULL(err, what) TOLD(err, PB_ERR_ARG, what " is NULL")

/* Fills an object with bytes that no function sets. */
static inline void spoil(void *object, size_t size)
{
    memset(object, 0xa5, size);
}

#endif
