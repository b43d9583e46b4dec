/* SPDX-License-Identifier: MIT
 *
 * Calls: arguments both ways, answers in any order, no answer, timeouts, cancelling. */
#include "libpb/broker/calls.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/service.h"

static void arguments(struct pair *p)
{
    struct service server, client;
    open_services(p, &server, &client);
    call_root(p, p->client, "echo", pb_build(NULL, "(iOs)", 1, pb_none(), "two"), NULL);
    call_root(p, p->client, "echo", pb_build(NULL, "()"),
              pb_build(NULL, "{s:i}", "x", 5));
    call_root(p, p->server, "echo", pb_build(NULL, "([iii])", 1, 2, 3), NULL);
    call_root(p, p->server, "none", pb_build(NULL, "()"), NULL);
    talk(p);
    close_services(p, &server, &client);
}

PB_TEST(call, carries_arguments_both_ways)
{
    converse(arguments, "echo (1, None, 'two')\n"
                        "echo ()\n"
                        "echo ([1, 2, 3],)\n"
                        "answer 1\n"
                        "answer 5\n"
                        "answer [1, 2, 3]\n"
                        "answer None\n");
}

static void by_format(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_remote *root = pb_session_root(p->client);
    pb_error err = {0};
    cr_assert_eq(pb_remote_call(root, "echo", noted, p, &err, "i", 12), 0);
    cr_assert_eq(pb_remote_call(root, "echo", noted, p, &err, ""), 0);
    cr_assert_eq(pb_remote_call(root, "echo", noted, p, NULL, "(ii)s", 1, 2, "x"), 0);
    cr_assert_eq(pb_remote_call(root, "echo", noted, p, NULL, "i, y=s", 1, "named"), 0);
    cr_assert_eq(pb_remote_call(root, "echo", noted, p, NULL, "x=[i]", 1), 0);
    cr_assert_eq(pb_remote_call(root, "echo", noted, p, NULL, "x=i, i", 1, 2),
                 PB_ERR_ARG);
    cr_assert_eq(pb_remote_call(root, "echo", noted, p, NULL, "?"), PB_ERR_ARG);
    cr_assert_eq(pb_remote_call(root, "echo", noted, p, &err, "N", NULL), PB_ERR_ARG);
    cr_assert_eq(err.code, PB_ERR_ARG);
    pb_remote_unref(root);
    talk(p);
    close_services(p, &server, NULL);
}

PB_TEST(call, builds_arguments_by_format)
{
    converse(by_format, "echo (12,)\n"
                        "echo ()\n"
                        "echo ((1, 2), 'x')\n"
                        "echo (1,)\n"
                        "echo ()\n"
                        "answer 12\n"
                        "answer None\n"
                        "answer (1, 2)\n"
                        "answer 1\n"
                        "answer [1]\n");
}

static void in_any_order(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    for (int i = 0; i < 3; i++) {
        call_root(p, p->client, "later", pb_build(NULL, "(i)", i), NULL);
    }
    call_root(p, p->client, "echo", pb_build(NULL, "(s)", "now"), NULL);
    talk(p);
    answer_later(&server, 2, NULL);
    answer_later(&server, 0, "shop.SoldOut");
    talk(p);
    pb_session_stats stats;
    pb_session_get_stats(p->client, &stats);
    note(p, "pending %zu", stats.pending);
    pb_session_get_stats(p->server, &stats);
    note(p, "serving %zu", stats.serving);
    answer_later(&server, 1, NULL);
    talk(p);
    close_services(p, &server, NULL);
}

PB_TEST(call, is_answered_now_or_later_in_any_order)
{
    converse(in_any_order, "echo ('now',)\n"
                           "answer 'now'\n"
                           "answer 2\n"
                           "failure 0 shop.SoldOut: late\n"
                           "pending 1\n"
                           "serving 1\n"
                           "answer 1\n");
}

