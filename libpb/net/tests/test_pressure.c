/* SPDX-License-Identifier: MIT
 *
 * Back-pressure on sockets: peers that take nothing, applications that take nothing, ends
 * that send each other much, and what others on the same loop notice of it. */
#include <fcntl.h>

#include "libpb/net/tests/peers.h"

enum {
    BLOB = 256 << 10,
    HIGH = 12 << 20, /* more than the system's buffers take at once */
    LOW = 2 << 20,
    MANY = 160,        /* blobs */
    HUGE = 5 << 20,    /* an answer of several turns of the loop */
    CHUNK = 640 << 10, /* bytes of a string: all that Twisted takes */
    READ = 64 << 10,   /* what the driver reads at once */
};

/* A server in a loop, and what its methods saw. */
struct place {
    struct loop loop;
    pb_object *root;
    pb_server *server;
    pb_session *paused;
    size_t served, most, drained, pushed;
    bool was_full, jumped; /* the answer before filled the queue; and was not drained */
};

static size_t queued(pb_session *s)
{
    pb_session_stats stats;
    pb_session_get_stats(s, &stats);
    return stats.queued;
}

static pb_value *zeros(size_t n)
{
    static const uint8_t none[CHUNK];
    pb_value *list = pb_list();
    for (; n > 0; n -= n < CHUNK ? n : CHUNK) {
        pb_append_steal(list, pb_bytes((pb_span){none, n < CHUNK ? n : CHUNK}));
    }
    return list;
}

static int serve_blob(void *self, pb_request *r)
{
    struct place *p = self;
    pb_session *s = pb_request_session(r);
    p->served++;
    p->jumped = p->jumped || (p->was_full && queued(s) > LOW);
    int e = pb_request_answer_steal(r, zeros(BLOB));
    p->was_full = pb_session_is_full(s);
    p->most = queued(s) > p->most ? queued(s) : p->most;
    return e;
}

static int serve_huge(void *self, pb_request *r)
{
    ((struct place *)self)->served++;
    return pb_request_answer_steal(r, zeros(HUGE));
}

static int serve_note(void *self, pb_request *r)
{
    (void)r;
    ((struct place *)self)->served++;
    return 0;
}

static int serve_pause(void *self, pb_request *r)
{
    struct place *p = self;
    p->served++;
    p->paused = pb_request_session(r);
    pb_session_pause(p->paused);
    return 0;
}

static const pb_class place_class = {.name = "Place",
                                     .remote = (const pb_method[]){{"blob", serve_blob},
                                                                   {"huge", serve_huge},
                                                                   {"note", serve_note},
                                                                   {"pause", serve_pause},
                                                                   {0}}};

/* Tells the peer until that is too much, and goes on when it is not any more. */
static void push(pb_session *s, struct place *p)
{
    const pb_call_options untold = {.no_answer = true};
    pb_remote *root = pb_session_root(s);
    pb_value *args = pb_build(NULL, "(N)", zeros(BLOB));
    for (; p->pushed < MANY && !pb_session_is_full(s); p->pushed++) {
        cr_assert_eq(pb_remote_call_values(root, "note", args, NULL, &untold, NULL, NULL,
                                           NULL, NULL),
                     0);
        p->most = queued(s) > p->most ? queued(s) : p->most;
    }
    pb_value_unref(args);
    pb_remote_unref(root);
}

static void on_drained(pb_session *s, void *user_data)
{
    struct place *p = user_data;
    p->drained++;
    if (p->pushed > 0) {
        push(s, p);
    }
}

static void push_at_once(pb_session *s, void *user_data)
{
    push(s, user_data);
}

static void open_place(struct place *p, void (*ready)(pb_session *s, void *user_data))
{
    *p = (struct place){0};
    begin_loop(&p->loop);
    pb_error err = {0};
    p->root = pb_object_new(&place_class, p);
    const pb_net_config config = {.session = {.root = p->root,
                                              .high_mark = HIGH,
                                              .low_mark = LOW,
                                              .on_ready = ready,
                                              .on_drained = on_drained,
                                              .user_data = p}};
    p->server = pb_serve(p->loop.pb, "tcp:0:interface=127.0.0.1", &config, &err);
    cr_assert(p->server, "%s", err.text);
}

static void close_place(struct place *p)
{
    pb_server_close(p->server, NULL, NULL);
    pb_object_unref(p->root);
    end_loop(&p->loop);
}

