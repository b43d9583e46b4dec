/* SPDX-License-Identifier: MIT
 *
 * SipHash-1-3, against what CPython 3.11 gives for bytes with PYTHONHASHSEED=0, whose key
 * is zero. */
#include "compat/siphash.h"
#include "tests/support.h"

PB_TEST(siphash, is_that_of_cpython)
{
    static const struct {
        size_t len;
        uint64_t hash;
    } rows[] = {{15, 0xf30eb725bb91c9eau}, {64, 0x75e05fd5bbc870c6u}};
    static const uint64_t zero[2];
    uint8_t data[64];
    for (uint8_t i = 0; i < sizeof data; i++) {
        data[i] = i;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        cr_expect_eq(pb__siphash(zero, data, rows[i].len), rows[i].hash);
    }
    cr_expect_eq(pb__siphash(zero, (const uint8_t *)"a", 1), 0x407448d2b89b1813u);
    cr_expect_eq(pb__siphash(zero, (const uint8_t *)"abcdefg", 7), 0x6db12aae9070f506u);
    cr_expect_eq(pb__siphash(zero, (const uint8_t *)"abcdefgh", 8), 0x3f7b849c0b8e35eau);
}

PB_TEST(siphash, depends_on_the_key)
{
    static const uint64_t zero[2], one[2] = {0, 1};
    cr_expect_neq(pb__siphash(zero, (const uint8_t *)"a", 1),
                  pb__siphash(one, (const uint8_t *)"a", 1));
}
