/* SPDX-License-Identifier: MIT
 *
 * Conversations of two brokers of Twisted: a session that plays either side must send the
 * same, byte for byte. */
#include "libpb/broker/calls.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/captured.h"
#include "libpb/broker/tests/service.h"

static const pb_profile twisted_22_4 = {
    .python_major = 3, .python_minor = 11, .twisted = 2204};

/* ---- Playing the server ---- */

static int serve_add(void *self, pb_request *r)
{
    (void)self;
    pb_value *args = pb_request_args(r), *kwargs = pb_request_kwargs(r);
    pb_value *a = pb_len(args) > 0 ? pb_item(args, 0) : pb_dict_get(kwargs, "a");
    pb_value *b = pb_len(args) > 1 ? pb_item(args, 1) : pb_dict_get(kwargs, "b");
    int64_t x, y = 10;
    if (pb_len(args) > 2) {
        return pb_request_fail(r, "builtins.TypeError",
                               "Echo.remote_add() takes from 2 to 3 positional arguments "
                               "but %zu were given",
                               pb_len(args) + 1);
    }
    if (pb_dict_get(kwargs, "c")) {
        return pb_request_fail(
            r, "builtins.TypeError",
            "Echo.remote_add() got an unexpected keyword argument 'c'");
    }
    if (!a) {
        return pb_request_fail(
            r, "builtins.TypeError",
            "Echo.remote_add() missing 1 required positional argument: "
            "'a'");
    }
    if (pb_as_int(a, &x) != 0 || (b && pb_as_int(b, &y) != 0)) {
        return pb_request_fail(r, "builtins.TypeError",
                               "unsupported operand type(s) for +: 'int' and 'str'");
    }
    return pb_request_answer_steal(r, pb_int(x + y));
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The number of arguments, and the names of the keywords in order. */
static int serve_many(void *self, pb_request *r)
{
    (void)self;
    const char *names[4] = {0};
    size_t n = 0, at = 0;
    pb_value *key, *value;
    pb_span text;
    while (pb_dict_next(pb_request_kwargs(r), &at, &key, &value)) {
        cr_assert_eq(pb_value_kind(key), PB_STR);
        pb_as_text(key, &text);
        names[n++] = (const char *)text.data;
    }
    qsort(names, n, sizeof *names, by_text);
    pb_value *list = pb_list();
    for (size_t i = 0; i < n; i++) {
        pb_append_steal(list, pb_str(names[i]));
    }
    return pb_request_answer_steal(
        r, pb_build(NULL, "[iN]", (int)pb_len(pb_request_args(r)), list));
}

static int serve_refused(void *self, pb_request *r)
{
    (void)self;
    const char *why;
    int e = pb_request_unpack(r, "s", &why);
    return e ? e
             : pb_request_fail(r, "scenarios.Refused twisted.spread.pb.Error", "%s", why);
}

static int serve_worse(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "scenarios.Worse scenarios.Refused twisted.spread.pb.Error",
                           "('worse', 2)");
}

static int serve_value(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "builtins.ValueError", "bad value");
}

static int serve_key(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "builtins.KeyError", "'\xc3\xa9'");
}

static int serve_named(void *self, pb_request *r)
{
    struct service *s = self;
    pb_value *a = pb_object_value_steal(pb_object_new(&two_class, s));
    pb_value *b = pb_object_value_steal(pb_object_new(&two_class, s));
    return pb_request_answer_steal(r, pb_build(NULL, "{s:O,s:(NN)}", "a", a, "b", a, b));
}

/* The methods that Twisted's service answered differently from the tests' service. */
static int serve_rest(void *self, pb_request *r)
{
    for (const pb_method *m = service_methods; m->name; m++) {
        if (strcmp(m->name, pb_request_method(r)) == 0) {
            return m->call(self, r);
        }
    }
    return pb_request_fail(r, "twisted.spread.flavors.NoSuchMethod",
                           "No such method: remote_%s", pb_request_method(r));
}

static const pb_method captured_methods[] = {
    {"add", serve_add},         {"many", serve_many},
    {"refused", serve_refused}, {"worse", serve_worse},
    {"value", serve_value},     {"key", serve_key},
    {"named", serve_named},     {0},
};
static const pb_class captured_class = {
    .name = "Captured", .remote = captured_methods, .fallback = serve_rest};

static pb_session *captured_server(struct service *service)
{
    service_begin(service, NULL);
    pb_object_unref(service->root);
    service->root = pb_object_new(&captured_class, service);
    pb_session_config c = {.root = service->root, .jelly.profile = twisted_22_4};
    return pb_session_server_new(&c, 0);
}

