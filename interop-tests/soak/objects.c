/* SPDX-License-Identifier: MIT
 *
 * What the C side of the soak test serves: the object that the peer's operations call,
 * and the kinds of objects that its methods return. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/soak/soak.h"

/* ---- Counters: referenceables ---- */

struct counter {
    struct side *side;
    int64_t total;
};

static int counter_add(void *self, pb_request *req)
{
    struct counter *c = self;
    int64_t n;
    int e = pb_request_unpack(req, "L", &n);
    if (e) {
        return e;
    }
    c->total += n;
    return pb_request_answer_steal(req, pb_int(c->total));
}

static void counter_destroy(void *self)
{
    struct counter *c = self;
    c->side->live--;
    free(c);
}

static const pb_class counter_class = {
    .name = "Counter",
    .remote = (const pb_method[]){{"add", counter_add}, {0}},
    .destroy = counter_destroy,
};

pb_object *counter_new(struct side *side)
{
    struct counter *c = calloc(1, sizeof *c);
    c->side = side;
    side->live++;
    return pb_object_new(&counter_class, c);
}

int64_t counter_total(const pb_object *counter)
{
    const struct counter *c = pb_object_self(counter);
    return c->total;
}

/* ---- Shelves: cacheables, and their caches ---- */

struct shelf {
    struct side *side;
    pb_value *books;     /* a list */
    pb_remote *observer; /* NULL: none */
};

static pb_value *shelf_state(void *self, pb_object *perspective, pb_remote *observer,
                             pb_error *err)
{
    struct shelf *shelf = self;
    (void)perspective;
    shelf->observer = pb_remote_ref(observer);
    return pb_build(err, "{sN}", "books", pb_value_copy(shelf->books));
}

static void shelf_stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    struct shelf *shelf = self;
    (void)perspective;
    SOAK_CHECK(shelf->side, observer == shelf->observer);
    pb_remote_unref(shelf->observer);
    shelf->observer = NULL;
}

static void shelf_destroy(void *self)
{
    struct shelf *shelf = self;
    shelf->side->live--;
    pb_value_unref(shelf->books);
    free(shelf);
}

static const pb_class shelf_class = {
    .name = SHELF_TAG,
    .flavor = PB_FLAVOR_CACHEABLE,
    .state_to_cache = shelf_state,
    .stopped_observing = shelf_stopped,
    .destroy = shelf_destroy,
};

static int cached_shelf_put(void *self, pb_request *req)
{
    (void)self;
    pb_value *books = pb_dict_get(pb_object_state(pb_request_object(req)), "books");
    pb_value *book;
    int e = pb_request_unpack(req, "O", &book);
    return e ? e : pb_append(books, book);
}

static const pb_class cached_shelf_class = {
    .name = "CachedShelf",
    .flavor = PB_FLAVOR_CACHEABLE,
    .observe = (const pb_method[]){{"put", cached_shelf_put}, {0}},
};

/* ---- Songs: publishables ---- */

struct song {
    pb_publishable publishable; /* has to be the first member */
    pb_object *object;
};

/* The words tell the time of the last change. */
static pb_value *song_state_to_publish(void *self, pb_object *perspective, pb_error *err)
{
    const struct song *song = self;
    char words[80];
    (void)perspective;
    snprintf(words, sizeof words, "la la %.0f", song->publishable.timestamp);
    return pb_build(err, "{ss}", "words", words);
}

static const pb_class song_class = {
    .name = SONG_TAG,
    .flavor = PB_FLAVOR_CACHEABLE,
    .view = (const pb_method[]){{"getStateToPublish", pb_publishable_get_state}, {0}},
    .state_to_cache = pb_publishable_state,
};

static const pb_class received_song_class = {.name = "soak.ReceivedSong",
                                             .flavor = PB_FLAVOR_CACHEABLE};

/* ---- Cards: copyables ---- */

struct card {
    struct side *side;
    pb_value *text;
};

static pb_value *card_state(void *self, pb_object *perspective, pb_error *err)
{
    const struct card *card = self;
    (void)perspective;
    return pb_build(err, "{sO}", "text", card->text);
}

