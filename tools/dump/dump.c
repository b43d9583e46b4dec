/* SPDX-License-Identifier: MIT
 *
 * `pb dump`: reads traffic files, and prints the selected messages or their
 * statistics. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "tools/dump/dump.h"

#include <errno.h>
#include <pcre2.h>
#include <stdio.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "tools/common/command.h"
#include "tools/common/message_text.h"
#include "tools/common/options.h"
#include "tools/common/traffic_file.h"
#include "tools/dump/html.h"
#include "tools/pb.h"

struct dump_pattern {
    pcre2_code *code; /* NULL: matches any text */
    pcre2_match_data *match;
};

struct dump_connection {
    struct dump *dump;
    size_t number;
    struct conversation conversation;
};

struct dump {
    struct dump_style style;
    struct dump_pattern method, object;
    bool errors, wants_stats, follow;
    enum traffic_format format;
    uint64_t messages; /* in the file that is read */
    bool damaged;      /* and whether damage was reported in it */
    int raw_from;
    int colour;               /* 0 at a terminal, 1 always, 2 never */
    struct dump_stats *stats; /* NULL: messages are printed */
    const char *html_path;    /* of the page; NULL: none */
    struct dump_html *html;
    struct dump_connection **connections;
    size_t count;
    int status;
};

static const char dump_help_begin[] =
    "Usage: pb dump [OPTION]... [FILE|-]...\n"
    "Prints recorded traffic, one line per message. FILE is a capture, the raw bytes\n"
    "of one side, or a pcap or pcapng file, plain or in gzip.\n";

static const char dump_help_end[] =
    "Exit status: 0 everything was read; 1 a stream is damaged, or not Perspective\n"
    "Broker; 2 wrong usage.\n"
    "\n"
    "Example: pb dump --method '^get' traffic.pcap\n";

/* ---- Filters ---- */

static int dump_pattern_compile(struct dump_pattern *p, const char *text)
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
        return tool_bad_argument(text, &err);
    }
    p->match = pcre2_match_data_create(1, NULL);
    return p->match ? TOOL_DONE : tool_nomem();
}

static void dump_pattern_fini(struct dump_pattern *p)
{
    pcre2_match_data_free(p->match);
    pcre2_code_free(p->code);
}

static bool dump_pattern_matches(const struct dump_pattern *p, const char *text,
                                 size_t len)
{
    return !p->code ||
           pcre2_match(p->code, (PCRE2_SPTR)text, len, 0, 0, p->match, NULL) >= 0;
}

/* Whether the patterns match the two halves of the call's name, "object.method". */
static bool dump_wants_call(const struct dump *d, const struct conversation_call *c)
{
    char *name = message_call_name(c);
    char *dot = name ? strrchr(name, '.') : NULL;
    bool wanted = dot && dump_pattern_matches(&d->object, name, (size_t)(dot - name)) &&
                  dump_pattern_matches(&d->method, dot + 1, strlen(dot + 1));
    pb_free(name);
    return wanted;
}

static bool dump_wants_message(const struct dump *d, const struct conversation_message *m)
{
    if (d->errors && m->kind != MESSAGE_ERROR) {
        return false;
    }
    if (!d->method.code && !d->object.code) {
        return true;
    }
    return m->call && dump_wants_call(d, m->call);
}

/* ---- The content of a file ---- */

static void dump_on_message(const struct conversation_message *m, void *ctx)
{
    struct dump_connection *c = ctx;
    struct dump *d = c->dump;
    int failed = 0;
    const struct conversation_side *side = &c->conversation.sides[m->from];
    d->messages++;
    if (side->count == 1 && side->skipped && !d->stats && !d->html) {
        dump_joined(&d->style, c->number, m->from, m->time, side->skipped);
    }
    if (dump_wants_message(d, m)) {
        failed = d->stats  ? dump_stats_add(d->stats, m)
                 : d->html ? dump_html_add(d->html, c->number, m)
                           : dump_message(&d->style, c->number, m);
    }
    if (failed && !c->conversation.status) {
        c->conversation.status = failed;
    }
}

/* Whether a connection in a pcap file seems to be of another protocol. */
static bool dump_is_foreign(const struct dump_connection *c)
{
    return c->conversation.joins && c->conversation.sides[SIDE_CLIENT].count == 0 &&
           c->conversation.sides[SIDE_SERVER].count == 0;
}

static void dump_on_damage(int from, double time, uint64_t offset, const pb_error *why,
                           void *ctx)
{
    struct dump_connection *c = ctx;
    struct dump *d = c->dump;
    if (dump_is_foreign(c)) {
        c->conversation.sides[!from].damaged = true;
        return;
    }
    d->status = TOOL_FAILED;
    d->damaged = true;
    if (d->stats) {
        dump_stats_damage(d->stats);
    } else if (d->html) {
        (void)dump_html_damage(d->html, c->number, from, time, why);
    } else {
        dump_damage(&d->style, c->number, from, time, offset, why);
    }
}

