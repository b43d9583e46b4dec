/* SPDX-License-Identifier: MIT
 *
 * Back-pressure between two sessions: what stops reading, where it stops, what continues
 * nevertheless, and what exceeds the limit. */
#include "libpb/broker/tests/pair.h"

enum { BLOB = 1000, HIGH = 2500, LOW = 1200, MOST = 6000, KEPT = 8 };

/* An application whose answers are long, or late. */
struct side {
    pb_object *root;
    pb_request *waiting[KEPT];
    size_t served, drained;
    size_t calls_when_drained; /* to be made in on_drained */
    size_t answered, failed;
};

static pb_value *blob(void)
{
    static const char text[BLOB];
    return pb_bytes((pb_span){(const uint8_t *)text, BLOB});
}

static int serve_blob(void *self, pb_request *r)
{
    ((struct side *)self)->served++;
    return pb_request_answer_steal(r, blob());
}

static int serve_later(void *self, pb_request *r)
{
    struct side *side = self;
    cr_assert_lt(side->served, KEPT);
    side->waiting[side->served++] = pb_request_ref(r);
    return 0;
}

static int serve_pause(void *self, pb_request *r)
{
    ((struct side *)self)->served++;
    pb_session_pause(pb_request_session(r));
    return 0;
}

static const pb_class side_class = {
    .name = "Side",
    .remote = (const pb_method[]){
        {"blob", serve_blob}, {"later", serve_later}, {"pause", serve_pause}, {0}}};

static void on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct side *side = user_data;
    (void)failure;
    side->answered += result != NULL;
    side->failed += result == NULL;
}

static void call(pb_session *s, struct side *side, const char *method, pb_value *arg)
{
    pb_remote *root = pb_session_root(s);
    pb_value *args = arg ? pb_build(NULL, "(N)", arg) : pb_build(NULL, "()");
    cr_assert_eq(pb_remote_call_values(root, method, args, NULL, NULL, on_answer, side,
                                       NULL, NULL),
                 0);
    pb_value_unref(args);
    pb_remote_unref(root);
}

static void tell(pb_session *s, const char *method, pb_value *arg)
{
    const pb_call_options untold = {.no_answer = true};
    pb_remote *root = pb_session_root(s);
    pb_value *args = pb_build(NULL, "(N)", arg);
    cr_assert_eq(
        pb_remote_call_values(root, method, args, NULL, &untold, NULL, NULL, NULL, NULL),
        0);
    pb_value_unref(args);
    pb_remote_unref(root);
}

static void on_drained(pb_session *s, void *user_data)
{
    struct side *side = user_data;
    side->drained++;
    cr_assert_not(pb_session_is_full(s));
    for (; side->calls_when_drained > 0; side->calls_when_drained--) {
        tell(s, "later", pb_int(1));
    }
}

static void quiet(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
}

static void quiet_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    (void)why;
    (void)user_data;
}

static bool begin(struct pair *p, struct side *client, struct side *server)
{
    *p = (struct pair){0};
    pb_session *made[2] = {0};
    struct side *sides[] = {client, server};
    for (int i = 0; i < 2; i++) {
        *sides[i] = (struct side){.root = pb_object_new(&side_class, sides[i])};
        pb_session_config c = {.root = sides[i]->root,
                               .max_queued = MOST,
                               .high_mark = HIGH,
                               .low_mark = LOW,
                               .max_pending = 3,
                               .on_ready = quiet,
                               .on_close = quiet_close,
                               .on_drained = on_drained,
                               .user_data = sides[i]};
        made[i] = i ? pb_session_server_new(&c, 0) : pb_session_client_new(&c, 0);
    }
    p->client = made[0];
    p->server = made[1];
    bool made_both = p->client && p->server && client->root && server->root;
    if (made_both) {
        talk(p);
    }
    return made_both;
}

static void end_side(struct side *side)
{
    for (int i = 0; i < KEPT; i++) {
        pb_request_unref(side->waiting[i]);
    }
    pb_object_unref(side->root);
}

static void end(struct pair *p, struct side *client, struct side *server)
{
    pb_session_free(p->client);
    pb_session_free(p->server);
    end_side(client);
    end_side(server);
}

