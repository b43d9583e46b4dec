/* SPDX-License-Identifier: MIT
 *
 * decimal.Decimal: a sign, a coefficient and a power of ten, stored as written. The
 * limits of the exponent are those of Python's _decimal on 64 bits. */
#include "compat/decimal.h"

#include <inttypes.h>
#include <stdio.h>

#include "compat/integer.h"
#include "libpb/base/error.h"

#define EXPONENT_MAX INT64_C(999999999999999999)   /* of the first digit */
#define EXPONENT_MIN INT64_C(-1999999999999999997) /* of the last */

/* Returns whether the exponent of the first digit of digits * 10 ** exponent is within
 * the limit. The digits are only counted if their number matters, because counting is
 * slow. */
static int check_exponent(int64_t exponent, const pb_value *digits, pb_error *err)
{
    bool fits = exponent >= EXPONENT_MIN && exponent <= EXPONENT_MAX;
    struct pb__limbs_view view;
    pb__int_view(digits, &view);
    if (fits && exponent > EXPONENT_MAX - (int64_t)view.len * 10) {
        struct pb__buf text = {0};
        if (pb__int_print(&text, digits)) {
            pb__buf_fini(&text);
            return pb__error_nomem(err);
        }
        fits = (int64_t)text.len - 1 <= EXPONENT_MAX - exponent;
        pb__buf_fini(&text);
    }
    return fits ? 0
                : pb__error_set(err, PB_ERR_RANGE, 0,
                                "the exponent %" PRId64 " is out of range for a Decimal",
                                exponent);
}

pb_value *pb__decimal_new_steal(struct pb__slab_pool *pool, bool negative, char special,
                                int64_t exponent, pb_value *digits, pb_error *err)
{
    if (!digits) {
        pb__error_nomem(err);
        return NULL;
    }
    struct pb__decimal *d = NULL;
    if (special || check_exponent(exponent, digits, err) == 0) {
        d = pb__value_new(pool, sizeof *d, PB_DECIMAL);
        if (!d) {
            pb__error_nomem(err);
        }
    }
    if (!d) {
        pb__unref(digits);
        return NULL;
    }
    d->negative = negative;
    d->special = special;
    d->exponent = special ? 0 : exponent;
    d->digits = digits;
    return &d->head;
}

/* The text that is being read. Underscores are allowed anywhere, and ignored. */
struct reading {
    const char *at, *end;
};

static char decimal_peek(struct reading *r)
{
    while (r->at < r->end && *r->at == '_') {
        r->at++;
    }
    return r->at < r->end ? *r->at : '\0';
}

/* Skips the word, in upper or lower case. */
static bool take_word(struct reading *r, const char *word)
{
    struct reading from = *r;
    for (; *word; word++) {
        if ((decimal_peek(r) | 0x20) != *word) {
            *r = from;
            return false;
        }
        r->at++;
    }
    return true;
}

static bool take_sign(struct reading *r)
{
    char c = decimal_peek(r);
    r->at += c == '-' || c == '+';
    return c == '-';
}

/* Appends the digits that follow to out, without leading zeros; returns their number. */
static int decimal_take_digits(struct reading *r, struct pb__buf *out, size_t *count)
{
    for (char c; c = decimal_peek(r), c >= '0' && c <= '9'; r->at++) {
        (*count)++;
        if (c != '0' || out->len != 0) {
            int e = pb__buf_append(out, &c, 1);
            if (e) {
                return e;
            }
        }
    }
    return 0;
}

/* Reads the part after E; returns false if it is not complete. */
static bool take_exponent(struct reading *r, int64_t *out)
{
    bool negative = take_sign(r);
    int64_t exponent = 0;
    bool any = false;
    for (char c; c = decimal_peek(r), c >= '0' && c <= '9'; r->at++) {
        any = true;
        /* A number that is too large for a Decimal remains so. */
        exponent = exponent > INT64_MAX / 20 ? INT64_MAX / 2 : exponent * 10 + (c - '0');
    }
    *out = negative ? -exponent : exponent;
    return any;
}

struct parts {
    struct pb__buf digits;
    int64_t exponent;
    char special;
};

