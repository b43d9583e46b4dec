/* SPDX-License-Identifier: MIT
 *
 * Login: a user gets an avatar, either by name and password, or anonymously. The password
 * is never sent over the network. The client makes one call. The server has a portal,
 * which asks a checker to identify the user, and a realm for the avatar. Mirrors
 * PBClientFactory.login and PBServerFactory with a twisted.cred.portal.Portal. */
#ifndef PB_LOGIN_H
#define PB_LOGIN_H

#include "pb/broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The client ---- */

/* The user that logs in. Name and password are bytes, as in twisted.cred; NULL means
 * empty. Mirrors credentials.UsernamePassword and credentials.Anonymous. */
typedef struct {
    const char *username, *password;
    size_t username_len, password_len; /* in bytes; 0: up to the NUL */
    bool username_as_text; /* send the name as a str, for services that expect one */
    bool anonymous;        /* log in without a name; the fields above are ignored */
    /* the PB_MD5_LEN bytes of the password's MD5, for a program that stores only that;
     * NULL: password is used */
    const uint8_t *password_md5;
    void *reserved[3];
} pb_credentials;

/* A login in progress, which can be cancelled. */
typedef struct pb_login_call pb_login_call;

/* Logs in at the root of the peer. cb gets the avatar as a PB_REMOTE value, or the
 * failure (twisted.cred.error.UnauthorizedLogin for an unknown name or a wrong password).
 * mind is any value, usually the pb_object_value of an object through which the server
 * may call the client; NULL: None. options->timeout limits the complete login; no_answer
 * is ignored. c and mind are not used after this returns. *login (may be NULL) is
 * borrowed, and valid until cb has run. Returns, and runs cb, as pb_remote_call_values
 * does. If the service answers with another value than an avatar, cb gets that value.
 * Mirrors PBClientFactory.login. */
PB_API int pb_login(pb_session *s, const pb_credentials *c, pb_value *mind,
                    const pb_call_options *options, pb_answer_cb cb, void *user_data,
                    pb_login_call **login, pb_error *err);
/* Cancels the login: cb runs with PB_ERR_CANCELLED before this returns. In the login's
 * own cb it has no effect. */
PB_API void pb_login_cancel(pb_login_call *login);

/* The length in bytes of a challenge, of the response to it, and of an MD5. */
enum { PB_MD5_LEN = 16 };

/* MD5(MD5(password) + challenge). Zeros if a span has a length but no data. Mirrors
 * pb.respond. */
PB_API void pb_respond(pb_span challenge, pb_span password, uint8_t out[PB_MD5_LEN]);
/* The same from the MD5 of the password. Zeros if md5 is NULL. */
PB_API void pb_respond_md5(pb_span challenge, const uint8_t md5[PB_MD5_LEN],
                           uint8_t out[PB_MD5_LEN]);

/* ---- The server ---- */

/* The object by which users log in: a realm and its checkers. Counted. Mirrors
 * cred.portal.Portal. */
typedef struct pb_portal pb_portal;
/* A login in progress on the server. Counted. Each callback below answers it, either at
 * once or later; to answer later, hold it with pb_attempt_ref. If the last owner is
 * removed before it was answered, the login fails. A callback that returns non-zero fails
 * it with the text of that PB_ERR_ code. */
typedef struct pb_attempt pb_attempt;

/* Provides the avatar of a user: pb_attempt_grant. Mirrors IRealm.requestAvatar. */
typedef int (*pb_realm_cb)(pb_attempt *a, void *user_data);
/* Checks credentials: pb_attempt_accept or pb_attempt_refuse. Mirrors
 * ICredentialsChecker.requestAvatarId. */
typedef int (*pb_checker_cb)(pb_attempt *a, void *user_data);

/* A portal with one count, *new*. Without a checker it refuses every login. NULL if
 * memory is exhausted, or if realm is NULL. Mirrors cred.portal.Portal. */
PB_API pb_portal *pb_portal_new(pb_realm_cb realm, void *user_data) PB_MUST_USE;
/* Adds an owner, and returns p. */
PB_API pb_portal *pb_portal_ref(pb_portal *p);
/* Removes an owner. NULL is allowed. */
PB_API void pb_portal_unref(pb_portal *p);
/* The object to use as root, for any number of connections: *new*. NULL if memory is
 * exhausted. Mirrors IPBRoot(portal). */
PB_API pb_object *pb_portal_root(pb_portal *p) PB_MUST_USE;