/* up_to: the number of chunks to play, 0 for all. At chunk `other` the order differs. */
static void replay_to_server(const char *name, const struct chunk *chunks, size_t up_to,
                             size_t other, const char *other_hex)
{
    for (int single = 0; single < 2; single++) {
        struct service service;
        pb_session *s = captured_server(&service);
        for (size_t i = 0; chunks[i].from && (up_to == 0 || i < up_to); i++) {
            if (chunks[i].from == 'C') {
                cr_assert_eq(feed(s, chunks[i].hex, single), 0, "%s %zu: %s", name, i,
                             pb_session_error(s)->text);
            } else {
                expect(s, other_hex && i == other ? other_hex : chunks[i].hex, true, name,
                       i);
            }
        }
        pb_session_stats stats;
        pb_session_get_stats(s, &stats);
        cr_assert_eq(stats.exported + stats.held + stats.queued, 0);
        pb_session_free(s);
        service_end(&service);
        cr_assert_eq(pb__test_live(), 0);
    }
}

#define TO_SERVER(scenario) replay_to_server(#scenario, scenario, 0, 0, NULL)

PB_TEST(replay, server_answers_as_twisted_does)
{
    TO_SERVER(one_two);
    TO_SERVER(arguments);
    TO_SERVER(no_such);
    TO_SERVER(same_twice);
    TO_SERVER(reference_ids);
    TO_SERVER(closed_while_waiting);
    /* Ours answers before it releases the argument. */
    replay_to_server("local_back", local_back, 0, 8,
                     "03801b870381028011870181"
                     "02801d870181");
    /* The rest failed before the Deferred was returned, which C cannot express. */
    replay_to_server("failures", failures, 19, 0, NULL);
}

PB_TEST(replay, server_bears_raw_bytes_as_twisted_does)
{
    for (size_t i = 0; i < sizeof raws / sizeof *raws; i++) {
        for (int single = 0; single < 2; single++) {
            struct service service;
            pb_session *s = captured_server(&service);
            cr_assert_eq(feed(s, "02827062028013870681", single), 0);
            pb_session_sent(s, pb_session_send(s).len, 0);
            int e = feed(s, raws[i].from_client, single);
            cr_assert_eq(e != 0, raws[i].closed, "%s: %d %s", raws[i].name, e,
                         pb_session_error(s)->text);
            expect(s, raws[i].from_server, raws[i].whole, raws[i].name, 0);
            pb_session_free(s);
            service_end(&service);
            cr_assert_eq(pb__test_live(), 0, "%s", raws[i].name);
        }
    }
}

/* ---- Playing the client ---- */

struct client {
    pb_session *s;
    pb_remote *root;
    pb_object *object;     /* to be sent */
    pb_value *results[12]; /* by request; a failure as "type: text" */
};

static void keep_end(pb_value *result, pb_failure *failure, void *user_data)
{
    pb_value **place = user_data;
    if (failure) {
        char text[300];
        snprintf(text, sizeof text, "%s: %s", pb_failure_type(failure),
                 pb_failure_text(failure));
        *place = pb_str(text);
    } else {
        *place = pb_value_ref(result);
    }
}

/* Makes a call; takes the arguments. */
static void call_on(struct client *c, pb_remote *to, const char *method, pb_value *args,
                    pb_value *kwargs)
{
    pb_value **place = &c->results[c->s->calls ? c->s->calls->last_request : 0];
    cr_assert_eq(pb_remote_call_values(to, method, args, kwargs, NULL, keep_end, place,
                                       NULL, NULL),
                 0);
    pb_value_unref(args);
    pb_value_unref(kwargs);
}

static void call_literal(struct client *c, const char *method, const char *args,
                         const char *kwargs)
{
    call_on(c, c->root, method, pb_value_parse(args, NULL),
            kwargs ? pb_value_parse(kwargs, NULL) : NULL);
}

static pb_remote *result(struct client *c, size_t request)
{
    return pb_as_remote(c->results[request - 1]);
}

static void drop(struct client *c, size_t request)
{
    pb_value_unref(c->results[request - 1]);
    c->results[request - 1] = NULL;
}

/* Releases the references in a container, the last first, as CPython does. */
static void drop_backwards(pb_value **list)
{
    pb_value *items[8];
    size_t n = pb_len(*list);
    for (size_t i = 0; i < n; i++) {
        items[i] = pb_value_ref(pb_item(*list, i));
    }
    pb_value_unref(*list);
    *list = NULL;
    while (n > 0) {
        pb_value_unref(items[--n]);
    }
}

