/* SPDX-License-Identifier: MIT
 *
 * Negotiation in both roles, byte for byte, and all of its errors. */
#include "libpb/broker/tests/service.h"

/* Takes the output of a session, which must be this. */
static void says(pb_session *s, pb_span expected)
{
    pb_span out = pb_session_send(s);
    cr_assert_eq(out.len, expected.len, "%zu bytes", out.len);
    cr_assert(out.len == 0 || memcmp(out.data, expected.data, out.len) == 0);
    pb_session_sent(s, out.len, 0);
}

static void ends_with(pb_session *s, int code, const char *where, const char *text)
{
    const pb_error *e = pb_session_error(s);
    cr_assert_eq(e->code, code, "%d %s", e->code, e->text);
    cr_assert_str_eq(e->where, where);
    cr_assert_str_eq(e->text, text);
    cr_assert(pb_session_is_closed(s));
    cr_assert_neq(pb_session_recv(s, BYTES("\x00\x81"), 0), 0);
}

static void greet(struct pair *p)
{
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){0}));
    cr_assert_not(pb_session_is_ready(p->client));
    talk(p);
    cr_assert(pb_session_is_ready(p->client) && pb_session_is_ready(p->server));
    cr_assert_eq(pb_session_deadline(p->client), INT64_MAX);
    pair_close_both(p);
}

PB_TEST(negotiate, makes_both_ready)
{
    converse(greet, "client ready\nserver ready\nclient closed\nserver closed\n");
}

PB_TEST(negotiate, speaks_as_twisted_does_as_server)
{
    pb_session *s = pb_session_server_new(&(pb_session_config){0}, 0);
    says(s, BYTES("\x02\x80\x02\x82pb\x04\x82none"));
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pb"), 0), 0);
    says(s, BYTES("\x02\x80\x13\x87\x06\x81"));
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80\x13\x87\x06\x81"), 0), 0);
    says(s, BYTES(""));
    pb_session_free(s);
}

PB_TEST(negotiate, speaks_as_twisted_does_as_client)
{
    pb_session *s = pb_session_client_new(&(pb_session_config){0}, 0);
    says(s, BYTES(""));
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80\x02\x82pb\x04\x82none"), 0), 0);
    says(s, BYTES("\x02\x82pb\x02\x80\x13\x87\x06\x81"));
    pb_session_free(s);
}

PB_TEST(negotiate, takes_the_first_dialect_that_it_knows)
{
    pb_session *s = pb_session_client_new(&(pb_session_config){0}, 0);
    pb_span offer = BYTES("\x03\x80\x06\x82"
                          "future\x04\x82none\x02\x82pb");
    cr_assert_eq(pb_session_recv(s, offer, 0), 0);
    says(s, BYTES("\x04\x82none\x02\x80\x07\x82version\x06\x81"));
    pb_session_free(s);
}

PB_TEST(negotiate, ends_where_no_dialect_is_known)
{
    pb_session *s = pb_session_client_new(&(pb_session_config){0}, 0);
    cr_assert_eq(pb_session_recv(s,
                                 BYTES("\x01\x80\x06\x82"
                                       "future"),
                                 0),
                 PB_ERR_PROTOCOL);
    ends_with(s, PB_ERR_PROTOCOL, "message 1", "the peer offers no known dialect");
    pb_session_free(s);

    s = pb_session_client_new(&(pb_session_config){0}, 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pb"), 0), PB_ERR_PROTOCOL);
    ends_with(s, PB_ERR_PROTOCOL, "message 1",
              "the peer did not begin with a list of dialects");
    pb_session_free(s);

    s = pb_session_server_new(&(pb_session_config){0}, 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pc"), 0), PB_ERR_PROTOCOL);
    ends_with(s, PB_ERR_PROTOCOL, "message 1",
              "the peer chose a dialect that was not offered");
    pb_session_free(s);
}

/* Words of the vocabulary have no number before the negotiation, nor in dialect none. */
PB_TEST(negotiate, ends_at_a_word_where_there_is_no_vocabulary)
{
    pb_session *s = pb_session_server_new(&(pb_session_config){0}, 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x13\x87"), 0), PB_ERR_PROTOCOL);
    ends_with(s, PB_ERR_PROTOCOL, "message 1",
              "VOCAB 19 in a dialect without vocabulary");
    pb_session_free(s);

    s = pb_session_server_new(&(pb_session_config){0}, 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x04\x82none"), 0), 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80\x13\x87\x06\x81"), 0),
                 PB_ERR_PROTOCOL);
    ends_with(s, PB_ERR_PROTOCOL, "message 2",
              "VOCAB 19 in a dialect without vocabulary");
    pb_session_free(s);

    pb_session_config old = {.jelly = {.profile = {.python_major = 2, .twisted = 802}}};
    s = pb_session_server_new(&old, 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x04\x82none"), 0), 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80\x13\x87\x06\x81"), 0), 0);
    pb_session_free(s);
}

