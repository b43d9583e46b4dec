/* SPDX-License-Identifier: MIT
 *
 * The rule for NULL in loops, connections, servers, services, posts and files: see
 * tests/null.h. Those of the blocking client are in test_null_client.c. */
#include <limits.h>

#include "libpb/net/tests/peers.h"
#include "pb/files.h"
#include "pb/service.h"
#include "tests/null.h"

#define NO_LOOP \
    "the loop is NULL; the default loop is NULL if there are too many open files"

static pb_error err;

#define NOWHERE "tcp:127.0.0.1:9"
#define ANYWHERE "tcp:0:interface=127.0.0.1"

/* The largest numbers. */
static pb_net_config largest(void)
{
    return (pb_net_config){.connect_timeout = INT64_MAX,
                           .max_connections = SIZE_MAX,
                           .idle_timeout = INT64_MAX,
                           .write_timeout = INT64_MAX,
                           .keep_alive = INT_MAX,
                           .ping_method = "ping",
                           .ping_interval = INT64_MAX};
}

/* ---- Loops ---- */

PB_TEST(null, pb_loop_default)
{
    GIVES(pb_loop_default(), pb_loop_default());
}

PB_TEST(null, pb_run)
{
    GIVES(pb_run(), 0); /* there is nothing to do */
    GIVES(pb_run(), 0);
}

PB_TEST(null, pb_loop_uv)
{
    GIVES(pb_loop_uv(NULL), NULL);
}

PB_TEST(null, pb_loop_ref)
{
    GIVES(pb_loop_ref(NULL), NULL);
}

PB_TEST(null, pb_loop_unref)
{
    pb_loop_unref(NULL);
}

static int watch_new(void *loop, int fd, pb_watch *w, void **watch)
{
    (void)loop;
    (void)fd;
    (void)w;
    *watch = NULL;
    return 0;
}

static int watch_set(void *loop, void *watch, int events)
{
    (void)loop;
    (void)watch;
    (void)events;
    return 0;
}

static void watch_free(void *loop, void *watch)
{
    (void)loop;
    (void)watch;
}

static void set_timer(void *loop, int64_t delay)
{
    (void)loop;
    (void)delay;
}

PB_TEST(null, pb_loop_new)
{
    const pb_loop_ops ops = {.watch_new = watch_new,
                             .watch_set = watch_set,
                             .watch_free = watch_free,
                             .set_timer = set_timer};
    pb_loop *l = pb_loop_new(&ops, NULL);
    cr_assert_not_null(l);
    pb_loop_unref(l);
    GIVES(pb_loop_new(NULL, NULL), NULL);
    pb_loop_ops lacking[] = {ops, ops, ops, ops};
    lacking[0].watch_new = NULL;
    lacking[1].watch_set = NULL;
    lacking[2].watch_free = NULL;
    lacking[3].set_timer = NULL;
    for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++) {
        GIVES(pb_loop_new(&lacking[i], NULL), NULL);
    }
}

PB_TEST(null, pb_loop_due)
{
    pb_loop_due(NULL);
}

PB_TEST(null, pb_watch_ready)
{
    pb_watch_ready(NULL, PB_WATCH_READ);
}

/* ---- Connections ---- */

PB_TEST(null, pb_connect)
{
    struct loop loop;
    static const pb_net_config config;
    begin_loop(&loop);
    GIVES(pb_connect(NULL, NOWHERE, &config, &err), NULL);
    TOLD(&err, PB_ERR_ARG, NO_LOOP);
    GIVES(pb_connect(loop.pb, NULL, &config, &err), NULL);
    TOLD_NULL(&err, "the endpoint");
    GIVES(pb_connect(loop.pb, "", &config, NULL), NULL);
    GIVES(pb_connect(NULL, NULL, NULL, NULL), NULL);
    pb_conn *c = pb_connect(loop.pb, NOWHERE, NULL, &err);
    cr_assert_not_null(c);
    pb_conn_close(c);
    const pb_net_config most = largest();
    c = pb_connect(loop.pb, NOWHERE, &most, &err);
    cr_assert_not_null(c);
    pb_conn_close(c);
    end_loop(&loop);
}

