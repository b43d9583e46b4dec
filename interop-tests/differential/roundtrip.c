/* SPDX-License-Identifier: MIT
 *
 * libpb's part of differential.py. Reads cases: the neutral notation of a value and the
 * bytes that Twisted makes of it, each behind its length of 4 bytes, least first. Writes
 * for each: the bytes that libpb makes of the value, then those that it makes of what it
 * reads from Twisted's; each behind a byte, 1 or, for the text of an error, 0, and its
 * length. */
#include <stdio.h>

#include "libpb/base/buf.h"
#include "pb/jelly.h"
#include "tools/json/json.h"

/* Reads one length and as many bytes; false at the end of the input. */
static bool take(struct pb__buf *in)
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

static void put(bool good, const void *data, size_t len)
{
    uint8_t head[5] = {good, (uint8_t)len, (uint8_t)(len >> 8), (uint8_t)(len >> 16),
                       (uint8_t)(len >> 24)};
    fwrite(head, 1, sizeof head, stdout);
    fwrite(data, 1, len, stdout);
}

/* Writes what is made of a value, which is NULL if err says why there is none. */
static void answer_steal(pb_value *v, const pb_jelly_config *c, pb_error *err)
{
    uint8_t *out = NULL;
    size_t len = 0;
    if (v && pb_jelly_bytes(v, c, PB_DIALECT_PB, &out, &len, err) == 0) {
        put(true, out, len);
    } else {
        put(false, err->text, strlen(err->text));
    }
    pb_free(out);
    pb_value_unref(v);
}

static void run_case(const struct pb__buf *notation, const struct pb__buf *bytes,
                     const pb_jelly_config *c)
{
    pb_error err = {0}, err_read = {0};
    json_t *j = json_loadb((const char *)notation->data, notation->len,
                           JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    answer_steal(value_from_json(j, &err), c, &err);
    json_decref(j);
    pb_value *v = NULL;
    pb_unjelly_bytes((pb_span){bytes->data, bytes->len}, c, PB_DIALECT_PB, &v, &err_read);
    answer_steal(v, c, &err_read);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    pb_error err = {0};
    pb_jelly_config config = {.taster = pb_taster_new()};
    struct pb__buf notation = {0}, bytes = {0};
    if (argc != 2 || pb_profile_parse(argv[1], &config.profile, &err) != 0 ||
        !config.taster || pb_taster_allow_all(config.taster) != 0) {
        fprintf(stderr, "usage: roundtrip PROFILE\n");
        return 2;
    }
    while (take(&notation) && take(&bytes)) {
        run_case(&notation, &bytes, &config);
    }
    pb__buf_fini(&notation);
    pb__buf_fini(&bytes);
    pb_taster_unref(config.taster);
    return 0;
}
