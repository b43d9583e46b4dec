/* SPDX-License-Identifier: MIT
 *
 * Caches between two sessions: their counts, their ends, what undoes them; what is
 * malformed; and with every allocation failing. */
#include "libpb/broker/tests/bytes.h"
#include "libpb/broker/tests/pond.h"

/* Opens a pair with ponds at the server; the client has a pond of its own, to send. */
static void open_ponds(struct pair *p, struct ponds *server, pb_session_config both)
{
    cr_assert(ponds_begin(server, p));
    both.registry = pond_registry();
    pb_session_config s = both;
    s.root = server->root;
    cr_assert(pair_open(p, both, s));
    pb_registry_unref(both.registry);
    talk(p);
    p->log_len = 0;
    server->pond.log = p;
}

static void close_ponds(struct pair *p, struct ponds *server)
{
    size_t end = p->log_len;
    server->pond.log = NULL;
    pair_close_both(p);
    p->log_len = end;
    p->log[end] = '\0';
    ponds_end(server);
}

static pb_session_stats stats_of(const pb_session *s)
{
    pb_session_stats stats;
    pb_session_get_stats(s, &stats);
    return stats;
}

static pb_value *kept; /* the answer of the last call */

static void keep(pb_value *result, pb_failure *failure, void *user_data)
{
    kept = pb_value_ref(result);
    if (failure) {
        noted(NULL, failure, user_data);
    }
}

/* The answer of a call, *new*; NULL and a note if it failed. */
static pb_value *get(struct pair *p, const char *method, pb_value *args)
{
    kept = NULL;
    pb_remote *root = pb_session_root(p->client);
    pb_error err = {0};
    int e = root ? pb_remote_call(root, method, args, NULL, NULL, keep, p, NULL, &err)
                 : PB_ERR_NOMEM;
    if (e && e != PB_ERR_NOMEM) {
        note(p, "not sent %d %s", e, err.text);
    }
    pb_value_unref(args);
    pb_remote_unref(root);
    talk(p);
    return kept;
}

static void ask(struct pair *p, const char *method, pb_value *args)
{
    pb_value *v = get(p, method, args);
    if (v) {
        note_value(p, method, v);
    }
    pb_value_unref(v);
    talk(p);
}

/* ---- Counts ---- */

static void counts(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *pair = get(p, "two", NULL);
    /* Met twice in one message, it came once. */
    cr_assert_eq(pb_item(pair, 0), pb_item(pb_item(pair, 1), 0));
    cr_assert_eq(stats_of(p->server).cached, 1);
    cr_assert_eq(stats_of(p->client).caches, 1);
    pb_value *again = get(p, "pond", NULL);
    cr_assert_neq(again, pb_item(pair, 0));
    pb_value_unref(pair);
    talk(p);
    cr_assert_eq(stats_of(p->server).cached, 1);
    cr_assert_eq(ponds.pond.stopped, 0);
    ask(p, "addDuck", pb_build(NULL, "(i)", 2));
    note_value(p, "ducks", ducks_of(again));
    pb_value_unref(again);
    talk(p);
    cr_assert_eq(stats_of(p->server).cached, 0);
    cr_assert_eq(stats_of(p->client).caches, 0);
    close_ponds(p, &ponds);
}

PB_TEST(cache, is_counted_at_each_receipt)
{
    converse(counts, "addDuck None\n"
                     "ducks ['one', 2]\n"
                     "stopped\n");
}

static void several(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *list = get(p, "new", pb_build(NULL, "(i)", 3));
    cr_assert_eq(stats_of(p->client).caches, 3);
    cr_assert_not(pb_value_equal(pb_item(list, 0), pb_item(list, 1)));
    /* Sent home, it is the object itself, also from what a method of it has at hand. */
    pb_value *pond = get(p, "pond", NULL);
    ask(p, "is", pb_build(NULL, "(O)", pond));
    ask(p, "is", pb_build(NULL, "(N)", pb_local(pb_as_object(pond))));
    ask(p, "is", pb_build(NULL, "(O)", pb_item(list, 0)));
    pb_value_unref(pond);
    pb_value_unref(list);
    talk(p);
    cr_assert_eq(stats_of(p->client).caches, 0);
    cr_assert_eq(ponds.pond.destroyed, 3);
    close_ponds(p, &ponds);
}

