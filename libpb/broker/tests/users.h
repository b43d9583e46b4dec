/* SPDX-License-Identifier: MIT
 *
 * A service with users for the tests of logins, and a client of it. */
#ifndef PB__TEST_USERS_H
#define PB__TEST_USERS_H

#include "libpb/broker/login.h"
#include "libpb/broker/tests/pair.h"
#include "pb/login.h"

#define SPAN(text) ((pb_span){(const uint8_t *)(text), strlen(text)})

/* ---- A service with users ---- */

struct user {
    struct service *service;
    char name[32];
};

struct service {
    struct pair *p;
    pb_portal *portal;
    pb_attempt *kept;     /* stored by a realm or checker that answers later */
    pb_object *everybody; /* what the realm returns instead of a user */
    bool keep_in_realm, keep_in_checker, deny, fail;
    uint8_t last_challenge;
    int grants, logouts;
};

static inline int say_name(void *self, pb_request *r)
{
    struct user *u = self;
    cr_assert_eq(pb_object_self(pb_request_perspective(r)), u);
    return pb_request_answer_steal(r, pb_str(u->name));
}

static inline void user_gone(void *self)
{
    struct user *u = self;
    note(u->service->p, "%s is gone", u->name);
    free(u);
}

static const pb_method user_methods[] = {{"name", say_name}, {0}};
static const pb_class user_class = {
    .name = "User", .perspective = user_methods, .destroy = user_gone};

static inline int say_hi(void *self, pb_request *r)
{
    (void)self;
    return pb_request_answer_steal(r, pb_str("hi"));
}

static const pb_method plain_methods[] = {{"hi", say_hi}, {0}};
static const pb_class plain_class = {.name = "Plain", .remote = plain_methods};

static inline void logged_out(void *user_data)
{
    struct service *v = user_data;
    v->logouts++;
    note(v->p, "logout");
}

static inline void count_up(void *user_data)
{
    ++*(int *)user_data;
}

static inline int grant(struct service *v, pb_attempt *a)
{
    int again = 0;
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
    cr_assert_eq(pb_attempt_grant(a, o, count_up, &again), PB_ERR_STATE);
    cr_assert_eq(again, 1, "logout runs at once");
    cr_assert_eq(pb_attempt_refuse(a), PB_ERR_STATE);
    pb_object_unref(o);
    return failed;
}

static inline int realm(pb_attempt *a, void *user_data)
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
static inline int challenge(uint8_t out[PB_MD5_LEN], void *user_data)
{
    struct service *v = user_data;
    memset(out, ++v->last_challenge, PB_MD5_LEN);
    return v->last_challenge == 200 ? -1 : 0;
}

static inline int check_later(pb_attempt *a, void *user_data)
{
    struct service *v = user_data;
    v->kept = pb_attempt_ref(a);
    return 0;
}

/* The server's configuration may be preset, except for its root. False for lack of
 * memory. */
static inline bool open_service_with(struct pair *p, struct service *v, bool users,
                                     bool anonymous, pb_session_config config)
{
    *v = (struct service){.p = p, .portal = pb_portal_new(realm, v)};
    pb_object *root = v->portal ? pb_portal_root(v->portal) : NULL;
    bool good = root && (!users || pb_portal_add_user(v->portal, SPAN("alice"),
                                                      SPAN("sesame")) == 0);
    if (good) {
        pb__portal_set_challenge(v->portal, challenge, v);
        if (anonymous) {
            pb_portal_allow_anonymous(v->portal);
        }
        config.root = root;
        good = pair_open(p, (pb_session_config){0}, config);
    }
    pb_object_unref(root);
    return good;
}

static inline bool open_service(struct pair *p, struct service *v, bool users,
                                bool anonymous)
{
    return open_service_with(p, v, users, anonymous, (pb_session_config){0});
}

static inline void close_service(struct pair *p, struct service *v)
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

static inline void logged_in(pb_value *avatar, pb_failure *failure, void *user_data)
{
    struct client *c = user_data;
    noted(avatar, failure, c->p);
    if (avatar) {
        pb_remote_unref(c->avatar);
        c->avatar = pb_remote_ref(pb_as_remote(avatar));
    }
}

static inline int log_in(struct client *c, const char *name, const char *password)
{
    pb_credentials who = name ? (pb_credentials){.username = name, .password = password}
                              : (pb_credentials){.anonymous = true};
    return pb_login(c->p->client, &who, NULL, NULL, logged_in, c, NULL, NULL);
}

static inline void give_back(struct client *c)
{
    pb_remote_unref(c->avatar);
    c->avatar = NULL;
    talk(c->p);
}

#endif