static size_t queued(const pb_session *s)
{
    pb_session_stats stats;
    pb_session_get_stats(s, &stats);
    return stats.queued;
}

/* Lets the server send until so many bytes are left. */
static void drain_to(struct pair *p, size_t left)
{
    size_t n = queued(p->server) - left;
    uint8_t *bytes = malloc(n);
    memcpy(bytes, pb_session_send(p->server).data, n);
    pb_session_sent(p->server, n, 0);
    pb_session_recv(p->client, (pb_span){bytes, n}, 0);
    free(bytes);
}

/* Calls that arrive in one input: after the third answer no more are handled until all
 * but LOW bytes have been sent. */
PB_TEST(pressure, stops_between_two_messages)
{
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    for (int i = 0; i < 7; i++) {
        call(p.client, &client, "blob", NULL);
    }
    move_all(&p, p.client, p.server);
    cr_assert_eq(server.served, 3);
    cr_assert(pb_session_is_full(p.server) && queued(p.server) < HIGH + BLOB);
    cr_assert_not(pb_session_want_recv(p.server));
    cr_assert_eq(pb_session_deadline(p.server), INT64_MAX);
    pb_session_tick(p.server, 0);
    cr_assert_eq(server.served, 3);
    drain_to(&p, LOW + 1);
    pb_session_tick(p.server, 0);
    cr_assert_eq(server.served, 3, "between the marks it stays stopped");
    cr_assert_eq(server.drained, 0);
    drain_to(&p, LOW);
    cr_assert_eq(server.drained, 1);
    cr_assert_eq(pb_session_deadline(p.server), 0);
    cr_assert_not(pb_session_want_recv(p.server), "what has come is first");
    pb_session_tick(p.server, 0);
    cr_assert_eq(server.served, 5, "up to the high mark again");
    /* Input that arrives while reading has stopped is handled later. */
    call(p.client, &client, "blob", NULL);
    move_all(&p, p.client, p.server);
    cr_assert_eq(server.served, 5);
    drain_to(&p, 0);
    pb_session_tick(p.server, 0);
    cr_assert_eq(server.served, 8);
    drain_to(&p, 0);
    cr_assert(pb_session_want_recv(p.server));
    cr_assert_eq(client.answered, 8);
    cr_assert_eq(server.drained, 3);
    end(&p, &client, &server);
}

/* Two sessions that send each other more than the marks: neither waits for the other to
 * read. */
PB_TEST(pressure, reads_on_while_it_waits_for_answers)
{
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    for (int i = 0; i < 3; i++) {
        call(p.client, &client, "blob", blob());
        call(p.server, &server, "blob", blob());
    }
    cr_assert(pb_session_is_full(p.client) && pb_session_is_full(p.server));
    cr_assert(pb_session_want_recv(p.client) && pb_session_want_recv(p.server));
    talk(&p);
    cr_assert(client.answered == 3 && server.answered == 3);
    cr_assert(client.drained > 0 && server.drained > 0);
    end(&p, &client, &server);
}

/* A peer that owes an answer and reads nothing: its calls are read, but served only up to
 * the mark, then one after the other as it reads. All of them are answered in order. */
PB_TEST(pressure, is_bounded_while_the_peer_owes_an_answer)
{
    enum { CALLS = 40 };
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    p.server->shared->config.max_pending = CALLS;
    call(p.server, &server, "later", NULL);
    move_all(&p, p.server, p.client);
    for (int i = 0; i < CALLS; i++) {
        call(p.client, &client, "blob", NULL);
    }
    while (move(&p, p.client, p.server)) {
        cr_assert_lt(queued(p.server), HIGH + BLOB);
    }
    cr_assert_eq(server.served, 3);
    pb_session_stats stats;
    pb_session_get_stats(p.server, &stats);
    cr_assert_eq(stats.serving, CALLS - 3);
    /* The answer that the peer owes comes through. */
    pb_request_answer_steal(client.waiting[0], pb_none());
    move_all(&p, p.client, p.server);
    cr_assert_eq(server.answered, 1);
    size_t before = 0;
    while (queued(p.server) > 0) {
        size_t step = queued(p.server) < 100 ? queued(p.server) : 100;
        drain_to(&p, queued(p.server) - step);
        pb_session_tick(p.server, 0);
        cr_assert_lt(queued(p.server), HIGH + BLOB);
        cr_assert_geq(server.served, before);
        before = server.served;
    }
    cr_assert_eq(server.served, CALLS);
    cr_assert_eq(client.answered, CALLS);
    pb_request_unref(client.waiting[0]);
    client.waiting[0] = NULL;
    end(&p, &client, &server);
}

