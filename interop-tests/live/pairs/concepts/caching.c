/* SPDX-License-Identifier: MIT
 *
 * Caches: the observer's methods and their answers, one cache sent several times and
 * sent back to its owner, released in parts and completely, sent again after that, and
 * the state when the connection is closed. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>

#define SHELF_TAG "caching.Shelf"

/* ---- The cacheable; it has one observer at most ---- */

struct shelf {
    const char *owner;
    pb_value *books;
    pb_remote *observer;
};

static pb_value *shelf_state(void *self, pb_object *perspective, pb_remote *observer,
                             pb_error *err)
{
    struct shelf *shelf = self;
    (void)perspective;
    shelf->observer = pb_remote_ref(observer);
    printf("%s is observed\n", shelf->owner);
    pb_value *books = pb_list();
    for (size_t i = 0; i < pb_len(shelf->books); i++) {
        pb_append(books, pb_item(shelf->books, i));
    }
    return pb_build(err, "{sN}", "books", books);
}

static void shelf_stopped(void *self, pb_object *perspective, pb_remote *observer)
{
    struct shelf *shelf = self;
    (void)perspective;
    (void)observer;
    pb_remote_unref(shelf->observer);
    shelf->observer = NULL;
    printf("%s is no longer observed\n", shelf->owner);
}

static const pb_class shelf_class = {
    .name = SHELF_TAG,
    .flavor = PB_FLAVOR_CACHEABLE,
    .state_to_cache = shelf_state,
    .stopped_observing = shelf_stopped,
};

/* ---- The cache of the peer's shelf ---- */

static pb_value *cached_books(pb_value *cache)
{
    return pb_dict_get(pb_object_state(pb_as_object(cache)), "books");
}

static int cache_put(void *self, pb_request *req)
{
    (void)self;
    pb_value *books = pb_dict_get(pb_object_state(pb_request_object(req)), "books");
    pb_value *book;
    int e = pb_request_unpack(req, "O", &book);
    e = e ? e : pb_append(books, book);
    return e ? e : pb_request_answer_steal(req, pb_int((int64_t)pb_len(books)));
}

static int cache_refuse(void *self, pb_request *req)
{
    (void)self;
    const char *why;
    int e = pb_request_unpack(req, "s", &why);
    return e ? e : pb_request_fail(req, "twisted.spread.pb.Error", "%s", why);
}

static const pb_class cached_shelf_class = {
    .name = "CachedShelf",
    .flavor = PB_FLAVOR_CACHEABLE,
    .observe = (const pb_method[]){{"put", cache_put}, {"refuse", cache_refuse}, {0}},
};

static void prepare_caching(pb_net_config *config)
{
    config->session.registry = pb_registry_new();
    pb_registry_set_class(config->session.registry, SHELF_TAG, &cached_shelf_class);
}

/* ---- The server ---- */

struct shelves {
    struct shelf shelf;
    pb_object *object; /* the shelf's */
    pb_value *caches;  /* a list: caches of the client's shelf */
};

static pb_value *failure_line(const pb_failure *f)
{
    char text[200];
    snprintf(text, sizeof text, "%s: %s", pb_failure_type(f), pb_failure_text(f));
    return pb_str(text);
}

static void shelves_observer_answered(pb_value *answer, pb_failure *failure,
                                      void *user_data)
{
    pb_request_answer_steal(
        user_data,
        pb_build(NULL, "[N]", answer ? pb_value_ref(answer) : failure_line(failure)));
    pb_request_unref(user_data);
}

/* Calls the observer, and answers the request with its answer in a list. */
static int shelves_call_observer(struct shelves *s, pb_request *req, const char *method,
                                 pb_value *args)
{
    if (!s->shelf.observer) {
        return pb_request_answer_steal(req, pb_list());
    }
    return pb_remote_call_values(s->shelf.observer, method, args, NULL, NULL,
                                 shelves_observer_answered, pb_request_ref(req), NULL,
                                 NULL);
}

static int shelves_put(void *self, pb_request *req)
{
    struct shelves *s = self;
    pb_append(s->shelf.books, pb_item(pb_request_args(req), 0));
    return shelves_call_observer(s, req, "put", pb_request_args(req));
}

static int shelves_refuse(void *self, pb_request *req)
{
    return shelves_call_observer(self, req, "refuse", pb_request_args(req));
}

static int shelves_missing(void *self, pb_request *req)
{
    return shelves_call_observer(self, req, "nothing", NULL);
}

