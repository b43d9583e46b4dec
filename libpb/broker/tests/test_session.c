/* SPDX-License-Identifier: MIT
 *
 * The life of a session: malformed messages, ends from every side and from within
 * callbacks, back-pressure, and what a driver sees. */
#include "libpb/base/buf.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/tests/service.h"
#include "pb/local.h"

/* A server that has negotiated, and whose output has been taken. */
static pb_session *ready_server(pb_session_config c)
{
    pb_session *s = pb_session_server_new(&c, 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pb"), 0), 0);
    pb_session_sent(s, pb_session_send(s).len, 0);
    return s;
}

static const struct {
    const char *where, *text;
    pb_span bytes;
} malformed[] = {
#define ROW(place, message, literal)                        \
    {                                                       \
        place, message,                                     \
        {                                                   \
            (const uint8_t *)(literal), sizeof(literal) - 1 \
        }                                                   \
    }
    ROW("message 2", "Non-list expression received.", "\x05\x81"),
    ROW("message 2", "Non-list expression received.", "\x03\x82xyz"),
    ROW("message 2", "a message without a command", "\x00\x80"),
    ROW("message 2", "the command is not a byte string", "\x02\x80\x01\x81\x02\x81"),
    ROW("message 2", "unknown command b'frobnicate'",
        "\x02\x80\x0a\x82"
        "frobnicate\x01\x81"),
    ROW("message 2", "unknown command b'\\xff\\xfe'", "\x02\x80\x02\x82\xff\xfe\x01\x81"),
    ROW("message 2: decref", "0 members after the command instead of 1",
        "\x01\x80\x1d\x87"),
    ROW("message 2: decref.object", "decref of 99: the peer holds no reference to it",
        "\x02\x80\x1d\x87\x63\x81"),
    ROW("message 2: decref.object", "the object of decref is not a number",
        "\x02\x80\x1d\x87\x04\x82root"),
    ROW("message 2: answer.request", "there is no such request",
        "\x03\x80\x1b\x87\x63\x81\x01\x81"),
    ROW("message 2: error.request", "there is no such request",
        "\x03\x80\x1c\x87\x01\x82x\x01\x81"),
    ROW("message 2: error", "1 members after the command instead of 2",
        "\x02\x80\x1c\x87\x01\x81"),
    ROW("message 2: message", "4 members after the command instead of 6",
        "\x05\x80\x1a\x87\x01\x81\x04\x82root\x04\x82none\x01\x81"),
    ROW("message 2: message", "7 members after the command instead of 6",
        "\x08\x80\x1a\x87\x01\x81\x04\x82root\x04\x82none\x01\x81"
        "\x01\x80\x0b\x87\x01\x80\x05\x87\x05\x81"),
    ROW("message 2: message.request", "the number of the request is not a number",
        "\x07\x80\x1a\x87\x01\x80\x01\x87\x04\x82root\x04\x82none\x01\x81"
        "\x01\x80\x0b\x87\x01\x80\x05\x87"),
    ROW("message 2: message.method", "the name of the method is not UTF-8 text",
        "\x07\x80\x1a\x87\x01\x81\x04\x82root\x05\x81\x01\x81\x01\x80\x0b\x87\x01\x80\x05"
        "\x87"),
    ROW("message 2: message.method", "the name of the method is not UTF-8 text",
        "\x07\x80\x1a\x87\x01\x81\x04\x82root\x01\x82\xff\x01\x81\x01\x80\x0b\x87\x01\x80"
        "\x05"
        "\x87"),
    ROW("message 2: message.object", "b'what'",
        "\x07\x80\x1a\x87\x01\x81\x01\x80\x04\x82what\x04\x82none\x01\x81\x01\x80\x0b\x87"
        "\x01\x80\x05\x87"),
    ROW("message 2: version", "2 members after the command instead of 1",
        "\x03\x80\x13\x87\x06\x81\x06\x81"),
    ROW("message 2", "Invalid Type Byte 0x88", "\x01\x88"),
    ROW("message 2: args[0]['key'][3]", "Invalid Type Byte 0x88",
        "\x07\x80\x1a\x87\x01\x81\x04\x82root\x04\x82none\x01\x81"
        "\x02\x80\x0b\x87\x02\x80\x05\x87\x02\x80\x02\x80\x07\x82unicode\x03\x82key"
        "\x05\x80\x08\x87\x01\x81\x02\x81\x03\x81\x01\x88"),
#undef ROW
};

PB_TEST(session, ends_at_a_malformed_message)
{
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++) {
        pb_span bytes = malformed[i].bytes;
        for (size_t cut = 0; cut < bytes.len; cut++) {
            pb_session *s = ready_server((pb_session_config){0});
            cr_assert_eq(pb_session_recv(s, (pb_span){bytes.data, cut}, 0), 0);
            int e = pb_session_recv(s, (pb_span){bytes.data + cut, bytes.len - cut}, 0);
            const pb_error *why = pb_session_error(s);
            cr_assert_neq(e, 0, "row %zu", i);
            cr_assert_eq(e, why->code);
            cr_assert_str_eq(why->where, malformed[i].where, "row %zu: %s", i,
                             why->where);
            cr_assert_str_eq(why->text, malformed[i].text, "row %zu: %s", i, why->text);
            cr_assert_eq(pb_session_send(s).len, 0);
            cr_assert_eq(pb_session_recv(s, bytes, 0), e);
            pb_session_free(s);
        }
    }
}