PB_TEST(cache, goes_home_as_the_object_itself)
{
    converse(several, "is True\n"
                      "is True\n"
                      "is False\n"
                      "stopped\nstopped\nstopped\nstopped\n");
}

/* ---- Ends ---- */

static void disconnected(pb_session *s, void *user_data)
{
    (void)s;
    note(user_data, "disconnected");
}

static void lost(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *pond = get(p, "pond", NULL);
    pb_remote *observer = pb_remote_ref(ponds.pond.observers[0]);
    pb_session_notify_on_disconnect(p->server, disconnected, p);
    pb_remote_callf(observer, noted, p, NULL, "add", "i", 1);
    pb_session_lost(p->server, NULL);
    pb_session_lost(p->client, NULL);
    pb_error err = {0};
    cr_assert_eq(pb_remote_callf(observer, noted, p, &err, "add", "i", 1), PB_ERR_DEAD);
    cr_assert_eq(pb_remote_luid(observer), 0);
    pb_remote_unref(observer);
    note_value(p, "ducks", ducks_of(pond));
    pb_value_unref(pond);
    ponds.pond.log = NULL;
    pb_session_free(p->client);
    pb_session_free(p->server);
    ponds_end(&ponds);
}

PB_TEST(cache, ends_with_the_connection_in_twisteds_order)
{
    converse(lost, "failure -10 twisted.spread.pb.PBConnectionLost: the peer closed the "
                   "connection\n"
                   "stopped\n"
                   "disconnected\n"
                   "server closed -10 : the peer closed the connection\n"
                   "client closed -10 : the peer closed the connection\n"
                   "ducks ['one']\n");
}

static void exchanged(struct pair *p)
{
    struct ponds ponds;
    struct ponds others;
    struct pair *other = calloc(1, sizeof *other);
    open_ponds(p, &ponds, (pb_session_config){0});
    open_ponds(other, &others, (pb_session_config){0});
    pb_value *pond = get(p, "pond", NULL);
    pb_value_unref(get(other, "is", pb_build(NULL, "(O)", pond)));
    note(p, "%s", other->log);
    other->log_len = 0;
    close_ponds(other, &others);
    free(other);
    pb_value_unref(pond);
    talk(p);
    close_ponds(p, &ponds);
}

PB_TEST(cache, does_not_go_over_another_connection)
{
    converse(exchanged, "not sent -3 You cannot exchange cached proxies between "
                        "brokers.\n\n"
                        "stopped\n");
}

/* The peer uncaches what is still in use. */
PB_TEST(cache, that_is_uncached_lives_on_and_owes_nothing)
{
    struct pair *p = calloc(1, sizeof *p);
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *a = get(p, "pond", NULL);
    pb_value *b = get(p, "pond", NULL);
    pb__write_begin(p->client, NULL); /* so that a decache must wait */
    pb_value_unref(a);
    p->client->writing = false;
    cr_assert_eq(feed(p->client, "02801f870181", false), 0);
    cr_assert_eq(stats_of(p->client).caches, 0);
    cr_assert_eq(pb_session_send(p->client).len, 0);
    pb_value_unref(get(p, "is", pb_build(NULL, "(O)", b)));
    note_value(p, "ducks", ducks_of(b));
    pb_value_unref(b);
    cr_assert_eq(pb_session_send(p->client).len, 0);
    cr_assert_str_eq(p->log, "not sent -3 You cannot exchange cached proxies between "
                             "brokers.\nducks ['one']\n");
    close_ponds(p, &ponds);
    free(p);
}

/* ---- Observers ---- */