static pb_conn *join(struct place *p, pb_net_config config)
{
    pb_error err = {0};
    pb_conn *c =
        pb_connect(p->loop.pb, at_port(pb_server_port(p->server)), &config, &err);
    cr_assert(c, "%s", err.text);
    return c;
}

static void call(pb_conn *c, const char *method, pb_answer_cb cb, void *user_data)
{
    pb_remote *root = pb_conn_root(c);
    cr_assert_eq(pb_remote_call(root, method, cb, user_data, NULL, ""), 0);
    pb_remote_unref(root);
}

/* ---- Raw clients ---- */

/* Sends what the system takes. */
static void pump(int fd, pb_encoder *e)
{
    pb_span out = pb_encoder_send(e);
    ssize_t n = out.len ? send(fd, out.data, out.len, MSG_DONTWAIT) : 0;
    if (n > 0) {
        pb_encoder_sent(e, (size_t)n);
    }
}

/* Goes on until nothing has moved for a while. */
static void pump_dry(struct place *p, int fd, pb_encoder *e)
{
    size_t served = p->served, left = pb_encoder_send(e).len;
    for (int idle = 0; idle < 200; idle++) {
        pump(fd, e);
        uv_run(&p->loop.uv, UV_RUN_NOWAIT);
        if (p->served != served || pb_encoder_send(e).len != left) {
            served = p->served;
            left = pb_encoder_send(e).len;
            idle = 0;
        }
    }
}

/* All of its calls lie in one read of the server's, which nevertheless serves but those
 * whose answers have room, and goes on as they are taken. */
PB_TEST(pressure, a_peer_that_takes_nothing)
{
    struct place p;
    open_place(&p, NULL);
    int fd = raw_connect(pb_server_port(p.server));
    pb_encoder *e = raw_calls("blob", MANY, true, (pb_span){0});
    cr_assert_lt(pb_encoder_send(e).len, READ);
    pump_dry(&p, fd, e);
    cr_assert_eq(pb_encoder_send(e).len, 0);
    cr_assert_lt(p.served, MANY);
    cr_assert_leq(p.most, HIGH + BLOB + 100);
    static char in[READ];
    size_t got = 0;
    while (got < (size_t)MANY * BLOB) {
        ssize_t n = recv(fd, in, sizeof in, MSG_DONTWAIT);
        got += n > 0 ? (size_t)n : 0;
        uv_run(&p.loop.uv, UV_RUN_NOWAIT);
    }
    cr_assert_eq(p.served, MANY);
    cr_assert_leq(p.most, HIGH + BLOB + 100);
    cr_assert_not(p.jumped, "it went on above the low mark");
    cr_assert_gt(p.drained, 1);
    close(fd);
    pb_encoder_free(e);
    close_place(&p);
}

/* A peer that never stops asking delays the others little: each has its turn. */
PB_TEST(pressure, a_peer_that_never_stops)
{
    struct place p;
    open_place(&p, NULL);
    int fd = raw_connect(pb_server_port(p.server));
    pb_encoder *e = raw_calls("note", 300000, false, (pb_span){0});
    size_t one = (pb_encoder_send(e).len - 6) / 300000;
    struct seen seen = {0};
    pb_conn *c = join(&p, config_of(&seen));
    int turns = 0;
    for (int calls = 0; calls < 20; turns++) {
        if (seen.ready && seen.answers == calls) {
            call(c, "note", on_answer, &seen);
            calls++;
        }
        for (size_t left = 0; left != pb_encoder_send(e).len;) {
            left = pb_encoder_send(e).len;
            pump(fd, e);
        }
        size_t before = p.served;
        uv_run(&p.loop.uv, UV_RUN_NOWAIT);
        cr_assert_leq(p.served - before, READ / (one - 4) + 2, "more than its turn");
    }
    cr_assert_gt(pb_encoder_send(e).len, 0, "it never stopped");
    cr_assert_gt(p.served, 20);
    cr_assert_lt(turns, 200);
    close(fd);
    pb_encoder_free(e);
    pb_conn_close(c);
    close_place(&p);
    seen_fini(&seen);
}

