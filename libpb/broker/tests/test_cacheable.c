/* SPDX-License-Identifier: MIT
 *
 * The captures with Cacheables: a session plays either side, byte for byte. */
#include "libpb/broker/calls.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/cacheable_objects.h"
#include "libpb/broker/tests/captured_copies.h"

static const pb_profile twisted_22_4 = {
    .python_major = 3, .python_minor = 11, .twisted = 2204};

/* ---- Playing the server ---- */

struct server {
    struct ponds ponds;
    pb_session *s;
};

static void serve(const struct chunk *chunks, const char *name,
                  void (*step)(void *ctx, size_t turn), size_t left)
{
    for (int single = 0; single < 2; single++) {
        struct server server;
        cr_assert(ponds_begin(&server.ponds, NULL));
        pb_session_config c = {.root = server.ponds.root, .jelly.profile = twisted_22_4};
        server.s = pb_session_server_new(&c, 0);
        play(server.s, chunks, name, single, step, &server);
        pb_session_stats stats;
        pb_session_get_stats(server.s, &stats);
        cr_assert_eq(stats.cached, left, "%s: %zu", name, stats.cached);
        pb_session_free(server.s);
        cr_assert_eq(server.ponds.pond.observed, 0);
        ponds_end(&server.ponds);
        cr_assert_eq(pb__test_live(), 0);
    }
}

static void quietly(void *ctx, size_t turn)
{
    struct server *server = ctx;
    const pb_call_options quiet = {.no_answer = true};
    pb_remote *observer = server->ponds.pond.observers[0];
    pb_value *args = pb_build(NULL, "(i)", 1);
    pb_value *more = pb_build(NULL, "([i])", 2);
    switch (turn) {
    case 0:
        cr_assert_eq(pb_remote_call_values(observer, "add", args, NULL, NULL, NULL, NULL,
                                           NULL, NULL),
                     0);
        break;
    case 1:
        cr_assert_eq(pb_remote_call_values(observer, "add", more, NULL, &quiet, NULL,
                                           NULL, NULL, NULL),
                     0);
        cr_assert_eq(pb_remote_call(observer, "fail", NULL, NULL, NULL, ""), 0);
        break;
    default:
        cr_assert_eq(pb_remote_call(observer, "missing", NULL, NULL, NULL, ""), 0);
    }
    pb_value_unref(args);
    pb_value_unref(more);
}

PB_TEST(cacheable, is_served_as_by_twisted)
{
    serve(cacheable, "cacheable", NULL, 1);
    serve(cacheable_again, "cacheable_again", NULL, 0);
    serve(cacheable_observers, "cacheable_observers", quietly, 1);
}

/* ---- Playing the client ---- */

struct client {
    pb_session *s;
    pb_remote *root;
    pb_value *results[8];
    size_t calls;
};

static void keep_result(pb_value *result, pb_failure *failure, void *user_data)
{
    cr_assert_null(failure);
    *(pb_value **)user_data = pb_value_ref(result);
}

static void call(struct client *c, const char *method, pb_value *args)
{
    pb_value **place = &c->results[c->calls++];
    cr_assert_eq(pb_remote_call_values(c->root, method, args, NULL, NULL, keep_result,
                                       place, NULL, NULL),
                 0);
    pb_value_unref(args);
}

static void drop(struct client *c, size_t i)
{
    pb_value *v = c->results[i];
    c->results[i] = NULL;
    pb_value_unref(v);
}

static void expect_ducks(const pb_value *cache, const char *expected)
{
    char *text = pb_value_repr(ducks_of(cache));
    cr_assert_str_eq(text, expected);
    pb_free(text);
}

