/* SPDX-License-Identifier: MIT
 *
 * `pb call`: makes one or more calls on one connection, each on the reference that the
 * one before returned, and prints the last answer. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/call/call_arguments.h"
#include "tools/json/json.h"
#include "tools/common/command.h"
#include "tools/pb.h"
#include "tools/call/client_options.h"

struct call_options {
    struct client_options client;
    bool json;
};

static void call_help(void)
{
    printf(
        "Usage: pb call [OPTION]... ENDPOINT METHOD [ARG]... "
        "[then METHOD [ARG]...]...\n"
        "Calls METHOD on the root of the server at ENDPOINT, and prints the answer as\n"
        "Python would. 'then' calls a method of the reference that the call before it\n"
        "returned.\n"
        "\n"
        "%s\n"
        "ARG is a Python literal, or text if it is not one; NAME=ARG is a keyword "
        "argument.\n"
        "\n"
        "%s"
        "      --json              print the answer as lossless JSON\n"
        "      --help              print this text\n"
        "\n"
        "Exit status: 0 answered; 1 the server answered with a failure; 2 wrong usage;\n"
        "3 no connection, connection lost or protocol error; 4 time-out.\n"
        "\n"
        "Example: pb call localhost:8800 getTwo then three 12\n",
        client_endpoint_help, client_options_help);
}

/* Reads the options; sets *done for --help. */
static int call_read_options(int argc, char **argv, struct call_options *o, bool *done)
{
    enum { JSON = 256, HELP };
    static const struct option known[] = {CLIENT_OPTIONS,
                                          {"json", no_argument, NULL, JSON},
                                          {"help", no_argument, NULL, HELP},
                                          {0}};
    int got, status = TOOL_DONE;
    opterr = 0;
    while (status == TOOL_DONE &&
           (got = getopt_long(argc, argv, "+:", known, NULL)) != -1) {
        if (got == HELP) {
            call_help();
            *done = true;
            return TOOL_DONE;
        }
        if (got == JSON) {
            o->json = true;
        } else {
            status = client_options_take(&o->client, got, argv);
        }
    }
    return status;
}

static int call_print(const struct call_options *o, const pb_value *v)
{
    char *text;
    if (o->json) {
        json_t *j = value_to_json(v);
        text = json_dumps(j, JSON_ENCODE_ANY);
        json_decref(j);
    } else {
        text = pb_value_repr(v);
    }
    if (!text) {
        return tool_nomem();
    }
    tool_print_lines(stdout, text);
    o->json ? free(text) : pb_free(text);
    return tool_flush_output(TOOL_DONE);
}

static int call_make_all(const struct call_options *o, const struct call_arguments *calls,
                         size_t count)
{
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
    if (status == TOOL_DONE) {
        status = call_print(o, answer);
    }
    pb_value_unref(answer);
    return status;
}

/* Parses the words after the options, and makes the calls. */
static int call_run(struct call_options *o, int count, char **words)
{
    if (count < 2) {
        tool_error("an endpoint and a method are needed; see pb call --help");
        return TOOL_USAGE;
    }
    struct call_arguments *calls = calloc((size_t)count, sizeof *calls);
    if (!calls) {
        return tool_nomem();
    }
    size_t n = 0;
    int status = TOOL_DONE;
    for (int i = 1, took; i < count && status == TOOL_DONE; i += took, n++) {
        took = call_arguments_parse(count - i, words + i, &calls[n]);
        if (took < 0) {
            status = -took;
            break;
        }
    }
    if (status == TOOL_DONE) {
        status = client_options_connect(&o->client, words[0]);
    }
    if (status == TOOL_DONE) {
        status = call_make_all(o, calls, n);
    }
    while (n-- > 0) {
        call_arguments_fini(&calls[n]);
    }
    free(calls);
    return status;
}

int call_main(int argc, char **argv)
{
    struct call_options o = {.json = false};
    bool done = false;
    int status = call_read_options(argc, argv, &o, &done);
    if (status == TOOL_DONE && !done) {
        status = call_run(&o, argc - optind, argv + optind);
    }
    client_options_fini(&o.client);
    return status;
}