static void observed(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *pond = get(p, "pond", NULL);
    pb_remote *observer = pb_remote_ref(ponds.pond.observers[0]);
    note_value(p, "observer", (pb_value *)observer);
    cr_assert_eq(pb_remote_luid(observer), 1);
    pb_remote_callf(observer, noted, p, NULL, "add", "i", 2);
    pb_remote_callf(observer, noted, p, NULL, "missing", "");
    /* It is no reference: what is sent of it is the word that it can't be. */
    pb_remote_callf(observer, noted, p, NULL, "add", "O", (pb_value *)observer);
    talk(p);
    note_value(p, "ducks", ducks_of(pond));
    pb_value_unref(pond);
    talk(p);
    pb_error err = {0};
    int e = pb_remote_callf(observer, noted, p, &err, "add", "i", 3);
    note(p, "%d %s", e, err.text);
    /* Sent anew, the object is found by its observers of before. */
    pond = get(p, "pond", NULL);
    cr_assert_eq(pb_remote_luid(observer), 2);
    cr_assert(pb_value_equal((pb_value *)observer, (pb_value *)ponds.pond.observers[0]));
    uint64_t x, y;
    cr_assert_eq(pb_value_hash((pb_value *)observer, &x), 0);
    cr_assert_eq(pb_value_hash((pb_value *)ponds.pond.observers[0], &y), 0);
    cr_assert_eq(x, y);
    pb_remote_callf(observer, noted, p, NULL, "add", "i", 4);
    talk(p);
    pb_value_unref(pond);
    talk(p);
    pb_object_unref(ponds.object);
    ponds.object = NULL;
    note_value(p, "observer", (pb_value *)observer);
    cr_assert_eq(pb_remote_callf(observer, noted, p, NULL, "add", ""), PB_ERR_STATE);
    pb_remote_unref(observer);
    close_ponds(p, &ponds);
}

#define NOT_GIVEN                                                           \
    "-15 You can't call a cached method when the object hasn't been given " \
    "to the peer yet.\n"

PB_TEST(observer, looks_for_the_cache_at_each_call)
{
    converse(observed,
             "observer <RemoteCacheObserver scenarios.Pond>\n"
             "answer 2\n"
             "failure 0 builtins.AttributeError: 'RemotePond' object has no attribute "
             "'observe_missing'\n"
             "answer 3\n"
             "ducks ['one', 2, Unpersistable(\"Unpersistable data: b'instance of class "
             "twisted.spread.flavors.RemoteCacheObserver deemed insecure'\")]\n"
             "stopped\n" NOT_GIVEN "answer 2\n"
             "stopped\n"
             "observer <RemoteCacheObserver >\n");
}

/* ---- Half-built messages ---- */

static void undone(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    struct pond mine = {.ducks = pb_list(), .log = p};
    pb_object *o = pb_object_new(&pond_class, &mine);
    pb_value *bad = pb_name(PB_FUNCTION, "os.system");
    pb_value_unref(get(p, "is", pb_build(NULL, "(NO)", pb_local(o), bad)));
    cr_assert_eq(stats_of(p->client).cached, 0);
    cr_assert_eq(mine.observed, 0);
    /* The first number is lost; nothing else is. */
    ask(p, "is", pb_build(NULL, "(N)", pb_local(o)));
    cr_assert_eq(stats_of(p->client).cached, 0);
    mine.unwilling = true;
    pb_value_unref(get(p, "is", pb_build(NULL, "(N)", pb_local(o))));
    cr_assert_eq(stats_of(p->client).cached, 0);
    pb_value_unref(bad);
    pb_value_unref(mine.ducks);
    pb_object_unref(o);
    close_ponds(p, &ponds);
}

PB_TEST(cacheable, is_not_cached_by_a_message_that_fails)
{
    converse(undone, "stopped\n"
                     "not sent -3 Banana cannot send builtins.str objects: 'os.system'\n"
                     "stopped\n"
                     "is False\n"
                     "not sent -15 the pond is frozen\n");
}

/* One more count is given back, too. */
static void uncounted(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *bad = pb_name(PB_FUNCTION, "os.system");
    pb_value *pond = get(p, "pond", NULL);
    pb_value_unref(pb_value_ref(bad));
    pb_remote *observer = ponds.pond.observers[0];
    pb_error err = {0};
    pb_value *args = pb_build(NULL, "(NO)", pb_local(ponds.object), bad);
    int e = pb_remote_call(observer, "add", args, NULL, NULL, noted, p, NULL, &err);
    note(p, "%d %s", e, err.text);
    pb_value_unref(args);
    pb_value_unref(bad);
    pb_value_unref(pond);
    talk(p);
    cr_assert_eq(stats_of(p->server).cached, 0);
    close_ponds(p, &ponds);
}

PB_TEST(cacheable, is_not_counted_by_a_message_that_fails)
{
    converse(uncounted, "-3 Banana cannot send builtins.str objects: 'os.system'\n"
                        "stopped\n");
}

/* ---- Too many ---- */

static void many(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){.max_refs = 2});
    ask(p, "new", pb_build(NULL, "(i)", 4));
    cr_assert_eq(stats_of(p->server).cached, 0);
    pb_value *three = get(p, "new", pb_build(NULL, "(i)", 3));
    for (int i = 0; i < 3; i++) {
        ask(p, "pond", NULL);
    }
    pb_value_unref(three);
    pb_session_free(p->client);
    pb_session_free(p->server);
    p->client = p->server = NULL;
    ponds_end(&ponds);
}

