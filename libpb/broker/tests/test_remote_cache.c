/* SPDX-License-Identifier: MIT
 *
 * Caches between two sessions: their counts, how they end, what is taken back; and with
 * every allocation failing. */
#include "compat/compare.h"
#include "libpb/base/buf.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"
#include "libpb/broker/tests/bytes.h"
#include "libpb/broker/tests/cacheable_objects.h"
#include "libpb/broker/write_message.h"

/* ---- Counts ---- */

static void counts(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *pair = ponds_get(p, "two", NULL);
    /* Twice in one message, it was sent once. */
    cr_assert_eq(pb_item(pair, 0), pb_item(pb_item(pair, 1), 0));
    cr_assert_eq(stats_of(p->server).cached, 1);
    cr_assert_eq(stats_of(p->client).caches, 1);
    pb_value *again = ponds_get(p, "pond", NULL);
    cr_assert_neq(again, pb_item(pair, 0));
    pb_value_unref(pair);
    talk(p);
    cr_assert_eq(stats_of(p->server).cached, 1);
    cr_assert_eq(ponds.pond.stopped, 0);
    ponds_ask(p, "addDuck", pb_build(NULL, "(i)", 2));
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
    pb_value *list = ponds_get(p, "new", pb_build(NULL, "(i)", 3));
    cr_assert_eq(stats_of(p->client).caches, 3);
    cr_assert_not(pb_value_equal(pb_item(list, 0), pb_item(list, 1)));
    /* Sent back, it is the object itself, also when one of its methods sends it. */
    pb_value *pond = ponds_get(p, "pond", NULL);
    ponds_ask(p, "is", pb_build(NULL, "(O)", pond));
    ponds_ask(p, "is", pb_build(NULL, "(N)", pb_object_value(pb_as_object(pond))));
    ponds_ask(p, "is", pb_build(NULL, "(O)", pb_item(list, 0)));
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
    pb_value *pond = ponds_get(p, "pond", NULL);
    pb_remote *observer = pb_remote_ref(ponds.pond.observers[0]);
    pb_session_notify_on_disconnect(p->server, disconnected, p);
    pb_remote_call(observer, "add", noted, p, NULL, "i", 1);
    pb_session_lost(p->server, NULL);
    pb_session_lost(p->client, NULL);
    pb_error err = {0};
    cr_assert_eq(pb_remote_call(observer, "add", noted, p, &err, "i", 1), PB_ERR_DEAD);
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
    pb_value *pond = ponds_get(p, "pond", NULL);
    pb_value_unref(ponds_get(other, "is", pb_build(NULL, "(O)", pond)));
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

/* The peer uncaches an object that is still in use. */
PB_TEST(cache, that_is_uncached_lives_on_and_owes_nothing)
{
    struct pair *p = calloc(1, sizeof *p);
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *a = ponds_get(p, "pond", NULL);
    pb_value *b = ponds_get(p, "pond", NULL);
    pb__write_begin(p->client, NULL); /* so that a decache must wait */
    pb_value_unref(a);
    p->client->writing = false;
    cr_assert_eq(feed(p->client, "02801f870181", false), 0);
    cr_assert_eq(stats_of(p->client).caches, 0);
    cr_assert_eq(pb_session_send(p->client).len, 0);
    pb_value_unref(ponds_get(p, "is", pb_build(NULL, "(O)", b)));
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
    pb_value *pond = ponds_get(p, "pond", NULL);
    pb_remote *observer = pb_remote_ref(ponds.pond.observers[0]);
    note_value(p, "observer", (pb_value *)observer);
    cr_assert_eq(pb_remote_luid(observer), 1);
    pb_remote_call(observer, "add", noted, p, NULL, "i", 2);
    pb_remote_call(observer, "missing", noted, p, NULL, "");
    /* An observer cannot be sent as a reference: the peer gets an instance that its
     * taster refuses. */
    pb_remote_call(observer, "add", noted, p, NULL, "O", (pb_value *)observer);
    talk(p);
    note_value(p, "ducks", ducks_of(pond));
    pb_value_unref(pond);
    talk(p);
    pb_error err = {0};
    int e = pb_remote_call(observer, "add", noted, p, &err, "i", 3);
    note(p, "%d %s", e, err.text);
    /* After the object is sent again, its earlier observers find it. */
    pond = ponds_get(p, "pond", NULL);
    cr_assert_eq(pb_remote_luid(observer), 2);
    cr_assert(pb_value_equal((pb_value *)observer, (pb_value *)ponds.pond.observers[0]));
    uint64_t x, y;
    cr_assert_eq(pb__hash((pb_value *)observer, &x), 0);
    cr_assert_eq(pb__hash((pb_value *)ponds.pond.observers[0], &y), 0);
    cr_assert_eq(x, y);
    pb_remote_call(observer, "add", noted, p, NULL, "i", 4);
    talk(p);
    pb_value_unref(pond);
    talk(p);
    pb_object_unref(ponds.object);
    ponds.object = NULL;
    note_value(p, "observer", (pb_value *)observer);
    cr_assert_eq(pb_remote_call(observer, "add", noted, p, NULL, ""), PB_ERR_STATE);
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
    pb_value_unref(ponds_get(p, "is", pb_build(NULL, "(NO)", pb_object_value(o), bad)));
    cr_assert_eq(stats_of(p->client).cached, 0);
    cr_assert_eq(mine.observed, 0);
    /* The first number is skipped; nothing else is lost. */
    ponds_ask(p, "is", pb_build(NULL, "(N)", pb_object_value(o)));
    cr_assert_eq(stats_of(p->client).cached, 0);
    mine.unwilling = true;
    pb_value_unref(ponds_get(p, "is", pb_build(NULL, "(N)", pb_object_value(o))));
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

/* One more count is released, too. */
static void uncounted(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *bad = pb_name(PB_FUNCTION, "os.system");
    pb_value *pond = ponds_get(p, "pond", NULL);
    pb_value_unref(pb_value_ref(bad));
    pb_remote *observer = ponds.pond.observers[0];
    pb_error err = {0};
    pb_value *args = pb_build(NULL, "(NO)", pb_object_value(ponds.object), bad);
    int e =
        pb_remote_call_values(observer, "add", args, NULL, NULL, noted, p, NULL, &err);
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
    ponds_ask(p, "new", pb_build(NULL, "(i)", 4));
    cr_assert_eq(stats_of(p->server).cached, 0);
    pb_value *three = ponds_get(p, "new", pb_build(NULL, "(i)", 3));
    for (int i = 0; i < 3; i++) {
        ponds_ask(p, "pond", NULL);
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
    pb_value *two = ponds_get(p, "new", pb_build(NULL, "(i)", 2));
    ponds_ask(p, "new", pb_build(NULL, "(i)", 1));
    pb_session_free(p->client);
    pb_session_free(p->server);
    p->client = p->server = NULL;
    pb_value_unref(two);
    ponds_end(&ponds);
}

PB_TEST(cache, is_refused_beyond_the_limit)
{
    converse(
        limited,
        "failure -6 twisted.spread.banana.BananaError: the peer has sent more caches "
        "than the limit of 2\n"
        "client closed\n"
        "stopped\nstopped\nstopped\n"
        "server closed\n");
}

/* ---- While it is removed ---- */

static pb_remote *next_to_stop;
static pb_object *sent_again;

/* In stopped_observing, sends the object again and calls its caches. */
static void stubborn_stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    struct pond *pond = self;
    pond_stopped(self, perspective, observer);
    if (next_to_stop) {
        pb_value *args = pb_build(NULL, "(O)", (pb_value *)sent_again);
        cr_assert_eq(pb_remote_call(observer, "add", noted, pond->log, NULL, "s", "bye"),
                     0);
        cr_assert_eq(pb_remote_call_values(next_to_stop, "add", args, NULL, NULL, noted,
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
    pb_value *first = ponds_get(p, "pond", NULL);
    /* Another one, whose ducks the first becomes. */
    pb_object *hold = ponds.object;
    ponds.object = other;
    pb_value *second = ponds_get(p, "pond", NULL);
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
    pb_value *state = pb_build(err, "{s:[N]}", "ducks", pb_object_value(self_pond));
    if (state) {
        pond->observers[pond->observed++] = pb_remote_ref(observer);
    }
    return state;
}

static const pb_class own_class = {.name = "scenarios.Pond",
                                   .flavor = PB_FLAVOR_CACHEABLE,
                                   .state_to_cache = own_state,
                                   .stopped_observing = pond_stopped};

/* A cache that contains itself is never released: as in Twisted, it lives until the
 * connection ends. */
static void in_itself(struct pair *p)
{
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_object_unref(ponds.object);
    self_pond = ponds.object = pb_object_new(&own_class, &ponds.pond);
    pb_value *pond = ponds_get(p, "pond", NULL);
    note_value(p, "pond", pond);
    cr_assert_eq(pb_item(ducks_of(pond), 0), pond);
    pb_value_unref(pond);
    talk(p);
    cr_assert_eq(stats_of(p->server).cached, 1);
    pb_value *again = ponds_get(p, "pond", NULL);
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

/* ---- In the dump ---- */

PB_TEST(cache, is_in_the_dump)
{
    struct pair *p = calloc(1, sizeof *p);
    struct ponds ponds;
    open_ponds(p, &ponds, (pb_session_config){0});
    pb_value *a = ponds_get(p, "pond", NULL);
    pb_value *b = ponds_get(p, "pond", NULL);
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
            pb_value *pair = ponds_get(p, "two", NULL);
            pb_value *pond = ponds_get(p, "pond", NULL);
            pb_value_unref(ponds_get(p, "addDuck", pb_build(NULL, "(i)", 2)));
            pb_value_unref(
                ponds_get(p, "is", pb_build(NULL, "(O)", pond ? pond : pb_none())));
            pb_value_unref(pond);
            talk(p);
            pb_value_unref(pair);
            talk(p);
            pb_value_unref(ponds_get(p, "new", pb_build(NULL, "(i)", 3)));
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
