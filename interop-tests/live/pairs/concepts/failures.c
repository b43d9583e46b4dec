/* SPDX-License-Identifier: MIT
 *
 * Failures in both directions: checked by class and by name, raised at once and later,
 * forwarded, sent as values; and exceptions that are sent as copies. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define SOLD_OUT "shop.SoldOut shop.ShopError twisted.spread.pb.Error"

static const struct {
    const char *name, *type, *text;
} raised[] = {
    {"error", "twisted.spread.pb.Error", "plain"},
    {"shop", "shop.ShopError twisted.spread.pb.Error", "shelf"},
    {"sold", SOLD_OUT, "('out', 3)"},
    {"odd", "shop.Odd builtins.ValueError", "odd"},
    {"value", "builtins.ValueError", "\u20ac"},
    {"empty", "builtins.KeyError", ""},
    {"lookup", "builtins.IndexError", "far"},
    {"os", "builtins.OSError", "gone"},
    {"stop", "builtins.StopIteration", "1"},
};
#define RAISED (sizeof raised / sizeof *raised)

/* Writes those of the known class names that the failure has, separated by spaces. */
static void failure_names(const pb_failure *f, char text[200])
{
    static const char *const names[] = {
        "shop.SoldOut", "shop.ShopError",      "twisted.spread.pb.Error",
        "shop.Odd",     "builtins.ValueError", "builtins.Exception",
    };
    *text = '\0';
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (pb_failure_check(f, names[i])) {
            strcat(text, *text ? " " : "");
            strcat(text, names[i]);
        }
    }
}

/* ---- The methods that raise, on both sides ---- */

static int raise_named(pb_request *req, const char *name)
{
    size_t i = 0;
    while (i < RAISED && strcmp(raised[i].name, name) != 0) {
        i++;
    }
    return i < RAISED ? pb_request_fail(req, raised[i].type, "%s", raised[i].text)
                      : PB_ERR_ARG;
}

static int raises_now(void *self, pb_request *req)
{
    (void)self;
    const char *name;
    int e = pb_request_unpack(req, "s", &name);
    return e ? e : raise_named(req, name);
}

/* A request that fails in the loop's next iteration. */
struct raising {
    uv_idle_t idle;
    pb_request *req;
    pb_value *name; /* the argument */
};

static void raising_free(uv_handle_t *handle)
{
    free(handle);
}

static void raising_run(uv_idle_t *handle)
{
    struct raising *w = (struct raising *)handle;
    pb_span name = {0};
    pb_as_text(w->name, &name);
    raise_named(w->req, (const char *)name.data);
    pb_value_unref(w->name);
    pb_request_unref(w->req);
    uv_close((uv_handle_t *)handle, raising_free);
}

static int raises_later(void *self, pb_request *req)
{
    (void)self;
    const char *name;
    int e = pb_request_unpack(req, "s", &name);
    if (e) {
        return e;
    }
    struct raising *w = malloc(sizeof *w);
    w->req = pb_request_ref(req);
    w->name = pb_value_ref(pb_item(pb_request_args(req), 0));
    uv_idle_init(uv_default_loop(), &w->idle);
    return uv_idle_start(&w->idle, raising_run);
}

static pb_value *jellied_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    return pb_build(err, "{si}", "shelf", 7);
}

static const pb_class jellied_class = {
    .name = "shop.Jellied",
    .flavor = PB_FLAVOR_COPYABLE,
    .state_to_copy = jellied_state,
};

static int raises_jellied(void *self, pb_request *req)
{
    (void)self;
    return pb_request_fail_value_steal(
        req, pb_object_value_steal(pb_object_new(&jellied_class, NULL)));
}

#define RAISES                                    \
    {"now", raises_now}, {"later", raises_later}, \
    {                                             \
        "jellied", raises_jellied                 \
    }

static const pb_class raises_class = {
    .name = "Raises",
    .remote = (const pb_method[]){RAISES, {0}},
};

/* ---- The server ---- */

