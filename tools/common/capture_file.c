/* SPDX-License-Identifier: MIT
 *
 * Reads lines from a file, compressed or not, and parses each line as a JSON object. */
#include "tools/common/capture_file.h"

#include "libpb/base/error.h"
#include "tools/common/hex.h"

int capture_file_open(struct capture_file *c, const char *path, pb_error *err)
{
    *c = (struct capture_file){0};
    c->input = &c->own;
    return input_open(&c->own, path, err);
}

/* Reads more into c->chunk, which has been taken. Returns false at the end, and with
 * err. */
static bool capture_file_fill(struct capture_file *c, pb_error *err)
{
    c->chunk.len = c->chunk_at = 0;
    if (pb__buf_reserve(&c->chunk, INPUT_CHUNK) != 0) {
        pb__error_nomem(err);
        return false;
    }
    c->chunk.len = input_read(c->input, c->chunk.data, INPUT_CHUNK, err);
    return c->chunk.len > 0;
}

/* Reads one line, without its newline, into c->text. Returns 1, 0 at the end of the file,
 * or an error. */
static int capture_file_read_line(struct capture_file *c, pb_error *err)
{
    c->text.len = 0;
    for (;;) {
        size_t left = c->chunk.len - c->chunk_at;
        const uint8_t *at = left ? c->chunk.data + c->chunk_at : NULL;
        const uint8_t *end = left ? memchr(at, '\n', left) : NULL;
        size_t len = end ? (size_t)(end - at) : left;
        if (pb__buf_append(&c->text, at, len) != 0) {
            return pb__error_nomem(err);
        }
        c->chunk_at += len + (end != NULL);
        if (end) {
            return 1;
        }
        if (c->text.len > CAPTURE_LINE_MAX) {
            return pb__error_set(err, PB_ERR_LIMIT, 0,
                                 "the line is longer than %zu bytes", CAPTURE_LINE_MAX);
        }
        if (!capture_file_fill(c, err)) {
            return err->code ? err->code : c->text.len ? 1 : 0;
        }
    }
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
    input_close(&c->own);
    pb__buf_fini(&c->text);
    pb__buf_fini(&c->chunk);
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
