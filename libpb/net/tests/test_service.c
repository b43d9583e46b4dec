/* SPDX-License-Identifier: MIT
 *
 * A connection that comes back: when it does, what becomes of calls meanwhile, and how it
 * ends. The server is in the same loop, comes and goes, and keeps its port. */
#include "libpb/broker/session.h"
#include "libpb/net/conn.h"
#include "libpb/net/tests/certificate.h"
#include "libpb/net/tests/peers.h"
#include "pb/service.h"

struct place {
    struct loop loop;
    struct seen at_server, seen;
    pb_object *root;
    pb_server *server;
    int port;
    pb_service *service;
    int up, down;
    int64_t delays[8]; /* as on_down was told */
    int codes[8];      /* likewise */
    pb_error why;      /* of the last on_down */
    bool stopped;
    bool stop_in_down;
};

static void begin_place(struct place *p)
{
    *p = (struct place){0};
    begin_loop(&p->loop);
    p->root = pb_object_new(&root_class, &p->at_server);
}

static void open_server(struct place *p)
{
    pb_net_config config = config_of(&p->at_server);
    char endpoint[64];
    pb_error err = {0};
    snprintf(endpoint, sizeof endpoint, "127.0.0.1:%d", p->port);
    config.session.root = p->root;
    p->server = pb_serve(p->loop.pb, endpoint, &config, &err);
    cr_assert(p->server, "%s", err.text);
    p->port = pb_server_port(p->server);
}

static void on_server_closed(void *user_data)
{
    struct place *p = user_data;
    p->server = NULL;
}

static void close_server(struct place *p)
{
    pb_server_close(p->server, on_server_closed, p);
    RUN_UNTIL(&p->loop, !p->server);
}

static void on_stopped(void *user_data)
{
    struct place *p = user_data;
    p->stopped = true;
}

static void on_up(pb_service *s, pb_remote *root, void *user_data)
{
    struct place *p = user_data;
    cr_assert(root && pb_service_root(s) == root);
    p->up++;
}

static void on_down(pb_service *s, const pb_error *why, int64_t retry_in, void *user_data)
{
    struct place *p = user_data;
    cr_assert_null(pb_service_root(s));
    cr_assert_neq(why->code, 0);
    p->codes[p->down % 8] = why->code;
    p->delays[p->down++ % 8] = retry_in;
    p->why = *why;
    if (p->stop_in_down) {
        pb_service_stop(s, 0, on_stopped, p);
    }
}

static const pb_service_config quick = {.first_delay = 5, .jitter = -1};

static void start_at(struct place *p, const char *plugin, pb_service_config config)
{
    pb_error err = {0};
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "%s:127.0.0.1:%d", plugin, p->port);
    config.on_up = on_up;
    config.on_down = on_down;
    config.user_data = p;
    config.net.session = config_of(&p->seen).session;
    p->service = pb_service_new(p->loop.pb, endpoint, &config, &err);
    cr_assert(p->service, "%s", err.text);
    cr_assert_eq(p->up + p->down, 0);
}

static void start(struct place *p, pb_service_config config)
{
    start_at(p, "tcp", config);
}

static void end_place(struct place *p)
{
    if (!p->stopped) {
        pb_service_stop(p->service, 0, on_stopped, p);
    }
    if (p->server) {
        pb_server_close(p->server, NULL, NULL);
    }
    end_loop(&p->loop);
    cr_assert(p->stopped);
    pb_object_unref(p->root);
    seen_fini(&p->seen);
    seen_fini(&p->at_server);
}

static int call(struct place *p, const char *method, int i)
{
    pb_error err = {0};
    int e = pb_service_call(p->service, method, on_answer, &p->seen, &err, "i", i);
    cr_assert_eq(e, err.code);
    return e;
}

PB_TEST(service, comes_back)
{
    struct place p;
    begin_place(&p);
    open_server(&p);
    start(&p, quick);
    cr_assert_eq(call(&p, "echo", 1), 0);
    cr_assert_eq(pb_service_waiting(p.service), 1);
    RUN_UNTIL(&p.loop, p.seen.answers == 1);
    cr_assert(p.up == 1 && p.down == 0 && p.seen.ready == 1);
    cr_assert_eq(call(&p, "hold", 2), 0);
    RUN_UNTIL(&p.loop, p.at_server.held);
    close_server(&p);
    RUN_UNTIL(&p.loop, p.down >= 1);
    /* Calls that were sent fail; calls that are made now wait. */
    cr_assert(p.seen.failures == 1 && p.seen.failure_code == PB_ERR_LOST);
    cr_assert_eq(p.delays[0], 5);
    cr_assert_eq(p.codes[0], PB_ERR_LOST);
    cr_assert_eq(call(&p, "echo", 3), 0);
    cr_assert_eq(call(&p, "echo", 4), 0);
    RUN_UNTIL(&p.loop, p.down >= 3);
    cr_assert_eq(pb_service_waiting(p.service), 2);
    open_server(&p);
    RUN_UNTIL(&p.loop, p.seen.answers == 3);
    cr_assert_eq(p.up, 2);
    int64_t last;
    cr_assert(pb_as_int(p.seen.answer, &last) == 0 && last == 4, "in order");
    end_place(&p);
}