static struct dump_connection *dump_connection_new(struct dump *d, size_t number)
{
    struct dump_connection *c = pb__calloc(1, sizeof *c);
    if (!c || conversation_init(&c->conversation) != 0) {
        pb__free(c);
        return NULL;
    }
    c->dump = d;
    c->number = number;
    c->conversation.joins = d->format == TRAFFIC_PCAP;
    c->conversation.message = dump_on_message;
    c->conversation.damage = dump_on_damage;
    c->conversation.ctx = c;
    return c;
}

/* The connection of that number, made at first use; NULL for lack of memory, and for a
 * number that no reader counts to. */
static struct dump_connection *dump_connection_at(struct dump *d, size_t number)
{
    if (number == 0 || number > 1 << 24) {
        return NULL;
    }
    if (number > d->count) {
        struct dump_connection **more =
            pb__realloc(d->connections, number * sizeof *d->connections);
        if (!more) {
            return NULL;
        }
        memset(more + d->count, 0, (number - d->count) * sizeof *more);
        d->connections = more;
        d->count = number;
    }
    d->style.numbered = d->count > 1;
    struct dump_connection **place = &d->connections[number - 1];
    *place = *place ? *place : dump_connection_new(d, number);
    return *place;
}

static void dump_on_begin(enum traffic_format format, double epoch, void *ctx)
{
    struct dump *d = ctx;
    d->format = format;
    d->style.epoch = epoch;
}

static int dump_on_bytes(size_t number, int from, double time, pb_span in, void *ctx)
{
    struct dump_connection *c = dump_connection_at(ctx, number);
    return c ? conversation_receive(&c->conversation, from, time, in) : PB_ERR_NOMEM;
}

static int dump_on_end(size_t number, int from, double time, const char *why, void *ctx)
{
    struct dump_connection *c = dump_connection_at(ctx, number);
    if (!c) {
        return PB_ERR_NOMEM;
    }
    c->conversation.time = time;
    if (why && !c->conversation.sides[from].damaged &&
        c->conversation.sides[from].received) {
        pb_error err = {0};
        pb__error_set(&err, PB_ERR_LOST, 0, "%s", why);
        dump_on_damage(from, time, c->conversation.sides[from].received, &err, c);
        c->conversation.sides[from].damaged = true;
    }
    conversation_end(&c->conversation, from);
    return c->conversation.status;
}

static void dump_end_connections(struct dump *d)
{
    for (size_t i = 0; i < d->count; i++) {
        struct dump_connection *c = d->connections[i];
        if (!c) {
            continue;
        }
        for (int side = 0; side < SIDE_COUNT; side++) {
            conversation_end(&c->conversation, side);
        }
        if (d->stats && !dump_is_foreign(c)) {
            dump_stats_end(d->stats, &c->conversation);
        }
        conversation_fini(&c->conversation);
        pb__free(c);
    }
    pb__free(d->connections);
    d->connections = NULL;
    d->count = 0;
}

/* Says that a file has no message in it. That is no error of a capture without bytes: of
 * a client that only tried the port. */
static void dump_report_empty(struct dump *d, const char *path)
{
    bool empty_capture = d->format == TRAFFIC_CAPTURE;
    tool_error("%s: no Perspective Broker message is in it", path);
    d->status = empty_capture ? d->status : TOOL_FAILED;
}

static void dump_file(struct dump *d, const char *path)
{
    struct traffic_sink sink = {dump_on_begin, dump_on_bytes, dump_on_end, d};
    pb_error err = {0};
    d->messages = 0;
    d->damaged = false;
    d->format = TRAFFIC_PCAP;
    d->style.epoch = 0;
    d->style.numbered = false;
    int failed = traffic_file_read(path, d->raw_from, d->follow, &sink, &err);
    dump_end_connections(d);
    if (failed) {
        pb__error_set(&err, failed, 0, "%s", pb_strerror(failed));
        char text[TOOL_ERROR_SIZE];
        tool_error("%s: %s", path, tool_format_error(text, &err));
        d->status = err.code == PB_ERR_SYSTEM ? TOOL_USAGE : TOOL_FAILED;
    } else if (d->messages == 0 && !d->damaged) {
        dump_report_empty(d, path);
    }
}

/* ---- Options ---- */

enum {
    DUMP_CLIENT,
    DUMP_CLOCK,
    DUMP_COLOR,
    DUMP_ERRORS,
    DUMP_FOLLOW,
    DUMP_FULL,
    DUMP_HTML,
    DUMP_JSON,
    DUMP_METHOD,
    DUMP_OBJECT,
    DUMP_STATS
};

