/* SPDX-License-Identifier: MIT
 *
 * SipHash-1-3 of a sequence of bytes. */
#include "compat/siphash.h"

/* Loads up to eight bytes in little-endian order. */
static uint64_t siphash_word(const uint8_t *data, size_t len)
{
    uint64_t word = 0;
    for (size_t i = 0; i < len; i++) {
        word |= (uint64_t)data[i] << (8 * i);
    }
    return word;
}

uint64_t pb__siphash(const uint64_t key[2], const uint8_t *data, size_t len)
{
    struct pb__siphash s;
    size_t at = 0;
    pb__siphash_init(&s, key);
    for (; len - at >= 8; at += 8) {
        pb__siphash_add(&s, siphash_word(data + at, 8));
    }
    pb__siphash_add(&s, (uint64_t)len << 56 | siphash_word(data + at, len - at));
    return pb__siphash_end(&s);
}
