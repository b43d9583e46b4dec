/* SPDX-License-Identifier: MIT
 *
 * Writes the capture of one connection, in gzip, for capture_file.h to read. The
 * format is described in interop-tests/captures/README.md. */
#ifndef PB__TOOLS_RECORD_CAPTURE_WRITER_H
#define PB__TOOLS_RECORD_CAPTURE_WRITER_H

#include <stdbool.h>
#include <stdio.h>
#include <zlib.h>

#include "libpb/base/buf.h"

/* Zeroed storage is a file that is not open. */
struct capture_writer {
    gzFile file;
    FILE *plain; /* instead of file: standard output, borrowed; without compression */
    size_t connection; /* of the lines in it */
    struct pb__buf line;
    bool dirty;  /* not everything that was written has been flushed */
    bool failed; /* err says why; nothing more is written */
    pb_error err;
};

/* Creates the file, or empties it. PB_ERR_SYSTEM with the reason, PB_ERR_NOMEM. */
int capture_writer_open(struct capture_writer *w, const char *path, pb_error *err);

/* Writes plain lines of that connection to a stream instead, beside those of others. */
void capture_writer_share(struct capture_writer *w, FILE *to, size_t connection);

/* These report errors in w->failed and w->err. */

/* Writes the first line; about is free text. */
void capture_writer_begin(struct capture_writer *w, const char *about);
/* Writes a chunk of bytes that a side sent. */
void capture_writer_bytes(struct capture_writer *w, double time, int from, pb_span in);
/* Writes that a side ended the connection; why may be NULL. */
void capture_writer_end(struct capture_writer *w, double time, int from, const char *why);
/* Flushes, so that a reader can see everything that was written, even if this process is
 * killed later. */
void capture_writer_flush(struct capture_writer *w);
void capture_writer_close(struct capture_writer *w);

#endif
