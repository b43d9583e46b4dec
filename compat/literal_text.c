/* SPDX-License-Identifier: MIT
 *
 * Strings in Python literals: prefixes, quotes, escapes, and adjacent strings. */
#include "compat/literal.h"
#include "libpb/base/buf.h"

/* The prefix before the quote. */
struct prefix {
    bool bytes, raw;
    size_t len;
};

/* Reads a prefix; returns false if no string begins at s. */
static bool read_prefix(const char *s, struct prefix *p)
{
    *p = (struct prefix){0};
    bool text = false; /* u */
    for (; p->len < 3 && s[p->len] != '\'' && s[p->len] != '"'; p->len++) {
        char c = (char)(s[p->len] | 0x20);
        if (c == 'r' && !p->raw && !text) {
            p->raw = true;
        } else if (c == 'b' && !p->bytes && !text) {
            p->bytes = true;
        } else if (c == 'u' && p->len == 0) {
            text = true;
        } else {
            return false;
        }
    }
    return p->len < 3;
}

bool pb__literal_is_string(const struct pb__literal *l)
{
    struct prefix p;
    return read_prefix(l->at, &p);
}

static int hex_value(char c)
{
    return pb__is_digit(c)                          ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                    : -1;
}

/* Appends a code point, as UTF-8 or as a byte. */
static int put_code(struct pb__buf *out, bool bytes, uint32_t code)
{
    uint8_t utf8[4];
    size_t len = 0;
    if (bytes || code < 0x80) {
        utf8[len++] = (uint8_t)code;
    } else if (code < 0x800) {
        utf8[len++] = (uint8_t)(0xc0 | code >> 6);
    } else if (code < 0x10000) {
        utf8[len++] = (uint8_t)(0xe0 | code >> 12);
        utf8[len++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    } else {
        utf8[len++] = (uint8_t)(0xf0 | code >> 18);
        utf8[len++] = (uint8_t)(0x80 | (code >> 12 & 0x3f));
        utf8[len++] = (uint8_t)(0x80 | (code >> 6 & 0x3f));
    }
    if (!bytes && code >= 0x80) {
        utf8[len++] = (uint8_t)(0x80 | (code & 0x3f));
    }
    return pb__buf_append(out, utf8, len);
}

static int literal_text_fail(struct pb__literal *l, const char *place, const char *what)
{
    return pb__error_set(l->err, PB_ERR_SYNTAX, (uint64_t)(place - l->text), "%s", what);
}

/* Reads \x41, \u0041 or \U00000041; l->at is at the first digit. */
static int hex_escape(struct pb__literal *l, struct pb__buf *out, bool bytes, int digits)
{
    const char *start = l->at - 2;
    uint32_t code = 0;
    for (int i = 0; i < digits; i++) {
        int digit = hex_value(*l->at);
        if (digit < 0) {
            return literal_text_fail(l, start,
                                     digits == 2 ? "\\x takes two hexadecimal digits"
                                     : digits == 4
                                         ? "\\u takes four hexadecimal digits"
                                         : "\\U takes eight hexadecimal digits");
        }
        code = code << 4 | (uint32_t)digit;
        l->at++;
    }
    if (code > 0x10ffff) {
        return literal_text_fail(l, start, "the escape is beyond U+10FFFF");
    }
    if (code >= 0xd800 && code < 0xe000) {
        return literal_text_fail(l, start,
                                 "the escape is a surrogate, which UTF-8 cannot encode");
    }
    return put_code(out, bytes, code);
}

static int octal_escape(struct pb__literal *l, struct pb__buf *out, bool bytes)
{
    uint32_t code = 0;
    for (int i = 0; i < 3 && *l->at >= '0' && *l->at <= '7'; i++) {
        code = code << 3 | (uint32_t)(*l->at++ - '0');
    }
    return put_code(out, bytes, bytes ? code & 0xff : code);
}

/* Reads an escape; l->at is after the backslash. */
static int literal_text_escape(struct pb__literal *l, struct pb__buf *out, bool bytes)
{
    static const char letters[] = "\\'\"abfnrtv";
    static const char meanings[] = "\\'\"\a\b\f\n\r\t\v";
    char c = *l->at;
    if (c >= '0' && c <= '7') {
        return octal_escape(l, out, bytes);
    }
    if (c != '\0' && strchr(letters, c)) {
        l->at++;
        return put_code(out, bytes, (uint8_t)meanings[strchr(letters, c) - letters]);
    }
    if (c == '\n' || c == '\r') { /* the string continues on the next line */
        l->at += c == '\r' && l->at[1] == '\n' ? 2 : 1;
        return 0;
    }
    if (c == 'x' || (!bytes && (c == 'u' || c == 'U'))) {
        l->at++;
        return hex_escape(l, out, bytes, c == 'x' ? 2 : c == 'u' ? 4 : 8);
    }
    if (c == 'N' && !bytes) {
        return literal_text_fail(l, l->at - 1,
                                 "names of characters, \\N{...}, are not supported");
    }
    return pb__buf_puts(out, "\\"); /* an unknown escape is kept as it is */
}

/* Reads one character, or the end of a line in a string of several lines. */
static int literal_text_plain(struct pb__literal *l, struct pb__buf *out, bool bytes)
{
    char c = *l->at;
    if (bytes && (unsigned char)c >= 0x80) {
        return literal_text_fail(l, l->at, "bytes can only contain ASCII characters");
    }
    l->at++;
    if (c == '\r') {
        l->at += *l->at == '\n';
        c = '\n';
    }
    return pb__buf_append(out, &c, 1);
}

static bool at_end(const struct pb__literal *l, char quote, bool triple)
{
    return l->at[0] == quote && (!triple || (l->at[1] == quote && l->at[2] == quote));
}

/* Reads one string; l->at is at its prefix. */
static int literal_text_one(struct pb__literal *l, struct pb__buf *out,
                            const struct prefix *p)
{
    const char *start = l->at;
    l->at += p->len;
    char quote = *l->at;
    bool triple = l->at[1] == quote && l->at[2] == quote;
    l->at += triple ? 3 : 1;
    int e = 0;
    while (e == 0 && !at_end(l, quote, triple)) {
        if (*l->at == '\0' || (!triple && (*l->at == '\n' || *l->at == '\r'))) {
            return literal_text_fail(l, start, "unterminated string");
        }
        if (*l->at != '\\') {
            e = literal_text_plain(l, out, p->bytes);
        } else if (!p->raw) {
            l->at++;
            e = literal_text_escape(l, out, p->bytes);
        } else {
            e = literal_text_plain(l, out, p->bytes);
            if (e == 0 && *l->at != '\0') {
                /* a quote after a backslash does not end a raw string */
                e = literal_text_plain(l, out, p->bytes);
            }
        }
    }
    l->at += e ? 0 : triple ? 3 : 1;
    return e;
}

pb_value *pb__literal_string(struct pb__literal *l)
{
    struct pb__buf out = {0};
    struct prefix first, p;
    read_prefix(l->at, &first);
    const char *end;
    int e = 0;
    p = first;
    do {
        if (p.bytes != first.bytes) {
            e = literal_text_fail(l, l->at, "bytes and text cannot be mixed");
        } else {
            e = literal_text_one(l, &out, &p);
        }
        end = l->at;
        if (e == 0) {
            pb__literal_skip_space(l);
        }
    } while (e == 0 && read_prefix(l->at, &p));
    pb_value *v = NULL;
    if (e == 0) {
        l->at = end;
        v = (pb_value *)pb__text_new(NULL, first.bytes ? PB_BYTES : PB_STR, out.data,
                                     out.len);
        e = v ? 0 : PB_ERR_NOMEM;
    }
    if (e == PB_ERR_NOMEM) {
        pb__literal_nomem(l);
    }
    pb__buf_fini(&out);
    return v;
}
