/* SPDX-License-Identifier: MIT
 *
 * Equality and hash of numbers. Numbers of the same kind are compared directly, others by
 * a normal form, which is unique for each number: sign, a coefficient without trailing
 * decimal zeros, and an exponent of ten. Every float has such a form too. */
#include "compat/number.h"

#include <string.h>

#include "compat/compare.h"
#include "compat/floats.h"
#include "compat/integer.h"

#define ROOM 96 /* limbs: enough for any float (2**-1074 is 5**1074 * 10**-1074) */

struct normal {
    bool negative;
    int64_t exponent;
    size_t len;
    uint32_t *limbs; /* points to `room` or to `heap` */
    uint32_t *heap;
    uint32_t room[ROOM];
};

static void normal_fini(struct normal *n)
{
    pb__free(n->heap);
}

/* Removes the trailing decimal zeros from the coefficient. */
static void normal_strip(struct normal *n)
{
    unsigned zeros = 9;
    while (n->len != 0 && zeros == 9) {
        uint64_t tail = pb__limbs_mod(n->limbs, n->len, 1000000000);
        uint32_t power = 1;
        zeros = 0;
        while (zeros < 9 && tail % 10 == 0) {
            tail /= 10;
            power *= 10;
            zeros++;
        }
        if (zeros != 0) {
            pb__limbs_div(n->limbs, &n->len, power);
            n->exponent += zeros;
        }
    }
    if (n->len == 0) {
        n->exponent = 0;
        n->negative = false;
    }
}

static void from_float(struct normal *n, double d)
{
    struct pb__float_parts p = pb__float_split(d);
    n->negative = p.negative;
    n->limbs = n->room;
    if (p.mantissa != 0) {
        int zeros = __builtin_ctzll(p.mantissa);
        p.mantissa >>= zeros;
        p.exponent += zeros;
    }
    n->len = pb__limbs_from(n->room, p.mantissa);
    if (p.exponent >= 0) {
        n->len = pb__limbs_shift(n->room, n->len, (size_t)p.exponent);
    } else {
        n->len = pb__limbs_mul_pow(n->room, n->len, 5, (size_t)-p.exponent);
        n->exponent = p.exponent;
    }
}

/* v is a finite number. */
static int normal_init(struct normal *n, const pb_value *v)
{
    n->heap = NULL;
    n->exponent = 0;
    if (pb__kind(v) == PB_FLOAT) {
        from_float(n, ((const struct pb__float *)v)->d);
    } else {
        struct pb__limbs_view view;
        if (pb__kind(v) == PB_DECIMAL) {
            const struct pb__decimal *d = (const struct pb__decimal *)v;
            pb__int_view(d->digits, &view);
            n->exponent = d->exponent;
            n->negative = d->negative;
        } else {
            pb__int_view(v, &view);
            n->negative = view.negative;
        }
        n->limbs = n->room;
        if (view.len > ROOM) {
            n->limbs = n->heap = pb__malloc(view.len * sizeof *n->limbs);
            if (!n->heap) {
                return PB_ERR_NOMEM;
            }
        }
        memcpy(n->limbs, view.limbs, view.len * sizeof *n->limbs);
        n->len = view.len;
    }
    normal_strip(n);
    return 0;
}

/* 0 for a finite number, 'F' for infinity, 'n' or 'N' for nan. */
static char number_special(const pb_value *v, bool *negative)
{
    *negative = false;
    if (pb__kind(v) == PB_DECIMAL) {
        *negative = ((const struct pb__decimal *)v)->negative;
        return ((const struct pb__decimal *)v)->special;
    }
    if (pb__kind(v) == PB_FLOAT) {
        double d = ((const struct pb__float *)v)->d;
        *negative = d < 0;
        return d != d ? 'n' : d - d != 0 ? 'F' : 0;
    }
    return 0;
}

static bool ints_equal(const pb_value *a, const pb_value *b)
{
    struct pb__limbs_view x, y;
    pb__int_view(a, &x);
    pb__int_view(b, &y);
    return x.negative == y.negative &&
           pb__limbs_compare(x.limbs, x.len, y.limbs, y.len) == 0;
}

