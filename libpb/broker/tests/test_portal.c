/* SPDX-License-Identifier: MIT
 *
 * The server's side of logins: refused logins, logins that are granted later, clients
 * with wrong or too many requests, and the logout in all cases. */
#include "libpb/broker/login.h"
#include "libpb/broker/tests/users.h"

static void refused(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, true, false));
    log_in(&c, "alice", "wrong");
    log_in(&c, "alice", "");
    log_in(&c, "bob", "sesame");
    log_in(&c, NULL, NULL);
    talk(p);
    pb_credentials text = {.username = "alice", .password = "sesame"};
    text.username_as_text = true;
    pb_login(p->client, &text, NULL, NULL, logged_in, &c, NULL, NULL);
    talk(p);
    v.deny = true;
    log_in(&c, "alice", "sesame");
    talk(p);
    v.deny = false;
    v.fail = true;
    log_in(&c, "alice", "sesame");
    talk(p);
    v.fail = false;
    pb_portal_accept_text_names(v.portal, true);
    pb_login(p->client, &text, NULL, NULL, logged_in, &c, NULL, NULL);
    talk(p);
    give_back(&c);
    close_service(p, &v);
}

#define UNAUTHORIZED "failure 0 twisted.cred.error.UnauthorizedLogin: \n"

PB_TEST(portal, refuses)
{
    converse(refused, "client ready\nserver ready\n"
                      "failure 0 twisted.cred.error.UnhandledCredentials: No checker for "
                      "twisted.cred.credentials.IAnonymous\n" UNAUTHORIZED UNAUTHORIZED
                          UNAUTHORIZED UNAUTHORIZED
                      "failure 0 twisted.cred.error.LoginDenied: too many users\n"
                      "failure 0 builtins.OverflowError: number out of range\n"
                      "mind None\nanswer <RemoteReference 8>\nlogout\nalice is gone\n"
                      "client closed\nserver closed\n");
}

static void keep_failure(pb_value *avatar, pb_failure *failure, void *user_data)
{
    cr_assert_null(avatar);
    *(pb_failure **)user_data = pb_failure_ref(failure);
}

/* In Twisted the failure was in a Deferred, which shows in its state. */
PB_TEST(portal, refuses_by_a_deferred)
{
    struct pair p = {0};
    struct service v;
    cr_assert(open_service(&p, &v, false, false));
    pb_credentials who = {.anonymous = true};
    for (int i = 1; i <= 2; i++) {
        pb_failure *f = NULL;
        pb_login(p.client, &who, NULL, NULL, keep_failure, &f, NULL, NULL);
        talk(&p);
        pb_value *state = pb_instance_state(pb_failure_value(f));
        cr_assert_eq(pb_dict_get(state, "pickled"), pb_int(1));
        cr_assert_eq(pb_dict_get(state, "count"), pb_int(i));
        pb_failure_unref(f);
    }
    close_service(&p, &v);
}

static void without_checker(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, false, false));
    log_in(&c, "alice", "sesame");
    talk(p);
    v.last_challenge = 199;
    log_in(&c, "alice", "sesame");
    talk(p);
    close_service(p, &v);
}

PB_TEST(portal, needs_a_checker_and_a_challenge)
{
    converse(without_checker,
             "client ready\nserver ready\n"
             "failure 0 twisted.cred.error.UnhandledCredentials: No checker for "
             "twisted.cred.credentials.IUsernameHashedPassword, "
             "twisted.spread.pb.IUsernameMD5Password, "
             "twisted.spread.interfaces.IJellyable\n"
             "failure 0 builtins.OSError: system call failed\n"
             "client closed\nserver closed\n");
}

static void later_on(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, false, true));
    pb_portal_set_checker(v.portal, check_later, &v);
    log_in(&c, "carol", "key");
    talk(p);
    cr_assert(pb_attempt_check_password(v.kept, SPAN("key")));
    cr_assert_not(pb_attempt_check_password(v.kept, SPAN("Key")));
    pb_attempt *a = v.kept;
    v.keep_in_realm = true;
    pb_attempt_accept(a, SPAN("carol c."));
    cr_assert_eq(pb_attempt_accept(a, SPAN("carol")), PB_ERR_STATE);
    pb_attempt_unref(a);
    talk(p);
    note(p, "granted %d", grant(&v, v.kept));
    pb_attempt_unref(v.kept);
    v.kept = NULL;
    talk(p);
    give_back(&c);
    /* An attempt that is dropped. */
    log_in(&c, "carol", "key");
    talk(p);
    pb_attempt_unref(v.kept);
    v.kept = NULL;
    talk(p);
    /* An attempt that is granted after the client has gone. */
    log_in(&c, NULL, NULL);
    talk(p);
    pb_session_lost(p->server, NULL);
    pb_session_lost(p->client, NULL);
    note(p, "granted %d", grant(&v, v.kept));
    close_service(p, &v);
}

