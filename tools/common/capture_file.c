/* SPDX-License-Identifier: MIT
 *
 * Reading a capture: lines out of a file that zlib opens, whether it is compressed or
 * not, and each line to a JSON object. */
#include "tools/common/capture_file.h"

#include <errno.h>

enum { READ_SIZE = 64 << 10 };

int capture_open(struct capture *c, const char *path, pb_error *err)
{
    *c = (struct capture){0};
    errno = 0;
    c->file = gzopen(path, "rb");
    if (!c->file) {
        return errno ? pb__error_set(err, PB_ERR_SYSTEM, 0, "%s", strerror(errno))
                     : pb__error_nomem(err);
    }
    return 0;
}

/* Reads one line, without its newline, into c->text: 1, 0 at the end of the file, or an
 * error. */
static int read_line(struct capture *c, pb_error *err)
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
        /* gzgets does not tell a NUL of the file from the one that it writes. JSON has
         * none, so what follows one is no loss: the parser refuses what comes before. */
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

json_t *capture_next(struct capture *c, pb_error *err)
{
    for (;;) {
        int got = read_line(c, err);
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
        pb__error_set(err, PB_ERR_SYNTAX, (uint64_t)why.position, "no JSON: %s",
                      why.text);
    } else if (!json_is_object(object)) {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "the line is no JSON object");
        json_decref(object);
        object = NULL;
    }
    return object;
}

void capture_close(struct capture *c)
{
    if (c->file) {
        gzclose_r(c->file);
    }
    pb__buf_fini(&c->text);
    *c = (struct capture){0};
}

static int digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

int capture_hex(const json_t *text, struct pb__buf *out, pb_error *err)
{
    const char *s = json_string_value(text);
    size_t len = json_string_length(text);
    if (!s || len % 2) {
        return pb__error_set(err, PB_ERR_SYNTAX, len, "not a text of hexadecimal digits");
    }
    if (pb__buf_reserve(out, len / 2) != 0) {
        return pb__error_nomem(err);
    }
    for (size_t i = 0; i < len; i += 2) {
        int high = digit(s[i]), low = digit(s[i + 1]);
        if (high < 0 || low < 0) {
            return pb__error_set(err, PB_ERR_SYNTAX, i, "not a hexadecimal digit");
        }
        out->data[out->len++] = (uint8_t)(high << 4 | low);
    }
    return 0;
}
