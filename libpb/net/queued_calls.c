/* SPDX-License-Identifier: MIT
 *
 * Calls that wait for a connection. A call is taken from the list before its callback
 * runs, as the callback may do anything, also add to the list or end it. */
#include "libpb/net/queued_calls.h"

#include <string.h>

#include "libpb/base/mem.h"
#include "libpb/broker/failures.h"

struct call {
    struct pb__list link;
    pb_value *args, *kwargs;
    pb_call_options options;
    int64_t deadline;
    pb_answer_cb cb;
    void *user_data;
    char method[];
};

static struct call *queued_call_at(const struct pb__list *l)
{
    return PB__LIST_ENTRY(l, struct call, link);
}

void pb__queued_calls_init(struct pb__queued_calls *w)
{
    pb__list_init(&w->calls);
    w->count = 0;
}

int pb__queued_calls_add(struct pb__queued_calls *w, const char *method, pb_value *args,
                         pb_value *kwargs, const pb_call_options *options,
                         int64_t deadline, pb_answer_cb cb, void *user_data)
{
    size_t len = strlen(method) + 1;
    struct call *c = pb__malloc(sizeof *c + len);
    if (!c) {
        return PB_ERR_NOMEM;
    }
    *c = (struct call){.args = pb_value_ref(args),
                       .kwargs = pb_value_ref(kwargs),
                       .options = options ? *options : (pb_call_options){0},
                       .deadline = deadline,
                       .cb = cb,
                       .user_data = user_data};
    memcpy(c->method, method, len);
    pb__list_push(&w->calls, &c->link);
    w->count++;
    return 0;
}

int64_t pb__queued_calls_deadline(const struct pb__queued_calls *w)
{
    int64_t first = INT64_MAX;
    for (struct pb__list *l = w->calls.next; l != &w->calls; l = l->next) {
        first = queued_call_at(l)->deadline < first ? queued_call_at(l)->deadline : first;
    }
    return first;
}

static void queued_call_take(struct pb__queued_calls *w, struct call *c)
{
    pb__list_remove(&c->link);
    w->count--;
}

static void queued_call_free_call(struct call *c)
{
    pb_value_unref(c->args);
    pb_value_unref(c->kwargs);
    pb__free(c);
}

static void queued_call_fail(struct call *c, int code, const char *text)
{
    if (c->cb) {
        pb_failure *f = pb__failure_new(code, text);
        c->cb(NULL, f, c->user_data);
        pb_failure_unref(f);
    }
    queued_call_free_call(c);
}

void pb__queued_calls_expire(struct pb__queued_calls *w, int64_t now)
{
    struct pb__list late;
    pb__list_init(&late);
    for (struct pb__list *l = w->calls.next, *next; l != &w->calls; l = next) {
        next = l->next;
        if (queued_call_at(l)->deadline <= now) {
            queued_call_take(w, queued_call_at(l));
            pb__list_push(&late, l);
        }
    }
    while (!pb__list_empty(&late)) {
        struct call *c = queued_call_at(late.next);
        pb__list_remove(&c->link);
        queued_call_fail(c, PB_ERR_TIMEOUT,
                         "no connection was made in time for the call");
    }
}

bool pb__queued_calls_make(struct pb__queued_calls *w, pb_remote *to, int64_t now)
{
    if (pb__list_empty(&w->calls)) {
        return false;
    }
    struct call *c = queued_call_at(w->calls.next);
    pb_error err = {0};
    queued_call_take(w, c);
    if (c->deadline != INT64_MAX) {
        c->options.timeout = c->deadline > now ? c->deadline - now : 1;
    }
    if (pb_remote_call_values(to, c->method, c->args, c->kwargs, &c->options, c->cb,
                              c->user_data, NULL, &err) != 0) {
        queued_call_fail(c, err.code, err.text);
    } else {
        queued_call_free_call(c);
    }
    return true;
}

void pb__queued_calls_fail(struct pb__queued_calls *w, int code, const char *text)
{
    while (!pb__list_empty(&w->calls)) {
        struct call *c = queued_call_at(w->calls.next);
        queued_call_take(w, c);
        queued_call_fail(c, code, text);
    }
}
