/* SPDX-License-Identifier: MIT
 *
 * Login: a user becomes an avatar, by a name and a password that never goes over the wire,
 * or anonymously. The client's side is one call; the server's is a portal, which asks a
 * checker who it is and a realm for the avatar. Mirrors PBClientFactory.login and
 * PBServerFactory with a twisted.cred.portal.Portal. */
#ifndef PB_LOGIN_H
#define PB_LOGIN_H

#include "pb/broker.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- The client ---- */

/* The user that logs in. A name and a password are bytes, as in twisted.cred; NULL is the
 * empty one. Mirrors credentials.UsernamePassword and credentials.Anonymous. */
typedef struct {
    const char *username, *password;
    size_t username_len, password_len; /* in bytes; 0: up to the NUL */
    bool username_as_text; /* the name is sent as a str, for services that expect one */
    bool anonymous;        /* log in without a name; the fields above are ignored */
    void *reserved[4];
} pb_credentials;

/* A login that is under way, to be cancelled. */
typedef struct pb_login_call pb_login_call;

/* Logs in at the peer's root: cb gets the avatar, a PB_REMOTE value, or the failure
 * (twisted.cred.error.UnauthorizedLogin for a name or password that is not known). mind is
 * any value, most often a pb_object_value object through which the server may call; NULL: None.
 * options->timeout is for the whole, no_answer is not looked at. c and mind are not needed
 * any more when it returns. *login (may be NULL) is borrowed, and valid until cb has run.
 * Returns, and runs cb, as pb_remote_call_values does. Mirrors PBClientFactory.login. */
PB_API int pb_login(pb_session *s, const pb_credentials *c, pb_value *mind,
                    const pb_call_options *options, pb_answer_cb cb, void *user_data,
                    pb_login_call **login, pb_error *err);
/* Gives the login up: cb runs with PB_ERR_CANCELLED before this returns. */
PB_API void pb_login_cancel(pb_login_call *login);

/* Bytes of a challenge, and of the response to it. */
enum { PB_MD5_LEN = 16 };

/* MD5(MD5(password) + challenge); zeros if one of the two has a length but no data. Mirrors
 * pb.respond. */
PB_API void pb_respond(pb_span challenge, pb_span password, uint8_t out[PB_MD5_LEN]);

/* ---- The server ---- */

/* Where users log in: a realm and its checkers. Counted. Mirrors cred.portal.Portal. */
typedef struct pb_portal pb_portal;
/* One login under way, counted. Every callback below answers it, now or, having kept it
 * with pb_attempt_ref, later; the last pb_attempt_unref of one that was never answered
 * fails the login. A non-zero return fails it with the text of that PB_ERR_ code. */
typedef struct pb_attempt pb_attempt;

/* Gives users their avatars: pb_attempt_grant. Mirrors IRealm.requestAvatar. */
typedef int (*pb_realm_cb)(pb_attempt *a, void *user_data);
/* Judges credentials: pb_attempt_accept or pb_attempt_refuse. Mirrors
 * ICredentialsChecker.requestAvatarId. */
typedef int (*pb_checker_cb)(pb_attempt *a, void *user_data);

/* A portal with one count, *new*; without a checker it lets nobody in. NULL for lack of
 * memory or of a realm. Mirrors cred.portal.Portal. */
PB_API pb_portal *pb_portal_new(pb_realm_cb realm, void *user_data);
/* Adds an owner; returns p. */
PB_API pb_portal *pb_portal_ref(pb_portal *p);
/* Removes an owner. NULL is allowed. */
PB_API void pb_portal_unref(pb_portal *p);
/* The object to offer as root, for any number of connections: *new*. NULL for lack of
 * memory. Mirrors IPBRoot(portal). */
PB_API pb_object *pb_portal_root(pb_portal *p);

/* Lets a user in by name and password, kept in memory; a second password for a name
 * replaces the first. PB_ERR_NOMEM, PB_ERR_STATE where another checker was set. Mirrors
 * InMemoryUsernamePasswordDatabaseDontUse.addUser. */
PB_API int pb_portal_add_user(pb_portal *p, pb_span username, pb_span password);
/* Lets everybody in who asks for no name. Mirrors AllowAnonymousAccess. */
PB_API void pb_portal_allow_anonymous(pb_portal *p);

/* Checks names and passwords by a callback, which replaces the checker that was set before;
 * NULL removes it. */
PB_API void pb_portal_set_checker(pb_portal *p, pb_checker_cb check, void *user_data);
/* The same for those who ask for no name. */
PB_API void pb_portal_set_anonymous_checker(pb_portal *p, pb_checker_cb check,
                                            void *user_data);
/* Takes names that come as text as their UTF-8 bytes; else only bytes are names. */
PB_API void pb_portal_accept_text_names(pb_portal *p, bool take);

/* Keeps the attempt, so that it is answered later; returns a. */
PB_API pb_attempt *pb_attempt_ref(pb_attempt *a);
/* Removes an owner; the last one of an attempt without an answer fails the login. NULL is
 * allowed. */
PB_API void pb_attempt_unref(pb_attempt *a);
/* The session that it came over, borrowed; NULL once that is gone. */
PB_API pb_session *pb_attempt_session(const pb_attempt *a);
/* Whether it asks for no name. */
PB_API bool pb_attempt_is_anonymous(const pb_attempt *a);
/* The name as it came, borrowed; data is NULL where it is anonymous or no name. */
PB_API pb_span pb_attempt_username(const pb_attempt *a);
/* Whether this is the user's password, in a time that does not tell how far it is right.
 * Mirrors checkPassword. */
PB_API bool pb_attempt_check_password(const pb_attempt *a, pb_span password);
/* The same by the MD5 of the password. Mirrors checkMD5Password. */
PB_API bool pb_attempt_check_md5(const pb_attempt *a, const uint8_t md5[PB_MD5_LEN]);
/* What a checker says: who it is, for the realm, which is asked at once. 0, PB_ERR_STATE
 * for the second answer, PB_ERR_ARG, PB_ERR_NOMEM. */
PB_API int pb_attempt_accept(pb_attempt *a, pb_span avatar_id);
/* Or that it is nobody: UnauthorizedLogin. Returns as pb_attempt_accept. */
PB_API int pb_attempt_refuse(pb_attempt *a);
/* Fails the login otherwise: as pb_request_fail. For the realm too:
 * "twisted.cred.error.LoginDenied twisted.cred.error.LoginFailed". */
PB_API int pb_attempt_fail(pb_attempt *a, const char *type, const char *format, ...)
    PB_PRINTF(3, 4);
/* For the realm: who it is, as the checker said (empty where it is anonymous), borrowed. */
PB_API pb_span pb_attempt_avatar_id(const pb_attempt *a);
/* What the client gave as its mind, borrowed. */
PB_API pb_value *pb_attempt_mind(const pb_attempt *a);
/* Answers with the avatar, whose `perspective` methods the client then calls, or, where
 * its class has none but has `remote` ones, those. logout (may be NULL) is called exactly
 * once: when the client has given the avatar back, when the connection ends, or at once
 * where the answer cannot be sent, which the result then says. A NULL avatar fails the
 * login. Returns as pb_request_answer_steal. */
PB_API int pb_attempt_grant(pb_attempt *a, pb_object *avatar,
                            void (*logout)(void *user_data), void *user_data);

#ifdef __cplusplus
}
#endif
#endif
