/* SPDX-License-Identifier: MIT
 *
 * Waits of a blocking client within one another: each ends by its own answer or timeout,
 * and what came for another is kept for it. */
#include "libpb/net/tests/matrix_server.h"

/* The task of a method of the client, and its outcome. */
struct waits {
    struct m_server server;
    pb_client *client;
    pb_object *root;
    int (*run)(struct waits *w);
    int code;
    int depth, deepest;
    pb_request *kept;
    char text[192];
};

static int serve_run(void *self, pb_request *r)
{
    struct waits *w = self;
    w->code = w->run(w);
    return pb_request_answer_steal(r, pb_int(w->code));
}

static const pb_class root_class = {
    .name = "Waits", .remote = (const pb_method[]){{"run", serve_run}, {0}}};

static void begin(struct waits *w, int (*run)(struct waits *w))
{
    *w = (struct waits){.run = run};
    m_begin(&w->server, "tcp", &(pb_net_config){.keep_alive = 0});
    w->root = pb_object_new(&root_class, w);
    const pb_net_config config = {.session.root = w->root};
    pb_error err = {0};
    w->client = pb_client_open(w->server.endpoint, &config, &err);
    cr_assert(w->client, "%s", err.text);
}

static void end(struct waits *w)
{
    pb_client_free(w->client);
    pb_object_unref(w->root);
    m_end(&w->server);
}

/* Calls one of the server's methods that calls ours. */
static pb_value *call(struct waits *w, const char *method, pb_error *err)
{
    return pb_client_call(w->client, pb_client_root(w->client), method, err, "s", "run");
}

/* A call whose answer comes after so long. */
static int call_later(struct waits *w, int after)
{
    pb_error err = {0};
    pb_value *v =
        pb_client_call(w->client, pb_client_root(w->client), "later", &err, "i", after);
    pb_value_unref(v);
    return err.code;
}

static int later(struct waits *w)
{
    return call_later(w, 100);
}

/* The outer answer comes while the inner is waited for. */
PB_TEST(waits, keeps_what_comes_for_another)
{
    struct waits w;
    pb_error err = {0};
    begin(&w, later);
    pb_value *v = call(&w, "call_me_and_answer", &err);
    cr_assert_eq(v, pb_int(5), "%s", err.text);
    cr_assert_eq(w.code, 0);
    pb_value_unref(v);
    end(&w);
}

static int later_without_a_timeout(struct waits *w)
{
    pb_client_set_timeout(w->client, 0);
    return call_later(w, 400);
}

/* The outer timeout passes meanwhile: it fails the outer call only. */
PB_TEST(waits, outer_timeout)
{
    struct waits w;
    pb_error err = {0};
    begin(&w, later_without_a_timeout);
    pb_client_set_timeout(w.client, 100);
    pb_value *v = call(&w, "call_me_and_hold", &err);
    cr_assert_null(v);
    cr_assert_eq(err.code, PB_ERR_TIMEOUT, "%s", err.text);
    cr_assert_eq(w.code, 0);
    cr_assert_eq(pb_failure_code(pb_client_failure(w.client)), PB_ERR_TIMEOUT);
    end(&w);
}

static int hold_briefly(struct waits *w)
{
    pb_error err = {0};
    pb_client_set_timeout(w->client, 20);
    pb_value *v = pb_client_call(w->client, pb_client_root(w->client), "hold", &err, "");
    pb_client_set_timeout(w->client, 0);
    cr_assert_null(v);
    cr_assert_not_null(pb_client_failure(w->client));
    return err.code;
}

/* The inner timeout fails the inner call only. */
PB_TEST(waits, inner_timeout)
{
    struct waits w;
    pb_error err = {0};
    begin(&w, hold_briefly);
    pb_value *v = call(&w, "call_me", &err);
    cr_assert_eq(v, pb_int(PB_ERR_TIMEOUT), "%s", err.text);
    cr_assert_null(pb_client_failure(w.client), "it is the inner call's");
    pb_value_unref(v);
    end(&w);
}

/* Works for a while, in which nothing is waited for. */
static int work(struct waits *w)
{
    (void)w;
    uv_sleep(700);
    return 0;
}

struct after_work {
    struct waits *w;
    int code;
    bool ended;
};

static void call_after_work(pb_value *result, pb_failure *failure, void *user_data)
{
    struct after_work *a = user_data;
    (void)result;
    (void)failure;
    work(a->w);
    pb_client_set_timeout(a->w->client, 600);
    a->code = call_later(a->w, 10);
    a->ended = true;
}

/* A timeout counts from when the call is made, not from when the answer came in whose
 * callback it is. */
PB_TEST(waits, timeout_after_work)
{
    struct waits w;
    begin(&w, work);
    struct after_work a = {.w = &w};
    pb_remote_call(pb_client_root(w.client), "echo", call_after_work, &a, NULL, "i", 1);
    while (!a.ended) {
        cr_assert_eq(pb_client_wait(w.client, 10), 0);
    }
    cr_assert_eq(a.code, 0);
    end(&w);
}

