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
#include "tools/call/client_options.h"
#include "tools/common/command.h"
#include "tools/pb.h"

struct call_options {
    struct client_options client;
    enum answer_form form;
};

static const char call_help_end[] =
    "Exit status: 0 answered; 1 the server answered with a failure, or with what\n"
    "plain JSON cannot hold; 2 wrong usage; 3 no connection, connection lost or\n"
    "protocol error; 4 time-out.\n"
    "\n"
    "Example: pb call localhost:8800 getTwo then three 12\n";

enum { CALL_JSON };

static const struct tool_option call_option_rows[] = {
    {"json", "[=FORM]",
     "read arguments as JSON if they are that, and print the answer as JSON: plain, "
     "or typed, which is lossless",
     CALL_JSON, 0},
    {0}};

static int call_take_option(void *ctx, int id, const char *argument)
{
    struct call_options *o = ctx;
    (void)id;
    return answer_form_parse(argument, &o->form);
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
        status = answer_print(answer, o->form, o->client.config.session.jelly.profile);
    }
    pb_value_unref(answer);
    return status;
}

/* Parses the words after the endpoint, and makes the calls. */
static int call_run(struct call_options *o, int count, char **words)
{
    struct call_arguments *calls = calloc((size_t)count + 1, sizeof *calls);
    if (!calls) {
        return tool_nomem();
    }
    size_t n = 0;
    int status = TOOL_DONE;
    for (int i = 0, took; i < count && status == TOOL_DONE; i += took, n++) {
        took = call_arguments_parse(count - i, words + i, o->form == ANSWER_PLAIN,
                                    &calls[n]);
        if (took < 0) {
            status = -took;
            break;
        }
    }
    if (status == TOOL_DONE) {
        status = client_options_connect(&o->client);
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
    struct call_options o = {.form = ANSWER_REPR};
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
    int count, used = 0;
    int status = tool_parse_options(&usage, argc, argv, &count, &done);
    if (status == TOOL_DONE && !done) {
        status = client_options_finish(&o.client, count, argv, &used);
    }
    if (status == TOOL_DONE && !done && used == count) {
        tool_error("an endpoint and a method are needed; see pb call --help");
        status = TOOL_USAGE;
    }
    if (status == TOOL_DONE && !done) {
        status = call_run(&o, count - used, argv + used);
    }
    client_options_fini(&o.client);
    return status;
}