/* Reads everything except the sign. */
static int take_parts(struct reading *r, struct parts *p)
{
    size_t count = 0;
    if (take_word(r, "inf")) {
        take_word(r, "inity");
        p->special = 'F';
        return 0;
    }
    if (take_word(r, "nan")) {
        p->special = 'n';
        return decimal_take_digits(r, &p->digits, &count);
    }
    if (take_word(r, "snan")) {
        p->special = 'N';
        return decimal_take_digits(r, &p->digits, &count);
    }
    int e = decimal_take_digits(r, &p->digits, &count);
    if (e == 0 && decimal_peek(r) == '.') {
        size_t whole = count;
        r->at++;
        e = decimal_take_digits(r, &p->digits, &count);
        p->exponent = -(int64_t)(count - whole);
    }
    if (e == 0 && count != 0 && (decimal_peek(r) | 0x20) == 'e') {
        r->at++;
        int64_t exponent;
        if (!take_exponent(r, &exponent)) {
            return PB_ERR_SYNTAX;
        }
        p->exponent += exponent;
    }
    return e ? e : count == 0 ? PB_ERR_SYNTAX : 0;
}

static bool decimal_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

pb_value *pb__decimal_parse(const char *s, size_t len, pb_error *err)
{
    struct reading r = {s, s + len};
    while (r.at < r.end && decimal_is_space(*r.at)) {
        r.at++;
    }
    while (r.end > r.at && decimal_is_space(r.end[-1])) {
        r.end--;
    }
    bool negative = take_sign(&r);
    struct parts p = {{0}, 0, 0};
    int e = take_parts(&r, &p);
    if (e == 0 && (decimal_peek(&r) != '\0' || r.at != r.end)) {
        e = PB_ERR_SYNTAX;
    }
    pb_value *v = NULL;
    if (e == PB_ERR_SYNTAX) {
        pb__error_set(err, e, (uint64_t)(r.at - s), "'%.*s' is not a Decimal",
                      len < 60 ? (int)len : 60, s);
    } else if (e) {
        pb__error_nomem(err);
    } else {
        pb_value *digits =
            pb__int_digits(false, (const char *)p.digits.data, p.digits.len, 10);
        v = pb__decimal_new_steal(NULL, negative, p.special, p.exponent, digits, err);
    }
    pb__buf_fini(&p.digits);
    return v;
}

pb_value *pb_decimal(const char *text, pb_error *err)
{
    if (!text) {
        pb__error_null(err, "the text of a Decimal");
        return NULL;
    }
    return pb__decimal_parse(text, strlen(text), err);
}

static int print_zeros(struct pb__buf *out, int64_t count)
{
    int e = 0;
    while (e == 0 && count-- > 0) {
        e = pb__buf_puts(out, "0");
    }
    return e;
}

/* Appends the digits, with the point after the first `point` of them. */
static int print_pointed(struct pb__buf *out, const struct pb__buf *digits, int64_t point)
{
    int64_t count = (int64_t)digits->len;
    size_t before = (size_t)(point < 0 ? 0 : point > count ? count : point);
    int e =
        before == 0 ? pb__buf_puts(out, "0") : pb__buf_append(out, digits->data, before);
    if (e == 0 && point < count) {
        e = pb__buf_puts(out, ".");
        e = e ? e : print_zeros(out, -point);
        e = e ? e : pb__buf_append(out, digits->data + before, digits->len - before);
    }
    return e;
}

static int print_special(struct pb__buf *out, const struct pb__decimal *d)
{
    int e = pb__buf_puts(out, d->special == 'F'   ? "Infinity"
                              : d->special == 'n' ? "NaN"
                                                  : "sNaN");
    if (e == 0 && d->digits != pb__small(0)) {
        e = pb__int_print(out, d->digits);
    }
    return e;
}

int pb__decimal_print(struct pb__buf *out, const pb_value *v)
{
    const struct pb__decimal *d = (const struct pb__decimal *)v;
    int e = d->negative ? pb__buf_puts(out, "-") : 0;
    if (e || d->special) {
        return e ? e : print_special(out, d);
    }
    struct pb__buf digits = {0};
    e = pb__int_print(&digits, d->digits);
    /* No exponent is printed if only a few leading zeros have to be added. */
    int64_t left = d->exponent + (int64_t)digits.len;
    bool plain = d->exponent <= 0 && left > -6;
    e = e ? e : print_pointed(out, &digits, plain ? left : 1);
    if (e == 0 && !plain && left != 1) {
        e = pb__buf_printf(out, "E%+" PRId64, left - 1);
    }
    pb__buf_fini(&digits);
    return e;
}
