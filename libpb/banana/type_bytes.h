/* SPDX-License-Identifier: MIT
 *
 * Shared by decoder and encoder: the type bytes, arithmetic with base 128 digits (least
 * significant first, eight at a time), and conversion of numbers from and to the byte
 * order of the wire. */
#ifndef PB__TYPE_BYTES_H
#define PB__TYPE_BYTES_H

#include <stdint.h>
#include <string.h>

/* In the loops of decoder and reader, calls would cost more than what is called. A fuzzer
 * and a count of branches look at each function once, and are compiled without. */
#ifdef PB__WITHOUT_FORCED_INLINING
#define PB__ALWAYS_INLINE static inline
#else
#define PB__ALWAYS_INLINE static inline __attribute__((__always_inline__))
#endif
#define PB__LIKELY(condition) __builtin_expect(!!(condition), 1)
#define PB__UNLIKELY(condition) __builtin_expect(!!(condition), 0)

enum pb__type {
    PB__TYPE_LIST = 0x80,
    PB__TYPE_INT = 0x81,
    PB__TYPE_STRING = 0x82,
    PB__TYPE_NEG = 0x83,
    PB__TYPE_FLOAT = 0x84,
    PB__TYPE_LONGINT = 0x85,
    PB__TYPE_LONGNEG = 0x86,
    PB__TYPE_VOCAB = 0x87,
};

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define PB__LE32(x) __builtin_bswap32(x)
#define PB__LE64(x) __builtin_bswap64(x)
#define PB__BE64(x) (x)
#else
#define PB__LE32(x) (x)
#define PB__LE64(x) (x)
#define PB__BE64(x) __builtin_bswap64(x)
#endif

static inline uint32_t pb__load_le32(const void *p)
{
    uint32_t x;
    memcpy(&x, p, sizeof x);
    return PB__LE32(x);
}

static inline uint64_t pb__load_le64(const void *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof x);
    return PB__LE64(x);
}

static inline void pb__store_le64(void *p, uint64_t x)
{
    uint64_t little = PB__LE64(x);
    memcpy(p, &little, sizeof little);
}

/* Loads a float from its form on the wire. */
static inline double pb__load_real(const void *p)
{
    uint64_t big;
    double d;
    memcpy(&big, p, sizeof big);
    uint64_t x = PB__BE64(big);
    memcpy(&d, &x, sizeof d);
    return d;
}

static inline void pb__store_real(void *p, double d)
{
    uint64_t x;
    memcpy(&x, &d, sizeof x);
    uint64_t big = PB__BE64(x);
    memcpy(p, &big, sizeof big);
}

/* Combines eight digits, one in each byte of x, into a number. */
static inline uint64_t pb__digits_gather(uint64_t x)
{
    x = (x & 0x007f007f007f007f) | (x & 0x7f007f007f007f00) >> 1;
    x = (x & 0x00003fff00003fff) | (x & 0x3fff00003fff0000) >> 2;
    return (x & 0x000000000fffffff) | (x & 0x0fffffff00000000) >> 4;
}

/* Splits the eight lowest digits of n into one byte each. */
static inline uint64_t pb__digits_spread(uint64_t n)
{
    n = (n & 0x000000000fffffff) | (n & 0x00fffffff0000000) << 4;
    n = (n & 0x00003fff00003fff) | (n & 0x0fffc0000fffc000) << 2;
    return (n & 0x007f007f007f007f) | (n & 0x3f803f803f803f80) << 1;
}

/* The number of digits of n; 0 has one. */
static inline unsigned pb__digits_count(uint64_t n)
{
    return (unsigned)(70 - __builtin_clzll(n | 1)) / 7;
}

#endif