PB_TEST(portal, is_answered_later)
{
    converse(
        later_on,
        "client ready\nserver ready\n"
        "mind None\ngranted 0\nanswer <RemoteReference 2>\nlogout\ncarol c. is gone\n"
        "failure 0 builtins.RuntimeError: the call was never answered\n"
        "server closed -10 : the peer closed the connection\n"
        "failure -10 twisted.spread.pb.PBConnectionLost: "
        "the peer closed the connection\n"
        "client closed -10 : the peer closed the connection\n"
        "mind None\nlogout\nnobody is gone\ngranted -10\n");
}

/* A Referenceable avatar is sent as itself. A second login with it takes over its logout,
 * and that of the first waits for the end of the connection. */
static void the_same_twice(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, false, true));
    v.everybody = pb_object_new(&plain_class, NULL);
    cr_assert_not_null(v.everybody);
    log_in(&c, NULL, NULL);
    log_in(&c, NULL, NULL);
    talk(p);
    pb_remote_call(c.avatar, "hi", noted, p, NULL, "");
    talk(p);
    give_back(&c);
    note(p, "given back");
    close_service(p, &v);
}

PB_TEST(portal, of_a_referenceable)
{
    converse(the_same_twice, "client ready\nserver ready\n"
                             "mind None\nmind None\n"
                             "answer <RemoteReference 1>\nanswer <RemoteReference 1>\n"
                             "answer 'hi'\nlogout\ngiven back\n"
                             "client closed\nlogout\nserver closed\n");
}

/* ---- Clients with wrong requests ---- */

static void ask(struct pair *p, pb_remote *to, const char *method, const char *args)
{
    pb_value *v = pb_value_parse(args, NULL);
    pb_remote_call_values(to, method, v, NULL, NULL, noted, p, NULL, NULL);
    pb_value_unref(v);
    talk(p);
}

static void keep_challenger(pb_value *result, pb_failure *failure, void *user_data)
{
    cr_assert_null(failure);
    *(pb_remote **)user_data = pb_remote_ref(pb_as_remote(pb_item(result, 1)));
}

static void odd_client(struct pair *p)
{
    struct service v;
    pb_remote *challenger = NULL;
    cr_assert(open_service(p, &v, true, false));
    pb_remote *root = pb_session_root(p->client);
    ask(p, root, "login", "()");
    ask(p, root, "loginAnonymous", "(1, 2)");
    ask(p, root, "name", "()");
    pb_remote_call(root, "login", keep_challenger, &challenger, NULL, "y", "alice");
    talk(p);
    ask(p, challenger, "respond", "()");
    static const char *const odd[] = {"(b'short', None)", "('0123456789abcdef', None)",
                                      "(7, None)"};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        ask(p, challenger, "respond", odd[i]);
        pb_remote_unref(challenger);
        pb_remote_call(root, "login", keep_challenger, &challenger, NULL, "y", "alice");
        talk(p);
    }
    uint8_t response[PB_MD5_LEN], fourth[PB_MD5_LEN];
    memset(fourth, 4, sizeof fourth);
    pb_respond((pb_span){fourth, sizeof fourth}, SPAN("sesame"), response);
    pb_remote_call(challenger, "respond", noted, p, NULL, "y#O", response,
                   sizeof response, pb_none());
    talk(p);
    pb_remote_unref(challenger);
    ask(p, root, "login", "(None,)");
    pb_remote_unref(root);
    talk(p);
    close_service(p, &v);
}

PB_TEST(portal, bears_odd_clients)
{
    converse(
        odd_client,
        "client ready\nserver ready\n"
        "failure 0 builtins.TypeError: _PortalWrapper.remote_login() missing 1 "
        "required positional argument: 'username'\n"
        "failure 0 builtins.TypeError: _PortalWrapper.remote_loginAnonymous() takes 2 "
        "positional arguments but 3 were given\n"
        "failure 0 twisted.spread.flavors.NoSuchMethod: No such method: remote_name\n"
        "failure 0 builtins.TypeError: _PortalAuthChallenger.remote_respond() missing "
        "2 required positional arguments: 'response' and 'mind'\n" UNAUTHORIZED
            UNAUTHORIZED UNAUTHORIZED
        "mind None\nanswer <RemoteReference 5>\nlogout\nalice is gone\n" UNAUTHORIZED
        "client closed\nserver closed\n");
}

