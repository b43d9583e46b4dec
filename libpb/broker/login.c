/* SPDX-License-Identifier: MIT
 *
 * Logging in: login returns a challenge and a challenger, whose respond returns the
 * avatar. Mirrors PBClientFactory.login. */

#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/base/system.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/login.h"
#include "libpb/broker/session.h"

struct pb_login_call {
    pb_session *session;
    pb_call *call; /* the current one */
    pb_value *mind;
    bool timed;
    pb_answer_cb cb;
    void *user_data;
    uint8_t password_md5[PB_MD5_LEN];
};

static pb_span credential_span(const char *text, size_t len)
{
    return text && len ? (pb_span){(const uint8_t *)text, len} : pb_span_of(text);
}

pb_span pb__credentials_username(const pb_credentials *c)
{
    return credential_span(c->username, c->username_len);
}

pb_span pb__credentials_password(const pb_credentials *c)
{
    return credential_span(c->password, c->password_len);
}

static void free_login(pb_login_call *l)
{
    pb_value_unref(l->mind);
    pb__wipe(l->password_md5, sizeof l->password_md5);
    pb__free(l);
}

/* The callback may still cancel the login, which is done with its call. */
static void login_end(pb_login_call *l, pb_value *avatar, pb_failure *failure)
{
    if (l->cb) {
        l->cb(avatar, failure, l->user_data);
    }
    free_login(l);
}

static void login_fail(pb_login_call *l, const pb_error *err)
{
    pb_failure *f = pb__failure_new(err->code, err->text);
    login_end(l, NULL, f);
    pb_failure_unref(f);
}

/* The last answer. The avatar is a reference; an unusual realm may return anything. */
static void on_avatar(pb_value *avatar, pb_failure *failure, void *user_data)
{
    login_end(user_data, avatar, failure);
}

/* The rest of the timeout, which covers the whole login and began with the first call. */
static int64_t time_left(const pb_login_call *l)
{
    int64_t left = l->call->deadline - pb__session_now(l->session);
    return left > 0 ? left : 1;
}

static int login_respond(pb_login_call *l, pb_value *answer, pb_error *err)
{
    bool pair =
        answer && (pb_value_kind(answer) == PB_TUPLE || pb_value_kind(answer) == PB_LIST);
    pb_remote *challenger = pair ? pb_as_remote(pb_item(answer, 1)) : NULL;
    pb_span challenge;
    if (!challenger || pb_len(answer) != 2 ||
        pb_as_bytes(pb_item(answer, 0), &challenge) != 0) {
        return pb__error_set(err, PB_ERR_PROTOCOL, 0,
                             "login was not answered with a challenge and a challenger");
    }
    uint8_t response[PB_MD5_LEN];
    pb__respond_md5(challenge, l->password_md5, response);
    pb_value *args = pb_build(err, "(y#O)", response, sizeof response, l->mind);
    if (!args) {
        return err->code;
    }
    pb_call_options options = {.timeout = l->timed ? time_left(l) : 0};
    int failed = pb_remote_call_values(challenger, "respond", args, NULL, &options,
                                       on_avatar, l, &l->call, err);
    pb_value_unref(args);
    return failed;
}

static void on_challenge(pb_value *answer, pb_failure *failure, void *user_data)
{
    pb_login_call *l = user_data;
    pb_error err = {0};
    if (failure) {
        login_end(l, NULL, failure);
    } else if (login_respond(l, answer, &err) != 0) {
        login_fail(l, &err);
    }
}

static int login_begin(pb_login_call *l, const pb_credentials *c,
                       const pb_call_options *options, pb_error *err)
{
    pb_remote *root = pb_session_root(l->session);
    pb_span name = pb__credentials_username(c);
    pb_value *args = NULL;
    if (c->anonymous) {
        args = pb_build(err, "(O)", l->mind);
    } else {
        args = pb_build(err, c->username_as_text ? "(s#)" : "(y#)", name.data, name.len);
    }
    int failed = !root ? pb__error_nomem(err) : !args ? err->code : 0;
    if (!failed) {
        failed = pb_remote_call_values(
            root, c->anonymous ? "loginAnonymous" : "login", args, NULL, options,
            c->anonymous ? on_avatar : on_challenge, l, &l->call, err);
    }
    pb_value_unref(args);
    pb_remote_unref(root);
    return failed;
}

int pb_login(pb_session *s, const pb_credentials *c, pb_value *mind,
             const pb_call_options *options, pb_answer_cb cb, void *user_data,
             pb_login_call **login, pb_error *err)
{
    pb_error own = {0};
    if (login) {
        *login = NULL;
    }
    if (!s || !c) {
        return pb__error_null(err, s ? "the user to log in" : "the session to log in at");
    }
    pb_login_call *l = pb__malloc(sizeof *l);
    if (!l) {
        return pb__error_nomem(err);
    }
    *l = (pb_login_call){.session = s,
                         .mind = pb_value_ref(mind ? mind : pb_none()),
                         .timed = options && options->timeout > 0,
                         .cb = cb,
                         .user_data = user_data};
    if (c->password_md5) {
        memcpy(l->password_md5, c->password_md5, PB_MD5_LEN);
    } else {
        pb__md5(pb__credentials_password(c), l->password_md5);
    }
    pb_call_options timed = {.timeout = options ? options->timeout : 0};
    int failed = login_begin(l, c, &timed, &own);
    if (failed) {
        pb__error_copy(err, &own);
        free_login(l);
    } else if (login) {
        *login = l;
    }
    return failed;
}

void pb_login_cancel(pb_login_call *login)
{
    if (login) {
        pb_call_cancel(login->call);
    }
}
