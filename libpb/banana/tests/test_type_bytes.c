/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of digits, against the plain way of doing it. */
#include <criterion/criterion.h>
#include <inttypes.h>

#include "libpb/banana/type_bytes.h"
#include "tests/support.h"

/* Numbers around every power of two. */
static uint64_t sample(unsigned i)
{
    uint64_t power = UINT64_C(1) << i / 3;
    return power + i % 3 - 1;
}

#define SAMPLES (64 * 3)

PB_TEST(wire, counts_digits)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        unsigned digits = 1;
        for (uint64_t n = sample(i); n > 0x7f; n >>= 7) {
            digits++;
        }
        cr_expect_eq(pb__digits_count(sample(i)), digits, "%#" PRIx64, sample(i));
    }
}

PB_TEST(wire, spreads_and_gathers_eight_digits)
{
    for (unsigned i = 0; i < SAMPLES; i++) {
        uint64_t n = sample(i) * UINT64_C(0x9e3779b97f4a7c15) & ((UINT64_C(1) << 56) - 1);
        uint64_t digits = 0;
        for (unsigned k = 0; k < 8; k++) {
            digits |= (n >> 7 * k & 0x7f) << 8 * k;
        }
        cr_expect_eq(pb__digits_spread(n), digits, "%#" PRIx64, n);
        cr_expect_eq(pb__digits_gather(digits), n, "%#" PRIx64, n);
    }
}

PB_TEST(wire, loads_and_stores_in_a_fixed_order)
{
    uint8_t bytes[9] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    cr_expect_eq(pb__load_le32(bytes + 1), 0x04030201);
    cr_expect_eq(pb__load_le64(bytes + 1), 0x0807060504030201);
    pb__store_le64(bytes, 0x1122334455667788);
    cr_expect_eq(bytes[0], 0x88);
    cr_expect_eq(bytes[7], 0x11);
    cr_expect_eq(bytes[8], 8);
    pb__store_real(bytes, -1.5);
    cr_expect_eq(memcmp(bytes, "\xbf\xf8\0\0\0\0\0\0", 8), 0);
    cr_expect_eq(pb__load_real(bytes), -1.5);
}
