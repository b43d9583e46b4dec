/* SPDX-License-Identifier: MIT
 *
 * Captures, line by line into zlib. Its fastest level is enough: hexadecimal digits of
 * messages that resemble one another shrink well at any. */
#include "tools/record/capture_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "tools/common/conversation.h"

int record_file_open(struct record_file *f, const char *path, pb_error *err)
{
    *f = (struct record_file){0};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return pb__error_set(err, PB_ERR_SYSTEM, 0, "%s: %s", path, strerror(errno));
    }
    f->file = gzdopen(fd, "wb1");
    if (!f->file) {
        close(fd);
        return pb__error_nomem(err);
    }
    return 0;
}

static void note_failure(struct record_file *f, int code)
{
    int status = Z_OK;
    const char *reason = f->file ? gzerror(f->file, &status) : "";
    f->failed = true;
    if (code == PB_ERR_NOMEM) {
        pb__error_nomem(&f->err);
    } else {
        pb__error_set(&f->err, code, 0, "%s",
                      status == Z_ERRNO || !*reason ? strerror(errno) : reason);
    }
}

/* Writes out f->line. */
static void put_line(struct record_file *f)
{
    if (f->failed || !f->file) {
        return;
    }
    errno = 0;
    if (gzwrite(f->file, f->line.data, (unsigned)f->line.len) <= 0) {
        note_failure(f, PB_ERR_SYSTEM);
    }
    f->dirty = true;
}

static void put_json(struct record_file *f, json_t *j)
{
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(j);
    f->line.len = 0;
    if (!text || pb__buf_printf(&f->line, "%s\n", text) != 0) {
        note_failure(f, PB_ERR_NOMEM);
    }
    free(text);
    put_line(f);
}

void record_file_begin(struct record_file *f, const char *about)
{
    char began[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(began, sizeof began, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    put_json(f, json_pack("{s:s, s:i, s:s, s:s}", "format", "pb-capture", "version", 1,
                          "recorded", began, "about", about));
}

void record_file_bytes(struct record_file *f, double time, int from, pb_span in)
{
    static const char digits[] = "0123456789abcdef";
    f->line.len = 0;
    if (pb__buf_printf(&f->line, "{\"t\":%.6f,\"from\":\"%s\",\"hex\":\"", time,
                       talk_sides[from]) != 0 ||
        pb__buf_reserve(&f->line, 2 * in.len + 3) != 0) {
        note_failure(f, PB_ERR_NOMEM);
        return;
    }
    uint8_t *out = f->line.data + f->line.len;
    for (size_t i = 0; i < in.len; i++) {
        *out++ = (uint8_t)digits[in.data[i] >> 4];
        *out++ = (uint8_t)digits[in.data[i] & 15];
    }
    f->line.len += 2 * in.len;
    (void)pb__buf_append(&f->line, "\"}\n", 3); /* there is room */
    put_line(f);
}

void record_file_end(struct record_file *f, double time, int from, const char *why)
{
    put_json(f, json_pack("{s:f, s:s, s:s, s:n, s:s?}", "t", time, "event", "closed",
                          "by", talk_sides[from], "error", "message", why));
}

void record_file_flush(struct record_file *f)
{
    if (f->dirty && !f->failed && gzflush(f->file, Z_SYNC_FLUSH) != Z_OK) {
        note_failure(f, PB_ERR_SYSTEM);
    }
    f->dirty = false;
}

void record_file_close(struct record_file *f)
{
    errno = 0;
    if (f->file && gzclose_w(f->file) != Z_OK && !f->failed) {
        f->file = NULL;
        note_failure(f, PB_ERR_SYSTEM);
    }
    f->file = NULL;
    pb__buf_fini(&f->line);
}