static void no_answer(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_remote *root = pb_session_root(p->client);
    const pb_call_options quiet = {.no_answer = true};
    pb_value *args = pb_build(NULL, "(i)", 7);
    cr_assert_eq(
        pb_remote_call_values(root, "echo", args, NULL, &quiet, NULL, NULL, NULL, NULL),
        0);
    pb_remote_call_values(root, "missing", args, NULL, &quiet, NULL, NULL, NULL, NULL);
    pb_remote_call_values(root, "return", args, NULL, &quiet, NULL, NULL, NULL, NULL);
    pb_remote_call_values(root, "later", args, NULL, &quiet, NULL, NULL, NULL, NULL);
    pb_remote_call_values(root, "later", args, NULL, &quiet, NULL, NULL, NULL, NULL);
    pb_remote_unref(root);
    pb_value_unref(args);
    talk(p);
    cr_assert_not(pb_request_wants_answer(server.waiting[0]));
    answer_later(&server, 0, NULL);
    answer_later(&server, 1, "shop.SoldOut");
    call_root(p, p->client, "none", pb_build(NULL, "()"), NULL);
    talk(p);
    close_services(p, &server, NULL);
}

PB_TEST(call, needs_no_answer)
{
    converse(no_answer, "echo (7,)\nanswer None\n");
}

static void returns(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    static const int codes[] = {0, PB_ERR_NOMEM, PB_ERR_RANGE, PB_ERR_STATE, 7};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        call_root(p, p->client, "return", pb_build(NULL, "(i)", codes[i]), NULL);
    }
    call_root(p, p->client, "return", pb_build(NULL, "(s)", "x"), NULL);
    call_root(p, p->client, "return", pb_build(NULL, "(ii)", 1, 2), NULL);
    call_root(p, p->client, "return", pb_build(NULL, "(i)", 1),
              pb_build(NULL, "{s:i}", "x", 1));
    call_root(p, p->client, "new", pb_build(NULL, "(i)", -1), NULL);
    talk(p);
    close_services(p, &server, NULL);
}

PB_TEST(call, ends_with_what_the_method_returns)
{
    converse(
        returns,
        "answer None\n"
        "failure 0 builtins.MemoryError: out of memory\n"
        "failure 0 builtins.OverflowError: number out of range\n"
        "failure 0 builtins.RuntimeError: not possible now\n"
        "failure 0 builtins.ValueError: the method returned 7, which is not an error "
        "code\n"
        "failure 0 builtins.TypeError: Service.remote_return() argument 1: int expected, "
        "got str\n"
        "failure 0 builtins.TypeError: Service.remote_return() takes 2 positional "
        "arguments but 3 were given\n"
        "failure 0 builtins.TypeError: Service.remote_return() got an unexpected keyword "
        "argument 'x'\n"
        "answer []\n");
}

static void time_outs(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_remote *root = pb_session_root(p->client);
    pb_value *two = pb_build(NULL, "(N)", pb_object_value(server.two));
    static const int64_t timeouts[] = {300, 100, 200, 0};
    for (size_t i = 0; i < 4; i++) {
        const pb_call_options o = {.timeout = timeouts[i]};
        pb_value *args = pb_build(NULL, "(L)", timeouts[i]);
        pb_remote_call_values(root, "later", args, NULL, &o, noted, p, NULL, NULL);
        pb_value_unref(args);
    }
    pb_value_unref(two);
    /* The clock starts when the driver calls next. */
    cr_assert_leq(pb_session_deadline(p->client), p->now);
    p->now += 10000;
    talk(p);
    cr_assert_eq(pb_session_deadline(p->client), p->now + 100);
    later(p, 99);
    note(p, "99");
    later(p, 1);
    note(p, "100");
    cr_assert_eq(pb_session_deadline(p->client), p->now + 100);
    later(p, 500);
    note(p, "600");
    cr_assert_eq(pb_session_deadline(p->client), INT64_MAX);
    for (size_t i = 0; i < 4; i++) {
        answer_later(&server, i, i == 0 ? "shop.SoldOut" : NULL);
    }
    talk(p);
    pb_remote_unref(root);
    close_services(p, &server, NULL);
}

