/* SPDX-License-Identifier: MIT
 *
 * Functions that not every system has, or has in the same header. */
#ifndef PB__SYSTEM_H
#define PB__SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
#ifdef HAVE_SYS_RANDOM_H
#include <sys/random.h> /* where macOS declares getentropy */
#endif

/* Fills n bytes, at most 256, with random ones of the system; false: it gives none. */
static inline bool pb__system_random(void *out, size_t n)
{
    return getentropy(out, n) == 0;
}

/* Overwrites a secret. The compiler cannot leave this out, although nothing reads the
 * bytes again; explicit_bzero does the same, where there is one. */
static inline void pb__wipe(void *secret, size_t n)
{
    memset(secret, 0, n);
    __asm__ volatile("" : : "r"(secret) : "memory");
}

#endif
