/* SPDX-License-Identifier: MIT
 *
 * The portal: a root object with login and loginAnonymous; the challenger that login
 * returns; and the attempt, which goes to the checker, then to the realm, and ends with
 * the answer. Mirrors _PortalWrapper, _PortalAuthChallenger and twisted.cred.portal. */
#include <stdarg.h>
#include <string.h>

#include "compat/value.h"
#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/base/span.h"
#include "libpb/base/system.h"
#include "libpb/broker/exception.h"
#include "libpb/broker/login.h"
#include "libpb/broker/session.h"

#define UNAUTHORIZED                                                       \
    "twisted.cred.error.UnauthorizedLogin twisted.cred.error.LoginFailed " \
    "twisted.cred.error.Unauthorized"
#define UNHANDLED "twisted.cred.error.UnhandledCredentials twisted.cred.error.LoginFailed"

#define NAME_MOST 65536 /* bytes of a user name */

struct pb_portal {
    size_t refs;
    pb_realm_cb realm;
    void *realm_data;
    struct pb__checker password, anonymous;
    int (*challenge)(uint8_t out[PB_MD5_LEN], void *user_data);
    void *challenge_data;
    pb_failed_login_cb on_failed;
    void *failed_data;
    bool take_text;
};

/* The object that login returns: it keeps the user name until the response arrives. */
struct challenger {
    pb_portal *portal;
    pb_value *username;
    uint8_t challenge[PB_MD5_LEN];
    bool used; /* a response has arrived */
};

struct pb_attempt {
    size_t refs;
    pb_portal *portal;
    pb_request *request;
    pb_value *username, *mind, *avatar_id; /* username NULL: anonymous */
    uint8_t challenge[PB_MD5_LEN];
    uint8_t response[PB_MD5_LEN];
    bool responded; /* the response has the right size */
    bool accepted, answered;
};

/* ---- Portals ---- */

static int system_challenge(uint8_t out[PB_MD5_LEN], void *user_data)
{
    (void)user_data;
    return pb__system_random(out, PB_MD5_LEN) ? 0 : -1;
}

pb_portal *pb_portal_new(pb_realm_cb realm, void *user_data)
{
    pb_portal *p = realm ? pb__malloc(sizeof *p) : NULL;
    if (p) {
        *p = (pb_portal){.refs = 1,
                         .realm = realm,
                         .realm_data = user_data,
                         .challenge = system_challenge};
    }
    return p;
}

pb_portal *pb_portal_ref(pb_portal *p)
{
    if (p) {
        p->refs++;
    }
    return p;
}

void pb_portal_unref(pb_portal *p)
{
    if (p && --p->refs == 0) {
        pb__checker_fini(&p->password);
        pb__checker_fini(&p->anonymous);
        pb__free(p);
    }
}

static void checker_set(struct pb__checker *place, pb_checker_cb check, void *user_data)
{
    pb__checker_fini(place);
    *place = (struct pb__checker){.check = check, .user_data = user_data};
}

void pb_portal_set_checker(pb_portal *p, pb_checker_cb check, void *user_data)
{
    if (p) {
        checker_set(&p->password, check, user_data);
    }
}

void pb_portal_set_anonymous_checker(pb_portal *p, pb_checker_cb check, void *user_data)
{
    if (p) {
        checker_set(&p->anonymous, check, user_data);
    }
}

void pb_portal_allow_anonymous(pb_portal *p)
{
    pb_portal_set_anonymous_checker(p, pb__check_anybody, NULL);
}

int pb_portal_add_user(pb_portal *p, pb_span username, pb_span password)
{
    if (!p || pb__span_is_null(username) || pb__span_is_null(password)) {
        return PB_ERR_ARG;
    }
    if (!p->password.check && !pb__checker_table(&p->password)) {
        return PB_ERR_NOMEM;
    }
    return pb__checker_is_table(&p->password)
               ? pb__checker_table_add(&p->password, username, password)
               : PB_ERR_STATE;
}

void pb__portal_set_checker(pb_portal *p, const struct pb__checker *c)
{
    pb__checker_fini(&p->password);
    p->password = *c;
}

