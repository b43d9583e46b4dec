/* SPDX-License-Identifier: MIT
 *
 * The secret that keys all hashes. It is read from the system when the library is
 * loaded. */
#include "libpb/base/secret.h"

#include <stdbool.h>
#include <stddef.h>

#include "libpb/base/system.h"

uint64_t pb__secret[2];
uint32_t pb__secret_primes[2];

uint64_t pb__power_mod(uint64_t base, uint64_t power, uint64_t q)
{
    uint64_t result = 1;
    for (base %= q; power != 0; power >>= 1) {
        if (power & 1) {
            result = result * base % q;
        }
        base = base * base % q;
    }
    return result;
}

/* Returns whether q is prime, by the Miller-Rabin test. The bases 2, 7 and 61 are
 * sufficient for an odd number below 2 ** 32 that is larger than they are. */
static bool secret_is_prime(uint32_t q)
{
    static const uint32_t bases[] = {2, 7, 61};
    int twos = __builtin_ctz(q - 1);
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        uint64_t x = pb__power_mod(bases[i], (q - 1) >> twos, q);
        bool passed = x == 1 || x == q - 1;
        for (int t = 1; t < twos && !passed; t++) {
            x = x * x % q;
            passed = x == q - 1;
        }
        if (!passed) {
            return false;
        }
    }
    return true;
}

static uint32_t secret_prime(uint64_t random)
{
    const uint32_t top = (uint32_t)1 << 30;
    uint32_t q = (uint32_t)(random % top) | 1;
    while (!secret_is_prime(top + q)) {
        q = (q + 2) % top;
    }
    return top + q;
}

/* If the system provides no random bytes, the addresses of the process are used instead:
 * they differ from run to run, and a peer does not see them. */
__attribute__((__constructor__)) static void secret_init(void)
{
    if (!pb__system_random(pb__secret, sizeof pb__secret)) {
        pb__secret[0] = (uintptr_t)pb__secret * 0x9e3779b97f4a7c15u;
        pb__secret[1] = (uintptr_t)__builtin_frame_address(0) * 0xbf58476d1ce4e5b9u;
    }
    for (uint64_t i = 0; i < 2; i++) {
        pb__secret_primes[i] = secret_prime(pb__secret_spread(i));
    }
}
