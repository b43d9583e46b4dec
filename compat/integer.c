/* SPDX-License-Identifier: MIT
 *
 * Ints: small ones in the pointer, large ones as limbs; and their conversions from and to
 * base 128 (banana), bytes and digits. A PB_INT with limbs never fits into the pointer,
 * so every int has only one form. */
#include "compat/integer.h"

#include <inttypes.h>
#include <stdio.h>

#include "libpb/base/error.h"
#include "libpb/base/span.h"

static struct pb__big *big_new(struct pb__slab_pool *pool, size_t len)
{
    size_t size;
    if (len > UINT32_MAX || !pb__mul(len, sizeof(uint32_t), &size) ||
        !pb__add(size, sizeof(struct pb__big), &size)) {
        return NULL;
    }
    return pb__value_new(pool, size, PB_INT);
}

/* Completes b, whose limbs are filled. If it fits, a small int replaces it. */
static pb_value *big_finish(struct pb__big *b, bool negative, size_t len)
{
    len = pb__limbs_trim(b->limbs, len);
    b->negative = negative;
    b->len = (uint32_t)len;
    if (len <= 2) {
        uint64_t u =
            (len > 0 ? b->limbs[0] : 0) | (len > 1 ? (uint64_t)b->limbs[1] << 32 : 0);
        if (u <= (uint64_t)PB__SMALL_MAX + negative) {
            pb__unref(&b->head);
            return pb__small(negative ? -(int64_t)u : (int64_t)u);
        }
    }
    return &b->head;
}

pb_value *pb__int_limbs(struct pb__slab_pool *pool, bool negative, const uint32_t *limbs,
                        size_t len)
{
    len = pb__limbs_trim(limbs, len);
    struct pb__big *b = big_new(pool, len);
    if (!b) {
        return NULL;
    }
    if (len != 0) {
        memcpy(b->limbs, limbs, len * sizeof *limbs);
    }
    return big_finish(b, negative, len);
}

pb_value *pb__int_new(struct pb__slab_pool *pool, int64_t i)
{
    if (pb__fits_small(i)) {
        return pb__small(i);
    }
    uint32_t limbs[2];
    size_t len = pb__limbs_from(limbs, i < 0 ? -(uint64_t)i : (uint64_t)i);
    return pb__int_limbs(pool, i < 0, limbs, len);
}

pb_value *pb_int(int64_t i)
{
    return pb__int_new(NULL, i);
}

pb_value *pb_bool(bool b)
{
    return b ? &pb__true_value : &pb__false_value;
}

/* Makes an int from digits of `bits` bits, least significant first. */
static pb_value *from_digits(struct pb__slab_pool *pool, bool negative, pb_span digits,
                             unsigned bits)
{
    size_t all_bits;
    if (pb__span_is_null(digits)) {
        return NULL;
    }
    while (digits.len > 0 && digits.data[digits.len - 1] == 0) {
        digits.len--;
    }
    if (!pb__mul(digits.len, bits, &all_bits)) {
        return NULL;
    }
    struct pb__big *b = big_new(pool, all_bits / 32 + 1);
    if (!b) {
        return NULL;
    }
    uint64_t window = 0;
    unsigned in_window = 0;
    size_t len = 0;
    for (size_t i = 0; i < digits.len; i++) {
        window |= (uint64_t)digits.data[i] << in_window;
        in_window += bits;
        if (in_window >= 32) {
            b->limbs[len++] = (uint32_t)window;
            window >>= 32;
            in_window -= 32;
        }
    }
    b->limbs[len++] = (uint32_t)window;
    return big_finish(b, negative, len);
}

pb_value *pb__int_base128(struct pb__slab_pool *pool, bool negative, pb_span digits)
{
    return from_digits(pool, negative, digits, 7);
}

pb_value *pb_int_bytes(bool negative, pb_span little_endian)
{
    return from_digits(NULL, negative, little_endian, 8);
}

size_t pb__int_base128_len(const struct pb__big *b)
{
    return (pb__limbs_bits(b->limbs, b->len) + 6) / 7;
}

/* Splits limbs into `count` digits of `bits` bits. */
static void to_digits(const uint32_t *limbs, size_t len, unsigned bits, uint8_t *out,
                      size_t count)
{
    uint64_t window = 0;
    unsigned in_window = 0;
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        if (in_window < bits && next < len) {
            window |= (uint64_t)limbs[next++] << in_window;
            in_window += 32;
        }
        out[i] = (uint8_t)(window & ((1u << bits) - 1));
        window >>= bits;
        in_window -= in_window < bits ? in_window : bits;
    }
}

void pb__int_to_base128(const struct pb__big *b, uint8_t *out)
{
    to_digits(b->limbs, b->len, 7, out, pb__int_base128_len(b));
}

void pb__int_view(const pb_value *v, struct pb__limbs_view *out)
{
    if (pb__kind(v) == PB_INT && !pb__is_small(v)) {
        const struct pb__big *b = (const struct pb__big *)v;
        out->limbs = b->limbs;
        out->len = b->len;
        out->negative = b->negative;
        return;
    }
    int64_t i = pb__is_small(v) ? pb__small_of(v) : v == &pb__true_value;
    out->limbs = out->room;
    out->len = pb__limbs_from(out->room, i < 0 ? -(uint64_t)i : (uint64_t)i);
    out->negative = i < 0;
}

