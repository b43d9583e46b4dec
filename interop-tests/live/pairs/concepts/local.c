/* SPDX-License-Identifier: MIT
 *
 * A local object behind the interface of a remote one: the same function uses the
 * server's adder and the client's own, the latter directly and through a forwarder. */
#include <stdlib.h>
#include <uv.h>

#include "interop-tests/live/pairs/pair.h"

static int adder_add(void *self, pb_request *req)
{
    (void)self;
    const char *const names[] = {"a", "b", NULL};
    int64_t a, b = 1;
    int e = pb_request_unpack_keywords(req, "L|L", names, &a, &b);
    return e ? e : pb_request_answer_steal(req, pb_int(a + b));
}

static int adder_fail(void *self, pb_request *req)
{
    (void)self;
    return pb_request_fail(req, "builtins.ValueError", "not today");
}

struct delayed {
    uv_timer_t timer;
    pb_request *req;
    pb_value *answer; /* the argument */
};

static void delayed_free(uv_handle_t *handle)
{
    free(handle);
}

static void delayed_answer(uv_timer_t *timer)
{
    struct delayed *w = (struct delayed *)timer;
    pb_request_answer_steal(w->req, w->answer);
    pb_request_unref(w->req);
    uv_close((uv_handle_t *)timer, delayed_free);
}

static int adder_later(void *self, pb_request *req)
{
    (void)self;
    struct delayed *w = malloc(sizeof *w);
    w->req = pb_request_ref(req);
    w->answer = pb_value_ref(pb_item(pb_request_args(req), 0));
    uv_timer_init(uv_default_loop(), &w->timer);
    return uv_timer_start(&w->timer, delayed_answer, 10, 0);
}

static const pb_class adder_class = {
    .name = "Adder",
    .remote =
        (const pb_method[]){
            {"add", adder_add}, {"later", adder_later}, {"fail", adder_fail}, {0}},
};

static void serve_local(pb_net_config *config)
{
    config->session.root = pb_object_new(&adder_class, NULL);
}

/* A call to wait for. The client's loop completes a remote one, the program's a local
 * one. */
struct local_call {
    const char *label;
    bool ended;
};

static void local_call_ended(pb_value *result, pb_failure *failure, void *user_data)
{
    struct local_call *call = user_data;
    call->ended = true;
    if (failure) {
        printf("%s failed: %s: %s\n", call->label, pb_failure_type(failure),
               pb_failure_text(failure));
        return;
    }
    printf("%s ", call->label);
    print_value("answered", result);
}

static void use_method(struct test_client *t, const char *who, pb_remote *to,
                       const char *method, const char *args_literal,
                       const char *kwargs_literal)
{
    char label[40];
    snprintf(label, sizeof label, "%s %s", who, method);
    struct local_call call = {label, false};
    pb_value *args = pb_value_parse(args_literal, NULL);
    pb_value *kwargs = pb_value_parse(kwargs_literal, NULL);
    if (pb_remote_call_values(to, method, args, kwargs, NULL, local_call_ended, &call,
                              NULL, &t->err) == 0) {
        while (!call.ended && pb_client_wait(t->client, 1) == 0) {
            uv_run(uv_default_loop(), UV_RUN_NOWAIT);
        }
    }
    pb_value_unref(args);
    pb_value_unref(kwargs);
}

static void use_adder(struct test_client *t, const char *who, pb_remote *adder)
{
    use_method(t, who, adder, "add", "(1, 2)", "{}");
    use_method(t, who, adder, "add", "(1,)", "{'b': 0}");
    use_method(t, who, adder, "fail", "()", "{}");
    use_method(t, who, adder, "later", "('x',)", "{}");
}

static void run_local(struct test_client *t)
{
    use_adder(t, "remote", t->root);
    pb_object *mine = pb_object_new(&adder_class, NULL);
    pb_remote *as_remote = pb_local_as_remote(mine);
    use_adder(t, "local", as_remote);
    pb_remote_unref(as_remote);
    const char *const names[] = {"add", NULL};
    pb_remote *forwarder = pb_local_async_forwarder(mine, names, false);
    use_method(t, "forwarded", forwarder, "add", "(3, 4)", "{}");
    use_method(t, "forwarded", forwarder, "fail", "()", "{}");
    pb_remote_unref(forwarder);
    pb_object_unref(mine);
}

const struct pair pairs_local[] = {{"local", serve_local, run_local, NULL}, {0}};
