/* SPDX-License-Identifier: MIT
 *
 * Timers of a loop, on a loop whose time passes when the test says so; and the owners of
 * loops. */
#include <errno.h>

#include "libpb/net/loop.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "libpb/net/tests/loop.h"
#include "pb/service.h"

enum { MANY = 500 };

/* A loop with a timer and nothing else. */
struct made {
    pb_loop *pb;
    int64_t now, due; /* due as the library has asked for */
    int asked, freed;
};

static int64_t made_now(void *loop)
{
    return ((struct made *)loop)->now;
}

static void made_set_timer(void *loop, int64_t delay)
{
    struct made *m = loop;
    cr_assert(delay < 0 || m->now + delay < INT64_MAX);
    m->due = delay < 0 ? INT64_MAX : m->now + delay;
    m->asked++;
}

/* Nothing is watched under this loop. */

static int made_watch_new(void *loop, int fd, pb_watch *w, void **watch)
{
    (void)loop;
    (void)fd;
    (void)w;
    (void)watch;
    return -ENOSYS;
}

static int made_watch_set(void *loop, void *watch, int events)
{
    (void)loop;
    (void)watch;
    (void)events;
    return -ENOSYS;
}

static void made_watch_free(void *loop, void *watch)
{
    (void)loop;
    (void)watch;
}

static void made_free(void *loop)
{
    ((struct made *)loop)->freed++;
}

static void make(struct made *m)
{
    static const pb_loop_ops ops = {.watch_new = made_watch_new,
                                    .watch_set = made_watch_set,
                                    .watch_free = made_watch_free,
                                    .set_timer = made_set_timer,
                                    .now = made_now,
                                    .free = made_free};
    *m = (struct made){.now = 1000, .due = INT64_MAX};
    m->pb = pb_loop_new(&ops, m);
}

static void pass_until(struct made *m, int64_t until)
{
    while (m->due <= until) {
        m->now = m->due > m->now ? m->due : m->now;
        m->due = INT64_MAX;
        pb_loop_due(m->pb);
    }
    m->now = until;
}

/* One of the test's timers. */
struct clock {
    struct pb__timer timer;
    struct made *m;
    int64_t set_for;    /* 0: it is not set */
    struct clock *sets; /* what it sets when it expires, if anything */
    int expired;
};

static void on_expired(struct pb__timer *timer)
{
    struct clock *c = (struct clock *)timer;
    cr_assert_eq(c->set_for, c->m->now, "set for %ld, expired at %ld", (long)c->set_for,
                 (long)c->m->now);
    c->set_for = 0;
    c->expired++;
    if (c->sets) {
        c->sets->set_for = c->m->now;
        pb__timer_set_soon(c->m->pb, &c->sets->timer);
    }
}

static void begin_clock(struct clock *c, struct made *m)
{
    *c = (struct clock){.m = m};
    pb__timer_init(&c->timer, on_expired);
}

static void set_clock(struct clock *c, int64_t at)
{
    c->set_for = at == INT64_MAX ? 0 : at;
    pb__timer_set(c->m->pb, &c->timer, at);
}

/* Timers that are set, set anew and stopped at random: each expires at its time, or
 * not. */
PB_TEST(loop, timers)
{
    static struct clock clocks[MANY];
    struct made m;
    make(&m);
    for (int i = 0; i < MANY; i++) {
        begin_clock(&clocks[i], &m);
    }
    srand(1);
    for (int round = 0; round < 20 * MANY; round++) {
        struct clock *c = &clocks[rand() % MANY];
        set_clock(c, rand() % 4 ? m.now + 1 + rand() % 1000 : INT64_MAX);
        if (rand() % 8 == 0) {
            pass_until(&m, m.now + rand() % 50);
        }
    }
    pass_until(&m, m.now + 2000);
    int expired = 0;
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(clocks[i].set_for, 0);
        expired += clocks[i].expired;
    }
    cr_assert_gt(expired, MANY);
    cr_assert_eq(m.due, INT64_MAX, "the loop goes on for nothing");
    pb_loop_unref(m.pb);
}

/* The timer of the loop behind is set for the first, and not at all for none. */
PB_TEST(loop, sets_one_timer)
{
    struct made m;
    struct clock early, late;
    make(&m);
    begin_clock(&early, &m);
    begin_clock(&late, &m);
    set_clock(&late, 5000);
    cr_assert_eq(m.due, 5000);
    set_clock(&early, 2000);
    cr_assert_eq(m.due, 2000);
    cr_assert_eq(m.asked, 2);
    set_clock(&early, 3000); /* what is early already stays */
    cr_assert_eq(m.asked, 2);
    pass_until(&m, 4000);
    cr_assert(early.expired == 1 && m.due == 5000);
    set_clock(&late, INT64_MAX);
    cr_assert_eq(m.due, INT64_MAX);
    pass_until(&m, 6000);
    cr_assert_eq(late.expired, 0);
    set_clock(&late, INT64_MAX - 1); /* in a time that no loop can count */
    set_clock(&late, INT64_MAX);
    pb_loop_unref(m.pb);
}

/* A timer that is started in a timer's callback expires in a later turn of the loop, so
 * that other events are handled between. */
PB_TEST(loop, has_its_turn)
{
    struct made m;
    struct clock c;
    make(&m);
    begin_clock(&c, &m);
    c.sets = &c;
    set_clock(&c, 1000);
    for (int i = 1; i <= 3; i++) {
        cr_assert_eq(m.due, 1000);
        pb_loop_due(m.pb);
        cr_assert_eq(c.expired, i);
    }
    set_clock(&c, INT64_MAX);
    pb_loop_unref(m.pb);
}