int pb__number_equal(const pb_value *a, const pb_value *b)
{
    pb_kind x = pb__kind(a);
    pb_kind y = pb__kind(b);
    if ((x == PB_INT || x == PB_BOOL) && (y == PB_INT || y == PB_BOOL)) {
        return ints_equal(a, b);
    }
    if (x == PB_FLOAT && y == PB_FLOAT) {
        return ((const struct pb__float *)a)->d == ((const struct pb__float *)b)->d;
    }
    bool a_negative, b_negative;
    char a_special = number_special(a, &a_negative);
    char b_special = number_special(b, &b_negative);
    if (a_special || b_special) {
        return a_special == 'F' && b_special == 'F' && a_negative == b_negative;
    }
    struct normal n, m;
    int e = normal_init(&n, a);
    if (e) {
        return e;
    }
    e = normal_init(&m, b);
    if (e == 0) {
        e = n.negative == m.negative && n.exponent == m.exponent &&
            pb__limbs_compare(n.limbs, n.len, m.limbs, m.len) == 0;
        normal_fini(&m);
    }
    normal_fini(&n);
    return e;
}

int pb_as_float(const pb_value *v, double *out)
{
    pb_kind kind = pb__kind_or_nothing(v);
    if (!out) {
        return PB_ERR_ARG;
    }
    *out = 0;
    if (kind == PB_FLOAT) {
        *out = ((const struct pb__float *)v)->d;
        return 0;
    }
    if (kind != PB_INT && kind != PB_BOOL) {
        return pb__wrong_kind(v);
    }
    struct pb__limbs_view view;
    pb__int_view(v, &view);
    double d = 0;
    for (size_t i = view.len; i-- > 0 && view.len <= 32;) {
        d = d * 4294967296.0 + view.limbs[i];
    }
    d = view.negative ? -d : d;
    struct pb__float back = {{.kind = PB_FLOAT}, d};
    int same = view.len <= 32 ? pb__number_equal(v, &back.head) : 0;
    if (same != 1) {
        return same < 0 ? same : PB_ERR_RANGE;
    }
    *out = d;
    return 0;
}

/* The number without its sign, modulo two primes that a peer does not know: it cannot
 * choose large ints for which both are equal. exponent is not negative. */
static uint64_t number_rests(const uint32_t *limbs, size_t len, int64_t exponent)
{
    uint64_t rests = 0;
    for (int i = 0; i < 2; i++) {
        uint32_t q = pb__secret_primes[i];
        uint64_t rest = pb__limbs_mod(limbs, len, q);
        rests = rests << 32 | rest * pb__power_mod(10, (uint64_t)exponent, q) % q;
    }
    return rests;
}

/* Returns whether the coefficient times 10 ** exponent fits in *out. */
static bool number_is_word(const uint32_t *limbs, size_t len, int64_t exponent,
                           uint64_t *out)
{
    uint64_t u = (len > 0 ? limbs[0] : 0) | (len > 1 ? (uint64_t)limbs[1] << 32 : 0);
    bool fits = len <= 2 && exponent < 20;
    for (; fits && exponent > 0; exponent--) {
        fits = !__builtin_mul_overflow(u, 10, &u);
    }
    *out = u;
    return fits;
}

/* Equal ints, floats and Decimals have the same hash. */
static uint64_t number_hash(bool negative, const uint32_t *limbs, size_t len,
                            int64_t exponent)
{
    uint64_t word;
    if (exponent < 0) {
        word = (uint64_t)exponent << 1 | negative;
        return pb__hash_words(PB_FLOAT, number_rests(limbs, len, 0), word);
    }
    if (number_is_word(limbs, len, exponent, &word)) {
        return pb__hash_words(PB_INT, word, negative);
    }
    return pb__hash_words(PB_DECIMAL, number_rests(limbs, len, exponent), negative);
}

int pb__number_hash(const pb_value *v, uint64_t *out)
{
    pb_kind kind = pb__kind(v);
    if (kind == PB_INT || kind == PB_BOOL) {
        struct pb__limbs_view view;
        pb__int_view(v, &view);
        *out = number_hash(view.negative, view.limbs, view.len, 0);
        return 0;
    }
    bool negative;
    char s = number_special(v, &negative);
    if (s == 'N') {
        return PB_ERR_TYPE;
    }
    if (s != 0) { /* a nan is equal to itself only as the same value in two containers */
        *out = pb__hash_words(PB_BOOL, s == 'F' ? 0 : (uintptr_t)v, negative);
        return 0;
    }
    struct normal n;
    int e = normal_init(&n, v);
    if (e == 0) {
        *out = number_hash(n.negative, n.limbs, n.len, n.exponent);
        normal_fini(&n);
    }
    return e;
}
