/* SPDX-License-Identifier: MIT
 *
 * Reads lines from a file by zlib, compressed or not, and parses each line as a JSON
 * object. */
#include "tools/common/capture_file.h"

#include <errno.h>

#include "libpb/base/error.h"
#include "tools/common/hex.h"

enum { READ_SIZE = 64 << 10 };

int capture_file_open(struct capture_file *c, const char *path, pb_error *err)
{
    *c = (struct capture_file){0};
    errno = 0;
    c->file = gzopen(path, "rb");
    if (!c->file) {
        return errno ? pb__error_set(err, PB_ERR_SYSTEM, 0, "%s", strerror(errno))
                     : pb__error_nomem(err);
    }
    return 0;
}

/* Reads one line, without its newline, into c->text. Returns 1, 0 at the end of the file,
 * or an error. */
static int capture_file_read_line(struct capture_file *c, pb_error *err)
{
    struct pb__buf *text = &c->text;
    text->len = 0;
    for (;;) {
        if (text->len > CAPTURE_LINE_MAX) {
            return pb__error_set(err, PB_ERR_LIMIT, 0,
                                 "the line is longer than %zu bytes", CAPTURE_LINE_MAX);
        }
        if (pb__buf_reserve(text, READ_SIZE) != 0) {
            return pb__error_nomem(err);
        }
        char *at = (char *)text->data + text->len;
        if (!gzgets(c->file, at, READ_SIZE)) {
            break;
        }
        /* gzgets does not distinguish a NUL in the file from the one that it appends.
         * JSON contains no NUL, so the parser rejects such a line in any case. */
        text->len += strlen(at);
        if (text->len && text->data[text->len - 1] == '\n') {
            text->len--;
            return 1;
        }
    }
    int status;
    const char *reason = gzerror(c->file, &status);
    if (status != Z_OK && status != Z_STREAM_END) {
        return pb__error_set(err, status == Z_ERRNO ? PB_ERR_SYSTEM : PB_ERR_SYNTAX, 0,
                             "cannot be read: %s",
                             status == Z_ERRNO ? strerror(errno) : reason);
    }
    return text->len ? 1 : 0;
}

json_t *capture_file_next(struct capture_file *c, pb_error *err)
{
    for (;;) {
        int got = capture_file_read_line(c, err);
        if (got <= 0) {
            return NULL;
        }
        c->line++;
        if (c->text.len) {
            break;
        }
    }
    json_error_t why;
    json_t *object = json_loadb((const char *)c->text.data, c->text.len,
                                JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (!object) {
        pb__error_set(err, PB_ERR_SYNTAX, (uint64_t)why.position, "not JSON: %s",
                      why.text);
    } else if (!json_is_object(object)) {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "the line is not a JSON object");
        json_decref(object);
        object = NULL;
    }
    return object;
}

void capture_file_close(struct capture_file *c)
{
    if (c->file) {
        gzclose_r(c->file);
    }
    pb__buf_fini(&c->text);
    *c = (struct capture_file){0};
}

int capture_decode_hex(const json_t *text, struct pb__buf *out, pb_error *err)
{
    const char *s = json_string_value(text);
    size_t len = json_string_length(text);
    if (!s || len % 2) {
        return pb__error_set(err, PB_ERR_SYNTAX, len,
                             "not a string of pairs of hexadecimal digits");
    }
    if (pb__buf_reserve(out, len / 2) != 0) {
        return pb__error_nomem(err);
    }
    for (size_t i = 0; i < len; i += 2) {
        int high = hex_digit(s[i]), low = hex_digit(s[i + 1]);
        if (high < 0 || low < 0) {
            return pb__error_set(err, PB_ERR_SYNTAX, i, "not a hexadecimal digit");
        }
        out->data[out->len++] = (uint8_t)(high << 4 | low);
    }
    return 0;
}