PB_TEST(portal, challenges_differ)
{
    struct pair *p = calloc(1, sizeof *p);
    struct service v;
    cr_assert(open_service(p, &v, true, false));
    pb__portal_set_challenge(v.portal, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        call_root(p, p->client, "login", pb_build(NULL, "(y)", "alice"), NULL);
        talk(p);
    }
    const char *first = strstr(p->log, "answer"), *second = strstr(first + 1, "answer");
    cr_assert_neq(strncmp(first, second, 16), 0);
    close_service(p, &v);
    free(p);
}

static void logged(pb_session *s, pb_log_level level, const char *text, void *user_data)
{
    (void)s;
    if (level == PB_LOG_ERROR) {
        note(user_data, "%s", text);
    }
}

static void refused_aloud(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(
        open_service_with(p, &v, true, false, (pb_session_config){.on_log = logged}));
    log_in(&c, "alice", "wrong");
    talk(p);
    log_in(&c, NULL, NULL);
    talk(p);
    close_service(p, &v);
}

PB_TEST(portal, logs_refusals)
{
    converse(refused_aloud,
             "client ready\nserver ready\n"
             "Peer will receive following PB traceback: "
             "twisted.cred.error.UnauthorizedLogin: \n" UNAUTHORIZED
             "Peer will receive following PB traceback: "
             "twisted.cred.error.UnhandledCredentials: No checker for "
             "twisted.cred.credentials.IAnonymous\n"
             "failure 0 twisted.cred.error.UnhandledCredentials: No checker for "
             "twisted.cred.credentials.IAnonymous\n"
             "client closed\nserver closed\n");
}

/* ---- Names ---- */

static pb_remote *begin_login(struct pair *p, pb_value *name)
{
    pb_remote *challenger = NULL, *root = pb_session_root(p->client);
    pb_remote_call(root, "login", keep_challenger, &challenger, NULL, "N", name);
    talk(p);
    pb_remote_unref(root);
    return challenger;
}

/* Responds to the turn-th challenge, takes the avatar, and releases the challenger. */
static void end_login(struct client *c, pb_remote *challenger, uint8_t turn,
                      const char *password)
{
    uint8_t response[PB_MD5_LEN], challenge_given[PB_MD5_LEN];
    memset(challenge_given, turn, sizeof challenge_given);
    pb_respond((pb_span){challenge_given, PB_MD5_LEN}, SPAN(password), response);
    pb_remote_call(challenger, "respond", logged_in, c, NULL, "y#O", response,
                   sizeof response, pb_none());
    pb_remote_unref(challenger);
    talk(c->p);
}

/* A value that is no name is refused at once. */
static void refused_name(struct pair *p, pb_value *name)
{
    pb_remote *root = pb_session_root(p->client);
    pb_value *args = pb_build(NULL, "(N)", name);
    pb_remote_call_values(root, "login", args, NULL, NULL, noted, p, NULL, NULL);
    pb_value_unref(args);
    pb_remote_unref(root);
    talk(p);
}

/* No user name is different from an empty one. */
static void names(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, false, false));
    pb_span odd = {(const uint8_t *)"a\0b:\xff", 5};
    cr_assert_eq(pb_portal_add_user(v.portal, odd, odd), 0);
    cr_assert_eq(pb_portal_add_user(v.portal, SPAN(""), SPAN("old")), 0);
    cr_assert_eq(pb_portal_add_user(v.portal, SPAN(""), SPAN("key")), 0);
    refused_name(p, pb_none());
    refused_name(p, pb_list());
    end_login(&c, begin_login(p, pb_str("")), 1, "key");
    end_login(&c, begin_login(p, pb_bytes(SPAN(""))), 2, "old");
    end_login(&c, begin_login(p, pb_bytes(SPAN(""))), 3, "key");
    pb_credentials who = {.username = (const char *)odd.data,
                          .username_len = odd.len,
                          .password = (const char *)odd.data,
                          .password_len = odd.len};
    pb_login(p->client, &who, NULL, NULL, logged_in, &c, NULL, NULL);
    talk(p);
    give_back(&c);
    close_service(p, &v);
}

PB_TEST(portal, takes_any_bytes_for_names)
{
    converse(names, "client ready\nserver ready\n" UNAUTHORIZED UNAUTHORIZED UNAUTHORIZED
                        UNAUTHORIZED "mind None\nanswer <RemoteReference 4>\n"
                    "mind None\nanswer <RemoteReference 6>\nlogout\n is gone\n"
                    "logout\na is gone\nclient closed\nserver closed\n");
}

