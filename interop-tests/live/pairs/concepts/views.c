/* SPDX-License-Identifier: MIT
 *
 * Perspectives: one Viewable used by two avatars and sent back to the server, an object
 * copied differently for each avatar, and ViewPoints without a login. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/live/pairs/pair.h"

/* ---- The Viewable; the self of each perspective is its name ---- */

struct board {
    pb_value *notes; /* tuples of a name and a text */
    pb_object *object;
};

static const char *viewer_name(const pb_request *req)
{
    return pb_object_self(pb_request_perspective(req));
}

static int board_write(void *self, pb_request *req)
{
    struct board *board = self;
    const char *const names[] = {"text", NULL};
    pb_value *text;
    int e = pb_request_unpack_keywords(req, "O", names, &text);
    if (e) {
        return e;
    }
    pb_append_steal(board->notes, pb_build(NULL, "(sO)", viewer_name(req), text));
    return pb_request_answer_steal(req, pb_int((int64_t)pb_len(board->notes)));
}

static int board_read(void *self, pb_request *req)
{
    struct board *board = self;
    pb_value *answer = pb_list();
    for (size_t i = 0; i < pb_len(board->notes); i++) {
        const char *name;
        pb_value *text;
        pb_unpack(pb_item(board->notes, i), NULL, "(sO)", &name, &text);
        if (strcmp(name, viewer_name(req)) == 0) {
            pb_append(answer, text);
        }
    }
    return pb_request_answer_steal(req, answer);
}

/* Whether the argument is a ViewPoint of this board, and whose. */
static int board_same(void *self, pb_request *req)
{
    struct board *board = self;
    pb_value *v;
    int e = pb_request_unpack(req, "O", &v);
    if (e) {
        return e;
    }
    const pb_object *o = pb_as_object(v);
    const char *name = pb_object_self(pb_viewpoint_perspective(o));
    return pb_request_answer_steal(
        req,
        pb_build(NULL, "[Ns]", pb_bool(pb_viewpoint_object(o) == board->object), name));
}

static void board_destroy(void *self)
{
    struct board *board = self;
    pb_value_unref(board->notes);
    free(board);
}

static const pb_class board_class = {
    .name = "Board",
    .flavor = PB_FLAVOR_VIEWABLE,
    .view =
        (const pb_method[]){
            {"write", board_write}, {"read", board_read}, {"same", board_same}, {0}},
    .destroy = board_destroy,
};

static pb_object *board_new(void)
{
    struct board *board = malloc(sizeof *board);
    board->notes = pb_list();
    board->object = pb_object_new(&board_class, board);
    return board->object;
}

/* ---- An object whose copy depends on the perspective ---- */

static const char *card_type(void *self, pb_object *perspective)
{
    (void)self;
    return perspective ? "views.Card" : "views.Blank";
}

static pb_value *card_state(void *self, pb_object *perspective, pb_error *err)
{
    char text[40];
    (void)self;
    snprintf(text, sizeof text, "for %s", (const char *)pb_object_self(perspective));
    return pb_build(err, "{ss}", "text", text);
}

static const pb_class card_class = {
    .name = "views.Blank",
    .flavor = PB_FLAVOR_COPYABLE,
    .type_to_copy = card_type,
    .state_to_copy = card_state,
};

static const pb_class received_card = {.name = "Card", .flavor = PB_FLAVOR_COPYABLE};

static void prepare_views(pb_net_config *config)
{
    config->session.registry = pb_registry_new();
    pb_registry_set_class(config->session.registry, "views.Card", &received_card);
}

/* ---- The avatars ---- */

/* The board, and the latest avatar of each name. */
static struct {
    pb_object *board, *ann, *bea;
} views_server;

static int viewer_board(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req, pb_object_value(views_server.board));
}

static int viewer_boards(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req, pb_build(NULL, "[N(N)]",
                                                 pb_object_value(views_server.board),
                                                 pb_object_value(views_server.board)));
}

static int viewer_card(void *self, pb_request *req)
{
    (void)self;
    pb_value *one = pb_object_value_steal(pb_object_new(&card_class, NULL));
    pb_value *two = pb_object_value_steal(pb_object_new(&card_class, NULL));
    return pb_request_answer_steal(req, pb_build(NULL, "[NsN]", one, "and", two));
}

