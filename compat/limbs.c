/* SPDX-License-Identifier: MIT
 *
 * Schoolbook arithmetic on natural numbers of any size. */
#include "compat/limbs.h"

size_t pb__limbs_trim(const uint32_t *l, size_t n)
{
    while (n > 0 && l[n - 1] == 0) {
        n--;
    }
    return n;
}

size_t pb__limbs_mul_add(uint32_t *l, size_t n, uint32_t factor, uint32_t add)
{
    uint64_t carry = add;
    for (size_t i = 0; i < n; i++) {
        carry += (uint64_t)l[i] * factor;
        l[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        l[n++] = (uint32_t)carry;
    }
    return n;
}

size_t pb__limbs_mul_pow(uint32_t *l, size_t n, uint32_t base, size_t power)
{
    uint32_t step = base;
    /* step is base ** in_step, the largest power that fits in a limb */
    size_t in_step = 1;
    while ((uint64_t)step * base <= UINT32_MAX && in_step < power) {
        step *= base;
        in_step++;
    }
    for (; power >= in_step && power > 0; power -= in_step) {
        n = pb__limbs_mul_add(l, n, step, 0);
    }
    for (; power > 0; power--) {
        n = pb__limbs_mul_add(l, n, base, 0);
    }
    return n;
}

uint32_t pb__limbs_div(uint32_t *l, size_t *n, uint32_t divisor)
{
    uint64_t rest = 0;
    for (size_t i = *n; i-- > 0;) {
        rest = rest << 32 | l[i];
        l[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
    *n = pb__limbs_trim(l, *n);
    return (uint32_t)rest;
}

size_t pb__limbs_shift(uint32_t *l, size_t n, size_t bits)
{
    if (n == 0) {
        return 0;
    }
    size_t whole = bits / 32;
    unsigned part = bits % 32;
    l[n + whole] = 0;
    for (size_t i = n; i-- > 0;) {
        uint64_t moved = (uint64_t)l[i] << part;
        l[i + whole + 1] |= (uint32_t)(moved >> 32);
        l[i + whole] = (uint32_t)moved;
    }
    for (size_t i = 0; i < whole; i++) {
        l[i] = 0;
    }
    return pb__limbs_trim(l, n + whole + 1);
}

size_t pb__limbs_add(uint32_t *a, size_t an, const uint32_t *b, size_t bn)
{
    for (; an < bn; an++) {
        a[an] = 0;
    }
    uint64_t carry = 0;
    for (size_t i = 0; i < an && (i < bn || carry != 0); i++) {
        carry += (uint64_t)a[i] + (i < bn ? b[i] : 0);
        a[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry != 0) {
        a[an++] = (uint32_t)carry;
    }
    return an;
}

size_t pb__limbs_sub(uint32_t *a, size_t an, const uint32_t *b, size_t bn)
{
    int64_t borrow = 0;
    for (size_t i = 0; i < an && (i < bn || borrow != 0); i++) {
        borrow += (int64_t)a[i] - (i < bn ? (int64_t)b[i] : 0);
        a[i] = (uint32_t)borrow;
        borrow = borrow < 0 ? -1 : 0;
    }
    return pb__limbs_trim(a, an);
}

int pb__limbs_compare(const uint32_t *a, size_t an, const uint32_t *b, size_t bn)
{
    if (an != bn) {
        return an < bn ? -1 : 1;
    }
    for (size_t i = an; i-- > 0;) {
        if (a[i] != b[i]) {
            return a[i] < b[i] ? -1 : 1;
        }
    }
    return 0;
}

size_t pb__limbs_bits(const uint32_t *l, size_t n)
{
    return n == 0 ? 0 : n * 32 - (size_t)__builtin_clz(l[n - 1]);
}

size_t pb__limbs_from(uint32_t *l, uint64_t i)
{
    l[0] = (uint32_t)i;
    l[1] = (uint32_t)(i >> 32);
    return pb__limbs_trim(l, 2);
}

uint32_t pb__limbs_mod(const uint32_t *l, size_t n, uint32_t q)
{
    uint64_t rest = 0;
    for (size_t i = n; i-- > 0;) {
        rest = (rest << 32 | l[i]) % q;
    }
    return (uint32_t)rest;
}
