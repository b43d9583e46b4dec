/* SPDX-License-Identifier: MIT
 *
 * Logins more closely: minds that the realm calls, right and wrong passwords, realms and
 * checkers that answer later or fail, and the one logout of each avatar. */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "interop-tests/live/pairs/pair.h"

#define AVATARS 8

struct avatar {
    char *name;
    pb_remote *mind; /* or NULL */
};

/* Who is there, in the order in which they came. */
static struct avatar *present[AVATARS];
static size_t present_count;

static const struct account accounts[] = {
    {"ann", "1"}, {"bea", ""}, {"banned", "x"}, {0}};

/* ---- The avatars ---- */

static int do_present(void *self, pb_request *req)
{
    (void)self;
    pb_value *names = pb_list();
    for (size_t i = 0; i < present_count; i++) {
        pb_append_steal(names, pb_str(present[i]->name));
    }
    return pb_request_answer_steal(req, names);
}

static void mind_answered(pb_value *answer, pb_failure *failure, void *user_data)
{
    if (failure) {
        pb_request_fail_with(user_data, failure);
    } else {
        pb_request_answer_steal(user_data, pb_value_ref(answer));
    }
    pb_request_unref(user_data);
}

static int do_tell(void *self, pb_request *req)
{
    const struct avatar *avatar = self;
    if (!avatar->mind) {
        return 0;
    }
    return pb_remote_call_values(avatar->mind, "tell", pb_request_args(req), NULL, NULL,
                                 mind_answered, pb_request_ref(req), NULL, NULL);
}

static void avatar_destroy(void *self)
{
    struct avatar *avatar = self;
    free(avatar->name);
    pb_remote_unref(avatar->mind);
    free(avatar);
}

static const pb_class avatar_class = {
    .name = "Avatar",
    .perspective = (const pb_method[]){{"present", do_present}, {"tell", do_tell}, {0}},
    .destroy = avatar_destroy,
};

static void leave(void *user_data)
{
    struct avatar *avatar = pb_object_self(user_data);
    printf("%s leaves\n", avatar->name);
    size_t i = 0;
    while (present[i] != avatar) {
        i++;
    }
    present_count--;
    memmove(&present[i], &present[i + 1], (present_count - i) * sizeof *present);
    pb_remote_unref(avatar->mind);
    avatar->mind = NULL;
    pb_object_unref(user_data);
}

/* ---- The realm: calls the mind before it grants ---- */

struct welcome {
    pb_attempt *attempt;
    pb_object *avatar;
};

static void welcomed(pb_value *answer, pb_failure *failure, void *user_data)
{
    struct welcome *w = user_data;
    pb_span heard;
    if (failure) {
        pb_attempt_fail(w->attempt, pb_failure_type(failure), "%s",
                        pb_failure_text(failure));
        pb_object_unref(w->avatar);
    } else if (pb_as_text(answer, &heard) == 0) {
        printf("the realm heard %s\n", (const char *)heard.data);
        pb_attempt_grant(w->attempt, w->avatar, leave, w->avatar);
    }
    pb_attempt_unref(w->attempt);
    free(w);
}

static int realm(pb_attempt *a, void *user_data)
{
    (void)user_data;
    char *name = id_of(a);
    if (strcmp(name, "banned") == 0) {
        free(name);
        return pb_attempt_fail(
            a, "twisted.cred.error.LoginDenied twisted.cred.error.LoginFailed",
            "not you");
    }
    pb_remote *mind = pb_as_remote(pb_attempt_mind(a));
    struct avatar *avatar = malloc(sizeof *avatar);
    *avatar = (struct avatar){name, mind ? pb_remote_ref(mind) : NULL};
    present[present_count++] = avatar;
    pb_object *o = pb_object_new(&avatar_class, avatar);
    if (!mind) {
        printf("%s comes without a mind\n", name);
        return pb_attempt_grant(a, o, leave, o);
    }
    printf("%s comes with a reference\n", name);
    struct welcome *w = malloc(sizeof *w);
    *w = (struct welcome){pb_attempt_ref(a), o};
    return pb_remote_call(mind, "tell", welcomed, w, NULL, "s", "welcome");
}

/* ---- A checker that answers later ---- */

struct checking {
    uv_timer_t timer;
    pb_attempt *attempt;
};

static void free_checking(uv_handle_t *handle)
{
    free(handle);
}

static void check(uv_timer_t *timer)
{
    pb_attempt *a = ((struct checking *)timer)->attempt;
    pb_span name = pb_attempt_username(a);
    const struct account *account = accounts;
    while (account->name && (strlen(account->name) != name.len ||
                             memcmp(account->name, name.data, name.len) != 0)) {
        account++;
    }
    if (account->name && pb_attempt_check_password(a, pb_span_of(account->password))) {
        pb_attempt_accept(a, name);
    } else {
        pb_attempt_refuse(a);
    }
    pb_attempt_unref(a);
    uv_close((uv_handle_t *)timer, free_checking);
}

