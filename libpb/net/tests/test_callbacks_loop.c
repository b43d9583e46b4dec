/* SPDX-License-Identifier: MIT
 *
 * Every entry point of connections, servers, services, posts and the loop, called from
 * every callback that one of them or their sessions has: each does what it says, or
 * returns an error at once; the loop comes to its end, everything is closed once, nothing
 * is left. */
#include "libpb/net/tests/matrix_server.h"
#include "pb/service.h"

#define PLACES(X)       \
    X(SERVED)           \
    X(ANSWERED)         \
    X(TIMED_OUT)        \
    X(DESTROYED)        \
    X(ROOT)             \
    X(SERVER_READY)     \
    X(SERVER_CLOSED)    \
    X(SERVER_LOG)       \
    X(CONN_READY)       \
    X(CONN_CLOSED)      \
    X(CONN_TOLD)        \
    X(CONN_DRAINED)     \
    X(UP)               \
    X(DOWN)             \
    X(SERVICE_ANSWERED) \
    X(SERVICE_STOPPED)  \
    X(POSTED)           \
    X(SERVER_GONE)

enum place {
#define PLACE_ENUM(name) name,
    PLACES(PLACE_ENUM)
#undef PLACE_ENUM
};

static const char *const places[] = {
#define PLACE_NAME(name) #name,
    PLACES(PLACE_NAME)
#undef PLACE_NAME
};

struct rig {
    enum place place;
    int (*deed)(void);
    bool done;
    int code;
    const char *elsewhere; /* the endpoint of a server in another process */
    char endpoint[48];     /* of ours */
    pb_server *server;     /* these four are NULL once they are about to go */
    pb_conn *conn;
    pb_service *service;
    pb_post *post, *post_to_free;
    pb_object *root;
    pb_request *held;
    uv_timer_t timer; /* looks whether the place was passed */
    int turns;
    int made, destroyed, opened, closed, called, ended, stopped, gone;
};

static struct rig *rig;

static void pass(enum place place)
{
    if (place == rig->place && !rig->done) {
        rig->done = true;
        rig->code = rig->deed();
    }
}

/* ---- The callbacks ---- */

static int serve_echo(void *self, pb_request *r)
{
    pass(SERVED);
    return m_echo(self, r);
}

static void destroy(void *self)
{
    (void)self;
    rig->destroyed++;
    pass(DESTROYED);
}

static const pb_class given_class = {.name = "Given", .destroy = destroy};

static int serve_give(void *self, pb_request *r)
{
    rig->made++;
    return m_give(r, &given_class, self);
}

static int serve_bad(void *self, pb_request *r)
{
    (void)self;
    return pb_request_fail(r, "builtins.TypeError", "bad");
}

static int serve_hold(void *self, pb_request *r)
{
    (void)self;
    pb_request *before = rig->held;
    rig->held = pb_request_ref(r);
    pb_request_unref(before);
    return 0;
}

static const pb_class root_class = {.name = "Root",
                                    .remote = (const pb_method[]){{"echo", serve_echo},
                                                                  {"give", serve_give},
                                                                  {"bad", serve_bad},
                                                                  {"hold", serve_hold},
                                                                  {0}}};

static pb_object *root_object(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
    rig->opened++;
    pass(ROOT);
    return pb_object_ref(rig->root);
}

static void server_ready(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
    pass(SERVER_READY);
}

static void server_closed(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    (void)why;
    (void)user_data;
    rig->closed++;
    pass(SERVER_CLOSED);
}

static void server_log(pb_session *s, pb_log_level level, const char *text,
                       void *user_data)
{
    (void)s;
    (void)level;
    (void)text;
    (void)user_data;
    pass(SERVER_LOG);
}

static void answered(pb_value *result, pb_failure *failure, void *user_data)
{
    const enum place *place = user_data;
    cr_assert_neq(result == NULL, failure == NULL);
    rig->ended++;
    pass(*place);
}

static void call(pb_remote *to, const char *method, pb_value *args, int64_t timeout,
                 const enum place *place)
{
    const pb_call_options options = {.timeout = timeout};
    rig->called += pb_remote_call_values(to, method, args, NULL, &options, answered,
                                         (void *)place, NULL, NULL) == 0;
    pb_value_unref(args);
}

static void told(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
    pass(CONN_TOLD);
}

static void conn_ready(pb_session *s, void *user_data)
{
    static const enum place answer = ANSWERED, timed = TIMED_OUT;
    static char large[1 << 18];
    (void)user_data;
    rig->opened++;
    pb_remote *root = pb_session_root(s);
    pb_session_notify_on_disconnect(s, told, NULL);
    call(root, "hold", NULL, 1, &timed);
    call(root, "give", NULL, 0, &answer); /* which is given back at once */
    call(root, "bad", NULL, 0, &answer);
    call(root, "echo", pb_build(NULL, "(y#)", large, sizeof large), 0, &answer);
    pb_remote_unref(root);
    pass(CONN_READY);
}

