/* SPDX-License-Identifier: MIT
 *
 * Caches more closely: observers and what they answer, a cache sent again and home, given
 * up in parts and in whole, sent anew, and what is left when the connection ends. */
#include "interop-tests/live/pairs/pair.h"

#include <stdlib.h>

#define SHELF_TAG "caching.Shelf"

/* ---- What is observed, here by one at most ---- */

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
    printf("%s is observed no more\n", shelf->owner);
}

static const pb_class shelf_class = {
    .name = SHELF_TAG,
    .flavor = PB_FLAVOR_CACHEABLE,
    .state_to_cache = shelf_state,
    .stopped_observing = shelf_stopped,
};

/* ---- What is seen of the peer's ---- */

static pb_value *books_of(pb_value *seen)
{
    return pb_dict_get(pb_object_state(pb_as_object(seen)), "books");
}

static int observe_put(void *self, pb_request *req)
{
    (void)self;
    pb_value *books = pb_dict_get(pb_object_state(pb_request_object(req)), "books");
    pb_value *book;
    int e = pb_request_unpack(req, "O", &book);
    e = e ? e : pb_append(books, book);
    return e ? e : pb_request_answer_steal(req, pb_int((int64_t)pb_len(books)));
}

static int observe_refuse(void *self, pb_request *req)
{
    (void)self;
    const char *why;
    int e = pb_request_unpack(req, "s", &why);
    return e ? e : pb_request_fail(req, "twisted.spread.pb.Error", "%s", why);
}

static const pb_class seen_class = {
    .name = "Seen",
    .flavor = PB_FLAVOR_CACHEABLE,
    .observe = (const pb_method[]){{"put", observe_put}, {"refuse", observe_refuse}, {0}},
};

static void prepare_caching(pb_net_config *config)
{
    config->session.registry = pb_registry_new();
    pb_registry_set_class(config->session.registry, SHELF_TAG, &seen_class);
}

/* ---- The server ---- */

struct shelves {
    struct shelf shelf;
    pb_object *object; /* of it */
    pb_value *seen;    /* a list */
};

static pb_value *told(const pb_failure *f)
{
    char text[200];
    snprintf(text, sizeof text, "%s: %s", pb_failure_type(f), pb_failure_text(f));
    return pb_str(text);
}

static void observer_answered(pb_value *answer, pb_failure *failure, void *user_data)
{
    pb_request_answer_steal(
        user_data, pb_build(NULL, "[N]", answer ? pb_value_ref(answer) : told(failure)));
    pb_request_unref(user_data);
}

/* Calls the observer, and answers with what it answers, in a list. */
static int tell_observer(struct shelves *s, pb_request *req, const char *method,
                         pb_value *args)
{
    if (!s->shelf.observer) {
        return pb_request_answer_steal(req, pb_list());
    }
    return pb_remote_call_values(s->shelf.observer, method, args, NULL, NULL,
                                 observer_answered, pb_request_ref(req), NULL, NULL);
}

static int do_put(void *self, pb_request *req)
{
    struct shelves *s = self;
    pb_append(s->shelf.books, pb_item(pb_request_args(req), 0));
    return tell_observer(s, req, "put", pb_request_args(req));
}

static int do_refuse(void *self, pb_request *req)
{
    return tell_observer(self, req, "refuse", pb_request_args(req));
}

static int do_missing(void *self, pb_request *req)
{
    return tell_observer(self, req, "nothing", NULL);
}

static int do_give(void *self, pb_request *req)
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

static int do_is_yours(void *self, pb_request *req)
{
    struct shelves *s = self;
    pb_value *answer = pb_list();
    for (size_t i = 0; i < pb_len(pb_request_args(req)); i++) {
        pb_object *o = pb_as_object(pb_item(pb_request_args(req), i));
        pb_append_steal(answer, pb_bool(o == s->object));
    }
    return pb_request_answer_steal(req, answer);
}

