/* SPDX-License-Identifier: MIT
 *
 * Writing a capture of one connection, in gzip, as interop-tests/captures/README.md has
 * it: what capture.h reads. */
#ifndef PB__TOOLS_RECORD_CAPTURE_WRITER_H
#define PB__TOOLS_RECORD_CAPTURE_WRITER_H

#include <stdbool.h>
#include <zlib.h>

#include "libpb/base/buf.h"

/* Zeroed storage is a file that is not open. */
struct record_file {
    gzFile file;
    struct pb__buf line;
    bool dirty;  /* there is something that a reader could not see yet */
    bool failed; /* err says why; nothing more is written */
    pb_error err;
};

/* Makes the file anew. PB_ERR_SYSTEM with the reason, PB_ERR_NOMEM. */
int record_file_open(struct record_file *f, const char *path, pb_error *err);
/* These say in failed and err what went wrong. about is free text. */
void record_file_begin(struct record_file *f, const char *about);
void record_file_bytes(struct record_file *f, double time, int from, pb_span in);
void record_file_end(struct record_file *f, double time, int from, const char *why);
/* Makes all that was written so far readable, whatever becomes of this process. */
void record_file_flush(struct record_file *f);
/* Ends the file; an error is in f->err as before. */
void record_file_close(struct record_file *f);

#endif