static int unused_port(void)
{
    int port, fd = raw_listen(&port, 1);
    close(fd);
    return port;
}

PB_TEST(service, calls_with_keyword_arguments)
{
    struct place p;
    begin_place(&p);
    open_server(&p);
    start(&p, quick);
    pb_error err = {0};
    int64_t x;
    cr_assert_eq(pb_service_call(p.service, "echo", on_answer, &p.seen, &err, "x=i", 5),
                 0);
    RUN_UNTIL(&p.loop, p.seen.answers == 1);
    cr_assert(pb_as_int(p.seen.answer, &x) == 0 && x == 5);
    cr_assert_eq(
        pb_service_call(p.service, "echo", on_answer, &p.seen, &err, "x=i,i", 5, 6),
        PB_ERR_ARG);
    cr_assert_str_eq(err.text, "a positional argument follows a keyword argument");
    end_place(&p);
}

PB_TEST(service, waits_longer_and_longer)
{
    struct place p;
    begin_place(&p);
    p.port = unused_port();
    start(&p, (pb_service_config){.first_delay = 4,
                                  .factor = 2,
                                  .max_delay = 20,
                                  .jitter = -1,
                                  .max_failures = 5});
    cr_assert_eq(call(&p, "echo", 1), 0);
    RUN_UNTIL(&p.loop, p.seen.failures == 1);
    const int64_t expected[] = {8, 16, 20, 20, -1};
    cr_assert_eq(p.down, 5);
    cr_assert_arr_eq(p.delays, expected, sizeof expected);
    cr_assert_eq(p.seen.failure_code, PB_ERR_LOST);
    cr_assert_eq(p.why.code, PB_ERR_SYSTEM);
    pb_error err = {0};
    char says[64];
    snprintf(says, sizeof says, "there is no connection to tcp:127.0.0.1:%d", p.port);
    cr_assert_eq(pb_service_call(p.service, "echo", on_answer, &p.seen, &err, ""),
                 PB_ERR_LOST);
    cr_assert_str_eq(err.text, says);
    /* Until it is told to go on. */
    open_server(&p);
    pb_service_retry(p.service);
    RUN_UNTIL(&p.loop, p.up == 1);
    end_place(&p);
}

PB_TEST(service, adds_some_chance)
{
    struct place p;
    begin_place(&p);
    p.port = unused_port();
    start(&p, (pb_service_config){.first_delay = 1, .factor = 1, .jitter = 20});
    RUN_UNTIL(&p.loop, p.down >= 8);
    bool different = false;
    for (int i = 0; i < 8; i++) {
        cr_assert(p.delays[i] >= 1 && p.delays[i] <= 21);
        different |= p.delays[i] != p.delays[0];
    }
    cr_assert(different);
    end_place(&p);
}

PB_TEST(service, calls_that_may_not_wait)
{
    struct place p;
    begin_place(&p);
    open_server(&p);
    pb_service_config config = quick;
    config.fail_while_away = true;
    start(&p, config);
    cr_assert_eq(call(&p, "echo", 1), PB_ERR_LOST);
    RUN_UNTIL(&p.loop, p.up == 1);
    cr_assert_eq(call(&p, "echo", 1), 0);
    RUN_UNTIL(&p.loop, p.seen.answers == 1);
    end_place(&p);
}

