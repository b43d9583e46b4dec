/* SPDX-License-Identifier: MIT
 *
 * A complete conversation with each allocation failing: whatever happens, each accepted
 * call ends once, each session closes once, and no memory is left. */
#include "libpb/broker/tests/service.h"

struct tally {
    struct pair *p;
    size_t made, ended, closed;
    pb_value *two; /* a result that is kept */
};

static void ended(pb_value *result, pb_failure *failure, void *user_data)
{
    struct tally *t = user_data;
    cr_assert_neq(result == NULL, failure == NULL);
    t->ended++;
    noted(result, failure, t->p);
}

static void keep_two(pb_value *result, pb_failure *failure, void *user_data)
{
    struct tally *t = user_data;
    ended(result, failure, user_data);
    t->two = pb_value_ref(result);
}

static void closed(pb_session *s, const pb_error *why, void *user_data)
{
    struct tally *t = user_data;
    (void)s;
    cr_assert(why->code == PB_OK || pb__test_failed(), "%s", why->text);
    t->closed++;
}

/* Takes the arguments; if they could not be made, no call is made. */
static void call(struct tally *t, pb_session *s, const char *method, pb_value *args,
                 pb_answer_cb cb, int64_t timeout)
{
    pb_remote *root = pb_session_root(s);
    const pb_call_options options = {.timeout = timeout};
    if (root && args) {
        int e =
            pb_remote_call_values(root, method, args, NULL, &options, cb, t, NULL, NULL);
        cr_assert(e == 0 || e == PB_ERR_NOMEM || e == PB_ERR_DEAD, "%d", e);
        t->made += e == 0;
    }
    pb_value_unref(args);
    pb_remote_unref(root);
}

static void converse_once(struct tally *t, struct service *server)
{
    struct pair *p = t->p;
    call(t, p->client, "echo", pb_build(NULL, "([is])", 1, "early"), ended, 0);
    talk(p);
    call(t, p->client, "getTwo", pb_build(NULL, "()"), keep_two, 0);
    call(t, p->client, "same", pb_build(NULL, "()"), ended, 0);
    call(t, p->client, "missing", pb_build(NULL, "()"), ended, 0);
    call(t, p->client, "fail", pb_build(NULL, "(ss)", "shop.SoldOut", "none left"), ended,
         0);
    call(t, p->client, "keep", pb_build(NULL, "(N)", pb_object_value(server->two)), ended,
         0);
    call(t, p->client, "later", pb_build(NULL, "(i)", 1), ended, 10);
    call(t, p->client, "later", pb_build(NULL, "(i)", 2), ended, 0);
    talk(p);
    later(p, 20);
    if (pb_as_remote(t->two)) {
        int e = pb_remote_call(pb_as_remote(t->two), "three", ended, t, NULL, "i", 12);
        t->made += e == 0;
    }
    for (size_t i = 0; i < server->waiting_count; i++) {
        answer_later(server, i, i == 1 ? "shop.SoldOut" : NULL);
    }
    pb_value_unref(t->two);
    t->two = NULL;
    call(t, p->client, "forget", pb_build(NULL, "()"), ended, 0);
    talk(p);
}

static int run(void *user_data)
{
    const char *expected = user_data;
    struct pair *p = calloc(1, sizeof *p);
    struct tally t = {.p = p};
    struct service server;
    pb_session_config c = {.on_close = closed, .user_data = &t, .on_ready = NULL};
    if (service_begin(&server, NULL)) {
        p->client = pb_session_client_new(&c, 0);
        c.root = server.root;
        p->server = pb_session_server_new(&c, 0);
    }
    size_t sessions = p->client ? 1 : 0;
    sessions += p->server != NULL;
    if (sessions == 2) {
        converse_once(&t, &server);
    }
    int e = pb__test_failed() ? PB_ERR_NOMEM : 0;
    if (e == 0) {
        cr_assert_str_eq(p->log, expected, "%s", p->log);
        pair_close_both(p);
    }
    pb_session_free(p->client);
    pb_session_free(p->server);
    cr_assert_eq(t.ended, t.made);
    cr_assert_eq(t.closed, sessions);
    service_end(&server);
    free(p);
    return e;
}

PB_TEST(nomem, loses_nothing_at_any_failure)
{
    char expected[] = "answer [1, 'early']\n"
                      "answer <RemoteReference 1>\n"
                      "answer [<RemoteReference 1>, <RemoteReference 1>]\n"
                      "failure 0 twisted.spread.flavors.NoSuchMethod: "
                      "No such method: remote_missing\n"
                      "failure 0 shop.SoldOut: none left\n"
                      "answer None\n"
                      "failure -11 twisted.internet.defer.TimeoutError: "
                      "the call was not answered in time\n"
                      "failure 0 shop.SoldOut: late\n"
                      "answer [1, 2, 3]\n"
                      "answer None\n";
    pb__test_each_failure(run, expected);
}

/* Objects that are exported to the peer, call after call. */
static int export_many(void *user_data)
{
    (void)user_data;
    struct pair *p = calloc(1, sizeof *p);
    struct tally t = {.p = p};
    struct service server;
    pb_session_config c = {.on_close = closed, .user_data = &t};
    if (service_begin(&server, NULL)) {
        p->client = pb_session_client_new(&c, 0);
        c.root = server.root;
        p->server = pb_session_server_new(&c, 0);
    }
    if (p->client && p->server &&
        pb_session_set_name_for_local(p->server, "two", server.two) == 0) {
        for (int i = 0; i < 3; i++) {
            call(&t, p->client, "new", pb_build(NULL, "(i)", 5), ended, 0);
            talk(p);
        }
    }
    int e = pb__test_failed() ? PB_ERR_NOMEM : 0;
    pb_session_free(p->client);
    pb_session_free(p->server);
    cr_assert_eq(t.ended, t.made);
    service_end(&server);
    free(p);
    return e;
}

PB_TEST(nomem, exports_all_or_nothing)
{
    pb__test_each_failure(export_many, NULL);
}