/* Two peers that both owe an answer, call without end and read in turns: both are
 * bounded, and neither waits for ever. */
PB_TEST(pressure, is_bounded_for_both)
{
    enum { CALLS = 40 };
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    p.server->shared->config.max_pending = p.client->shared->config.max_pending = CALLS;
    for (int i = 0; i < CALLS; i++) {
        call(p.client, &client, "blob", NULL);
        call(p.server, &server, "blob", NULL);
    }
    bool any = true;
    while (any) {
        any = move(&p, p.client, p.server);
        cr_assert_lt(queued(p.server), HIGH + BLOB + CALLS * 60);
        pb_session_tick(p.server, 0);
        any |= move(&p, p.server, p.client);
        cr_assert_lt(queued(p.client), HIGH + BLOB + CALLS * 60);
        pb_session_tick(p.client, 0);
    }
    cr_assert_eq(client.answered, CALLS);
    cr_assert_eq(server.answered, CALLS);
    end(&p, &client, &server);
}

/* Deferred messages end with the session. */
PB_TEST(pressure, frees_what_was_deferred)
{
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    p.server->shared->config.max_pending = 40;
    call(p.server, &server, "later", NULL);
    for (int i = 0; i < 20; i++) {
        call(p.client, &client, "blob", NULL);
    }
    move_all(&p, p.client, p.server);
    cr_assert_eq(server.served, 3);
    pb_session_close(p.server);
    cr_assert_eq(server.served, 3);
    pb_session_close(p.client);
    cr_assert_eq(client.failed, 20);
    end(&p, &client, &server);
}

/* The same with calls that were given up. */
PB_TEST(pressure, reads_on_for_those_who_gave_up)
{
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    pb_remote *root = pb_session_root(p.client);
    pb_call *given_up;
    cr_assert_eq(pb_remote_call_values(root, "later", NULL, NULL, NULL, on_answer,
                                       &client, &given_up, NULL),
                 0);
    move_all(&p, p.client, p.server);
    pb_call_cancel(given_up);
    for (int i = 0; i < 3; i++) {
        call(p.server, &server, "blob", NULL);
    }
    move_all(&p, p.server, p.client);
    cr_assert(pb_session_is_full(p.client) && pb_session_want_recv(p.client));
    pb_request_answer_steal(server.waiting[0], pb_none());
    move_all(&p, p.server, p.client);
    cr_assert(pb_session_is_full(p.client) && !pb_session_want_recv(p.client));
    pb_remote_unref(root);
    end(&p, &client, &server);
}

PB_TEST(pressure, tells_the_application)
{
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    client.calls_when_drained = 2;
    int told = 0;
    while (!pb_session_is_full(p.client)) {
        tell(p.client, "blob", blob());
        told++;
    }
    cr_assert_eq(told, 3);
    cr_assert(pb_session_want_recv(p.client), "who only tells need not stop reading");
    move_all(&p, p.client, p.server);
    cr_assert_eq(client.drained, 1);
    cr_assert_eq(server.served, 5, "the calls that it made then have come");
    cr_assert(pb_session_want_recv(p.client));
    for (int i = 0; i < 3; i++) {
        tell(p.client, "blob", blob());
    }
    cr_assert(pb_session_is_full(p.client));
    pb_session_close(p.client);
    cr_assert_not(pb_session_is_full(p.client), "nobody is to wait for one that is over");
    move_all(&p, p.client, p.server);
    cr_assert_eq(client.drained, 1);
    end(&p, &client, &server);
}