PB_TEST(cacheable, is_refused_beyond_the_limit)
{
    converse(many,
             "stopped\nstopped\nstopped\n"
             "failure 0 twisted.spread.pb.Error: Maximum PB cache count exceeded.\n"
             "failure 0 twisted.spread.pb.Error: Maximum PB cache count exceeded.\n"
             "failure 0 twisted.spread.pb.Error: Maximum PB cache count exceeded.\n"
             "stopped\nstopped\nstopped\n"
             "server closed -6 : Maximum PB cache count exceeded.  Goodbye. (limit 2)\n"
             "failure -10 twisted.spread.pb.PBConnectionLost: Connection was closed "
             "cleanly.\n"
             "client closed\n");
}

static void limited(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){.max_caches = 2});
    pb_value *two = get(p, "new", pb_build(NULL, "(i)", 2));
    ask(p, "new", pb_build(NULL, "(i)", 1));
    pb_session_free(p->client);
    pb_session_free(p->server);
    p->client = p->server = NULL;
    pb_value_unref(two);
    ponds_end(&ponds);
}

PB_TEST(cache, is_refused_beyond_the_limit)
{
    converse(limited,
             "failure -6 twisted.spread.banana.BananaError: there are more caches "
             "than the limit of 2\n"
             "client closed\n"
             "stopped\nstopped\nstopped\n"
             "server closed\n");
}

/* ---- On its way out ---- */

static pb_remote *next_to_stop;
static pb_object *sent_again;

/* Sends itself anew, and calls its caches, while it is told that there are none. */
static void stubborn_stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    struct pond *pond = self;
    pond_stopped(self, perspective, observer);
    if (next_to_stop) {
        pb_value *args = pb_build(NULL, "(O)", (pb_value *)sent_again);
        cr_assert_eq(pb_remote_callf(observer, noted, pond->log, NULL, "add", "s", "bye"),
                     0);
        cr_assert_eq(pb_remote_call(next_to_stop, "add", args, NULL, NULL, noted,
                                    pond->log, NULL, NULL),
                     0);
        pb_value_unref(args);
        next_to_stop = NULL;
    }
}

static const pb_class stubborn = {.name = "scenarios.Pond",
                                  .flavor = PB_FLAVOR_CACHEABLE,
                                  .state_to_cache = pond_state,
                                  .stopped_observing = stubborn_stopped};

static void sent_anew(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_object_unref(ponds.object);
    ponds.object = pb_object_new(&stubborn, &ponds.pond);
    sent_again = ponds.object;
    struct pond mine = {.ducks = pb_list()};
    pb_object *other = pb_object_new(&pond_class, &mine);
    pb_value *first = get(p, "pond", NULL);
    /* Another one, whose ducks the first becomes. */
    pb_object *hold = ponds.object;
    ponds.object = other;
    pb_value *second = get(p, "pond", NULL);
    ponds.object = hold;
    next_to_stop = mine.observers[0];
    pb_value_unref(first);
    talk(p);
    cr_assert_eq(stats_of(p->server).cached, 2);
    note_value(p, "ducks", ducks_of(second));
    pb_value_unref(second);
    talk(p);
    cr_assert_eq(stats_of(p->server).cached, 0);
    pb_object_unref(other);
    pb_value_unref(mine.ducks);
    close_ponds(p, &ponds);
}

PB_TEST(cacheable, may_be_sent_anew_while_it_stops)
{
    converse(sent_anew, "stopped\n"
                        "answer 2\n"
                        "answer 1\n"
                        "ducks [<RemoteCache 3 <RemoteCopy scenarios.RemotePond "
                        "{'ducks': ['one']}>>]\n"
                        "stopped\n");
}

/* ---- In cycles ---- */

static pb_object *self_pond;

static pb_value *own_state(void *self, pb_object *perspective, pb_remote *observer,
                           pb_error *err)
{
    (void)perspective;
    struct pond *pond = self;
    pb_value *state = pb_build(err, "{s:[N]}", "ducks", pb_local(self_pond));
    if (state) {
        pond->observers[pond->observed++] = pb_remote_ref(observer);
    }
    return state;
}

