/* SPDX-License-Identifier: MIT
 *
 * The secret of this process, which keys every hash. A peer that knows the code but not
 * the secret cannot choose keys that collide. */
#ifndef PB__SECRET_H
#define PB__SECRET_H

#include <stdint.h>

/* 16 random bytes, set before main and never changed. */
extern uint64_t pb__secret[2];
/* Two primes of 31 bits that are derived from the secret. */
extern uint32_t pb__secret_primes[2];

/* A multiplicative hash for keys that differ in few bits, such as ids and addresses. It
 * depends on the secret. */
static inline uint64_t pb__secret_spread(uint64_t key)
{
    key = (key ^ pb__secret[0]) * (pb__secret[1] | 1);
    return (key ^ key >> 32) * (pb__secret[0] | 1);
}

/* base ** power modulo q, where q < 2 ** 32. */
uint64_t pb__power_mod(uint64_t base, uint64_t power, uint64_t q);

#endif
