/* SPDX-License-Identifier: MIT
 *
 * Writes captures line by line through zlib, at its fastest level: hexadecimal digits of
 * similar messages compress well at any level. */
#include "tools/record/capture_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "libpb/base/error.h"
#include "tools/common/conversation.h"
#include "tools/common/hex.h"

int capture_writer_open(struct capture_writer *w, const char *path, pb_error *err)
{
    *w = (struct capture_writer){0};
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) {
        return pb__error_set(err, PB_ERR_SYSTEM, 0, "%s: %s", path, strerror(errno));
    }
    w->file = gzdopen(fd, "wb1");
    if (!w->file) {
        close(fd);
        return pb__error_nomem(err);
    }
    return 0;
}

void capture_writer_share(struct capture_writer *w, FILE *to, size_t connection)
{
    *w = (struct capture_writer){.plain = to, .connection = connection};
}

static void capture_writer_set_error(struct capture_writer *w, int code)
{
    int status = Z_OK;
    const char *reason = w->file ? gzerror(w->file, &status) : "";
    w->failed = true;
    if (code == PB_ERR_NOMEM) {
        pb__error_nomem(&w->err);
    } else {
        pb__error_set(&w->err, code, 0, "%s",
                      status == Z_ERRNO || !*reason ? strerror(errno) : reason);
    }
}

/* Writes w->line. */
static void capture_writer_put_line(struct capture_writer *w)
{
    if (w->failed || (!w->file && !w->plain)) {
        return;
    }
    errno = 0;
    bool written = w->plain
                       ? fwrite(w->line.data, 1, w->line.len, w->plain) == w->line.len
                       : gzwrite(w->file, w->line.data, (unsigned)w->line.len) > 0;
    if (!written) {
        capture_writer_set_error(w, PB_ERR_SYSTEM);
    }
    w->dirty = true;
}

static void capture_writer_put_json(struct capture_writer *w, json_t *j)
{
    if (j && w->connection) {
        json_object_set_new(j, "connection", json_integer((json_int_t)w->connection));
    }
    char *text = j ? json_dumps(j, JSON_COMPACT | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(j);
    w->line.len = 0;
    if (!text || pb__buf_printf(&w->line, "%s\n", text) != 0) {
        capture_writer_set_error(w, PB_ERR_NOMEM);
    }
    free(text);
    capture_writer_put_line(w);
}

void capture_writer_begin(struct capture_writer *w, const char *about)
{
    char began[32];
    time_t now = time(NULL);
    struct tm utc;
    strftime(began, sizeof began, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
    capture_writer_put_json(w,
                            json_pack("{s:s, s:i, s:s, s:s}", "format", "pb-capture",
                                      "version", 1, "recorded", began, "about", about));
}

void capture_writer_bytes(struct capture_writer *w, double time, int from, pb_span in)
{
    w->line.len = 0;
    if (pb__buf_printf(&w->line, "{\"t\":%.6f,\"from\":\"%s\",", time,
                       side_names[from]) != 0 ||
        (w->connection &&
         pb__buf_printf(&w->line, "\"connection\":%zu,", w->connection)) ||
        pb__buf_puts(&w->line, "\"hex\":\"") != 0 ||
        pb__buf_reserve(&w->line, 2 * in.len + 3) != 0) {
        capture_writer_set_error(w, PB_ERR_NOMEM);
        return;
    }
    hex_encode((char *)w->line.data + w->line.len, in);
    w->line.len += 2 * in.len;
    (void)pb__buf_append(&w->line, "\"}\n", 3); /* there is room */
    capture_writer_put_line(w);
}

void capture_writer_end(struct capture_writer *w, double time, int from, const char *why)
{
    capture_writer_put_json(w, json_pack("{s:f, s:s, s:s, s:n, s:s?}", "t", time, "event",
                                         "closed", "by", side_names[from], "error",
                                         "message", why));
}

void capture_writer_flush(struct capture_writer *w)
{
    bool flushed =
        !w->dirty || w->failed ||
        (w->plain ? fflush(w->plain) == 0 : gzflush(w->file, Z_SYNC_FLUSH) == Z_OK);
    if (!flushed) {
        capture_writer_set_error(w, PB_ERR_SYSTEM);
    }
    w->dirty = false;
}

void capture_writer_close(struct capture_writer *w)
{
    errno = 0;
    if (w->file && gzclose_w(w->file) != Z_OK && !w->failed) {
        w->file = NULL;
        capture_writer_set_error(w, PB_ERR_SYSTEM);
    }
    w->file = NULL;
    pb__buf_fini(&w->line);
}
