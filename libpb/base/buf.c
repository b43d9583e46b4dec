/* SPDX-License-Identifier: MIT
 *
 * The functions of struct pb__buf that are not inline. */
#include "libpb/base/buf.h"

#include <stdio.h>

int pb__buf_grow(struct pb__buf *b, size_t n)
{
    size_t want;
    if (!pb__add(b->len, n, &want)) {
        return PB_ERR_NOMEM;
    }
    size_t cap = b->cap < 32 ? 64 : b->cap;
    while (cap < want) {
        if (!pb__mul(cap, 2, &cap)) {
            return PB_ERR_NOMEM;
        }
    }
    uint8_t *data = pb__realloc(b->data, cap);
    if (!data) {
        return PB_ERR_NOMEM;
    }
    b->data = data;
    b->cap = cap;
    return 0;
}

int pb__buf_vprintf(struct pb__buf *b, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (n < 0) {
        return PB_ERR_ARG;
    }
    int e = pb__buf_reserve(b, (size_t)n + 1);
    if (e == 0) {
        vsnprintf((char *)b->data + b->len, (size_t)n + 1, format, args);
        b->len += (size_t)n;
    }
    return e;
}

int pb__buf_printf(struct pb__buf *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int e = pb__buf_vprintf(b, format, args);
    va_end(args);
    return e;
}
