/* SPDX-License-Identifier: MIT
 *
 * Perspectives: a Viewable as two avatars see it, sent home, copied for each of them, and
 * a ViewPoint that is made by hand. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/live/pairs/pair.h"

/* ---- What is viewed; each perspective has its name for self ---- */

struct board {
    pb_value *notes; /* tuples of a name and a text */
    pb_object *object;
};

static const char *who(const pb_request *req)
{
    return pb_object_self(pb_request_perspective(req));
}

static int view_write(void *self, pb_request *req)
{
    struct board *board = self;
    const char *const names[] = {"text", NULL};
    pb_value *text;
    int e = pb_request_unpack_keywords(req, "O", names, &text);
    if (e) {
        return e;
    }
    pb_append_steal(board->notes, pb_build(NULL, "(sO)", who(req), text));
    return pb_request_answer_steal(req, pb_int((int64_t)pb_len(board->notes)));
}

static int view_read(void *self, pb_request *req)
{
    struct board *board = self;
    pb_value *answer = pb_list();
    for (size_t i = 0; i < pb_len(board->notes); i++) {
        const char *name;
        pb_value *text;
        pb_unpack(pb_item(board->notes, i), NULL, "(sO)", &name, &text);
        if (strcmp(name, who(req)) == 0) {
            pb_append(answer, text);
        }
    }
    return pb_request_answer_steal(req, answer);
}

/* Whose ViewPoint that is. */
static int view_same(void *self, pb_request *req)
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
            {"write", view_write}, {"read", view_read}, {"same", view_same}, {0}},
    .destroy = board_destroy,
};

static pb_object *board_new(void)
{
    struct board *board = malloc(sizeof *board);
    board->notes = pb_list();
    board->object = pb_object_new(&board_class, board);
    return board->object;
}

/* ---- A copy that looks another way to each ---- */

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

/* ---- The avatars, of which the realm knows the latest of each name ---- */

static struct {
    pb_object *board, *ann, *bea;
} here;

static int do_board(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req, pb_object_value(here.board));
}

static int do_boards(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(req,
                                   pb_build(NULL, "[N(N)]", pb_object_value(here.board),
                                            pb_object_value(here.board)));
}

static int do_card(void *self, pb_request *req)
{
    (void)self;
    pb_value *one = pb_object_value_steal(pb_object_new(&card_class, NULL));
    pb_value *two = pb_object_value_steal(pb_object_new(&card_class, NULL));
    return pb_request_answer_steal(req, pb_build(NULL, "[NsN]", one, "and", two));
}

/* Another avatar, as this one sees it. */
static int do_other(void *self, pb_request *req)
{
    (void)self;
    const char *name;
    int e = pb_request_unpack(req, "s", &name);
    if (e) {
        return e;
    }
    pb_object *other = strcmp(name, "bea") == 0 ? here.bea : here.ann;
    return pb_request_answer_steal(
        req, pb_object_value_steal(pb_viewpoint_new(pb_request_object(req), other)));
}

static int view_greet(void *self, pb_request *req)
{
    const char *word;
    int e = pb_request_unpack(req, "s", &word);
    if (e) {
        return e;
    }
    char text[80];
    snprintf(text, sizeof text, "%s, %s, says %s", word, who(req), (const char *)self);
    return pb_request_answer_steal(req, pb_str(text));
}

static int do_mine(void *self, pb_request *req)
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

static int do_raise(void *self, pb_request *req)
{
    return pb_request_fail(req, "twisted.spread.pb.Error", "not for %s",
                           (const char *)self);
}

static const pb_class avatar_class = {
    .name = "Avatar",
    .perspective = (const pb_method[]){{"board", do_board},
                                       {"boards", do_boards},
                                       {"card", do_card},
                                       {"other", do_other},
                                       {"mine", do_mine},
                                       {"raise", do_raise},
                                       {0}},
    .view = (const pb_method[]){{"greet", view_greet}, {0}},
    .destroy = free,
};

static void leave(void *user_data)
{
    printf("%s leaves\n", (const char *)pb_object_self(user_data));
    pb_object_unref(user_data);
}

static int realm(pb_attempt *a, void *user_data)
{
    (void)user_data;
    char *name = id_of(a);
    pb_object *avatar = pb_object_new(&avatar_class, name);
    *(strcmp(name, "bea") == 0 ? &here.bea : &here.ann) = avatar;
    return pb_attempt_grant(a, avatar, leave, avatar);
}

static void serve_views(pb_net_config *config)
{
    static const struct account accounts[] = {{"ann", "1"}, {"bea", "2"}, {0}};
    here.board = board_new();
    serve_portal(config, realm, NULL, accounts, false);
}

/* ---- ViewPoints without a login ---- */

static const pb_class named_class = {.name = "Named"};

static int do_viewpoint(void *self, pb_request *req)
{
    (void)self;
    const char *name;
    int e = pb_request_unpack(req, "s", &name);
    if (e) {
        return e;
    }
    pb_object *perspective = strcmp(name, "one") == 0 ? here.ann : here.bea;
    return pb_request_answer_steal(
        req, pb_object_value_steal(pb_viewpoint_new(perspective, here.board)));
}

