/* SPDX-License-Identifier: MIT
 *
 * Caches that refuse their state, and messages about caches that are malformed. */
#include "libpb/broker/calls.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/bytes.h"
#include "libpb/broker/tests/cacheable_objects.h"

/* ---- Refused, and malformed ---- */

static pb_value *frozen_state(void *self, pb_object *perspective, pb_error *err)
{
    (void)self;
    (void)perspective;
    return pb_build(err, "{s:p}", "frozen", 1);
}

static const pb_class frozen = {.name = "scenarios.Pond",
                                .flavor = PB_FLAVOR_CACHEABLE,
                                .state_to_copy = frozen_state};

/* Without state_to_cache, state_to_copy is called. A cache that refuses its state is
 * released. */
static void refused(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_object_unref(ponds.object);
    ponds.object = pb_object_new(&frozen, NULL);
    ponds_ask(p, "two", NULL);
    cr_assert_eq(ponds_made, ponds_gone);
    cr_assert_eq(stats_of(p->server).cached, 0);
    cr_assert_eq(stats_of(p->client).caches, 0);
    close_ponds(p, &ponds);
}

PB_TEST(cache, that_refuses_its_state_is_given_back)
{
    converse(refused, "failure -4 builtins.OverflowError: number out of range\n");
}

/* The client receives an answer to its next call, in hexadecimal, as if from the
 * server. */
static void answer(struct pair *p, const char *value)
{
    char hex[512];
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call_values(root, "pond", NULL, NULL, NULL, noted, p, NULL, NULL);
    pb_remote_unref(root);
    snprintf(hex, sizeof hex, "03801b87%02x81%s",
             (unsigned)p->client->calls->last_request, value);
    pb_session_sent(p->client, pb_session_send(p->client).len, 0);
    feed(p->client, hex, false);
}

#define TAG "0e827363656e6172696f732e506f6e64" /* "scenarios.Pond" */