#define TIMED_OUT                                                                    \
    "failure -11 twisted.internet.defer.TimeoutError: the call was not answered in " \
    "time\n"

PB_TEST(call, times_out)
{
    converse(time_outs, "99\n" TIMED_OUT "100\n" TIMED_OUT TIMED_OUT "600\nanswer 0\n");
}

/* The answers to calls that were given up hold references, which are released. */
static void cancelled(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_remote *root = pb_session_root(p->client);
    pb_call *call;
    pb_remote_call_values(root, "same", NULL, NULL, NULL, noted, p, &call, NULL);
    pb_call_cancel(call);
    pb_session_stats stats;
    pb_session_get_stats(p->client, &stats);
    note(p, "pending %zu", stats.pending);
    talk(p);
    pb_session_get_stats(p->server, &stats);
    note(p, "exported %zu", stats.exported);
    pb_remote_unref(root);
    close_services(p, &server, NULL);
}

PB_TEST(call, is_cancelled_and_its_late_answer_dropped)
{
    converse(cancelled,
             "failure -12 twisted.internet.defer.CancelledError: the call was cancelled\n"
             "pending 0\n"
             "exported 0\n");
}

/* A call that is cancelled in its own callback, from which also the end of the session,
 * another cancellation or an answer may run it. */
struct own {
    struct pair *p;
    pb_call *call;
};

static void cancels_itself(pb_value *result, pb_failure *failure, void *user_data)
{
    struct own *own = user_data;
    noted(result, failure, own->p);
    pb_call_cancel(own->call);
    pb_call_cancel(own->call);
}

static void cancelled_in_callback(struct pair *p)
{
    struct service server;
    struct own own[5] = {{p, NULL}, {p, NULL}, {p, NULL}, {p, NULL}, {p, NULL}};
    const pb_call_options soon = {.timeout = 10};
    pb_session_stats stats;
    open_services(p, &server, NULL);
    pb_remote *root = pb_session_root(p->client);
    const char *const methods[] = {"same", "later", "same", "none", "later"};
    for (size_t i = 0; i < 5; i++) {
        cr_assert_eq(pb_remote_call_values(root, methods[i], NULL, NULL,
                                           i == 1 ? &soon : NULL, cancels_itself, &own[i],
                                           &own[i].call, NULL),
                     0);
    }
    pb_call_cancel(own[2].call);
    pb_session_get_stats(p->client, &stats);
    note(p, "pending %zu", stats.pending);
    talk(p);
    later(p, 20);
    pb_session_get_stats(p->client, &stats);
    note(p, "pending %zu", stats.pending);
    pb_session_lost(p->client, NULL);
    pb_session_lost(p->server, NULL);
    pb_remote_unref(root);
    close_services(p, &server, NULL);
}

PB_TEST(call, is_not_cancelled_in_its_own_callback)
{
    converse(
        cancelled_in_callback,
        "failure -12 twisted.internet.defer.CancelledError: the call was cancelled\n"
        "pending 4\n"
        "answer [<RemoteReference 1>, <RemoteReference 1>]\n"
        "answer None\n"
        "failure -11 twisted.internet.defer.TimeoutError: the call was not answered in "
        "time\n"
        "pending 1\n"
        "failure -10 twisted.spread.pb.PBConnectionLost: the peer closed the "
        "connection\n"
        "client closed -10 : the peer closed the connection\n"
        "server closed -10 : the peer closed the connection\n");
}