static const pb_class own_class = {.name = "scenarios.Pond",
                                   .flavor = PB_FLAVOR_CACHEABLE,
                                   .state_to_cache = own_state,
                                   .stopped_observing = pond_stopped};

/* What holds itself is never given back: as in Twisted it goes with the connection. */
static void in_itself(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_object_unref(ponds.object);
    self_pond = ponds.object = pb_object_new(&own_class, &ponds.pond);
    pb_value *pond = get(p, "pond", NULL);
    note_value(p, "pond", pond);
    cr_assert_eq(pb_item(ducks_of(pond), 0), pond);
    pb_value_unref(pond);
    talk(p);
    cr_assert_eq(stats_of(p->server).cached, 1);
    pb_value *again = get(p, "pond", NULL);
    close_ponds(p, &ponds);
    note_value(p, "pond", again);
    pb_value_unref(again);
}

PB_TEST(cache, may_hold_itself)
{
    converse(in_itself,
             "pond <RemoteCache 1 <RemoteCopy scenarios.RemotePond {'ducks': [<...>]}>>\n"
             "pond <RemoteCache 1 <RemoteCopy scenarios.RemotePond {'ducks': "
             "[<RemoteCache 1 <...>>]}>>\n");
}

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

/* Without state_to_cache there is state_to_copy. A cache that refuses it is given back. */
static void refused(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_object_unref(ponds.object);
    ponds.object = pb_object_new(&frozen, NULL);
    ask(p, "two", NULL);
    cr_assert_eq(ponds_made, ponds_gone);
    cr_assert_eq(stats_of(p->server).cached, 0);
    cr_assert_eq(stats_of(p->client).caches, 0);
    close_ponds(p, &ponds);
}

PB_TEST(cache, that_refuses_its_state_is_given_back)
{
    converse(refused, "failure -4 builtins.OverflowError: number out of range\n");
}