/* Input that Twisted on Python 2 tolerates. */
PB_TEST(session, says_that_it_did_not_understand_as_python2_does)
{
    pb_session_config c = {.jelly.profile = {.python_major = 2, .twisted = 802}};
    struct service server;
    service_begin(&server, NULL);
    c.root = server.root;
    pb_session *s = ready_server(c);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80\x03\x82huh\x01\x81"), 0), 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80\x01\x81\x02\x81"), 0), 0);
    pb_span expected = BYTES("\x02\x80\x10\x82"
                             "didNotUnderstand\x03\x82huh"
                             "\x02\x80\x10\x82"
                             "didNotUnderstand\x01\x81");
    pb_span out = pb_session_send(s);
    cr_assert_eq(out.len, expected.len);
    cr_assert_arr_eq(out.data, expected.data, out.len);
    pb_session_sent(s, out.len, 0);
    cr_assert_eq(pb_session_recv(s, expected, 0), 0);
    cr_assert_eq(pb_session_send(s).len, 0, "it is read and ignored");
    pb_session_free(s);

    /* A method by number: NoSuchMethod. */
    s = ready_server(c);
    cr_assert_eq(
        pb_session_recv(s,
                        BYTES("\x07\x80\x1a\x87\x01\x81\x04\x82root\x05\x81\x01\x81"
                              "\x01\x80\x0b\x87\x01\x80\x05\x87"),
                        0),
        0);
    out = pb_session_send(s);
    cr_assert_not_null(memmem(out.data, out.len, "No such method: remote_5", 24));
    pb_session_free(s);
    service_end(&server);
}

/* The request's number may be any value that banana has, as in Twisted; the flag for an
 * answer is anything that is true. */
PB_TEST(session, answers_under_the_number_that_was_given)
{
    struct service server;
    service_begin(&server, NULL);
    static const struct {
        pb_span in, out;
    } rows[] = {
#define ROW(request, wanted, answer)                                                    \
    {                                                                                   \
        {(const uint8_t *)("\x07\x80\x1a\x87" request "\x04\x82root\x04\x82none" wanted \
                           "\x01\x80\x0b\x87\x01\x80\x05\x87"),                         \
         sizeof("\x07\x80\x1a\x87" request "\x04\x82root\x04\x82none" wanted            \
                "\x01\x80\x0b\x87\x01\x80\x05\x87") -                                   \
             1},                                                                        \
        {                                                                               \
            (const uint8_t *)(answer), sizeof(answer) - 1                               \
        }                                                                               \
    }
#define ANSWER(request) "\x03\x80\x1b\x87" request "\x01\x80\x01\x87"
        ROW("\x07\x81", "\x01\x81", ANSWER("\x07\x81")),
        ROW("\x07\x81", "\x02\x81", ANSWER("\x07\x81")),
        ROW("\x07\x81", "\x00\x81", ""),
        ROW("\x07\x81", "\x00\x82", ""),
        ROW("\x07\x81", "\x01\x82x", ANSWER("\x07\x81")),
        ROW("\x07\x81", "\x84\x3f\xf0\x00\x00\x00\x00\x00\x00", ANSWER("\x07\x81")),
        ROW("\x07\x81", "\x84\x00\x00\x00\x00\x00\x00\x00\x00", ""),
        ROW("\x03\x82one", "\x01\x81", ANSWER("\x03\x82one")),
        ROW("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x85", "\x01\x81",
            ANSWER("\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x85")),
        ROW("\x05\x83", "\x01\x81", ANSWER("\x05\x83")),
#undef ANSWER
#undef ROW
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        pb_session *s = ready_server((pb_session_config){.root = server.root});
        cr_assert_eq(pb_session_recv(s, rows[i].in, 0), 0);
        pb_span out = pb_session_send(s);
        cr_assert_eq(out.len, rows[i].out.len, "row %zu: %zu bytes", i, out.len);
        cr_assert(out.len == 0 || memcmp(out.data, rows[i].out.data, out.len) == 0,
                  "row %zu", i);
        pb_session_free(s);
    }
    service_end(&server);
}

