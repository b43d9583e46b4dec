/* SPDX-License-Identifier: MIT
 *
 * The log lines for what Twisted would log. */
#include "libpb/broker/tests/service.h"

static void logged(pb_session *s, pb_log_level level, const char *text, void *user_data)
{
    struct pair *p = user_data;
    static const char *const names[] = {"", "error", "warning", "info", "debug"};
    note(p, "%s %s: %s", s == p->client ? "client" : "server", names[level], text);
}

/* A failure of ours that was made elsewhere. */
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
    converse(negotiated, "client info: negotiated the dialect pb\nclient ready\n"
                         "server info: negotiated the dialect pb\nserver ready\n"
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

/* The fourth time ends the session. */
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

/* on_log may do anything except pass input. */
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

/* ---- Levels ---- */

static void at_level(struct pair *p, pb_log_level level)
{
    struct service server;
    cr_assert(service_begin(&server, NULL));
    pb_object *root = pb_object_new(&log_class, &server);
    pb_session_config c = {.on_log = logged, .log_level = level};
    pb_session_config s = {
        .root = root, .on_log = logged, .log_level = level, .max_refs = 3};
    cr_assert(pair_open(p, c, s));
    pb_object_unref(root);
    talk(p);
    tell(p, "fail", "(1,)", true);
    tell(p, "new", "(4,)", true);
    size_t end = p->log_len;
    close_logged(p, &server);
    p->log[end] = '\0';
}

static void errors_only(struct pair *p)
{
    at_level(p, PB_LOG_ERROR);
}

static void up_to_warnings(struct pair *p)
{
    at_level(p, PB_LOG_WARNING);
}

#define MISSED                                                             \
    "server error: Peer will receive following PB traceback: "             \
    "builtins.TypeError: Log.remote_fail() missing 1 required positional " \
    "argument\n"

PB_TEST(log, tells_up_to_a_level)
{
    converse(errors_only, "client ready\nserver ready\n" MISSED);
    converse(up_to_warnings,
             "client ready\nserver ready\n" MISSED
             "server warning: Maximum PB reference count exceeded. (limit 3)\n");
}

/* ---- Each message ---- */

static void open_traced(struct pair *p, struct service *server)
{
    cr_assert(service_begin(server, NULL));
    pb_session_config c = {.on_log = logged, .log_level = PB_LOG_DEBUG};
    pb_session_config s = c;
    s.root = server->root;
    cr_assert(pair_open(p, c, s));
    call_root(p, p->client, "echo", pb_build(NULL, "(s)", "waits"), NULL);
    talk(p);
}

static void traced(struct pair *p)
{
    struct service server;
    open_traced(p, &server);
    call_root(p, p->client, "echo", pb_build(NULL, "(iO)", 5, pb_none()),
              pb_build(NULL, "{s:[i]}", "x", 1));
    talk(p);
    tell(p, "echo", "()", false);
    call_root(p, p->client, "getTwo", pb_build(NULL, "()"), NULL);
    talk(p);
    call_root(p, p->client, "fail", pb_build(NULL, "(ss)", "shop.SoldOut", "none\nleft"),
              NULL);
    talk(p);
    close_logged(p, &server);
}

PB_TEST(log, tells_of_each_message)
{
    converse(
        traced,
        "client info: negotiated the dialect pb\n"
        "client debug: > version 6, 6 bytes\n"
        "client debug: > message 1 root.echo('waits',), 46 bytes\n"
        "client ready\n"
        "server info: negotiated the dialect pb\n"
        "server debug: > version 6, 6 bytes\n"
        "server ready\n"
        "server debug: < version 6, 6 bytes\n"
        "server debug: < message 1 root.echo('waits',), 46 bytes\n"
        "server debug: > answer 1 'waits', 24 bytes\n"
        "client debug: < version 6, 6 bytes\n"
        "client debug: < answer 1 'waits', 24 bytes\n"
        "answer 'waits'\n"
        "client debug: > message 2 root.echo(5, None) {'x': [1]}, 56 bytes\n"
        "server debug: < message 2 root.echo(5, None) {'x': [1]}, 56 bytes\n"
        "server debug: > answer 2 5, 8 bytes\n"
        "client debug: < answer 2 5, 8 bytes\n"
        "answer 5\n"
        "client debug: > message 3 root.echo(), no answer wanted, 28 bytes\n"
        "server debug: < message 3 root.echo(), no answer wanted, 28 bytes\n"
        "client debug: > message 4 root.getTwo(), 30 bytes\n"
        "server debug: < message 4 root.getTwo(), 30 bytes\n"
        "server debug: > answer 4 <Referenceable Two>, 12 bytes\n"
        "client debug: < answer 4 <RemoteReference 1>, 12 bytes\n"
        "answer <RemoteReference 1>\n"
        "client debug: > decref 1, 6 bytes\n"
        "server debug: < decref 1, 6 bytes\n"
        "client debug: > message 5 root.fail('shop.SoldOut', 'none\\nleft'), 75 bytes\n"
        "server debug: < message 5 root.fail('shop.SoldOut', 'none\\nleft'), 75 bytes\n"
        "server debug: > error 5 shop.SoldOut: none\\nleft, 511 bytes\n"
        "server error: Peer will receive following PB traceback: shop.SoldOut: "
        "none\\nleft\n"
        "client debug: < error 5 shop.SoldOut: none\\nleft, 511 bytes\n"
        "failure 0 shop.SoldOut: none\nleft\n"
        "client debug: the session has ended: closed by this side\n"
        "client closed\n"
        "server debug: the session has ended: closed by this side\n"
        "server closed\n");
}

/* Only the lines of messages. */
static void logged_messages(pb_session *s, pb_log_level level, const char *text,
                            void *user_data)
{
    if (level == PB_LOG_DEBUG) {
        logged(s, level, text, user_data);
    }
}

static void open_quietly(struct pair *p, struct service *server)
{
    cr_assert(service_begin(server, NULL));
    pb_session_config c = {.on_log = logged_messages, .log_level = PB_LOG_DEBUG};
    pb_session_config s = c;
    s.root = server->root;
    cr_assert(pair_open(p, c, s));
    talk(p);
}

/* Makes a call without noting its end; the log then has only what was logged
 * meanwhile. */
static void call_quietly(struct pair *p, const char *method, pb_value *args)
{
    pb_remote *root = pb_session_root(p->client);
    p->log_len = 0;
    cr_assert(args);
    cr_assert_eq(
        pb_remote_call_values(root, method, args, NULL, NULL, NULL, NULL, NULL, NULL), 0);
    pb_value_unref(args);
    pb_remote_unref(root);
    talk(p);
}

static void expect(const struct pair *p, const char *line)
{
    cr_assert_not_null(strstr(p->log, line), "no %s in\n%s", line, p->log);
}

/* Whole characters only, up to 200 bytes of output. */
PB_TEST(log, cuts_values)
{
    struct pair *p = calloc(1, sizeof *p);
    struct service server;
    char text[400], euros[301], line[500];
    for (size_t i = 0; i < 100; i++) {
        memcpy(euros + 3 * i, "\u20ac", 4);
    }
    open_quietly(p, &server);
    for (int pad = 0; pad < 4; pad++) {
        snprintf(text, sizeof text, "%.*s%s", pad, "xxx", euros);
        call_quietly(p, "echo", pb_build(NULL, "(s)", text));
        snprintf(line, sizeof line, "client debug: > message %d root.echo('%.*s%.*s..., ",
                 pad + 1, pad, "xxx", (198 - pad) / 3 * 3, euros);
        expect(p, line); /* after a parenthesis and a quote */
        snprintf(line, sizeof line, "client debug: < answer %d '%.*s%.*s..., ", pad + 1,
                 pad, "xxx", (199 - pad) / 3 * 3, euros);
        expect(p, line);
    }
    pb_value *list = pb_list();
    for (int i = 0; i < 100000; i++) {
        pb_append_steal(list, pb_str("item"));
    }
    call_quietly(p, "none", pb_build(NULL, "(N)", list));
    expect(p, "root.none(['item', 'item', ");
    expect(p, "'item'..., 1700034 bytes");
    cr_assert_lt(strlen(p->log), 600);
    pair_close_both(p);
    service_end(&server);
    free(p);
}

/* Control characters are escaped, wherever a peer can put them. */
PB_TEST(log, escapes_what_a_peer_sends)
{
    struct pair *p = calloc(1, sizeof *p);
    struct service server;
    open_quietly(p, &server);
    call_quietly(p, "echo", pb_build(NULL, "(N)", pb_name(PB_CLASS, "m\x1b[2J.C")));
    expect(p, "> message 1 root.echo(<class 'm\\x1b[2J.C'>,), ");
    call_quietly(p, "\x1b[31mred\nline", pb_build(NULL, "()"));
    expect(p, "< message 2 root.\\x1b[31mred\\nline(), ");
    expect(p, "> error 2 twisted.spread.flavors.NoSuchMethod: No such method: "
              "remote_\\x1b[31mred\\nline, ");
    expect(p, "< error 2 twisted.spread.flavors.NoSuchMethod: No such method: "
              "remote_\\x1b[31mred\\nline, ");
    call_quietly(p, "\u202e\x7f\xc2\x9b", pb_build(NULL, "()"));
    expect(p, "root.\\u202e\\x7f\\x9b(), ");
    call_quietly(p, "fail", pb_build(NULL, "(ss)", "m.E\x07", "bell\x07"));
    expect(p, "< error 4 m.E\\x07: bell\\x07, ");
    pair_close_both(p);
    service_end(&server);
    free(p);
}

/* ---- Callbacks that free the session ---- */

/* Frees the session at the n-th message. */
struct freeing {
    pb_session *s;
    int n, seen, ended;
};

static void free_at(pb_session *s, pb_log_level level, const char *text, void *user_data)
{
    struct freeing *f = user_data;
    (void)text;
    if (level == PB_LOG_DEBUG && f->s && ++f->seen == f->n) {
        cr_assert_eq(s, f->s);
        f->s = NULL;
        pb_session_free(s);
    }
}

static void freeing_ended(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    (void)why;
    ((struct freeing *)user_data)->ended++;
}

/* Gets a reference, calls through it, and releases it, as a client that may be freed in
 * each of its messages; true if it was not. */
static bool freed_at(int n)
{
    struct pair p = {0};
    struct service server;
    struct freeing f = {.n = n};
    cr_assert(service_begin(&server, NULL));
    pb_session_config c = {.on_log = free_at,
                           .log_level = PB_LOG_DEBUG,
                           .on_close = freeing_ended,
                           .user_data = &f};
    p.client = f.s = pb_session_client_new(&c, 0);
    p.server = pb_session_server_new(&(pb_session_config){.root = server.root}, 0);
    pb_remote *root = pb_session_root(p.client);
    pb_remote_call(root, "getTwo", NULL, NULL, NULL, "");
    for (int turn = 0; f.s && turn < 4; turn++) {
        pb_span out = pb_session_send(p.server);
        uint8_t *bytes = malloc(out.len);
        size_t len = out.len;
        if (len > 0) {
            memcpy(bytes, out.data, len);
        }
        pb_session_sent(p.server, len, 0);
        pb_session_recv(p.client, (pb_span){bytes, len}, 0);
        free(bytes);
        out = f.s ? pb_session_send(p.client) : (pb_span){0};
        if (f.s) {
            pb_session_recv(p.server, out, 0);
            pb_session_sent(p.client, out.len, 0);
        }
        if (f.s && turn == 1) {
            pb_remote_call(root, "fail", NULL, NULL, NULL, "ss", "m.E", "text");
        }
    }
    bool all = f.s;
    pb_remote_unref(root);
    pb_session_free(f.s);
    cr_assert_eq(f.ended, 1);
    pb_session_free(p.server);
    service_end(&server);
    return all;
}

PB_TEST(log, may_free_the_session_at_each_message)
{
    int n = 1;
    while (!freed_at(n)) {
        cr_assert_eq(pb__test_live(), 0, "%d: %ld blocks left", n, pb__test_live());
        n++;
    }
    cr_assert_gt(n, 6);
}

static int traces_all(void *user_data)
{
    struct pair *p = user_data;
    struct service server;
    memset(p, 0, sizeof *p);
    if (!service_begin(&server, NULL)) {
        service_end(&server);
        return PB_ERR_NOMEM;
    }
    pb_session_config c = {.on_log = logged_messages, .log_level = PB_LOG_DEBUG};
    pb_session_config s = c;
    s.root = server.root;
    int e = pair_open(p, c, s) ? 0 : PB_ERR_NOMEM;
    e = e ? e : call_root(p, p->client, "getTwo", pb_build(NULL, "()"), NULL);
    e = e ? e
          : call_root(p, p->client, "fail", pb_build(NULL, "(ss)", "m.E", "text"), NULL);
    if (!e) {
        talk(p);
        e = pb_session_is_closed(p->client) || pb_session_is_closed(p->server)
                ? PB_ERR_NOMEM
                : 0;
    }
    pb_session_free(p->client);
    pb_session_free(p->server);
    service_end(&server);
    return e;
}

PB_TEST(log, without_memory)
{
    struct pair *p = calloc(1, sizeof *p);
    pb__test_each_failure(traces_all, p);
    free(p);
}