static void conn_drained(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
    pass(CONN_DRAINED);
}

static void conn_closed(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    (void)why;
    (void)user_data;
    rig->conn = NULL;
    rig->closed++;
    pass(CONN_CLOSED);
}

static void service_ready(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
    rig->opened++;
}

static void service_closed(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    (void)why;
    (void)user_data;
    rig->closed++;
}

static void up(pb_service *s, pb_remote *root, void *user_data)
{
    (void)s;
    (void)root;
    (void)user_data;
    pass(UP);
}

static void down(pb_service *s, const pb_error *why, int64_t retry_in, void *user_data)
{
    (void)s;
    (void)why;
    (void)retry_in;
    (void)user_data;
    pass(DOWN);
}

static void service_stopped(void *user_data)
{
    (void)user_data;
    rig->stopped++;
    pass(SERVICE_STOPPED);
}

static void server_gone(void *user_data)
{
    (void)user_data;
    rig->gone++;
    pass(SERVER_GONE);
}

static void posted(void *data)
{
    (void)data;
    pass(POSTED);
}

/* ---- What is done ---- */

static int do_nothing(void)
{
    return 0;
}

static int do_close(void)
{
    pb_conn_close(rig->conn);
    return 0;
}

static int do_drain(void)
{
    pb_conn_drain(rig->conn, 5);
    return 0;
}

static int do_call(void)
{
    static const enum place answer = ANSWERED;
    pb_remote *root = pb_conn_root(rig->conn);
    if (root) {
        call(root, "echo", pb_build(NULL, "(i)", 1), 0, &answer);
    }
    pb_remote_unref(root);
    return 0;
}

static int do_close_server(void)
{
    pb_server *s = rig->server;
    rig->server = NULL;
    pb_server_close(s, server_gone, NULL);
    return 0;
}

static int do_drain_server(void)
{
    pb_server *s = rig->server;
    rig->server = NULL;
    pb_server_drain(s, 5, server_gone, NULL);
    if (s) {
        pb_server_drain(s, 5, server_gone, NULL);
        pb_server_close(s, server_gone, NULL);
    }
    return 0;
}

static int do_stop(void)
{
    pb_service *s = rig->service;
    rig->service = NULL;
    if (s) {
        pb_service_stop(s, 5, service_stopped, NULL);
        pb_service_stop(s, 5, service_stopped, NULL);
    }
    return 0;
}

static int do_retry(void)
{
    if (rig->service) {
        pb_service_retry(rig->service);
    }
    return 0;
}

static int do_service_call(void)
{
    static const enum place answer = SERVICE_ANSWERED;
    if (rig->service) {
        rig->called += pb_service_call(rig->service, "echo", answered, (void *)&answer,
                                       NULL, "i", 2) == 0;
    }
    return 0;
}

static int do_post(void)
{
    return rig->post ? pb_post_run(rig->post, posted, NULL) : 0;
}

static int do_close_post(void)
{
    pb_post *p = rig->post;
    rig->post = NULL;
    pb_post_close(p);
    return 0;
}

static int do_run(void)
{
    return pb_run();
}

/* A connection and a server that go at once. */
static int do_open_others(void)
{
    pb_error err = {0};
    const pb_net_config config = {.session.root = rig->root};
    pb_server *s = pb_serve(pb_loop_default(), "127.0.0.1:0", &config, &err);
    pb_conn *c = pb_connect(pb_loop_default(), rig->endpoint, NULL, &err);
    pb_conn_close(c);
    pb_server_close(s, NULL, NULL);
    return s && c ? 0 : err.code;
}

static int do_open_client(void)
{
    pb_error err = {0};
    pb_client *c = pb_client_open(rig->elsewhere, NULL, &err);
    pb_value *v = pb_client_call(c, pb_client_root(c), "echo", &err, "i", 3);
    cr_assert(v == pb_int(3) || err.code);
    pb_value_unref(v);
    pb_client_free(c);
    return err.code;
}

/* Our own server cannot answer while we wait: the timeout ends that. */
static int do_open_client_of_ours(void)
{
    pb_error err = {0};
    const pb_net_config config = {.connect_timeout = 20,
                                  .session.negotiation_timeout = 20};
    pb_client *c = pb_client_open(rig->endpoint, &config, &err);
    cr_assert_null(c);
    return err.code == PB_ERR_TIMEOUT || err.code == PB_ERR_SYSTEM ||
                   err.code == PB_ERR_LOST
               ? 0
               : err.code;
}

static int do_end_all(void)
{
    do_close();
    do_stop();
    do_close_server();
    do_close_post();
    return 0;
}

