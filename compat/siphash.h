/* SPDX-License-Identifier: MIT
 *
 * SipHash-1-3 (Aumasson and Bernstein), keyed with the secret of the process. Sets and
 * dicts use it, because a peer chooses their keys. */
#ifndef PB__SIPHASH_H
#define PB__SIPHASH_H

#include <stddef.h>
#include <stdint.h>

struct pb__siphash {
    uint64_t v[4];
};

static inline uint64_t pb__rotate(uint64_t x, unsigned bits)
{
    return x << bits | x >> (64 - bits);
}

static inline void pb__siphash_round(struct pb__siphash *s)
{
    s->v[0] += s->v[1];
    s->v[2] += s->v[3];
    s->v[1] = pb__rotate(s->v[1], 13) ^ s->v[0];
    s->v[3] = pb__rotate(s->v[3], 16) ^ s->v[2];
    s->v[0] = pb__rotate(s->v[0], 32);
    s->v[2] += s->v[1];
    s->v[0] += s->v[3];
    s->v[1] = pb__rotate(s->v[1], 17) ^ s->v[2];
    s->v[3] = pb__rotate(s->v[3], 21) ^ s->v[0];
    s->v[2] = pb__rotate(s->v[2], 32);
}

static inline void pb__siphash_init(struct pb__siphash *s, const uint64_t key[2])
{
    s->v[0] = key[0] ^ 0x736f6d6570736575u;
    s->v[1] = key[1] ^ 0x646f72616e646f6du;
    s->v[2] = key[0] ^ 0x6c7967656e657261u;
    s->v[3] = key[1] ^ 0x7465646279746573u;
}

static inline void pb__siphash_add(struct pb__siphash *s, uint64_t word)
{
    s->v[3] ^= word;
    pb__siphash_round(s);
    s->v[0] ^= word;
}

static inline uint64_t pb__siphash_end(struct pb__siphash *s)
{
    s->v[2] ^= 0xff;
    pb__siphash_round(s);
    pb__siphash_round(s);
    pb__siphash_round(s);
    return s->v[0] ^ s->v[1] ^ s->v[2] ^ s->v[3];
}

/* The hash of a sequence of bytes. */
uint64_t pb__siphash(const uint64_t key[2], const uint8_t *data, size_t len);

#endif
