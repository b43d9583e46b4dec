/* SPDX-License-Identifier: MIT
 *
 * Shared by the files of the login: credentials, digests, and the checkers of a
 * portal. */
#ifndef PB__LOGIN_H
#define PB__LOGIN_H

#include "libpb/base/export.h"
#include "libpb/base/mem.h"
#include "pb/login.h"

/* ---- login.c ---- */

PB__SHARED pb_span pb__credentials_username(const pb_credentials *c);
PB__SHARED pb_span pb__credentials_password(const pb_credentials *c);

/* ---- portal.c ---- */

/* Sets a function that makes challenges in place of the system's random source. It fills
 * 16 bytes and returns 0; non-zero fails the login. For tests. */
PB__SHARED void pb__portal_set_challenge(pb_portal *p,
                                         int (*challenge)(uint8_t out[PB_MD5_LEN],
                                                          void *user_data),
                                         void *user_data);

/* ---- digest.c ---- */

void pb__md5(pb_span in, uint8_t out[PB_MD5_LEN]);
/* As pb_respond, for the password whose digest is md5. */
void pb__respond_md5(pb_span challenge, const uint8_t md5[PB_MD5_LEN],
                     uint8_t out[PB_MD5_LEN]);
/* Takes the same time wherever the digests differ. Otherwise an attacker could measure
 * the time, and find the right response to a challenge byte by byte. */
bool pb__same_digest(const uint8_t a[PB_MD5_LEN], const uint8_t b[PB_MD5_LEN]);

/* ---- checker.c ---- */

/* The checker for one kind of credentials. */
struct pb__checker {
    pb_checker_cb check; /* NULL: there is none */
    void (*destroy)(void *user_data);
    void *user_data;
};

/* Make a checker with a table, and add a row to it. The first returns false, and the last
 * PB_ERR_NOMEM, for lack of memory. */
bool pb__checker_table(struct pb__checker *c);
bool pb__checker_is_table(const struct pb__checker *c);
int pb__checker_table_add(struct pb__checker *c, pb_span username, pb_span password);
void pb__checker_fini(struct pb__checker *c);
/* Sets the checker for user names and passwords; takes *c. */
PB__SHARED void pb__portal_set_checker(pb_portal *p, const struct pb__checker *c);
/* Accepts everybody. */
int pb__check_anybody(pb_attempt *a, void *user_data);

/* ---- logout.c ---- */

/* Sends the avatar as the answer to r, and arranges its logout. As pb_attempt_grant. */
int pb__avatar_answer(pb_request *r, pb_object *avatar, void (*logout)(void *user_data),
                      void *user_data);

#endif
