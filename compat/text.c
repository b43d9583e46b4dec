/* SPDX-License-Identifier: MIT
 *
 * bytes and str, floats, and values that consist of a name. */
#include <string.h>

#include "compat/value.h"
#include "libpb/base/error.h"
#include "libpb/base/span.h"

/* Returns the length of the UTF-8 sequence that a byte begins, and the range of its
 * second byte, which excludes overlong forms, surrogates, and code points beyond
 * U+10FFFF. */
static size_t utf8_sequence(const uint8_t *s, uint8_t *low, uint8_t *high)
{
    uint8_t c = s[0];
    *low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    *high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    return c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
}

static bool check_rest(const uint8_t *s, size_t len, size_t i, size_t *bad)
{
    while (i < len) {
        uint64_t eight;
        if (len - i >= 8) {
            memcpy(&eight, s + i, 8);
            if ((eight & 0x8080808080808080u) == 0) {
                i += 8;
                continue;
            }
        }
        if (s[i] < 0x80) {
            i++;
            continue;
        }
        uint8_t low, high;
        size_t n = utf8_sequence(s + i, &low, &high);
        bool good = n != 0 && n <= len - i && s[i + 1] >= low && s[i + 1] <= high;
        for (size_t k = 2; good && k < n; k++) {
            good = (s[i + k] & 0xc0) == 0x80;
        }
        if (!good) {
            *bad = i;
            return false;
        }
        i += n;
    }
    return true;
}

bool pb__utf8_check(const uint8_t *s, size_t len, size_t *bad)
{
    /* Most texts are short and ASCII: checks eight bytes at a time, with the last eight
     * overlapping. */
    uint64_t high = 0;
    uint64_t eight;
    if (len >= 8) {
        for (size_t i = 0; i < len - 8 && high == 0; i += 8) {
            memcpy(&eight, s + i, 8);
            high = eight & 0x8080808080808080u;
        }
        memcpy(&eight, s + len - 8, 8);
        high |= eight & 0x8080808080808080u;
    } else if (len >= 4) {
        uint32_t first, last;
        memcpy(&first, s, 4);
        memcpy(&last, s + len - 4, 4);
        high = (first | last) & 0x80808080u;
    } else {
        for (size_t i = 0; i < len; i++) {
            high |= s[i] & 0x80;
        }
    }
    return high == 0 || check_rest(s, len, 0, bad);
}

static struct pb__text *text_fill(struct pb__text *t, const uint8_t *data, size_t len)
{
    if (t) {
        t->len = len;
        if (data && len != 0) {
            memcpy(t->data, data, len);
        }
        t->data[len] = 0;
    }
    return t;
}

/* Makes a long text, with room for its hash. */
static struct pb__text *long_new(struct pb__slab_pool *pool, pb_kind kind,
                                 const uint8_t *data, size_t len)
{
    size_t size;
    if (!pb__add(len, sizeof(struct pb__text) + 1 + 2 * sizeof(uint64_t), &size)) {
        return NULL;
    }
    struct pb__text *t = text_fill(pb__value_new(pool, size, kind), data, len);
    if (t) {
        *pb__text_hash(t) = 0;
    }
    return t;
}

struct pb__text *pb__text_new(struct pb__slab_pool *pool, pb_kind kind,
                              const uint8_t *data, size_t len)
{
    if (len >= PB__TEXT_LONG) {
        return long_new(pool, kind, data, len);
    }
    return text_fill(pb__value_new(pool, sizeof(struct pb__text) + len + 1, kind), data,
                     len);
}

pb_value *pb_bytes(pb_span b)
{
    return pb__span_is_null(b) ? NULL
                               : (pb_value *)pb__text_new(NULL, PB_BYTES, b.data, b.len);
}

pb_value *pb_strn(pb_span utf8, pb_error *err)
{
    size_t bad;
    if (pb__span_is_null(utf8)) {
        pb__error_null(err, "the text");
        return NULL;
    }
    if (!pb__utf8_check(utf8.data, utf8.len, &bad)) {
        pb__error_set(err, PB_ERR_SYNTAX, bad,
                      "text is not UTF-8: byte 0x%02x at offset %zu", utf8.data[bad],
                      bad);
        return NULL;
    }
    struct pb__text *t = pb__text_new(NULL, PB_STR, utf8.data, utf8.len);
    if (!t) {
        pb__error_nomem(err);
    }
    return (pb_value *)t;
}

pb_value *pb_str(const char *utf8)
{
    return utf8 ? pb_strn(pb_span_of(utf8), NULL) : NULL;
}

static int as_text(const pb_value *v, bool str_too, pb_span *out)
{
    pb_kind kind = pb__kind_or_nothing(v);
    if (!out) {
        return PB_ERR_ARG;
    }
    if (kind != PB_BYTES && !(kind == PB_STR && str_too)) {
        *out = (pb_span){0};
        return pb__wrong_kind(v);
    }
    const struct pb__text *t = (const struct pb__text *)v;
    *out = (pb_span){t->data, t->len};
    return 0;
}

int pb_as_text(const pb_value *v, pb_span *out)
{
    return as_text(v, true, out);
}

int pb_as_bytes(const pb_value *v, pb_span *out)
{
    return as_text(v, false, out);
}

pb_value *pb__float_new(struct pb__slab_pool *pool, double d)
{
    struct pb__float *f = pb__value_new(pool, sizeof *f, PB_FLOAT);
    if (!f) {
        return NULL;
    }
    f->d = d;
    return &f->head;
}

pb_value *pb_float(double d)
{
    return pb__float_new(NULL, d);
}
