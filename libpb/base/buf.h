/* SPDX-License-Identifier: MIT
 *
 * A byte buffer that grows. Zeroed memory is an empty buffer. */
#ifndef PB__BUF_H
#define PB__BUF_H

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "libpb/base/export.h"
#include "libpb/base/mem.h"
#include "pb/error.h"

struct pb__buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

/* Makes room for n more bytes, and at least doubles the capacity. PB_ERR_NOMEM leaves the
 * buffer unchanged. */
PB__SHARED int pb__buf_grow(struct pb__buf *b, size_t n);

static inline int pb__buf_reserve(struct pb__buf *b, size_t n)
{
    return n <= b->cap - b->len ? 0 : pb__buf_grow(b, n);
}

static inline int pb__buf_append(struct pb__buf *b, const void *data, size_t n)
{
    int e = pb__buf_reserve(b, n);
    if (e == 0 && n != 0) {
        memcpy(b->data + b->len, data, n);
        b->len += n;
    }
    return e;
}

static inline int pb__buf_puts(struct pb__buf *b, const char *s)
{
    return pb__buf_append(b, s, strlen(s));
}

/* Appends formatted text. A NUL that is not counted follows. */
PB__SHARED int pb__buf_printf(struct pb__buf *b, const char *format, ...) PB_PRINTF(2, 3);
int pb__buf_vprintf(struct pb__buf *b, const char *format, va_list args) PB_PRINTF(2, 0);

static inline void pb__buf_fini(struct pb__buf *b)
{
    pb__free(b->data);
    *b = (struct pb__buf){0};
}

#endif