/* Allows a user by name and password, which are stored in memory. A second password for
 * the same name replaces the first. PB_ERR_NOMEM, PB_ERR_STATE if another checker is set.
 * Mirrors InMemoryUsernamePasswordDatabaseDontUse.addUser. */
PB_API int pb_portal_add_user(pb_portal *p, pb_span username, pb_span password);
/* Allows anonymous logins. Mirrors AllowAnonymousAccess. */
PB_API void pb_portal_allow_anonymous(pb_portal *p);

/* Sets the callback that checks names and passwords. It replaces the previous checker;
 * NULL removes it. */
PB_API void pb_portal_set_checker(pb_portal *p, pb_checker_cb check, void *user_data);
/* Sets the callback that checks anonymous logins. */
PB_API void pb_portal_set_anonymous_checker(pb_portal *p, pb_checker_cb check,
                                            void *user_data);
/* The callback of pb_portal_set_on_failed. */
typedef void (*pb_failed_login_cb)(pb_attempt *a, void *user_data);

/* Sets a callback for each login that has failed, to count them by user or by address
 * (pb_session_peer of pb_attempt_session). a is borrowed. NULL removes it. A session ends
 * by itself after pb_session_config.max_failed_logins. */
PB_API void pb_portal_set_on_failed(pb_portal *p, pb_failed_login_cb on_failed,
                                    void *user_data);
/* If take is true, a user name sent as text is accepted, and converted to its UTF-8
 * bytes. Otherwise a name must be bytes. */
PB_API void pb_portal_accept_text_names(pb_portal *p, bool take);

/* Adds an owner, so that the attempt can be answered later; returns a. */
PB_API pb_attempt *pb_attempt_ref(pb_attempt *a);
/* Removes an owner. If the last one is removed before the attempt was answered, the login
 * fails. NULL is allowed. */
PB_API void pb_attempt_unref(pb_attempt *a);
/* The session of the attempt, borrowed; NULL once the session is freed. */
PB_API pb_session *pb_attempt_session(const pb_attempt *a);
/* Returns whether the login is anonymous. */
PB_API bool pb_attempt_is_anonymous(const pb_attempt *a);
/* The user name as received, borrowed. data is NULL if the login is anonymous, or if the
 * received value is not a name. */
PB_API pb_span pb_attempt_username(const pb_attempt *a);
/* Returns whether this is the user's password. The time that it takes does not depend on
 * the number of correct bytes. Mirrors checkPassword. */
PB_API bool pb_attempt_check_password(const pb_attempt *a, pb_span password);
/* The same for the MD5 of the password. Mirrors checkMD5Password. */
PB_API bool pb_attempt_check_md5(const pb_attempt *a, const uint8_t md5[PB_MD5_LEN]);
/* For a checker: identifies the user; the realm is called at once with this id. 0,
 * PB_ERR_STATE if the attempt has been answered before, PB_ERR_ARG, PB_ERR_NOMEM. */
PB_API int pb_attempt_accept(pb_attempt *a, pb_span avatar_id);
/* For a checker: refuses the login with UnauthorizedLogin. Returns as
 * pb_attempt_accept. */
PB_API int pb_attempt_refuse(pb_attempt *a);
/* Fails the login with another failure, as pb_request_fail does. A realm may use it too:
 * "twisted.cred.error.LoginDenied twisted.cred.error.LoginFailed". */
PB_API int pb_attempt_fail(pb_attempt *a, const char *type, const char *format, ...)
    PB_PRINTF(3, 4);
/* For the realm: the id that the checker passed to pb_attempt_accept (empty if
 * anonymous), borrowed. */
PB_API pb_span pb_attempt_avatar_id(const pb_attempt *a);
/* The mind that the client sent, borrowed. */
PB_API pb_value *pb_attempt_mind(const pb_attempt *a);
/* Answers with the avatar. The client then calls its `perspective` methods or, if its
 * class has none, its `remote` methods. logout (may be NULL) is called exactly once: when
 * the client has released the avatar, when the connection ends, or at once if the answer
 * cannot be sent, which the result then reports. A NULL avatar fails the login. Returns
 * as pb_request_answer_steal. */
PB_API int pb_attempt_grant(pb_attempt *a, pb_object *avatar,
                            void (*logout)(void *user_data), void *user_data);
/* Answers with any value in place of an avatar, as some services do to explain a
 * refusal: (False, 'text'). Takes over value. Returns as pb_request_answer_steal. */
PB_API int pb_attempt_answer_steal(pb_attempt *a, pb_value *value);

#ifdef __cplusplus
}
#endif
#endif
