/* SPDX-License-Identifier: MIT
 *
 * `pb call`: makes one or more calls on one connection, each on the reference that the
 * one before returned, and prints the last answer. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/json/answer_text.h"
#include "tools/call/argument_value.h"
#include "tools/call/call_arguments.h"
#include "tools/call/call_repeat.h"
#include "tools/call/client_options.h"
#include "tools/common/command.h"
#include "tools/pb.h"

struct call_options {
    struct client_options client;
    enum answer_form form;
    struct repeat_options repeat;
    bool counts; /* --repeat was given */
    struct call_arguments *calls;
    size_t count;
};

static const char call_help_end[] =
    "Exit status: 0 answered; 1 the server answered with a failure, or with a value\n"
    "that plain JSON cannot represent; 2 wrong usage; 3 no connection, connection\n"
    "lost or protocol error; 4 time-out.\n"
    "\n"
    "Example: pb call localhost:8800 getTwo then three 12\n";

enum { CALL_INTERVAL, CALL_JSON, CALL_LATENCY, CALL_PARALLEL, CALL_REPEAT };

static const struct tool_option call_option_rows[] = {
    {"interval", "SECONDS", "repeat the call, with that time between two", CALL_INTERVAL,
     'i'},
    {"json", "[=FORM]",
     "read arguments that look like JSON as JSON, and print the answer as JSON: "
     "plain, or typed, which is lossless",
     CALL_JSON, 0},
    {"latency", NULL,
     "repeat the call, and print how long it takes as a histogram, redrawn at a terminal",
     CALL_LATENCY, 0},
    {"parallel", "N",
     "read calls from standard input, one METHOD(ARG, ...) per line, make N at once, and "
     "print one line for each answer, in the order of the calls",
     CALL_PARALLEL, 0},
    {"repeat", "N", "make the call N times; 0 repeats it until an interrupt", CALL_REPEAT,
     'r'},
    {0}};

static int call_take_count(const char *text, int64_t least, int64_t *out)
{
    char *end;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end || n < least || n > INT32_MAX) {
        tool_error("\"%s\" is not a number of at least %lld", text, (long long)least);
        return TOOL_USAGE;
    }
    *out = n;
    return TOOL_DONE;
}

static int call_take_option(void *ctx, int id, const char *argument)
{
    struct call_options *o = ctx;
    switch (id) {
    case CALL_INTERVAL:
        o->repeat.count = o->counts ? o->repeat.count : 0;
        return tool_parse_seconds(argument, &o->repeat.interval);
    case CALL_JSON:
        return answer_form_parse(argument, &o->form);
    case CALL_LATENCY:
        o->repeat.count = o->counts ? o->repeat.count : 0;
        o->repeat.latency = true;
        return TOOL_DONE;
    case CALL_PARALLEL:
        return call_take_count(argument, 1, &o->repeat.parallel);
    default:
        o->counts = true;
        return call_take_count(argument, 0, &o->repeat.count);
    }
}

/* Makes the calls of the command line, one on the answer of the other, and prints the
 * last answer. ctx is a struct call_options. */
static int call_make_all(void *ctx)
{
    const struct call_options *o = ctx;
    const struct call_arguments *calls = o->calls;
    size_t count = o->count;
    pb_value *answer = NULL;
    int status = TOOL_DONE;
    for (size_t i = 0; i < count && status == TOOL_DONE; i++) {
        const struct call_arguments *c = &calls[i];
        pb_error err = {0};
        pb_remote *to = i ? pb_as_remote(answer) : o->client.callee;
        if (!to) {
            tool_error("%s returned %s, which has no method %s", calls[i - 1].method,
                       pb_kind_name(pb_value_kind(answer)), c->method);
            status = TOOL_USAGE;
            break;
        }
        pb_value *next = pb_client_call_values(o->client.connection, to, c->method,
                                               c->args, c->kwargs, &err);
        pb_value_unref(answer);
        answer = next;
        if (!answer) {
            status = client_options_report(&o->client, &err);
        }
    }
    if (status == TOOL_DONE && !o->repeat.latency) {
        status = answer_print(answer, o->form, o->client.config.session.jelly.profile);
    }
    pb_value_unref(answer);
    return status;
}

/* Parses the words after the endpoint, and makes the calls. */
static int call_run(struct call_options *o, int count, char **words)
{
    o->calls = calloc((size_t)count + 1, sizeof *o->calls);
    if (!o->calls) {
        return tool_nomem();
    }
    int status = TOOL_DONE;
    for (int i = 0, took; i < count && status == TOOL_DONE; i += took, o->count++) {
        took = call_arguments_parse(count - i, words + i, o->form == ANSWER_PLAIN,
                                    &o->calls[o->count]);
        if (took < 0) {
            status = -took;
            break;
        }
    }
    if (status == TOOL_DONE) {
        status = client_options_connect(&o->client);
    }
    if (status == TOOL_DONE) {
        status = call_repeat(&o->client, &o->repeat, call_make_all, o);
    }
    while (o->count-- > 0) {
        call_arguments_fini(&o->calls[o->count]);
    }
    free(o->calls);
    return status;
}

/* Runs what the words after the options say. */
static int call_run_words(struct call_options *o, int count, char **words)
{
    int used, status = client_options_finish(&o->client, count, words, &used);
    if (status != TOOL_DONE) {
        return status;
    }
    if (o->repeat.parallel) {
        if (used < count) {
            tool_error("with --parallel, the calls are on standard input: %s",
                       words[used]);
            return TOOL_USAGE;
        }
        return call_parallel(&o->client, &o->repeat, o->form);
    }
    if (used == count) {
        tool_error("an endpoint and a method are needed; see pb call --help");
        return TOOL_USAGE;
    }
    return call_run(o, count - used, words + used);
}

int call_main(int argc, char **argv)
{
    struct call_options o = {.form = ANSWER_REPR, .repeat.count = 1};
    char begin[1500];
    snprintf(
        begin, sizeof begin,
        "Usage: pb call [OPTION]... ENDPOINT METHOD [ARG]... "
        "[then METHOD [ARG]...]...\n"
        "Calls METHOD on the root of the server at ENDPOINT, and prints the answer as\n"
        "Python would. 'then' calls a method of the reference that the call before it\n"
        "returned.\n\n%s\n%s",
        client_endpoint_help, argument_help);
    const struct tool_usage usage = {
        "call",
        begin,
        call_help_end,
        {CLIENT_OPTIONS(&o.client), {call_option_rows, call_take_option, &o}}};
    bool done = false;
    int count, status = tool_parse_options(&usage, argc, argv, &count, &done);
    if (status == TOOL_DONE && !done) {
        status = call_run_words(&o, count, argv);
    }
    client_options_fini(&o.client);
    return status;
}