void pb_portal_accept_text_names(pb_portal *p, bool take)
{
    if (p) {
        p->take_text = take;
    }
}

void pb__portal_set_challenge(pb_portal *p,
                              int (*challenge)(uint8_t out[PB_MD5_LEN], void *user_data),
                              void *user_data)
{
    p->challenge = challenge ? challenge : system_challenge;
    p->challenge_data = user_data;
}

/* ---- Attempts ---- */

pb_attempt *pb_attempt_ref(pb_attempt *a)
{
    if (a) {
        a->refs++;
    }
    return a;
}

void pb_attempt_unref(pb_attempt *a)
{
    if (a && --a->refs == 0) {
        pb_request_unref(a->request);
        pb_value_unref(a->username);
        pb_value_unref(a->mind);
        pb_value_unref(a->avatar_id);
        pb_portal_unref(a->portal);
        pb__free(a);
    }
}

pb_session *pb_attempt_session(const pb_attempt *a)
{
    return a ? pb_request_session(a->request) : NULL;
}

bool pb_attempt_is_anonymous(const pb_attempt *a)
{
    return a && !a->username;
}

pb_span pb_attempt_username(const pb_attempt *a)
{
    pb_span name = {0};
    if (a && a->username &&
        (a->portal->take_text || pb_value_kind(a->username) == PB_BYTES)) {
        pb_as_text(a->username, &name);
    }
    return name;
}

bool pb_attempt_check_md5(const pb_attempt *a, const uint8_t md5[PB_MD5_LEN])
{
    uint8_t right[PB_MD5_LEN];
    if (!a || !md5) {
        return false;
    }
    pb__respond_md5((pb_span){a->challenge, PB_MD5_LEN}, md5, right);
    return pb__same_digest(right, a->response) && a->responded;
}

bool pb_attempt_check_password(const pb_attempt *a, pb_span password)
{
    uint8_t md5[PB_MD5_LEN];
    if (pb__span_is_null(password)) {
        return false;
    }
    pb__md5(password, md5);
    return pb_attempt_check_md5(a, md5);
}

pb_span pb_attempt_avatar_id(const pb_attempt *a)
{
    pb_span id = {0};
    if (a && a->avatar_id) {
        pb_as_bytes(a->avatar_id, &id);
    }
    return id;
}

pb_value *pb_attempt_mind(const pb_attempt *a)
{
    return a ? a->mind : NULL;
}

/* Fails the login with the exception for a PB_ERR_ code. */
static int fail_by(pb_attempt *a, int code)
{
    int failed = pb_attempt_fail(a, pb__exception_of(code), "%s", pb_strerror(code));
    return failed ? failed : code;
}

/* Fails the login because an argument is NULL; a may be NULL, too. */
static int fail_null(pb_attempt *a)
{
    return a ? fail_by(a, PB_ERR_ARG) : PB_ERR_ARG;
}

/* A login has failed: tells the application, and ends a session that guesses. */
static void attempt_failed(pb_attempt *a)
{
    pb_session *s = pb_attempt_session(a);
    if (a->portal->on_failed) {
        a->portal->on_failed(a, a->portal->failed_data);
    }
    if (s && !pb_session_is_closed(s) &&
        ++s->failed_logins >= s->shared->config.max_failed_logins) {
        pb_error why = {0};
        pb__error_set(&why, PB_ERR_AUTH, 0, "%d logins have failed, the limit",
                      s->failed_logins);
        pb__session_enter(s);
        pb__session_end(s, &why);
        pb__session_leave(s);
    }
}

/* In Twisted this is a Deferred that fails, mostly before it is returned. */
int pb_attempt_fail(pb_attempt *a, const char *type, const char *format, ...)
{
    if (!a || !type || !format) {
        return fail_null(a);
    }
    if (a->answered) {
        return PB_ERR_STATE;
    }
    struct pb__buf text = {0};
    va_list args;
    va_start(args, format);
    int failed = pb__buf_vprintf(&text, format, args);
    va_end(args);
    pb_failure *f = failed ? NULL : pb_failure_new(type, (const char *)text.data, NULL);
    if (f) {
        a->answered = true;
        failed = pb_request_fail_with(a->request, f);
        attempt_failed(a);
    }
    pb_failure_unref(f);
    pb__buf_fini(&text);
    return failed ? failed : f ? 0 : PB_ERR_NOMEM;
}