static void card_destroy(void *self)
{
    struct card *card = self;
    card->side->live--;
    pb_value_unref(card->text);
    free(card);
}

static const pb_class card_class = {
    .name = CARD_TAG,
    .flavor = PB_FLAVOR_COPYABLE,
    .state_to_copy = card_state,
    .destroy = card_destroy,
};

static const pb_class received_card_class = {.name = "soak.ReceivedCard",
                                             .flavor = PB_FLAVOR_COPYABLE};

/* ---- The object that the peer calls ---- */

static int peer_echo(void *self, pb_request *req)
{
    pb_value *v;
    (void)self;
    int e = pb_request_unpack(req, "O", &v);
    return e ? e : pb_request_answer_steal(req, pb_value_ref(v));
}

static int peer_fail(void *self, pb_request *req)
{
    int own;
    const char *text;
    (void)self;
    int e = pb_request_unpack(req, "ps", &own, &text);
    return e ? e
             : pb_request_fail(req,
                               own ? "twisted.spread.pb.Error" : "builtins.ValueError",
                               "%s", text);
}

static int peer_counter(void *self, pb_request *req)
{
    return pb_request_answer_steal(req, pb_object_value_steal(counter_new(self)));
}

/* A call of the peer that is answered when the calls of its reference have ended. */
struct relay {
    pb_request *request;
    pb_remote *to;
    int64_t next, last;
};

static void relay_call(struct relay *r);

static void relay_end(struct relay *r)
{
    pb_request_unref(r->request);
    pb_remote_unref(r->to);
    free(r);
}

static void relay_answered(pb_value *result, pb_failure *failure, void *user_data)
{
    struct relay *r = user_data;
    if (!failure && r->next <= r->last) {
        relay_call(r);
        return;
    }
    if (failure) {
        (void)pb_request_fail_with(r->request, failure);
    } else {
        (void)pb_request_answer_steal(r->request, pb_value_ref(result));
    }
    relay_end(r);
}

static void relay_call(struct relay *r)
{
    if (pb_remote_call(r->to, "add", relay_answered, r, NULL, "L", r->next++) != 0) {
        relay_end(r);
    }
}

/* Calls a counter of the peer with 1, 2, ..., n, one after the other; n is at least 1. */
static int peer_call(void *self, pb_request *req)
{
    pb_value *to;
    int64_t n;
    (void)self;
    int e = pb_request_unpack(req, "OL", &to, &n);
    if (e) {
        return e;
    }
    struct relay *r = malloc(sizeof *r);
    *r = (struct relay){pb_request_ref(req), pb_remote_ref(pb_as_remote(to)), 1, n};
    relay_call(r);
    return 0;
}

static int peer_shelf(void *self, pb_request *req)
{
    struct side *side = self;
    pb_value *books;
    int e = pb_request_unpack(req, "O", &books);
    if (e) {
        return e;
    }
    struct shelf *shelf = malloc(sizeof *shelf);
    *shelf = (struct shelf){.side = side, .books = pb_value_copy(books)};
    side->live++;
    return pb_request_answer_steal(
        req, pb_object_value_steal(pb_object_new(&shelf_class, shelf)));
}

static void put_observed(pb_value *result, pb_failure *failure, void *user_data)
{
    (void)result;
    if (failure) {
        (void)pb_request_fail_with(user_data, failure);
    } else {
        (void)pb_request_answer_steal(user_data, pb_none());
    }
    pb_request_unref(user_data);
}

/* Puts a book on a shelf, and answers when the cache has got it. */
static int peer_put(void *self, pb_request *req)
{
    pb_value *v, *book;
    int e = pb_request_unpack(req, "OO", &v, &book);
    if (e) {
        return e;
    }
    SOAK_CHECK((struct side *)self, pb_as_object(v) != NULL);
    SOAK_CHECK((struct side *)self, pb_object_class(pb_as_object(v)) == &shelf_class);
    struct shelf *shelf = pb_object_self(pb_as_object(v));
    pb_append(shelf->books, book);
    e = pb_remote_call(shelf->observer, "put", put_observed, pb_request_ref(req), NULL,
                       "O", book);
    if (e) {
        pb_request_unref(req);
    }
    return e;
}

