/* SPDX-License-Identifier: MIT
 *
 * The rule for NULL in sessions, and times and numbers out of range: see tests/null.h. A
 * NULL session counts as one that is over. */
#include "libpb/broker/session.h"
#include "libpb/broker/tests/pair.h"
#include "tests/null.h"

static const pb_class plain_class = {.name = "Plain"};

static struct pair *pair_new(void)
{
    struct pair *p = calloc(1, sizeof *p);
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){0}));
    talk(p);
    return p;
}

static void pair_free(struct pair *p)
{
    pair_close_both(p);
    free(p);
}

PB_TEST(null, pb_session_client_new)
{
    pb_session *s = pb_session_client_new(NULL, INT64_MIN);
    cr_assert_not_null(s);
    pb_session_free(s);
}

/* Without a config everything has its default. */
PB_TEST(null, pb_session_server_new)
{
    pb_session *s = pb_session_server_new(NULL, INT64_MAX);
    cr_assert_not_null(s);
    GIVES(pb_session_send(s).len > 0, true);
    pb_session_free(s);
}

PB_TEST(null, pb_session_recv)
{
    GIVES(pb_session_recv(NULL, BYTES("\x01\x81"), 0), PB_ERR_ARG);
    GIVES(pb_session_recv(NULL, no_bytes, 0), PB_ERR_ARG);
    struct pair *p = pair_new();
    GIVES(pb_session_recv(p->client, no_bytes, 0), PB_ERR_ARG);
    GIVES_TEXT(pb_session_error(p->client)->text, "the input is NULL");
    pair_free(p);
}

PB_TEST(null, pb_session_send)
{
    pb_span s = pb_session_send(NULL);
    GIVES(!s.data && s.len == 0, true);
}

PB_TEST(null, pb_session_sent)
{
    pb_session_sent(NULL, 1, 0);
    struct pair *p = pair_new();
    pb_session_sent(p->client, SIZE_MAX, INT64_MIN);
    GIVES(pb_session_send(p->client).len, 0u);
    pair_free(p);
}

PB_TEST(null, pb_session_deadline)
{
    GIVES(pb_session_deadline(NULL), INT64_MAX);
}

static void count_ends(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)result;
    *(int *)user_data += pb_failure_code(failure) == PB_ERR_TIMEOUT;
}

/* If the time jumps to either end of its range, calls end and nothing else happens. */
PB_TEST(null, pb_session_tick)
{
    GIVES(pb_session_tick(NULL, 0), PB_ERR_ARG);
    struct pair *p = pair_new();
    pb_remote *root = pb_session_root(p->client);
    const pb_call_options most = {.timeout = INT64_MAX}, least = {.timeout = INT64_MIN};
    int ends = 0;
    GIVES(pb_session_tick(p->client, INT64_MIN), 0);
    GIVES(pb_remote_call_values(root, "a", NULL, NULL, &most, count_ends, &ends, NULL,
                                NULL),
          0);
    GIVES(pb_remote_call_values(root, "a", NULL, NULL, &least, count_ends, &ends, NULL,
                                NULL),
          0);
    GIVES(pb_session_tick(p->client, INT64_MAX), 0);
    GIVES(ends, 1);
    pb_remote_unref(root);
    pb_session_lost(p->client, NULL);
    pb_session_lost(p->server, NULL);
    pair_free(p);
}

PB_TEST(null, pb_session_want_recv)
{
    GIVES(pb_session_want_recv(NULL), false);
}

PB_TEST(null, pb_session_want_send)
{
    GIVES(pb_session_want_send(NULL), false);
}

PB_TEST(null, pb_session_is_full)
{
    GIVES(pb_session_is_full(NULL), false);
}

PB_TEST(null, pb_session_pause)
{
    pb_session_pause(NULL);
}

PB_TEST(null, pb_session_resume)
{
    pb_session_resume(NULL);
    struct pair *p = pair_new();
    pb_session_resume(p->client);
    pb_session_resume(p->client);
    pair_free(p);
}

PB_TEST(null, pb_session_lost)
{
    const pb_error why = {.code = PB_ERR_LOST};
    pb_session_lost(NULL, &why);
    pb_session_lost(NULL, NULL);
    struct pair *p = pair_new();
    pb_session_lost(p->client, NULL);
    pb_session_lost(p->client, &why);
    GIVES(pb_session_error(p->client)->code, PB_ERR_LOST);
    pair_free(p);
}

PB_TEST(null, pb_session_close)
{
    pb_session_close(NULL);
    struct pair *p = pair_new();
    pb_session_close(p->client);
    pb_session_close(p->client);
    GIVES(pb_session_error(p->client)->code, PB_OK);
    pair_free(p);
}

PB_TEST(null, pb_session_is_ready)
{
    GIVES(pb_session_is_ready(NULL), false);
}

PB_TEST(null, pb_session_is_closed)
{
    GIVES(pb_session_is_closed(NULL), true);
}