int pb_as_int_bytes(const pb_value *v, bool *negative, uint8_t **out, size_t *len)
{
    if (!negative || !out || !len) {
        return PB_ERR_ARG;
    }
    *negative = false;
    *out = NULL;
    *len = 0;
    pb_kind kind = pb__kind_or_nothing(v);
    if (kind != PB_INT && kind != PB_BOOL) {
        return pb__wrong_kind(v);
    }
    struct pb__limbs_view view;
    pb__int_view(v, &view);
    size_t count = (pb__limbs_bits(view.limbs, view.len) + 7) / 8;
    uint8_t *bytes = pb__malloc(count);
    if (!bytes) {
        return PB_ERR_NOMEM;
    }
    to_digits(view.limbs, view.len, 8, bytes, count);
    *negative = view.negative;
    *out = bytes;
    *len = count;
    return 0;
}

int pb_as_bool(const pb_value *v, bool *out)
{
    if (!out) {
        return PB_ERR_ARG;
    }
    *out = v == &pb__true_value;
    return *out || v == &pb__false_value ? 0 : pb__wrong_kind(v);
}

int pb_as_int(const pb_value *v, int64_t *out)
{
    if (!out) {
        return PB_ERR_ARG;
    }
    if (pb__is_small(v)) {
        *out = pb__small_of(v);
        return 0;
    }
    *out = v == &pb__true_value;
    pb_kind kind = pb__kind_or_nothing(v);
    if (kind != PB_INT) {
        return kind == PB_BOOL ? 0 : pb__wrong_kind(v);
    }
    const struct pb__big *b = (const struct pb__big *)v;
    uint64_t u = b->limbs[0] | (b->len > 1 ? (uint64_t)b->limbs[1] << 32 : 0);
    if (b->len > 2 || u > (uint64_t)INT64_MAX + b->negative) {
        return PB_ERR_RANGE;
    }
    *out = b->negative ? (int64_t)(0 - u) : (int64_t)u;
    return 0;
}

/* The number of limbs for `len` digits of the base. */
static size_t limbs_for(size_t len, unsigned base)
{
    return base == 10 ? len / 9 + 1 : len / (base == 16 ? 8 : base == 8 ? 10 : 32) + 1;
}

pb_value *pb__int_digits(bool negative, const char *digits, size_t len, unsigned base)
{
    struct pb__big *b = big_new(NULL, limbs_for(len, base));
    if (!b) {
        return NULL;
    }
    size_t n = 0;
    uint32_t chunk = 0;
    uint32_t scale = 1;
    for (size_t i = 0; i < len; i++) {
        char c = digits[i];
        if (c != '_') {
            uint32_t digit = (uint32_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
            chunk = chunk * base + digit;
            scale *= base;
        }
        if (scale >= 10000000 || i + 1 == len) {
            n = pb__limbs_mul_add(b->limbs, n, scale, chunk);
            chunk = 0;
            scale = 1;
        }
    }
    return big_finish(b, negative, n);
}

pb_value *pb_int_text(const char *decimal, pb_error *err)
{
    const char *s = decimal;
    if (!s) {
        pb__error_null(err, "the text of an int");
        return NULL;
    }
    bool negative = *s == '-';
    s += *s == '-' || *s == '+';
    const char *digits = s;
    while ((*s >= '0' && *s <= '9') || (*s == '_' && s > digits && s[-1] != '_')) {
        s++;
    }
    if (*s != '\0' || s == digits || s[-1] == '_') {
        pb__error_set(err, PB_ERR_SYNTAX, (uint64_t)(s - decimal),
                      "invalid decimal integer '%.60s'", decimal);
        return NULL;
    }
    pb_value *v = pb__int_digits(negative, digits, (size_t)(s - digits), 10);
    if (!v) {
        pb__error_nomem(err);
    }
    return v;
}

/* Appends a number that is not small: nine digits at a time from the low end, into a
 * separate buffer that is then reversed. */
static int print_limbs(struct pb__buf *out, const uint32_t *limbs, size_t len)
{
    size_t most = len * 10 + 9; /* a limb has fewer than ten digits */
    int e = pb__buf_reserve(out, most);
    uint32_t *rest = e ? NULL : pb__malloc(len * sizeof *rest);
    if (!rest) {
        return PB_ERR_NOMEM;
    }
    memcpy(rest, limbs, len * sizeof *rest);
    uint8_t *end = out->data + out->len + most;
    uint8_t *at = end;
    while (len != 0) {
        uint32_t chunk = pb__limbs_div(rest, &len, 1000000000);
        for (int i = 0; i < 9 && (len != 0 || chunk != 0); i++) {
            *--at = (uint8_t)('0' + chunk % 10);
            chunk /= 10;
        }
    }
    memmove(out->data + out->len, at, (size_t)(end - at));
    out->len += (size_t)(end - at);
    pb__free(rest);
    return 0;
}

int pb__int_print(struct pb__buf *out, const pb_value *v)
{
    if (pb__is_small(v)) {
        return pb__buf_printf(out, "%" PRId64, pb__small_of(v));
    }
    const struct pb__big *b = (const struct pb__big *)v;
    int e = b->negative ? pb__buf_puts(out, "-") : 0;
    return e ? e : print_limbs(out, b->limbs, b->len);
}
