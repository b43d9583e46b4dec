/* SPDX-License-Identifier: MIT
 *
 * Failures: what is sent to each kind of peer, what is read from Twisted, and errors of
 * our own. */
#include "libpb/broker/failures.h"
#include "libpb/broker/tests/bytes.h"
#include "libpb/broker/tests/service.h"

/* Stores a failure at the address in user_data. */
static void keep(pb_value *result, pb_failure *f, void *user_data)
{
    cr_assert_null(result);
    *(pb_failure **)user_data = pb_failure_ref(f);
}

/* The state that is sent to a peer of the profile, printed. */
static char *state_sent(pb_profile profile, bool unsafe, const char *mro,
                        const char *text)
{
    struct pair p = {0};
    struct service server;
    service_begin(&server, NULL);
    pb_session_config c = {.jelly.profile = profile, .unsafe_tracebacks = unsafe};
    pb_session_config s = c;
    s.root = server.root;
    pair_open(&p, c, s);
    talk(&p);
    char *printed = NULL;
    pb_failure *failure = NULL;
    pb_remote *root = pb_session_root(p.client);
    pb_value *args = pb_build(NULL, "(ss)", mro, text);
    pb_remote_call_values(root, "fail", args, NULL, NULL, keep, &failure, NULL, NULL);
    talk(&p);
    cr_assert_not_null(failure);
    printed = pb_value_repr(pb_instance_state(pb_failure_value(failure)));
    pb_failure_unref(failure);
    pb_value_unref(args);
    pb_remote_unref(root);
    pair_close_both(&p);
    service_end(&server);
    return printed;
}

