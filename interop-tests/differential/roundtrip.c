/* SPDX-License-Identifier: MIT
 *
 * The libpb side of differential.py. The input is a sequence of cases: the lossless
 * JSON of a value, and the bytes that Twisted writes for it. Each of them follows its
 * length in 4 bytes, least significant first. The output has two results for each
 * case: the bytes that libpb writes for the value, and the bytes that it writes for
 * the value that it decodes from Twisted's bytes. Each of them follows a byte, which
 * is 1, or 0 if the result is an error's text, and its length. */
#include <stdio.h>

#include "libpb/base/buf.h"
#include "pb/jelly.h"
#include "tools/json/json.h"

/* Reads a length and that many bytes; false at the end of the input. */
static bool read_block(struct pb__buf *in)
{
    uint8_t head[4];
    if (fread(head, 1, 4, stdin) != 4) {
        return false;
    }
    size_t len =
        head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 | (size_t)head[3] << 24;
    in->len = 0;
    if (pb__buf_reserve(in, len) != 0) {
        return false;
    }
    in->len = fread(in->data, 1, len, stdin);
    return in->len == len;
}

static void write_block(bool good, const void *data, size_t len)
{
    uint8_t head[5] = {good, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                       (uint8_t)(len >> 24)};
    fwrite(head, 1, sizeof head, stdout);
    fwrite(data, 1, len, stdout);
}

/* Writes the bytes of the value; if it is NULL or cannot be encoded, writes err's
 * text. */
static void write_result_steal(pb_value *v, const pb_jelly_config *c, pb_error *err)
{
    uint8_t *out = NULL;
    size_t len = 0;
    if (v && pb_jelly_bytes(v, c, PB_DIALECT_PB, &out, &len, err) == 0) {
        write_block(true, out, len);
    } else {
        write_block(false, err->text, strlen(err->text));
    }
    pb_free(out);
    pb_value_unref(v);
}

static void run_case(const struct pb__buf *json, const struct pb__buf *bytes,
                     const pb_jelly_config *c)
{
    pb_error err = {0}, err_read = {0};
    json_t *j = json_loadb((const char *)json->data, json->len,
                           JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    write_result_steal(value_from_json(j, &err), c, &err);
    json_decref(j);
    pb_value *v = NULL;
    pb_unjelly_bytes((pb_span){bytes->data, bytes->len}, c, PB_DIALECT_PB, &v, &err_read);
    write_result_steal(v, c, &err_read);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    pb_error err = {0};
    pb_jelly_config config = {.taster = pb_taster_new()};
    struct pb__buf json = {0}, bytes = {0};
    if (argc != 2 || pb_profile_parse(argv[1], &config.profile, &err) != 0 ||
        !config.taster || pb_taster_allow_all(config.taster) != 0) {
        fprintf(stderr, "usage: roundtrip PROFILE\n");
        return 2;
    }
    while (read_block(&json) && read_block(&bytes)) {
        run_case(&json, &bytes, &config);
    }
    pb__buf_fini(&json);
    pb__buf_fini(&bytes);
    pb_taster_unref(config.taster);
    return 0;
}