/* ---- Ends ---- */

static void lost_while_waiting(struct pair *p)
{
    struct service server;
    open_services(p, &server, NULL);
    for (int i = 0; i < 3; i++) {
        call_root(p, p->client, "later", pb_build(NULL, "(i)", i), NULL);
    }
    talk(p);
    pb_error why = {.code = PB_ERR_SYSTEM, .text = "the cable is gone"};
    pb_session_lost(p->client, &why);
    pb_session_lost(p->client, NULL);
    pb_session_close(p->client);
    pb_session_close(p->server);
    cr_assert_null(pb_request_session(server.waiting[0]));
    cr_assert_eq(pb_request_answer_steal(server.waiting[0], pb_int(1)), PB_ERR_LOST);
    cr_assert_eq(pb_request_fail(server.waiting[1], "shop.SoldOut", "x"), PB_ERR_LOST);
    cr_assert_eq(pb_session_set_name_for_local(p->server, "x", server.two), PB_ERR_STATE);
    cr_assert_eq(pb_session_send(p->client).len, 0);
    pb_remote *root = pb_session_root(p->client);
    cr_assert_null(pb_remote_session(root));
    pb_remote_unref(root);
    pair_close_both(p);
    service_end(&server);
}

#define CABLE "failure -10 twisted.spread.pb.PBConnectionLost: the cable is gone\n"

PB_TEST(session, fails_every_waiting_call_in_order_when_it_is_lost)
{
    converse(lost_while_waiting,
             CABLE CABLE CABLE "client closed -16 : the cable is gone\nserver closed\n");
}

/* The action of a callback on its own session. */
enum act { CLOSE, FREE, LOSE, CANCEL, CALL };

struct actor {
    struct pair *p;
    enum act act;
    pb_call *other;
};

static void act(pb_value *result, pb_failure *failure, void *user_data)
{
    struct actor *a = user_data;
    noted(result, failure, a->p);
    pb_session *s = a->p->client;
    switch (a->act) {
    case CLOSE:
        pb_session_close(s);
        break;
    case FREE:
        a->p->client = NULL;
        pb_session_free(s);
        break;
    case LOSE:
        pb_session_lost(s, NULL);
        break;
    case CANCEL:
        pb_call_cancel(a->other);
        break;
    case CALL:
        note(a->p, "call %d", call_root(a->p, s, "none", pb_build(NULL, "()"), NULL));
        break;
    }
    note(a->p, "acted");
}

/* A call between two others, whose callback acts. */
static void act_within(struct pair *p, enum act what)
{
    struct service server;
    struct actor a = {.p = p, .act = what};
    open_services(p, &server, NULL);
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call(root, "echo", noted, p, NULL, "i", 1);
    pb_remote_call(root, "echo", act, &a, NULL, "i", 2);
    pb_remote_call_values(root, "none", NULL, NULL, NULL, noted, p, &a.other, NULL);
    pb_remote_unref(root);
    pb_session *client = p->client;
    move(p, client, p->server);
    while (p->client && move(p, p->server, p->client)) {
    }
    while (p->client && move(p, client, p->server)) {
    }
    note(p, "talked");
    pb_session_lost(p->server, NULL);
    pb_session_free(p->client);
    pb_session_free(p->server);
    service_end(&server);
}

static void run_act(enum act what, const char *expected)
{
    struct pair *p = calloc(1, sizeof *p);
    act_within(p, what);
    cr_assert_str_eq(p->log, expected, "%s", p->log);
    free(p);
}

#define ECHOES "echo (1,)\necho (2,)\nanswer 1\nanswer 2\n"
#define SERVER_LOST "server closed -10 : the peer closed the connection\n"
#define CLEANLY \
    "failure -10 twisted.spread.pb.PBConnectionLost: Connection was closed cleanly.\n"

