/* SPDX-License-Identifier: MIT
 *
 * `pb replay --check`: reads captures, has each row of vectors and each scenario
 * checked, and counts what passed. */
#include "tools/replay/engine/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libpb/base/error.h"
#include "tools/common/capture_file.h"
#include "tools/common/command.h"

enum { SHOWN_BEFORE = 12, SHOWN_AFTER = 28 }; /* bytes around a difference */

void check_pass(struct check *c)
{
    c->passed++;
}

static void check_fail_heading(struct check *c)
{
    c->failed++;
    tool_print(stderr, "%s:%zu: %s: ", c->file, c->line, c->scenario ? c->scenario : "");
    if (c->role) {
        fprintf(stderr, "a session as %s: ", c->role);
    }
}

void check_fail(struct check *c, const char *format, ...)
{
    check_fail_heading(c);
    va_list args;
    va_start(args, format);
    tool_vprint(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

/* Prints the bytes around the offset `at`, with that byte in brackets. */
static void check_print_bytes(const char *name, pb_span s, size_t at)
{
    size_t from = at > SHOWN_BEFORE ? at - SHOWN_BEFORE : 0;
    fprintf(stderr, "    %-8s (%zu bytes) %s", name, s.len, from ? "... " : "");
    for (size_t i = from; i < s.len && i < at + SHOWN_AFTER; i++) {
        fprintf(stderr, i == at ? "[%02x]" : "%02x", s.data[i]);
    }
    fprintf(stderr, "%s\n", at + SHOWN_AFTER < s.len ? " ..." : "");
}

bool check_same_bytes(struct check *c, const char *what, pb_span expected, pb_span got)
{
    size_t at = 0;
    while (at < expected.len && at < got.len && expected.data[at] == got.data[at]) {
        at++;
    }
    if (at == expected.len && at == got.len) {
        check_pass(c);
        return true;
    }
    check_fail_heading(c);
    fprintf(stderr, "%s differs at byte %zu\n", what, at);
    check_print_bytes("expected", expected, at);
    check_print_bytes("got", got, at);
    return false;
}

/* Reads the first line: the kind of file, and the versions of Python and Twisted. */
static int check_read_header(struct check *c, const json_t *header, bool *vectors,
                             pb_error *err)
{
    const char *format = json_string_value(json_object_get(header, "format"));
    const char *python = json_string_value(json_object_get(header, "python"));
    const char *twisted = json_string_value(json_object_get(header, "twisted"));
    *vectors = format && strcmp(format, "pb-vectors") == 0;
    if (!*vectors && !(format && strcmp(format, "pb-capture") == 0)) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0,
                             "the first line is not that of a capture");
    }
    if (json_integer_value(json_object_get(header, "version")) != 1) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0,
                             "the version of the capture is not 1");
    }
    c->scenario =
        json_string_value(json_object_get(header, *vectors ? "kind" : "scenario"));
    c->recorded = !*vectors && json_is_string(json_object_get(header, "recorded"));
    if (c->recorded && !python && !twisted) {
        return 0;
    }
    char peer[64];
    int year, month, major, minor;
    if (!python || !twisted || sscanf(python, "%d.%d", &major, &minor) != 2 ||
        sscanf(twisted, "%d.%d", &year, &month) != 2) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0,
                             "the first line lacks the versions of Python and Twisted");
    }
    snprintf(peer, sizeof peer, "%d.%d-py%d.%d", year, month, major, minor);
    return pb_profile_parse(peer, &c->profile, err);
}

/* All lines of a scenario, each with its number, *new*; NULL with err. */
static json_t *check_read_lines(struct capture_file *file, pb_error *err)
{
    json_t *lines = json_array(), *line;
    while (lines && (line = capture_file_next(file, err))) {
        if (json_object_set_new(line, "line", json_integer((json_int_t)file->line)) !=
                0 ||
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

static void check_vector_rows(struct check *c, struct capture_file *file, pb_error *err)
{
    json_t *row;
    while ((row = capture_file_next(file, err))) {
        c->line = file->line;
        check_vector(c, row);
        json_decref(row);
    }
}

static void check_scenario_lines(struct check *c, struct capture_file *file,
                                 pb_error *err)
{
    json_t *lines = check_read_lines(file, err);
    if (lines) {
        check_scenario(c, lines);
        json_decref(lines);
    }
}

static void check_one_file(struct check *c, const char *path)
{
    struct capture_file file;
    pb_error err = {0};
    json_t *header = NULL;
    size_t before = c->passed + c->failed;
    *c = (struct check){.file = path, .passed = c->passed, .failed = c->failed};
    if (capture_file_open(&file, path, &err) == 0) {
        bool vectors;
        header = capture_file_next(&file, &err);
        if (!header) {
            pb__error_set(&err, PB_ERR_SYNTAX, 0, "the file is empty");
        } else if (check_read_header(c, header, &vectors, &err) == 0) {
            (vectors ? check_vector_rows : check_scenario_lines)(c, &file, &err);
        }
        c->line = file.line;
        capture_file_close(&file);
    }
    if (err.code) {
        check_fail(c, "%s", err.text);
    } else if (c->passed + c->failed == before) {
        check_fail(c, "the file has nothing to check");
    }
    json_decref(header);
}

int check_files(int count, char **files)
{
    struct check c = {0};
    for (int i = 0; i < count; i++) {
        check_one_file(&c, files[i]);
    }
    printf("%zu passed, %zu failed\n", c.passed, c.failed);
    return c.failed == 0 && c.passed > 0 ? TOOL_DONE : TOOL_FAILED;
}