PB_TEST(failure, is_sent_as_each_twisted_sends_it)
{
    static const struct {
        pb_profile profile;
        bool unsafe;
        const char *state;
    } rows[] = {
        {{.python_major = 3, .twisted = 2204},
         false,
         "{'count': 1, 'type': b'builtins.KeyError', 'value': 'text', 'captureVars': "
         "False, "
         "'frames': [], 'stack': [], 'tb': None, 'parents': ['builtins.KeyError', "
         "'builtins.LookupError', 'builtins.Exception', 'builtins.BaseException', "
         "'builtins.object'], 'unsafeTracebacks': False, "
         "'traceback': 'Traceback unavailable\\n'}"},
        {{.python_major = 3, .twisted = 2407},
         true,
         "{'count': 1, 'type': b'builtins.KeyError', 'value': 'text', 'captureVars': "
         "False, "
         "'frames': [], 'stack': [], 'tb': None, 'unsafeTracebacks': True, "
         "'parents': ['builtins.KeyError', 'builtins.LookupError', 'builtins.Exception', "
         "'builtins.BaseException', 'builtins.object'], "
         "'traceback': 'Traceback (most recent call last):\\nFailure: builtins.KeyError: "
         "text\\n'}"},
        {{.python_major = 3, .twisted = 2411},
         false,
         "{'count': 1, 'type': b'builtins.KeyError', 'value': 'text', 'captureVars': "
         "False, "
         "'tb': None, 'unsafeTracebacks': False, "
         "'parents': ['builtins.KeyError', 'builtins.LookupError', 'builtins.Exception', "
         "'builtins.BaseException', 'builtins.object'], 'frames': [], 'stack': [], "
         "'traceback': 'Traceback unavailable\\n'}"},
        {{.python_major = 2, .twisted = 2003},
         true,
         "{b'stack': [], b'frames': [], b'captureVars': False, b'count': 1, "
         "b'type': b'exceptions.KeyError', b'tb': None, b'unsafeTracebacks': True, "
         "b'value': b'text', b'traceback': b'Traceback (most recent call last):\\n"
         "Failure: exceptions.KeyError: text\\n', b'parents': [b'exceptions.KeyError', "
         "b'exceptions.LookupError', b'exceptions.StandardError', "
         "b'exceptions.Exception', "
         "b'exceptions.BaseException', b'__builtin__.object']}"},
        {{.python_major = 2, .twisted = 802},
         false,
         "{b'stack': [], b'frames': [], b'count': 1, b'type': b'exceptions.KeyError', "
         "b'tb': None, b'unsafeTracebacks': False, b'value': b'text', "
         "b'traceback': b'Traceback unavailable\\n', b'parents': "
         "[b'exceptions.LookupError', b'exceptions.StandardError', "
         "b'exceptions.Exception', "
         "b'exceptions.BaseException', b'__builtin__.object', b'exceptions.KeyError']}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char *state =
            state_sent(rows[i].profile, rows[i].unsafe, "builtins.KeyError", "text");
        cr_assert_str_eq(state, rows[i].state, "row %zu: %s", i, state);
        pb_free(state);
    }
}

static void bad_text(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    call_root(p, p->client, "later", pb_build(NULL, "()"), NULL);
    talk(p);
    pb_request *r = server.waiting[0];
    cr_assert_eq(pb_request_fail(r, "builtins.ValueError", "a\xff\xc3z%d\xe2\x82", 7), 0);
    cr_assert_eq(pb_request_fail(r, "builtins.ValueError", "again"), PB_ERR_STATE);
    cr_assert_eq(pb_request_answer_steal(r, pb_int(1)), PB_ERR_STATE);
    talk(p);
    close_services(p, &server, NULL);
}

PB_TEST(failure, has_text_that_can_be_sent)
{
    converse(bad_text, "failure 0 builtins.ValueError: a??z7??\n");
}

/* The number that Twisted counts: every Failure that it creates, also those that are
 * logged. */
static void counted(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    static const char *const types[] = {
        "twisted.spread.pb.Error",
        "builtins.KeyError",
        "shop.SoldOut twisted.spread.pb.Error",
        "builtins.ValueError",
        "builtins.ValueError",
    };
    for (size_t i = 0; i < 5; i++) {
        pb_failure *failure = NULL;
        pb_remote *root = pb_session_root(p->client);
        pb_remote_call(root, "fail", keep, &failure, NULL, "ss", types[i], "x");
        pb_remote_unref(root);
        talk(p);
        note_value(p, "count",
                   pb_dict_get(pb_instance_state(pb_failure_value(failure)), "count"));
        pb_failure_unref(failure);
    }
    close_services(p, &server, NULL);
}

PB_TEST(failure, is_counted_as_twisted_counts)
{
    converse(counted, "count 1\ncount 2\ncount 4\ncount 5\ncount 7\n");
}

static void inherited(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_failure *failure = NULL;
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call(root, "fail", keep, &failure, NULL, "ss",
                   "shop.SoldOut shop.Error twisted.spread.pb.Error", "none left");
    pb_remote_unref(root);
    talk(p);
    cr_assert_eq(pb_failure_code(failure), PB_OK);
    cr_assert_str_eq(pb_failure_type(failure), "shop.SoldOut");
    cr_assert_str_eq(pb_failure_text(failure), "none left");
    cr_assert_str_eq(pb_failure_traceback(failure), "Traceback unavailable\n");
    cr_assert(pb_failure_check(failure, "shop.SoldOut"));
    cr_assert(pb_failure_check(failure, "shop.Error"));
    cr_assert(pb_failure_check(failure, "twisted.spread.pb.Error"));
    cr_assert(pb_failure_check(failure, "exceptions.Exception"));
    cr_assert_not(pb_failure_check(failure, "builtins.ValueError"));
    pb_failure_unref(failure);
    close_services(p, &server, NULL);
}

PB_TEST(failure, is_of_its_class_and_its_bases)
{
    converse(inherited, "");
}

/* Reads the content of an error message. */
static pb_failure *read_failure(const char *literal)
{
    pb_error err = {0};
    pb_value *v = pb_value_parse(literal, &err);
    cr_assert_not_null(v, "%s", err.text);
    pb_value *instance = pb_instance(PB__COPYABLE_FAILURE, v);
    pb_failure *f = pb__failure_received(instance);
    pb_value_unref(v);
    pb_value_unref(instance);
    return f;
}

PB_TEST(failure, is_read_from_either_python)
{
    pb_failure *f = read_failure("{'type': b'shop.SoldOut', 'value': 'none left', "
                                 "'parents': ['shop.SoldOut', 'builtins.object'], "
                                 "'traceback': 'here'}");
    cr_assert_str_eq(pb_failure_type(f), "shop.SoldOut");
    cr_assert_str_eq(pb_failure_traceback(f), "here");
    cr_assert(pb_failure_check(f, "builtins.object"));
    pb_failure_unref(f);

    f = read_failure("{b'type': b'shop.SoldOut', b'value': b'none left', "
                     "b'parents': [b'shop.Error', 5], b'traceback': b'here'}");
    cr_assert_str_eq(pb_failure_type(f), "shop.SoldOut");
    cr_assert_str_eq(pb_failure_text(f), "none left");
    cr_assert(pb_failure_check(f, "shop.Error"));
    cr_assert_not(pb_failure_check(f, "5"));
    pb_failure_unref(f);
}

/* A failure whose parents are the value, in place of names. */
static pb_failure *failure_with_parents(pb_value *parents)
{
    pb_value *state =
        pb_build(NULL, "{s:y, s:s, s:N, s:s}", "type", "builtins.SystemExit", "value",
                 "bye", "parents", parents, "traceback", "here");
    pb_value *instance = pb_instance_steal(PB__COPYABLE_FAILURE, state);
    pb_failure *f = pb_failure_from_value(instance);
    pb_value_unref(instance);
    return f;
}

/* Parents of several shapes, in each of which the taster of the client refuses
 * something; NULL behind the last. */
static pb_value *refused_parents(size_t i, struct service *server)
{
    pb_value *cls = pb_name(PB_CLASS, "builtins.SystemExit"), *v = NULL;
    switch (i) {
    case 0: /* what Twisted sends for an exception that is no Exception */
        return pb_build(NULL, "[N]", cls);
    case 1:
        return cls;
    case 2:
        return pb_build(NULL, "[s, [N, (i)], s]", "shop.Error", cls, 1, "shop.Thing");
    case 3:
        v = pb_instance_steal("shop.Thing", pb_build(NULL, "{s:N}", "self", cls));
        return pb_build(NULL, "[s, N]", "shop.Error", v);
    case 4:
        return pb_build(NULL, "{s:N, s:i}", "a", cls, "b", 1);
    case 5:
        return pb_build(NULL, "[N, N, N]", pb_object_value(server->two), cls,
                        pb_object_value(server->two));
    default:
        pb_value_unref(cls);
        return NULL;
    }
}

static void parents_refused(struct pair *p)
{
    struct service server;
    service_begin(&server, NULL);
    pb_taster *all = pb_taster_new();
    pb_taster_allow_all(all);
    pair_open(p, (pb_session_config){0},
              (pb_session_config){.root = server.root, .jelly.taster = all});
    pb_value *parents;
    for (size_t i = 0; (parents = refused_parents(i, &server)); i++) {
        pb_failure *sent = failure_with_parents(parents);
        call_root(p, p->client, "later", pb_build(NULL, "()"), NULL);
        talk(p);
        cr_assert_eq(pb_request_fail_with(server.waiting[0], sent), 0);
        pb_failure_unref(sent);
        pb_request_unref(server.waiting[0]);
        server.waiting[server.waiting_count = 0] = NULL;
        talk(p);
        pb_session_stats stats = {0};
        pb_session_get_stats(p->server, &stats);
        note(p, "%zu exported", stats.exported);
    }
    pair_close_both(p);
    service_end(&server);
    pb_taster_unref(all);
}

/* The taster refuses each of the parents in turn; no memory is left. */
PB_TEST(failure, is_read_whatever_its_parents_are)
{
#define READ "failure 0 builtins.SystemExit: bye\n0 exported\n"
    converse(parents_refused, "client ready\nserver ready\n" READ READ READ READ READ READ
                              "client closed\nserver closed\n");
#undef READ
}

PB_TEST(failure, bears_what_is_missing_or_odd)
{
    pb_failure *f = read_failure("{}");
    cr_assert_str_eq(pb_failure_type(f), "");
    cr_assert_str_eq(pb_failure_text(f), "");
    cr_assert_str_eq(pb_failure_traceback(f), "");
    cr_assert_not(pb_failure_check(f, "shop.SoldOut"));
    pb_failure_unref(f);

    f = read_failure("{'type': 5, 'value': [1, 2], 'parents': 7, 'traceback': None}");
    cr_assert_str_eq(pb_failure_type(f), "");
    cr_assert_str_eq(pb_failure_text(f), "[1, 2]");
    cr_assert_not(pb_failure_check(f, "shop.SoldOut"));
    pb_failure_unref(f);

    f = read_failure("[1]");
    cr_assert_str_eq(pb_failure_type(f), "");
    cr_assert_str_eq(pb_failure_text(f), "");
    pb_failure_unref(f);
}

/* Not a failure but a copy of the exception, or any other value. */
PB_TEST(failure, can_be_any_value)
{
    pb_value *v = pb_instance_steal("shop.SoldOut", pb_build(NULL, "{s:i}", "left", 0));
    pb_failure *f = pb__failure_received(v);
    cr_assert_str_eq(pb_failure_type(f), "shop.SoldOut");
    cr_assert(pb_failure_check(f, "shop.SoldOut"));
    cr_assert_eq(pb_failure_value(f), v);
    cr_assert_neq(*pb_failure_text(f), '\0');
    pb_failure_unref(f);
    pb_value_unref(v);

    f = pb__failure_received(pb_int(5));
    cr_assert_str_eq(pb_failure_type(f), "int");
    cr_assert_str_eq(pb_failure_text(f), "5");
    cr_assert_eq(pb_failure_code(f), PB_OK);
    pb_failure_unref(f);
}

PB_TEST(failure, of_our_own_has_twisteds_name)
{
    pb_failure *f = pb__failure_new(PB_ERR_DEAD, "gone");
    cr_assert_eq(pb_failure_code(f), PB_ERR_DEAD);
    cr_assert_str_eq(pb_failure_type(f), "twisted.spread.pb.DeadReferenceError");
    cr_assert_str_eq(pb_failure_text(f), "gone");
    cr_assert_str_eq(pb_failure_traceback(f), "");
    cr_assert(pb_failure_check(f, "twisted.spread.pb.ProtocolError"));
    cr_assert_not(pb_failure_check(f, "twisted.spread.pb.Error"));
    cr_assert_null(pb_failure_value(f));
    cr_assert_eq(pb_failure_ref(f), f);
    pb_failure_unref(f);
    pb_failure_unref(f);
    pb_failure_unref(NULL);
}

/* If there is no memory for a failure, a constant of the same code is used. */
PB_TEST(failure, needs_no_memory)
{
    pb__test_fail_at(1, true);
    pb_failure *f = pb__failure_new(PB_ERR_LOST, "gone");
    cr_assert_eq(pb_failure_code(f), PB_ERR_LOST);
    cr_assert_str_eq(pb_failure_text(f), "connection lost");
    cr_assert_str_eq(pb_failure_type(f), "twisted.spread.pb.PBConnectionLost");
    pb_failure_unref(pb_failure_ref(f));
    pb_failure_unref(f);
    f = pb__failure_received(pb_int(5));
    cr_assert_eq(pb_failure_code(f), PB_ERR_NOMEM);
    pb_failure_unref(f);
    pb__test_fail_at(0, false);
}

/* A request that is never answered gets an error as its answer. */
static void forgotten(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    call_root(p, p->client, "later", pb_build(NULL, "()"), NULL);
    call_root(p, p->client, "later", pb_build(NULL, "()"), NULL);
    talk(p);
    pb_request_unref(server.waiting[0]);
    cr_assert_eq(pb_request_answer_steal(server.waiting[1], NULL), PB_ERR_ARG);
    server.waiting[0] = NULL;
    talk(p);
    close_services(p, &server, NULL);
}

PB_TEST(failure, is_sent_where_no_answer_is)
{
    converse(forgotten, "failure 0 builtins.RuntimeError: the call was never answered\n"
                        "failure 0 builtins.ValueError: the answer could not be made\n");
}

/* Answers that cannot be sent. */
static void unsendable(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_session_set_limits(p->server, &(pb_limits){.bytes = 60});
    for (int i = 0; i < 2; i++) {
        call_root(p, p->client, "later", pb_build(NULL, "()"), NULL);
    }
    talk(p);
    cr_assert_eq(pb_request_answer_steal(server.waiting[0], pb_name(PB_MODULE, "os")),
                 PB_ERR_TYPE);
    uint8_t text[61] = {0};
    pb_value *pair =
        pb_build(NULL, "[Ny#]", pb_object_value(server.two), (char *)text, sizeof text);
    cr_assert_eq(pb_request_answer_steal(server.waiting[1], pair), PB_ERR_LIMIT);
    talk(p);
    close_services(p, &server, NULL);
}

PB_TEST(failure, is_sent_for_an_answer_that_cannot_be)
{
    converse(
        unsendable,
        "failure 0 builtins.TypeError: Banana cannot send builtins.str objects: 'os'\n"
        "failure 0 twisted.spread.banana.BananaError: byte string is too long to send "
        "(61 bytes, limit 60)\n");
}

/* Names and texts of the peer that contain NUL are not cut there. */
static void with_nul(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_remote *root = pb_session_root(p->client);
    pb_failure *f = NULL;
    pb_value *args = pb_build(NULL, "(ss)", "builtins.ValueError", "x");
    pb_value *kwargs = pb_dict();
    pb_dict_set_value_steal(kwargs, pb_build(NULL, "s#", "text\0s", (size_t)6),
                            pb_int(1));
    pb_remote_call_values(root, "fail", args, kwargs, NULL, keep, &f, NULL, NULL);
    talk(p);
    pb_span text = pb_failure_text_span(f);
    cr_assert_gt(text.len, 8);
    cr_assert_eq(memcmp(text.data + text.len - 8, "'text\0s'", 8), 0, "%s", text.data);
    pb_failure_unref(f);
    pb_value_unref(kwargs);
    pb_value_unref(args);
    call_root(p, p->client, "later", pb_build(NULL, "()"), NULL);
    f = NULL;
    pb_remote_call_values(root, "later", NULL, NULL, NULL, keep, &f, NULL, NULL);
    talk(p);
    static const char nul[] = "a\0b";
    pb_failure *own =
        pb_failure_newn("builtins.ValueError", (pb_span){(const uint8_t *)nul, 3}, NULL);
    cr_assert_eq(pb_failure_text_span(own).len, 3);
    cr_assert_eq(pb_request_fail_with(server.waiting[1], own), 0);
    pb_failure_unref(own);
    talk(p);
    text = pb_failure_text_span(f);
    cr_assert_eq(text.len, 3);
    cr_assert_eq(memcmp(text.data, nul, 3), 0);
    cr_assert_eq(pb_request_fail_with(server.waiting[0], f), 0); /* sent on */
    talk(p);
    pb_failure_unref(f);
    pb_remote_unref(root);
    close_services(p, &server, NULL);
}

PB_TEST(failure, text_may_contain_nul)
{
    static const char log[] = "failure 0 builtins.ValueError: a\n";
    converse(with_nul, log);
    cr_assert_eq(pb_failure_text_span(NULL).len, 0);
}

/* remote_x is there; x, NUL, y is another method. */
PB_TEST(failure, method_with_nul_does_not_exist)
{
    static const char method[] = "07801a8701810482726f6f740382780079018101800b8701800587";
    static const uint8_t wanted[] = "No such method: remote_x\0y";
    for (int single = 0; single < 2; single++) {
        static const pb_method methods[] = {{"x", serve_none}, {0}};
        static const pb_class cls = {.name = "Root", .remote = methods};
        pb_session_config c = {.root = pb_object_new(&cls, NULL)};
        pb_session *s = pb_session_server_new(&c, 0);
        cr_assert_eq(feed(s, "02827062028013870681", single), 0);
        cr_assert_eq(feed(s, method, single), 0);
        pb_span out = pb_session_send(s);
        size_t n = sizeof wanted - 1;
        size_t at = 0;
        while (at + n <= out.len && memcmp(out.data + at, wanted, n) != 0) {
            at++;
        }
        cr_assert_leq(at + n, out.len);
        pb_session_free(s);
        pb_object_unref(c.root);
        cr_assert_eq(pb__test_live(), 0);
    }
}

static int make_failure(void *user_data)
{
    (void)user_data;
    pb_failure *f = pb_failure_newn("shop.SoldOut shop.Error", BYTES("no\0ne"), "line 1");
    if (!f) {
        return PB_ERR_NOMEM;
    }
    cr_assert_str_eq(pb_failure_type(f), "shop.SoldOut");
    cr_assert_eq(pb_failure_text_span(f).len, 5);
    cr_assert_str_eq(pb_failure_traceback(f), "line 1");
    pb_failure_unref(f);
    return 0;
}

PB_TEST(failure, is_made_without_memory)
{
    pb__test_each_failure(make_failure, NULL);
}
