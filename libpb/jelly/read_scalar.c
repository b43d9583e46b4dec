/* SPDX-License-Identifier: MIT
 *
 * Builds dates, times, Decimals and the reasons of Unpersistables from the members of
 * expressions. They accept exactly what int() and the constructors of Python accept. */
#include <string.h>

#include "compat/decimal.h"
#include "compat/floats.h"
#include "compat/integer.h"
#include "compat/repr.h"
#include "libpb/jelly/read.h"

#define SHOWN 40 /* bytes of a word that an error shows */

/* The limit of a number. A member of a timedelta may exceed int64_t, but no sum with a
 * larger number than this is a timedelta. */
#define NUMBER_BITS 88
#define NUMBER_LIMBS 8 /* room for a sum of such numbers in microseconds */

struct number {
    uint32_t limbs[NUMBER_LIMBS]; /* below 2 ** (NUMBER_BITS + 4) */
    size_t len;
    bool negative;
};

static bool scalar_is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* int() of a word of bytes: decimal digits, a sign, and in Python 3 an underscore between
 * two digits. */
static bool read_number(pb_span word, bool python2, struct number *out)
{
    size_t i = word.len > 0 && (word.data[0] == '-' || word.data[0] == '+');
    *out = (struct number){.negative = word.len > 0 && word.data[0] == '-'};
    bool digit = false; /* the last one was */
    for (; i < word.len; i++) {
        uint8_t c = word.data[i];
        if (c == '_' && digit && !python2) {
            digit = false;
        } else if (c >= '0' && c <= '9') {
            if (pb__limbs_bits(out->limbs, out->len) <= NUMBER_BITS) {
                out->len =
                    pb__limbs_mul_add(out->limbs, out->len, 10, (uint32_t)(c - '0'));
            }
            digit = true;
        } else {
            return false;
        }
    }
    return digit;
}

/* Reads up to `most` numbers of a text; returns their count, or -1 with err. */
static int read_numbers(pb_span text, bool python2, struct number *out, int most,
                        pb_error *err)
{
    int count = 0;
    for (size_t i = 0; i < text.len;) {
        size_t start = i;
        while (i < text.len && !scalar_is_space(text.data[i])) {
            i++;
        }
        pb_span word = {text.data + start, i - start};
        if (word.len == 0) {
            i++;
            continue;
        }
        if (count == most) {
            pb__error_set(err, PB_ERR_SYNTAX, 0, "more than %d numbers", most);
            return -1;
        }
        if (!read_number(word, python2, &out[count++])) {
            size_t bad;
            bool text_too = pb__utf8_check(word.data, word.len, &bad);
            pb__error_set(err, PB_ERR_SYNTAX, 0, "'%.*s' is not a number",
                          !text_too          ? 0
                          : word.len < SHOWN ? (int)word.len
                                             : SHOWN,
                          (const char *)word.data);
            return -1;
        }
    }
    return count;
}

/* Converts a number to an int. One that does not fit becomes larger than any field
 * allows. */
static int number_to_int(const struct number *n)
{
    int i = n->len == 0                               ? 0
            : n->len == 1 && n->limbs[0] < 1000000000 ? (int)n->limbs[0]
                                                      : 1000000000;
    return n->negative ? -i : i;
}

/* Adds n times a unit of that many microseconds to the sum of its sign. */
static void sum_add(struct number sums[2], const struct number *n, uint32_t seconds,
                    uint32_t microseconds)
{
    struct number *sum = &sums[n->negative];
    struct number scaled = *n;
    scaled.len = pb__limbs_mul_add(scaled.limbs, scaled.len, seconds, 0);
    scaled.len = pb__limbs_mul_add(scaled.limbs, scaled.len, microseconds, 0);
    sum->len = pb__limbs_add(sum->limbs, sum->len, scaled.limbs, scaled.len);
}