static int view_who(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(
        req, pb_str(pb_request_perspective(req) ? "somebody" : "None"));
}

static const pb_class nobody_class = {
    .name = "Nobody",
    .flavor = PB_FLAVOR_VIEWABLE,
    .view = (const pb_method[]){{"who", view_who}, {0}},
};

static int do_none(void *self, pb_request *req)
{
    (void)self;
    return pb_request_answer_steal(
        req, pb_object_value_steal(pb_object_new(&nobody_class, NULL)));
}

static const pb_class things_class = {
    .name = "Things",
    .remote = (const pb_method[]){{"viewpoint", do_viewpoint}, {"none", do_none}, {0}},
};

static void serve_viewpoint(pb_net_config *config)
{
    here.board = board_new();
    here.ann = pb_object_new(&named_class, "one");
    here.bea = pb_object_new(&named_class, "two");
    config->session.root = pb_object_new(&things_class, NULL);
}

/* ---- The clients ---- */

static pb_value *call(struct talk *t, pb_remote *to, const char *method)
{
    return pb_client_call(t->client, to, method, &t->err, "");
}

static pb_value *call_s(struct talk *t, pb_value *to, const char *method, const char *arg)
{
    return pb_client_call(t->client, pb_as_remote(to), method, &t->err, "s", arg);
}

static pb_value *call_o(struct talk *t, pb_remote *to, const char *method, pb_value *arg)
{
    return pb_client_call(t->client, to, method, &t->err, "O", arg);
}

static const char *truth(bool b)
{
    return b ? "True" : "False";
}

static void write_and_read(struct talk *t, pb_value *anns, pb_value *beas)
{
    tell(t, "write", call_s(t, anns, "write", "milk"));
    tell(t, "write", call_s(t, beas, "write", "tea"));
    pb_value *kwargs = pb_build(NULL, "{ss}", "text", "honey");
    tell(t, "write",
         pb_client_call_values(t->client, pb_as_remote(anns), "write", NULL, kwargs,
                               &t->err));
    pb_value_unref(kwargs);
    tell(t, "read", call(t, pb_as_remote(anns), "read"));
    tell(t, "read", call(t, pb_as_remote(beas), "read"));
    tell(t, "same", call_o(t, pb_as_remote(anns), "same", anns));
    tell(t, "same", call_o(t, pb_as_remote(anns), "same", beas));
}

static void tell_cards(struct talk *t, const char *name, pb_remote *avatar)
{
    pb_value *cards = call(t, avatar, "card");
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

static void views(struct talk *t)
{
    pb_remote *ann = log_in(t, "ann", "1", NULL), *bea = log_in(t, "bea", "2", NULL);
    pb_value *anns = call(t, ann, "board"), *beas = call(t, bea, "board");
    printf("one ViewPoint: %s\n", truth(pb_value_equal(anns, beas)));
    pb_value *again = call(t, ann, "boards");
    printf("and again: %s\n", truth(pb_value_equal(anns, pb_item(again, 0)) &&
                                    pb_value_equal(anns, pb_item(pb_item(again, 1), 0))));
    write_and_read(t, anns, beas);
    tell(t, "mine", call_o(t, ann, "mine", anns));
    tell(t, "mine", call_o(t, bea, "mine", anns));
    tell_cards(t, "ann", ann);
    tell_cards(t, "bea", bea);
    pb_value *other = pb_client_call(t->client, ann, "other", &t->err, "s", "bea");
    tell(t, "greet", call_s(t, other, "greet", "hello"));
    tell(t, "board", call(t, pb_as_remote(other), "board"));
    tell(t, "raise", call(t, bea, "raise"));
    pb_value_unref(anns);
    pb_value_unref(beas);
    pb_value_unref(again);
    pb_value_unref(other);
    char text[TABLES_SIZE];
    tables(pb_client_session(t->client), text);
    printf("the client keeps %s\n", text);
    pb_remote_unref(ann);
    pb_remote_unref(bea);
}

static void viewpoint(struct talk *t)
{
    pb_value *root = pb_remote_value(t->root);
    pb_value *one = call_s(t, root, "viewpoint", "one");
    pb_value *two = call_s(t, root, "viewpoint", "two");
    pb_value *again = call_s(t, root, "viewpoint", "one");
    printf("alike: %s %s\n", truth(pb_value_equal(one, two)),
           truth(pb_value_equal(one, again)));
    tell(t, "write", call_s(t, one, "write", "x"));
    tell(t, "read", call(t, pb_as_remote(two), "read"));
    tell(t, "read", call(t, pb_as_remote(again), "read"));
    tell(t, "same", call_o(t, pb_as_remote(one), "same", two));
    pb_value *nobody = call(t, t->root, "none");
    tell(t, "who", call(t, pb_as_remote(nobody), "who"));
    pb_value_unref(nobody);
    pb_value_unref(root);
    pb_value_unref(one);
    pb_value_unref(two);
    pb_value_unref(again);
}

const struct pair pairs_views[] = {
    {"views", serve_views, views, prepare_views},
    {"viewpoint", serve_viewpoint, viewpoint, NULL},
    {0},
};
