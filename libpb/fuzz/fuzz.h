/* SPDX-License-Identifier: MIT
 *
 * A fuzz target is a file that defines the first two. Linked with -fsanitize=fuzzer it
 * is a fuzzer; linked with main.c it is a test that runs its seeds. */
#ifndef PB__FUZZ_H
#define PB__FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* The folder of its seeds in libpb/fuzz/seeds/. */
extern const char pb__fuzz_name[];

/* Aborts if an assertion of the target fails. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An assertion that is also checked in release builds. */
static inline void must(bool promise)
{
    if (!promise) {
        abort();
    }
}

#endif