/* The action of the client at its n-th turn. */
typedef void steps_fn(struct client *c, size_t n);

static void one_two_steps(struct client *c, size_t n)
{
    switch (n) {
    case 0:
        call_literal(c, "getTwo", "()", NULL);
        break;
    case 1:
        call_on(c, result(c, 1), "three", pb_build(NULL, "(i)", 12), NULL);
        break;
    case 2:
        call_on(c, c->root, "checkTwo", pb_build(NULL, "(O)", c->results[0]), NULL);
        break;
    default:
        drop(c, 1);
        call_literal(c, "none", "()", NULL);
    }
}

static void arguments_steps(struct client *c, size_t n)
{
    static const struct {
        const char *method, *args, *kwargs;
    } calls[] = {
        {"add", "(1, 2)", NULL},
        {"add", "(1,)", NULL},
        {"add", "()", "{'a': 3, 'b': 4}"},
        {"add", "(3,)", "{'b': 4}"},
        {"many", "()", NULL},
        {"many", "(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)",
         NULL},
        {"many", "()", "{'one': 1}"},
        {"many", "(1, [2])", "{'three': '3', 'list': b'list'}"},
        {"none", "()", NULL},
    };
    call_literal(c, calls[n].method, calls[n].args, calls[n].kwargs);
}

static void no_such_steps(struct client *c, size_t n)
{
    static pb_remote *to;
    const pb_call_options quiet = {.no_answer = true};
    switch (n) {
    case 0:
        call_literal(c, "missing", "()", NULL);
        break;
    case 1:
        call_literal(c, "missing", "(1,)", "{'k': 2}");
        break;
    case 2:
        to = pb_session_remote_for_name(c->s, "nobody");
        call_on(c, to, "hello", NULL, NULL);
        pb_remote_unref(to);
        break;
    case 3:
        cr_assert_eq(pb__remote_receive(c->s, 77, &to, NULL), 0);
        call_on(c, to, "hello", NULL, NULL);
        break;
    default:
        pb_remote_call_values(to, "hello", NULL, NULL, &quiet, NULL, NULL, NULL, NULL);
        call_literal(c, "none", "()", NULL);
        c->results[10] = (pb_value *)to;
    }
}

static void same_twice_steps(struct client *c, size_t n)
{
    switch (n) {
    case 0:
        call_literal(c, "same", "()", NULL);
        break;
    case 1:
    case 2:
        call_literal(c, "getTwo", "()", NULL);
        break;
    case 3:
        call_on(c, c->root, "checkTwo", pb_build(NULL, "(O)", c->results[1]), NULL);
        break;
    case 4:
        drop(c, 1);
        call_on(c, result(c, 2), "me", NULL, NULL);
        break;
    default:
        drop(c, 2);
        drop(c, 3);
        drop(c, 5);
        call_literal(c, "none", "()", NULL);
    }
}

static void reference_ids_steps(struct client *c, size_t n)
{
    if (n >= 1 && n <= 3) {
        drop_backwards(&c->results[n - 1]);
    }
    switch (n) {
    case 0:
    case 1:
    case 2:
        call_literal(c, "new", "(2,)", NULL);
        break;
    case 3:
        call_literal(c, "named", "()", NULL);
        break;
    case 4:
        call_on(c, c->root, "echo",
                pb_build(NULL, "(O)", pb_item(pb_dict_get(c->results[3], "b"), 1)), NULL);
        break;
    default: {
        pb_value *a = pb_value_ref(pb_dict_get(c->results[3], "a"));
        pb_value *b = pb_value_ref(pb_dict_get(c->results[3], "b"));
        drop(c, 5);
        drop(c, 4);
        drop_backwards(&b);
        pb_value_unref(a);
        call_literal(c, "none", "()", NULL);
    }
    }
}

static void local_back_steps(struct client *c, size_t n)
{
    static const char *const methods[] = {"keep", "back", "echo", "forget", "none"};
    pb_value *args =
        n == 0 || n == 2 ? pb_build(NULL, "(N)", pb_object_value(c->object)) : NULL;
    call_on(c, c->root, methods[n], args, NULL);
}

static void closed_while_waiting_steps(struct client *c, size_t n)
{
    (void)n;
    for (int i = 0; i < 3; i++) {
        call_on(c, c->root, "later", pb_build(NULL, "(i)", i), NULL);
    }
}

