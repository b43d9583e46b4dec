/* SPDX-License-Identifier: MIT
 *
 * Reading a file, plain or in gzip, as its bytes come: a read returns what there is, also
 * of a pipe, or of a file that is still being written. */
#ifndef PB__TOOLS_COMMON_INPUT_H
#define PB__TOOLS_COMMON_INPUT_H

#include <stdbool.h>
#include <zlib.h>

#include "pb/error.h"

enum { INPUT_CHUNK = 64 << 10, INPUT_PEEK = 16 };

struct input {
    int fd;
    bool follow; /* the end of the file is no end: more may be written */
    bool live;   /* a read may have to wait */
    bool is_gzip, is_open;
    bool has_begun; /* the first bytes have been read */
    bool in_member; /* of a gzip file: its member is not complete */
    z_stream z;
    uint8_t raw[INPUT_CHUNK]; /* read, and not delivered or decompressed */
    size_t raw_at, raw_len;
    uint8_t peeked[INPUT_PEEK]; /* bytes that were looked at, and come first */
    size_t peeked_len;
};

/* Opens a file; "-" is standard input. PB_ERR_SYSTEM, PB_ERR_NOMEM. */
int input_open(struct input *in, const char *path, pb_error *err);
/* Waits for the first bytes, up to size (INPUT_PEEK at most), and copies them without
 * taking them. Once, before anything is read. Returns how many there are. */
size_t input_peek(struct input *in, uint8_t *out, size_t size, pb_error *err);
/* Reads up to size bytes; standard output is flushed before it waits. Returns how many
 * came, and 0 at the end or with err: PB_ERR_SYSTEM, PB_ERR_SYNTAX for damaged gzip. */
size_t input_read(struct input *in, uint8_t *out, size_t size, pb_error *err);
void input_close(struct input *in);

#endif
