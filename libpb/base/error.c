/* SPDX-License-Identifier: MIT
 *
 * The texts of the error codes, and the functions that fill a pb_error. */
#include "libpb/base/error.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "libpb/base/mem.h"

/* The rows of PB_ERR_MAP are numbered 1, 2, 3, ... */
enum {
    ORDINAL_OK,
#define PB_ERR_ORDINAL(name, number, text) ORDINAL_##name,
    PB_ERR_MAP(PB_ERR_ORDINAL)
#undef PB_ERR_ORDINAL
        ORDINAL_COUNT
};
#define PB_ERR_CHECK(name, number, text) \
    static_assert(ORDINAL_##name == (number), "a number is missing or out of order");
PB_ERR_MAP(PB_ERR_CHECK)
#undef PB_ERR_CHECK

const char *pb_strerror(int code)
{
    switch (code) {
    case PB_OK:
        return "no error";
#define PB_ERR_CASE(name, number, text) \
    case PB_ERR_##name:                 \
        return text;
        PB_ERR_MAP(PB_ERR_CASE)
#undef PB_ERR_CASE
    default:
        return "unknown error";
    }
}

static bool error_is_code(int code)
{
    return code < 0 && code >= -(ORDINAL_COUNT - 1);
}

int pb__error_of_callback(pb_error *err, const char *callback, int code,
                          const pb_error *why)
{
    if (why && why->code) {
        int own = error_is_code(why->code) ? why->code : PB_ERR_ARG;
        return pb__error_set(err, own, why->offset, "%s", why->text);
    }
    if (code == 0) {
        return pb__error_set(err, PB_ERR_NOMEM, 0,
                             "%s returned NULL and no error (out of memory?)", callback);
    }
    if (!error_is_code(code)) {
        return pb__error_set(err, PB_ERR_ARG, 0,
                             "%s returned %d, which is not an error code", callback,
                             code);
    }
    return pb__error_set(err, code, 0, "%s", pb_strerror(code));
}

void pb_error_clear(pb_error *err)
{
    if (err) {
        memset(err, 0, sizeof *err);
    }
}

int pb_error_set(pb_error *err, int code, const char *format, ...)
{
    int failed = code < 0 ? code : PB_ERR_ARG;
    if (!format) {
        return pb__error_set(err, failed, 0, "%s", pb_strerror(failed));
    }
    va_list args;
    va_start(args, format);
    pb__error_setv(err, failed, 0, format, args);
    va_end(args);
    return failed;
}

void pb_free(void *p)
{
    pb__free(p);
}

/* Removes an incomplete UTF-8 sequence at the end of s, which was cut because its buffer
 * is full. */
static void mend_cut(char *s)
{
    size_t n = strlen(s);
    size_t tail = 0;
    while (tail < 3 && tail < n && ((unsigned char)s[n - 1 - tail] & 0xc0) == 0x80) {
        tail++;
    }
    if (tail < n) {
        unsigned char lead = (unsigned char)s[n - 1 - tail];
        size_t want = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
        if (want > tail) {
            s[n - 1 - tail] = '\0';
        }
    }
}

/* The code point at s, and its length; a byte that is no UTF-8 has the length 0. */
static uint32_t error_decode(const unsigned char *s, size_t *len)
{
    size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    uint32_t code = n < 2 ? s[0] : s[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80) {
            n = 0;
            break;
        }
        code = code << 6 | (s[i] & 0x3f);
    }
    *len = n;
    return code;
}

/* Whether a code point acts on a terminal, or changes the order of a text: controls,
 * marks of direction, separators of lines. */
static bool error_is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x61c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff || code > 0x10ffff ||
           (code >= 0xe0000 && code <= 0xe007f);
}

/* Escapes such code points in a text that fills at most `size` bytes, and cuts what does
 * not fit then. What a peer has sent is often a part of it. */
static void error_escape(char *text, size_t size)
{
    char raw[sizeof((pb_error *)0)->text];
    size_t at = 0, len = strlen(text);
    const unsigned char *s = (const unsigned char *)memcpy(raw, text, len + 1);
    while (*s) {
        char shown[12];
        size_t n;
        uint32_t code = error_decode(s, &n);
        if (n == 0) {
            snprintf(shown, sizeof shown, "\\x%02x", *s);
        } else if (!error_is_control(code)) {
            memcpy(shown, s, n);
            shown[n] = '\0';
        } else if (code == '\n' || code == '\t' || code == '\r') {
            snprintf(shown, sizeof shown, "\\%c",
                     code == '\n'   ? 'n'
                     : code == '\t' ? 't'
                                    : 'r');
        } else {
            snprintf(shown, sizeof shown, code < 0x100 ? "\\x%02x" : "\\u%04x",
                     (unsigned)code);
        }
        size_t more = strlen(shown);
        if (at + more >= size) {
            break;
        }
        memcpy(text + at, shown, more);
        at += more;
        s += n ? n : 1;
    }
    text[at] = '\0';
}

int pb__error_setv(pb_error *err, int code, uint64_t offset, const char *format,
                   va_list args)
{
    if (err && err->code == PB_OK) {
        err->code = code;
        err->offset = offset;
        int n = vsnprintf(err->text, sizeof err->text, format, args);
        if (n >= (int)sizeof err->text) {
            mend_cut(err->text);
        }
        error_escape(err->text, sizeof err->text);
    }
    return code;
}

int pb__error_set(pb_error *err, int code, uint64_t offset, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pb__error_setv(err, code, offset, format, args);
    va_end(args);
    return code;
}

int pb__error_nomem(pb_error *err)
{
    return pb__error_set(err, PB_ERR_NOMEM, 0, "%s", pb_strerror(PB_ERR_NOMEM));
}

int pb__error_null(pb_error *err, const char *what)
{
    return pb__error_set(err, PB_ERR_ARG, 0, "%s is NULL", what);
}

void pb__error_copy(pb_error *err, const pb_error *from)
{
    if (err && err->code == PB_OK && from->code != PB_OK) {
        *err = *from;
    }
}

void pb__error_where(pb_error *err, const char *format, ...)
{
    if (!err) {
        return;
    }
    size_t used = strlen(err->where);
    va_list args;
    va_start(args, format);
    int n = vsnprintf(err->where + used, sizeof err->where - used, format, args);
    va_end(args);
    if (n >= (int)(sizeof err->where - used)) {
        mend_cut(err->where);
    }
    error_escape(err->where + used, sizeof err->where - used);
}
