/* SPDX-License-Identifier: MIT
 *
 * Hexadecimal digits to bytes and back. */
#ifndef PB__TOOLS_COMMON_HEX_H
#define PB__TOOLS_COMMON_HEX_H

#include "pb/error.h"

/* The value of a hexadecimal digit, in either case; -1 for any other character. */
static inline int hex_digit(int c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* Writes two lower-case digits for each byte; returns the end of what was written. */
static inline char *hex_encode(char *out, pb_span bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < bytes.len; i++) {
        *out++ = digits[bytes.data[i] >> 4];
        *out++ = digits[bytes.data[i] & 15];
    }
    return out;
}

#endif