static int check_guest(pb_attempt *a, void *user_data)
{
    struct pair *p = user_data;
    note(p, "name %d, responded %d", pb_attempt_username(a).data != NULL,
         pb_attempt_check_password(a, SPAN("")));
    return pb_attempt_accept(a, SPAN("guest"));
}

static int grant_by_id(pb_attempt *a, void *user_data)
{
    pb_span id = pb_attempt_avatar_id(a);
    note(user_data, "%.*s comes", (int)id.len, (const char *)id.data);
    return PB_ERR_LIMIT;
}

static void guests(struct pair *p)
{
    struct client c = {p, NULL};
    pb_portal *portal = pb_portal_new(grant_by_id, p);
    pb_object *root = pb_portal_root(portal);
    pb_portal_set_anonymous_checker(portal, check_guest, p);
    pb_portal_unref(portal);
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){.root = root}));
    pb_object_unref(root);
    log_in(&c, NULL, NULL);
    talk(p);
    pair_close_both(p);
}

PB_TEST(portal, lets_a_checker_name_who_says_no_name)
{
    converse(guests, "client ready\nserver ready\nname 0, responded 0\nguest comes\n"
                     "failure 0 twisted.spread.banana.BananaError: limit exceeded\n"
                     "client closed\nserver closed\n");
}

/* ---- Many logins ---- */

/* A challenger is an object that the peer holds, so the number of begun logins is
 * limited, too. */
static void halves(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    pb_remote *begun[3];
    cr_assert(open_service_with(p, &v, true, false, (pb_session_config){.max_refs = 3}));
    for (size_t i = 0; i < 3; i++) {
        begun[i] = begin_login(p, pb_bytes(SPAN("alice")));
    }
    log_in(&c, "alice", "sesame");
    talk(p);
    for (size_t i = 0; i < 3; i++) {
        pb_remote_unref(begun[i]);
    }
    talk(p);
    log_in(&c, "alice", "sesame");
    talk(p);
    give_back(&c);
    close_service(p, &v);
}

PB_TEST(portal, bounds_logins_that_are_begun)
{
    converse(halves,
             "client ready\nserver ready\n"
             "failure 0 twisted.spread.pb.Error: Maximum PB reference count exceeded.\n"
             "mind None\nanswer <RemoteReference 5>\nlogout\nalice is gone\n"
             "client closed\nserver closed\n");
}

/* One challenger can be called again: each call is a login. */
static void twice(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL}, d = {p, NULL};
    cr_assert(open_service(p, &v, true, false));
    pb_remote *challenger = begin_login(p, pb_bytes(SPAN("alice")));
    end_login(&d, pb_remote_ref(challenger), 1, "wrong");
    end_login(&d, challenger, 1, "sesame");
    challenger = begin_login(p, pb_bytes(SPAN("alice")));
    end_login(&c, pb_remote_ref(challenger), 2, "sesame");
    end_login(&d, challenger, 2, "sesame");
    give_back(&c);
    close_service(p, &v);
}

/* A challenge is good for one response. */
PB_TEST(portal, answers_a_challenger_once)
{
    converse(twice, "client ready\nserver ready\n" UNAUTHORIZED UNAUTHORIZED
                    "mind None\nanswer <RemoteReference 3>\n" UNAUTHORIZED
                    "logout\nalice is gone\nclient closed\nserver closed\n");
}

static void count_failed(pb_attempt *a, void *user_data)
{
    cr_assert_not_null(pb_attempt_session(a));
    ++*(size_t *)user_data;
}

/* Guesses are counted, and end the connection. */
PB_TEST(portal, ends_a_connection_that_guesses)
{
    struct pair *p = calloc(1, sizeof *p);
    struct service v;
    struct client c = {p, NULL};
    size_t failed = 0, guesses = 0;
    cr_assert(open_service(p, &v, true, false));
    pb_portal_set_on_failed(v.portal, count_failed, &failed);
    while (!pb_session_is_closed(p->server)) {
        cr_assert_lt(guesses, 100);
        guesses++;
        pb_remote *challenger = begin_login(p, pb_bytes(SPAN("alice")));
        end_login(&c, challenger, (uint8_t)guesses, "wrong");
    }
    cr_assert_eq(guesses, 10);
    cr_assert_eq(failed, 10);
    cr_assert_eq(pb_session_error(p->server)->code, PB_ERR_AUTH);
    cr_assert_str_eq(pb_session_error(p->server)->text,
                     "10 logins have failed, the limit");
    pb_session_lost(p->client, NULL);
    close_service(p, &v);
    free(p);
}