/* Makes a timedelta from its members, which may have any sign and size, as in Python. */
static pb_value *read_timedelta(const struct number *n, pb_error *err)
{
    struct number sums[2] = {{.len = 0}, {.len = 0}};
    sum_add(sums, &n[0], 86400, 1000000);
    sum_add(sums, &n[1], 1, 1000000);
    sum_add(sums, &n[2], 1, 1);
    bool negative =
        pb__limbs_compare(sums[0].limbs, sums[0].len, sums[1].limbs, sums[1].len) < 0;
    struct number *sum = &sums[negative];
    sum->len =
        pb__limbs_sub(sum->limbs, sum->len, sums[!negative].limbs, sums[!negative].len);
    int64_t microseconds = pb__limbs_div(sum->limbs, &sum->len, 1000000);
    int64_t seconds = pb__limbs_div(sum->limbs, &sum->len, 86400);
    int64_t days = sum->len > 1 || (sum->len == 1 && sum->limbs[0] > INT32_MAX)
                       ? INT32_MAX
                   : sum->len ? sum->limbs[0]
                              : 0;
    return negative ? pb_timedelta(-days, -seconds, -microseconds, err)
                    : pb_timedelta(days, seconds, microseconds, err);
}

pb_value *pb__read_datetime(enum pb__head head, pb_span text, bool python2, pb_error *err)
{
    static const struct {
        int least, most;
    } counts[PB__HEADS] = {[PB__HEAD_DATETIME] = {3, 7},
                           [PB__HEAD_DATE] = {3, 3},
                           [PB__HEAD_TIME] = {0, 4},
                           [PB__HEAD_TIMEDELTA] = {3, 3}};
    struct number n[7] = {0};
    int count = read_numbers(text, python2, n, counts[head].most, err);
    if (count < 0) {
        return NULL;
    }
    if (count < counts[head].least) {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "%d numbers where a %s has %d", count,
                      pb__head_rows[head].text, counts[head].least);
        return NULL;
    }
    int i[7];
    for (int k = 0; k < 7; k++) {
        i[k] = number_to_int(&n[k]);
    }
    switch (head) {
    case PB__HEAD_DATETIME:
        return pb_datetime(
            &(pb_datetime_fields){i[0], i[1], i[2], i[3], i[4], i[5], i[6]}, err);
    case PB__HEAD_DATE:
        return pb_date(i[0], i[1], i[2], err);
    case PB__HEAD_TIME:
        return pb_time(i[0], i[1], i[2], i[3], err);
    default:
        return read_timedelta(n, err);
    }
}

/* All the digits of a finite float: Decimal(d) without sign and exponent. *new*. */
static pb_value *digits_of_float(double d)
{
    struct pb__float_parts p = pb__float_split(d);
    /* The digits of the reduced fraction, multiplied by ten for each two in its
     * denominator. */
    while (p.exponent < 0 && p.mantissa && !(p.mantissa & 1)) {
        p.mantissa >>= 1;
        p.exponent++;
    }
    if (p.mantissa == 0) {
        return pb__small(0);
    }
    uint32_t limbs[96]; /* 53 bits and 1074 fives are 2547 bits */
    size_t len = pb__limbs_from(limbs, p.mantissa);
    len = p.exponent < 0 ? pb__limbs_mul_pow(limbs, len, 5, (size_t)-p.exponent)
                         : pb__limbs_shift(limbs, len, (size_t)p.exponent);
    return pb__int_limbs(NULL, false, limbs, len);
}

/* The digits of Decimal(value); *new*. NULL with err. */
static pb_value *digits_of(const pb_value *value, bool *negative, bool python2,
                           pb_error *err)
{
    pb_kind kind = value ? pb__kind(value) : PB_LIST;
    pb_value *digits = NULL;
    *negative = false;
    if (kind == PB_INT) {
        struct pb__limbs_view view;
        pb__int_view(value, &view);
        *negative = view.negative;
        digits = pb__int_limbs(NULL, false, view.limbs, view.len);
    } else if (kind == PB_FLOAT) {
        double d = ((const struct pb__float *)value)->d;
        *negative = d < 0;
        digits = __builtin_isfinite(d) ? digits_of_float(d) : pb__small(0);
    } else if (kind == PB_BYTES && python2) {
        const struct pb__text *t = (const struct pb__text *)value;
        pb_value *whole = pb__decimal_parse((const char *)t->data, t->len, err);
        if (whole) {
            digits = pb__ref(((struct pb__decimal *)whole)->digits);
            pb__unref(whole);
        }
        return digits;
    } else {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "the value of a decimal is not a number");
        return NULL;
    }
    if (!digits) {
        pb__error_nomem(err);
    }
    return digits;
}