PB_TEST(null, pb_conn_adopt)
{
    struct loop loop;
    static const pb_net_config config;
    const pb_net_config most = largest();
    int ends[2];
    begin_loop(&loop);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    GIVES(pb_conn_adopt(NULL, ends[0], PB_ADOPT_CLIENT, &config, &err), NULL);
    TOLD(&err, PB_ERR_ARG, NO_LOOP);
    GIVES(close(ends[0]), -1); /* it was taken */
    GIVES(pb_conn_adopt(loop.pb, -1, 0, &config, &err), NULL);
    TOLD(&err, PB_ERR_SYSTEM, "cannot use descriptor -1: bad file descriptor");
    GIVES(pb_conn_adopt(loop.pb, INT_MAX, INT_MAX, &config, NULL), NULL);
    GIVES(pb_conn_adopt(NULL, -1, 0, NULL, NULL), NULL);
    pb_conn *c = pb_conn_adopt(loop.pb, ends[1], 0, NULL, &err);
    cr_assert_not_null(c);
    pb_conn_close(c);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    c = pb_conn_adopt(loop.pb, ends[0], 0, &most, &err);
    cr_assert_not_null(c);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    pb_conn_close(c);
    close(ends[1]);
    end_loop(&loop);
}

/* Without a session it says so, and without a text nothing. */
PB_TEST(null, pb_log_to_stderr)
{
    struct seen seen = {0};
    struct loop loop;
    begin_loop(&loop);
    int port, fd = raw_listen(&port, 1);
    pb_net_config config = config_of(&seen);
    pb_conn *c = pb_connect(loop.pb, at_port(port), &config, NULL);
    pb_log_to_stderr(NULL, PB_LOG_INFO, "text", NULL);
    pb_log_to_stderr(pb_conn_session(c), PB_LOG_INFO, NULL, NULL);
    pb_log_to_stderr(NULL, PB_LOG_INFO, NULL, NULL);
    pb_conn_close(c);
    RUN_UNTIL(&loop, seen.closed);
    close(fd);
    end_loop(&loop);
}

PB_TEST(null, pb_conn_session)
{
    GIVES(pb_conn_session(NULL), NULL);
}

PB_TEST(null, pb_conn_root)
{
    GIVES(pb_conn_root(NULL), NULL);
}

/* A connection that is being made. */
static pb_conn *connecting(struct loop *loop)
{
    begin_loop(loop);
    pb_conn *c = pb_connect(loop->pb, NOWHERE, NULL, NULL);
    cr_assert_not_null(c);
    return c;
}

PB_TEST(null, pb_conn_close)
{
    struct loop loop;
    pb_conn_close(NULL);
    pb_conn *c = connecting(&loop);
    pb_conn_close(c);
    pb_conn_close(c);
    pb_conn_drain(c, 0);
    end_loop(&loop);
}

PB_TEST(null, pb_conn_drain)
{
    struct loop loop;
    pb_conn_drain(NULL, 0);
    pb_conn *c = connecting(&loop);
    pb_conn_drain(c, INT64_MAX);
    pb_conn_drain(c, INT64_MIN);
    pb_conn_drain(c, 0);
    end_loop(&loop);
}

/* ---- Servers ---- */

static void count(void *user_data)
{
    ++*(int *)user_data;
}

PB_TEST(null, pb_serve)
{
    struct loop loop;
    static const pb_net_config config;
    const pb_net_config most = largest();
    begin_loop(&loop);
    GIVES(pb_serve(NULL, ANYWHERE, &config, &err), NULL);
    TOLD(&err, PB_ERR_ARG, NO_LOOP);
    GIVES(pb_serve(loop.pb, NULL, &config, &err), NULL);
    TOLD_NULL(&err, "the endpoint");
    GIVES(pb_serve(loop.pb, "", &config, NULL), NULL);
    GIVES(pb_serve(NULL, NULL, NULL, NULL), NULL);
    pb_server *s = pb_serve(loop.pb, ANYWHERE, NULL, &err);
    cr_assert_not_null(s);
    pb_server_close(s, NULL, NULL);
    s = pb_serve(loop.pb, ANYWHERE, &most, &err);
    cr_assert_not_null(s);
    pb_server_close(s, NULL, NULL);
    end_loop(&loop);
}

PB_TEST(null, pb_server_port)
{
    GIVES(pb_server_port(NULL), 0);
}

PB_TEST(null, pb_server_connections)
{
    GIVES(pb_server_connections(NULL), 0u);
}

PB_TEST(null, pb_server_close)
{
    struct loop loop;
    int closed = 0;
    begin_loop(&loop);
    pb_server_close(NULL, count, &closed);
    pb_server_close(NULL, NULL, NULL);
    pb_server *s = pb_serve(loop.pb, ANYWHERE, NULL, NULL);
    pb_server_close(s, NULL, NULL);
    pb_server_close(s, count, &closed); /* the first call counts */
    pb_server_drain(s, 0, count, &closed);
    end_loop(&loop);
    GIVES(closed, 0);
}