/* ---- Realms with side effects ---- */

struct upheaval {
    struct pair *p;
    pb_portal *portal;
    int turn;
};

static void gone(void *user_data)
{
    note(user_data, "logout");
}

/* Closes or frees the session before it grants, removes the portal and its checker, which
 * is on the stack, or closes the session after it has granted. */
static int upset(pb_attempt *a, void *user_data)
{
    struct upheaval *u = user_data;
    pb_object *avatar = pb_object_new(&plain_class, NULL);
    if (u->turn == 0) {
        pb_session_close(u->p->server);
    } else if (u->turn == 1) {
        pb_session_free(u->p->server);
        u->p->server = NULL;
    } else if (u->turn == 2) {
        pb_portal_set_checker(u->portal, NULL, NULL);
        pb_portal_unref(u->portal);
        u->portal = NULL;
    }
    int failed = pb_attempt_grant(a, avatar, gone, u->p);
    note(u->p, "granted %d", failed);
    if (u->turn == 3) {
        pb_session_close(pb_attempt_session(a));
    }
    pb_object_unref(avatar);
    return failed;
}

static void upset_by(struct pair *p, int turn)
{
    struct upheaval u = {p, pb_portal_new(upset, &u), turn};
    struct client c = {p, NULL};
    pb_object *root = pb_portal_root(u.portal);
    cr_assert_eq(pb_portal_add_user(u.portal, SPAN("alice"), SPAN("sesame")), 0);
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){.root = root}));
    pb_object_unref(root);
    log_in(&c, "alice", "sesame");
    bool any = true;
    while (p->server && any) {
        any = move(p, p->client, p->server);
        any |= p->server && move(p, p->server, p->client);
    }
    pb_session_lost(p->client, NULL);
    pb_remote_unref(c.avatar);
    if (p->server) {
        pb_session_lost(p->server, NULL);
    }
    pair_close_both(p);
    pb_portal_unref(u.portal);
}

static void upheavals(struct pair *p)
{
    for (int turn = 0; turn < 4; turn++) {
        note(p, "-- %d", turn);
        upset_by(p, turn);
    }
}

#define LOST                                           \
    "failure -10 twisted.spread.pb.PBConnectionLost: " \
    "the peer closed the connection\n"                 \
    "client closed -10 : the peer closed the connection\n"

PB_TEST(portal, bears_what_a_realm_does)
{
    converse(upheavals,
             "-- 0\nclient ready\nserver ready\n"
             "logout\ngranted -10\nserver closed\n" LOST
             "-- 1\nclient ready\nserver ready\n"
             "logout\ngranted -10\nserver closed\n" LOST
             "-- 2\nclient ready\nserver ready\ngranted 0\nanswer <RemoteReference 2>\n"
             "client closed -10 : the peer closed the connection\n"
             "logout\nserver closed -10 : the peer closed the connection\n"
             "-- 3\nclient ready\nserver ready\n"
             "granted 0\nlogout\nserver closed\nanswer <RemoteReference 2>\n"
             "client closed -10 : the peer closed the connection\n");
}

/* A realm that refuses with a value. */
static int answer_value(pb_attempt *a, void *user_data)
{
    (void)user_data;
    cr_assert_eq(pb_attempt_answer_steal(a, pb_build(NULL, "(ps)", false, "no credit")),
                 0);
    return pb_attempt_answer_steal(a, pb_int(2)) == PB_ERR_STATE ? 0 : PB_ERR_STATE;
}

static void value_answered(struct pair *p)
{
    pb_portal *portal = pb_portal_new(answer_value, NULL);
    cr_assert_eq(pb_portal_add_user(portal, SPAN("alice"), SPAN("sesame")), 0);
    pb_session_config c = {0};
    pb_session_config s = {.root = pb_portal_root(portal)};
    cr_assert(pair_open(p, c, s));
    talk(p);
    const pb_credentials who = {.username = "alice", .password = "sesame"};
    pb_login(p->client, &who, NULL, NULL, noted, p, NULL, NULL);
    talk(p);
    pair_close_both(p);
    pb_object_unref(s.root);
    pb_portal_unref(portal);
}

PB_TEST(portal, may_answer_with_a_value)
{
    converse(value_answered, "client ready\nserver ready\nanswer (False, 'no credit')\n"
                             "client closed\nserver closed\n");
}