PB_TEST(negotiate, ends_at_another_version)
{
    pb_session *s = pb_session_server_new(&(pb_session_config){0}, 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pb\x02\x80\x13\x87\x07\x81"), 0),
                 PB_ERR_PROTOCOL);
    ends_with(s, PB_ERR_PROTOCOL, "message 2: version.version",
              "Version Incompatibility: 6 7");
    cr_assert_eq(pb_session_error(s)->offset, 6);
    pb_session_free(s);

    s = pb_session_server_new(&(pb_session_config){0}, 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pb\x02\x80\x13\x87\x01\x82x"), 0),
                 PB_ERR_PROTOCOL);
    ends_with(s, PB_ERR_PROTOCOL, "message 2: version.version",
              "the version is not a number");
    pb_session_free(s);
}

PB_TEST(negotiate, ends_when_something_else_answers)
{
    pb_session *s = pb_session_client_new(&(pb_session_config){0}, 0);
    pb_span http = BYTES("HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"
                         "Connection: close\r\n\r\n");
    cr_assert_eq(pb_session_recv(s, http, 0), PB_ERR_LIMIT);
    ends_with(s, PB_ERR_LIMIT, "message 1",
              "Security precaution: more than 64 bytes of prefix");
    pb_session_free(s);
}

PB_TEST(negotiate, does_not_wait_for_ever)
{
    pb_session *s = pb_session_client_new(&(pb_session_config){0}, 1000);
    cr_assert_eq(pb_session_deadline(s), 31000);
    cr_assert_eq(pb_session_tick(s, 30999), 0);
    cr_assert_eq(pb_session_tick(s, 31000), PB_ERR_TIMEOUT);
    ends_with(s, PB_ERR_TIMEOUT, "", "the peer did not negotiate in time");
    cr_assert_eq(pb_session_deadline(s), INT64_MAX);
    pb_session_free(s);

    s = pb_session_server_new(&(pb_session_config){.negotiation_timeout = 5}, 1000);
    cr_assert_eq(pb_session_deadline(s), 1005);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pb"), 1004), 0);
    cr_assert_eq(pb_session_deadline(s), 1005, "the version is still to come");
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80\x13\x87\x06\x81"), 1004), 0);
    cr_assert_eq(pb_session_deadline(s), INT64_MAX);
    cr_assert_eq(pb_session_tick(s, 5000), 0);
    pb_session_free(s);

    s = pb_session_server_new(&(pb_session_config){.negotiation_timeout = 5}, 1000);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pb"), 1004), 0);
    cr_assert_eq(pb_session_tick(s, 1005), PB_ERR_TIMEOUT);
    ends_with(s, PB_ERR_TIMEOUT, "", "the peer did not negotiate in time");
    pb_session_free(s);

    s = pb_session_client_new(&(pb_session_config){.negotiation_timeout = -1}, 1000);
    cr_assert_eq(pb_session_deadline(s), INT64_MAX);
    pb_session_free(s);
}

/* A server that has negotiated at that time. */
static pb_session *negotiated(pb_session_config c, int64_t now)
{
    pb_session *s = pb_session_server_new(&c, now);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pb\x02\x80\x13\x87\x06\x81"), now), 0);
    cr_assert_eq(pb_session_deadline(s), INT64_MAX, "a quiet peer may stay");
    return s;
}

/* Half a message has to be continued, however slowly; not while this side does not
 * read. */
PB_TEST(negotiate, does_not_wait_for_the_rest_of_a_message_for_ever)
{
    pb_session *s = negotiated((pb_session_config){0}, 1000);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80"), 2000), 0);
    cr_assert_eq(pb_session_deadline(s), 122000);
    cr_assert_eq(pb_session_tick(s, 121999), 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x1d"), 121999), 0);
    cr_assert_eq(pb_session_deadline(s), 241999);
    pb_session_pause(s);
    cr_assert_eq(pb_session_tick(s, 241999), 0);
    pb_session_resume(s);
    cr_assert_eq(pb_session_tick(s, 361999), PB_ERR_TIMEOUT);
    ends_with(s, PB_ERR_TIMEOUT, "", "the peer stopped in the middle of a message");
    pb_session_free(s);

    s = negotiated((pb_session_config){.message_timeout = 5}, 1000);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80\x1d"), 2000), 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x87\x01\x81"), 2004), PB_ERR_PROTOCOL);
    pb_session_free(s);

    s = negotiated((pb_session_config){.message_timeout = -1}, 1000);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80"), 2000), 0);
    cr_assert_eq(pb_session_deadline(s), INT64_MAX);
    pb_session_free(s);
}

