/* SPDX-License-Identifier: MIT
 *
 * Reading a capture: JSON Lines, plain or in gzip, one JSON object per line. The
 * meaning of the objects is described in interop-tests/captures/README.md. */
#ifndef PB__TOOLS_COMMON_CAPTURE_FILE_H
#define PB__TOOLS_COMMON_CAPTURE_FILE_H

#include <jansson.h>

#include "libpb/base/buf.h"
#include "tools/common/input.h"

struct capture_file {
    struct input *input; /* borrowed, or own */
    struct input own;
    struct pb__buf text;  /* the line that is being read */
    struct pb__buf chunk; /* what was read behind it, of which chunk_at was taken */
    size_t chunk_at;
    size_t line; /* its number, from 1 */
};

#define CAPTURE_LINE_MAX ((size_t)512 << 20)

/* PB_ERR_SYSTEM with the system's reason, PB_ERR_NOMEM. */
int capture_file_open(struct capture_file *c, const char *path, pb_error *err);
/* The next object, *new* (json_decref); NULL with err->code 0 at the end of the file.
 * PB_ERR_SYNTAX for a line that is not a JSON object, and for compressed data that is
 * damaged or truncated; PB_ERR_SYSTEM for a file that cannot be read; PB_ERR_LIMIT for a
 * line of more than CAPTURE_LINE_MAX bytes. */
json_t *capture_file_next(struct capture_file *c, pb_error *err);
void capture_file_close(struct capture_file *c);

/* Decodes a JSON string of hexadecimal digits, and appends the bytes to out.
 * PB_ERR_SYNTAX for anything else, PB_ERR_NOMEM. */
int capture_decode_hex(const json_t *text, struct pb__buf *out, pb_error *err);

#endif