static int do_take(void *self, pb_request *req)
{
    struct shelves *s = self;
    pb_value *answer = pb_list();
    for (size_t i = 0; i < pb_len(pb_request_args(req)); i++) {
        pb_value *seen = pb_item(pb_request_args(req), i);
        pb_append(s->seen, seen);
        pb_append(answer, books_of(seen));
    }
    return pb_request_answer_steal(req, answer);
}

static int do_alike(void *self, pb_request *req)
{
    struct shelves *s = self;
    bool alike = true;
    for (size_t i = 0; i < pb_len(s->seen); i++) {
        alike = alike && books_of(pb_item(s->seen, i)) == books_of(pb_item(s->seen, 0));
    }
    return pb_request_answer_steal(req, pb_bool(alike));
}

static int do_read(void *self, pb_request *req)
{
    struct shelves *s = self;
    pb_value *last = pb_item(s->seen, pb_len(s->seen) - 1);
    return pb_request_answer_steal(req, pb_value_ref(books_of(last)));
}

static int do_send_home(void *self, pb_request *req)
{
    struct shelves *s = self;
    return pb_request_answer_steal(req, pb_value_ref(s->seen));
}

static int do_drop(void *self, pb_request *req)
{
    struct shelves *s = self;
    int count;
    int e = pb_request_unpack(req, "i", &count);
    if (e) {
        return e;
    }
    pb_value *rest = pb_list();
    for (size_t i = 0; i + (size_t)count < pb_len(s->seen); i++) {
        pb_append(rest, pb_item(s->seen, i));
    }
    pb_value_unref(s->seen);
    s->seen = rest;
    return 0;
}

static int do_tables(void *self, pb_request *req)
{
    (void)self;
    char text[TABLES_SIZE];
    tables(pb_request_session(req), text);
    return pb_request_answer_steal(req, pb_str(text));
}

static void shelves_destroy(void *self)
{
    struct shelves *s = self;
    pb_object_unref(s->object);
    pb_value_unref(s->shelf.books);
    pb_value_unref(s->seen);
    free(s);
}

static const pb_class shelves_class = {
    .name = "Shelves",
    .remote = (const pb_method[]){{"put", do_put},
                                  {"refuse", do_refuse},
                                  {"missing", do_missing},
                                  {"give", do_give},
                                  {"is_yours", do_is_yours},
                                  {"take", do_take},
                                  {"alike", do_alike},
                                  {"read", do_read},
                                  {"send_home", do_send_home},
                                  {"drop", do_drop},
                                  {"tables", do_tables},
                                  {0}},
    .destroy = shelves_destroy,
};

static void serve_caching(pb_net_config *config)
{
    struct shelves *s = malloc(sizeof *s);
    *s = (struct shelves){.shelf = {"the server's", pb_list(), NULL}, .seen = pb_list()};
    s->object = pb_object_new(&shelf_class, &s->shelf);
    config->session.root = pb_object_new(&shelves_class, s);
    prepare_caching(config);
}

/* ---- The client ---- */

static pb_value *call(struct talk *t, const char *method, const char *literal)
{
    pb_value *args = pb_value_parse(literal, NULL);
    pb_value *v = pb_client_call_values(t->client, t->root, method, args, NULL, &t->err);
    pb_value_unref(args);
    return v;
}

static void tell_tables(struct talk *t)
{
    tell(t, "the server keeps", call(t, "tables", "()"));
}

static void tell_own(struct talk *t)
{
    char text[TABLES_SIZE];
    tables(pb_client_session(t->client), text);
    printf("the client keeps %s\n", text);
}

static void say_books(const char *what, pb_value *seen)
{
    char *text = shown(books_of(seen));
    printf("%s %s\n", what, text);
    free(text);
}

/* What the server's shelf looks like from here, sent again and home. */
static void see_again(struct talk *t, pb_value *seen)
{
    pb_value *again = call(t, "give", "(2,)");
    bool one = books_of(pb_item(again, 0)) == books_of(seen) &&
               books_of(pb_item(again, 1)) == books_of(seen);
    printf("one state: %s\n", one ? "True" : "False");
    tell(t, "yours",
         pb_client_call(t->client, t->root, "is_yours", &t->err, "OOi", seen,
                        pb_item(again, 0), 1));
    tell_tables(t);
    pb_value_unref(again);
    tell_tables(t);
}

