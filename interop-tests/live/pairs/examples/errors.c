/* SPDX-License-Identifier: MIT
 *
 * Errors, as in Twisted's exc and trap: a server raises them, and the client knows their
 * classes by name; an argument that cannot be sent; a stale reference. */
#include <string.h>

#include "interop-tests/live/pairs/pair.h"

/* ---- exc ---- */

static int exc_broken(void *self, pb_request *req)
{
    (void)self;
    printf("raising a MyError\n");
    return pb_request_fail(req, "shop.MyError twisted.spread.pb.Error", "%s",
                           "fall down go boom");
}

static int exc_broken2(void *self, pb_request *req)
{
    (void)self;
    printf("raising a MyError2\n");
    return pb_request_fail(req, "shop.MyError2", "%s", "hadda owie");
}

static const pb_class exc_class = {
    .name = "Exc",
    .remote = (const pb_method[]){{"broken", exc_broken}, {"broken2", exc_broken2}, {0}},
};

static void serve_exc(pb_net_config *config)
{
    config->session.root = pb_object_new(&exc_class, NULL);
}

static void run_exc(struct test_client *t)
{
    const char *const methods[] = {"broken", "broken2"};
    const char *const known[] = {"shop.MyError", "shop.MyError2",
                                 "twisted.spread.pb.Error", "builtins.Exception"};
    for (size_t i = 0; i < 2; i++) {
        pb_value_unref(pb_client_call(t->client, t->root, methods[i], &t->err, ""));
        const pb_failure *f = pb_client_failure(t->client);
        if (!f) {
            printf("no failure\n");
            continue;
        }
        printf("failed: %s: %s which is", pb_failure_type(f), pb_failure_text(f));
        const char *comma = " a ";
        for (size_t j = 0; j < sizeof known / sizeof *known; j++) {
            if (pb_failure_check(f, known[j])) {
                printf("%s%s", comma, known[j]);
                comma = ", a ";
            }
        }
        printf("\n");
        t->err = (pb_error){0};
    }
}

/* ---- trap ---- */

static int trap_foo_method(void *self, pb_request *req)
{
    (void)self;
    pb_value *arg;
    pb_span text;
    int e = pb_request_unpack(req, "O", &arg);
    if (e) {
        return e;
    }
    if (pb_as_text(arg, &text) == 0 && strcmp((const char *)text.data, "panic!") == 0) {
        return pb_request_fail(req, "shop.MyError twisted.spread.pb.Error", "%s", "");
    }
    return pb_request_answer_steal(req, pb_str("response"));
}

static const pb_class trap_class = {
    .name = "Trap",
    .remote = (const pb_method[]){{"fooMethod", trap_foo_method},
                                  {"shutdown", stop_server},
                                  {0}},
};

static void serve_trap(pb_net_config *config)
{
    config->session.root = pb_object_new(&trap_class, NULL);
}

static void prepare_trap(pb_net_config *config)
{
    config->session.jelly.taster = pb_taster_new();
    pb_taster_allow_instances_of(config->session.jelly.taster, "shop.Scary");
}

static void run_trap(struct test_client *t)
{
    print_answer_steal(
        t, "fooMethod",
        pb_client_call(t->client, t->root, "fooMethod", &t->err, "s", "safe string"));
    print_answer_steal(t, "fooMethod",
                       pb_client_call(t->client, t->root, "fooMethod", &t->err, "N",
                                      pb_instance_steal("shop.Scary", pb_dict())));
    print_answer_steal(
        t, "fooMethod",
        pb_client_call(t->client, t->root, "fooMethod", &t->err, "s", "panic!"));
    call_until_closed(t, "shutdown");
    pb_value_unref(
        pb_client_call(t->client, t->root, "fooMethod", &t->err, "s", "dummy"));
    printf("the reference is stale: %s\n", t->err.text);
    t->err = (pb_error){0};
}

const struct pair pairs_errors[] = {
    {"exc", serve_exc, run_exc, NULL},
    {"trap", serve_trap, run_trap, prepare_trap},
    {0},
};
