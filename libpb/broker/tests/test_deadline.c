/* SPDX-License-Identifier: MIT
 *
 * When timeouts begin, with a clock that the test sets: it advances during callbacks, and
 * between the calls of the driver. */
#include "libpb/broker/session.h"
#include "libpb/broker/tests/pair.h"
#include "pb/login.h"

/* A client, its clock, and how its calls ended. */
struct clocked {
    pb_session *s;
    int64_t now;
    int64_t work;    /* the duration of the next callback, in milliseconds */
    int64_t timeout; /* of the call that it makes; 0: none */
    int answers, failures, code, wakes;
};

static int64_t clock_of(void *driver)
{
    return ((struct clocked *)driver)->now;
}

static void on_wake(pb_session *s, void *driver)
{
    (void)s;
    ((struct clocked *)driver)->wakes++;
}

static void call(struct clocked *c, int64_t timeout);

static void ended(pb_value *result, pb_failure *failure, void *user_data)
{
    struct clocked *c = user_data;
    c->answers += result != NULL;
    c->failures += failure != NULL;
    c->code = failure ? pb_failure_code(failure) : 0;
    c->now += c->work;
    c->work = 0;
    if (c->timeout) {
        int64_t timeout = c->timeout;
        c->timeout = 0;
        call(c, timeout);
    }
}

static void call(struct clocked *c, int64_t timeout)
{
    const pb_call_options options = {.timeout = timeout};
    pb_remote *root = pb_session_root(c->s);
    cr_assert_eq(
        pb_remote_call_values(root, "any", NULL, NULL, &options, ended, c, NULL, NULL),
        0);
    pb_remote_unref(root);
}

static void begin(struct clocked *c, bool asks, bool greeted)
{
    *c = (struct clocked){.now = 1000};
    const pb_session_config config = {
        .now = asks ? clock_of : NULL, .on_wake = on_wake, .driver = c};
    c->s = pb_session_client_new(&config, c->now);
    if (greeted) {
        cr_assert_eq(
            pb_session_recv(c->s, BYTES("\x02\x80\x02\x82pb\x04\x82none"), c->now), 0);
        pb_session_sent(c->s, pb_session_send(c->s).len, c->now);
    }
}

/* The peer answers request n. */
static void answer(struct clocked *c, int n)
{
    char bytes[] = "\x03\x80\x1b\x87\x01\x81\x01\x81";
    bytes[4] = (char)n;
    cr_assert_eq(pb_session_recv(c->s, BYTES(bytes), c->now), 0);
}

/* The timeout of a call begins when the call is made, even after work that the driver has
 * not reported yet. */
PB_TEST(deadline, counts_from_the_call)
{
    struct clocked c;
    begin(&c, true, true);
    call(&c, 0);
    c.work = 1200;
    c.timeout = 1000;
    answer(&c, 1);
    cr_assert_eq(c.answers, 1);
    cr_assert_eq(pb_session_deadline(c.s), 3200);
    cr_assert_eq(pb_session_tick(c.s, 3199), 0);
    cr_assert_eq(c.failures, 0);
    cr_assert_eq(pb_session_tick(c.s, 3200), 0);
    cr_assert_eq(c.failures, 1);
    cr_assert_eq(c.code, PB_ERR_TIMEOUT);
    pb_session_free(c.s);
}

/* The same between two calls of the driver, which learns the deadline at once. */
PB_TEST(deadline, counts_between_two_turns)
{
    struct clocked c;
    begin(&c, true, true);
    c.now += 5000;
    call(&c, 1000);
    cr_assert_eq(pb_session_deadline(c.s), 7000);
    cr_assert_eq(pb_session_tick(c.s, 6500), 0);
    cr_assert_eq(c.failures, 0);
    cr_assert_eq(pb_session_tick(c.s, 7000), 0);
    cr_assert_eq(c.failures, 1);
    pb_session_free(c.s);
}

/* A call before the negotiation sends nothing, but the driver learns its deadline. */
PB_TEST(deadline, wakes_the_driver)
{
    struct clocked c;
    begin(&c, true, false);
    call(&c, 0);
    cr_assert_eq(c.wakes, 0);
    call(&c, 500);
    cr_assert_eq(c.wakes, 1);
    cr_assert_eq(pb_session_deadline(c.s), 1500);
    cr_assert_eq(pb_session_tick(c.s, 1500), 0);
    cr_assert_eq(c.failures, 1);
    cr_assert(!pb_session_is_closed(c.s));
    pb_session_free(c.s);
}

/* A driver without a clock: the time is what it passed last while it is on the stack,
 * else what it passes next. */
PB_TEST(deadline, without_a_clock)
{
    struct clocked c;
    begin(&c, false, true);
    c.now += 5000;
    call(&c, 1000);
    cr_assert_eq(pb_session_deadline(c.s), 1000, "it is to tell the time at once");
    cr_assert_eq(pb_session_tick(c.s, 6500), 0);
    cr_assert_eq(pb_session_deadline(c.s), 7500);
    c.timeout = 1000;
    c.now = 7000;
    answer(&c, 1);
    cr_assert_eq(pb_session_deadline(c.s), 8000);
    pb_session_free(c.s);
}

#define CHALLENGE                                      \
    "\x03\x80\x1b\x87\x01\x81\x03\x80\x0b\x87\x10\x82" \
    "0123456789abcdef\x02\x80\x10\x87\x01\x81"

/* The two calls of a login share one timeout. */
PB_TEST(deadline, login)
{
    struct clocked c;
    begin(&c, true, true);
    const pb_credentials alice = {.username = "alice", .password = "sesame"};
    const pb_call_options options = {.timeout = 1000};
    c.now = 2000;
    cr_assert_eq(pb_login(c.s, &alice, NULL, &options, ended, &c, NULL, NULL), 0);
    cr_assert_eq(pb_session_deadline(c.s), 3000);
    c.now = 2900;
    cr_assert_eq(pb_session_recv(c.s, BYTES(CHALLENGE), 2400),
                 0); /* the time arrived late */
    cr_assert_eq(pb_session_deadline(c.s), 3000);
    cr_assert_eq(pb_session_tick(c.s, 3000), 0);
    cr_assert_eq(c.code, PB_ERR_TIMEOUT);
    pb_session_free(c.s);
}
