/* SPDX-License-Identifier: MIT
 *
 * `pb call`: one call after the other on a connection of their own, the last answer
 * printed. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "libpb/base/mem.h"
#include "tools/call/call_arguments.h"
#include "tools/json/json.h"
#include "tools/common/command.h"
#include "tools/call/client_options.h"

struct options {
    struct reach reach;
    bool json;
};

static void help(void)
{
    printf(
        "Usage: pb call [OPTION]... ENDPOINT METHOD [ARG]... "
        "[then METHOD [ARG]...]...\n"
        "Calls METHOD on the root of the server at ENDPOINT, and prints what it\n"
        "answers, as Python would. 'then' calls a method of the reference that was\n"
        "answered before it.\n"
        "\n"
        "%s ARG is a\n"
        "Python literal, or else text; NAME=ARG is a keyword argument.\n"
        "\n"
        "%s"
        "      --json              print the answer as JSON, without loss\n"
        "      --help              print this text\n"
        "\n"
        "Exit status: 0 answered; 1 the server answered with a failure; 2 wrong usage;\n"
        "3 no connection, connection lost or protocol error; 4 time-out.\n"
        "\n"
        "Example: pb call localhost:8800 getTwo then three 12\n",
        reach_endpoint_help, reach_options_help);
}

/* Reads the options; *done is set by those that leave nothing else to do. */
static int read_options(int argc, char **argv, struct options *o, bool *done)
{
    enum { JSON = 256, HELP };
    static const struct option known[] = {REACH_OPTIONS,
                                          {"json", no_argument, NULL, JSON},
                                          {"help", no_argument, NULL, HELP},
                                          {0}};
    int got, status = TOOL_DONE;
    opterr = 0;
    while (status == TOOL_DONE &&
           (got = getopt_long(argc, argv, "+:", known, NULL)) != -1) {
        if (got == HELP) {
            help();
            *done = true;
            return TOOL_DONE;
        }
        if (got == JSON) {
            o->json = true;
        } else {
            status = reach_option(&o->reach, got, argv);
        }
    }
    return status;
}

static int print(const struct options *o, const pb_value *v)
{
    char *text;
    if (o->json) {
        json_t *j = json_from_value(v);
        text = json_dumps(j, JSON_ENCODE_ANY);
        json_decref(j);
    } else {
        text = pb_value_repr(v);
    }
    if (!text) {
        return tool_nomem();
    }
    puts(text);
    o->json ? free(text) : pb_free(text);
    return tool_end_output(TOOL_DONE);
}

static int make_calls(const struct options *o, const struct args_call *calls,
                      size_t count)
{
    pb_value *answer = NULL;
    int status = TOOL_DONE;
    for (size_t i = 0; i < count && status == TOOL_DONE; i++) {
        const struct args_call *c = &calls[i];
        pb_error err = {0};
        pb_remote *to = i ? pb_as_remote(answer) : o->reach.first;
        if (!to) {
            tool_say("%s answered %s, which has no method %s", calls[i - 1].method,
                     pb_kind_name(pb_value_kind(answer)), c->method);
            status = TOOL_USAGE;
            break;
        }
        pb_value *next = pb_client_call_values(o->reach.client, to, c->method, c->args,
                                               c->kwargs, &err);
        pb_value_unref(answer);
        answer = next;
        if (!answer) {
            status = reach_report(&o->reach, &err);
        }
    }
    if (status == TOOL_DONE) {
        status = print(o, answer);
    }
    pb_value_unref(answer);
    return status;
}

/* Reads the words after the options, and makes the calls. */
static int run(struct options *o, int count, char **words)
{
    if (count < 2) {
        tool_say("an endpoint and a method are needed; see pb call --help");
        return TOOL_USAGE;
    }
    struct args_call *calls = pb__calloc((size_t)count, sizeof *calls);
    if (!calls) {
        return tool_nomem();
    }
    size_t n = 0;
    int status = TOOL_DONE;
    for (int i = 1, took; i < count && status == TOOL_DONE; i += took, n++) {
        took = args_parse(count - i, words + i, &calls[n]);
        if (took < 0) {
            status = -took;
            break;
        }
    }
    if (status == TOOL_DONE) {
        status = reach_open(&o->reach, words[0]);
    }
    if (status == TOOL_DONE) {
        status = make_calls(o, calls, n);
    }
    while (n-- > 0) {
        args_fini(&calls[n]);
    }
    pb__free(calls);
    return status;
}

int call_main(int argc, char **argv)
{
    struct options o = {.json = false};
    bool done = false;
    int status = read_options(argc, argv, &o, &done);
    if (status == TOOL_DONE && !done) {
        status = run(&o, argc - optind, argv + optind);
    }
    reach_fini(&o.reach);
    return status;
}
