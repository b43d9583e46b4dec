/* SPDX-License-Identifier: MIT
 *
 * Logins between two sessions: every way in, every way to be refused, and the logout. */
#include "libpb/broker/tests/pair.h"
#include "pb/login.h"

#include <unistd.h>

#define SPAN(text) ((pb_span){(const uint8_t *)(text), strlen(text)})

/* ---- A service with users ---- */

struct user {
    struct service *service;
    char name[32];
};

struct service {
    struct pair *p;
    pb_portal *portal;
    pb_attempt *kept;     /* by a realm or checker that answers later */
    pb_object *everybody; /* what the realm gives instead of a user */
    bool keep_in_realm, keep_in_checker, deny, fail;
    uint8_t last_challenge;
    int grants, logouts;
};

static int say_name(void *self, pb_request *r)
{
    struct user *u = self;
    cr_assert_eq(pb_object_self(pb_request_perspective(r)), u);
    return pb_request_answer_steal(r, pb_str(u->name));
}

static void user_gone(void *self)
{
    struct user *u = self;
    note(u->service->p, "%s is gone", u->name);
    free(u);
}

static const pb_method user_methods[] = {{"name", say_name}, {0}};
static const pb_class user_class = {
    .name = "User", .perspective = user_methods, .destroy = user_gone};

static int say_hi(void *self, pb_request *r)
{
    (void)self;
    return pb_request_answer_steal(r, pb_str("hi"));
}

static const pb_method plain_methods[] = {{"hi", say_hi}, {0}};
static const pb_class plain_class = {.name = "Plain", .remote = plain_methods};

static void logged_out(void *user_data)
{
    struct service *v = user_data;
    v->logouts++;
    note(v->p, "logout");
}

static int grant(struct service *v, pb_attempt *a)
{
    pb_span id = pb_attempt_avatar_id(a);
    note_value(v->p, "mind", pb_attempt_mind(a));
    if (v->everybody) {
        return pb_attempt_grant(a, v->everybody, logged_out, v);
    }
    struct user *u = malloc(sizeof *u);
    *u = (struct user){.service = v};
    snprintf(u->name, sizeof u->name, "%.*s",
             pb_attempt_is_anonymous(a) ? 6 : (int)id.len,
             pb_attempt_is_anonymous(a) ? "nobody" : (const char *)id.data);
    pb_object *o = pb_object_new(&user_class, u);
    if (!o) {
        free(u);
        return PB_ERR_NOMEM;
    }
    v->grants++;
    int failed = pb_attempt_grant(a, o, logged_out, v);
    cr_assert_eq(pb_attempt_grant(a, o, logged_out, v), PB_ERR_STATE);
    cr_assert_eq(pb_attempt_refuse(a), PB_ERR_STATE);
    pb_object_unref(o);
    return failed;
}

static int realm(pb_attempt *a, void *user_data)
{
    struct service *v = user_data;
    if (v->deny) {
        return pb_attempt_fail(a,
                               "twisted.cred.error.LoginDenied "
                               "twisted.cred.error.LoginFailed",
                               "too many %s", "users");
    }
    if (v->fail) {
        return PB_ERR_RANGE;
    }
    if (v->keep_in_realm) {
        v->kept = pb_attempt_ref(a);
        return 0;
    }
    return grant(v, a);
}

/* Challenges are 16 times 1, then 2, ... */
static int challenge(uint8_t out[PB_MD5_LEN], void *user_data)
{
    struct service *v = user_data;
    memset(out, ++v->last_challenge, PB_MD5_LEN);
    return v->last_challenge == 200 ? -1 : 0;
}

static int check_later(pb_attempt *a, void *user_data)
{
    struct service *v = user_data;
    v->kept = pb_attempt_ref(a);
    return 0;
}

/* False for lack of memory. */
static bool open_service(struct pair *p, struct service *v, bool users, bool anonymous)
{
    *v = (struct service){.p = p, .portal = pb_portal_new(realm, v)};
    pb_object *root = v->portal ? pb_portal_root(v->portal) : NULL;
    bool good = root && (!users || pb_portal_add_user(v->portal, SPAN("alice"),
                                                      SPAN("sesame")) == 0);
    if (good) {
        pb_portal_set_challenge(v->portal, challenge, v);
        if (anonymous) {
            pb_portal_allow_anonymous(v->portal);
        }
        good = pair_open(p, (pb_session_config){0}, (pb_session_config){.root = root});
    }
    pb_object_unref(root);
    return good;
}