static const struct tool_option dump_option_rows[] = {
    {"client", NULL, "raw bytes were sent by the client, not by the server", DUMP_CLIENT,
     0},
    {"clock", NULL,
     "print the time of day instead of the seconds since the recording began, if the "
     "file has it",
     DUMP_CLOCK, 0},
    {"color", "[=WHEN]", "colour the lines: always, never, or auto, at a terminal",
     DUMP_COLOR, 0},
    {"errors", NULL, "print only failures, and errors in a stream", DUMP_ERRORS, 0},
    {"follow", NULL, "continue when the file grows", DUMP_FOLLOW, 'f'},
    {"full", NULL, "print long values in full", DUMP_FULL, 0},
    {"html", "FILE",
     "write one page for a browser, which needs no network: a diagram of the messages, "
     "and latencies by method",
     DUMP_HTML, 0},
    {"json", NULL, "print lossless JSON, one line per message", DUMP_JSON, 0},
    {"method", "PATTERN",
     "print only calls, and their answers, if the regular expression matches a part "
     "of the method's name",
     DUMP_METHOD, 0},
    {"object", "PATTERN", "the same for the object: \"root\", \"<ref S1>\", ...",
     DUMP_OBJECT, 0},
    {"stats", NULL,
     "print a summary: calls by method, times, bytes, errors, unreleased references",
     DUMP_STATS, 0},
    {0}};

static int dump_set_colour(struct dump *d, const char *when)
{
    static const char *const words[] = {"auto", "always", "never"};
    int i = 0;
    while (when && i < 3 && strcmp(when, words[i]) != 0) {
        i++;
    }
    if (i == 3) {
        tool_error("--color=%s: always, never or auto is needed", when);
        return TOOL_USAGE;
    }
    d->colour = when ? i : 1;
    return TOOL_DONE;
}

static int dump_take_option(void *ctx, int id, const char *argument)
{
    struct dump *d = ctx;
    switch (id) {
    case DUMP_CLIENT:
        d->raw_from = SIDE_CLIENT;
        break;
    case DUMP_CLOCK:
        d->style.clock = true;
        break;
    case DUMP_COLOR:
        return dump_set_colour(d, argument);
    case DUMP_FOLLOW:
        d->follow = true;
        break;
    case DUMP_ERRORS:
        d->errors = true;
        break;
    case DUMP_FULL:
        d->style.full = true;
        break;
    case DUMP_HTML:
        d->html_path = argument;
        break;
    case DUMP_JSON:
        d->style.json = true;
        break;
    case DUMP_METHOD:
        return dump_pattern_compile(&d->method, argument);
    case DUMP_OBJECT:
        return dump_pattern_compile(&d->object, argument);
    default:
        d->wants_stats = true;
    }
    return TOOL_DONE;
}

static int dump_run(struct dump *d, int count, char **files)
{
    static char *standard_input[] = {"-"};
    if (d->wants_stats && !(d->stats = dump_stats_new(0))) {
        return tool_nomem();
    }
    if (d->html_path &&
        !(d->html = dump_html_new(d->html_path, count ? files[0] : "-"))) {
        return tool_nomem();
    }
    d->style.colour =
        !d->style.json && (d->colour ? d->colour == 1 : dump_wants_colour());
    files = count ? files : standard_input;
    for (int i = 0; i < (count ? count : 1); i++) {
        if (count > 1 && !d->style.json && !d->stats && !d->html) {
            fputs(i ? "\n" : "", stdout);
            tool_print(stdout, "==> %s <==", files[i]);
            putchar('\n');
        }
        d->style.file = count > 1 ? files[i] : NULL;
        dump_file(d, files[i]);
    }
    if (d->html) {
        int failed = dump_html_write(d->html);
        if (failed) {
            tool_error("%s: %s", d->html_path,
                       failed == PB_ERR_SYSTEM ? strerror(errno) : pb_strerror(failed));
            d->status = TOOL_USAGE;
        }
    }
    if (d->stats && dump_stats_print(d->stats, d->style.json) != 0) {
        d->status = tool_nomem();
    }
    return tool_flush_output(d->status);
}

int dump_main(int argc, char **argv)
{
    struct dump d = {.raw_from = SIDE_SERVER};
    const struct tool_usage usage = {"dump",
                                     dump_help_begin,
                                     dump_help_end,
                                     {{dump_option_rows, dump_take_option, &d}}};
    bool done = false;
    int count, status = tool_parse_options(&usage, argc, argv, &count, &done);
    if (status == TOOL_DONE && !done) {
        status = dump_run(&d, count, argv);
    }
    dump_stats_free(d.stats);
    dump_html_free(d.html);
    dump_pattern_fini(&d.method);
    dump_pattern_fini(&d.object);
    return status;
}