PB_TEST(session, may_be_closed_by_a_callback)
{
    run_act(CLOSE, ECHOES "acted\n" CLEANLY "client closed\ntalked\n" SERVER_LOST);
}

PB_TEST(session, may_be_freed_by_a_callback)
{
    run_act(FREE, ECHOES "acted\n" CLEANLY "server closed\ntalked\n" SERVER_LOST);
}

PB_TEST(session, may_be_lost_in_a_callback)
{
    run_act(LOSE, ECHOES "acted\nfailure -10 twisted.spread.pb.PBConnectionLost: "
                         "the peer closed the connection\n"
                         "client closed -10 : the peer closed the connection\n"
                         "talked\n" SERVER_LOST);
}

PB_TEST(session, may_have_calls_cancelled_by_a_callback)
{
    run_act(CANCEL, ECHOES "failure -12 twisted.internet.defer.CancelledError: "
                           "the call was cancelled\nacted\ntalked\n" SERVER_LOST
                           "client closed\n");
}

PB_TEST(session, may_be_called_by_a_callback)
{
    run_act(CALL, ECHOES "call 0\nacted\nanswer None\ntalked\n" SERVER_LOST
                         "failure -10 twisted.spread.pb.PBConnectionLost: "
                         "Connection was closed cleanly.\nclient closed\n");
}

/* While the calls of a closed session fail one by one. */
static void act_at_the_end(enum act what, const char *expected)
{
    struct pair *p = calloc(1, sizeof *p);
    struct service server;
    struct actor a = {.p = p, .act = what};
    open_services(p, &server, NULL);
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call(root, "later", act, &a, NULL, "i", 2);
    pb_remote_call_values(root, "later", NULL, NULL, NULL, noted, p, &a.other, NULL);
    pb_remote_unref(root);
    talk(p);
    pb_session_lost(p->client, NULL);
    pb_session_close(p->server);
    pair_close_both(p);
    cr_assert_str_eq(p->log, expected, "%s", p->log);
    service_end(&server);
    free(p);
}

#define LOST \
    "failure -10 twisted.spread.pb.PBConnectionLost: the peer closed the connection\n"
#define CLIENT_LOST "client closed -10 : the peer closed the connection\n"

PB_TEST(session, bears_callbacks_while_it_ends)
{
    act_at_the_end(CLOSE, LOST "acted\n" LOST CLIENT_LOST "server closed\n");
    act_at_the_end(FREE, LOST "acted\n" LOST "server closed -10 : the peer closed the "
                              "connection\nserver closed\n");
    act_at_the_end(LOSE, LOST "acted\n" LOST CLIENT_LOST "server closed\n");
    act_at_the_end(CANCEL,
                   LOST "failure -12 twisted.internet.defer.CancelledError: "
                        "the call was cancelled\nacted\n" CLIENT_LOST "server closed\n");
    act_at_the_end(CALL, LOST "call -9\nacted\n" LOST CLIENT_LOST "server closed\n");
}

static int serve_free(void *self, pb_request *r)
{
    struct pair *p = self;
    pb_session *s = pb_request_session(r);
    cr_assert_eq(s, p->server);
    p->server = NULL;
    pb_session_free(s);
    cr_assert_null(pb_request_session(r));
    return 0;
}

static void note_destroyed(void *self)
{
    note(self, "destroyed");
}

/* A method frees the session that called it, and with it its object's last count. */
PB_TEST(session, may_be_freed_by_a_method)
{
    static const pb_method methods[] = {{"free", serve_free}, {0}};
    static const pb_class cls = {
        .name = "Free", .remote = methods, .destroy = note_destroyed};
    struct pair *p = calloc(1, sizeof *p);
    pb_object *root = pb_object_new(&cls, p);
    pair_open(p, (pb_session_config){0}, (pb_session_config){.root = root});
    pb_object_unref(root);
    talk(p);
    p->log_len = 0;
    call_root(p, p->client, "free", pb_build(NULL, "()"), NULL);
    move(p, p->client, p->server);
    cr_assert_null(p->server);
    pb_session_free(p->client);
    cr_assert_str_eq(p->log, "server closed\ndestroyed\n" CLEANLY "client closed\n");
    free(p);
}

static void free_on_close(pb_session *s, const pb_error *why, void *user_data)
{
    pair_close(s, why, user_data);
    struct pair *p = user_data;
    *(s == p->client ? &p->client : &p->server) = NULL;
    pb_session_free(s);
}

