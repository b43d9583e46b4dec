/* SPDX-License-Identifier: MIT
 *
 * Logins between two sessions: every way to log in, every way to be refused, and the
 * logout. */
#include "libpb/broker/session.h"
#include "libpb/broker/tests/users.h"

static void by_password(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, true, true));
    pb_value *mind = pb_str("mine");
    pb_credentials who = {.username = "alice", .password = "sesame"};
    pb_login(p->client, &who, mind, NULL, logged_in, &c, NULL, NULL);
    pb_value_unref(mind);
    talk(p);
    pb_remote_call(c.avatar, "name", noted, p, NULL, "");
    talk(p);
    give_back(&c);
    log_in(&c, NULL, NULL);
    talk(p);
    pb_remote_call(c.avatar, "name", noted, p, NULL, "");
    pb_remote_call(c.avatar, "nothing", noted, p, NULL, "");
    talk(p);
    pb_session_lost(p->server, NULL); /* while the client still holds the avatar */
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

static void in_time(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, true, true));
    talk(p);
    pb_credentials who = {.username = "alice", .password = "sesame"};
    pb_call_options options = {.timeout = 100};
    pb_login_call *login;
    v.keep_in_realm = true;
    p->now += 60000; /* which the client does not know when it logs in */
    pb_login(p->client, &who, NULL, &options, logged_in, &c, NULL, NULL);
    talk(p);
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

/* ---- Cancelled in its own callback ---- */

struct own_login {
    struct pair *p;
    pb_login_call *login;
};

static void cancels_its_login(pb_value *result, pb_failure *failure, void *user_data)
{
    struct own_login *own = user_data;
    noted(result, failure, own->p);
    pb_login_cancel(own->login);
    pb_login_cancel(own->login);
}

/* The avatar, a refusal, a failure, a cancellation, a time-out and the
 * end of the session. */
static void cancelled_in_callback(struct pair *p)
{
    struct service v;
    struct own_login own = {p, NULL};
    const pb_call_options soon = {.timeout = 10};
    pb_credentials who = {.username = "alice", .password = "sesame"};
    cr_assert(open_service(p, &v, true, true));
    for (int i = 0; i < 6; i++) {
        who.password = i == 1 ? "wrong" : "sesame";
        v.fail = i == 2;
        v.keep_in_realm = i > 2;
        cr_assert_eq(pb_login(p->client, &who, NULL, i == 4 ? &soon : NULL,
                              cancels_its_login, &own, &own.login, NULL),
                     0);
        if (i == 3) {
            pb_login_cancel(own.login);
        }
        talk(p);
        later(p, 20);
        if (i == 5) {
            pb_session_lost(p->client, NULL);
            pb_session_lost(p->server, NULL);
        }
        pb_attempt_unref(v.kept);
        v.kept = NULL;
    }
    close_service(p, &v);
}

PB_TEST(login, is_not_cancelled_in_its_own_callback)
{
    converse(
        cancelled_in_callback,
        "client ready\nserver ready\nmind None\nanswer <RemoteReference 2>\n"
        "logout\nalice is gone\n"
        "failure 0 twisted.cred.error.UnauthorizedLogin: \n"
        "failure 0 builtins.OverflowError: number out of range\n"
        "failure -12 twisted.internet.defer.CancelledError: the call was cancelled\n"
        "failure -11 twisted.internet.defer.TimeoutError: the call was not answered in "
        "time\n"
        "failure -10 twisted.spread.pb.PBConnectionLost: the peer closed the "
        "connection\n"
        "client closed -10 : the peer closed the connection\n"
        "server closed -10 : the peer closed the connection\n");
}

/* ---- What cannot be sent ---- */