PB_TEST(null, pb_server_drain)
{
    struct loop loop;
    int closed = 0;
    begin_loop(&loop);
    pb_server_drain(NULL, 0, count, &closed);
    pb_server_drain(NULL, 0, NULL, NULL);
    pb_server *s = pb_serve(loop.pb, ANYWHERE, NULL, NULL);
    pb_server_drain(s, INT64_MAX, count, &closed);
    pb_server_drain(s, INT64_MIN, NULL, NULL);
    end_loop(&loop);
    GIVES(closed, 1);
}

/* ---- Services ---- */

PB_TEST(null, pb_service_new)
{
    struct loop loop;
    static const pb_service_config config;
    const pb_service_config most = {.net = largest(),
                                    .first_delay = INT64_MAX,
                                    .factor = 1e308,
                                    .max_delay = INT64_MAX,
                                    .jitter = INT64_MAX,
                                    .max_failures = SIZE_MAX,
                                    .max_waiting = SIZE_MAX,
                                    .login_timeout = INT64_MAX};
    const pb_service_config least = {.net = {.keep_alive = INT_MIN},
                                     .first_delay = INT64_MIN,
                                     .factor = -1e308,
                                     .max_delay = INT64_MIN,
                                     .jitter = INT64_MIN,
                                     .max_failures = 3,
                                     .login_timeout = INT64_MIN};
    begin_loop(&loop);
    GIVES(pb_service_new(NULL, NOWHERE, &config, &err), NULL);
    TOLD(&err, PB_ERR_ARG, NO_LOOP);
    GIVES(pb_service_new(loop.pb, NULL, &config, &err), NULL);
    TOLD_NULL(&err, "the endpoint");
    GIVES(pb_service_new(loop.pb, "", &config, NULL), NULL);
    GIVES(pb_service_new(NULL, NULL, NULL, NULL), NULL);
    const pb_service_config *const configs[] = {NULL, &config, &most, &least};
    for (size_t i = 0; i < sizeof configs / sizeof *configs; i++) {
        pb_service *s = pb_service_new(loop.pb, NOWHERE, configs[i], NULL);
        cr_assert_not_null(s);
        for (int turns = 0; turns < 20; turns++) {
            uv_run(&loop.uv, UV_RUN_NOWAIT);
        }
        pb_service_stop(s, 0, NULL, NULL);
    }
    end_loop(&loop);
}

PB_TEST(null, pb_service_root)
{
    GIVES(pb_service_root(NULL), NULL);
}

PB_TEST(null, pb_service_waiting)
{
    GIVES(pb_service_waiting(NULL), 0u);
}

static void ended(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)result;
    *(int *)user_data += pb_failure_code(failure) == PB_ERR_LOST;
}

