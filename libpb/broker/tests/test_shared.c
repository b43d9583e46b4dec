/* SPDX-License-Identifier: MIT
 *
 * Sessions of one configuration: one read context serves all of them, and an idle session
 * holds no memory except its own. */
#include "libpb/broker/shared_config.h"
#include "libpb/broker/tests/service.h"

#define SESSIONS 5

static const char echo[] = "\x07\x80\x1a\x87\x01\x81\x04\x82root\x04\x82"
                           "echo\x01\x81\x02\x80\x0b\x87\x07\x81\x01\x80\x05\x87";
static const char answer[] = "\x03\x80\x1b\x87\x01\x81\x07\x81";

static pb_session *ready(struct pb__shared *sh)
{
    pb_session *s = pb__session_new(sh, NULL, 0, false);
    cr_assert_eq(pb_session_recv(s, BYTES("\x02\x82pb\x02\x80\x13\x87\x06\x81"), 0), 0);
    pb_session_sent(s, pb_session_send(s).len, 0);
    return s;
}

static void hear(pb_session *s, size_t from, size_t to)
{
    cr_assert_eq(
        pb_session_recv(s, (pb_span){(const uint8_t *)echo + from, to - from}, 0), 0);
}

static void says_answer(pb_session *s)
{
    pb_span out = pb_session_send(s);
    cr_assert_eq(out.len, sizeof answer - 1);
    cr_assert_arr_eq(out.data, answer, out.len);
    pb_session_sent(s, out.len, 0);
}

/* Their messages arrive in parts, which alternate. */
PB_TEST(shared, reads_for_all_sessions_at_once)
{
    struct service service;
    service_begin(&service, NULL);
    struct pb__shared *sh = pb__shared_new(&(pb_session_config){.root = service.root});
    pb_session *sessions[SESSIONS];
    for (size_t i = 0; i < SESSIONS; i++) {
        sessions[i] = ready(sh);
    }
    for (size_t at = 0; at < sizeof echo - 1; at++) {
        for (size_t i = 0; i < SESSIONS; i++) {
            hear(sessions[i], at, at + 1);
        }
    }
    for (size_t i = 0; i < SESSIONS; i++) {
        says_answer(sessions[i]);
    }
    hear(sessions[0], 0, 5);
    hear(sessions[1], 0, sizeof echo - 1);
    pb_session_free(sessions[0]);
    says_answer(sessions[1]);
    pb__shared_unref(sh);
    for (size_t i = 1; i < SESSIONS; i++) {
        hear(sessions[i], 0, sizeof echo - 1);
        says_answer(sessions[i]);
        pb_session_free(sessions[i]);
    }
    service_end(&service);
}

PB_TEST(shared, leaves_an_idle_session_nothing_but_itself)
{
    struct service service;
    service_begin(&service, NULL);
    struct pb__shared *sh = pb__shared_new(&(pb_session_config){.root = service.root});
    pb_session *first = ready(sh);
    hear(first, 0, sizeof echo - 1);
    says_answer(first);
    long before = pb__test_live();
    pb_session *sessions[SESSIONS];
    for (size_t i = 0; i < SESSIONS; i++) {
        sessions[i] = ready(sh);
        hear(sessions[i], 0, sizeof echo - 1);
        says_answer(sessions[i]);
    }
    cr_assert_eq(pb__test_live() - before, SESSIONS);
    cr_assert_leq(sizeof *first, 400);
    for (size_t i = 0; i < SESSIONS; i++) {
        pb_session_free(sessions[i]);
    }
    pb_session_free(first);
    pb__shared_unref(sh);
    service_end(&service);
}

/* Limits, and the number of the message, belong to each session. */
PB_TEST(shared, keeps_what_is_a_sessions_own)
{
    struct pb__shared *sh =
        pb__shared_new(&(pb_session_config){.jelly.limits.bytes = 50});
    pb_session *a = ready(sh);
    pb_session *b = ready(sh);
    hear(a, 0, sizeof echo - 1);
    pb_session_set_limits(a, &(pb_limits){.bytes = 3});
    cr_assert_eq(pb_session_recv(a, BYTES("\x02\x80\x04\x82huh!"), 0), PB_ERR_LIMIT);
    cr_assert_str_eq(pb_session_error(a)->text,
                     "Security precaution: String too long. (4 bytes, limit 3)");
    cr_assert_str_eq(pb_session_error(a)->where, "message 4");
    hear(b, 0, 5);
    pb_session_set_limits(b, &(pb_limits){.bytes = 60});
    hear(b, 5, sizeof echo - 1);
    cr_assert_eq(pb_session_recv(b, BYTES("\x02\x80\x3d\x82huh!!"), 0), PB_ERR_LIMIT);
    pb_session *c = ready(sh);
    cr_assert_eq(pb_session_recv(c, BYTES("\x02\x80\x33\x82huh!!"), 0), PB_ERR_LIMIT);
    cr_assert_str_eq(pb_session_error(c)->text,
                     "Security precaution: String too long. (51 bytes, limit 50)");
    pb_session_free(a);
    pb_session_free(b);
    pb_session_free(c);
    pb__shared_unref(sh);
    pb__shared_unref(NULL);
}

static int share(void *user_data)
{
    struct service *service = user_data;
    struct pb__shared *sh = pb__shared_new(&(pb_session_config){.root = service->root});
    pb_session *a = sh ? pb__session_new(sh, NULL, 0, true) : NULL;
    pb_session *b = sh ? pb__session_new(sh, NULL, 0, false) : NULL;
    if (a && b) {
        (void)pb_session_recv(a, BYTES("\x01"), 0);
        (void)pb_session_recv(b, BYTES("\x02\x82pb"), 0);
    }
    pb_session_free(a);
    pb_session_free(b);
    pb__shared_unref(sh);
    return pb__test_failed() ? PB_ERR_NOMEM : 0;
}

PB_TEST(shared, leaks_nothing_at_any_failure)
{
    struct service service;
    service_begin(&service, NULL);
    pb__test_each_failure(share, &service);
    service_end(&service);
}
