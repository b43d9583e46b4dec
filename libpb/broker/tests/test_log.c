/* SPDX-License-Identifier: MIT
 *
 * What is told of what Twisted would log. */
#include "libpb/broker/tests/service.h"

static void logged(pb_session *s, pb_log_level level, const char *text, void *user_data)
{
    struct pair *p = user_data;
    static const char *const names[] = {"error", "warning", "info", "debug"};
    note(p, "%s %s: %s", s == p->client ? "client" : "server", names[level], text);
}

/* A failure of ours comes from elsewhere. */
static int serve_forward(void *self, pb_request *r)
{
    (void)self;
    pb_failure *f = pb_failure_from_value(pb_item(pb_request_args(r), 0));
    int e = pb_request_fail_with(r, f);
    pb_failure_unref(f);
    return e;
}

static int serve_traced(void *self, pb_request *r)
{
    (void)self;
    pb_failure *f = pb_failure_new("builtins.ValueError", "bad", "line 5\nbad");
    int e = pb_request_fail_with(r, f);
    pb_failure_unref(f);
    return e;
}

static const pb_method log_methods[] = {{"fail", serve_fail},
                                        {"none", serve_none},
                                        {"new", serve_new},
                                        {"forward", serve_forward},
                                        {"traced", serve_traced},
                                        {"later", serve_later},
                                        {0}};
static const pb_class log_class = {.name = "shop.Log", .remote = log_methods};

static void open_logged(struct pair *p, struct service *server)
{
    cr_assert(service_begin(server, NULL));
    pb_object *root = pb_object_new(&log_class, server);
    pb_session_config c = {.on_log = logged};
    cr_assert(pair_open(
        p, c, (pb_session_config){.root = root, .on_log = logged, .max_refs = 3}));
    pb_object_unref(root);
    talk(p);
}

static void close_logged(struct pair *p, struct service *server)
{
    pair_close_both(p);
    service_end(server);
}

static void negotiated(struct pair *p)
{
    struct service server;
    open_logged(p, &server);
    close_logged(p, &server);
}

PB_TEST(log, tells_of_negotiation)
{
    converse(negotiated, "client debug: negotiated the dialect pb\nclient ready\n"
                         "server debug: negotiated the dialect pb\nserver ready\n"
                         "client closed\nserver closed\n");
}

static void tell(struct pair *p, const char *method, const char *args, bool answer)
{
    pb_remote *root = pb_session_root(p->client);
    pb_value *v = pb_value_parse(args, NULL);
    const pb_call_options options = {.no_answer = !answer};
    cr_assert_eq(
        pb_remote_call_values(root, method, v, NULL, &options, NULL, NULL, NULL, NULL),
        0);
    pb_value_unref(v);
    pb_remote_unref(root);
    talk(p);
}

static void failures(struct pair *p)
{
    struct service server;
    open_logged(p, &server);
    p->log_len = 0;
    tell(p, "fail", "('builtins.ValueError', 'bad')", true);
    tell(p, "fail", "('builtins.ValueError', 'unheard')", false);
    tell(p, "fail", "('shop.SoldOut twisted.spread.pb.Error', 'known')", true);
    tell(p, "fail", "('shop.SoldOut twisted.spread.pb.Error', 'known')", false);
    tell(p, "fail", "(1,)", true);
    tell(p, "missing", "()", true);
    tell(p, "traced", "()", true);
    tell(p, "later", "()", true);
    answer_later(&server, 0, "builtins.KeyError");
    talk(p);
    pb_failure *f = pb_failure_new("builtins.OSError", "far away", NULL);
    pb_value *v = pb_failure_to_value(f);
    pb_value *args = pb_build(NULL, "(N)", v);
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call_values(root, "forward", args, NULL, NULL, NULL, NULL, NULL, NULL);
    pb_remote_unref(root);
    pb_value_unref(args);
    pb_failure_unref(f);
    talk(p);
    size_t end = p->log_len;
    close_logged(p, &server);
    p->log[end] = '\0';
}