int pb_attempt_refuse(pb_attempt *a)
{
    return pb_attempt_fail(a, UNAUTHORIZED, "%s", "");
}

/* Handles the return value of a checker or realm that has not answered. */
static int close_on(pb_attempt *a, const char *callback, int code)
{
    pb_error why = {0};
    code = code ? pb__error_of_callback(&why, callback, code, NULL) : 0;
    if (code && !a->answered) {
        pb_attempt_fail(a, pb__exception_of(code), "%s", why.text);
    }
    return code;
}

int pb_attempt_accept(pb_attempt *a, pb_span avatar_id)
{
    if (!a || pb__span_is_null(avatar_id)) {
        return PB_ERR_ARG;
    }
    if (a->accepted || a->answered) {
        return PB_ERR_STATE;
    }
    a->avatar_id = pb_bytes(avatar_id);
    if (!a->avatar_id) {
        return PB_ERR_NOMEM;
    }
    a->accepted = true;
    pb_attempt_ref(a);
    int failed = close_on(a, "the realm", a->portal->realm(a, a->portal->realm_data));
    pb_attempt_unref(a);
    return failed;
}

int pb_attempt_grant(pb_attempt *a, pb_object *avatar, void (*logout)(void *user_data),
                     void *user_data)
{
    if (!a || a->answered) {
        if (logout) {
            logout(user_data);
        }
        return a ? PB_ERR_STATE : PB_ERR_ARG;
    }
    a->answered = true;
    return pb__avatar_answer(a->request, avatar, logout, user_data);
}

int pb_attempt_answer_steal(pb_attempt *a, pb_value *value)
{
    if (!a || a->answered) {
        pb_value_unref(value);
        return a ? PB_ERR_STATE : PB_ERR_ARG;
    }
    a->answered = true;
    return pb_request_answer_steal(a->request, value);
}

/* *new*; takes username. NULL for lack of memory. */
static pb_attempt *attempt_new(pb_portal *p, pb_request *r, pb_value *username,
                               pb_value *mind)
{
    pb_attempt *a = pb__malloc(sizeof *a);
    if (a) {
        *a = (pb_attempt){.refs = 1,
                          .portal = pb_portal_ref(p),
                          .request = pb_request_ref(r),
                          .username = pb_value_ref(username),
                          .mind = pb_value_ref(mind)};
    }
    return a;
}

/* Asks the checker. */
static int attempt_begin(pb_attempt *a, const struct pb__checker *c,
                         const char *interfaces)
{
    if (!a) {
        return PB_ERR_NOMEM;
    }
    if (c->check) {
        close_on(a, "the checker", c->check(a, c->user_data));
    } else {
        pb_attempt_fail(a, UNHANDLED, "No checker for %s", interfaces);
    }
    pb_attempt_unref(a);
    return 0;
}

/* ---- What the client calls ---- */

static void destroy_challenger(void *self)
{
    struct challenger *c = self;
    pb_value_unref(c->username);
    pb_portal_unref(c->portal);
    pb__free(c);
}

/* Mirrors _PortalAuthChallenger.remote_respond, except that a challenge is good for one
 * response: so a guess costs a login. Twisted's clients send one. */