PB_TEST(service, calls_wait_as_long_as_they_may)
{
    struct place p;
    begin_place(&p);
    p.port = unused_port();
    start(&p, (pb_service_config){.first_delay = 10000, .max_waiting = 2});
    const pb_call_options options = {.timeout = 30};
    cr_assert_eq(pb_service_call_values(p.service, "echo", NULL, NULL, &options,
                                        on_answer, &p.seen, NULL),
                 0);
    cr_assert_eq(call(&p, "echo", 1), 0);
    pb_error err = {0};
    cr_assert_eq(pb_service_call(p.service, "echo", on_answer, &p.seen, &err, ""),
                 PB_ERR_LIMIT);
    cr_assert_eq(strncmp(err.text, "2 calls wait for a connection to", 32), 0);
    RUN_UNTIL(&p.loop, p.seen.failures == 1);
    cr_assert_eq(p.seen.failure_code, PB_ERR_TIMEOUT);
    cr_assert_str_eq(p.seen.failure_text,
                     "twisted.internet.defer.TimeoutError: no connection was made in "
                     "time for the call",
                     "%s", p.seen.failure_text);
    cr_assert_eq(pb_service_waiting(p.service), 1);
    end_place(&p);
    cr_assert_eq(p.seen.failures, 0, "seen_fini has run");
}

/* The rest of the timeout counts once the call is made. */
PB_TEST(service, time_out_goes_on)
{
    struct place p;
    begin_place(&p);
    open_server(&p);
    start(&p, quick);
    const pb_call_options options = {.timeout = 60};
    cr_assert_eq(pb_service_call_values(p.service, "hold", NULL, NULL, &options,
                                        on_answer, &p.seen, NULL),
                 0);
    RUN_UNTIL(&p.loop, p.seen.failures == 1);
    cr_assert_eq(p.seen.failure_code, PB_ERR_TIMEOUT);
    cr_assert_not_null(p.at_server.held);
    end_place(&p);
}

PB_TEST(service, what_cannot_be_sent_fails_alone)
{
    struct place p;
    begin_place(&p);
    open_server(&p);
    start(&p, quick);
    /* A reference of another connection. */
    pb_session *other = pb_session_client_new(&(pb_session_config){0}, 0);
    pb_remote *theirs = pb_session_root(other);
    pb_value *args = pb_build(NULL, "(N)", pb_remote_value(theirs));
    cr_assert_eq(pb_service_call_values(p.service, "echo", args, NULL, NULL, on_answer,
                                        &p.seen, NULL),
                 0);
    cr_assert_eq(call(&p, "echo", 1), 0);
    RUN_UNTIL(&p.loop, p.seen.answers == 1);
    cr_assert_eq(p.seen.failures, 1);
    pb_value_unref(args);
    pb_remote_unref(theirs);
    pb_session_free(other);
    end_place(&p);
}

PB_TEST(service, stops_from_its_callback)
{
    struct place p;
    begin_place(&p);
    p.port = unused_port();
    p.stop_in_down = true;
    start(&p, quick);
    cr_assert_eq(call(&p, "echo", 1), 0);
    uv_run(&p.loop.uv, UV_RUN_DEFAULT);
    cr_assert(p.stopped && p.down == 1 && p.seen.failures == 1);
    end_place(&p);
}

PB_TEST(service, lets_answers_out_when_it_stops)
{
    struct place p;
    begin_place(&p);
    open_server(&p);
    start(&p, quick);
    cr_assert_eq(call(&p, "hold", 1), 0);
    RUN_UNTIL(&p.loop, p.at_server.held);
    pb_service_stop(p.service, -1, on_stopped, &p);
    cr_assert_eq(pb_request_answer_steal(p.at_server.held, pb_none()), 0);
    RUN_UNTIL(&p.loop, p.stopped);
    cr_assert(p.seen.answers == 1 && p.seen.failures == 0 && p.down == 0);
    end_place(&p);
}

/* ---- TLS ---- */

#ifndef PB__WITHOUT_TLS
static bool went_on_with_a_session(const struct place *p)
{
    const pb_session *s = pb_remote_session(pb_service_root(p->service));
    return pb__tls_resumed(((const pb_conn *)s->driver)->tls);
}

PB_TEST(service, goes_on_with_a_session_of_tls)
{
    struct place p;
    make_certificate();
    begin_place(&p);
    pb_net_config config = config_of(&p.at_server);
    config.session.root = p.root;
    config.tls_certificate = certificate_path;
    pb_error err = {0};
    p.server = pb_serve(p.loop.pb, "tls:0:interface=127.0.0.1", &config, &err);
    cr_assert(p.server, "%s", err.text);
    p.port = pb_server_port(p.server);
    pb_service_config service = quick;
    service.net.tls_ca = certificate_path;
    start_at(&p, "tls", service);
    for (int i = 1; i <= 3; i++) {
        cr_assert_eq(call(&p, "echo", 1), 0);
        RUN_UNTIL(&p.loop, p.seen.answers == i);
        cr_assert_eq(went_on_with_a_session(&p), i > 1);
        cr_assert_eq(call(&p, "hold", 1), 0);
        RUN_UNTIL(&p.loop, p.at_server.held && pb_request_session(p.at_server.held));
        pb_session_close(pb_request_session(p.at_server.held));
        RUN_UNTIL(&p.loop, p.down >= i);
    }
    end_place(&p);
    remove(certificate_path);
}
#endif