static void close_service(struct pair *p, struct service *v)
{
    pair_close_both(p);
    pb_attempt_unref(v->kept);
    pb_portal_unref(v->portal);
    pb_object_unref(v->everybody);
}

/* ---- A client ---- */

struct client {
    struct pair *p;
    pb_remote *avatar;
};

static void logged_in(pb_value *avatar, pb_failure *failure, void *user_data)
{
    struct client *c = user_data;
    noted(avatar, failure, c->p);
    if (avatar) {
        pb_remote_unref(c->avatar);
        c->avatar = pb_remote_ref(pb_as_remote(avatar));
    }
}

static int log_in(struct client *c, const char *name, const char *password)
{
    pb_credentials who =
        name ? pb_credentials_new(name, password) : pb_credentials_anonymous();
    return pb_login(c->p->client, &who, NULL, NULL, logged_in, c, NULL, NULL);
}

static void give_back(struct client *c)
{
    pb_remote_unref(c->avatar);
    c->avatar = NULL;
    talk(c->p);
}

static void by_password(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, true, true));
    pb_value *mind = pb_str("mine");
    pb_credentials who = pb_credentials_new("alice", "sesame");
    pb_login(p->client, &who, mind, NULL, logged_in, &c, NULL, NULL);
    pb_value_unref(mind);
    talk(p);
    pb_remote_callf(c.avatar, noted, p, NULL, "name", "");
    talk(p);
    give_back(&c);
    log_in(&c, NULL, NULL);
    talk(p);
    pb_remote_callf(c.avatar, noted, p, NULL, "name", "");
    pb_remote_callf(c.avatar, noted, p, NULL, "nothing", "");
    talk(p);
    pb_session_lost(p->server, NULL); /* with the avatar still in the client's hands */
    pb_session_lost(p->client, NULL);
    give_back(&c);
    close_service(p, &v);
}

PB_TEST(login, gives_an_avatar_and_logs_it_out_once)
{
    converse(by_password, "client ready\nserver ready\n"
                          "mind 'mine'\nanswer <RemoteReference 2>\nanswer 'alice'\n"
                          "logout\nalice is gone\n"
                          "mind None\nanswer <RemoteReference 3>\nanswer 'nobody'\n"
                          "failure 0 builtins.AttributeError: "
                          "'User' object has no attribute 'perspective_nothing'\n"
                          "logout\nnobody is gone\n"
                          "server closed -10 : the peer closed the connection\n"
                          "client closed -10 : the peer closed the connection\n");
}

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
    pb_credentials text = pb_credentials_new("alice", "sesame");
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
    pb_portal_take_text(v.portal, true);
    pb_login(p->client, &text, NULL, NULL, logged_in, &c, NULL, NULL);
    talk(p);
    give_back(&c);
    close_service(p, &v);
}

#define UNAUTHORIZED "failure 0 twisted.cred.error.UnauthorizedLogin: \n"

PB_TEST(login, refuses)
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

/* In Twisted the failure has been in a Deferred, which tells in its state. */
PB_TEST(login, refuses_by_a_deferred)
{
    struct pair p = {0};
    struct service v;
    cr_assert(open_service(&p, &v, false, false));
    pb_credentials who = pb_credentials_anonymous();
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

PB_TEST(login, needs_a_checker_and_a_challenge)
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
    /* One that is dropped. */
    log_in(&c, "carol", "key");
    talk(p);
    pb_attempt_unref(v.kept);
    v.kept = NULL;
    talk(p);
    /* One that is granted when the client has gone. */
    log_in(&c, NULL, NULL);
    talk(p);
    pb_session_lost(p->server, NULL);
    pb_session_lost(p->client, NULL);
    note(p, "granted %d", grant(&v, v.kept));
    close_service(p, &v);
}

PB_TEST(login, is_answered_later)
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

/* An avatar that is Referenceable goes as itself; a second login of it takes its logout
 * over, and the first one's waits for the end. */
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
    pb_remote_callf(c.avatar, noted, p, NULL, "hi", "");
    talk(p);
    give_back(&c);
    note(p, "given back");
    close_service(p, &v);
}

PB_TEST(login, of_a_referenceable)
{
    converse(the_same_twice, "client ready\nserver ready\n"
                             "mind None\nmind None\n"
                             "answer <RemoteReference 1>\nanswer <RemoteReference 1>\n"
                             "answer 'hi'\nlogout\ngiven back\n"
                             "client closed\nlogout\nserver closed\n");
}

