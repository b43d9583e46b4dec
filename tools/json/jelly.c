/* SPDX-License-Identifier: MIT
 *
 * `pb jelly` and `pb unjelly`: lossless JSON to jelly in banana, and back, without a
 * connection. The broker's expressions are kept as they are. */
#include <ctype.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/base/error.h"
#include "tools/common/command.h"
#include "tools/common/conversation.h"
#include "tools/common/hex.h"
#include "tools/json/json.h"
#include "tools/pb.h"

struct jelly_options {
    pb_jelly_config jelly;
    pb_dialect dialect;
    bool hex;
};

static const char jelly_help[] =
    "Usage: pb jelly [OPTION]... [FILE|-]\n"
    "Reads values as lossless JSON, one after the other, and writes their jelly in\n"
    "banana. The notation is that of `pb call --json` and of captures.\n"
    "\n";

static const char unjelly_help[] =
    "Usage: pb unjelly [OPTION]... [FILE|-]\n"
    "Reads jelly in banana, and writes the values as lossless JSON, one per line.\n"
    "\n";

static const char jelly_options_help[] =
    "      --hex               read or write banana as hexadecimal digits\n"
    "      --none              use the dialect none, without vocabulary, instead of pb\n"
    "      --profile NAME      the peer's version of Twisted: 22.4.0-py3, python2, ...\n"
    "      --help              print this text\n"
    "\n"
    "Example: echo '{\"list\": [null, {\"int\": \"1\"}]}' | pb jelly | pb unjelly\n";

