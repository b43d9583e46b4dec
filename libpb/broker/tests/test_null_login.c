/* SPDX-License-Identifier: MIT
 *
 * The rule for NULL in logins, portals and attempts: see tests/null.h. */
#include "libpb/broker/tests/users.h"
#include "tests/null.h"

static pb_error err;

/* ---- The client ---- */

PB_TEST(null, pb_login)
{
    struct pair *p = calloc(1, sizeof *p);
    struct service v;
    const pb_credentials who = {.username = "alice", .password = "sesame"};
    static const pb_credentials nobody;
    const pb_call_options options = {.timeout = INT64_MAX};
    cr_assert(open_service(p, &v, true, false));
    talk(p);
    pb_session *s = p->client;
    pb_login_call *call = (pb_login_call *)p;
    GIVES(pb_login(NULL, &who, pb_none(), &options, noted, p, &call, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the session to log in at");
    GIVES(call, NULL);
    GIVES(pb_login(s, NULL, pb_none(), &options, noted, p, &call, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the user to log in");
    GIVES(pb_login(s, &nobody, NULL, &options, noted, p, &call, &err), 0);
    GIVES(pb_login(s, &who, pb_none(), NULL, noted, p, &call, &err), 0);
    GIVES(pb_login(s, &who, pb_none(), &options, NULL, p, &call, &err), 0);
    GIVES(pb_login(s, &who, pb_none(), &options, noted, p, NULL, &err), 0);
    GIVES(pb_login(s, &who, pb_none(), &options, noted, p, &call, NULL), 0);
    GIVES(pb_login(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), PB_ERR_ARG);
    talk(p);
    GIVES(v.grants, 4);
    close_service(p, &v);
    free(p);
}

PB_TEST(null, pb_login_cancel)
{
    pb_login_cancel(NULL);
}

PB_TEST(null, pb_respond)
{
    static const uint8_t zeros[PB_MD5_LEN];
    uint8_t out[PB_MD5_LEN];
    spoil(out, sizeof out);
    pb_respond(no_bytes, SPAN("password"), out);
    GIVES(memcmp(out, zeros, sizeof out), 0);
    spoil(out, sizeof out);
    pb_respond(SPAN("challenge"), no_bytes, out);
    GIVES(memcmp(out, zeros, sizeof out), 0);
    pb_respond(no_bytes, no_bytes, NULL);
}

PB_TEST(null, pb_respond_md5)
{
    static const uint8_t zeros[PB_MD5_LEN];
    uint8_t out[PB_MD5_LEN];
    spoil(out, sizeof out);
    pb_respond_md5(no_bytes, zeros, out);
    GIVES(memcmp(out, zeros, sizeof out), 0);
    spoil(out, sizeof out);
    pb_respond_md5(SPAN("challenge"), NULL, out);
    GIVES(memcmp(out, zeros, sizeof out), 0);
    pb_respond_md5(SPAN("challenge"), zeros, NULL);
    pb_respond_md5(no_bytes, NULL, NULL);
}

/* ---- Portals ---- */

static int accept_any(pb_attempt *a, void *user_data)
{
    (void)user_data;
    return pb_attempt_accept(a, SPAN("any"));
}

PB_TEST(null, pb_portal_new)
{
    GIVES(pb_portal_new(NULL, NULL), NULL);
}

PB_TEST(null, pb_portal_ref)
{
    GIVES(pb_portal_ref(NULL), NULL);
}

PB_TEST(null, pb_portal_unref)
{
    pb_portal_unref(NULL);
}

PB_TEST(null, pb_portal_root)
{
    GIVES(pb_portal_root(NULL), NULL);
}

PB_TEST(null, pb_portal_add_user)
{
    pb_portal *p = pb_portal_new(accept_any, NULL);
    GIVES(pb_portal_add_user(NULL, SPAN("a"), SPAN("b")), PB_ERR_ARG);
    GIVES(pb_portal_add_user(p, no_bytes, SPAN("b")), PB_ERR_ARG);
    GIVES(pb_portal_add_user(p, SPAN("a"), no_bytes), PB_ERR_ARG);
    GIVES(pb_portal_add_user(NULL, no_bytes, no_bytes), PB_ERR_ARG);
    pb_portal_unref(p);
}

PB_TEST(null, pb_portal_allow_anonymous)
{
    pb_portal_allow_anonymous(NULL);
}

/* Removes the checker from a portal, and then logs in. */
static void without_checker(void (*forget)(pb_portal *p), const char *name,
                            const char *expected)
{
    struct pair *p = calloc(1, sizeof *p);
    struct service v;
    struct client c = {.p = p};
    cr_assert(open_service(p, &v, true, true));
    talk(p);
    p->log_len = 0;
    forget(v.portal);
    GIVES(log_in(&c, name, "sesame"), 0);
    talk(p);
    cr_assert_str_eq(p->log, expected);
    close_service(p, &v);
    free(p);
}

static void forget_checker(pb_portal *p)
{
    pb_portal_set_checker(p, NULL, NULL);
}

PB_TEST(null, pb_portal_set_checker)
{
    pb_portal_set_checker(NULL, accept_any, NULL);
    pb_portal_set_checker(NULL, NULL, NULL);
    without_checker(forget_checker, "alice",
                    "failure 0 twisted.cred.error.UnhandledCredentials: No checker for "
                    "twisted.cred.credentials.IUsernameHashedPassword, "
                    "twisted.spread.pb.IUsernameMD5Password, "
                    "twisted.spread.interfaces.IJellyable\n");
}

static void forget_anonymous(pb_portal *p)
{
    pb_portal_set_anonymous_checker(p, NULL, NULL);
}

PB_TEST(null, pb_portal_set_anonymous_checker)
{
    pb_portal_set_anonymous_checker(NULL, accept_any, NULL);
    pb_portal_set_anonymous_checker(NULL, NULL, NULL);
    without_checker(forget_anonymous, NULL,
                    "failure 0 twisted.cred.error.UnhandledCredentials: No checker for "
                    "twisted.cred.credentials.IAnonymous\n");
}

PB_TEST(null, pb_portal_accept_text_names)
{
    pb_portal_accept_text_names(NULL, true);
}

static void on_failed(pb_attempt *a, void *user_data)
{
    (void)a;
    (void)user_data;
}

PB_TEST(null, pb_portal_set_on_failed)
{
    pb_portal *p = pb_portal_new(accept_any, NULL);
    pb_portal_set_on_failed(NULL, NULL, NULL);
    pb_portal_set_on_failed(NULL, on_failed, NULL);
    pb_portal_set_on_failed(p, NULL, NULL);
    pb_portal_unref(p);
}

/* ---- Attempts ---- */

PB_TEST(null, pb_attempt_ref)
{
    GIVES(pb_attempt_ref(NULL), NULL);
}

PB_TEST(null, pb_attempt_unref)
{
    pb_attempt_unref(NULL);
}

PB_TEST(null, pb_attempt_session)
{
    GIVES(pb_attempt_session(NULL), NULL);
}

PB_TEST(null, pb_attempt_is_anonymous)
{
    GIVES(pb_attempt_is_anonymous(NULL), false);
}

PB_TEST(null, pb_attempt_username)
{
    GIVES(pb_attempt_username(NULL).data, NULL);
}

PB_TEST(null, pb_attempt_avatar_id)
{
    GIVES(pb_attempt_avatar_id(NULL).data, NULL);
}

PB_TEST(null, pb_attempt_mind)
{
    GIVES(pb_attempt_mind(NULL), NULL);
}

struct trial {
    struct pair p;
    int (*body)(pb_attempt *a);
};

static int run_body(pb_attempt *a, void *user_data)
{
    return ((struct trial *)user_data)->body(a);
}

static int grant_none(pb_attempt *a, void *user_data)
{
    (void)user_data;
    return pb_attempt_grant(a, NULL, NULL, NULL);
}

/* Logs in with the body as the checker; expected is what the client notes. */
static void checked(int (*body)(pb_attempt *a), const char *expected)
{
    struct trial *t = calloc(1, sizeof *t);
    struct client c = {.p = &t->p};
    t->body = body;
    pb_portal *portal = pb_portal_new(grant_none, NULL);
    pb_portal_set_checker(portal, run_body, t);
    pb_object *root = pb_portal_root(portal);
    cr_assert(
        pair_open(&t->p, (pb_session_config){0}, (pb_session_config){.root = root}));
    talk(&t->p);
    t->p.log_len = 0;
    GIVES(log_in(&c, "alice", "sesame"), 0);
    talk(&t->p);
    cr_assert_str_eq(t->p.log, expected);
    pair_close_both(&t->p);
    pb_object_unref(root);
    pb_portal_unref(portal);
    free(t);
}

#define NOT_MADE "failure 0 builtins.ValueError: the answer could not be made\n"
#define BAD "failure 0 builtins.ValueError: bad argument\n"

static int check_nothing(pb_attempt *a)
{
    GIVES(pb_attempt_check_password(a, no_bytes), false);
    GIVES(pb_attempt_check_md5(a, NULL), false);
    GIVES(pb_attempt_accept(a, no_bytes), PB_ERR_ARG);
    return pb_attempt_accept(a, SPAN("alice"));
}

PB_TEST(null, pb_attempt_check_password)
{
    GIVES(pb_attempt_check_password(NULL, SPAN("sesame")), false);
    GIVES(pb_attempt_check_password(NULL, no_bytes), false);
    checked(check_nothing, NOT_MADE);
}

PB_TEST(null, pb_attempt_check_md5)
{
    static const uint8_t md5[PB_MD5_LEN];
    GIVES(pb_attempt_check_md5(NULL, md5), false);
    GIVES(pb_attempt_check_md5(NULL, NULL), false);
}

PB_TEST(null, pb_attempt_accept)
{
    GIVES(pb_attempt_accept(NULL, SPAN("a")), PB_ERR_ARG);
    GIVES(pb_attempt_accept(NULL, no_bytes), PB_ERR_ARG);
}

PB_TEST(null, pb_attempt_refuse)
{
    GIVES(pb_attempt_refuse(NULL), PB_ERR_ARG);
}

static int fail_without_type(pb_attempt *a)
{
    GIVES(pb_attempt_fail(a, NULL, "%s", "text"), PB_ERR_ARG);
    GIVES(pb_attempt_fail(a, "builtins.ValueError", "%s", "again"), PB_ERR_STATE);
    return 0;
}

static int fail_without_format(pb_attempt *a)
{
    GIVES(pb_attempt_fail(a, "builtins.ValueError", NULL), PB_ERR_ARG);
    return 0;
}

PB_TEST(null, pb_attempt_fail)
{
    GIVES(pb_attempt_fail(NULL, "builtins.ValueError", "%s", "text"), PB_ERR_ARG);
    GIVES(pb_attempt_fail(NULL, NULL, NULL), PB_ERR_ARG);
    checked(fail_without_type, BAD);
    checked(fail_without_format, BAD);
}

static void count(void *user_data)
{
    ++*(int *)user_data;
}

static int grant_nothing(pb_attempt *a)
{
    int logouts = 0;
    GIVES(pb_attempt_grant(a, NULL, count, &logouts), PB_ERR_ARG);
    GIVES(logouts, 1);
    GIVES(pb_attempt_grant(a, NULL, NULL, NULL), PB_ERR_STATE);
    return 0;
}

static int answer_nothing(pb_attempt *a)
{
    GIVES(pb_attempt_answer_steal(a, NULL), PB_ERR_ARG);
    GIVES(pb_attempt_answer_steal(a, NULL), PB_ERR_STATE);
    return 0;
}

PB_TEST(null, pb_attempt_answer_steal)
{
    GIVES(pb_attempt_answer_steal(NULL, pb_str("value")), PB_ERR_ARG);
    GIVES(pb_attempt_answer_steal(NULL, NULL), PB_ERR_ARG);
    checked(answer_nothing,
            "failure 0 builtins.ValueError: the answer could not be made\n");
}

/* If the avatar cannot be sent, the logout is called at once. */
PB_TEST(null, pb_attempt_grant)
{
    pb_object *o = pb_object_new(&plain_class, NULL);
    int logouts = 0;
    GIVES(pb_attempt_grant(NULL, o, count, &logouts), PB_ERR_ARG);
    GIVES(logouts, 1);
    GIVES(pb_attempt_grant(NULL, o, NULL, NULL), PB_ERR_ARG);
    GIVES(pb_attempt_grant(NULL, NULL, NULL, NULL), PB_ERR_ARG);
    checked(grant_nothing, NOT_MADE);
    pb_object_unref(o);
}
