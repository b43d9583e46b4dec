/* SPDX-License-Identifier: MIT
 *
 * `pb replay --check FILE...`: reads captures, has each of their rows judged, and says how
 * many passed. */
#include "tools/replay.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>

#include "tools/capture.h"
#include "tools/pb.h"

static const char help[] =
    "Usage: pb replay --check FILE...\n"
    "Decodes both sides of each capture, writes every expression again from its values,\n"
    "and compares the bytes, and what was said with what is expected. Then a session is\n"
    "put in the place of each side, and must write the same bytes. FILE is JSON Lines,\n"
    "plain or in gzip: a scenario, or vectors, or what pb record wrote, of which only "
    "the\n"
    "bytes are judged, for nothing is expected in it.\n"
    "\n"
    "      --check             check captures\n"
    "      --help              print this text\n"
    "\n"
    "Ends with \"N passed, N failed\". Exit status: 0 none failed and at least one "
    "passed;\n"
    "1 otherwise; 2 wrong usage.\n"
    "\n"
    "Example: pb replay --check traffic.jsonl.gz\n";

enum { SHOWN_BEFORE = 12, SHOWN_AFTER = 28 };

void replay_pass(struct replay *r)
{
    r->passed++;
}

static void fail_head(struct replay *r)
{
    r->failed++;
    fprintf(stderr, "%s:%zu: %s: ", r->file, r->line, r->scenario ? r->scenario : "");
    if (r->role) {
        fprintf(stderr, "a session as %s: ", r->role);
    }
}

void replay_fail(struct replay *r, const char *format, ...)
{
    fail_head(r);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* The bytes around `at`, the one there in brackets. */
static void show(const char *name, pb_span s, size_t at)
{
    size_t from = at > SHOWN_BEFORE ? at - SHOWN_BEFORE : 0;
    fprintf(stderr, "    %-8s (%zu bytes) %s", name, s.len, from ? "... " : "");
    for (size_t i = from; i < s.len && i < at + SHOWN_AFTER; i++) {
        fprintf(stderr, i == at ? "[%02x]" : "%02x", s.data[i]);
    }
    fprintf(stderr, "%s\n", at + SHOWN_AFTER < s.len ? " ..." : "");
}

bool replay_same(struct replay *r, const char *what, pb_span expected, pb_span got)
{
    size_t at = 0;
    while (at < expected.len && at < got.len && expected.data[at] == got.data[at]) {
        at++;
    }
    if (at == expected.len && at == got.len) {
        replay_pass(r);
        return true;
    }
    fail_head(r);
    fprintf(stderr, "%s differs at byte %zu\n", what, at);
    show("expected", expected, at);
    show("got", got, at);
    return false;
}

/* Takes the version of Python and Twisted from the first line, and which kind of file it
 * is: true for vectors. */
static int read_header(struct replay *r, const json_t *header, bool *vectors,
                       pb_error *err)
{
    const char *format = json_string_value(json_object_get(header, "format"));
    const char *python = json_string_value(json_object_get(header, "python"));
    const char *twisted = json_string_value(json_object_get(header, "twisted"));
    *vectors = format && strcmp(format, "pb-vectors") == 0;
    if (!*vectors && !(format && strcmp(format, "pb-capture") == 0)) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "the first line is no capture's");
    }
    if (json_integer_value(json_object_get(header, "version")) != 1) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "the capture is not of version 1");
    }
    r->scenario =
        json_string_value(json_object_get(header, *vectors ? "kind" : "scenario"));
    r->recorded = !*vectors && json_is_string(json_object_get(header, "recorded"));
    if (r->recorded && !python && !twisted) {
        return 0;
    }
    char peer[64];
    int year, month, major, minor;
    if (!python || !twisted || sscanf(python, "%d.%d", &major, &minor) != 2 ||
        sscanf(twisted, "%d.%d", &year, &month) != 2) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0,
                             "the first line names no version of Python and Twisted");
    }
    snprintf(peer, sizeof peer, "%d.%d-py%d.%d", year, month, major, minor);
    return pb_profile_parse(peer, &r->profile, err);
}

/* All lines of a scenario, each with its number; NULL for lack of memory, or where
 * the file cannot be read. */
static json_t *read_lines(struct capture *c, pb_error *err)
{
    json_t *lines = json_array(), *line;
    while (lines && (line = capture_next(c, err))) {
        if (json_object_set_new(line, "line", json_integer((json_int_t)c->line)) != 0 ||
            json_array_append_new(lines, line) != 0) {
            pb__error_nomem(err);
        }
    }
    if (err->code) {
        json_decref(lines);
        lines = NULL;
    }
    return lines;
}

static void check_vectors(struct replay *r, struct capture *c, pb_error *err)
{
    json_t *row;
    while ((row = capture_next(c, err))) {
        r->line = c->line;
        replay_vector(r, row);
        json_decref(row);
    }
}

static void check_scenario(struct replay *r, struct capture *c, pb_error *err)
{
    json_t *lines = read_lines(c, err);
    if (lines) {
        replay_scenario(r, lines);
        json_decref(lines);
    }
}

static void check_file(struct replay *r, const char *path)
{
    struct capture c;
    pb_error err = {0};
    json_t *header = NULL;
    *r = (struct replay){.file = path, .passed = r->passed, .failed = r->failed};
    if (capture_open(&c, path, &err) == 0) {
        bool vectors;
        header = capture_next(&c, &err);
        if (!header) {
            pb__error_set(&err, PB_ERR_SYNTAX, 0, "the file is empty");
        } else if (read_header(r, header, &vectors, &err) == 0) {
            (vectors ? check_vectors : check_scenario)(r, &c, &err);
        }
        r->line = c.line;
        capture_close(&c);
    }
    if (err.code) {
        replay_fail(r, "%s", err.text);
    }
    json_decref(header);
}

/* Judges the files, and prints the last line. */
static int check(int count, char **files)
{
    struct replay r = {0};
    for (int i = 0; i < count; i++) {
        check_file(&r, files[i]);
    }
    printf("%zu passed, %zu failed\n", r.passed, r.failed);
    return r.failed == 0 && r.passed > 0 ? TOOL_DONE : TOOL_FAILED;
}

int replay_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"check", no_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool checking = false;
    int got;
    while ((got = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (got == 'h') {
            fputs(help, stdout);
            return TOOL_DONE;
        }
        if (got != 'c') {
            return tool_bad_option(got, argv);
        }
        checking = true;
    }
    if (!checking || optind == argc) {
        tool_say(checking ? "no FILE" : "--check is missing");
        return TOOL_USAGE;
    }
    return check(argc - optind, argv + optind);
}