PB_TEST(session, may_be_freed_when_it_closes)
{
    struct pair *p = calloc(1, sizeof *p);
    pb_session_config c = {.on_close = free_on_close};
    pair_open(p, c, c);
    talk(p);
    pb_session_lost(p->client, NULL);
    pb_session_free(p->server);
    cr_assert_str_eq(p->log,
                     "client ready\nserver ready\n" CLIENT_LOST "server closed\n");
    free(p);
    pb_session_free(NULL);
}

/* Remaining output may still be sent after a close, but not after a loss. */
PB_TEST(session, may_send_the_rest_when_it_was_closed)
{
    struct pair p = {0};
    struct service server;
    open_services(&p, &server, NULL);
    call_root(&p, p.client, "none", pb_build(NULL, "()"), NULL);
    pb_session_close(p.client);
    cr_assert(pb_session_want_send(p.client));
    cr_assert_not(pb_session_want_recv(p.client));
    cr_assert_gt(pb_session_send(p.client).len, 0);
    cr_assert_eq(pb_session_error(p.client)->code, PB_OK);
    cr_assert_eq(pb_session_recv(p.client, BYTES("\x00\x80"), 0), PB_ERR_LOST);
    cr_assert_eq(pb_session_tick(p.client, 5), PB_ERR_LOST);
    pb_session_lost(p.client, NULL);
    cr_assert_eq(pb_session_send(p.client).len, 0);
    cr_assert_not(pb_session_want_send(p.client));
    pair_close_both(&p);
    service_end(&server);
}

/* ---- What a driver sees ---- */

static void count_wakes(pb_session *s, void *driver)
{
    (void)s;
    ++*(int *)driver;
}

PB_TEST(session, wakes_the_driver_once)
{
    struct pair p = {0};
    struct service server;
    int wakes = 0;
    service_begin(&server, NULL);
    pair_open(&p, (pb_session_config){.on_wake = count_wakes, .driver = &wakes},
              (pb_session_config){.root = server.root});
    pb_remote *root = pb_session_root(p.client);
    pb_remote_call(root, "none", noted, &p, NULL, "");
    cr_assert_eq(wakes, 0, "nothing can be sent yet");
    talk(&p);
    cr_assert_eq(wakes, 0, "the driver was there");
    pb_remote_call(root, "none", noted, &p, NULL, "");
    pb_remote_call(root, "none", noted, &p, NULL, "");
    cr_assert_eq(wakes, 1);
    talk(&p);
    const pb_call_options soon = {.timeout = 5};
    pb_call *call;
    pb_remote_call_values(root, "later", NULL, NULL, &soon, noted, &p, &call, NULL);
    cr_assert_eq(wakes, 2);
    talk(&p);
    pb_call_cancel(call);
    cr_assert_eq(wakes, 2);
    pb_session_close(p.client);
    cr_assert_eq(wakes, 3, "it is over");
    pb_session_free(p.client);
    cr_assert_eq(wakes, 3);
    pb_remote_unref(root);
    pb_session_free(p.server);
    service_end(&server);
}

static void resume(pb_value *result, pb_failure *failure, void *session)
{
    cr_assert(result && !failure);
    pb_session_resume(session);
}

static const pb_class echo_class = {
    .name = "Echo", .remote = (const pb_method[]){{"echo", serve_echo}, {0}}};

PB_TEST(session, wakes_the_driver_to_read_again)
{
    struct pair p = {0};
    struct service server;
    int wakes = 0;
    service_begin(&server, NULL);
    pair_open(&p, (pb_session_config){.on_wake = count_wakes, .driver = &wakes},
              (pb_session_config){.root = server.root});
    talk(&p);
    pb_session_pause(p.client);
    cr_assert_not(pb_session_want_recv(p.client));
    pb_session_resume(p.client);
    cr_assert(pb_session_want_recv(p.client));
    cr_assert_eq(wakes, 1);
    pb_session_tick(p.client, 0);
    pb_session_pause(p.client);
    /* In a callback that the driver does not know of. */
    pb_object *o = pb_object_new(&echo_class, &server);
    pb_remote *here = pb_local_as_remote(o);
    pb__session_enter(p.client);
    pb_remote_call(here, "echo", resume, p.client, NULL, "i", 1);
    cr_assert_eq(wakes, 1);
    pb__session_leave(p.client);
    cr_assert_eq(wakes, 2);
    pb_session_tick(p.client, 0);
    pb__session_enter(p.client);
    pb__session_leave(p.client);
    cr_assert_eq(wakes, 2, "the driver has come");
    pb_remote_unref(here);
    pb_object_unref(o);
    pb_session_free(p.client);
    pb_session_free(p.server);
    service_end(&server);
}