static int peer_song(void *self, pb_request *req)
{
    struct side *side = self;
    int n, change;
    int e = pb_request_unpack(req, "ip", &n, &change);
    if (e) {
        return e;
    }
    struct song *song = &side->songs[(unsigned)n % SONGS];
    song->publishable.timestamp += change ? 1 : 0;
    return pb_request_answer_steal(req, pb_object_value(song->object));
}

static int peer_card(void *self, pb_request *req)
{
    struct side *side = self;
    pb_value *text;
    int e = pb_request_unpack(req, "O", &text);
    if (e) {
        return e;
    }
    struct card *card = malloc(sizeof *card);
    *card = (struct card){side, pb_value_ref(text)};
    side->live++;
    return pb_request_answer_steal(
        req, pb_object_value_steal(pb_object_new(&card_class, card)));
}

static int peer_pages(void *self, pb_request *req)
{
    pb_value *collector;
    int64_t n, chunk;
    (void)self;
    int e = pb_request_unpack(req, "OLL", &collector, &n, &chunk);
    if (e) {
        return e;
    }
    pb_value *bytes = paged_bytes((size_t)n);
    e = pb_page_bytes(pb_as_remote(collector), bytes, (size_t)chunk, NULL, NULL, NULL);
    pb_value_unref(bytes);
    return e;
}

static int peer_hold(void *self, pb_request *req)
{
    struct side *side = self;
    pb_value *v;
    int e = pb_request_unpack(req, "O", &v);
    e = e ? e : pb_append(side->held, v);
    return e ? e : pb_request_answer_steal(req, pb_value_ref(v));
}

static int peer_counts(void *self, pb_request *req)
{
    char text[COUNTS_SIZE];
    (void)self;
    session_counts(pb_request_session(req), text);
    return pb_request_answer_steal(req, pb_str(text));
}

/* Begins the operations of this side, a server. */
static int peer_start(void *self, pb_request *req)
{
    (void)req;
    operations_start(self);
    return 0;
}

static void answer_quiet_request(struct side *side)
{
    side->on_quiet = NULL;
    pb_value_unref(side->held);
    side->held = pb_list();
    (void)pb_request_answer_steal(side->quiet_request, pb_none());
    pb_request_unref(side->quiet_request);
    side->quiet_request = NULL;
}

/* Ends the operations of this side, and releases what they have left. */
static int peer_quiet(void *self, pb_request *req)
{
    struct side *side = self;
    side->running = false;
    side->quiet_request = pb_request_ref(req);
    side->on_quiet = answer_quiet_request;
    if (side->in_progress == 0) {
        side->on_quiet(side);
    }
    return 0;
}

static int peer_cut(void *self, pb_request *req)
{
    (void)self;
    pb_session_close(pb_request_session(req));
    return 0;
}

static const pb_class peer_class = {
    .name = "Peer",
    .remote = (const pb_method[]){{"echo", peer_echo},
                                  {"fail", peer_fail},
                                  {"counter", peer_counter},
                                  {"call", peer_call},
                                  {"shelf", peer_shelf},
                                  {"put", peer_put},
                                  {"song", peer_song},
                                  {"card", peer_card},
                                  {"pages", peer_pages},
                                  {"hold", peer_hold},
                                  {"counts", peer_counts},
                                  {"start", peer_start},
                                  {"quiet", peer_quiet},
                                  {"cut", peer_cut},
                                  {0}},
};

/* ---- Logins ---- */

struct avatar {
    struct side *side;
    char name[16];
    pb_value *mind;
};

static int avatar_who(void *self, pb_request *req)
{
    const struct avatar *a = self;
    return pb_request_answer_steal(req, pb_str(a->name));
}

/* The object that the operations of the client call; the client's own is its mind. */
static int avatar_peer(void *self, pb_request *req)
{
    const struct avatar *a = self;
    struct side *side = a->side;
    SOAK_CHECK(side, !side->peer && pb_as_remote(a->mind));
    side->session = pb_request_session(req);
    side->peer = pb_remote_ref(pb_as_remote(a->mind));
    return pb_request_answer_steal(req, pb_object_value(side->object));
}

