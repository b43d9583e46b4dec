/* SPDX-License-Identifier: MIT
 *
 * Logins: minds that the realm calls, right and wrong passwords, realms and checkers that
 * answer later or fail, and the single logout of each avatar. */
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "interop-tests/live/pairs/pair.h"

#define AVATARS 8

struct avatar {
    char *name;
    pb_remote *mind; /* or NULL */
};

/* The avatars, in the order of their logins. */
static struct avatar *present[AVATARS];
static size_t present_count;

static const struct account accounts[] = {
    {"ann", "1"}, {"bea", ""}, {"banned", "x"}, {0}};

/* ---- The avatars ---- */

static int avatar_present(void *self, pb_request *req)
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

static int avatar_tell(void *self, pb_request *req)
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
    .perspective =
        (const pb_method[]){{"present", avatar_present}, {"tell", avatar_tell}, {0}},
    .destroy = avatar_destroy,
};

static void avatar_leave(void *user_data)
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

/* ---- The realm: it calls the mind before it grants the avatar ---- */

struct welcome {
    pb_attempt *attempt;
    pb_object *avatar;
};

static void welcome_answered(pb_value *answer, pb_failure *failure, void *user_data)
{
    struct welcome *w = user_data;
    pb_span text;
    if (failure) {
        pb_attempt_fail(w->attempt, pb_failure_type(failure), "%s",
                        pb_failure_text(failure));
        pb_object_unref(w->avatar);
    } else if (pb_as_text(answer, &text) == 0) {
        printf("the mind answered the realm: %s\n", (const char *)text.data);
        pb_attempt_grant(w->attempt, w->avatar, avatar_leave, w->avatar);
    }
    pb_attempt_unref(w->attempt);
    free(w);
}

static int minds_realm(pb_attempt *a, void *user_data)
{
    (void)user_data;
    char *name = attempt_name(a);
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
        printf("%s logs in without a mind\n", name);
        return pb_attempt_grant(a, o, avatar_leave, o);
    }
    printf("%s logs in with a reference\n", name);
    struct welcome *w = malloc(sizeof *w);
    *w = (struct welcome){pb_attempt_ref(a), o};
    return pb_remote_call(mind, "tell", welcome_answered, w, NULL, "s", "welcome");
}

/* ---- A checker that answers later ---- */

struct checking {
    uv_timer_t timer;
    pb_attempt *attempt;
};

static void checking_free(uv_handle_t *handle)
{
    free(handle);
}

static void checking_run(uv_timer_t *timer)
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
    uv_close((uv_handle_t *)timer, checking_free);
}

static int check_password_later(pb_attempt *a, void *user_data)
{
    (void)user_data;
    struct checking *c = malloc(sizeof *c);
    c->attempt = pb_attempt_ref(a);
    uv_timer_init(uv_default_loop(), &c->timer);
    return uv_timer_start(&c->timer, checking_run, 10, 0);
}

/* ---- The servers ---- */

static void serve_minds(pb_net_config *config)
{
    serve_portal(config, minds_realm, NULL, accounts, true);
}

static void serve_late_logins(pb_net_config *config)
{
    pb_portal *p = pb_portal_new(minds_realm, NULL);
    pb_portal_set_checker(p, check_password_later, NULL);
    pb_portal_allow_anonymous(p);
    config->session.root = pb_portal_root(p);
    pb_portal_unref(p);
}

static void serve_refusals(pb_net_config *config)
{
    serve_portal(config, minds_realm, NULL, accounts, false);
}

/* ---- The clients ---- */

static pb_value *mind_printer(const char *name)
{
    return pb_object_value_steal(printer_new(name));
}

static void print_tell(struct test_client *t, pb_remote *avatar, const char *text)
{
    print_answer_steal(t, "tell",
                       pb_client_call(t->client, avatar, "tell", &t->err, "s", text));
}

static void print_present(struct test_client *t, pb_remote *avatar)
{
    print_answer_steal(t, "present",
                       pb_client_call(t->client, avatar, "present", &t->err, ""));
}

static void run_minds(struct test_client *t)
{
    pb_remote *ann = log_in_steal(t, "ann", "1", mind_printer("ann's mind"));
    print_tell(t, ann, "hello");
    pb_remote *bea = log_in_steal(t, "bea", "", NULL);
    print_present(t, bea);
    print_tell(t, bea, "hello");
    pb_remote *nobody = log_in_steal(t, NULL, NULL, mind_printer("nobody's mind"));
    print_tell(t, nobody, "you");
    print_client_counts(t);
    pb_remote_unref(ann); /* logs ann out */
    print_present(t, bea);
    pb_remote *again = log_in_steal(t, "ann", "1", NULL);
    print_present(t, again);
    pb_remote_unref(again);
    pb_remote_unref(nobody);
    print_present(t, bea);
    /* closing the connection logs bea out */
    pb_session_close(pb_client_session(t->client));
    pb_remote_unref(bea);
}

/* Logs in without pb_client_login, with the right response or the first len bytes of it.
 * A challenge is good for one response. */
static pb_value *challenge_respond(struct test_client *t, size_t len,
                                   size_t *challenge_len)
{
    pb_value *login = pb_client_call(t->client, t->root, "login", &t->err, "y", "ann");
    pb_span challenge = {0};
    uint8_t md5[PB_MD5_LEN] = {0};
    pb_as_bytes(pb_item(login, 0), &challenge);
    *challenge_len = challenge.len;
    pb_respond(challenge, pb_span_of("1"), md5);
    pb_value *avatar =
        pb_client_call(t->client, pb_as_remote(pb_item(login, 1)), "respond", &t->err,
                       "NO", pb_bytes((pb_span){md5, len}), pb_none());
    pb_value_unref(login);
    return avatar;
}

static void run_challenge(struct test_client *t)
{
    size_t len;
    pb_value *refused = challenge_respond(t, PB_MD5_LEN - 1, &len);
    printf("a challenge of %zu bytes\n", len);
    print_answer_steal(t, "respond", refused);
    pb_value *one = challenge_respond(t, PB_MD5_LEN, &len);
    pb_value *two = challenge_respond(t, PB_MD5_LEN, &len);
    printf("equal: %s\n", python_bool(pb_value_equal(one, two)));
    pb_value_unref(one);
    pb_value_unref(two);
}

static void run_refusals(struct test_client *t)
{
    const char *const rows[][2] = {{"ann", "2"}, {"ann", ""},     {"cat", ""},
                                   {"", ""},     {"banned", "x"}, {"banned", "y"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char label[40];
        snprintf(label, sizeof label, "b'%s' b'%s'", rows[i][0], rows[i][1]);
        print_login_steal(t, label, log_in_steal(t, rows[i][0], rows[i][1], NULL));
    }
    pb_credentials text = {.username = "ann", .password = "1"};
    text.username_as_text = true;
    print_login_steal(t, "ann b'1'", pb_client_login(t->client, &text, NULL, &t->err));
    print_login_steal(t, "nobody", log_in_steal(t, NULL, NULL, NULL));
    print_answer_steal(t, "nothing",
                       pb_client_call(t->client, t->root, "nothing", &t->err, ""));
    run_challenge(t);
}

const struct pair pairs_minds[] = {
    {"minds", serve_minds, run_minds, NULL},
    {"late-logins", serve_late_logins, run_minds, NULL},
    {"refusals", serve_refusals, run_refusals, NULL},
    {0},
};