static int shelves_give(void *self, pb_request *req)
{
    struct shelves *s = self;
    int count = 1;
    int e = pb_request_unpack(req, "|i", &count);
    if (e) {
        return e;
    }
    pb_value *answer = pb_list();
    while (count-- > 0) {
        pb_append_steal(answer, pb_object_value(s->object));
    }
    return pb_request_answer_steal(req, answer);
}

static int shelves_is_yours(void *self, pb_request *req)
{
    struct shelves *s = self;
    pb_value *answer = pb_list();
    for (size_t i = 0; i < pb_len(pb_request_args(req)); i++) {
        pb_object *o = pb_as_object(pb_item(pb_request_args(req), i));
        pb_append_steal(answer, pb_bool(o == s->object));
    }
    return pb_request_answer_steal(req, answer);
}

static int shelves_take(void *self, pb_request *req)
{
    struct shelves *s = self;
    pb_value *answer = pb_list();
    for (size_t i = 0; i < pb_len(pb_request_args(req)); i++) {
        pb_value *cache = pb_item(pb_request_args(req), i);
        pb_append(s->caches, cache);
        pb_append(answer, cached_books(cache));
    }
    return pb_request_answer_steal(req, answer);
}

static int shelves_alike(void *self, pb_request *req)
{
    struct shelves *s = self;
    bool alike = true;
    for (size_t i = 0; i < pb_len(s->caches); i++) {
        alike = alike && cached_books(pb_item(s->caches, i)) ==
                             cached_books(pb_item(s->caches, 0));
    }
    return pb_request_answer_steal(req, pb_bool(alike));
}

static int shelves_read(void *self, pb_request *req)
{
    struct shelves *s = self;
    pb_value *last = pb_item(s->caches, pb_len(s->caches) - 1);
    return pb_request_answer_steal(req, pb_value_ref(cached_books(last)));
}

static int shelves_send_back(void *self, pb_request *req)
{
    struct shelves *s = self;
    return pb_request_answer_steal(req, pb_value_ref(s->caches));
}

static int shelves_drop(void *self, pb_request *req)
{
    struct shelves *s = self;
    int count;
    int e = pb_request_unpack(req, "i", &count);
    if (e) {
        return e;
    }
    pb_value *rest = pb_list();
    for (size_t i = 0; i + (size_t)count < pb_len(s->caches); i++) {
        pb_append(rest, pb_item(s->caches, i));
    }
    pb_value_unref(s->caches);
    s->caches = rest;
    return 0;
}

static void shelves_destroy(void *self)
{
    struct shelves *s = self;
    pb_object_unref(s->object);
    pb_value_unref(s->shelf.books);
    pb_value_unref(s->caches);
    free(s);
}

static const pb_class shelves_class = {
    .name = "Shelves",
    .remote = (const pb_method[]){{"put", shelves_put},
                                  {"refuse", shelves_refuse},
                                  {"missing", shelves_missing},
                                  {"give", shelves_give},
                                  {"is_yours", shelves_is_yours},
                                  {"take", shelves_take},
                                  {"alike", shelves_alike},
                                  {"read", shelves_read},
                                  {"send_back", shelves_send_back},
                                  {"drop", shelves_drop},
                                  {"counts", answer_counts},
                                  {0}},
    .destroy = shelves_destroy,
};

static void serve_caching(pb_net_config *config)
{
    struct shelves *s = malloc(sizeof *s);
    *s =
        (struct shelves){.shelf = {"the server's", pb_list(), NULL}, .caches = pb_list()};
    s->object = pb_object_new(&shelf_class, &s->shelf);
    config->session.root = pb_object_new(&shelves_class, s);
    prepare_caching(config);
}

/* ---- The client ---- */

static pb_value *caching_call(struct test_client *t, const char *method,
                              const char *literal)
{
    pb_value *args = pb_value_parse(literal, NULL);
    pb_value *v = pb_client_call_values(t->client, t->root, method, args, NULL, &t->err);
    pb_value_unref(args);
    return v;
}

static void print_books(const char *label, pb_value *cache)
{
    print_value(label, cached_books(cache));
}

/* Has the server send the shelf of this cache again, and sends both caches back to it. */
static void fetch_again(struct test_client *t, pb_value *cache)
{
    pb_value *again = caching_call(t, "give", "(2,)");
    bool one = cached_books(pb_item(again, 0)) == cached_books(cache) &&
               cached_books(pb_item(again, 1)) == cached_books(cache);
    printf("one state: %s\n", python_bool(one));
    print_answer_steal(t, "yours",
                       pb_client_call(t->client, t->root, "is_yours", &t->err, "OOi",
                                      cache, pb_item(again, 0), 1));
    print_server_counts(t, "the server keeps");
    pb_value_unref(again);
    print_server_counts(t, "the server keeps");
}