static const struct {
    const char *name;
    int (*deed)(void);
    int code;
} deeds[] = {
    {"nothing", do_nothing, 0},
    {"close the connection", do_close, 0},
    {"drain the connection", do_drain, 0},
    {"call", do_call, 0},
    {"close the server", do_close_server, 0},
    {"drain the server", do_drain_server, 0},
    {"stop the service", do_stop, 0},
    {"retry", do_retry, 0},
    {"call the service", do_service_call, 0},
    {"post", do_post, 0},
    {"close the post", do_close_post, 0},
    {"run", do_run, PB_ERR_STATE},
    {"open others", do_open_others, 0},
    {"a client", do_open_client, 0},
    {"a client of ours", do_open_client_of_ours, 0},
    {"end all", do_end_all, 0},
};

/* ---- All of them ---- */

static void on_timer(uv_timer_t *timer)
{
    bool in_vain = ++rig->turns > 1000;
    bool calm = rig->called >= 5 && rig->ended == rig->called;
    bool at_end = rig->place == CONN_CLOSED || rig->place == CONN_TOLD ||
                  rig->place == SERVER_CLOSED || rig->place == SERVER_GONE ||
                  rig->place == SERVICE_STOPPED;
    if (rig->place == DOWN && calm) {
        do_close_server();
    }
    if (rig->done || (at_end && calm) || in_vain) {
        do_end_all();
        uv_close((uv_handle_t *)timer, NULL);
    }
}

static void open_all(void)
{
    pb_error err = {0};
    rig->root = pb_object_new(&root_class, NULL);
    pb_net_config config = {.session = {.root_object = root_object,
                                        .on_ready = server_ready,
                                        .on_close = server_closed,
                                        .on_log = server_log}};
    rig->server = pb_serve(pb_loop_default(), "tcp:0:interface=127.0.0.1", &config, &err);
    cr_assert(rig->server, "%s", err.text);
    snprintf(rig->endpoint, sizeof rig->endpoint, "tcp:127.0.0.1:%d",
             pb_server_port(rig->server));
    config = (pb_net_config){.session = {.on_ready = conn_ready,
                                         .on_drained = conn_drained,
                                         .on_close = conn_closed,
                                         .high_mark = 1000,
                                         .low_mark = 900}};
    rig->conn = pb_connect(pb_loop_default(), rig->endpoint, &config, &err);
    const pb_service_config service = {
        .net.session = {.on_ready = service_ready, .on_close = service_closed},
        .on_up = up,
        .on_down = down,
        .first_delay = 1,
        .jitter = -1};
    rig->service = pb_service_new(pb_loop_default(), rig->endpoint, &service, &err);
    rig->post = rig->post_to_free = pb_post_new(pb_loop_default(), &err);
    cr_assert(rig->conn && rig->service && rig->post, "%s", err.text);
    pb_post_run(rig->post, posted, NULL);
    do_service_call();
    uv_timer_init(uv_default_loop(), &rig->timer);
    uv_timer_start(&rig->timer, on_timer, 5, 5);
}

static void run(const char *elsewhere, size_t place, size_t deed)
{
    struct rig own = {
        .place = (enum place)place, .deed = deeds[deed].deed, .elsewhere = elsewhere};
    const char *where = places[place], *what = deeds[deed].name;
    rig = &own;
    open_all();
    cr_assert_eq(pb_run(), 0);
    cr_assert(own.done, "%s is never passed", where);
    cr_assert_eq(own.code, deeds[deed].code, "%s in %s: %s", what, where,
                 pb_strerror(own.code));
    cr_assert_eq(own.ended, own.called, "%s in %s: %d calls ended of %d", what, where,
                 own.ended, own.called);
    cr_assert_eq(own.made, own.destroyed, "%s in %s", what, where);
    cr_assert_eq(own.stopped, 1, "%s in %s: stopped %d times", what, where, own.stopped);
    cr_assert_eq(own.gone, 1, "%s in %s: gone %d times", what, where, own.gone);
    cr_assert_geq(own.closed, own.opened, "%s in %s: closed %d of %d", what, where,
                  own.closed, own.opened);
    pb_post_free(own.post_to_free);
    pb_request_unref(own.held);
    pb_object_unref(own.root);
    cr_assert_eq(pb__test_live(), 0, "%s in %s: %ld blocks left", what, where,
                 pb__test_live());
}

PB_TEST(callbacks_loop, everything_is_allowed_everywhere)
{
    struct m_server server;
    m_begin(&server, "tcp", &(pb_net_config){.keep_alive = 0});
    for (size_t place = 0; place < sizeof places / sizeof *places; place++) {
        for (size_t deed = 0; deed < sizeof deeds / sizeof *deeds; deed++) {
            run(server.endpoint, place, deed);
        }
    }
    m_end(&server);
}
