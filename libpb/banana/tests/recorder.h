/* SPDX-License-Identifier: MIT
 *
 * A sink that records tokens as text, and decoding of an input in every split. "[2 -5
 * 'ab' ]" is a list of two, b+01 the digits of a big int in hex, 0x1.8p+0 a float. */
#ifndef PB__TEST_RECORDER_H
#define PB__TEST_RECORDER_H

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pb/banana.h"

#define BYTES(literal) ((pb_span){(const uint8_t *)(literal), sizeof(literal) - 1})

struct recorder {
    FILE *out;
    char *text; /* valid after recorder_text */
    size_t len;
    pb_span last; /* of `bytes` */
};

static int record_list(void *ctx, size_t n)
{
    fprintf(((struct recorder *)ctx)->out, "[%zu ", n);
    return 0;
}

static int record_end(void *ctx)
{
    fputs("] ", ((struct recorder *)ctx)->out);
    return 0;
}

static int record_integer(void *ctx, int64_t i)
{
    fprintf(((struct recorder *)ctx)->out, "%" PRId64 " ", i);
    return 0;
}

static int record_big(void *ctx, bool negative, pb_span base128)
{
    FILE *out = ((struct recorder *)ctx)->out;
    fprintf(out, "b%c", negative ? '-' : '+');
    for (size_t i = 0; i < base128.len; i++) {
        fprintf(out, "%02x", base128.data[i]);
    }
    fputc(' ', out);
    return 0;
}

static int record_real(void *ctx, double d)
{
    fprintf(((struct recorder *)ctx)->out, "%a ", d);
    return 0;
}

static int record_bytes(void *ctx, pb_span s)
{
    struct recorder *r = ctx;
    r->last = s;
    fputc('\'', r->out);
    for (size_t i = 0; i < s.len; i++) {
        fprintf(r->out, isprint(s.data[i]) ? "%c" : "\\x%02x", s.data[i]);
    }
    fputs("' ", r->out);
    return 0;
}

static const pb_sink_ops recorder_ops = {
    .list = record_list,
    .end = record_end,
    .integer = record_integer,
    .big = record_big,
    .real = record_real,
    .bytes = record_bytes,
};

static inline pb_sink recorder_sink(struct recorder *r)
{
    *r = (struct recorder){0};
    r->out = open_memstream(&r->text, &r->len);
    return (pb_sink){.ops = &recorder_ops, .ctx = r};
}

/* The text recorded so far. */
static inline const char *recorder_text(struct recorder *r)
{
    fflush(r->out);
    return r->text;
}

static inline void recorder_fini(struct recorder *r)
{
    fclose(r->out);
    free(r->text);
}

/* Feeds d with `in` in pieces: the first of `first` bytes, the others of `step` bytes
 * (not 0). Each piece is in its own block, so that reading past it is detected. Stops at
 * an error. */
static inline int feed(pb_decoder *d, pb_span in, size_t first, size_t step,
                       pb_error *err)
{
    size_t n = first;
    for (size_t at = 0; at < in.len; at += n, n = step) {
        n = n < in.len - at ? n : in.len - at;
        uint8_t *piece = malloc(n ? n : 1);
        memcpy(piece, in.data + at, n);
        int e = pb_decoder_recv(d, (pb_span){piece, n}, err);
        free(piece);
        if (e != 0) {
            return e;
        }
    }
    return 0;
}

#endif