/* Another avatar, with this one as its perspective. */
static int viewer_other(void *self, pb_request *req)
{
    (void)self;
    const char *name;
    int e = pb_request_unpack(req, "s", &name);
    if (e) {
        return e;
    }
    pb_object *other = strcmp(name, "bea") == 0 ? views_server.bea : views_server.ann;
    return pb_request_answer_steal(
        req, pb_object_value_steal(pb_viewpoint_new(pb_request_object(req), other)));
}

static int viewer_greet(void *self, pb_request *req)
{
    const char *word;
    int e = pb_request_unpack(req, "s", &word);
    if (e) {
        return e;
    }
    char text[80];
    snprintf(text, sizeof text, "%s, %s, says %s", word, viewer_name(req),
             (const char *)self);
    return pb_request_answer_steal(req, pb_str(text));
}

static int viewer_mine(void *self, pb_request *req)
{
    (void)self;
    pb_value *v;
    int e = pb_request_unpack(req, "O", &v);
    if (e) {
        return e;
    }
    bool mine = pb_viewpoint_perspective(pb_as_object(v)) == pb_request_object(req);
    return pb_request_answer_steal(req, pb_bool(mine));
}

static int viewer_raise(void *self, pb_request *req)
{
    return pb_request_fail(req, "twisted.spread.pb.Error", "not for %s",
                           (const char *)self);
}

static const pb_class viewer_class = {
    .name = "Avatar",
    .perspective = (const pb_method[]){{"board", viewer_board},
                                       {"boards", viewer_boards},
                                       {"card", viewer_card},
                                       {"other", viewer_other},
                                       {"mine", viewer_mine},
                                       {"raise", viewer_raise},
                                       {0}},
    .view = (const pb_method[]){{"greet", viewer_greet}, {0}},
    .destroy = free,
};

static void viewer_leave(void *user_data)
{
    printf("%s leaves\n", (const char *)pb_object_self(user_data));
    pb_object_unref(user_data);
}

static int views_realm(pb_attempt *a, void *user_data)
{
    (void)user_data;
    char *name = attempt_name(a);
    pb_object *avatar = pb_object_new(&viewer_class, name);
    *(strcmp(name, "bea") == 0 ? &views_server.bea : &views_server.ann) = avatar;
    return pb_attempt_grant(a, avatar, viewer_leave, avatar);
}

static void serve_views(pb_net_config *config)
{
    static const struct account accounts[] = {{"ann", "1"}, {"bea", "2"}, {0}};
    views_server.board = board_new();
    serve_portal(config, views_realm, NULL, accounts, false);
}

/* ---- ViewPoints without a login ---- */

static const pb_class named_class = {.name = "Named"};

static int things_viewpoint(void *self, pb_request *req)
{
    (void)self;
    const char *name;
    int e = pb_request_unpack(req, "s", &name);
    if (e) {
        return e;
    }
    pb_object *perspective =
        strcmp(name, "one") == 0 ? views_server.ann : views_server.bea;
    return pb_request_answer_steal(
        req, pb_object_value_steal(pb_viewpoint_new(perspective, views_server.board)));
}

static int nobody_who(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(
        req, pb_str(pb_request_perspective(req) ? "somebody" : "None"));
}

static const pb_class nobody_class = {
    .name = "Nobody",
    .flavor = PB_FLAVOR_VIEWABLE,
    .view = (const pb_method[]){{"who", nobody_who}, {0}},
};

static int things_none(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(
        req, pb_object_value_steal(pb_object_new(&nobody_class, NULL)));
}

static const pb_class things_class = {
    .name = "Things",
    .remote =
        (const pb_method[]){{"viewpoint", things_viewpoint}, {"none", things_none}, {0}},
};

static void serve_viewpoint(pb_net_config *config)
{
    views_server.board = board_new();
    views_server.ann = pb_object_new(&named_class, "one");
    views_server.bea = pb_object_new(&named_class, "two");
    config->session.root = pb_object_new(&things_class, NULL);
}

/* ---- The clients ---- */

static pb_value *views_call(struct test_client *t, pb_remote *to, const char *method)
{
    return pb_client_call(t->client, to, method, &t->err, "");
}

static pb_value *views_call_text(struct test_client *t, pb_value *to, const char *method,
                                 const char *arg)
{
    return pb_client_call(t->client, pb_as_remote(to), method, &t->err, "s", arg);
}

static pb_value *views_call_value(struct test_client *t, pb_remote *to,
                                  const char *method, pb_value *arg)
{
    return pb_client_call(t->client, to, method, &t->err, "O", arg);
}

