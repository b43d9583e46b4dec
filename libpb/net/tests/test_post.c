/* SPDX-License-Identifier: MIT
 *
 * Threads that have calls made in the loop's thread, and servers in several threads. */
#include "libpb/net/tests/loop.h"
#include "pb/net.h"

enum { THREADS = 4, CALLS = 250 };

/* The data of the loop's thread; no other thread touches them. */
struct world {
    struct loop loop;
    pb_post *post;
    pb_server *server;
    pb_conn *conn;
    pb_remote *root;
    int64_t sum;
    int answers;
};

/* A call that a thread wants the loop's thread to make. */
struct wish {
    struct world *w;
    int64_t number;
};

static int do_echo(void *self, pb_request *r)
{
    pb_value *x;
    (void)self;
    int e = pb_request_unpack(r, "O", &x);
    return e ? e : pb_request_answer_steal(r, pb_value_ref(x));
}

static const pb_method methods[] = {{"echo", do_echo}, {0}};
static const pb_class root_class = {.name = "Root", .remote = methods};

static void finish(struct world *w)
{
    pb_remote_unref(w->root);
    pb_conn_close(w->conn);
    pb_server_close(w->server, NULL, NULL);
    pb_post_close(w->post);
}

static void on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct world *w = user_data;
    int64_t n = 0;
    cr_assert_null(failure);
    cr_assert_eq(pb_as_int(result, &n), 0);
    w->sum += n;
    if (++w->answers == THREADS * CALLS) {
        finish(w);
    }
}

static void call(void *data)
{
    struct wish *wish = data;
    struct world *w = wish->w;
    cr_assert_eq(pb_remote_call(w->root, "echo", on_answer, w, NULL, "L", wish->number),
                 0);
    free(wish);
}

static void work(void *arg)
{
    for (int i = 0; i < CALLS; i++) {
        struct wish *wish = malloc(sizeof *wish);
        *wish = (struct wish){.w = arg, .number = i};
        cr_assert_eq(pb_post_run(((struct world *)arg)->post, call, wish), 0);
    }
}

PB_TEST(post, has_calls_made_for_other_threads)
{
    struct world w = {.sum = 0};
    pb_object *root = pb_object_new(&root_class, NULL);
    pb_net_config config = {.session.root = root};
    begin_loop(&w.loop);
    w.post = pb_post_new(w.loop.pb, NULL);
    w.server = pb_serve(w.loop.pb, "tcp:0:interface=127.0.0.1", &config, NULL);
    cr_assert(w.post && w.server);
    pb_object_unref(root);
    char at[40];
    snprintf(at, sizeof at, "tcp:localhost:%d", pb_server_port(w.server));
    w.conn = pb_connect(w.loop.pb, at, NULL, NULL);
    w.root = pb_conn_root(w.conn);
    uv_thread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        uv_thread_create(&threads[i], work, &w);
    }
    uv_run(&w.loop.uv, UV_RUN_DEFAULT);
    for (int i = 0; i < THREADS; i++) {
        uv_thread_join(&threads[i]);
    }
    end_loop(&w.loop);
    cr_assert_eq(w.sum, (int64_t)THREADS * CALLS * (CALLS - 1) / 2);
    cr_assert_eq(pb_post_run(w.post, call, NULL), PB_ERR_STATE);
    pb_post_close(w.post); /* which has been closed, and whose loop is gone */
    pb_post_free(w.post);
    wait_for_lookups();
}

static int order[3], ordered;
static pb_post *same;

static void note(void *data)
{
    order[ordered++] = (int)(intptr_t)data;
    if (ordered == 1) {
        pb_post_run(same, note, (void *)3);
    }
}

PB_TEST(post, keeps_the_order)
{
    struct loop loop;
    begin_loop(&loop);
    same = pb_post_new(loop.pb, NULL);
    pb_post_run(same, note, (void *)1);
    pb_post_run(same, note, (void *)2);
    uv_run(&loop.uv, UV_RUN_ONCE);
    uv_run(&loop.uv, UV_RUN_NOWAIT);
    cr_assert(ordered == 3 && order[0] == 1 && order[1] == 2 && order[2] == 3);
    ordered = 1;
    pb_post_run(same, note, (void *)1);
    pb_post_close(same); /* runs it */
    cr_assert_eq(ordered, 2);
    pb_post_free(same);
    end_loop(&loop);
    pb_post_free(NULL);
}

static void close_same(void *data)
{
    pb_post_close(same);
    note(data);
    pb_post_free(same);
}

/* Items that were posted before the post is closed run, in the order of posting, also if
 * an item closes it. */
PB_TEST(post, is_closed_by_an_item)
{
    struct loop loop;
    begin_loop(&loop);
    same = pb_post_new(loop.pb, NULL);
    ordered = 1;
    pb_post_run(same, close_same, (void *)3);
    pb_post_run(same, note, (void *)2);
    end_loop(&loop);
    cr_assert(ordered == 3 && order[1] == 2 && order[2] == 3);
}

static int without_memory(void *user_data)
{
    (void)user_data;
    struct loop loop;
    begin_loop(&loop);
    ordered = 1;
    same = pb_post_new(loop.pb, NULL);
    int failed = same ? pb_post_run(same, note, NULL) : PB_ERR_NOMEM;
    if (same) {
        pb_post_close(same);
        pb_post_free(same);
    }
    end_loop(&loop);
    return failed;
}

PB_TEST(post, bears_lack_of_memory)
{
    pb__test_each_failure(without_memory, NULL);
}

/* ---- A server in each of several threads, on one port ---- */

struct serving {
    struct loop loop;
    pb_post *post;
    pb_server *server;
    pb_object *root;
};

static void stop(void *data)
{
    struct serving *s = data;
    pb_server_close(s->server, NULL, NULL);
    pb_post_close(s->post);
}

static void serve(void *arg)
{
    struct serving *s = arg;
    uv_run(&s->loop.uv, UV_RUN_DEFAULT);
    end_loop(&s->loop);
}

PB_TEST(post, stops_servers_in_threads_of_their_own)
{
    struct serving all[3];
    uv_thread_t threads[3];
    int port = 0;
    for (int i = 0; i < 3; i++) {
        char at[60];
        snprintf(at, sizeof at, "tcp:%d:interface=127.0.0.1", port);
        all[i].root = pb_object_new(&root_class, NULL);
        pb_net_config config = {.session.root = all[i].root, .reuse_port = true};
        begin_loop(&all[i].loop);
        all[i].post = pb_post_new(all[i].loop.pb, NULL);
        all[i].server = pb_serve(all[i].loop.pb, at, &config, NULL);
        cr_assert_not_null(all[i].server);
        port = pb_server_port(all[i].server);
    }
    for (int i = 0; i < 3; i++) {
        uv_thread_create(&threads[i], serve, &all[i]);
    }
    char at[40];
    snprintf(at, sizeof at, "tcp:127.0.0.1:%d", port);
    for (int i = 0; i < 12; i++) {
        pb_error err = {0};
        pb_client *c = pb_client_open(at, NULL, &err);
        pb_value *v = pb_client_call(c, pb_client_root(c), "echo", &err, "i", i);
        cr_assert_eq(err.code, 0, "%s", err.text);
        pb_value_unref(v);
        pb_client_free(c);
    }
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(pb_post_run(all[i].post, stop, &all[i]), 0);
        uv_thread_join(&threads[i]);
        pb_object_unref(all[i].root);
        pb_post_free(all[i].post);
    }
}
