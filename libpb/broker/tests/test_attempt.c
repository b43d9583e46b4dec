/* SPDX-License-Identifier: MIT
 *
 * Checkers and what they answer an attempt with: by the MD5 of the password; and each
 * answer, to a user and to an anonymous one, with each allocation failing. */
#include "libpb/broker/login.h"
#include "libpb/broker/tests/users.h"

/* ---- By the MD5 of the password ---- */

/* A checker that has stored no more than the MD5 of a password. */
static int check_digest(pb_attempt *a, void *user_data)
{
    struct service *v = user_data;
    uint8_t right[PB_MD5_LEN], wrong[PB_MD5_LEN];
    pb__md5(SPAN("sesame"), right);
    memcpy(wrong, right, sizeof wrong);
    wrong[PB_MD5_LEN - 1] ^= 1;
    cr_assert_not(pb_attempt_check_md5(a, wrong));
    note(v->p, "right %d", pb_attempt_check_md5(a, right));
    return pb_attempt_check_md5(a, right) ? pb_attempt_accept(a, pb_attempt_username(a))
                                          : pb_attempt_refuse(a);
}

/* The root and a second owner keep the portal. */
static void by_digest(struct pair *p)
{
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, false, false));
    pb_portal *again = pb_portal_ref(v.portal);
    cr_assert_eq(again, v.portal);
    pb_portal_unref(v.portal);
    pb_portal_set_checker(again, check_digest, &v);
    pb_portal_set_anonymous_checker(again, check_digest, &v); /* nobody has a digest */
    log_in(&c, "alice", "sesame");
    talk(p);
    log_in(&c, "alice", "Sesame");
    talk(p);
    log_in(&c, NULL, NULL);
    talk(p);
    give_back(&c);
    close_service(p, &v);
}

#define REFUSED "right 0\nfailure 0 twisted.cred.error.UnauthorizedLogin: \n"

PB_TEST(attempt, is_checked_by_a_digest)
{
    converse(by_digest, "client ready\nserver ready\n"
                        "right 1\nmind None\nanswer <RemoteReference 2>\n" REFUSED REFUSED
                        "logout\nalice is gone\nclient closed\nserver closed\n");
}

/* ---- Without memory ---- */

enum answer { ACCEPT, EXPLAIN, FAIL, REFUSE, ANSWERS };

/* One login, by name or without, that a checker answers. */
struct login_case {
    enum answer answer;
    bool anonymous;
    int began, ended;
    bool as_meant; /* the client has got what the checker answered */
};

static int check_case(pb_attempt *a, void *user_data)
{
    const struct login_case *l = user_data;
    int e = 0;
    switch (l->answer) {
    case ACCEPT:
        e = pb_attempt_accept(a, SPAN("carol"));
        break;
    case EXPLAIN:
        e = pb_attempt_answer_steal(a, pb_build(NULL, "(ps)", 0, "closed on Sundays"));
        break;
    case FAIL:
        e = pb_attempt_fail(a, "shop.Closed shop.Error", "until %d", 8);
        break;
    default:
        e = pb_attempt_refuse(a);
    }
    cr_assert(e == 0 || pb__test_failed(), "answer %d: %d", (int)l->answer, e);
    return e;
}

static void end_case(pb_value *avatar, pb_failure *failure, void *user_data)
{
    struct login_case *l = user_data;
    const char *type = pb_failure_type(failure);
    cr_assert_neq(avatar == NULL, failure == NULL);
    l->ended++;
    switch (l->answer) {
    case ACCEPT:
        l->as_meant = avatar && pb_as_remote(avatar);
        break;
    case EXPLAIN:
        l->as_meant = avatar && pb_value_kind(avatar) == PB_TUPLE && pb_len(avatar) == 2;
        break;
    case FAIL:
        l->as_meant = strcmp(type, "shop.Closed") == 0 &&
                      strcmp(pb_failure_text(failure), "until 8") == 0;
        break;
    default:
        l->as_meant = strcmp(type, "twisted.cred.error.UnauthorizedLogin") == 0;
    }
}

static int answer_case(void *user_data)
{
    struct login_case *l = user_data;
    struct pair *p = calloc(1, sizeof *p);
    struct service v;
    l->began = l->ended = 0;
    l->as_meant = false;
    if (open_service(p, &v, false, false)) {
        pb_portal_set_checker(v.portal, check_case, l);
        if (l->anonymous) { /* which allows them first, and then asks */
            pb_portal_allow_anonymous(v.portal);
            pb_portal_set_anonymous_checker(v.portal, check_case, l);
        }
        const pb_credentials who = {
            .username = "carol", .password = "key", .anonymous = l->anonymous};
        l->began = pb_login(p->client, &who, NULL, NULL, end_case, l, NULL, NULL) == 0;
        talk(p);
    }
    int e = pb__test_failed() ? PB_ERR_NOMEM : 0;
    cr_assert(e || l->as_meant, "answer %d is not what arrived", (int)l->answer);
    pb_session_free(p->client);
    pb_session_free(p->server);
    pb_portal_unref(v.portal);
    cr_assert_eq(v.logouts, v.grants);
    cr_assert_eq(l->ended, l->began);
    free(p);
    return e;
}

PB_TEST(attempt, each_answer_without_memory)
{
    for (int answer = 0; answer < ANSWERS; answer++) {
        for (int anonymous = 0; anonymous < 2; anonymous++) {
            struct login_case l = {.answer = (enum answer)answer, .anonymous = anonymous};
            pb__test_each_failure(answer_case, &l);
        }
    }
}
