/* SPDX-License-Identifier: MIT
 *
 * Reading a capture: JSON Lines, plain or in gzip, one object after the other. What the
 * objects mean is their readers' business: see interop-tests/captures/README.md. */
#ifndef PB__TOOLS_COMMON_CAPTURE_FILE_H
#define PB__TOOLS_COMMON_CAPTURE_FILE_H

#include <jansson.h>
#include <zlib.h>

#include "libpb/base/buf.h"
#include "libpb/base/error.h"

struct capture {
    gzFile file;
    struct pb__buf text; /* of the line that is being read */
    size_t line;         /* its number, from 1 */
};

/* PB_ERR_SYSTEM with the system's reason. */
int capture_open(struct capture *c, const char *path, pb_error *err);
/* The next object, *new* (json_decref); NULL with err->code 0 at the end of the file.
 * PB_ERR_SYNTAX for a line that is no JSON object, or compressed data that is damaged or
 * ends in its middle, PB_ERR_SYSTEM for a file that cannot be read, PB_ERR_LIMIT for a
 * line of more than CAPTURE_LINE_MAX bytes. */
json_t *capture_next(struct capture *c, pb_error *err);
void capture_close(struct capture *c);

#define CAPTURE_LINE_MAX ((size_t)512 << 20)

/* The bytes of a text of hexadecimal digits, appended to out. PB_ERR_SYNTAX where it is
 * none. */
int capture_hex(const json_t *text, struct pb__buf *out, pb_error *err);

#endif