/* ---- Login ---- */

static int who_am_i(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req, pb_str("alice"));
}

static const pb_class avatar_class = {
    .name = "Avatar", .perspective = (const pb_method[]){{"who", who_am_i}, {0}}};

static int grant(pb_attempt *a, void *user_data)
{
    (void)user_data;
    pb_object *avatar = pb_object_new(&avatar_class, NULL);
    int e = avatar ? pb_attempt_grant(a, avatar, NULL, NULL) : PB_ERR_NOMEM;
    pb_object_unref(avatar);
    return e;
}

static pb_portal *open_portal(struct place *p)
{
    pb_portal *portal = pb_portal_new(grant, NULL);
    cr_assert_eq(pb_portal_add_user(portal, pb_span_of("alice"), pb_span_of("sesame")),
                 0);
    pb_object_unref(p->root);
    p->root = pb_portal_root(portal);
    open_server(p);
    return portal;
}

PB_TEST(service, logs_in_each_time)
{
    struct place p;
    begin_place(&p);
    pb_portal *portal = open_portal(&p);
    char password[] = "sesame";
    pb_credentials alice = {.username = "alice", .password = password};
    pb_service_config config = quick;
    config.login = &alice;
    start(&p, config);
    memset(password, 'x', sizeof password - 1); /* it has a copy */
    pb_error err = {0};
    cr_assert_eq(pb_service_call(p.service, "who", on_answer, &p.seen, &err, ""), 0);
    RUN_UNTIL(&p.loop, p.seen.answers == 1);
    close_server(&p);
    RUN_UNTIL(&p.loop, p.down >= 1);
    open_server(&p);
    cr_assert_eq(pb_service_call(p.service, "who", on_answer, &p.seen, &err, ""), 0);
    RUN_UNTIL(&p.loop, p.seen.answers == 2);
    cr_assert_eq(p.up, 2);
    pb_portal_unref(portal);
    end_place(&p);
}

PB_TEST(service, is_not_let_in)
{
    struct place p;
    begin_place(&p);
    pb_portal *portal = open_portal(&p);
    pb_credentials wrong = {.username = "alice", .password = "wrong"};
    pb_service_config config = quick;
    config.login = &wrong;
    config.max_failures = 2;
    start(&p, config);
    cr_assert_eq(call(&p, "who", 1), 0);
    RUN_UNTIL(&p.loop, p.seen.failures == 1);
    cr_assert(p.up == 0 && p.down == 2);
    cr_assert_eq(p.why.code, PB_ERR_AUTH);
    cr_assert_str_eq(p.why.text, "login: twisted.cred.error.UnauthorizedLogin: ");
    pb_portal_unref(portal);
    end_place(&p);
}

/* ---- Memory ---- */

/* Whichever allocation fails, each call ends once, and all memory is freed. */
static int converse(void *user_data)
{
    (void)user_data;
    struct place p = {0};
    pb_error err = {0};
    struct seen at_server = {0};
    begin_loop(&p.loop);
    pb_net_config server = config_of(&at_server);
    server.session.root = p.root = pb_object_new(&root_class, &at_server);
    p.server = p.root ? pb_serve(p.loop.pb, "127.0.0.1:0", &server, &err) : NULL;
    pb_credentials nobody = {.anonymous = true};
    pb_service_config config = quick;
    config.max_failures = 2;
    config.login = &nobody; /* which this root refuses */
    if (p.server) {
        p.service =
            pb_service_new(p.loop.pb, at_port(pb_server_port(p.server)), &config, &err);
    }
    int made = p.service &&
               pb_service_call(p.service, "echo", on_answer, &p.seen, &err, "i", 1) == 0;
    if (p.service) {
        while (p.seen.failures < made) {
            cr_assert_neq(uv_run(&p.loop.uv, UV_RUN_ONCE), 0);
        }
        pb_service_stop(p.service, 0, on_stopped, &p);
    }
    if (p.server) {
        pb_server_close(p.server, NULL, NULL);
    }
    pb_object_unref(p.root);
    end_loop(&p.loop);
    cr_assert(!p.service || p.stopped);
    cr_assert_eq(p.seen.answers, 0);
    seen_fini(&p.seen);
    return made ? 0 : PB_ERR_NOMEM;
}

PB_TEST(service, memory)
{
    pb__test_each_failure(converse, NULL);
}
