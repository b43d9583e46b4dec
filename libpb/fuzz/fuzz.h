/* SPDX-License-Identifier: MIT
 *
 * A fuzz target is a file that defines these two. Linked with -fsanitize=fuzzer it is a
 * fuzzer; linked with main.c it is a test that runs its seeds. */
#ifndef PB__FUZZ_H
#define PB__FUZZ_H

#include <stddef.h>
#include <stdint.h>

/* The folder of its seeds in libpb/fuzz/seeds/. */
extern const char pb__fuzz_name[];

/* Aborts if an assertion of the target fails. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