static void in_time(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, true, true));
    talk(p);
    pb_credentials who = pb_credentials_new("alice", "sesame");
    pb_call_options options = {.timeout = 100};
    pb_login_call *login;
    v.keep_in_realm = true;
    pb_login(p->client, &who, NULL, &options, logged_in, &c, NULL, NULL);
    later(p, 60);
    note(p, "60");
    later(p, 60);
    grant(&v, v.kept);
    pb_attempt_unref(v.kept);
    talk(p);
    pb_login(p->client, &who, NULL, NULL, logged_in, &c, &login, NULL);
    talk(p);
    pb_login_cancel(login);
    grant(&v, v.kept);
    pb_attempt_unref(v.kept);
    v.kept = NULL;
    talk(p);
    close_service(p, &v);
}

PB_TEST(login, has_a_time_and_can_be_given_up)
{
    converse(in_time,
             "client ready\nserver ready\n60\n"
             "failure -11 twisted.internet.defer.TimeoutError: "
             "the call was not answered in time\n"
             "mind None\nlogout\nalice is gone\n"
             "failure -12 twisted.internet.defer.CancelledError: the call was cancelled\n"
             "mind None\nlogout\nalice is gone\n"
             "client closed\nserver closed\n");
}

/* ---- Servers that answer otherwise ---- */

static int answer_oddly(void *self, pb_request *r)
{
    (void)self;
    static int turn;
    static const char *const odd[] = {"None", "(b'x',)", "(b'x', 1)", "[1, 2]"};
    return pb_request_answer_steal(r, pb_value_parse(odd[turn++ % 4], NULL));
}

static const pb_method odd_methods[] = {{"login", answer_oddly}, {0}};
static const pb_class odd_class = {.name = "Odd", .remote = odd_methods};

static void odd_server(struct pair *p)
{
    struct client c = {p, NULL};
    pb_object *root = pb_object_new(&odd_class, NULL);
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){.root = root}));
    pb_object_unref(root);
    for (int i = 0; i < 4; i++) {
        log_in(&c, "alice", "sesame");
        talk(p);
    }
    pair_close_both(p);
    cr_assert_eq(pb_login(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), PB_ERR_ARG);
}

#define NO_CHALLENGE                               \
    "failure -8 twisted.spread.pb.ProtocolError: " \
    "login was not answered with a challenge and a challenger\n"

PB_TEST(login, tells_of_a_server_that_answers_oddly)
{
    converse(odd_server, "client ready\nserver ready\n" NO_CHALLENGE NO_CHALLENGE
                             NO_CHALLENGE NO_CHALLENGE "client closed\nserver closed\n");
}

/* ---- Clients that ask oddly ---- */

static void ask(struct pair *p, pb_remote *to, const char *method, const char *args)
{
    pb_value *v = pb_value_parse(args, NULL);
    pb_remote_call(to, method, v, NULL, NULL, noted, p, NULL, NULL);
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
    pb_remote_callf(root, keep_challenger, &challenger, NULL, "login", "y", "alice");
    talk(p);
    ask(p, challenger, "respond", "()");
    ask(p, challenger, "respond", "(b'short', None)");
    ask(p, challenger, "respond", "('0123456789abcdef', None)");
    ask(p, challenger, "respond", "(7, None)");
    uint8_t response[PB_MD5_LEN], ones[PB_MD5_LEN];
    memset(ones, 1, sizeof ones);
    pb_respond((pb_span){ones, sizeof ones}, SPAN("sesame"), response);
    pb_remote_callf(challenger, noted, p, NULL, "respond", "y#O", response,
                    sizeof response, pb_none());
    talk(p);
    pb_remote_unref(challenger);
    pb_remote_callf(root, keep_challenger, &challenger, NULL, "login", "O", pb_none());
    talk(p);
    ask(p, challenger, "respond", "(b'0123456789abcdef', None)");
    pb_remote_unref(challenger);
    pb_remote_unref(root);
    talk(p);
    close_service(p, &v);
}

PB_TEST(login, bears_odd_clients)
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
        "mind None\nanswer <RemoteReference 2>\nlogout\nalice is gone\n" UNAUTHORIZED
        "client closed\nserver closed\n");
}

/* ---- Digests ---- */

