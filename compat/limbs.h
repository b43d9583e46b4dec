/* SPDX-License-Identifier: MIT
 *
 * Natural numbers as limbs of 32 bits, least significant first: the arithmetic for large
 * ints, decimals and the text of floats. A number is a pointer and a length without high
 * zeros; length 0 is zero. The caller provides the memory that each function states. */
#ifndef PB__LIMBS_H
#define PB__LIMBS_H

#include <stddef.h>
#include <stdint.h>

/* Returns the length without high zeros. */
size_t pb__limbs_trim(const uint32_t *l, size_t n);
/* l = l * factor + add; returns the new length. Room for n + 1. */
size_t pb__limbs_mul_add(uint32_t *l, size_t n, uint32_t factor, uint32_t add);
/* l = l * base ** power; room for the result and one limb more. */
size_t pb__limbs_mul_pow(uint32_t *l, size_t n, uint32_t base, size_t power);
/* l = l / divisor; returns the remainder. */
uint32_t pb__limbs_div(uint32_t *l, size_t *n, uint32_t divisor);
/* l = l << bits; room for n + bits / 32 + 1. */
size_t pb__limbs_shift(uint32_t *l, size_t n, size_t bits);
/* a = a + b; room for one more than the longer. */
size_t pb__limbs_add(uint32_t *a, size_t an, const uint32_t *b, size_t bn);
/* a = a - b, where a >= b. */
size_t pb__limbs_sub(uint32_t *a, size_t an, const uint32_t *b, size_t bn);
/* Returns a negative number, 0 or a positive number if a is less than, equal to or
 * greater than b. */
int pb__limbs_compare(const uint32_t *a, size_t an, const uint32_t *b, size_t bn);
/* The number of bits; 0 for zero. */
size_t pb__limbs_bits(const uint32_t *l, size_t n);
/* Writes i; returns its length. Room for 2. */
size_t pb__limbs_from(uint32_t *l, uint64_t i);
/* l modulo q. */
uint32_t pb__limbs_mod(const uint32_t *l, size_t n, uint32_t q);

#endif