static int recurse(struct waits *w)
{
    pb_error err = {0};
    w->deepest = ++w->depth > w->deepest ? w->depth : w->deepest;
    pb_value *v = call(w, "call_me", &err);
    w->depth--;
    if (err.code == PB_ERR_LIMIT) {
        snprintf(w->text, sizeof w->text, "%s", err.text);
    }
    pb_value_unref(v);
    return err.code;
}

/* A peer that has us wait in a wait in a wait does not get far. */
PB_TEST(waits, depth)
{
    struct waits w;
    pb_error err = {0};
    begin(&w, recurse);
    pb_value *v = call(&w, "call_me", &err);
    cr_assert(v, "%s", err.text);
    cr_assert_eq(w.deepest, 64);
    cr_assert_str_eq(w.text,
                     "64 blocking calls are nested already: answer some of them later");
    pb_value_unref(v);
    end(&w);
}

static int serve_kept(void *self, pb_request *r)
{
    struct waits *w = self;
    w->kept = pb_request_ref(r);
    return 0;
}

static const pb_class kept_class = {
    .name = "Kept", .remote = (const pb_method[]){{"kept", serve_kept}, {0}}};

static int answer_kept(struct waits *w)
{
    pb_request *r = w->kept;
    w->kept = NULL;
    int e = pb_request_answer_steal(r, pb_int(9));
    pb_request_unref(r);
    return e;
}

/* A call of an object here, which is answered while the client waits, or not in time;
 * then the answer finds nobody. */
PB_TEST(waits, for_an_object_here)
{
    struct waits w;
    pb_error err = {0};
    begin(&w, answer_kept);
    pb_object *o = pb_object_new(&kept_class, &w);
    pb_remote *local = pb_local_as_remote(o);
    pb_remote *root = pb_client_root(w.client);
    pb_remote_call(root, "call_me", NULL, NULL, NULL, "s", "run");
    pb_value *v = pb_client_call(w.client, local, "kept", &err, "");
    cr_assert_eq(v, pb_int(9), "%s", err.text);
    pb_value_unref(v);

    pb_client_set_timeout(w.client, 20);
    cr_assert_null(pb_client_call(w.client, local, "kept", &err, ""));
    cr_assert_eq(err.code, PB_ERR_TIMEOUT);
    cr_assert_str_eq(err.text, "the call was not answered in time");
    cr_assert_eq(answer_kept(&w), 0);

    err = (pb_error){0};
    pb_client_set_timeout(w.client, 0);
    pb_remote_call(root, "hang_up", NULL, NULL, NULL, "");
    cr_assert_null(pb_client_call(w.client, local, "kept", &err, ""));
    cr_assert_eq(err.code, PB_ERR_LOST);
    cr_assert_eq(answer_kept(&w), 0);
    pb_remote_unref(local);
    pb_object_unref(o);
    end(&w);
}

/* Where reading has stopped no answer can come: that is said at once. */
PB_TEST(waits, while_reading_has_stopped)
{
    struct waits w;
    pb_error err = {0};
    begin(&w, work);
    pb_session_pause(pb_client_session(w.client));
    cr_assert_null(
        pb_client_call(w.client, pb_client_root(w.client), "echo", &err, "i", 1));
    cr_assert_eq(err.code, PB_ERR_STATE);
    cr_assert_str_eq(err.text, "no answer can arrive: reading is paused, or too many "
                               "calls of the peer wait for an answer");
    pb_session_resume(pb_client_session(w.client));
    err = (pb_error){0};
    pb_value *v =
        pb_client_call(w.client, pb_client_root(w.client), "echo", &err, "i", 2);
    cr_assert_eq(v, pb_int(2), "%s", err.text);
    pb_value_unref(v);
    end(&w);
}

/* The write timeout counts from when the bytes were to be sent, although the program did
 * something else for longer before. */
PB_TEST(waits, write_timeout_after_work)
{
    static char large[1 << 23];
    struct waits w;
    pb_error err = {0};
    begin(&w, work);
    pb_client_free(w.client);
    const pb_net_config config = {.write_timeout = 1000};
    w.client = pb_client_open(w.server.endpoint, &config, &err);
    cr_assert(w.client, "%s", err.text);
    kill(w.server.pid, SIGSTOP);
    uv_sleep(1200);
    const pb_call_options untold = {.no_answer = true};
    pb_value *args = pb_build(NULL, "(y#y#)", large, sizeof large / 16, large, 1);
    for (int i = 0; i < 32; i++) {
        pb_remote_call_values(pb_client_root(w.client), "echo", args, NULL, &untold, NULL,
                              NULL, NULL, NULL);
    }
    pb_value_unref(args);
    cr_assert_eq(pb_client_wait(w.client, 300), 0);
    cr_assert_eq(pb_client_wait(w.client, 20000), PB_ERR_LOST);
    end(&w);
}
