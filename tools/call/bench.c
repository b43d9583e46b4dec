/* SPDX-License-Identifier: MIT
 *
 * `pb bench`: its usage, and `pb bench codec`. Each figure is a line: name, value,
 * unit. */
#include "tools/call/bench.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pb/jelly.h"
#include "tools/call/argument_value.h"
#include "tools/common/command.h"
#include "tools/pb.h"

#define CODEC_SECONDS 2.0

/* The number of scalars, containers and keys in v, shared ones once for each place; -1
 * for lack of memory. */
static int64_t bench_count_values(pb_value *v)
{
    size_t len = 1;
    size_t room = 64;
    int64_t count = 0;
    pb_value **todo = malloc(room * sizeof *todo);
    if (todo) {
        todo[0] = v;
    }
    while (todo && len > 0) {
        v = todo[--len];
        count++;
        size_t more = pb_value_kind(v) == PB_DICT ? 2 * pb_len(v) : pb_len(v);
        if (len + more > room) {
            room = 2 * (len + more);
            pb_value **bigger = realloc(todo, room * sizeof *todo);
            if (!bigger) {
                free(todo);
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
    free(todo);
    return todo ? count : -1;
}

static void codec_print(const char *name, double seconds, int64_t rounds, size_t bytes,
                        int64_t values)
{
    printf("%s %.1f MB/s\n", name, (double)bytes * (double)rounds / seconds / 1e6);
    printf("%s %.0f values/s\n", name, (double)values * (double)rounds / seconds);
}

/* Decodes the expression once, to a *new* value; NULL with err. */
static pb_value *codec_decode_once(pb_decoder *decoder, pb_unjellier *unjellier,
                                   pb_span in, pb_error *err)
{
    pb_value *value = NULL;
    uint64_t before = pb_decoder_count(decoder);
    int failed = pb_decoder_recv(decoder, in, err);
    bool one = pb_decoder_count(decoder) == before + 1 && pb_decoder_offset(decoder) == 0;
    if (failed == PB_ERR_STATE || (!failed && !one)) {
        err->code = PB_ERR_SYNTAX;
        strcpy(err->text, "the file does not hold exactly one expression");
    } else if (!failed) {
        pb_unjellier_take(unjellier, &value, err);
    }
    return value;
}

/* Decodes for two seconds; *value, *new*, is the value of the last time. */
static int codec_decode(pb_span in, const pb_jelly_config *jelly, pb_value **value)
{
    pb_unjellier *unjellier = pb_unjellier_new(jelly);
    pb_decoder *decoder = unjellier ? pb_decoder_new(PB_DIALECT_PB, &jelly->limits,
                                                     pb_unjellier_sink(unjellier))
                                    : NULL;
    int status = decoder ? TOOL_DONE : tool_nomem();
    pb_error err = {0};
    int64_t rounds = 0;
    double start = bench_now();
    double took = 0;
    while (status == TOOL_DONE && took < CODEC_SECONDS) {
        pb_value_unref(*value);
        rounds++;
        *value = codec_decode_once(decoder, unjellier, in, &err);
        status = *value ? TOOL_DONE : TOOL_FAILED;
        took = bench_now() - start;
    }
    if (err.code) {
        tool_error_from(&err);
    }
    if (status == TOOL_DONE) {
        codec_print("decode", took, rounds, in.len, bench_count_values(*value));
    }
    pb_decoder_free(decoder);
    pb_unjellier_free(unjellier);
    return status;
}

static int codec_encode(pb_value *value, const pb_jelly_config *jelly)
{
    pb_encoder *encoder = pb_encoder_new(PB_DIALECT_PB, &jelly->limits);
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
        tool_error_from(&err);
        return TOOL_FAILED;
    }
    codec_print("encode", took, rounds, bytes, bench_count_values(value));
    return TOOL_DONE;
}

static int codec_bench(const pb_limits *limits, const char *path)
{
    size_t len;
    char *data = tool_read_file(path, &len);
    if (!data) {
        return TOOL_USAGE;
    }
    pb_jelly_config jelly = {.taster = pb_taster_new(), .limits = *limits};
    if (!jelly.taster || pb_taster_allow_all(jelly.taster) != 0) {
        pb_taster_unref(jelly.taster);
        free(data);
        return tool_nomem();
    }
    pb_value *value = NULL;
    int status = codec_decode((pb_span){(uint8_t *)data, len}, &jelly, &value);
    free(data);
    if (status == TOOL_DONE) {
        status = codec_encode(value, &jelly);
    }
    pb_value_unref(value);
    pb_taster_unref(jelly.taster);
    return status;
}

static const char bench_help_end[] =
    "Prints one line per figure: its name, its value and its unit. After an\n"
    "interrupt, the figures are for the calls made until then.\n"
    "\n"
    "Example: pb bench call localhost:8800 echo 1 --outstanding 100\n";

enum { BENCH_OUTSTANDING, BENCH_SECONDS };

static const struct tool_option bench_option_rows[] = {
    {"outstanding", "N", "keep N calls outstanding, instead of 1", BENCH_OUTSTANDING, 0},
    {"seconds", "S", "call for S seconds, instead of 2", BENCH_SECONDS, 0},
    {0}};

static int bench_take_option(void *ctx, int id, const char *argument)
{
    struct bench_options *o = ctx;
    char *end;
    if (id == BENCH_OUTSTANDING) {
        o->outstanding = strtol(argument, &end, 10);
    } else {
        o->seconds = strtod(argument, &end);
    }
    if (end == argument || *end || o->outstanding < 1 || o->outstanding > 65536 ||
        !(o->seconds > 0 && o->seconds < 1e6)) {
        tool_error("--outstanding is 1 to 65536, --seconds more than 0");
        return TOOL_USAGE;
    }
    return TOOL_DONE;
}

static int bench_run(struct bench_options *o, int count, char **words)
{
    if (count == 2 && strcmp(words[0], "codec") == 0) {
        return codec_bench(&o->client.config.session.jelly.limits, words[1]);
    }
    if (count >= 2 && strcmp(words[0], "call") == 0) {
        return bench_call_run(o, count - 1, words + 1);
    }
    tool_error(
        "\"codec FILE\" or \"call ENDPOINT METHOD [ARG]...\" is needed; see pb bench "
        "--help");
    return TOOL_USAGE;
}

int bench_main(int argc, char **argv)
{
    struct bench_options o = {.outstanding = 1, .seconds = 2};
    char begin[1500];
    snprintf(
        begin, sizeof begin,
        "Usage: pb bench codec FILE\n"
        "       pb bench call ENDPOINT METHOD [ARG]... [OPTION]...\n"
        "codec: decodes and encodes the jelly expression in FILE for two seconds each.\n"
        "FILE holds one expression, in banana of the dialect pb.\n"
        "call: calls METHOD on the root of the server at ENDPOINT, or on the avatar, "
        "and\n"
        "measures the number of calls and their latency.\n"
        "\n"
        "%s\n"
        "%s",
        client_endpoint_help, argument_help);
    const struct tool_usage usage = {
        "bench",
        begin,
        bench_help_end,
        {{bench_option_rows, bench_take_option, &o}, CLIENT_OPTIONS(&o.client)}};
    bool done = false;
    int count, status = tool_parse_options(&usage, argc, argv, &count, &done);
    if (status == TOOL_DONE && !done) {
        status = bench_run(&o, count, argv);
    }
    client_options_fini(&o.client);
    return status;
}