/* Calls the mind, a counter, with the argument, and answers with its answer. */
static int avatar_ask(void *self, pb_request *req)
{
    const struct avatar *a = self;
    int64_t n;
    int e = pb_request_unpack(req, "L", &n);
    if (e) {
        return e;
    }
    struct relay *r = malloc(sizeof *r);
    *r = (struct relay){pb_request_ref(req), pb_remote_ref(pb_as_remote(a->mind)), n, n};
    relay_call(r);
    return 0;
}

static void avatar_destroy(void *self)
{
    struct avatar *a = self;
    a->side->live--;
    pb_value_unref(a->mind);
    free(a);
}

static const pb_class avatar_class = {
    .name = "Avatar",
    .perspective =
        (const pb_method[]){
            {"who", avatar_who}, {"peer", avatar_peer}, {"ask", avatar_ask}, {0}},
    .destroy = avatar_destroy,
};

static void avatar_log_out(void *user_data)
{
    struct side *side = user_data;
    side->logged_in--;
}

static int realm_avatar(pb_attempt *attempt, void *user_data)
{
    struct side *side = user_data;
    struct avatar *a = calloc(1, sizeof *a);
    pb_span id = pb_attempt_avatar_id(attempt);
    a->side = side;
    a->mind = pb_value_ref(pb_attempt_mind(attempt));
    snprintf(a->name, sizeof a->name, "%.*s", (int)id.len, id.len ? (char *)id.data : "");
    side->live++;
    side->logged_in++;
    pb_object *avatar = pb_object_new(&avatar_class, a);
    int e = pb_attempt_grant(attempt, avatar, avatar_log_out, side);
    pb_object_unref(avatar);
    return e;
}

pb_object *objects_portal(struct side *side)
{
    pb_portal *portal = pb_portal_new(realm_avatar, side);
    pb_portal_add_user(portal, pb_span_of("main"), pb_span_of("secret"));
    pb_portal_add_user(portal, pb_span_of("ada"), pb_span_of("lace"));
    pb_portal_allow_anonymous(portal);
    pb_object *root = pb_portal_root(portal);
    pb_portal_unref(portal);
    return root;
}

/* ---- Both sides ---- */

pb_registry *objects_registry(const char *folder)
{
    const pb_published_config files = {.load = pb_published_folder_load,
                                       .save = pb_published_folder_save,
                                       .user_data = (char *)folder};
    pb_registry *g = pb_registry_new();
    pb_registry_set_class(g, SHELF_TAG, &cached_shelf_class);
    pb_registry_set_class(g, CARD_TAG, &received_card_class);
    pb_registry_set_published(g, SONG_TAG, &received_song_class, &files);
    return g;
}

void objects_init(struct side *side)
{
    side->object = pb_object_new(&peer_class, side);
    side->held = pb_list();
    side->songs = calloc(SONGS, sizeof *side->songs);
    for (int i = 0; i < SONGS; i++) {
        char id[24];
        snprintf(id, sizeof id, "song-%d", i);
        side->songs[i].publishable =
            (pb_publishable){pb_str(id), 1000, song_state_to_publish, NULL, NULL, {0}};
        side->songs[i].object = pb_object_new(&song_class, &side->songs[i]);
    }
}

void objects_fini(struct side *side)
{
    for (int i = 0; i < SONGS; i++) {
        pb_object_unref(side->songs[i].object);
        pb_value_unref(side->songs[i].publishable.published_id);
    }
    free(side->songs);
    pb_value_unref(side->held);
    pb_object_unref(side->object);
}

void session_counts(const pb_session *session, char text[COUNTS_SIZE])
{
    pb_session_stats s;
    pb_session_get_stats(session, &s);
    snprintf(text, COUNTS_SIZE,
             "%zu exported, %zu held, %zu cached, %zu caches, %zu pending", s.exported,
             s.held, s.cached, s.caches, s.pending);
}