/* Calls `now` of the first argument with a name; the callback gets the failure. */
static int failures_call_now(pb_request *req, const char *name, pb_answer_cb failed)
{
    pb_remote *other = pb_as_remote(pb_item(pb_request_args(req), 0));
    return pb_remote_call(other, "now", failed, pb_request_ref(req), NULL, "s", name);
}

static void failures_answer_forwarded(pb_value *answer, pb_failure *failure,
                                      void *user_data)
{
    (void)answer;
    pb_request_fail_with(user_data, failure);
    pb_request_unref(user_data);
}

static int failures_forward(void *self, pb_request *req)
{
    (void)self;
    pb_value *other;
    const char *name;
    int e = pb_request_unpack(req, "Os", &other, &name);
    return e ? e : failures_call_now(req, name, failures_answer_forwarded);
}

static void failures_answer_seen(pb_value *answer, pb_failure *failure, void *user_data)
{
    (void)answer;
    char names[200];
    failure_names(failure, names);
    printf("the server saw %s: %s\n", pb_failure_type(failure), pb_failure_text(failure));
    pb_request_answer_steal(user_data, pb_build(NULL, "[sss]", pb_failure_type(failure),
                                                pb_failure_text(failure), names));
    pb_request_unref(user_data);
}

static int failures_seen(void *self, pb_request *req)
{
    (void)self;
    pb_value *other;
    const char *name;
    int e = pb_request_unpack(req, "Os", &other, &name);
    return e ? e : failures_call_now(req, name, failures_answer_seen);
}

static void failures_answer_trapped(pb_value *answer, pb_failure *failure,
                                    void *user_data)
{
    (void)answer;
    bool trapped = pb_failure_check(failure, "shop.ShopError");
    pb_request_answer_steal(user_data,
                            pb_str(trapped ? "shop.ShopError" : "not trapped"));
    pb_request_unref(user_data);
}

static int failures_trapped(void *self, pb_request *req)
{
    (void)self;
    pb_value *other;
    int e = pb_request_unpack(req, "O", &other);
    return e ? e : failures_call_now(req, "sold", failures_answer_trapped);
}

static int failures_value(void *self, pb_request *req)
{
    (void)self;
    pb_failure *f = pb_failure_new(SOLD_OUT, "in an answer", NULL);
    int e = pb_request_answer_steal(req, pb_build(NULL, "[N]", pb_failure_to_value(f)));
    pb_failure_unref(f);
    return e;
}

static const pb_class failures_class = {
    .name = "Failures",
    .remote = (const pb_method[]){RAISES,
                                  {"forward", failures_forward},
                                  {"seen", failures_seen},
                                  {"trapped", failures_trapped},
                                  {"value", failures_value},
                                  {0}},
};

static void serve_failures(pb_net_config *config)
{
    config->session.root = pb_object_new(&failures_class, NULL);
}

static void serve_traceback(pb_net_config *config)
{
    serve_failures(config);
    config->session.unsafe_tracebacks = true;
}

/* ---- The clients ---- */

static int received_jellied_set_state(void *self, pb_value *state, pb_error *err)
{
    return pb_unpack(state, err, "{s:i}", "shelf", (int *)self);
}

static void *received_jellied_new(void)
{
    return calloc(1, sizeof(int));
}

static const pb_class received_jellied_class = {
    .name = "Received",
    .flavor = PB_FLAVOR_COPYABLE,
    .construct = received_jellied_new,
    .set_state = received_jellied_set_state,
    .destroy = free,
};

static void prepare_failures(pb_net_config *config)
{
    config->session.registry = pb_registry_new();
    pb_registry_set_class(config->session.registry, "shop.Jellied",
                          &received_jellied_class);
}

static void print_failure_names(const char *label, const pb_failure *f)
{
    char names[200];
    failure_names(f, names);
    printf("%s %s: %s is %s\n", label, pb_failure_type(f), pb_failure_text(f), names);
}

