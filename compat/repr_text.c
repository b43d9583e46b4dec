/* SPDX-License-Identifier: MIT
 *
 * The repr of str and bytes: choosing the quote, and escapes. */
#include "compat/printable.h"
#include "compat/repr.h"

/* Returns whether Python prints the code point as it is. It is not ASCII. */
static bool is_printable(uint32_t code)
{
    size_t low = 0; /* number of entries up to the code point */
    size_t high = sizeof pb__printable_turns / sizeof *pb__printable_turns;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (pb__printable_turns[middle] <= code) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low % 2 != 0;
}

/* The code point at s, which is UTF-8 but not ASCII; its length in *len. */
static uint32_t quote_decode(const uint8_t *s, size_t *len)
{
    *len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t code = s[0] & (0xffu >> (*len + 1));
    for (size_t i = 1; i < *len; i++) {
        code = code << 6 | (s[i] & 0x3f);
    }
    return code;
}

static int escape_ascii(struct pb__buf *out, uint8_t c)
{
    switch (c) {
    case '\t':
        return pb__buf_puts(out, "\\t");
    case '\n':
        return pb__buf_puts(out, "\\n");
    case '\r':
        return pb__buf_puts(out, "\\r");
    case '\\':
    case '\'':
        return pb__buf_printf(out, "\\%c", c);
    default:
        return pb__buf_printf(out, "\\x%02x", c);
    }
}

static int escape_code(struct pb__buf *out, uint32_t code)
{
    return pb__buf_printf(out,
                          code <= 0xff     ? "\\x%02x"
                          : code <= 0xffff ? "\\u%04x"
                                           : "\\U%08x",
                          code);
}

int pb__repr_text(struct pb__buf *out, bool bytes, const uint8_t *data, size_t len)
{
    bool doubled = len != 0 && memchr(data, '\'', len) && !memchr(data, '"', len);
    const char *quote = doubled ? "\"" : "'";
    int e = bytes ? pb__buf_puts(out, "b") : 0;
    e = e ? e : pb__buf_puts(out, quote);
    size_t plain = 0; /* start of the bytes that are not appended yet */
    size_t i = 0;
    while (e == 0 && i < len) {
        uint8_t c = data[i];
        size_t n = 1;
        uint32_t code = c;
        bool escaped = c < ' ' || c == 0x7f || c == '\\' || (c == '\'' && !doubled);
        if (c >= 0x80 && bytes) {
            escaped = true;
        } else if (c >= 0x80) {
            code = quote_decode(data + i, &n);
            escaped = !is_printable(code);
        }
        if (escaped) {
            e = pb__buf_append(out, data + plain, i - plain);
            e = e ? e : c < 0x80 ? escape_ascii(out, c) : escape_code(out, code);
            plain = i + n;
        }
        i += n;
    }
    e = e ? e : pb__buf_append(out, data + plain, len - plain);
    return e ? e : pb__buf_puts(out, quote);
}

/* Returns the length of the unit at s: a character if it is UTF-8, otherwise a byte.
 * Determines whether it must be escaped, and as which code. */
static size_t look_at(const uint8_t *s, size_t len, bool *escaped, uint32_t *code)
{
    size_t n = 1, bad;
    *code = *s;
    *escaped = *s < ' ' || *s == 0x7f;
    if (*s >= 0x80) {
        n = *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;
        *escaped = n > len || !pb__utf8_check(s, n, &bad);
        n = *escaped ? 1 : n;
    }
    if (n > 1) {
        *code = quote_decode(s, &n);
        *escaped = !is_printable(*code);
    }
    return n;
}

int pb__repr_printable(struct pb__buf *out, const uint8_t *data, size_t len)
{
    int e = 0;
    while (e == 0 && len > 0) {
        bool escaped;
        uint32_t code;
        size_t n = look_at(data, len, &escaped, &code);
        e = !escaped      ? pb__buf_append(out, data, n)
            : code < 0x80 ? escape_ascii(out, (uint8_t)code)
                          : escape_code(out, code);
        data += n;
        len -= n;
    }
    return e;
}
