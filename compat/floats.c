/* SPDX-License-Identifier: MIT
 *
 * Converts floats to text and back with exact arithmetic on big numbers: printing by the
 * algorithms of Steele and White, and Burger and Dybvig; reading by long division in
 * binary. */
#include "compat/floats.h"

#include <stdio.h>
#include <string.h>

#include "compat/limbs.h"

#define LIMBS 132 /* 10 ** 1111, and numbers that are shifted to its size */

/* A big number on the stack. */
struct number {
    size_t len;
    uint32_t limbs[LIMBS];
};

static void number_set(struct number *n, uint64_t i, int shift)
{
    n->len = pb__limbs_from(n->limbs, i);
    n->len = pb__limbs_shift(n->limbs, n->len, (size_t)shift);
}

static void number_scale(struct number *n, uint32_t base, int power)
{
    n->len = pb__limbs_mul_pow(n->limbs, n->len, base, (size_t)power);
}

static void number_add(struct number *n, const struct number *m)
{
    n->len = pb__limbs_add(n->limbs, n->len, m->limbs, m->len);
}

static int number_compare(const struct number *a, const struct number *b)
{
    return pb__limbs_compare(a->limbs, a->len, b->limbs, b->len);
}

/* Compares a + b with c. */
static int number_compare_sum(const struct number *a, const struct number *b,
                              const struct number *c)
{
    struct number sum;
    sum.len = a->len;
    memcpy(sum.limbs, a->limbs, a->len * sizeof *a->limbs);
    number_add(&sum, b);
    return number_compare(&sum, c);
}

struct pb__float_parts pb__float_split(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    uint64_t fraction = bits & (((uint64_t)1 << 52) - 1);
    int biased = (int)(bits >> 52 & 0x7ff);
    return (struct pb__float_parts){
        .negative = bits >> 63,
        .mantissa = biased ? fraction | (uint64_t)1 << 52 : fraction,
        .exponent = (biased ? biased : 1) - 1075,
    };
}

/* The number to print, as value / unit, and half the distances to its two neighbours in
 * the same units. Digits are produced until the remainder is less than one of these. */
struct printing {
    struct number value, unit, above, below;
    /* a number halfway between two floats is read as the one with an even mantissa */
    bool inclusive;
};

/* Returns the position of the point: value / unit is then 0.ddd, times 10 to that
 * power. */
static int printing_begin(struct printing *p, const struct pb__float_parts *f)
{
    /* At a power of two, the lower neighbour is half as far away as the upper one. */
    int uneven = f->mantissa == (uint64_t)1 << 52 && f->exponent > -1074;
    int up = f->exponent > 0 ? f->exponent : 0;
    int down = f->exponent < 0 ? -f->exponent : 0;
    number_set(&p->value, f->mantissa, up + 1 + uneven);
    number_set(&p->unit, 1, down + 1 + uneven);
    number_set(&p->above, 1, up + uneven);
    number_set(&p->below, 1, up);
    p->inclusive = f->mantissa % 2 == 0;

    /* Too small by at most three; the loop below corrects it. */
    int bits = (int)pb__limbs_bits(p->value.limbs, p->value.len) -
               (int)pb__limbs_bits(p->unit.limbs, p->unit.len);
    int point = ((bits - 1) * 30103 - 1000 - 100000 * 1000) / 100000 + 999;
    if (point >= 0) {
        number_scale(&p->unit, 10, point);
    } else {
        number_scale(&p->value, 10, -point);
        number_scale(&p->above, 10, -point);
        number_scale(&p->below, 10, -point);
    }
    while (number_compare_sum(&p->value, &p->above, &p->unit) >= !p->inclusive) {
        number_scale(&p->unit, 10, 1);
        point++;
    }
    return point;
}

/* Writes the digits; returns their number. */
static size_t make_digits(struct printing *p, char *digits)
{
    size_t count = 0;
    for (;;) {
        number_scale(&p->value, 10, 1);
        number_scale(&p->above, 10, 1);
        number_scale(&p->below, 10, 1);
        int digit = 0;
        while (number_compare(&p->value, &p->unit) >= 0) {
            p->value.len =
                pb__limbs_sub(p->value.limbs, p->value.len, p->unit.limbs, p->unit.len);
            digit++;
        }
        bool low = number_compare(&p->value, &p->below) < p->inclusive;
        bool high = number_compare_sum(&p->value, &p->above, &p->unit) >= !p->inclusive;
        if (low && high) {
            int half = number_compare_sum(&p->value, &p->value, &p->unit);
            digit += half > 0 || (half == 0 && digit % 2 != 0);
        } else if (high) {
            digit++;
        }
        digits[count++] = (char)('0' + digit);
        if (low || high) {
            return count;
        }
    }
}

/* The layout of float_repr_style 'short': d.ddde+XX from 1e16 on and below 1e-4;
 * otherwise at least one digit on each side of the point. */
static size_t digits_layout(char *out, const char *digits, size_t count, int point)
{
    char *at = out;
    if (point < -3 || point > 16) {
        *at++ = digits[0];
        if (count > 1) {
            *at++ = '.';
            memcpy(at, digits + 1, count - 1);
            at += count - 1;
        }
        int exponent = point - 1;
        return (size_t)(at - out) + (size_t)snprintf(at, 8, "e%c%02d",
                                                     exponent < 0 ? '-' : '+',
                                                     exponent < 0 ? -exponent : exponent);
    }
    for (int place = point < 1 ? point - 1 : 0; place < (int)count || place <= point;
         place++) {
        if (place == point) {
            *at++ = '.';
        }
        *at++ = place >= 0 && place < (int)count ? digits[place] : '0';
    }
    *at = '\0';
    return (size_t)(at - out);
}

