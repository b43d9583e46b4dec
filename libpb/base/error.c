/* SPDX-License-Identifier: MIT
 *
 * The list of errors as text, and the filling of a pb_error. */
#include "libpb/base/error.h"

#include <stdio.h>
#include <string.h>

#include "libpb/base/mem.h"

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

/* Takes back a UTF-8 sequence that was cut at the end of s, whose buffer is full. */
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
}