PB_TEST(cache, that_is_malformed_fails_the_call)
{
    static const struct {
        const char *value, *log;
    } rows[] = {
        {"0180" TAG, "failure -5 builtins.ValueError: the number of the cache is missing "
                     "or not a number\n"},
        {"0280" TAG "0181", "failure -5 builtins.ValueError: a cache without a state\n"},
        {"0280" TAG "01800587", "failure -5 builtins.ValueError: the number of the cache "
                                "is missing or not a number\n"},
        {"0380" TAG "01826101800587", "failure -5 builtins.ValueError: the number of the "
                                      "cache is missing or not a number\n"},
        {"0380" TAG "02800782626f6f6c65616e04827472756501800587",
         "failure -5 builtins.ValueError: the number of the cache is missing or not a "
         "number\n"},
        {"01800f87", "failure -5 builtins.ValueError: the number of the cache is missing "
                     "or not a number\n"},
        {"02800f874d81", "failure -8 twisted.spread.pb.ProtocolError: there is no cache "
                         "77\n"},
        {"028012874d81", "failure -8 twisted.spread.pb.ProtocolError: there is no object "
                         "77 with caches\n"},
        {"02801287018261", "failure -5 builtins.ValueError: the number of the cache is "
                           "missing or not a number\n"},
        {"03800887" /* a list of the same cache twice */
         "0380" TAG "018101800587"
         "0380" TAG "018101800587",
         "failure -8 twisted.spread.pb.ProtocolError: there is a cache 1 already\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair *p = calloc(1, sizeof *p);
        struct ponds ponds;
        open_ponds(p, &ponds, (pb_session_config){0});
        answer(p, rows[i].value);
        cr_assert_str_eq(p->log, rows[i].log, "%zu: %s", i, p->log);
        cr_assert_not(pb_session_is_closed(p->client));
        pb_session_free(p->client);
        pb_session_free(p->server);
        ponds_end(&ponds);
        free(p);
    }
}

/* Twisted counts from 1, but any number is accepted. */
PB_TEST(cache, may_go_by_any_number)
{
    static const char *const numbers[] = {"0081", "0583"};
    for (size_t i = 0; i < 2; i++) {
        struct pair *p = calloc(1, sizeof *p);
        struct ponds ponds;
        char hex[128];
        open_ponds(p, &ponds, (pb_session_config){0});
        pb_remote *root = pb_session_root(p->client);
        pb_remote_call_values(root, "pond", NULL, NULL, NULL, ponds_keep, p, NULL, NULL);
        pb_session_sent(p->client, pb_session_send(p->client).len, 0);
        snprintf(hex, sizeof hex, "03801b8701810380" TAG "%s01800587", numbers[i]);
        cr_assert_eq(feed(p->client, hex, false), 0);
        pb_remote_call(root, "is", NULL, NULL, NULL, "O", ponds_kept);
        snprintf(hex, sizeof hex,
                 "07801a8702810482726f6f7402826973018102800b8702801287%s01800587",
                 numbers[i]);
        expect(p->client, hex, true, "lcache", i);
        pb_value_unref(ponds_kept);
        snprintf(hex, sizeof hex, "02801e87%s", numbers[i]);
        expect(p->client, hex, true, "decache", i);
        pb_remote_unref(root);
        pb_session_free(p->client);
        pb_session_free(p->server);
        ponds_end(&ponds);
        free(p);
    }
}

/* A cache that was read from the message before the refusal needs a decache. */
PB_TEST(cache, in_a_message_that_is_refused_is_given_back)
{
    struct pair *p = calloc(1, sizeof *p);
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    char hex[] = "03801b870181"
                 "03800887" /* a list: a cache, and an instance that no taster allows */
                 "0380" TAG "018101800587"
                 "01800382612e62";
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call_values(root, "pond", NULL, NULL, NULL, noted, p, NULL, NULL);
    pb_remote_unref(root);
    pb_session_sent(p->client, pb_session_send(p->client).len, 0);
    hex[sizeof hex - 3] = '\0'; /* all but the last byte */
    cr_assert_eq(feed(p->client, hex, false), 0);
    cr_assert_eq(pb_session_send(p->client).len, 0);
    cr_assert_eq(feed(p->client, "62", false), 0);
    expect(p->client, "02801e870181", true, "decache", 0);
    cr_assert_eq(feed(p->client, "02801f870181", false), 0);
    cr_assert_eq(stats_of(p->client).caches, 0);
    pb_session_free(p->client);
    pb_session_free(p->server);
    ponds_end(&ponds);
    free(p);
}

/* The server receives this, in hexadecimal, in place of a call of the client. */
static void instead(struct pair *p, const char *hex)
{
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call_values(root, "pond", NULL, NULL, NULL, noted, p, NULL, NULL);
    pb_remote_unref(root);
    pb_session_sent(p->client, pb_session_send(p->client).len, 0);
    cr_assert_eq(feed(p->server, hex, false), 0, "%s", pb_session_error(p->server)->text);
    move(p, p->server, p->client);
}

#define FROZEN "0380" TAG "0181028005870280068266726f7a656e0181"
#define CACHED_1 "02800f870181"
#define MESSAGE(luid_and_method, args, kwargs)                          \
    "07801a870181" luid_and_method "018102800b87" args "02800587028001" \
    "8278" kwargs

/* A cache that has refused its state is unknown: neither another member of its message
 * nor another message can use its number. */
PB_TEST(cache, that_refuses_its_state_is_unknown)
{
    struct pair *p = calloc(1, sizeof *p);
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    instead(p, MESSAGE("0482726f6f7402826973", FROZEN, CACHED_1));
    cr_assert_str_eq(p->log, "failure 0 builtins.OverflowError: number out of range\n"
                             "client closed -8 message 4: decache.object: decache of 1: "
                             "the peer has no cache of it\n");
    p->log_len = 0;
    cr_assert_eq(stats_of(p->server).caches, 1);
    expect(p->server, "", true, "nothing more", 0);
    feed(p->server, MESSAGE("0482726f6f7402826973", CACHED_1, "0181"), false);
    pb_span said = pb_session_send(p->server);
    cr_assert(memmem(said.data, said.len, "there is no cache 1", 19));
    pb_session_sent(p->server, said.len, 0);
    cr_assert_eq(
        feed(p->server, "07801987018101810382616464018102800b87018101800587", false), 0);
    said = pb_session_send(p->server);
    cr_assert(memmem(said.data, said.len, "builtins.KeyError", 17));
    pb_session_sent(p->server, said.len, 0);
    cr_assert_eq(feed(p->server, "02801f870181", false), 0);
    cr_assert_eq(stats_of(p->server).caches, 0);
    pb_session_free(p->client);
    pb_session_free(p->server);
    ponds_end(&ponds);
    free(p);
}

/* The same for one in a message whose values are not used. */
PB_TEST(cache, that_comes_in_another_message_is_unknown)
{
    struct pair *p = calloc(1, sizeof *p);
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    cr_assert_eq(feed(p->server,
                      "02801082646964"
                      "4e6f74556e6465727374616e64" FROZEN,
                      false),
                 0);
    expect(p->server, "02801e870181", true, "decache", 0);
    cr_assert_eq(ponds_made, 0);
    cr_assert_eq(
        feed(p->server, "07801987018101810382616464018102800b87018101800587", false), 0);
    pb_span said = pb_session_send(p->server);
    cr_assert(memmem(said.data, said.len, "builtins.KeyError", 17));
    pb_session_free(p->client);
    pb_session_free(p->server);
    ponds_end(&ponds);
    free(p);
}

PB_TEST(cache, messages_that_are_malformed_end_the_session)
{
    static const struct {
        const char *hex, *where, *text;
    } rows[] = {
        {"02801e876381", "message 3: decache.object",
         "decache of 99: the peer has no cache of it"},
        {"02801e87018261", "message 3: decache.object",
         "the object of decache is not a number"},
        {"02801f876381", "message 3: uncache.object",
         "uncache of 99: there is no such cache"},
        {"02801f87018261", "message 3: uncache.object",
         "the cache of uncache is not a number"},
        {"01801f87", "message 3: uncache", "0 members after the command instead of 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pair *p = calloc(1, sizeof *p);
        struct ponds ponds;
        open_ponds(p, &ponds, (pb_session_config){0});
        cr_assert_eq(feed(p->server, rows[i].hex, false), PB_ERR_PROTOCOL);
        const pb_error *why = pb_session_error(p->server);
        cr_assert_str_eq(why->where, rows[i].where, "%s", why->where);
        cr_assert_str_eq(why->text, rows[i].text, "%s", why->text);
        pb_session_free(p->client);
        pb_session_free(p->server);
        ponds_end(&ponds);
        free(p);
    }
}