static int do_respond(void *self, pb_request *r)
{
    static const char *const names[] = {"response", "mind", NULL};
    struct challenger *c = self;
    pb_value *response, *mind;
    pb_span bytes;
    int failed = pb_request_unpack_keywords(r, "OO", names, &response, &mind);
    if (failed) {
        return failed;
    }
    pb_attempt *a = attempt_new(c->portal, r, c->username, mind);
    if (a && c->used) {
        failed = pb_attempt_refuse(a);
        pb_attempt_unref(a);
        return failed;
    }
    c->used = true;
    if (a) {
        memcpy(a->challenge, c->challenge, PB_MD5_LEN);
        if (pb_as_bytes(response, &bytes) == 0 && bytes.len == PB_MD5_LEN) {
            memcpy(a->response, bytes.data, PB_MD5_LEN);
            a->responded = true;
        }
    }
    return attempt_begin(a, &c->portal->password,
                         "twisted.cred.credentials.IUsernameHashedPassword, "
                         "twisted.spread.pb.IUsernameMD5Password, "
                         "twisted.spread.interfaces.IJellyable");
}

static const pb_method challenger_methods[] = {{"respond", do_respond}, {0}};
static const pb_class challenger_class = {.name = "_PortalAuthChallenger",
                                          .remote = challenger_methods,
                                          .destroy = destroy_challenger};

static pb_object *challenger_new(pb_portal *p, pb_value *username,
                                 const uint8_t challenge[PB_MD5_LEN])
{
    /* A copy, as the name itself may keep a slab of the message in memory. */
    pb_span name = {0};
    pb_as_text(username, &name);
    pb_value *own =
        (pb_value *)pb__text_new(NULL, pb_value_kind(username), name.data, name.len);
    struct challenger *c = own ? pb__malloc(sizeof *c) : NULL;
    pb_object *o = c ? pb_object_new(&challenger_class, c) : NULL;
    if (!o) {
        pb_value_unref(own);
        pb__free(c);
        return NULL;
    }
    c->used = false;
    c->portal = pb_portal_ref(p);
    c->username = own;
    memcpy(c->challenge, challenge, PB_MD5_LEN);
    return o;
}

/* A name is kept until the response arrives. So a value that no checker takes is not. */
static bool is_name(const pb_value *v)
{
    pb_span name;
    return pb_as_text(v, &name) == 0 && name.len <= NAME_MOST;
}

/* Mirrors _PortalWrapper.remote_login. */
static int do_login(void *self, pb_request *r)
{
    static const char *const names[] = {"username", NULL};
    pb_portal *p = self;
    pb_value *username;
    uint8_t challenge[PB_MD5_LEN];
    int failed = pb_request_unpack_keywords(r, "O", names, &username);
    if (failed) {
        return failed;
    }
    if (!is_name(username)) {
        return pb_request_fail(r, UNAUTHORIZED, "%s", "");
    }
    if (p->challenge(challenge, p->challenge_data) != 0) {
        return PB_ERR_SYSTEM;
    }
    pb_object *challenger = challenger_new(p, username, challenge);
    if (!challenger) {
        return PB_ERR_NOMEM;
    }
    return pb_request_answer_steal(r, pb_build(NULL, "(y#N)", challenge, sizeof challenge,
                                               pb_object_value_steal(challenger)));
}

/* Mirrors _PortalWrapper.remote_loginAnonymous. */
static int do_login_anonymous(void *self, pb_request *r)
{
    static const char *const names[] = {"mind", NULL};
    pb_portal *p = self;
    pb_value *mind;
    int failed = pb_request_unpack_keywords(r, "O", names, &mind);
    return failed ? failed
                  : attempt_begin(attempt_new(p, r, NULL, mind), &p->anonymous,
                                  "twisted.cred.credentials.IAnonymous");
}

static void destroy_root(void *self)
{
    pb_portal_unref(self);
}

static const pb_method root_methods[] = {
    {"login", do_login}, {"loginAnonymous", do_login_anonymous}, {0}};
static const pb_class root_class = {
    .name = "_PortalWrapper", .remote = root_methods, .destroy = destroy_root};

void pb_portal_set_on_failed(pb_portal *p, pb_failed_login_cb on_failed, void *user_data)
{
    if (p) {
        p->on_failed = on_failed;
        p->failed_data = user_data;
    }
}

pb_object *pb_portal_root(pb_portal *p)
{
    pb_object *o = p ? pb_object_new(&root_class, p) : NULL;
    if (o) {
        pb_portal_ref(p);
    }
    return o;
}