PB_TEST(null, pb_service_call_values)
{
    struct loop loop;
    int ends = 0;
    begin_loop(&loop);
    pb_value *args = pb_build(NULL, "(i)", 1), *kwargs = pb_dict();
    const pb_call_options most = {.timeout = INT64_MAX};
    pb_service *s = pb_service_new(loop.pb, NOWHERE, NULL, NULL);
    GIVES(pb_service_call_values(NULL, "a", args, kwargs, &most, ended, &ends, &err),
          PB_ERR_ARG);
    TOLD_NULL(&err, "the service");
    GIVES(pb_service_call_values(s, NULL, args, kwargs, &most, ended, &ends, &err),
          PB_ERR_ARG);
    TOLD_NULL(&err, "the method to call");
    GIVES(pb_service_call_values(s, "a", NULL, kwargs, &most, ended, &ends, &err), 0);
    GIVES(pb_service_call_values(s, "a", args, NULL, &most, ended, &ends, &err), 0);
    GIVES(pb_service_call_values(s, "a", args, kwargs, NULL, ended, &ends, &err), 0);
    GIVES(pb_service_call_values(s, "a", args, kwargs, &most, NULL, &ends, &err), 0);
    GIVES(pb_service_call_values(s, "a", args, kwargs, &most, ended, &ends, NULL), 0);
    GIVES(pb_service_call_values(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
          PB_ERR_ARG);
    pb_service_stop(s, 0, NULL, NULL);
    pb_value_unref(args);
    pb_value_unref(kwargs);
    end_loop(&loop);
    GIVES(ends, 4);
}

PB_TEST(null, pb_service_call)
{
    struct loop loop;
    int ends = 0;
    begin_loop(&loop);
    pb_service *s = pb_service_new(loop.pb, NOWHERE, NULL, NULL);
    GIVES(pb_service_call(NULL, "a", ended, &ends, &err, "N", pb_list()), PB_ERR_ARG);
    TOLD_NULL(&err, "the service");
    GIVES(pb_service_call(s, NULL, ended, &ends, &err, "N", pb_list()), PB_ERR_ARG);
    TOLD_NULL(&err, "the method to call");
    GIVES(pb_service_call(s, "a", NULL, &ends, &err, "N", pb_list()), 0);
    GIVES(pb_service_call(s, "a", ended, &ends, NULL, "N", pb_list()), 0);
    GIVES(pb_service_call(s, "a", ended, &ends, &err, NULL), PB_ERR_ARG);
    TOLD_NULL(&err, "the format");
    GIVES(pb_service_call(NULL, NULL, NULL, NULL, NULL, NULL), PB_ERR_ARG);
    pb_service_stop(s, 0, NULL, NULL);
    end_loop(&loop);
    GIVES(ends, 1);
}

PB_TEST(null, pb_service_retry)
{
    pb_service_retry(NULL);
}

PB_TEST(null, pb_service_stop)
{
    struct loop loop;
    int stopped = 0;
    begin_loop(&loop);
    pb_service_stop(NULL, 0, count, &stopped);
    pb_service_stop(NULL, 0, NULL, NULL);
    pb_service *s = pb_service_new(loop.pb, NOWHERE, NULL, NULL);
    pb_service_stop(s, INT64_MAX, NULL, NULL);
    pb_service_stop(s, INT64_MIN, count, &stopped); /* the first call counts */
    end_loop(&loop);
    GIVES(stopped, 0);
}

/* ---- Posts ---- */

PB_TEST(null, pb_post_new)
{
    struct loop loop;
    begin_loop(&loop);
    GIVES(pb_post_new(NULL, &err), NULL);
    TOLD(&err, PB_ERR_ARG, NO_LOOP);
    pb_post *p = pb_post_new(loop.pb, NULL);
    cr_assert_not_null(p);
    GIVES(pb_post_new(NULL, NULL), NULL);
    pb_post_close(p);
    pb_post_free(p);
    end_loop(&loop);
}

PB_TEST(null, pb_post_run)
{
    struct loop loop;
    int runs = 0;
    begin_loop(&loop);
    pb_post *p = pb_post_new(loop.pb, NULL);
    GIVES(pb_post_run(NULL, count, &runs), PB_ERR_ARG);
    GIVES(pb_post_run(p, NULL, &runs), PB_ERR_ARG);
    GIVES(pb_post_run(NULL, NULL, NULL), PB_ERR_ARG);
    pb_post_close(p);
    GIVES(pb_post_run(p, count, &runs), PB_ERR_STATE);
    pb_post_free(p);
    end_loop(&loop);
    GIVES(runs, 0);
}

PB_TEST(null, pb_post_close)
{
    struct loop loop;
    begin_loop(&loop);
    pb_post_close(NULL);
    pb_post *p = pb_post_new(loop.pb, NULL);
    pb_post_close(p);
    pb_post_close(p);
    pb_post_free(p);
    end_loop(&loop);
}

PB_TEST(null, pb_post_free)
{
    pb_post_free(NULL);
}

/* ---- Files ---- */

static int realm(pb_attempt *a, void *user_data)
{
    (void)user_data;
    return pb_attempt_grant(a, NULL, NULL, NULL);
}

PB_TEST(null, pb_portal_set_password_file)
{
    const pb_password_file file = {.path = "/nowhere", .username_field = SIZE_MAX};
    static const pb_password_file nameless;
    pb_portal *p = pb_portal_new(realm, NULL);
    GIVES(pb_portal_set_password_file(NULL, &file), PB_ERR_ARG);
    GIVES(pb_portal_set_password_file(p, NULL), PB_ERR_ARG);
    GIVES(pb_portal_set_password_file(p, &nameless), PB_ERR_ARG);
    GIVES(pb_portal_set_password_file(NULL, NULL), PB_ERR_ARG);
    GIVES(pb_portal_set_password_file(p, &file), 0);
    pb_portal_unref(p);
}

PB_TEST(null, pb_published_folder_load)
{
    static char folder[] = "/nowhere";
    GIVES(pb_published_folder_load(NULL, folder), NULL);
    GIVES(pb_published_folder_load("name", NULL), NULL);
    GIVES(pb_published_folder_load(NULL, NULL), NULL);
}

PB_TEST(null, pb_published_folder_save)
{
    static char folder[] = "/nowhere";
    GIVES(pb_published_folder_save(NULL, pb_span_of("data"), folder), PB_ERR_ARG);
    GIVES(pb_published_folder_save("name", no_bytes, folder), PB_ERR_ARG);
    GIVES(pb_published_folder_save("name", pb_span_of("data"), NULL), PB_ERR_ARG);
    GIVES(pb_published_folder_save(NULL, no_bytes, NULL), PB_ERR_ARG);
}