PB_TEST(login, digest_is_twisteds)
{
    /* respond(bytes(range(16)), b"sesame") */
    static const uint8_t expected[PB_MD5_LEN] = {
        0x68, 0x1e, 0xa9, 0x44, 0x88, 0xd2, 0x2b, 0x1c,
        0x74, 0x6d, 0x40, 0x58, 0xf5, 0x49, 0x5b, 0xc8,
    };
    uint8_t count[PB_MD5_LEN], out[PB_MD5_LEN];
    for (uint8_t i = 0; i < PB_MD5_LEN; i++) {
        count[i] = i;
    }
    pb_respond((pb_span){count, sizeof count}, SPAN("sesame"), out);
    cr_assert_arr_eq(out, expected, sizeof out);
}

PB_TEST(login, challenges_differ)
{
    struct pair *p = calloc(1, sizeof *p);
    struct service v;
    cr_assert(open_service(p, &v, true, false));
    pb_portal_set_challenge(v.portal, NULL, NULL);
    for (int i = 0; i < 2; i++) {
        call_root(p, p->client, "login", pb_build(NULL, "(y)", "alice"), NULL);
        talk(p);
    }
    const char *first = strstr(p->log, "answer"), *second = strstr(first + 1, "answer");
    cr_assert_neq(strncmp(first, second, 16), 0);
    close_service(p, &v);
    free(p);
}

/* ---- Password files ---- */

static const char *file_path(void)
{
    static char path[64];
    snprintf(path, sizeof path, "/tmp/pb-passwords-%d", (int)getpid());
    return path;
}

struct file_case {
    pb_password_file file;
    const char *name, *password;
    bool right;
};

static void log_in_by(const struct file_case *c)
{
    struct pair *p = calloc(1, sizeof *p);
    struct service v;
    struct client client = {p, NULL};
    cr_assert(open_service(p, &v, true, false));
    cr_assert_eq(pb_portal_set_password_file(v.portal, &c->file), 0);
    cr_assert_eq(pb_portal_add_user(v.portal, SPAN("a"), SPAN("b")), PB_ERR_STATE);
    log_in(&client, c->name, c->password);
    talk(p);
    cr_assert_eq(client.avatar != NULL, c->right, "%s %s", c->name, c->password);
    give_back(&client);
    close_service(p, &v);
    free(p);
}

PB_TEST(login, by_a_file)
{
    const char *path = file_path();
    FILE *f = fopen(path, "w");
    fputs("alice:sesame\r\nbob:two words : x \nshort\n:empty\nAlice:second\nalice:third\n"
          "7;9;dave;fifth\nmd:5F4DCC3B5AA765D61D8327DEB882CF99\nbad:5F4D",
          f);
    fclose(f);
    const struct file_case cases[] = {
        {{.path = path}, "alice", "sesame", true},
        {{.path = path}, "alice", "third", false},
        {{.path = path}, "bob", "two words ", true},
        {{.path = path}, "short", "", false},
        {{.path = path}, "", "empty", true},
        {{.path = path}, "Alice", "second", true},
        {{.path = path, .ignore_case = true}, "ALICE", "sesame", true},
        {{.path = path, .delimiter = ";", .username_field = 2}, "dave", "fifth", true},
        {{.path = path, .delimiter = ";", .username_field = 2, .password_field = 1},
         "dave",
         "9",
         true},
        {{.path = path, .md5 = true}, "md", "password", true},
        {{.path = path, .md5 = true}, "md", "Password", false},
        {{.path = path, .md5 = true}, "bad", "", false},
        {{.path = "/nowhere/at/all"}, "alice", "sesame", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        log_in_by(&cases[i]);
    }
    remove(path);
}

/* ---- Without memory ---- */

static int whole_login(void *user_data)
{
    (void)user_data;
    struct pair *p = calloc(1, sizeof *p);
    struct service v;
    struct client c = {p, NULL};
    int failed = PB_ERR_NOMEM;
    if (open_service(p, &v, true, true)) {
        failed = log_in(&c, "alice", "sesame");
        talk(p);
        failed = failed ? failed : log_in(&c, NULL, NULL);
        talk(p);
        pb_session_lost(p->client, NULL);
        pb_session_lost(p->server, NULL);
        failed = c.avatar && !strstr(p->log, "failure") ? failed : PB_ERR_NOMEM;
    }
    pb_remote_unref(c.avatar);
    pb_session_free(p->client);
    pb_session_free(p->server);
    pb_portal_unref(v.portal);
    cr_assert_eq(v.logouts, v.grants);
    free(p);
    return failed;
}

PB_TEST(login, without_memory)
{
    pb__test_each_failure(whole_login, NULL);
}
