/* SPDX-License-Identifier: MIT
 *
 * `pb replay`: its options, and --check, which reads captures, has each of their rows
 * judged, and says how many passed. */
#include "tools/replay/engine/check.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/capture_file.h"
#include "tools/common/command.h"
#include "tools/replay/live.h"
#include "tools/common/conversation.h"

static const char help[] =
    "Usage: pb replay --check FILE...\n"
    "       pb replay --client [OPTION]... FILE ENDPOINT\n"
    "       pb replay --server [OPTION]... FILE ENDPOINT\n"
    "--client and --server play that side of the capture FILE against a live peer, and\n"
    "show where it says other things than in the capture: what was expected after '-',\n"
    "what came after '+'. Numbers of references and requests may be others, and so may\n"
    "the challenge of a login and the order of what goes on at the same time.\n"
    "--check decodes captures, writes every expression again from its values, and\n"
    "compares the bytes, and what was said with what is expected. Then a session is put\n"
    "in the place of each side, and must write the same bytes. FILE is JSON Lines, "
    "plain\n"
    "or in gzip: a scenario, vectors, or what pb record wrote, of which only the bytes\n"
    "are judged. It ends with \"N passed, N failed\".\n"
    "\n"
    "      --ca FILE           trust a TLS server by the roots in FILE\n"
    "      --check             check captures\n"
    "      --client            play the client's side\n"
    "      --connection N      play the Nth connection of a pcap file, not the first\n"
    "      --insecure          take any certificate of a TLS server\n"
    "      --password NAME:PASSWORD  what NAME logs in with; may be given again. Else "
    "it\n"
    "                          is PB_PASSWORD in the environment; without either, what\n"
    "                          the capture has is sent\n"
    "      --rules FILE        what is not to be compared; may be given again. A line "
    "is\n"
    "                          mask NAME, mask /REGEX/ or mask PLACE, each with or\n"
    "                          without: in METHOD; or ignore METHOD\n"
    "      --server            play the server's side\n"
    "      --timeout SECONDS   how long the peer may keep silent: 10\n"
    "      --help              print this text\n"
    "\n"
    "Exit status: 0 all is the same; 1 there are differences, or a check failed;\n"
    "2 wrong usage; 3 no connection; 4 time-out.\n"
    "\n"
    "Example: pb replay --client traffic.jsonl.gz localhost:8787\n";

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

enum {
    CHECK = 256,
    CLIENT,
    SERVER,
    CA,
    CONNECTION,
    INSECURE,
    PASSWORD,
    RULES,
    TIMEOUT,
    HELP
};

static int add_password(struct replay_live *live, char *text)
{
    if (!strchr(text, ':')) {
        tool_say("%s: NAME:PASSWORD is needed", text);
        return TOOL_USAGE;
    }
    return pb__buf_append(&live->passwords, &text, sizeof text) ? tool_nomem()
                                                                : TOOL_DONE;
}

static int read_number(const char *text, size_t *out)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (*text < '1' || *text > '9' || *end) {
        tool_say("\"%s\" is no number of a connection", text);
        return TOOL_USAGE;
    }
    *out = n;
    return TOOL_DONE;
}

static int take_option(struct replay_live *live, int got, char **argv)
{
    switch (got) {
    case CA:
        live->config.tls_ca = optarg;
        return TOOL_DONE;
    case CONNECTION:
        return read_number(optarg, &live->connection);
    case INSECURE:
        live->config.tls_insecure = true;
        return TOOL_DONE;
    case PASSWORD:
        return add_password(live, optarg);
    case RULES:
        return replay_live_rules(live, optarg);
    case TIMEOUT:
        return tool_milliseconds(optarg, &live->timeout);
    default:
        return tool_bad_option(got, argv);
    }
}

/* What is done with the files; 0: nothing. */
static int read_options(int argc, char **argv, struct replay_live *live, int *status)
{
    static const struct option options[] = {
        {"check", no_argument, NULL, CHECK},
        {"client", no_argument, NULL, CLIENT},
        {"server", no_argument, NULL, SERVER},
        {"ca", required_argument, NULL, CA},
        {"connection", required_argument, NULL, CONNECTION},
        {"insecure", no_argument, NULL, INSECURE},
        {"password", required_argument, NULL, PASSWORD},
        {"rules", required_argument, NULL, RULES},
        {"timeout", required_argument, NULL, TIMEOUT},
        {"help", no_argument, NULL, HELP},
        {0}};
    int got, mode = 0;
    *status = TOOL_DONE;
    opterr = 0;
    while (*status == TOOL_DONE &&
           (got = getopt_long(argc, argv, ":", options, NULL)) != -1) {
        if (got == HELP) {
            fputs(help, stdout);
            return 0;
        }
        if (got > SERVER || got < CHECK) {
            *status = take_option(live, got, argv);
        } else if (mode && mode != got) {
            mode = 0;
            break;
        } else {
            mode = got;
        }
    }
    if (*status == TOOL_DONE && !mode) {
        tool_say("one of --check, --client and --server is needed; see pb replay --help");
        *status = TOOL_USAGE;
    }
    return mode;
}

int replay_main(int argc, char **argv)
{
    struct replay_live live = {.connection = 1};
    int status, mode = read_options(argc, argv, &live, &status);
    int count = argc - optind;
    char **files = argv + optind;
    if (status == TOOL_DONE && mode == CHECK && count == 0) {
        tool_say("no FILE");
        status = TOOL_USAGE;
    } else if (status == TOOL_DONE && mode == CHECK) {
        status = check(count, files);
    } else if (status == TOOL_DONE && mode && count != 2) {
        tool_say("a FILE and an ENDPOINT are needed; see pb replay --help");
        status = TOOL_USAGE;
    } else if (status == TOOL_DONE && mode) {
        status = replay_live(&live, mode == CLIENT ? TALK_CLIENT : TALK_SERVER, files[0],
                             files[1]);
    }
    replay_live_fini(&live);
    return status;
}
