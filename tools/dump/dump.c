/* SPDX-License-Identifier: MIT
 *
 * `pb dump`: what went over the wire, message by message. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "tools/dump/dump.h"

#include <errno.h>
#include <getopt.h>
#include <pcre2.h>
#include <stdio.h>

#include "libpb/base/error.h"
#include "tools/common/command.h"
#include "tools/common/traffic_file.h"

struct pattern {
    pcre2_code *code; /* NULL: matches everything */
    pcre2_match_data *match;
};

struct connection {
    struct dump *dump;
    size_t number;
    struct talk talk;
};

struct dump {
    struct dump_style style;
    struct pattern method, object;
    bool errors, packets;
    int raw_from;
    struct dump_stats *stats; /* NULL: messages are shown */
    struct connection **connections;
    size_t count;
    int status;
};

static const char help[] =
    "Usage: pb dump [OPTION]... [FILE|-]...\n"
    "Shows what went over the wire, a line for each message. FILE is a capture, the raw\n"
    "bytes of one side, or a pcap or pcapng file, each plain or in gzip.\n"
    "\n"
    "      --client            raw bytes are the client's, not the server's\n"
    "      --errors            show only failures, and what cannot be read\n"
    "      --full              show values whole, however long\n"
    "      --json              print JSON, without loss, a line for each message\n"
    "      --method PATTERN    show only calls of methods, and answers to them, in "
    "whose\n"
    "                          name the regular expression is found\n"
    "      --object PATTERN    the same for the object: \"root\", \"<ref 1>\", ...\n"
    "      --stats             print a summary: calls by method, times, bytes, errors,\n"
    "                          references left open\n"
    "      --help              print this text\n"
    "\n"
    "Exit status: 0 all was read; 1 a stream is damaged, or is none; 2 wrong usage.\n"
    "\n"
    "Example: pb dump --method '^get' traffic.pcap\n";

/* ---- Filters ---- */

static int compile(struct pattern *p, const char *text)
{
    int code;
    PCRE2_SIZE at;
    p->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code,
                            &at, NULL);
    if (!p->code) {
        PCRE2_UCHAR why[128];
        pb_error err = {0};
        pcre2_get_error_message(code, why, sizeof why);
        pb__error_set(&err, PB_ERR_SYNTAX, at, "%s", (const char *)why);
        return tool_usage(text, &err);
    }
    p->match = pcre2_match_data_create(1, NULL);
    return p->match ? TOOL_DONE : tool_nomem();
}

static void pattern_fini(struct pattern *p)
{
    pcre2_match_data_free(p->match);
    pcre2_code_free(p->code);
}

static bool matches(const struct pattern *p, const char *text, size_t len)
{
    return !p->code ||
           pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, 0, p->match, NULL) >= 0;
}

/* Whether the call is asked for, by the two halves of "object.method". */
static bool is_wanted(const struct dump *d, const struct talk_call *c)
{
    char *name = dump_name(c);
    char *dot = name ? strrchr(name, '.') : NULL;
    bool wanted = dot && matches(&d->object, name, (size_t)(dot - name)) &&
                  matches(&d->method, dot + 1, strlen(dot + 1));
    pb_free(name);
    return wanted;
}

static bool is_shown(const struct dump *d, const struct talk_message *m)
{
    if (d->errors && m->kind != TALK_ERROR) {
        return false;
    }
    if (!d->method.code && !d->object.code) {
        return true;
    }
    return m->call && is_wanted(d, m->call);
}

/* ---- What the source has ---- */

static void on_message(const struct talk_message *m, void *ctx)
{
    struct connection *c = ctx;
    struct dump *d = c->dump;
    int failed = 0;
    if (is_shown(d, m)) {
        failed = d->stats ? dump_stats_add(d->stats, m)
                          : dump_message(&d->style, c->number, m);
    }
    if (failed && !c->talk.status) {
        c->talk.status = failed;
    }
}

/* Among packets there are connections of other protocols. */
static bool is_foreign(const struct connection *c)
{
    return c->dump->packets && c->talk.sides[TALK_CLIENT].count == 0 &&
           c->talk.sides[TALK_SERVER].count == 0;
}

static void on_damage(int from, double time, uint64_t offset, const pb_error *why,
                      void *ctx)
{
    struct connection *c = ctx;
    struct dump *d = c->dump;
    if (is_foreign(c)) {
        c->talk.sides[!from].damaged = true;
        return;
    }
    d->status = TOOL_FAILED;
    if (d->stats) {
        dump_stats_damage(d->stats);
    } else {
        dump_damage(&d->style, c->number, from, time, offset, why);
    }
}

static struct connection *connection_new(struct dump *d, size_t number)
{
    struct connection *c = pb__calloc(1, sizeof *c);
    if (!c || talk_init(&c->talk) != 0) {
        pb__free(c);
        return NULL;
    }
    c->dump = d;
    c->number = number;
    c->talk.message = on_message;
    c->talk.damage = on_damage;
    c->talk.ctx = c;
    return c;
}