static void run_notes(struct test_client *t, pb_value *anns, pb_value *beas)
{
    print_answer_steal(t, "write", views_call_text(t, anns, "write", "milk"));
    print_answer_steal(t, "write", views_call_text(t, beas, "write", "tea"));
    pb_value *kwargs = pb_build(NULL, "{ss}", "text", "honey");
    print_answer_steal(t, "write",
                       pb_client_call_values(t->client, pb_as_remote(anns), "write", NULL,
                                             kwargs, &t->err));
    pb_value_unref(kwargs);
    print_answer_steal(t, "read", views_call(t, pb_as_remote(anns), "read"));
    print_answer_steal(t, "read", views_call(t, pb_as_remote(beas), "read"));
    print_answer_steal(t, "same", views_call_value(t, pb_as_remote(anns), "same", anns));
    print_answer_steal(t, "same", views_call_value(t, pb_as_remote(anns), "same", beas));
}

static void print_cards(struct test_client *t, const char *name, pb_remote *avatar)
{
    pb_value *cards = views_call(t, avatar, "card");
    const char *texts[2] = {"?", "?"};
    for (size_t i = 0; i < 2; i++) {
        const pb_object *card = pb_as_object(pb_item(cards, 2 * i));
        if (card) {
            pb_unpack(pb_object_state(card), NULL, "{s:s}", "text", &texts[i]);
        }
    }
    printf("the cards of %s say %s and %s\n", name, texts[0], texts[1]);
    pb_value_unref(cards);
}

static void run_views(struct test_client *t)
{
    pb_remote *ann = log_in_steal(t, "ann", "1", NULL),
              *bea = log_in_steal(t, "bea", "2", NULL);
    pb_value *anns = views_call(t, ann, "board"), *beas = views_call(t, bea, "board");
    printf("one ViewPoint: %s\n", python_bool(pb_value_equal(anns, beas)));
    pb_value *again = views_call(t, ann, "boards");
    printf("and again: %s\n",
           python_bool(pb_value_equal(anns, pb_item(again, 0)) &&
                       pb_value_equal(anns, pb_item(pb_item(again, 1), 0))));
    run_notes(t, anns, beas);
    print_answer_steal(t, "mine", views_call_value(t, ann, "mine", anns));
    print_answer_steal(t, "mine", views_call_value(t, bea, "mine", anns));
    print_cards(t, "ann", ann);
    print_cards(t, "bea", bea);
    pb_value *other = pb_client_call(t->client, ann, "other", &t->err, "s", "bea");
    print_answer_steal(t, "greet", views_call_text(t, other, "greet", "hello"));
    print_answer_steal(t, "board", views_call(t, pb_as_remote(other), "board"));
    print_answer_steal(t, "raise", views_call(t, bea, "raise"));
    pb_value_unref(anns);
    pb_value_unref(beas);
    pb_value_unref(again);
    pb_value_unref(other);
    print_client_counts(t);
    pb_remote_unref(ann);
    pb_remote_unref(bea);
}

static void run_viewpoint(struct test_client *t)
{
    pb_value *root = pb_remote_value(t->root);
    pb_value *one = views_call_text(t, root, "viewpoint", "one");
    pb_value *two = views_call_text(t, root, "viewpoint", "two");
    pb_value *again = views_call_text(t, root, "viewpoint", "one");
    printf("equal: %s %s\n", python_bool(pb_value_equal(one, two)),
           python_bool(pb_value_equal(one, again)));
    print_answer_steal(t, "write", views_call_text(t, one, "write", "x"));
    print_answer_steal(t, "read", views_call(t, pb_as_remote(two), "read"));
    print_answer_steal(t, "read", views_call(t, pb_as_remote(again), "read"));
    print_answer_steal(t, "same", views_call_value(t, pb_as_remote(one), "same", two));
    pb_value *nobody = views_call(t, t->root, "none");
    print_answer_steal(t, "who", views_call(t, pb_as_remote(nobody), "who"));
    pb_value_unref(nobody);
    pb_value_unref(root);
    pb_value_unref(one);
    pb_value_unref(two);
    pb_value_unref(again);
}

const struct pair pairs_views[] = {
    {"views", serve_views, run_views, prepare_views},
    {"viewpoint", serve_viewpoint, run_viewpoint, NULL},
    {0},
};