size_t pb__float_repr(double d, char out[PB__FLOAT_REPR])
{
    char *at = out;
    if (d != d) {
        strcpy(at, "nan");
        return 3;
    }
    struct pb__float_parts parts = pb__float_split(d);
    if (parts.negative) {
        *at++ = '-';
    }
    if (d - d != 0) {
        strcpy(at, "inf");
        return (size_t)(at - out) + 3;
    }
    char digits[20] = "0";
    size_t count = 1;
    int point = 1;
    if (parts.mantissa != 0) {
        struct printing p;
        point = printing_begin(&p, &parts);
        count = make_digits(&p, digits);
    }
    return (size_t)(at - out) + digits_layout(at, digits, count, point);
}

/* The number of significant digits: a number halfway between two floats has at most
 * 767. */
#define DIGITS 770

struct decimal {
    struct number digits;
    size_t count;
    int64_t exponent;
};

/* Reads digits into d, and returns the position after them. Of the digits after DIGITS,
 * it only matters whether they are zero. */
static const char *float_take_digits(struct decimal *d, const char *s, const char *end,
                                     bool fraction, size_t *seen)
{
    for (; s < end && ((*s >= '0' && *s <= '9') || *s == '_'); s++) {
        if (*s == '_') {
            continue;
        }
        (*seen)++;
        if (d->count < DIGITS) {
            d->digits.len = pb__limbs_mul_add(d->digits.limbs, d->digits.len, 10,
                                              (uint32_t)(*s - '0'));
            d->count += d->digits.len != 0;
            d->exponent -= fraction;
        } else {
            if (*s != '0') {
                d->digits.limbs[0] |= 1;
            }
            d->exponent += !fraction;
        }
    }
    return s;
}

/* Reads a number as digits and a power of ten; returns false if it is not a number. */
static bool float_scan(struct decimal *d, const char *s, size_t len)
{
    const char *end = s + len;
    size_t seen = 0;
    s = float_take_digits(d, s, end, false, &seen);
    if (s < end && *s == '.') {
        s = float_take_digits(d, s + 1, end, true, &seen);
    }
    if (seen == 0) {
        return false;
    }
    if (s < end && (*s | 0x20) == 'e') {
        s++;
        bool negative = s < end && *s == '-';
        s += s < end && (*s == '-' || *s == '+');
        int64_t exponent = 0;
        const char *first = s;
        for (; s < end && ((*s >= '0' && *s <= '9') || *s == '_'); s++) {
            if (*s != '_' && exponent < INT64_MAX / 100) {
                exponent = exponent * 10 + (*s - '0');
            }
        }
        if (s == first) {
            return false;
        }
        d->exponent += negative ? -exponent : exponent;
    }
    return s == end;
}

/* Returns top / bottom as a float, rounded to the nearest, half to even. */
static double number_divide(struct number *top, struct number *bottom)
{
    int exponent = (int)pb__limbs_bits(top->limbs, top->len) -
                   (int)pb__limbs_bits(bottom->limbs, bottom->len);
    struct number *shorter = exponent < 0 ? top : bottom;
    shorter->len = pb__limbs_shift(shorter->limbs, shorter->len,
                                   (size_t)(exponent < 0 ? -exponent : exponent));
    if (number_compare(top, bottom) < 0) {
        top->len = pb__limbs_shift(top->limbs, top->len, 1);
        exponent--;
    }
    /* Now 1 <= top / bottom < 2, times 2 ** exponent. */
    int bits = exponent >= -1022 ? 53 : 53 + 1022 + exponent;
    if (bits < 0) {
        return 0;
    }
    if (exponent > 1023) {
        return __builtin_inf();
    }
    uint64_t mantissa = 0;
    for (int i = 0; i < bits; i++) {
        bool one = number_compare(top, bottom) >= 0;
        if (one) {
            top->len = pb__limbs_sub(top->limbs, top->len, bottom->limbs, bottom->len);
        }
        mantissa = mantissa << 1 | one;
        top->len = pb__limbs_shift(top->limbs, top->len, 1);
    }
    int half = number_compare(top, bottom);
    mantissa += half > 0 || (half == 0 && mantissa % 2 != 0);
    /* If rounding up makes the mantissa the next power of two, it carries into the
     * exponent. */
    uint64_t biased = bits == 53 ? (uint64_t)(exponent + 1022) : 0;
    uint64_t word = (biased << 52) + mantissa;
    double d;
    memcpy(&d, &word, sizeof d);
    return d;
}

bool pb__float_parse(const char *s, size_t len, double *out)
{
    struct decimal d;
    d.digits.len = 0;
    d.count = 0;
    d.exponent = 0;
    if (!float_scan(&d, s, len)) {
        return false;
    }
    int64_t point = (int64_t)d.count + d.exponent;
    if (d.digits.len == 0 || point < -330) {
        *out = 0;
    } else if (point > 310) {
        *out = __builtin_inf();
    } else {
        struct number bottom;
        number_set(&bottom, 1, 0);
        number_scale(d.exponent < 0 ? &bottom : &d.digits, 10,
                     (int)(d.exponent < 0 ? -d.exponent : d.exponent));
        *out = number_divide(&d.digits, &bottom);
    }
    return true;
}
