/* SPDX-License-Identifier: MIT
 *
 * `pb bench`: how fast this machine is, a line for each figure: name, value, unit. */
#include "tools/bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/base/mem.h"
#include "libpb/base/error.h"
#include "libpb/jelly/jelly.h"
#include "tools/pb.h"

#define CODEC_SECONDS 2.0

static const char help[] =
    "Usage: pb bench codec FILE\n"
    "       pb bench call ENDPOINT METHOD [ARG]... [OPTION]...\n"
    "codec: FILE holds one jelly expression in banana, of dialect pb, which is decoded\n"
    "and encoded for two seconds each. call: calls METHOD on the root of the server at\n"
    "ENDPOINT, and measures calls and their latency.\n"
    "\n"
    "      --outstanding N     keep N calls under way, instead of 1\n"
    "      --seconds S         call for S seconds, instead of 2\n"
    "      --help              print this text\n"
    "\n"
    "Prints a line for each figure: its name, its value and its unit.\n"
    "\n"
    "Example: pb bench call localhost:8800 echo 1 --outstanding 100\n";

/* The whole of a file, *new*; NULL after saying why not. */
static uint8_t *read_file(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = NULL;
    size_t room = 0;
    *len = 0;
    while (f && !feof(f) && !ferror(f)) {
        if (*len == room) {
            room = room ? room * 2 : 65536;
            uint8_t *more = pb__realloc(data, room);
            if (!more) {
                errno = ENOMEM;
                break;
            }
            data = more;
        }
        *len += fread(data + *len, 1, room - *len, f);
    }
    if (!f || ferror(f) || !feof(f)) {
        tool_say("%s: %s", path, strerror(errno));
        pb__free(data);
        data = NULL;
    }
    if (f) {
        fclose(f);
    }
    return data;
}

/* Scalars, containers and keys of dicts, each place counting. */
static int64_t count_values(pb_value *v)
{
    size_t len = 1;
    size_t room = 64;
    int64_t count = 0;
    pb_value **todo = pb__malloc(room * sizeof *todo);
    if (todo) {
        todo[0] = v;
    }
    while (todo && len > 0) {
        v = todo[--len];
        count++;
        size_t more = pb__kind(v) == PB_DICT ? 2 * pb_len(v) : pb_len(v);
        if (len + more > room) {
            room = 2 * (len + more);
            pb_value **bigger = pb__realloc(todo, room * sizeof *todo);
            if (!bigger) {
                pb__free(todo);
            }
            todo = bigger;
        }
        pb_value *item;
        pb_value *key;
        size_t pos = 0;
        while (todo && pb_dict_next(v, &pos, &key, &item)) {
            todo[len++] = key;
            todo[len++] = item;
        }
        for (size_t i = 0; todo && (item = pb_item(v, i)); i++) {
            todo[len++] = item;
        }
    }
    pb__free(todo);
    return todo ? count : -1;
}

static void report(const char *name, double seconds, int64_t rounds, size_t bytes,
                   int64_t values)
{
    printf("%s %.1f MB/s\n", name, (double)bytes * (double)rounds / seconds / 1e6);
    printf("%s %.0f values/s\n", name, (double)values * (double)rounds / seconds);
}

static int keep(struct pb__message *m, void *ctx)
{
    pb_value **out = ctx;
    pb_value_unref(*out);
    *out = m->value;
    if (m->refused) {
        tool_say_error(m->refused);
        return m->refused->code;
    }
    return 0;
}

/* Decodes for a while; *value is what came of it the last time. */
static int bench_decode(pb_span in, const pb_jelly_config *jelly, pb_value **value)
{
    struct pb__reader_config config = {.jelly = jelly, .done = keep, .ctx = value};
    struct pb__reader *reader = pb__reader_new(&config);
    pb_decoder *decoder =
        reader ? pb_decoder_new(PB_DIALECT_PB, NULL, pb__reader_sink(reader)) : NULL;
    if (!decoder) {
        pb__reader_free(reader);
        return tool_nomem();
    }
    pb_error err = {0};
    int status = TOOL_DONE;
    int64_t rounds = 0;
    double start = bench_now();
    double took = 0;
    while (status == TOOL_DONE && took < CODEC_SECONDS) {
        pb_value_unref(*value);
        *value = NULL;
        rounds++;
        if (pb_decoder_recv(decoder, in, &err) != 0) {
            if (err.code) {
                tool_say_error(&err);
            }
            status = TOOL_FAILED;
        } else if (pb_decoder_count(decoder) != (uint64_t)rounds ||
                   pb_decoder_offset(decoder) != 0) {
            tool_say("the file does not hold exactly one expression");
            status = TOOL_FAILED;
        }
        took = bench_now() - start;
    }
    if (status == TOOL_DONE) {
        report("decode", took, rounds, in.len, count_values(*value));
    }
    pb_decoder_free(decoder);
    pb__reader_free(reader);
    return status;
}

static int bench_encode(pb_value *value, const pb_jelly_config *jelly)
{
    pb_encoder *encoder = pb_encoder_new(PB_DIALECT_PB, NULL);
    if (!encoder) {
        return tool_nomem();
    }
    pb_error err = {0};
    int64_t rounds = 0;
    size_t bytes = 0;
    double start = bench_now();
    double took = 0;
    while (!err.code && took < CODEC_SECONDS) {
        if (pb_jelly(value, jelly, encoder, &err) == 0) {
            bytes = pb_encoder_send(encoder).len;
            pb_encoder_rewind(encoder, 0);
        }
        rounds++;
        took = bench_now() - start;
    }
    pb_encoder_free(encoder);
    if (err.code) {
        tool_say_error(&err);
        return TOOL_FAILED;
    }
    report("encode", took, rounds, bytes, count_values(value));
    return TOOL_DONE;
}

static int codec_main(const char *path)
{
    size_t len;
    uint8_t *data = read_file(path, &len);
    if (!data) {
        return TOOL_USAGE;
    }
    pb_jelly_config jelly = {.taster = pb_taster_new()};
    if (!jelly.taster || pb_taster_allow_all(jelly.taster) != 0) {
        pb_taster_unref(jelly.taster);
        pb__free(data);
        return tool_nomem();
    }
    pb_value *value = NULL;
    int status = bench_decode((pb_span){data, len}, &jelly, &value);
    pb__free(data);
    if (status == TOOL_DONE) {
        status = bench_encode(value, &jelly);
    }
    pb_value_unref(value);
    pb_taster_unref(jelly.taster);
    return status;
}

int bench_main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return TOOL_DONE;
    }
    if (argc == 3 && strcmp(argv[1], "codec") == 0) {
        return codec_main(argv[2]);
    }
    if (argc >= 4 && strcmp(argv[1], "call") == 0) {
        return bench_call_main(argc - 1, argv + 1);
    }
    fputs(help, stderr);
    return TOOL_USAGE;
}