/* Calls that are made before the session is ready are sent in order; one that was
 * cancelled is not sent, and one that cannot be sent fails. */
static void early(struct pair *p)
{
    struct service service;
    service_begin(&service, p);
    pair_open(p, (pb_session_config){0}, (pb_session_config){.root = service.root});
    pb_remote *root = pb_session_root(p->client);
    pb_value *a = pb_build(NULL, "(i)", 1);
    pb_value *bad = pb_build(NULL, "(N)", pb_name(PB_MODULE, "os"));
    pb_call *call;
    const pb_call_options quiet = {.no_answer = true}, soon = {.timeout = 50};
    cr_assert_eq(pb_remote_call_values(root, "echo", a, NULL, NULL, noted, p, NULL, NULL),
                 0);
    cr_assert_eq(
        pb_remote_call_values(root, "echo", bad, NULL, NULL, noted, p, NULL, NULL), 0);
    cr_assert_eq(
        pb_remote_call_values(root, "echo", NULL, NULL, &soon, noted, p, &call, NULL), 0);
    cr_assert_eq(
        pb_remote_call_values(root, "echo", a, NULL, &quiet, NULL, NULL, NULL, NULL), 0);
    cr_assert_eq(
        pb_remote_call_values(root, "none", NULL, NULL, &soon, noted, p, NULL, NULL), 0);
    pb_remote_unref(root);
    pb_value_unref(a);
    pb_value_unref(bad);
    pb_call_cancel(call);
    talk(p);
    pair_close_both(p);
    service_end(&service);
}

PB_TEST(negotiate, keeps_calls_that_come_early)
{
    converse(
        early,
        "failure -12 twisted.internet.defer.CancelledError: the call was cancelled\n"
        "failure -3 builtins.TypeError: Banana cannot send builtins.str objects: 'os'\n"
        "client ready\n"
        "server ready\n"
        "echo (1,)\n"
        "echo (1,)\n"
        "answer 1\n"
        "answer None\n"
        "client closed\n"
        "server closed\n");
}

/* They fail, in order, if the session never becomes ready. */
PB_TEST(negotiate, fails_early_calls_when_it_ends)
{
    struct pair p = {0};
    pair_open(&p, (pb_session_config){.negotiation_timeout = 10}, (pb_session_config){0});
    call_root(&p, p.client, "one", pb_build(NULL, "()"), NULL);
    call_root(&p, p.client, "two", pb_build(NULL, "()"), NULL);
    pb_session_tick(p.client, 10);
    pb_session_free(p.client);
    pb_session_free(p.server);
    cr_assert_str_eq(p.log, "failure -10 twisted.spread.pb.PBConnectionLost: "
                            "the peer did not negotiate in time\n"
                            "failure -10 twisted.spread.pb.PBConnectionLost: "
                            "the peer did not negotiate in time\n"
                            "client closed -11 : the peer did not negotiate in time\n"
                            "server closed\n");
}

PB_TEST(negotiate, knows_the_dialects_that_it_is_told)
{
    pb_session_config c = {.dialects = {PB_DIALECT_NONE, PB_DIALECT_PB}};
    pb_session *s = pb_session_server_new(&c, 0);
    says(s, BYTES("\x02\x80\x04\x82none\x02\x82pb"));
    pb_session_free(s);

    c.dialects[1] = PB_DIALECT_UNKNOWN;
    s = pb_session_server_new(&c, 0);
    says(s, BYTES("\x01\x80\x04\x82none"));
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pb"), 0), PB_ERR_PROTOCOL);
    ends_with(s, PB_ERR_PROTOCOL, "message 1",
              "the peer chose a dialect that was not offered");
    pb_session_free(s);

    s = pb_session_client_new(&c, 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80\x02\x82pb\x04\x82none"), 0), 0);
    says(s, BYTES("\x04\x82none\x02\x80\x07\x82version\x06\x81"));
    pb_session_free(s);
}