/* The server's shelf, cached by the client. */
static void run_imported_shelf(struct test_client *t)
{
    pb_value *given = caching_call(t, "give", "()");
    pb_value *cache = pb_value_ref(pb_item(given, 0));
    pb_value_unref(given);
    print_answer_steal(t, "put", caching_call(t, "put", "('one',)"));
    print_answer_steal(t, "put", caching_call(t, "put", "('two',)"));
    print_books("cached:", cache);
    print_answer_steal(t, "refuse", caching_call(t, "refuse", "('not this',)"));
    print_answer_steal(t, "missing", caching_call(t, "missing", "()"));
    print_server_counts(t, "the server keeps");
    fetch_again(t, cache);
    print_answer_steal(t, "put", caching_call(t, "put", "('three',)"));
    print_books("cached:", cache);
    print_client_counts(t);
    pb_value_unref(cache);
    print_server_counts(t, "the server keeps");
    print_client_counts(t);
    print_answer_steal(t, "put without observer", caching_call(t, "put", "('four',)"));
    given = caching_call(t, "give", "()");
    print_books("cached again:", pb_item(given, 0));
    pb_value_unref(given);
}

/* Calls the observer of the client's shelf, and prints its answer. */
static void print_observer_answer(struct test_client *t, struct shelf *shelf,
                                  const char *method, const char *arg)
{
    pb_value *answers = pb_list();
    if (shelf->observer) {
        pb_value *v =
            pb_client_call(t->client, shelf->observer, method, &t->err, "s", arg);
        pb_append_steal(answers, v ? v : failure_line(pb_client_failure(t->client)));
    }
    char label[20];
    snprintf(label, sizeof label, "%s:", method);
    print_value(label, answers);
    pb_value_unref(answers);
    t->err = (pb_error){0};
}

static void shelf_put(struct test_client *t, struct shelf *shelf, const char *book)
{
    pb_append_steal(shelf->books, pb_str(book));
    print_observer_answer(t, shelf, "put", book);
}

static void print_sent_back(struct test_client *t, const pb_object *mine)
{
    pb_value *back = caching_call(t, "send_back", "()");
    printf("sent back: [");
    for (size_t i = 0; i < pb_len(back); i++) {
        bool same = pb_as_object(pb_item(back, i)) == mine;
        printf("%s%s", i ? ", " : "", python_bool(same));
    }
    printf("]\n");
    pb_value_unref(back);
}

/* The client's shelf, cached by the server. */
static void run_exported_shelf(struct test_client *t, struct shelf *shelf,
                               pb_object *mine)
{
    print_answer_steal(
        t, "take",
        pb_client_call(t->client, t->root, "take", &t->err, "N", pb_object_value(mine)));
    shelf_put(t, shelf, "second");
    print_answer_steal(t, "read", caching_call(t, "read", "()"));
    print_answer_steal(t, "take",
                       pb_client_call(t->client, t->root, "take", &t->err, "NN",
                                      pb_object_value(mine), pb_object_value(mine)));
    print_answer_steal(t, "alike", caching_call(t, "alike", "()"));
    print_server_counts(t, "the server keeps");
    print_sent_back(t, mine);
    print_observer_answer(t, shelf, "refuse", "nor this");
    print_answer_steal(t, "drop", caching_call(t, "drop", "(2,)"));
    print_server_counts(t, "the server keeps");
    shelf_put(t, shelf, "third");
    print_answer_steal(t, "read", caching_call(t, "read", "()"));
    print_answer_steal(t, "drop", caching_call(t, "drop", "(1,)"));
    print_server_counts(t, "the server keeps");
    shelf_put(t, shelf, "fourth");
    print_answer_steal(
        t, "take",
        pb_client_call(t->client, t->root, "take", &t->err, "N", pb_object_value(mine)));
}

static void run_caching(struct test_client *t)
{
    struct shelf shelf = {"the client's", pb_build(NULL, "[s]", "first"), NULL};
    pb_object *mine = pb_object_new(&shelf_class, &shelf);
    run_imported_shelf(t);
    print_server_counts(t, "the server keeps");
    run_exported_shelf(t, &shelf, mine);
    /* the connection is closed while each side has a cache of the other's shelf */
    pb_value *caches = caching_call(t, "give", "()");
    print_server_counts(t, "the server keeps");
    pb_session_close(pb_client_session(t->client));
    print_books("at the end:", pb_item(caches, 0));
    pb_value_unref(caches);
    pb_object_unref(mine);
    pb_value_unref(shelf.books);
}

const struct pair pairs_caching[] = {
    {"caching", serve_caching, run_caching, prepare_caching},
    {0},
};