PB_TEST(null, pb_session_error)
{
    GIVES(pb_session_error(NULL)->code, PB_ERR_ARG);
}

PB_TEST(null, pb_session_user_data)
{
    GIVES(pb_session_user_data(NULL), NULL);
}

PB_TEST(null, pb_session_data)
{
    GIVES(pb_session_data(NULL), NULL);
}

static void count_destroyed(void *data)
{
    ++*(int *)data;
}

PB_TEST(null, pb_session_set_data)
{
    int destroyed = 0;
    GIVES(pb_session_set_data(NULL, &destroyed, count_destroyed), PB_ERR_ARG);
    GIVES(destroyed, 1);
    GIVES(pb_session_set_data(NULL, NULL, count_destroyed), PB_ERR_ARG);
    GIVES(pb_session_set_data(NULL, NULL, NULL), PB_ERR_ARG);
    struct pair *p = pair_new();
    GIVES(pb_session_set_data(p->client, &destroyed, NULL), 0);
    GIVES(pb_session_set_data(p->client, NULL, count_destroyed), 0);
    pair_free(p);
    GIVES(destroyed, 1);
}

PB_TEST(null, pb_session_peer)
{
    GIVES(pb_session_peer(NULL)->address, NULL);
}

PB_TEST(null, pb_session_set_limits)
{
    pb_limits most;
    memset(&most, 0xff, sizeof most);
    GIVES(pb_session_set_limits(NULL, &most), PB_ERR_ARG);
    GIVES(pb_session_set_limits(NULL, NULL), PB_ERR_ARG);
    struct pair *p = pair_new();
    GIVES(pb_session_set_limits(p->client, NULL), 0);
    GIVES(pb_session_set_limits(p->client, &most), 0);
    pair_free(p);
}

PB_TEST(null, pb_session_get_stats)
{
    static const pb_session_stats none;
    pb_session_stats stats;
    spoil(&stats, sizeof stats);
    pb_session_get_stats(NULL, &stats);
    GIVES(memcmp(&stats, &none, sizeof none), 0);
    struct pair *p = pair_new();
    pb_session_get_stats(p->client, NULL);
    pb_session_get_stats(NULL, NULL);
    pair_free(p);
}

PB_TEST(null, pb_session_free)
{
    pb_session_free(NULL);
}

static void ended(pb_session *s, void *user_data)
{
    (void)s;
    (void)user_data;
}

PB_TEST(null, pb_session_notify_on_disconnect)
{
    struct pair *p = pair_new();
    GIVES(pb_session_notify_on_disconnect(NULL, ended, NULL), PB_ERR_ARG);
    GIVES(pb_session_notify_on_disconnect(p->client, NULL, p), PB_ERR_ARG);
    GIVES(pb_session_notify_on_disconnect(NULL, NULL, NULL), PB_ERR_ARG);
    pair_free(p);
}

PB_TEST(null, pb_session_dont_notify_on_disconnect)
{
    struct pair *p = pair_new();
    pb_session_dont_notify_on_disconnect(NULL, ended, NULL);
    pb_session_dont_notify_on_disconnect(p->client, NULL, NULL);
    pb_session_dont_notify_on_disconnect(NULL, NULL, NULL);
    pair_free(p);
}

PB_TEST(null, pb_session_set_name_for_local)
{
    struct pair *p = pair_new();
    pb_object *o = pb_object_new(&plain_class, NULL);
    GIVES(pb_session_set_name_for_local(NULL, "name", o), PB_ERR_ARG);
    GIVES(pb_session_set_name_for_local(p->client, NULL, o), PB_ERR_ARG);
    GIVES(pb_session_set_name_for_local(p->client, "name", NULL), PB_ERR_ARG);
    GIVES(pb_session_set_name_for_local(NULL, NULL, NULL), PB_ERR_ARG);
    pb_object_unref(o);
    pair_free(p);
}

/* ---- Configs with numbers out of range ---- */

/* The largest numbers, and enums without a name, which count as 0. */
PB_TEST(null_also, largest_config)
{
    struct pair *p = calloc(1, sizeof *p);
    pb_session_config most = {.max_pending = SIZE_MAX,
                              .max_refs = SIZE_MAX,
                              .max_caches = SIZE_MAX,
                              .max_queued = SIZE_MAX,
                              .high_mark = SIZE_MAX,
                              .low_mark = SIZE_MAX,
                              .dialects = {(pb_dialect)77, (pb_dialect)-1},
                              .negotiation_timeout = INT64_MAX};
    memset(&most.jelly.limits, 0xff, sizeof most.jelly.limits);
    memset(&most.jelly.profile, 0xff, sizeof most.jelly.profile);
    p->now = INT64_MAX;
    cr_assert(pair_open(p, most, most));
    talk(p);
    cr_assert_str_eq(p->log, "client ready\nserver ready\n");
    cr_assert_eq(call_root(p, p->client, "a", pb_build(NULL, "()"), NULL), 0);
    talk(p);
    pair_free(p);
}