static void unsendable(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    pb_error err = {0}, no_text = {0};
    cr_assert(open_service(p, &v, true, true));
    talk(p);
    char digits[200] = "0x1";
    memset(digits + 3, '0', 150);
    pb_value *mind = pb_value_parse(digits, NULL);
    pb_credentials who = {.username = "alice", .password = "sesame"};
    pb_credentials nobody = {.anonymous = true};
    cr_assert_eq(pb_login(p->client, &who, mind, NULL, logged_in, &c, NULL, NULL), 0);
    talk(p);
    note(p, "%d",
         pb_login(p->client, &nobody, mind, NULL, logged_in, &c, NULL, &err) != 0);
    note(p, "%s", err.text);
    who = (pb_credentials){.username = "\xff", .password = "sesame"};
    who.username_as_text = true;
    note(p, "%d",
         pb_login(p->client, &who, NULL, NULL, logged_in, &c, NULL, &no_text) != 0);
    note(p, "%s", no_text.text);
    talk(p);
    pb_value_unref(mind);
    close_service(p, &v);
}

PB_TEST(login, tells_of_what_cannot_be_sent)
{
    converse(unsendable, "client ready\nserver ready\n"
                         "failure -6 twisted.spread.banana.BananaError: "
                         "int is too large to send (86 bytes of prefix, limit 64)\n"
                         "1\nint is too large to send (86 bytes of prefix, limit 64)\n"
                         "1\ntext is not UTF-8: byte 0xff at offset 0\n"
                         "client closed\nserver closed\n");
}

/* ---- Servers with other answers ---- */

enum { ODD_TURNS = 6 };

static int answer_oddly(void *self, pb_request *r)
{
    (void)self;
    static int turn;
    static const char *const odd[] = {"None", "(b'x',)", "(b'x', 1)", "[1, 2]"};
    if (turn % ODD_TURNS < 4) {
        return pb_request_answer_steal(r, pb_value_parse(odd[turn++ % ODD_TURNS], NULL));
    }
    pb_object *o = pb_object_new(&plain_class, NULL);
    const char *format = turn++ % ODD_TURNS == 4 ? "(sN)" : "(yNi)";
    return pb_request_answer_steal(
        r, pb_build(NULL, format, "text", pb_object_value_steal(o), 1));
}

static const pb_method odd_methods[] = {{"login", answer_oddly}, {0}};
static const pb_class odd_class = {.name = "Odd", .remote = odd_methods};

static void odd_server(struct pair *p)
{
    struct client c = {p, NULL};
    pb_object *root = pb_object_new(&odd_class, NULL);
    cr_assert(pair_open(p, (pb_session_config){0}, (pb_session_config){.root = root}));
    pb_object_unref(root);
    for (int i = 0; i < ODD_TURNS; i++) {
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
    converse(odd_server,
             "client ready\nserver ready\n" NO_CHALLENGE NO_CHALLENGE NO_CHALLENGE
                 NO_CHALLENGE NO_CHALLENGE NO_CHALLENGE "client closed\nserver closed\n");
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
    uint8_t md5[PB_MD5_LEN];
    pb__md5(SPAN("sesame"), md5);
    memset(out, 0, sizeof out);
    pb_respond_md5((pb_span){count, sizeof count}, md5, out);
    cr_assert_arr_eq(out, expected, sizeof out);
}

/* A client that has only the MD5 of the password. */
static void by_md5(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    uint8_t md5[PB_MD5_LEN];
    cr_assert(open_service(p, &v, true, false));
    pb__md5(SPAN("sesame"), md5);
    pb_credentials who = {.username = "alice", .password = "?", .password_md5 = md5};
    pb_login(p->client, &who, NULL, NULL, logged_in, &c, NULL, NULL);
    talk(p);
    give_back(&c);
    close_service(p, &v);
}

PB_TEST(login, by_the_md5_of_the_password)
{
    converse(by_md5, "client ready\nserver ready\n"
                     "mind None\nanswer <RemoteReference 2>\nlogout\nalice is gone\n"
                     "client closed\nserver closed\n");
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