PB_TEST(call, is_refused_before_anything_is_sent)
{
    struct pair p = {0};
    struct service server;
    open_services(&p, &server, NULL);
    pb_remote *root = pb_session_root(p.client);
    pb_value *list = pb_list(), *empty = pb_build(NULL, "()");
    pb_value *keys = pb_build(NULL, "{i:i}", 1, 2);
    const pb_call_options quiet = {.no_answer = true};
    struct {
        int code;
        pb_remote *to;
        pb_value *args, *kwargs;
        const pb_call_options *options;
        const char *text;
    } rows[] = {
        {PB_ERR_ARG, NULL, empty, NULL, NULL, "the reference to call is NULL"},
        {PB_ERR_ARG, root, empty, NULL, &quiet,
         "a call without an answer cannot have a callback"},
        {PB_ERR_TYPE, root, list, NULL, NULL, "the arguments must be a tuple, not list"},
        {PB_ERR_TYPE, root, empty, list, NULL,
         "the keyword arguments must be a dict, not list"},
        {PB_ERR_TYPE, root, empty, keys, NULL, "keywords must be strings"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_error err = {0};
        cr_assert_eq(pb_remote_call_values(rows[i].to, "echo", rows[i].args,
                                           rows[i].kwargs, rows[i].options, noted, &p,
                                           NULL, &err),
                     rows[i].code);
        cr_assert_eq(err.code, rows[i].code);
        cr_assert_str_eq(err.text, rows[i].text);
        cr_assert_eq(pb_session_send(p.client).len, 0);
    }
    pb_value_unref(list);
    pb_value_unref(empty);
    pb_value_unref(keys);
    pb_session_close(p.client);
    pb_error err = {0};
    cr_assert_eq(pb_remote_call(root, "echo", noted, &p, &err, ""), PB_ERR_DEAD);
    cr_assert_str_eq(err.text, "Calling Stale Broker");
    cr_assert_null(pb_remote_session(root));
    pb_remote_unref(root);
    close_services(&p, &server, NULL);
}

/* A request's number is used up even if banana refuses the arguments, as in Twisted. */
static void numbers(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    pb_remote *root = pb_session_root(p->client);
    pb_session_set_limits(p->client, &(pb_limits){.bytes = 10});
    pb_error err = {0};
    cr_assert_eq(pb_remote_call(root, "echo", noted, p, &err, "s", "longer than ten"),
                 PB_ERR_LIMIT);
    note(p, "%s", err.text);
    cr_assert_eq(p->client->calls->last_request, 1);
    cr_assert_eq(pb_remote_call(root, "echo", noted, p, NULL, "s", "short"), 0);
    pb_remote_unref(root);
    talk(p);
    close_services(p, &server, NULL);
}

PB_TEST(call, goes_on_after_arguments_that_are_too_long)
{
    converse(numbers, "byte string is too long to send (15 bytes, limit 10)\n"
                      "echo ('short',)\n"
                      "answer 'short'\n");
}

/* Python 2 has names of keywords as bare strings. */
PB_TEST(call, names_keywords_as_the_peer_does)
{
    const struct {
        pb_profile profile;
        pb_span bytes;
    } rows[] = {
        {{.python_major = 3},
         BYTES("\x07\x80\x1a\x87\x01\x81\x04\x82root\x04\x82none\x01\x81\x01\x80\x0b\x87"
               "\x02\x80\x05\x87\x02\x80\x02\x80\x07\x82unicode\x01\x82x\x05\x81")},
        {{.python_major = 2},
         BYTES("\x07\x80\x1a\x87\x01\x81\x04\x82root\x04\x82none\x01\x81\x01\x80\x0b\x87"
               "\x02\x80\x05\x87\x02\x80\x01\x82x\x05\x81")},
    };
    for (size_t i = 0; i < 2; i++) {
        for (int bare = 0; bare < 2; bare++) {
            struct pair p = {0};
            pb_session_config c = {.jelly.profile = rows[i].profile};
            pair_open(&p, c, c);
            talk(&p);
            call_root(&p, p.client, "none", pb_build(NULL, "()"),
                      pb_build(NULL, bare ? "{y:i}" : "{s:i}", "x", 5));
            pb_span out = pb_session_send(p.client);
            cr_assert_eq(out.len, rows[i].bytes.len, "%zu", out.len);
            cr_assert_arr_eq(out.data, rows[i].bytes.data, out.len);
            pb_session_free(p.client);
            pb_session_free(p.server);
        }
    }
}