PB_TEST(log, tells_of_failures_that_are_not_expected)
{
    converse(failures,
             "server error: Peer will receive following PB traceback: "
             "builtins.ValueError: bad\n"
             "server error: Unhandled Error: builtins.ValueError: unheard\n"
             "server info: shop.Log.remote_fail didn't accept (1,) and {}\n"
             "server error: Peer will receive following PB traceback: "
             "builtins.TypeError: Log.remote_fail() missing 1 required positional "
             "argument\n"
             "server error: Peer will receive following PB traceback: "
             "twisted.spread.flavors.NoSuchMethod: No such method: remote_missing\n"
             "server error: Peer will receive following PB traceback: line 5\nbad\n"
             "server error: Peer will receive following PB traceback: "
             "builtins.KeyError: late\n"
             "server error: Peer will receive following PB traceback: "
             "Traceback from remote host -- builtins.OSError: far away\n");
}

/* The fourth strike is the last. */
static void strikes(struct pair *p)
{
    struct service server;
    open_logged(p, &server);
    p->log_len = 0;
    for (int i = 0; i < 4; i++) {
        tell(p, "new", "(4,)", true);
    }
    pb_session_lost(p->client, NULL);
    close_logged(p, &server);
}

PB_TEST(log, tells_of_strikes_and_the_end)
{
    converse(strikes,
             "server warning: Maximum PB reference count exceeded. (limit 3)\n"
             "server warning: Maximum PB reference count exceeded. (limit 3)\n"
             "server warning: Maximum PB reference count exceeded. (limit 3)\n"
             "server warning: Maximum PB reference count exceeded. (limit 3)\n"
             "server error: Maximum PB reference count exceeded.  Goodbye. (limit 3)\n"
             "server closed -6 : Maximum PB reference count exceeded.  Goodbye. (limit "
             "3)\n"
             "client closed -10 : the peer closed the connection\n");
}

PB_TEST(log, tells_of_what_the_peer_does_wrong)
{
    struct pair p = {0};
    struct service server;
    open_logged(&p, &server);
    p.log_len = 0;
    /* ["didNotUnderstand", "x"] and then an integer. */
    const uint8_t bytes[] = {2,   0x80, 16,  0x82, 'd', 'i', 'd', 'N', 'o',
                             't', 'U',  'n', 'd',  'e', 'r', 's', 't', 'a',
                             'n', 'd',  1,   0x82, 'x', 5,   0x81};
    pb_session_recv(p.server, (pb_span){bytes, sizeof bytes}, 0);
    cr_assert(pb_session_is_closed(p.server));
    cr_assert_str_eq(p.log,
                     "server info: Didn't understand command: b'x'\n"
                     "server error: message 4: Non-list expression received.\n"
                     "server closed -8 message 4: Non-list expression received.\n");
    pb_session_free(p.client);
    p.client = NULL;
    close_logged(&p, &server);
}

/* Everything is allowed in it, but to read. */
struct closer {
    pb_session *s;
    bool ended;
};

static void close_it(pb_session *s, pb_log_level level, const char *text, void *user_data)
{
    struct closer *c = user_data;
    (void)text;
    if (level == PB_LOG_ERROR && c->s) {
        c->s = NULL;
        pb_session_free(s);
    }
}

static void it_closed(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    (void)why;
    ((struct closer *)user_data)->ended = true;
}

PB_TEST(log, may_free_the_session)
{
    struct pair p = {0};
    struct service server;
    struct closer closer = {0};
    cr_assert(service_begin(&server, NULL));
    pb_session_config c = {.root = server.root,
                           .on_log = close_it,
                           .on_close = it_closed,
                           .user_data = &closer};
    p.client = pb_session_client_new(&(pb_session_config){0}, 0);
    p.server = closer.s = pb_session_server_new(&c, 0);
    talk(&p);
    pb_remote *root = pb_session_root(p.client);
    pb_remote_call(root, "missing", NULL, NULL, NULL, "");
    pb_remote_unref(root);
    pb_span out = pb_session_send(p.client);
    cr_assert_neq(pb_session_recv(p.server, out, 0), 0);
    cr_assert(closer.ended);
    pb_session_free(p.client);
    service_end(&server);
}