/* The decref of a reference that is released outside of any callback is sent at once. */
PB_TEST(session, wakes_the_driver_for_a_decref)
{
    struct pair p = {0};
    struct service server;
    int wakes = 0;
    service_begin(&server, NULL);
    pair_open(&p, (pb_session_config){.on_wake = count_wakes, .driver = &wakes},
              (pb_session_config){.root = server.root});
    talk(&p);
    pb_session_recv(p.server, BYTES(""), 0);
    pb_remote *r;
    cr_assert_eq(pb__remote_receive(p.client, 5, &r, NULL), 0);
    pb_remote_unref(r);
    cr_assert_eq(wakes, 1);
    pb_span out = pb_session_send(p.client), decref = BYTES("\x02\x80\x1d\x87\x05\x81");
    cr_assert_eq(out.len, decref.len);
    cr_assert_arr_eq(out.data, decref.data, out.len);
    pb_session_free(p.client);
    pb_session_free(p.server);
    service_end(&server);
}

PB_TEST(session, has_limits_that_can_be_set)
{
    struct service server;
    service_begin(&server, NULL);
    pb_session *s = ready_server((pb_session_config){.root = server.root});
    cr_assert_eq(pb_session_set_limits(s, &(pb_limits){.bytes = 3}), 0);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x80\x04\x82huh!"), 0), PB_ERR_LIMIT);
    cr_assert_str_eq(pb_session_error(s)->text,
                     "Security precaution: String too long. (4 bytes, limit 3)");
    cr_assert_eq(pb_session_set_limits(s, NULL), 0);
    pb_session_free(s);
    service_end(&server);
}

PB_TEST(session, can_be_looked_at)
{
    struct pair p = {0};
    struct service server;
    open_services(&p, &server, NULL);
    pb_session_set_name_for_local(p.server, "two", server.two);
    pb_value *two = NULL;
    pb_remote *root = pb_session_root(p.client);
    pb_call *call;
    pb_remote_call(root, "same", noted, &p, NULL, "");
    pb_remote_call(root, "later", noted, &p, NULL, "i", 1);
    pb_remote_call_values(root, "later", NULL, NULL, NULL, noted, &p, &call, NULL);
    move(&p, p.client, p.server);
    pb_call_cancel(call);
    cr_assert_eq(pb_session_user_data(p.client), &p);
    struct pb__buf text = {0};
    cr_assert_eq(pb__session_dump(p.client, &text), 0);
    cr_assert_eq(pb__session_dump(p.server, &text), 0);
    cr_assert_eq(pb__buf_append(&text, "", 1), 0);
    static const char *const lines[] = {
        "client open pending 2 serving 0 held 0 queued 0\n",
        "call 1\n",
        "call 2\n",
        "call 3 given up\n",
        "reference 0root\n",
        "server open pending 0 serving 2 held 0 queued 22\n",
        "request later\nrequest later\n",
        "object 1 Two count 2\n",
        "published two Two\n",
    };
    size_t len = 0;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cr_assert_not_null(strstr((char *)text.data, lines[i]), "no %s", lines[i]);
        len += strlen(lines[i]);
    }
    cr_assert_eq(text.len, len + 1, "%s", (char *)text.data);
    pb__buf_fini(&text);
    pb_value_unref(two);
    pb_remote_unref(root);
    pb_session_free(p.client);
    pb_session_free(p.server);
    service_end(&server);
}

/* ---- Data of a session ---- */

struct known {
    pb_session *s; /* of data, while it lives */
    int destroyed, asked;
    bool in_close;
};

static void data_destroyed(void *data)
{
    ((struct known *)data)->destroyed++;
}

static void data_in_close(pb_session *s, const pb_error *why, void *user_data)
{
    struct known *k = user_data;
    (void)why;
    k->in_close = pb_session_data(s) == k && k->destroyed == 0;
}