/* The client is given an answer to its next call, in hexadecimal, as if from the server. */
static void answer(struct pair *p, const char *value)
{
    char hex[512];
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call(root, "pond", NULL, NULL, NULL, noted, p, NULL, NULL);
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
        {"0180" TAG, "failure -5 builtins.ValueError: a cache goes by a number\n"},
        {"0280" TAG "0181", "failure -5 builtins.ValueError: a cache without a state\n"},
        {"0280" TAG "01800587", "failure -5 builtins.ValueError: a cache goes by a "
                                "number\n"},
        {"0380" TAG "01826101800587", "failure -5 builtins.ValueError: a cache goes by a "
                                      "number\n"},
        {"0380" TAG "02800782626f6f6c65616e04827472756501800587",
         "failure -5 builtins.ValueError: a cache goes by a number\n"},
        {"01800f87", "failure -5 builtins.ValueError: a cache goes by a number\n"},
        {"02800f874d81", "failure -8 twisted.spread.pb.ProtocolError: there is no cache "
                         "77\n"},
        {"028012874d81", "failure -8 twisted.spread.pb.ProtocolError: there is no object "
                         "77 with caches\n"},
        {"02801287018261", "failure -5 builtins.ValueError: a cache goes by a number\n"},
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

/* Twisted counts from 1, but any number will do. */
PB_TEST(cache, may_go_by_any_number)
{
    static const char *const numbers[] = {"0081", "0583"};
    for (size_t i = 0; i < 2; i++) {
        struct pair *p = calloc(1, sizeof *p);
        struct ponds ponds;
        char hex[128];
        open_ponds(p, &ponds, (pb_session_config){0});
        pb_remote *root = pb_session_root(p->client);
        pb_remote_call(root, "pond", NULL, NULL, NULL, keep, p, NULL, NULL);
        pb_session_sent(p->client, pb_session_send(p->client).len, 0);
        snprintf(hex, sizeof hex, "03801b8701810380" TAG "%s01800587", numbers[i]);
        cr_assert_eq(feed(p->client, hex, false), 0);
        pb_remote_callf(root, NULL, NULL, NULL, "is", "O", kept);
        snprintf(hex, sizeof hex,
                 "07801a8702810482726f6f7402826973018102800b8702801287%s01800587",
                 numbers[i]);
        expect(p->client, hex, true, "lcache", i);
        pb_value_unref(kept);
        snprintf(hex, sizeof hex, "02801e87%s", numbers[i]);
        expect(p->client, hex, true, "decache", i);
        pb_remote_unref(root);
        pb_session_free(p->client);
        pb_session_free(p->server);
        ponds_end(&ponds);
        free(p);
    }
}

/* Of what was taken from the message before it was refused, the decache is owed. */
PB_TEST(cache, in_a_message_that_is_refused_is_given_back)
{
    struct pair *p = calloc(1, sizeof *p);
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    char hex[] = "03801b870181"
                 "03800887" /* a list: a cache, and what no taster knows */
                 "0380" TAG "018101800587"
                 "01800382612e62";
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call(root, "pond", NULL, NULL, NULL, noted, p, NULL, NULL);
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

/* The server hears this, in hexadecimal, in place of a call of the client's. */
static void instead(struct pair *p, const char *hex)
{
    pb_remote *root = pb_session_root(p->client);
    pb_remote_call(root, "pond", NULL, NULL, NULL, noted, p, NULL, NULL);
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

/* Nobody gets to see one that has refused its state: not by its number in another member
 * of the message, nor in another message. */
PB_TEST(cache, that_refuses_its_state_is_unknown)
{
    struct pair *p = calloc(1, sizeof *p);
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    instead(p, MESSAGE("0482726f6f7402826973", FROZEN, CACHED_1));
    cr_assert_str_eq(p->log,
                     "failure 0 builtins.OverflowError: number out of range\n"
                     "client closed -8 message 4: decache.object: decache of 1, of "
                     "which the peer has no cache\n");
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

/* The same for one that came where no value is looked at. */
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
         "decache of 99, of which the peer has no cache"},
        {"02801e87018261", "message 3: decache.object",
         "decache of what is no number of an object"},
        {"02801f876381", "message 3: uncache.object", "uncache of 99, which is no cache"},
        {"02801f87018261", "message 3: uncache.object",
         "uncache of what is no number of a cache"},
        {"01801f87", "message 3: uncache", "0 members after the command, where 1 belong"},
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

/* ---- Looked at ---- */

PB_TEST(cache, is_in_the_dump)
{
    struct pair *p = calloc(1, sizeof *p);
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *a = get(p, "pond", NULL);
    pb_value *b = get(p, "pond", NULL);
    pb__write_begin(p->client, NULL);
    pb_value_unref(a);
    p->client->writing = false;
    struct pb__buf text = {0};
    cr_assert_eq(pb__session_dump(p->client, &text), 0);
    cr_assert_eq(pb__session_dump(p->server, &text), 0);
    cr_assert_eq(pb__buf_append(&text, "", 1), 0);
    static const char *const lines[] = {
        "cache 1 scenarios.RemotePond\nowed cache 1\n",
        "cached 1 scenarios.Pond count 2\nobserver 1\n",
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        cr_assert_not_null(strstr((char *)text.data, lines[i]), "no %s in %s", lines[i],
                           (char *)text.data);
    }
    pb__buf_fini(&text);
    cr_assert(pb_session_want_send(p->client));
    pb_value_unref(b);
    talk(p);
    close_ponds(p, &ponds);
    free(p);
}

/* ---- Without memory ---- */

static int run(void *user_data)
{
    (void)user_data;
    struct pair *p = calloc(1, sizeof *p);
    struct ponds server = {0};
    pb_registry *g = pond_registry();
    pb_session_config c = {.registry = g};
    if (ponds_begin(&server, NULL) && g) {
        pb_session_config s = c;
        s.root = server.root;
        if (pair_open(p, c, s)) {
            talk(p);
            pb_value *pair = get(p, "two", NULL);
            pb_value *pond = get(p, "pond", NULL);
            pb_value_unref(get(p, "addDuck", pb_build(NULL, "(i)", 2)));
            pb_value_unref(get(p, "is", pb_build(NULL, "(O)", pond ? pond : pb_none())));
            pb_value_unref(pond);
            talk(p);
            pb_value_unref(pair);
            talk(p);
            pb_value_unref(get(p, "new", pb_build(NULL, "(i)", 3)));
        }
    }
    int e = pb__test_failed() ? PB_ERR_NOMEM : 0;
    pb_session_free(p->client);
    pb_session_free(p->server);
    cr_assert_eq(server.pond.observed, 0);
    ponds_end(&server);
    pb_registry_unref(g);
    cr_assert_eq(ponds_made, ponds_gone);
    free(p);
    return e;
}

PB_TEST(cache, loses_nothing_at_any_failure)
{
    pb__test_each_failure(run, NULL);
}
