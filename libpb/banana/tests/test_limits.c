/* SPDX-License-Identifier: MIT
 *
 * The limits' defaults, and the names of the dialects. */
#include <criterion/criterion.h>

#include "libpb/banana/limits.h"
#include "libpb/banana/tests/recorder.h"
#include "tests/support.h"

PB_TEST(limits, defaults)
{
    pb_limits zero = {0};
    const pb_limits *none[] = {NULL, &zero};
    for (size_t i = 0; i < 2; i++) {
        struct pb__limits l = pb__limits_resolve(none[i]);
        cr_expect_eq(l.prefix, 64);
        cr_expect_eq(l.list, 640 * 1024);
        cr_expect_eq(l.bytes, 640 * 1024);
        cr_expect_eq(l.depth, 4096);
        cr_expect_eq(l.message, 256 << 20);
        cr_expect_eq(l.values, 16 << 20);
        cr_expect_eq(l.memory, 128 << 20);
    }
}

PB_TEST(limits, what_is_given_stays)
{
    pb_limits given = {.prefix = 1,
                       .list = 2,
                       .bytes = 3,
                       .depth = 4,
                       .message = 5,
                       .values = 6,
                       .memory = 7};
    struct pb__limits l = pb__limits_resolve(&given);
    pb_limits same = pb__limits_public(&l);
    cr_expect_eq(memcmp(&same, &given, sizeof same), 0);
    given = (pb_limits){.bytes = 7};
    l = pb__limits_resolve(&given);
    cr_expect_eq(l.bytes, 7);
    cr_expect_eq(l.list, 640 * 1024);
}

PB_TEST(limits, are_filled_in_place)
{
    pb_limits l = {.bytes = 7};
    pb_limits_default(&l);
    cr_expect_eq(l.bytes, 7);
    cr_expect_eq(l.list, 640 * 1024);
    pb_limits_default(NULL);
}

PB_TEST(limits, none_is_past_counting)
{
    pb_limits given = {.prefix = SIZE_MAX,
                       .list = SIZE_MAX,
                       .bytes = SIZE_MAX,
                       .depth = SIZE_MAX,
                       .message = SIZE_MAX,
                       .values = SIZE_MAX};
    struct pb__limits l = pb__limits_resolve(&given);
    cr_expect_eq(l.prefix, PTRDIFF_MAX);
    cr_expect_eq(l.list, UINT32_MAX);
    cr_expect_eq(l.bytes, PTRDIFF_MAX);
    cr_expect_eq(l.depth, UINT32_MAX);
    cr_expect_eq(l.message, PTRDIFF_MAX);
    cr_expect_eq(l.values, PTRDIFF_MAX);
}

PB_TEST(limits, names_of_dialects)
{
    cr_expect_str_eq(pb__dialect_name(PB_DIALECT_PB), "pb");
    cr_expect_str_eq(pb__dialect_name(PB_DIALECT_NONE), "none");
    cr_expect_null(pb__dialect_name(PB_DIALECT_UNKNOWN));
    cr_expect_eq(pb__dialect_find(BYTES("pb")), PB_DIALECT_PB);
    cr_expect_eq(pb__dialect_find(BYTES("none")), PB_DIALECT_NONE);
    cr_expect_eq(pb__dialect_find(BYTES("p")), PB_DIALECT_UNKNOWN);
    cr_expect_eq(pb__dialect_find(BYTES("pbx")), PB_DIALECT_UNKNOWN);
    cr_expect_eq(pb__dialect_find(BYTES("None")), PB_DIALECT_UNKNOWN);
    cr_expect_eq(pb__dialect_find((pb_span){NULL, 0}), PB_DIALECT_UNKNOWN);
}