PB_TEST(session, has_data_of_its_own)
{
    struct known one = {0}, two = {0};
    pb_session_config c = {.on_close = data_in_close, .user_data = &two};
    pb_session *s = pb_session_client_new(&c, 0);
    cr_assert_null(pb_session_data(s));
    cr_assert_eq(pb_session_set_data(s, NULL, data_destroyed), 0);
    cr_assert_eq(pb_session_set_data(s, &one, data_destroyed), 0);
    cr_assert_eq(pb_session_data(s), &one);
    pb_session_set_data(s, &one, data_destroyed); /* the same goes on */
    cr_assert_eq(one.destroyed, 0);
    pb_session_set_data(s, &two, data_destroyed);
    cr_assert_eq(one.destroyed, 1);
    pb_session_close(s);
    cr_assert(two.in_close && two.destroyed == 0);
    cr_assert_eq(pb_session_data(s), &two);
    pb_session_free(s);
    cr_assert_eq(two.destroyed, 1);

    s = pb_session_client_new(&c, 0);
    pb_session_set_data(s, &one, NULL);
    pb_session_set_data(s, NULL, data_destroyed);
    cr_assert_null(pb_session_data(s));
    pb_session_free(s);
    cr_assert_eq(one.destroyed, 1);

    /* If the session could not be made, the data is taken nevertheless. */
    cr_assert_eq(pb_session_set_data(NULL, &one, data_destroyed), PB_ERR_ARG);
    cr_assert_eq(one.destroyed, 2);
    cr_assert_eq(pb_session_set_data(NULL, NULL, data_destroyed), PB_ERR_ARG);
    cr_assert_null(pb_session_data(NULL));
}

static int attach(void *user_data)
{
    struct known *k = user_data;
    k->destroyed = 0;
    pb_session *s = pb_session_client_new(&(pb_session_config){0}, 0);
    int e = s ? pb_session_set_data(s, k, data_destroyed) : PB_ERR_NOMEM;
    cr_assert_eq(k->destroyed, e && s);
    cr_assert_eq(pb_session_data(s), e ? NULL : k);
    pb_session_free(s);
    cr_assert_eq(k->destroyed, s != NULL);
    return e;
}

PB_TEST(session, takes_data_also_without_memory)
{
    struct known k;
    pb__test_each_failure(attach, &k);
}

/* Misuse: the session is being freed. */
static void data_that_uses_the_session(void *data)
{
    struct known *k = data;
    k->destroyed++;
    pb_session_close(k->s);
    pb_session_free(k->s);
    pb_session_set_data(k->s, NULL, NULL);
}

PB_TEST(session, outlives_the_end_of_its_data)
{
    struct known k = {0};
    k.s = pb_session_client_new(&(pb_session_config){0}, 0);
    pb_session_set_data(k.s, &k, data_that_uses_the_session);
    pb_session_free(k.s);
    cr_assert_eq(k.destroyed, 1);
}

static const pb_peer *known_peer(pb_session *s, void *driver)
{
    static const pb_peer peer = {.address = "tcp:192.0.2.1:4000", .host = "192.0.2.1"};
    struct known *k = driver;
    cr_assert(!k->s || s == k->s);
    return k->asked++ ? &peer : NULL;
}

PB_TEST(session, knows_its_peer_from_its_driver)
{
    struct known k = {0};
    pb_session_config c = {.peer = known_peer, .driver = &k};
    pb_session *s = k.s = pb_session_server_new(&c, 0);
    const pb_peer *peer = pb_session_peer(s);
    cr_assert(peer && !peer->address && !peer->host && !peer->process && !peer->tls);
    cr_assert_str_eq(pb_session_peer(s)->host, "192.0.2.1");
    pb_session_free(s);
    s = pb_session_server_new(&(pb_session_config){0}, 0);
    cr_assert_null(pb_session_peer(s)->address);
    pb_session_free(s);
    cr_assert_null(pb_session_peer(NULL)->address);
}

/* Keeps a failure: its user_data is where. */
static void keep_failure(pb_value *result, pb_failure *failure, void *user_data)
{
    cr_assert_null(result);
    *(pb_failure **)user_data = pb_failure_ref(failure);
}

/* The text that the failure of a lost connection has when it is sent on. */
static char *lost_text(const pb_error *why)
{
    struct pair p = {0};
    struct service server;
    pb_failure *f = NULL;
    open_services(&p, &server, NULL);
    pb_remote *root = pb_session_root(p.client);
    pb_remote_call(root, "later", keep_failure, &f, NULL, "");
    talk(&p);
    pb_session_lost(p.client, why);
    cr_assert_eq(pb_failure_code(f), PB_ERR_LOST);
    pb_value *state = pb__failure_state(p.server, f, PB__FAILED_LATER);
    char *text = pb_value_repr(pb_dict_get(state, "value"));
    pb_value_unref(state);
    pb_failure_unref(f);
    pb_remote_unref(root);
    pb_session_lost(p.server, NULL);
    close_services(&p, &server, NULL);
    return text;
}