static void failures_steps(struct client *c, size_t n)
{
    static const struct {
        const char *method, *args, *kwargs;
    } calls[] = {
        {"refused", "('not today',)", NULL},
        {"worse", "()", NULL},
        {"value", "()", NULL},
        {"key", "()", NULL},
        {"add", "()", NULL},
        {"add", "(1, 2, 3)", NULL},
        {"add", "(1,)", "{'c': 2}"},
        {"add", "(1, 'x')", NULL},
        {"failed", "()", NULL},
    };
    call_literal(c, calls[n].method, calls[n].args, calls[n].kwargs);
}

/* `expected`: the reprs of the results, in order, without those that were released. */
static void replay_to_client(const char *name, const struct chunk *chunks, size_t up_to,
                             steps_fn *step, const char *expected)
{
    for (int single = 0; single < 2; single++) {
        pb_session_config config = {.jelly.profile = twisted_22_4};
        struct client c = {.s = pb_session_client_new(&config, 0)};
        struct service service = {0};
        c.root = pb_session_root(c.s);
        c.object = pb_object_new(&two_class, &service);
        size_t turn = 0;
        for (size_t i = 0; chunks[i].from && (up_to == 0 || i < up_to); i++) {
            if (chunks[i].from == 'S') {
                cr_assert_eq(feed(c.s, chunks[i].hex, single), 0, "%s %zu: %s", name, i,
                             pb_session_error(c.s)->text);
                continue;
            }
            if (i > 1) {
                step(&c, turn++);
            }
            expect(c.s, chunks[i].hex, true, name, i);
        }
        pb_session_close(c.s);
        struct pair *log = calloc(1, sizeof *log);
        for (size_t i = 0; i < sizeof c.results / sizeof *c.results; i++) {
            if (c.results[i]) {
                note_value(log, "", c.results[i]);
            }
            pb_value_unref(c.results[i]);
        }
        cr_assert_str_eq(log->log, expected, "%s: %s", name, log->log);
        free(log);
        pb_remote_unref(c.root);
        pb_object_unref(c.object);
        pb_session_free(c.s);
        cr_assert_eq(pb__test_live(), 0, "%s", name);
    }
}

#define TO_CLIENT(scenario, expected) \
    replay_to_client(#scenario, scenario, 0, scenario##_steps, expected)

PB_TEST(replay, client_calls_as_twisted_does)
{
    TO_CLIENT(one_two, " [1, 2, 3]\n True\n None\n");
    TO_CLIENT(arguments, " 3\n 11\n 7\n 7\n [0, []]\n [20, []]\n [0, ['one']]\n"
                         " [2, ['list', 'three']]\n None\n");
    TO_CLIENT(same_twice, " True\n None\n");
    TO_CLIENT(reference_ids, " None\n");
    TO_CLIENT(local_back,
              " None\n <Referenceable Two>\n <Referenceable Two>\n None\n None\n");
}

#define NO_SUCH_METHOD \
    " 'twisted.spread.flavors.NoSuchMethod: No such method: remote_missing'\n"
#define NO_SUCH_OBJECT " 'twisted.spread.pb.Error: Invalid Object ID'\n"
#define CONNECTION_LOST \
    " 'twisted.spread.pb.PBConnectionLost: Connection was closed cleanly.'\n"

PB_TEST(replay, client_reads_failures_of_twisted)
{
    TO_CLIENT(no_such, NO_SUCH_METHOD NO_SUCH_METHOD NO_SUCH_OBJECT NO_SUCH_OBJECT
              " None\n <RemoteReference 77>\n");
    TO_CLIENT(closed_while_waiting, CONNECTION_LOST CONNECTION_LOST CONNECTION_LOST);
    replay_to_client(
        "failures", failures, 21, failures_steps,
        " 'scenarios.Refused: not today'\n"
        " \"scenarios.Worse: ('worse', 2)\"\n"
        " 'builtins.ValueError: bad value'\n"
        " \"builtins.KeyError: '\xc3\xa9'\"\n"
        " \"builtins.TypeError: Echo.remote_add() missing 1 required positional "
        "argument: "
        "'a'\"\n"
        " 'builtins.TypeError: Echo.remote_add() takes from 2 to 3 positional arguments "
        "but "
        "4 were given'\n"
        " \"builtins.TypeError: Echo.remote_add() got an unexpected keyword argument "
        "'c'\"\n"
        " \"builtins.TypeError: unsupported operand type(s) for +: 'int' and 'str'\"\n"
        " 'builtins.RuntimeError: at once'\n");
}