/* NULL for lack of memory, or a number that no source of ours counts to. */
static struct connection *connection_at(struct dump *d, size_t number)
{
    if (number == 0 || number > 1 << 24) {
        return NULL;
    }
    if (number > d->count) {
        struct connection **more =
            pb__realloc(d->connections, number * sizeof *d->connections);
        if (!more) {
            return NULL;
        }
        memset(more + d->count, 0, (number - d->count) * sizeof *more);
        d->connections = more;
        d->count = number;
    }
    d->style.numbered = d->count > 1;
    struct connection **place = &d->connections[number - 1];
    *place = *place ? *place : connection_new(d, number);
    return *place;
}

static void on_begin(bool packets, void *ctx)
{
    ((struct dump *)ctx)->packets = packets;
}

static int on_bytes(size_t number, int from, double time, pb_span in, void *ctx)
{
    struct connection *c = connection_at(ctx, number);
    return c ? talk_hear(&c->talk, from, time, in) : PB_ERR_NOMEM;
}

static int on_end(size_t number, int from, double time, const char *why, void *ctx)
{
    struct connection *c = connection_at(ctx, number);
    if (!c) {
        return PB_ERR_NOMEM;
    }
    c->talk.time = time;
    if (why && !c->talk.sides[from].damaged && c->talk.sides[from].heard) {
        pb_error err = {0};
        pb__error_set(&err, PB_ERR_LOST, 0, "%s", why);
        on_damage(from, time, c->talk.sides[from].heard, &err, c);
        c->talk.sides[from].damaged = true;
    }
    talk_end(&c->talk, from);
    return c->talk.status;
}

static void end_all(struct dump *d)
{
    for (size_t i = 0; i < d->count; i++) {
        struct connection *c = d->connections[i];
        if (!c) {
            continue;
        }
        for (int side = 0; side < TALK_SIDES; side++) {
            talk_end(&c->talk, side);
        }
        if (d->stats && !is_foreign(c)) {
            dump_stats_end(d->stats, &c->talk);
        }
        talk_fini(&c->talk);
        pb__free(c);
    }
    pb__free(d->connections);
    d->connections = NULL;
    d->count = 0;
}

static void dump_file(struct dump *d, const char *path)
{
    struct source_sink sink = {on_begin, on_bytes, on_end, d};
    pb_error err = {0};
    int failed = source_read(path, d->raw_from, &sink, &err);
    end_all(d);
    if (failed) {
        pb__error_set(&err, failed, 0, "%s", pb_strerror(failed));
        tool_say("%s: %s%s%s", path, err.where, *err.where ? ": " : "", err.text);
        d->status = err.code == PB_ERR_SYSTEM ? TOOL_USAGE : TOOL_FAILED;
    }
}

/* ---- Options ---- */

static int read_options(int argc, char **argv, struct dump *d, bool *stats, bool *done)
{
    enum { CLIENT = 256, ERRORS, FULL, JSON, METHOD, OBJECT, STATS, HELP };
    static const struct option known[] = {{"client", no_argument, NULL, CLIENT},
                                          {"errors", no_argument, NULL, ERRORS},
                                          {"full", no_argument, NULL, FULL},
                                          {"json", no_argument, NULL, JSON},
                                          {"method", required_argument, NULL, METHOD},
                                          {"object", required_argument, NULL, OBJECT},
                                          {"stats", no_argument, NULL, STATS},
                                          {"help", no_argument, NULL, HELP},
                                          {0}};
    int got, status = TOOL_DONE;
    opterr = 0;
    while (status == TOOL_DONE &&
           (got = getopt_long(argc, argv, ":", known, NULL)) != -1) {
        switch (got) {
        case CLIENT:
            d->raw_from = TALK_CLIENT;
            break;
        case ERRORS:
            d->errors = true;
            break;
        case FULL:
            d->style.full = true;
            break;
        case JSON:
            d->style.json = true;
            break;
        case METHOD:
            status = compile(&d->method, optarg);
            break;
        case OBJECT:
            status = compile(&d->object, optarg);
            break;
        case STATS:
            *stats = true;
            break;
        case HELP:
            fputs(help, stdout);
            *done = true;
            return TOOL_DONE;
        default:
            status = tool_bad_option(got, argv);
        }
    }
    return status;
}

static int run(struct dump *d, bool stats, int count, char **files)
{
    static char *standard_input[] = {"-"};
    if (stats && !(d->stats = dump_stats_new())) {
        return tool_nomem();
    }
    d->style.colour = !d->style.json && dump_wants_colour();
    files = count ? files : standard_input;
    for (int i = 0; i < (count ? count : 1); i++) {
        dump_file(d, files[i]);
    }
    if (d->stats && dump_stats_print(d->stats, d->style.json) != 0) {
        d->status = tool_nomem();
    }
    return tool_end_output(d->status);
}

int dump_main(int argc, char **argv)
{
    struct dump d = {.raw_from = TALK_SERVER};
    bool stats = false, done = false;
    int status = read_options(argc, argv, &d, &stats, &done);
    if (status == TOOL_DONE && !done) {
        status = run(&d, stats, argc - optind, argv + optind);
    }
    dump_stats_free(d.stats);
    pattern_fini(&d.method);
    pattern_fini(&d.object);
    return status;
}