static void cacheable_steps(void *ctx, size_t turn)
{
    struct client *c = ctx;
    switch (turn) {
    case 0:
        call(c, "pond", NULL);
        break;
    case 1:
        call(c, "addDuck", pb_build(NULL, "(s)", "two"));
        break;
    case 2: /* the observer's answer has been sent already */
        expect_ducks(c->results[0], "['one', 'two']");
        call(c, "is", pb_build(NULL, "(O)", c->results[0]));
        break;
    case 3:
        drop(c, 0);
        break;
    case 4:
        call(c, "stopped", NULL);
        break;
    case 5:
        call(c, "addDuck", pb_build(NULL, "(s)", "three"));
        break;
    case 6:
        call(c, "pond", NULL);
        break;
    default:
        expect_ducks(c->results[5], "['one', 'two', 'three']");
        call(c, "stopped", NULL);
    }
}

static void again_steps(void *ctx, size_t turn)
{
    struct client *c = ctx;
    switch (turn) {
    case 0:
    case 1:
        call(c, "pond", NULL);
        break;
    case 2:
        call(c, "two", NULL);
        break;
    case 3:
        call(c, "addDuck", pb_build(NULL, "(i)", 2));
        break;
    case 4: {
        /* Each receipt is a value of its own, and all of them show the same object. */
        pb_value *pair = c->results[2];
        pb_value *all[] = {c->results[0], c->results[1], pb_item(pair, 0),
                           pb_item(pb_item(pair, 1), 0)};
        for (size_t i = 0; i < 4; i++) {
            expect_ducks(all[i], "['one', 2]");
            cr_assert_eq(pb_as_object(all[i]), pb_as_object(all[0]));
            cr_assert(i == 0 || all[i] != all[i - 1]);
            cr_assert(pb_value_equal(all[i], all[0]));
        }
        drop(c, 0);
        call(c, "stopped", NULL);
        break;
    }
    case 5:
        drop(c, 1);
        call(c, "stopped", NULL);
        break;
    case 6: {
        pb_value *first = pb_value_ref(pb_item(c->results[2], 0));
        drop(c, 2);
        c->results[2] = first;
        call(c, "stopped", NULL);
        break;
    }
    case 7:
        drop(c, 2);
        break;
    default:
        call(c, "stopped", NULL);
    }
}

static void observers_steps(void *ctx, size_t turn)
{
    if (turn == 0) {
        call(ctx, "pond", NULL);
    }
}

static void ask(const struct chunk *chunks, const char *name,
                void (*steps)(void *ctx, size_t turn), const char *results)
{
    for (int single = 0; single < 2; single++) {
        pb_registry *g = pond_registry();
        pb_session_config config = {.registry = g, .jelly.profile = twisted_22_4};
        struct client c = {.s = pb_session_client_new(&config, 0)};
        pb_registry_unref(g);
        c.root = pb_session_root(c.s);
        play(c.s, chunks, name, single, steps, &c);
        struct pair *log = calloc(1, sizeof *log);
        for (size_t i = 0; i < c.calls; i++) {
            if (c.results[i]) {
                note_value(log, "", c.results[i]);
            }
            drop(&c, i);
        }
        cr_assert_str_eq(log->log, results, "%s", log->log);
        free(log);
        pb_remote_unref(c.root);
        pb_session_free(c.s);
        cr_assert_eq(ponds_made, ponds_gone);
        cr_assert_eq(pb__test_live(), 0);
    }
}

#define POND "<RemoteCopy scenarios.RemotePond {'ducks': "

PB_TEST(cacheable, is_asked_for_as_by_twisted)
{
    ask(cacheable, "cacheable", cacheable_steps,
        " None\n True\n [1, 0]\n None\n"
        " <RemoteCache 2 " POND "['one', 'two', 'three']}>>\n [1, 1]\n");
    ask(cacheable_again, "cacheable_again", again_steps,
        " None\n [0, 1]\n [0, 1]\n [0, 1]\n [1, 0]\n");
    ask(cacheable_observers, "cacheable_observers", observers_steps,
        " <RemoteCache 1 " POND "['one', 1, [2]]}>>\n");
}