/* A server that does not read: the peer's calls stay in the system, and then up to it. */
PB_TEST(pressure, an_application_that_takes_nothing)
{
    enum { NOTES = 200000 };
    struct place p;
    open_place(&p, NULL);
    int fd = raw_connect(pb_server_port(p.server));
    pb_encoder *first = raw_calls("pause", 1, false, (pb_span){0}),
               *e = raw_calls("note", NOTES, false, (pb_span){0});
    pb_encoder_sent(e, 6); /* the greeting, which was in the first */
    pump(fd, first);
    pump(fd, e);
    pump_dry(&p, fd, e);
    cr_assert_eq(p.served, 1);
    cr_assert_gt(pb_encoder_send(e).len, 0, "the server reads on");
    pb_session_resume(p.paused);
    while (p.served < 1 + NOTES) {
        pump(fd, e);
        uv_run(&p.loop.uv, UV_RUN_NOWAIT);
    }
    close(fd);
    pb_encoder_free(first);
    pb_encoder_free(e);
    close_place(&p);
}

static int serve_take(void *self, pb_request *r)
{
    (void)r;
    ++*(size_t *)self;
    return 0;
}

static const pb_class taker_class = {
    .name = "Taker",
    .remote = (const pb_method[]){{"note", serve_take}, {"blob", serve_take}, {0}}};

/* The application is told when to hold back, and when to go on. */
PB_TEST(pressure, an_application_that_pushes)
{
    struct place p;
    struct seen seen = {0};
    size_t taken = 0;
    open_place(&p, push_at_once);
    pb_net_config config = config_of(&seen);
    config.session.root = pb_object_new(&taker_class, &taken);
    join(&p, config);
    RUN_UNTIL(&p.loop, taken == MANY);
    cr_assert_leq(p.most, HIGH + BLOB + 100);
    cr_assert_gt(p.drained, 1);
    pb_object_unref(config.session.root);
    close_place(&p);
    seen_fini(&seen);
}

enum { BOTH = 16 };

static void ask_much(pb_session *s, void *user_data)
{
    (void)user_data;
    static struct seen answers;
    pb_remote *root = pb_session_root(s);
    pb_value *args = pb_build(NULL, "(N)", zeros(HUGE / 4));
    for (int i = 0; i < BOTH; i++) {
        cr_assert_eq(pb_remote_call_values(root, "note", args, NULL, NULL, on_answer,
                                           &answers, NULL, NULL),
                     0);
    }
    cr_assert(pb_session_is_full(s));
    pb_value_unref(args);
    pb_remote_unref(root);
}

/* Each sends far more than it may keep, and waits for the other to take it. */
PB_TEST(pressure, both_ends_send_much)
{
    struct place p;
    struct seen seen = {0};
    size_t taken = 0;
    open_place(&p, ask_much);
    pb_net_config config = config_of(&seen);
    config.session.root = pb_object_new(&taker_class, &taken);
    config.session.high_mark = HIGH;
    config.session.on_ready = ask_much;
    join(&p, config);
    RUN_UNTIL(&p.loop, taken == BOTH && p.served == BOTH);
    pb_object_unref(config.session.root);
    close_place(&p);
    seen_fini(&seen);
}

struct order {
    char letters[16];
    size_t n;
};

static void on_huge(pb_value *result, pb_failure *failure, void *user_data)
{
    struct order *o = user_data;
    cr_assert(result && !failure);
    o->letters[o->n++] = 'H';
}

static void on_small(pb_value *result, pb_failure *failure, void *user_data)
{
    struct order *o = user_data;
    cr_assert(result && !failure);
    o->letters[o->n++] = 's';
}

/* Answers of 5 MB: small ones pass between them on the same connection, and beside them
 * on another one. */
PB_TEST(pressure, huge_answers)
{
    struct place p;
    struct seen seen = {0};
    struct order order = {{0}, 0}, other = {{0}, 0};
    open_place(&p, NULL);
    pb_conn *c = join(&p, config_of(&seen)), *beside = join(&p, config_of(&seen));
    RUN_UNTIL(&p.loop, seen.ready == 2);
    for (int i = 0; i < 3; i++) {
        call(c, "huge", on_huge, &order);
        call(c, "note", on_small, &order);
    }
    call(beside, "note", on_small, &other);
    RUN_UNTIL(&p.loop, other.n == 1);
    cr_assert_eq(order.n, 0, "it waited for an answer of another connection");
    RUN_UNTIL(&p.loop, order.n == 2);
    cr_assert_lt(p.served, 1 + 6, "all answers were made at once");
    RUN_UNTIL(&p.loop, order.n == 6);
    cr_assert_str_eq(order.letters, "HsHsHs");
    pb_conn_close(c);
    pb_conn_close(beside);
    close_place(&p);
    seen_fini(&seen);
}