static int check_later(pb_attempt *a, void *user_data)
{
    (void)user_data;
    struct checking *c = malloc(sizeof *c);
    c->attempt = pb_attempt_ref(a);
    uv_timer_init(uv_default_loop(), &c->timer);
    return uv_timer_start(&c->timer, check, 10, 0);
}

/* ---- The servers ---- */

static void serve_all(pb_net_config *config)
{
    serve_portal(config, realm, NULL, accounts, true);
}

static void serve_late(pb_net_config *config)
{
    pb_portal *p = pb_portal_new(realm, NULL);
    pb_portal_set_checker(p, check_later, NULL);
    pb_portal_allow_anonymous(p);
    config->session.root = pb_portal_root(p);
    pb_portal_unref(p);
}

static void serve_users(pb_net_config *config)
{
    serve_portal(config, realm, NULL, accounts, false);
}

/* ---- The clients ---- */

static pb_value *mind_of(const char *name)
{
    return pb_object_value_steal(told_new(name));
}

static void tell_hello(struct talk *t, pb_remote *avatar, const char *text)
{
    tell(t, "tell", pb_client_call(t->client, avatar, "tell", &t->err, "s", text));
}

static void tell_present(struct talk *t, pb_remote *avatar)
{
    tell(t, "present", pb_client_call(t->client, avatar, "present", &t->err, ""));
}

static void minds(struct talk *t)
{
    pb_remote *ann = log_in(t, "ann", "1", mind_of("ann's mind"));
    tell_hello(t, ann, "hello");
    pb_remote *bea = log_in(t, "bea", "", NULL);
    tell_present(t, bea);
    tell_hello(t, bea, "hello");
    pb_remote *nobody = log_in(t, NULL, NULL, mind_of("nobody's mind"));
    tell_hello(t, nobody, "you");
    char text[TABLES_SIZE];
    tables(pb_client_session(t->client), text);
    printf("the client keeps %s\n", text);
    pb_remote_unref(ann); /* which is a logout */
    tell_present(t, bea);
    pb_remote *again = log_in(t, "ann", "1", NULL);
    tell_present(t, again);
    pb_remote_unref(again);
    pb_remote_unref(nobody);
    tell_present(t, bea);
    /* bea leaves as the connection ends */
    pb_session_close(pb_client_session(t->client));
    pb_remote_unref(bea);
}

/* Answers the challenge of a login for ann by hand. */
static pb_value *respond(struct talk *t, pb_value *login, pb_span response)
{
    return pb_client_call(t->client, pb_as_remote(pb_item(login, 1)), "respond", &t->err,
                          "NO", pb_bytes(response), pb_none());
}

static void respond_by_hand(struct talk *t)
{
    pb_value *login = pb_client_call(t->client, t->root, "login", &t->err, "y", "ann");
    pb_span challenge = {0};
    pb_as_bytes(pb_item(login, 0), &challenge);
    printf("a challenge of %zu bytes\n", challenge.len);
    uint8_t md5[PB_MD5_LEN];
    const pb_span right = {md5, sizeof md5}, wrong = {md5, sizeof md5 - 1};
    pb_respond(challenge, pb_span_of("1"), md5);
    tell(t, "respond", respond(t, login, wrong));
    pb_value *one = respond(t, login, right), *two = respond(t, login, right);
    printf("alike: %s\n", pb_value_equal(one, two) ? "True" : "False");
    pb_value_unref(one);
    pb_value_unref(two);
    pb_value_unref(login);
}

static void refusals(struct talk *t)
{
    const char *const rows[][2] = {{"ann", "2"}, {"ann", ""},     {"cat", ""},
                                   {"", ""},     {"banned", "x"}, {"banned", "y"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char what[40];
        snprintf(what, sizeof what, "b'%s' b'%s'", rows[i][0], rows[i][1]);
        tell_login(t, what, log_in(t, rows[i][0], rows[i][1], NULL));
    }
    pb_credentials text = {.username = "ann", .password = "1"};
    text.username_as_text = true;
    tell_login(t, "ann b'1'", pb_client_login(t->client, &text, NULL, &t->err));
    tell_login(t, "nobody", log_in(t, NULL, NULL, NULL));
    tell(t, "nothing", pb_client_call(t->client, t->root, "nothing", &t->err, ""));
    respond_by_hand(t);
}

const struct pair pairs_minds[] = {
    {"minds", serve_all, minds, NULL},
    {"late-logins", serve_late, minds, NULL},
    {"refusals", serve_users, refusals, NULL},
    {0},
};