/* Reads the exponent: a number, or in Python 2 the letter of a special value. */
static bool read_exponent(const pb_value *v, bool python2, char *special, int64_t *out)
{
    *special = 0;
    *out = 0;
    if (v && pb__kind(v) == PB_INT) {
        return pb_as_int(v, out) == 0;
    }
    if (!v || pb__kind(v) != PB_BYTES || !python2) {
        return false;
    }
    const struct pb__text *t = (const struct pb__text *)v;
    *special = (char)t->data[0];
    return t->len == 1 && (*special == 'F' || *special == 'n' || *special == 'N');
}

pb_value *pb__read_decimal(const pb_value *value, const pb_value *exponent, bool python2,
                           pb_error *err)
{
    bool negative;
    char special;
    int64_t power;
    pb_value *digits = digits_of(value, &negative, python2, err);
    if (!digits) {
        return NULL;
    }
    if (!read_exponent(exponent, python2, &special, &power)) {
        pb__unref(digits);
        pb__error_set(err, PB_ERR_SYNTAX, 0,
                      "the exponent of a decimal is not an integer, or too large");
        return NULL;
    }
    if (special == 'F') {
        pb__unref(digits);
        digits = pb__small(0);
    }
    return pb__decimal_new_steal(NULL, negative, special, power, digits, err);
}

/* Appends Python 2's repr of a list that was stored as it is: Python 3's, without the b
 * of byte strings. */
static int print_python2(struct pb__buf *out, const pb_value *v)
{
    struct pb__buf text = {0};
    int e = pb__repr(&text, v);
    bool quoted = false;
    uint8_t quote = 0;
    for (size_t i = 0; e == 0 && i < text.len; i++) {
        uint8_t c = text.data[i];
        if (!quoted && c == 'b') {
            continue;
        }
        e = pb__buf_append(out, &c, 1);
        if (quoted && c == '\\') {
            e = e ? e : pb__buf_append(out, &text.data[++i], 1);
        } else if (quoted ? c == quote : c == '\'' || c == '"') {
            quoted = !quoted;
            quote = c;
        }
    }
    pb__buf_fini(&text);
    return e;
}

/* Appends text, with the replacement character for bytes that are not UTF-8. */
static int print_text(struct pb__buf *out, const uint8_t *s, size_t len)
{
    int e = 0;
    size_t bad;
    while (e == 0 && !pb__utf8_check(s, len, &bad)) {
        e = pb__buf_append(out, s, bad);
        e = e ? e : pb__buf_puts(out, "\xef\xbf\xbd");
        s += bad + 1;
        len -= bad + 1;
    }
    return e ? e : pb__buf_append(out, s, len);
}

pb_value *pb__read_formatted(pb_kind kind, const char *prefix, const pb_value *v,
                             bool python2, pb_error *err)
{
    struct pb__buf out = {0};
    int e = pb__buf_puts(&out, prefix);
    if (e == 0 && python2 && pb__kind(v) == PB_BYTES) {
        const struct pb__text *t = (const struct pb__text *)v;
        e = print_text(&out, t->data, t->len);
    } else if (e == 0) {
        e = python2 ? print_python2(&out, v) : pb__repr(&out, v);
    }
    struct pb__text *t = e ? NULL : pb__text_new(NULL, kind, out.data, out.len);
    pb__buf_fini(&out);
    if (!t) {
        pb__error_nomem(err);
    }
    return (pb_value *)t;
}
