/* SPDX-License-Identifier: MIT
 *
 * The growable buffer: what was appended is in it, and a failure changes nothing. */
#include <criterion/criterion.h>

#include "libpb/base/buf.h"
#include "tests/support.h"

PB_TEST(buf, starts_empty_without_memory)
{
    struct pb__buf b = {0};
    cr_assert_eq(pb__test_live(), 0);
    cr_assert_eq(pb__buf_append(&b, NULL, 0), 0);
    cr_assert_eq(b.len, 0);
    pb__buf_fini(&b);
}

PB_TEST(buf, keeps_what_is_appended_while_it_grows)
{
    struct pb__buf b = {0};
    for (unsigned i = 0; i < 5000; i++) {
        uint8_t byte = (uint8_t)(i * 7);
        cr_assert_eq(pb__buf_append(&b, &byte, 1), 0);
    }
    cr_assert_eq(b.len, 5000);
    for (unsigned i = 0; i < 5000; i++) {
        cr_assert_eq(b.data[i], (uint8_t)(i * 7), "byte %u", i);
    }
    pb__buf_fini(&b);
    cr_assert_null(b.data);
    cr_assert_eq(b.len + b.cap, 0);
}

PB_TEST(buf, grows_by_doubling_at_least)
{
    struct pb__buf b = {0};
    cr_assert_eq(pb__buf_append(&b, "a", 1), 0);
    size_t before = b.cap;
    cr_assert_eq(pb__buf_reserve(&b, before), 0);
    cr_assert_geq(b.cap, 2 * before);
    cr_assert_eq(pb__buf_reserve(&b, 1000000), 0);
    cr_assert_geq(b.cap - b.len, 1000000);
    cr_assert_eq(b.data[0], 'a');
    pb__buf_fini(&b);
}

PB_TEST(buf, reserves_nothing_where_there_is_room)
{
    struct pb__buf b = {0};
    cr_assert_eq(pb__buf_reserve(&b, 10), 0);
    pb__test_fail_at(1, true);
    cr_assert_eq(pb__buf_reserve(&b, b.cap), 0);
    cr_assert_not(pb__test_failed());
    pb__buf_fini(&b);
}

PB_TEST(buf, refuses_a_size_that_overflows)
{
    struct pb__buf b = {0};
    cr_assert_eq(pb__buf_puts(&b, "kept"), 0);
    cr_assert_eq(pb__buf_reserve(&b, SIZE_MAX), PB_ERR_NOMEM);
    cr_assert_eq(pb__buf_reserve(&b, SIZE_MAX / 2 + 2), PB_ERR_NOMEM);
    cr_assert_eq(b.len, 4);
    cr_assert_arr_eq(b.data, "kept", 4);
    pb__buf_fini(&b);
}

PB_TEST(buf, prints_as_printf_does)
{
    struct pb__buf b = {0};
    cr_assert_eq(pb__buf_puts(&b, "<"), 0);
    cr_assert_eq(pb__buf_printf(&b, "%d %s", -12, "twelve"), 0);
    cr_assert_eq(pb__buf_printf(&b, "%200s|", "right"), 0);
    cr_assert_eq(b.len, 1 + 10 + 201);
    cr_assert_arr_eq(b.data, "<-12 twelve  ", 13);
    cr_assert_arr_eq(b.data + b.len - 7, " right|", 7);
    pb__buf_fini(&b);
}

PB_TEST(buf, stays_as_it_was_without_memory)
{
    struct pb__buf b = {0};
    pb__test_fail_at(1, true);
    cr_assert_eq(pb__buf_puts(&b, "lost"), PB_ERR_NOMEM);
    cr_assert_eq(pb__buf_printf(&b, "%d", 1), PB_ERR_NOMEM);
    cr_assert_eq(b.len, 0);
    pb__test_fail_at(0, false);

    cr_assert_eq(pb__buf_puts(&b, "kept"), 0);
    pb__test_fail_at(1, true);
    cr_assert_eq(pb__buf_reserve(&b, 4096), PB_ERR_NOMEM);
    cr_assert(pb__test_failed());
    cr_assert_eq(b.len, 4);
    cr_assert_arr_eq(b.data, "kept", 4);
    pb__buf_fini(&b);
}

static int fill(void *user_data)
{
    (void)user_data;
    struct pb__buf b = {0};
    int e = 0;
    for (int i = 0; e == 0 && i < 1000; i++) {
        e = pb__buf_printf(&b, "%d,", i);
    }
    pb__buf_fini(&b);
    return e;
}

PB_TEST(buf, leaks_nothing_at_any_failure)
{
    pb__test_each_failure(fill, NULL);
}