static void stop_other(struct pb__timer *timer)
{
    struct clock *c = (struct clock *)timer;
    c->expired++;
    pb__timer_stop(c->m->pb, &c->sets->timer);
}

/* Of two that are due at once, one stops the other. */
PB_TEST(loop, stopped_when_due)
{
    struct made m;
    struct clock a, b;
    make(&m);
    begin_clock(&a, &m);
    begin_clock(&b, &m);
    a.sets = &b;
    b.sets = &a;
    a.timer.expired = b.timer.expired = stop_other;
    set_clock(&a, 1500);
    set_clock(&b, 1500);
    pass_until(&m, 2000);
    cr_assert_eq(a.expired + b.expired, 1);
    cr_assert_eq(m.due, INT64_MAX);
    pb_loop_unref(m.pb);
}

static void give_back(struct pb__timer *timer)
{
    pb_loop_unref(((struct clock *)timer)->m->pb);
}

PB_TEST(loop, owners)
{
    struct made m;
    struct clock c;
    make(&m);
    cr_assert_eq(pb_loop_ref(m.pb), m.pb);
    pb_loop_unref(m.pb);
    cr_assert_eq(m.freed, 0);
    begin_clock(&c, &m);
    c.timer.expired = give_back;
    set_clock(&c, 1000);
    pb_loop_due(m.pb); /* the last owner goes while it runs */
    cr_assert_eq(m.freed, 1);

    cr_assert_null(pb_loop_ref(NULL));
    pb_loop_unref(NULL);
    pb_loop_due(NULL);
    pb_watch_ready(NULL, PB_WATCH_READ);
    cr_assert_null(pb_loop_uv(NULL));
    cr_assert_null(pb_loop_new(NULL, NULL));
}

/* Nothing can be made without a loop, and that is an error. */
PB_TEST(loop, there_is_none)
{
    pb_error err[5] = {{0}};
    cr_assert_null(pb_connect(NULL, "tcp:localhost:1", NULL, &err[0]));
    cr_assert_null(pb_serve(NULL, "tcp:0", NULL, &err[1]));
    cr_assert_null(pb_service_new(NULL, "tcp:localhost:1", NULL, &err[2]));
    cr_assert_null(pb_post_new(NULL, &err[3]));
    cr_assert_null(
        pb_conn_adopt(NULL, socket(AF_UNIX, SOCK_STREAM, 0), 0, NULL, &err[4]));
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(err[i].code, PB_ERR_ARG);
        cr_assert_str_eq(err[i].text,
                         "the loop is NULL; the default loop is NULL if there "
                         "are too many open files");
    }
}

/* With few descriptors there is no default loop, or no room for a socket: an error each
 * time, and it works as soon as there are enough. */
PB_TEST(loop, without_descriptors)
{
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    int next = dup(0);
    close(next);
    pb_server *server = NULL;
    for (int more = 0; !server; more++) {
        cr_assert_lt(more, 20);
        setrlimit(RLIMIT_NOFILE,
                  &(struct rlimit){(rlim_t)(next + more), before.rlim_max});
        pb_loop *l = pb_loop_default();
        pb_error err = {0};
        server = pb_serve(l, "tcp:0:interface=127.0.0.1", NULL, &err);
        cr_assert_eq(err.code,
                     server ? 0
                     : l    ? PB_ERR_SYSTEM
                            : PB_ERR_ARG,
                     "%s", err.text);
        cr_assert(server || strstr(err.text, "too many open files"), "%s", err.text);
    }
    pb_server_close(server, NULL, NULL);
    setrlimit(RLIMIT_NOFILE, &before);
    cr_assert_eq(pb_run(), 0);
}

static void stop_default(void *data)
{
    pb_post **post = data;
    pb_post_close(*post);
    pb_post_free(*post);
}

/* The default loop is one, and ends by itself. */
PB_TEST(loop, of_the_process)
{
    alarm(60);
    pb_loop *l = pb_loop_default();
    cr_assert(l && pb_loop_default() == l);
    pb_post *post = pb_post_new(l, NULL);
    cr_assert_eq(pb_post_run(post, stop_default, &post), 0);
    cr_assert_eq(pb_run(), 0);
    cr_assert_eq(pb_run(), 0);
}

static int make_loop(void *user_data)
{
    struct made *m = user_data;
    make(m);
    if (!m->pb) {
        cr_assert_eq(m->freed, 0);
        return PB_ERR_NOMEM;
    }
    pb_loop_unref(m->pb);
    cr_assert_eq(m->freed, 1);
    return 0;
}

/* A server under the loop of the process, which runs until the server is closed. */
static int run_default(void *user_data)
{
    static const pb_net_config config;
    pb_error err = {0};
    (void)user_data;
    pb_server *server =
        pb_serve(pb_loop_default(), "tcp:0:interface=127.0.0.1", &config, &err);
    if (server) {
        pb_server_close(server, NULL, NULL);
    }
    cr_assert_eq(pb_run(), 0);
    return server ? 0 : err.code;
}

PB_TEST(loop, without_memory)
{
    struct made m;
    alarm(60);
    pb__test_each_failure(make_loop, &m);
    pb__test_each_failure(run_default, NULL);
}