PB_TEST(pressure, refuses_calls)
{
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    while (queued(p.client) < MOST) {
        tell(p.client, "blob", blob());
    }
    pb_error err = {0};
    char says[80];
    snprintf(says, sizeof says, "%zu bytes wait to be sent, limit 6000",
             queued(p.client));
    pb_remote *root = pb_session_root(p.client);
    cr_assert_eq(pb_remote_call(root, "blob", on_answer, &client, &err, ""),
                 PB_ERR_LIMIT);
    cr_assert_str_eq(err.text, says);
    move_all(&p, p.client, p.server);
    cr_assert_eq(pb_remote_call(root, "blob", on_answer, &client, NULL, ""), 0);
    talk(&p);
    cr_assert_eq(client.answered, 1);
    pb_remote_unref(root);
    end(&p, &client, &server);
}

PB_TEST(pressure, ends_by_an_answer)
{
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    call(p.client, &client, "later", NULL);
    move_all(&p, p.client, p.server);
    while (queued(p.server) < MOST) {
        tell(p.server, "blob", blob());
    }
    cr_assert_eq(pb_request_answer_steal(server.waiting[0], pb_none()), PB_ERR_LOST);
    cr_assert(pb_session_is_closed(p.server));
    cr_assert_eq(pb_session_error(p.server)->code, PB_ERR_LIMIT);
    cr_assert_eq(pb_request_answer_steal(server.waiting[0], pb_none()), PB_ERR_LOST);
    end(&p, &client, &server);
}

PB_TEST(pressure, pauses)
{
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    tell(p.client, "later", pb_int(1));
    tell(p.client, "pause", pb_int(1));
    tell(p.client, "blob", pb_int(1));
    tell(p.client, "pause", pb_int(1));
    tell(p.client, "blob", pb_int(1));
    p.step = 7; /* bytes at a time, so that messages are cut */
    move_all(&p, p.client, p.server);
    cr_assert_eq(server.served, 2);
    pb_session_tick(p.server, 5);
    cr_assert_eq(server.served, 2);
    pb_session_resume(p.server);
    cr_assert_eq(pb_session_deadline(p.server), 5);
    pb_session_tick(p.server, 5);
    cr_assert_eq(server.served, 4);
    pb_session_resume(p.server);
    pb_session_recv(p.server, BYTES(""), 5);
    cr_assert_eq(server.served, 5);
    cr_assert(pb_session_want_recv(p.server));
    end(&p, &client, &server);
}

PB_TEST(pressure, stops_where_too_much_is_unanswered)
{
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    for (int i = 0; i < 5; i++) {
        call(p.client, &client, "later", NULL);
    }
    move_all(&p, p.client, p.server);
    cr_assert_eq(server.served, 3);
    pb_request_answer_steal(server.waiting[0], pb_none());
    cr_assert_eq(pb_session_deadline(p.server), 0);
    pb_session_tick(p.server, 0);
    cr_assert_eq(server.served, 4);
    end(&p, &client, &server);
}

PB_TEST(pressure, what_was_kept_may_be_malformed)
{
    struct pair p;
    struct side client, server;
    cr_assert(begin(&p, &client, &server));
    pb_session_pause(p.server);
    cr_assert_eq(pb_session_recv(p.server, BYTES("\x01\x81"), 0), 0);
    pb_session_resume(p.server);
    cr_assert_eq(pb_session_tick(p.server, 0), PB_ERR_PROTOCOL);
    end(&p, &client, &server);
}

static int keep_and_go_on(void *user_data)
{
    struct pair p;
    struct side client, server;
    (void)user_data;
    int e = PB_ERR_NOMEM;
    if (begin(&p, &client, &server) && pb_session_is_ready(p.client)) {
        pb_session_pause(p.server);
        pb_remote *root = pb_session_root(p.client);
        for (int i = 0; i < 4; i++) {
            e = root ? pb_remote_call(root, "blob", on_answer, &client, NULL, "")
                     : PB_ERR_NOMEM;
        }
        pb_remote_unref(root);
        move_all(&p, p.client, p.server);
        pb_session_resume(p.server);
        for (int i = 0; i < 3; i++) {
            pb_session_tick(p.server, 0);
            talk(&p);
        }
        cr_assert(pb_session_is_closed(p.server) || pb_session_want_recv(p.server));
        e = client.answered == 4 ? 0 : PB_ERR_NOMEM;
    }
    end(&p, &client, &server);
    return e;
}

PB_TEST(pressure, memory)
{
    pb__test_each_failure(keep_and_go_on, NULL);
}