/* Reads the options; sets *done for --help. */
static int jelly_read_options(int argc, char **argv, const char *help,
                              struct jelly_options *o, bool *done)
{
    enum { HEX = 256, NONE, PROFILE, HELP };
    static const struct option known[] = {{"hex", no_argument, NULL, HEX},
                                          {"none", no_argument, NULL, NONE},
                                          {"profile", required_argument, NULL, PROFILE},
                                          {"help", no_argument, NULL, HELP},
                                          {0}};
    int got;
    pb_error err = {0};
    opterr = 0;
    while ((got = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        switch (got) {
        case HEX:
            o->hex = true;
            break;
        case NONE:
            o->dialect = PB_DIALECT_NONE;
            break;
        case PROFILE:
            if (pb_profile_parse(optarg, &o->jelly.profile, &err) != 0) {
                return tool_bad_argument(optarg, &err);
            }
            break;
        case HELP:
            fputs(help, stdout);
            fputs(jelly_options_help, stdout);
            *done = true;
            return TOOL_DONE;
        default:
            return tool_bad_option(got, argv);
        }
    }
    if (argc - optind > 1) {
        tool_error("more than one file is given: %s", argv[optind + 1]);
        return TOOL_USAGE;
    }
    return TOOL_DONE;
}

/* ---- pb jelly ---- */

static void jelly_print_hex(pb_span bytes)
{
    for (size_t i = 0; i < bytes.len; i++) {
        printf("%02x", bytes.data[i]);
    }
    putchar('\n');
}

static int jelly_write_value(const struct jelly_options *o, json_t *j, pb_encoder *e,
                             pb_error *err)
{
    pb_value *v = value_from_json(j, err);
    if (v && pb_jelly(v, &o->jelly, e, err) == 0) {
        pb_span bytes = pb_encoder_send(e);
        if (o->hex) {
            jelly_print_hex(bytes);
        } else {
            fwrite(bytes.data, 1, bytes.len, stdout);
        }
        pb_encoder_sent(e, bytes.len);
    }
    pb_value_unref(v);
    return err->code;
}

/* Whether there is anything but white space left; skips the white space. */
static bool jelly_has_more(FILE *in)
{
    int c;
    do {
        c = getc(in);
    } while (c != EOF && isspace(c));
    return ungetc(c, in) != EOF;
}

static int jelly_run(const struct jelly_options *o, FILE *in)
{
    pb_encoder *e = pb_encoder_new(o->dialect, NULL);
    if (!e) {
        return tool_nomem();
    }
    pb_error err = {0};
    for (int n = 1; !err.code && jelly_has_more(in); n++) {
        json_error_t why;
        json_t *j = json_loadf(in,
                               JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL | JSON_DECODE_ANY |
                                   JSON_DISABLE_EOF_CHECK,
                               &why);
        if (!j) {
            pb__error_set(&err, PB_ERR_SYNTAX, 0, "not JSON: %s", why.text);
        } else {
            jelly_write_value(o, j, e, &err);
        }
        if (err.code) {
            char text[TOOL_ERROR_SIZE];
            tool_error("value %d: %s", n, tool_format_error(text, &err));
        }
        json_decref(j);
    }
    pb_encoder_free(e);
    return err.code ? TOOL_FAILED : TOOL_DONE;
}

/* ---- pb unjelly ---- */

static int unjelly_print_value(struct pb__message *m, void *ctx)
{
    pb_error *err = ctx;
    if (m->refused) {
        *err = *m->refused;
        return err->code;
    }
    json_t *j = value_to_json(m->value);
    char *text = j ? json_dumps(j, JSON_ENCODE_ANY) : NULL;
    json_decref(j);
    pb_value_unref(m->value);
    if (!text) {
        return pb__error_nomem(err);
    }
    puts(text);
    free(text);
    return 0;
}

/* Reads banana. Returns the number of bytes; 0 at the end, or with err. */
static size_t unjelly_read_bytes(FILE *in, bool hex, uint8_t *out, size_t size,
                                 pb_error *err)
{
    if (!hex) {
        return fread(out, 1, size, in);
    }
    size_t digits = 0;
    unsigned byte = 0;
    int c;
    while (digits < 2 * size && (c = getc(in)) != EOF) {
        if (isspace(c)) {
            continue;
        }
        if (hex_digit(c) < 0) {
            pb__error_set(err, PB_ERR_SYNTAX, 0, "'%c' is not a hexadecimal digit", c);
            return 0;
        }
        unsigned digit = (unsigned)hex_digit(c);
        byte = digits % 2 ? byte << 4 | digit : digit;
        out[digits++ / 2] = (uint8_t)byte;
    }
    if (digits % 2) {
        pb__error_set(err, PB_ERR_SYNTAX, 0, "an odd number of hexadecimal digits");
        return 0;
    }
    return digits / 2;
}

static void unjelly_decode(const struct jelly_options *o, FILE *in, pb_decoder *d,
                           struct pb__reader *reader, pb_error *err)
{
    uint8_t chunk[16384];
    size_t n;
    int failed = 0;
    while (!failed &&
           (n = unjelly_read_bytes(in, o->hex, chunk, sizeof chunk, err)) > 0) {
        failed = pb_decoder_recv(d, (pb_span){chunk, n}, err);
    }
    if (failed) {
        pb__error_set(err, failed, 0, "%s", pb_strerror(failed));
    } else if (!err->code && pb_decoder_offset(d) != 0) {
        pb__error_set(err, PB_ERR_SYNTAX, pb_decoder_offset(d),
                      "the bytes end before the expression does");
    }
    if (err->code && !*err->where) {
        pb__reader_where(reader, err);
    }
}

static int unjelly_run(const struct jelly_options *o, FILE *in)
{
    pb_error err = {0};
    struct pb__reader *reader = pb__reader_new(
        &(struct pb__reader_config){.jelly = &o->jelly,
                                    .invoker = &broker_expression_keep_known,
                                    .done = unjelly_print_value,
                                    .ctx = &err});
    pb_dialect dialect = dialect_for_reading(o->dialect, o->jelly.profile);
    pb_decoder *d =
        reader ? pb_decoder_new(dialect, NULL, pb__reader_sink(reader)) : NULL;
    int status = d ? TOOL_DONE : tool_nomem();
    if (d) {
        unjelly_decode(o, in, d, reader, &err);
    }
    if (err.code) {
        char text[TOOL_ERROR_SIZE];
        tool_error("value %llu, byte %llu: %s",
                   (unsigned long long)pb_decoder_count(d) + 1,
                   (unsigned long long)err.offset, tool_format_error(text, &err));
        status = TOOL_FAILED;
    }
    pb_decoder_free(d);
    pb__reader_free(reader);
    return status;
}

static int jelly_command_run(int argc, char **argv, const char *help,
                             int (*work)(const struct jelly_options *o, FILE *in))
{
    struct jelly_options o = {.dialect = PB_DIALECT_PB};
    bool done = false;
    int status = jelly_read_options(argc, argv, help, &o, &done);
    if (status != TOOL_DONE || done) {
        return status;
    }
    const char *path = optind < argc ? argv[optind] : "-";
    FILE *in = tool_open_input(path);
    o.jelly.taster = pb_taster_new();
    if (!in) {
        status = TOOL_USAGE;
    } else if (!o.jelly.taster || pb_taster_allow_all(o.jelly.taster) != 0) {
        status = tool_nomem();
    } else {
        status = work(&o, in);
        status = tool_flush_output(status);
    }
    pb_taster_unref(o.jelly.taster);
    if (in && in != stdin) {
        fclose(in);
    }
    return status;
}

int jelly_main(int argc, char **argv)
{
    return jelly_command_run(argc, argv, jelly_help, jelly_run);
}

int unjelly_main(int argc, char **argv)
{
    return jelly_command_run(argc, argv, unjelly_help, unjelly_run);
}
