/* SPDX-License-Identifier: MIT
 *
 * Makes a list of calls, several at once, and prints the answers in order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/call/call_repeat.h"
#include "tools/call/shell_line.h"
#include "tools/common/command.h"

struct parallel_call {
    struct parallel *parallel;
    struct shell_line line;
    pb_value *result;
    pb_failure *failure;
    bool done;
};

struct parallel {
    struct client_options *client;
    enum answer_form form;
    struct parallel_call *calls;
    size_t count, started, running, printed, most;
    int status;
};

static void parallel_start(struct parallel *p);

/* Prints a failure in the place of an answer. */
static void parallel_print_failure(const struct parallel *p, const pb_failure *f)
{
    const char *type = pb_failure_type(f), *text = pb_failure_text(f);
    if (p->form == ANSWER_REPR) {
        tool_print(stdout, "! %s: %s", type, text);
        putchar('\n');
        return;
    }
    pb_value *v = pb_build(NULL, "{s:{s:s,s:s}}", "failure", "type", type, "text", text);
    if (v) {
        (void)answer_print(v, p->form, (pb_profile){0});
    }
    pb_value_unref(v);
}

/* Prints what is complete, up to the first call that is not. */
static void parallel_print(struct parallel *p)
{
    for (; p->printed < p->count && p->calls[p->printed].done; p->printed++) {
        struct parallel_call *c = &p->calls[p->printed];
        int status = TOOL_FAILED;
        if (c->failure) {
            parallel_print_failure(p, c->failure);
        } else {
            status =
                answer_print(c->result, p->form, p->client->config.session.jelly.profile);
        }
        p->status = p->status == TOOL_DONE ? status : p->status;
        pb_value_unref(c->result);
        pb_failure_unref(c->failure);
        c->result = NULL;
        c->failure = NULL;
    }
}

static void parallel_answered(pb_value *result, pb_failure *failure, void *user_data)
{
    struct parallel_call *c = user_data;
    c->done = true;
    c->result = result ? pb_value_ref(result) : NULL;
    c->failure = pb_failure_ref(failure);
    c->parallel->running--;
    parallel_start(c->parallel);
}

/* Starts calls until as many are running as were asked for. */
static void parallel_start(struct parallel *p)
{
    while (p->started < p->count && p->running < p->most) {
        struct parallel_call *c = &p->calls[p->started++];
        const pb_call_options options = {.timeout = p->client->timeout};
        pb_error err = {0};
        p->running++;
        if (pb_remote_call_values(p->client->callee, c->line.method, c->line.args,
                                  c->line.kwargs, &options, parallel_answered, c, NULL,
                                  &err) != 0) {
            p->running--;
            c->done = true;
            c->failure = pb_failure_new("pb.Error", err.text, NULL);
        }
    }
}

static pb_value *parallel_find(const char *name, void *ctx)
{
    (void)name;
    (void)ctx;
    return NULL;
}

/* Parses a line, unless it is empty. */
static int parallel_add(struct parallel *p, const char *line, size_t number)
{
    struct parallel_call *more = realloc(p->calls, (p->count + 1) * sizeof *more);
    pb_error err = {0};
    if (!more) {
        return tool_nomem();
    }
    p->calls = more;
    struct parallel_call *c = &more[p->count];
    *c = (struct parallel_call){.done = false};
    int failed = shell_line_parse(line, parallel_find, NULL, &c->line, &err);
    if (!failed && !c->line.method && !c->line.name) {
        return TOOL_DONE;
    }
    if (failed || !c->line.method || c->line.target || c->line.name) {
        shell_line_fini(&c->line);
        tool_error("line %zu: %s", number,
                   failed ? err.text : "METHOD(ARG, ...) is expected");
        tool_show_place(line, err.offset);
        return TOOL_USAGE;
    }
    p->count++;
    return TOOL_DONE;
}

static int parallel_parse(struct parallel *p, char *text)
{
    int status = TOOL_DONE;
    for (size_t number = 1; text && status == TOOL_DONE; number++) {
        char *line = strsep(&text, "\n");
        status = parallel_add(p, line, number);
    }
    for (size_t i = 0; i < p->count; i++) {
        p->calls[i].parallel = p;
    }
    return status;
}

int call_parallel(struct client_options *client, const struct repeat_options *o,
                  enum answer_form form)
{
    struct parallel p = {.client = client, .form = form, .most = (size_t)o->parallel};
    size_t len;
    char *text = tool_read_file("-", &len);
    int status = text ? parallel_parse(&p, text) : TOOL_USAGE;
    status = status == TOOL_DONE ? client_options_connect(client) : status;
    if (status == TOOL_DONE) {
        parallel_start(&p);
        parallel_print(&p);
    }
    while (status == TOOL_DONE && p.printed < p.count) {
        if (pb_client_wait(client->connection, 1) != 0) {
            status = TOOL_DISCONNECTED;
        }
        parallel_print(&p);
    }
    if (status == TOOL_DISCONNECTED && p.printed < p.count) {
        tool_error("the connection is lost");
    }
    for (size_t i = 0; i < p.count; i++) {
        shell_line_fini(&p.calls[i].line);
        pb_value_unref(p.calls[i].result);
        pb_failure_unref(p.calls[i].failure);
    }
    free(p.calls);
    free(text);
    return status == TOOL_DONE ? p.status : status;
}