PB_TEST(session, sends_on_twisteds_text_of_a_lost_connection)
{
    const pb_error reset = {.code = PB_ERR_LOST, .text = "connection reset by peer"};
    char *clean = lost_text(NULL);
    char *unclean = lost_text(&reset);
    cr_assert_str_eq(clean, "\"[Failure instance: Traceback (failure with no frames): "
                            "<class 'twisted.internet.error.ConnectionDone'>: "
                            "Connection was closed cleanly.\\n]\"");
    cr_assert_str_eq(unclean, "\"[Failure instance: Traceback (failure with no frames): "
                              "<class 'twisted.internet.error.ConnectionLost'>: "
                              "Connection to the other side was lost in a non-clean "
                              "fashion: Connection lost.\\n]\"");
    pb_free(clean);
    pb_free(unclean);
}

/* Lists within lists, as the argument of a call, with an empty one innermost. */
static pb_value *deep_argument(size_t depth)
{
    pb_value *v = pb_list();
    while (--depth > 0) {
        v = pb_build(NULL, "[N]", v);
    }
    return pb_build(NULL, "(N)", v);
}

/* A message that the peer would refuse, with the same limits, is not sent: the session
 * goes on, and each call is answered or fails alone. */
PB_TEST(session, sends_what_can_be_read_with_the_same_limits)
{
    for (int what = 0; what < 2; what++) {
        struct pair *p = calloc(1, sizeof *p);
        struct service server;
        pb_limits limits = what ? (pb_limits){.message = 300} : (pb_limits){.depth = 9};
        cr_assert(service_begin(&server, p));
        pb_session_config c = {.jelly.limits = limits};
        pb_session_config s = {.jelly.limits = limits, .root = server.root};
        cr_assert(pair_open(p, c, s));
        talk(p);
        size_t sent = 0;
        for (size_t size = 1; size < (what ? 330 : 12); size++) {
            char text[400] = {0};
            memset(text, 'x', size);
            pb_value *args = what ? pb_build(NULL, "(y)", text) : deep_argument(size);
            pb_remote *root = pb_session_root(p->client);
            int e = pb_remote_call_values(root, "echo", args, NULL, NULL, noted, p, NULL,
                                          NULL);
            cr_assert(e == 0 || e == PB_ERR_LIMIT);
            sent += e == 0;
            talk(p);
            cr_assert_not(pb_session_is_closed(p->client));
            cr_assert_not(pb_session_is_closed(p->server));
            p->log_len = 0;
            pb_value_unref(args);
            pb_remote_unref(root);
        }
        cr_assert_gt(sent, what ? 200 : 5);
        pair_close_both(p);
        service_end(&server);
        free(p);
        cr_assert_eq(pb__test_live(), 0);
    }
}

/* The bytes that on_bytes saw, each way. */
struct seen_bytes {
    struct pb__buf sent, received;
};

static void see_bytes(pb_session *s, bool sent, pb_span bytes, void *user_data)
{
    (void)s;
    struct seen_bytes *seen = user_data;
    pb__buf_append(sent ? &seen->sent : &seen->received, bytes.data, bytes.len);
}

/* A session has sent what its driver reports as sent, also in parts. */
PB_TEST(session, shows_its_bytes)
{
    struct seen_bytes seen = {0};
    pb_session_config c = {.on_bytes = see_bytes, .user_data = &seen};
    pb_session *s = pb_session_server_new(&c, 0);
    pb_span out = pb_session_send(s);
    cr_assert_gt(out.len, 3);
    struct pb__buf expected = {0};
    pb__buf_append(&expected, out.data, out.len);
    pb_session_sent(s, 2, 0);
    cr_assert_eq(seen.sent.len, 2);
    pb_session_sent(s, pb_session_send(s).len, 0);
    pb_session_sent(s, 100, 0); /* more than there is */
    cr_assert_eq(seen.sent.len, expected.len);
    cr_assert_arr_eq(seen.sent.data, expected.data, expected.len);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82p"), 0), 0);
    cr_assert_eq(pb_session_recv(s, BYTES("b"), 0), 0);
    cr_assert_eq(seen.received.len, 4);
    cr_assert_arr_eq(seen.received.data, "\x02\x82pb", 4);
    pb__buf_fini(&expected);
    pb__buf_fini(&seen.sent);
    pb__buf_fini(&seen.received);
    pb_session_free(s);
}
