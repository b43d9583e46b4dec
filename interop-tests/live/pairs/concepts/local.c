/* SPDX-License-Identifier: MIT
 *
 * A local object behind the interface of a remote one: the same function uses the
 * server's adder and one of the client's own, directly and through a forwarder. */
#include <stdlib.h>
#include <uv.h>

#include "interop-tests/live/pairs/pair.h"

static int do_add(void *self, pb_request *req)
{
    (void)self;
    const char *const names[] = {"a", "b", NULL};
    int64_t a, b = 1;
    int e = pb_request_unpack_keywords(req, "L|L", names, &a, &b);
    return e ? e : pb_request_answer_steal(req, pb_int(a + b));
}

static int do_fail(void *self, pb_request *req)
{
    (void)self;
    return pb_request_fail(req, "builtins.ValueError", "not today");
}

struct waiting {
    uv_timer_t timer;
    pb_request *req;
};

static void free_waiting(uv_handle_t *handle)
{
    free(handle);
}

static void answer(uv_timer_t *timer)
{
    pb_request *req = ((struct waiting *)timer)->req;
    pb_request_answer_steal(req, pb_value_ref(pb_item(pb_request_args(req), 0)));
    pb_request_unref(req);
    uv_close((uv_handle_t *)timer, free_waiting);
}

static int do_later(void *self, pb_request *req)
{
    (void)self;
    struct waiting *w = malloc(sizeof *w);
    w->req = pb_request_ref(req);
    uv_timer_init(uv_default_loop(), &w->timer);
    return uv_timer_start(&w->timer, answer, 10, 0);
}

static const pb_class adder_class = {
    .name = "Adder",
    .remote =
        (const pb_method[]){{"add", do_add}, {"later", do_later}, {"fail", do_fail}, {0}},
};

static void serve_local(pb_net_config *config)
{
    config->session.root = pb_object_new(&adder_class, NULL);
}

/* A call that is waited for: a remote one by the client's loop, a local one by the
 * program's. */
struct call {
    const char *what;
    bool ended;
};

static void on_end(pb_value *result, pb_failure *failure, void *user_data)
{
    struct call *call = user_data;
    call->ended = true;
    if (failure) {
        printf("%s failed: %s: %s\n", call->what, pb_failure_type(failure),
               pb_failure_text(failure));
        return;
    }
    char *text = shown(result);
    printf("%s answered %s\n", call->what, text);
    free(text);
}

static void use(struct talk *t, const char *who, pb_remote *to, const char *method,
                const char *args_literal, const char *kwargs_literal)
{
    char what[40];
    snprintf(what, sizeof what, "%s %s", who, method);
    struct call call = {what, false};
    pb_value *args = pb_value_parse(args_literal, NULL);
    pb_value *kwargs = pb_value_parse(kwargs_literal, NULL);
    if (pb_remote_call_values(to, method, args, kwargs, NULL, on_end, &call, NULL,
                              &t->err) == 0) {
        while (!call.ended && pb_client_wait(t->client, 1) == 0) {
            uv_run(uv_default_loop(), UV_RUN_NOWAIT);
        }
    }
    pb_value_unref(args);
    pb_value_unref(kwargs);
}

static void use_all(struct talk *t, const char *who, pb_remote *adder)
{
    use(t, who, adder, "add", "(1, 2)", "{}");
    use(t, who, adder, "add", "(1,)", "{'b': 0}");
    use(t, who, adder, "fail", "()", "{}");
    use(t, who, adder, "later", "('x',)", "{}");
}

static void local(struct talk *t)
{
    use_all(t, "remote", t->root);
    pb_object *mine = pb_object_new(&adder_class, NULL);
    pb_remote *as_remote = pb_local_as_remote(mine);
    use_all(t, "local", as_remote);
    pb_remote_unref(as_remote);
    const char *const names[] = {"add", NULL};
    pb_remote *forwarder = pb_local_async_forwarder(mine, names, false);
    use(t, "forwarded", forwarder, "add", "(3, 4)", "{}");
    use(t, "forwarded", forwarder, "fail", "()", "{}");
    pb_remote_unref(forwarder);
    pb_object_unref(mine);
}

const struct pair pairs_local[] = {{"local", serve_local, local, NULL}, {0}};