/* As print_answer_steal, with the known names of a failure. */
static void print_outcome_steal(struct test_client *t, const char *label,
                                pb_value *answer)
{
    const pb_failure *f = pb_client_failure(t->client);
    if (!f) {
        print_answer_steal(t, label, answer);
        return;
    }
    printf("%s ", label);
    print_failure_names("failed:", f);
    t->err = (pb_error){0};
}

/* Has the server forward and inspect a failure of the client. */
static void run_client_failure(struct test_client *t, const char *name)
{
    char label[40];
    pb_object *mine = pb_object_new(&raises_class, NULL);
    snprintf(label, sizeof label, "%s forwarded", name);
    print_outcome_steal(t, label,
                        pb_client_call(t->client, t->root, "forward", &t->err, "Ns",
                                       pb_object_value(mine), name));
    snprintf(label, sizeof label, "%s seen", name);
    print_outcome_steal(t, label,
                        pb_client_call(t->client, t->root, "seen", &t->err, "Ns",
                                       pb_object_value(mine), name));
    pb_object_unref(mine);
}

static void run_failure_values(struct test_client *t)
{
    pb_value *value = pb_client_call(t->client, t->root, "value", &t->err, "");
    pb_failure *f = pb_failure_from_value(pb_item(value, 0));
    print_failure_names("a value:", f);
    pb_failure_unref(f);
    pb_value_unref(value);
    for (int later = 0; later < 2; later++) {
        pb_value_unref(
            pb_client_call(t->client, t->root, "jellied", &t->err, "p", later));
        f = (pb_failure *)pb_client_failure(t->client);
        pb_object *o = f ? pb_as_object(pb_failure_value(f)) : NULL;
        printf("jellied: %s with %d\n", o ? pb_object_class(o)->name : "?",
               o ? *(int *)pb_object_self(o) : 0);
        t->err = (pb_error){0};
    }
}

static void run_failures(struct test_client *t)
{
    for (size_t i = 0; i < RAISED; i++) {
        print_outcome_steal(
            t, raised[i].name,
            pb_client_call(t->client, t->root, "now", &t->err, "s", raised[i].name));
    }
    print_outcome_steal(
        t, "sold later",
        pb_client_call(t->client, t->root, "later", &t->err, "s", "sold"));
    print_outcome_steal(t, "odd later",
                        pb_client_call(t->client, t->root, "later", &t->err, "s", "odd"));
    run_client_failure(t, "sold");
    run_client_failure(t, "odd");
    pb_object *mine = pb_object_new(&raises_class, NULL);
    print_answer_steal(t, "trapped",
                       pb_client_call(t->client, t->root, "trapped", &t->err, "N",
                                      pb_object_value(mine)));
    pb_object_unref(mine);
    run_failure_values(t);
}

/* Prints the first and the last line of tracebacks. */
static void run_traceback(struct test_client *t)
{
    const char *const calls[][2] = {{"now", "odd"}, {"later", "sold"}};
    for (size_t i = 0; i < 2; i++) {
        pb_value_unref(
            pb_client_call(t->client, t->root, calls[i][0], &t->err, "s", calls[i][1]));
        const pb_failure *f = pb_client_failure(t->client);
        const char *text = f ? pb_failure_traceback(f) : "?";
        size_t len = strlen(text);
        len -= len > 0 && text[len - 1] == '\n';
        const char *last = memrchr(text, '\n', len);
        last = last ? last + 1 : text;
        /* Twisted's traceback without frames begins so. */
        last += strncmp(last, "Failure: ", 9) == 0 ? 9 : 0;
        printf("its traceback: %.*s ... %.*s\n", (int)strcspn(text, "\n"), text,
               (int)(len - (size_t)(last - text)), last);
        t->err = (pb_error){0};
    }
}

const struct pair pairs_failures[] = {
    {"failures", serve_failures, run_failures, prepare_failures},
    {"traceback", serve_traceback, run_traceback, NULL},
    {"no-traceback", serve_failures, run_traceback, NULL},
    {0},
};
