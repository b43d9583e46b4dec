/* SPDX-License-Identifier: MIT
 *
 * The conversion of output to lines. Bytes arrive cut anywhere: a sequence that may
 * continue stays in `pending`, a line that may continue in `partial`. */
#include "workers/buildbot/output.h"

#include <stdlib.h>
#include <string.h>

#include "workers/buildbot/command.h"

static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */

int utf8_length(const unsigned char *text, size_t len, size_t *bad)
{
    unsigned char first = text[0], low = 0x80, high = 0xbf;
    int n = first < 0x80                    ? 1
            : first >= 0xc2 && first < 0xe0 ? 2
            : first >= 0xe0 && first < 0xf0 ? 3
            : first >= 0xf0 && first < 0xf5 ? 4
                                            : 0;
    low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : low;
    high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : high;
    *bad = 1;
    for (int i = 1; i < n; i++) {
        if ((size_t)i == len) {
            *bad = len;
            return -1;
        }
        if (text[i] < low || text[i] > high) {
            *bad = (size_t)i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return n;
}

pb_value *text_value(const char *text, size_t len)
{
    const unsigned char *in = (const unsigned char *)text;
    pb_span whole = {in, len};
    pb_value *v = pb_strn(whole, NULL);
    char *out = v ? NULL : malloc(3 * len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < len;) {
        size_t bad;
        int length = utf8_length(in + i, len - i, &bad);
        const char *from = length > 0 ? text + i : replacement;
        size_t bytes = length > 0 ? (size_t)length : sizeof replacement - 1;
        memcpy(out + n, from, bytes);
        n += bytes;
        i += length > 0 ? bytes : bad;
    }
    if (out) {
        v = pb_strn((pb_span){(uint8_t *)out, n}, NULL);
        free(out);
    }
    return v;
}

/* How many bytes at the beginning of an escape sequence are one that ends a line:
 * "ESC[u", "ESC[2J", "ESC[1;1H", "ESC[1;1f". 0: they are text; -1: the sequence may
 * continue. */
static int escape_length(const char *text, size_t len)
{
    size_t i = 2, digits = 0, numbers = 0;
    if (len < 2 || text[1] != '[') {
        return len < 2 ? -1 : 0;
    }
    if (len > 3 && text[2] == '2' && text[3] == 'J') {
        return 4;
    }
    if (len > 2 && text[2] == 'u') {
        return 3;
    }
    for (; i < len && i < OUTPUT_PENDING_MAX; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            digits++;
        } else if (text[i] == ';' && digits && numbers == 0) {
            numbers = 1;
            digits = 0;
        } else {
            bool ends = (text[i] == 'H' || text[i] == 'f') && digits && numbers;
            return ends ? (int)i + 1 : 0;
        }
    }
    return i < OUTPUT_PENDING_MAX ? -1 : 0;
}

/* The same for all that ends a line. */
static int newline_length(const char *text, size_t len)
{
    size_t run = 0;
    switch (text[0]) {
    case '\n':
        return 1;
    case '\r':
        return len < 2 ? -1 : text[1] == '\n' ? 2 : 1;
    case '\b':
        while (run < len && text[run] == '\b') {
            run++;
        }
        return (int)run;
    case '\033':
        return escape_length(text, len);
    default:
        return 0;
    }
}

/* Adds a character to the line, which begins at out; n is its length. */
static size_t put_char(output_lines *o, char *out, size_t n, const char *text, size_t len)
{
    if (o->partial_chars == OUTPUT_LINE_MAX) {
        out[n++] = '\n';
        o->partial_chars = 0;
    }
    memcpy(out + n, text, len);
    o->partial_chars++;
    return n + len;
}

/* Converts data, and the pending bytes before it; at the end nothing is left pending. */
static size_t convert(output_lines *o, const char *data, size_t len, bool at_end,
                      char *out)
{
    size_t n = o->partial_len, i = 0, bad;
    memcpy(out, o->partial, n);
    while (i < len) {
        int newline = newline_length(data + i, len - i);
        if (newline > 0) {
            out[n++] = '\n';
            o->partial_chars = 0;
            i += (size_t)newline;
            continue;
        }
        int length = utf8_length((const unsigned char *)data + i, len - i, &bad);
        if (!at_end && (newline < 0 || length < 0)) {
            break;
        }
        const char *from = length > 0 ? data + i : replacement;
        size_t bytes = length > 0 ? (size_t)length : sizeof replacement - 1;
        n = put_char(o, out, n, from, bytes);
        i += length > 0 ? bytes : bad;
    }
    o->pending_len = len - i;
    memcpy(o->pending, data + i, len - i);
    return n;
}

/* Keeps what follows the last newline for later; returns the length of what is before. */
static size_t keep_partial(output_lines *o, const char *out, size_t n)
{
    size_t whole = n;
    while (whole > 0 && out[whole - 1] != '\n') {
        whole--;
    }
    o->partial_len = n - whole;
    memcpy(o->partial, out + whole, n - whole);
    return whole;
}

size_t output_convert(output_lines *o, const char *data, size_t len, char *out)
{
    char joined[OUTPUT_PENDING_MAX + OUTPUT_CHUNK];
    size_t before = o->pending_len;
    memcpy(joined, o->pending, before);
    memcpy(joined + before, data, len);
    return keep_partial(o, out, convert(o, joined, before + len, false, out));
}

size_t output_finish(output_lines *o, char *out)
{
    char joined[OUTPUT_PENDING_MAX + 1];
    size_t len = o->pending_len;
    if (len + o->partial_len == 0) {
        return 0;
    }
    memcpy(joined, o->pending, len);
    joined[len++] = '\n';
    return keep_partial(o, out, convert(o, joined, len, true, out));
}
