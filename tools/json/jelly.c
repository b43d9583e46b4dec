/* SPDX-License-Identifier: MIT
 *
 * `pb jelly` and `pb unjelly`: lossless JSON to jelly in banana, and back, without a
 * connection. The broker's expressions are kept as they are. */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/base/error.h"
#include "tools/common/command.h"
#include "tools/common/conversation.h"
#include "tools/common/hex.h"
#include "tools/common/options.h"
#include "tools/json/json.h"
#include "tools/json/json_text.h"
#include "tools/pb.h"

struct jelly_options {
    pb_jelly_config jelly;
    pb_dialect dialect;
    bool hex;
};

static const char jelly_help_begin[] =
    "Usage: pb jelly [OPTION]... [FILE|-]\n"
    "Reads values as lossless JSON, one after the other, and writes their jelly in\n"
    "banana. The notation is that of `pb call --json=typed` and of captures.\n";

static const char unjelly_help_begin[] =
    "Usage: pb unjelly [OPTION]... [FILE|-]\n"
    "Reads jelly in banana, and writes the values as lossless JSON, one per line.\n";

static const char jelly_help_end[] =
    "Example: echo '{\"list\": [null, {\"int\": \"1\"}]}' | pb jelly | pb unjelly\n";

enum { JELLY_HEX, JELLY_LIMIT, JELLY_NONE, JELLY_PROFILE };

static const struct tool_option jelly_option_rows[] = {
    {"hex", NULL, "read or write banana as hexadecimal digits", JELLY_HEX, 0},
    {"limit", "SIZE",
     "read and write strings and lists of up to SIZE bytes or elements (640K): 10M, 1G",
     JELLY_LIMIT, 0},
    {"none", NULL, "use the dialect none, without vocabulary, instead of pb", JELLY_NONE,
     0},
    {"profile", "NAME", "the peer's version of Twisted: 22.4.0-py3, python2, ...",
     JELLY_PROFILE, 0},
    {0}};

static int jelly_take_option(void *ctx, int id, const char *argument)
{
    struct jelly_options *o = ctx;
    pb_error err = {0};
    size_t limit;
    int status;
    switch (id) {
    case JELLY_HEX:
        o->hex = true;
        return TOOL_DONE;
    case JELLY_LIMIT:
        status = tool_parse_size(argument, &limit);
        if (status == TOOL_DONE) {
            tool_raise_limits(&o->jelly.limits, limit);
        }
        return status;
    case JELLY_NONE:
        o->dialect = PB_DIALECT_NONE;
        return TOOL_DONE;
    default:
        return pb_profile_parse(argument, &o->jelly.profile, &err) != 0
                   ? tool_bad_argument(argument, &err)
                   : TOOL_DONE;
    }
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

/* Converts the value at the beginning of the text; *used is its length. */
static int jelly_convert(const struct jelly_options *o, pb_span text, pb_encoder *e,
                         size_t *used, pb_error *err)
{
    json_t *j = json_tree_parse(text, used, err);
    if (!j && err->code == PB_ERR_SYNTAX) {
        pb_error why = *err;
        *err = (pb_error){0};
        pb__error_set(err, PB_ERR_SYNTAX, why.offset,
                      "not JSON: %s (at byte %" PRIu64 ")", why.text, why.offset);
    } else if (j) {
        jelly_write_value(o, j, e, err);
    }
    json_tree_free(j);
    return err->code;
}

static int jelly_run(const struct jelly_options *o, const char *path)
{
    size_t len, used;
    char *text = tool_read_file(path, &len);
    pb_encoder *e = pb_encoder_new(o->dialect, &o->jelly.limits);
    int status = !text ? TOOL_USAGE : !e ? tool_nomem() : TOOL_DONE;
    pb_error err = {0};
    size_t at = strspn(text ? text : "", " \t\n\r");
    for (int n = 1; status == TOOL_DONE && at < len; n++, at += used) {
        pb_span rest = {(const uint8_t *)text + at, len - at};
        if (jelly_convert(o, rest, e, &used, &err) != 0) {
            char why[TOOL_ERROR_SIZE];
            tool_error("value %d: %s", n, tool_format_error(why, &err));
            status = TOOL_FAILED;
        }
    }
    pb_encoder_free(e);
    free(text);
    return status;
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
    struct pb__buf text = {0};
    int failed = json_tree_append(&text, j, false);
    if (failed) {
        pb__error_nomem(err);
    } else {
        fwrite(text.data, 1, text.len, stdout);
        putchar('\n');
    }
    json_tree_free(j);
    pb_value_unref(m->value);
    pb__buf_fini(&text);
    return failed;
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

static int unjelly_run(const struct jelly_options *o, const char *path)
{
    pb_error err = {0};
    FILE *in = tool_open_input(path);
    if (!in) {
        return TOOL_USAGE;
    }
    struct pb__reader *reader = pb__reader_new(
        &(struct pb__reader_config){.jelly = &o->jelly,
                                    .invoker = &broker_expression_keep_known,
                                    .done = unjelly_print_value,
                                    .ctx = &err});
    pb_dialect dialect = dialect_for_reading(o->dialect, o->jelly.profile);
    pb_decoder *d =
        reader ? pb_decoder_new(dialect, &o->jelly.limits, pb__reader_sink(reader))
               : NULL;
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
    if (in != stdin) {
        fclose(in);
    }
    return status;
}

static int jelly_command_run(int argc, char **argv, const char *name, const char *begin,
                             int (*work)(const struct jelly_options *o, const char *path))
{
    struct jelly_options o = {.dialect = PB_DIALECT_PB};
    const struct tool_usage usage = {
        name, begin, jelly_help_end, {{jelly_option_rows, jelly_take_option, &o}}};
    bool done = false;
    int count, status = tool_parse_options(&usage, argc, argv, &count, &done);
    if (status != TOOL_DONE || done) {
        return status;
    }
    if (count > 1) {
        tool_error("more than one file is given: %s", argv[1]);
        return TOOL_USAGE;
    }
    o.jelly.taster = pb_taster_new();
    if (!o.jelly.taster || pb_taster_allow_all(o.jelly.taster) != 0) {
        status = tool_nomem();
    } else {
        status = work(&o, count ? argv[0] : "-");
        status = tool_flush_output(status);
    }
    pb_taster_unref(o.jelly.taster);
    return status;
}

int jelly_main(int argc, char **argv)
{
    return jelly_command_run(argc, argv, "jelly", jelly_help_begin, jelly_run);
}

int unjelly_main(int argc, char **argv)
{
    return jelly_command_run(argc, argv, "unjelly", unjelly_help_begin, unjelly_run);
}