static void theirs(struct talk *t)
{
    pb_value *given = call(t, "give", "()");
    pb_value *seen = pb_value_ref(pb_item(given, 0));
    pb_value_unref(given);
    tell(t, "put", call(t, "put", "('one',)"));
    tell(t, "put", call(t, "put", "('two',)"));
    say_books("seen:", seen);
    tell(t, "refuse", call(t, "refuse", "('not this',)"));
    tell(t, "missing", call(t, "missing", "()"));
    tell_tables(t);
    see_again(t, seen);
    tell(t, "put", call(t, "put", "('three',)"));
    say_books("seen:", seen);
    tell_own(t);
    pb_value_unref(seen);
    tell_tables(t);
    tell_own(t);
    tell(t, "put to nobody", call(t, "put", "('four',)"));
    given = call(t, "give", "()");
    say_books("anew:", pb_item(given, 0));
    pb_value_unref(given);
}

/* Calls our shelf's observer, and says what it answers. */
static void tell_ours(struct talk *t, struct shelf *shelf, const char *method,
                      const char *arg)
{
    pb_value *answers = pb_list();
    if (shelf->observer) {
        pb_value *v =
            pb_client_call(t->client, shelf->observer, method, &t->err, "s", arg);
        pb_append_steal(answers, v ? v : told(pb_client_failure(t->client)));
    }
    char *text = shown(answers);
    printf("%s: %s\n", method, text);
    free(text);
    pb_value_unref(answers);
    t->err = (pb_error){0};
}

static void put(struct talk *t, struct shelf *shelf, const char *book)
{
    pb_append_steal(shelf->books, pb_str(book));
    tell_ours(t, shelf, "put", book);
}

static void come_home(struct talk *t, const pb_object *mine)
{
    pb_value *back = call(t, "send_home", "()");
    printf("came home: [");
    for (size_t i = 0; i < pb_len(back); i++) {
        bool same = pb_as_object(pb_item(back, i)) == mine;
        printf("%s%s", i ? ", " : "", same ? "True" : "False");
    }
    printf("]\n");
    pb_value_unref(back);
}

static void ours(struct talk *t, struct shelf *shelf, pb_object *mine)
{
    tell(t, "take",
         pb_client_call(t->client, t->root, "take", &t->err, "N", pb_object_value(mine)));
    put(t, shelf, "second");
    tell(t, "read", call(t, "read", "()"));
    tell(t, "take",
         pb_client_call(t->client, t->root, "take", &t->err, "NN", pb_object_value(mine),
                        pb_object_value(mine)));
    tell(t, "alike", call(t, "alike", "()"));
    tell_tables(t);
    come_home(t, mine);
    tell_ours(t, shelf, "refuse", "nor this");
    tell(t, "drop", call(t, "drop", "(2,)"));
    tell_tables(t);
    put(t, shelf, "third");
    tell(t, "read", call(t, "read", "()"));
    tell(t, "drop", call(t, "drop", "(1,)"));
    tell_tables(t);
    put(t, shelf, "fourth");
    tell(t, "take",
         pb_client_call(t->client, t->root, "take", &t->err, "N", pb_object_value(mine)));
}

static void caching(struct talk *t)
{
    struct shelf shelf = {"the client's", pb_build(NULL, "[s]", "first"), NULL};
    pb_object *mine = pb_object_new(&shelf_class, &shelf);
    theirs(t);
    tell_tables(t);
    ours(t, &shelf, mine);
    /* both see each other's as the connection ends */
    pb_value *seen = call(t, "give", "()");
    tell_tables(t);
    pb_session_close(pb_client_session(t->client));
    say_books("at the end:", pb_item(seen, 0));
    pb_value_unref(seen);
    pb_object_unref(mine);
    pb_value_unref(shelf.books);
}

const struct pair pairs_caching[] = {
    {"caching", serve_caching, caching, prepare_caching},
    {0},
};
