/* SPDX-License-Identifier: MIT
 *
 * Logins in a scenario. The client logs in with the name and password in the
 * expectations; without these, its response is not compared. The server has a portal
 * that sends the challenges of the capture, and decides as the portal in the capture
 * did. */
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/login.h"
#include "tools/common/value_text.h"
#include "tools/replay/engine/player.h"

static struct player_login *login_at(const struct player *p, size_t i)
{
    return (struct player_login *)(void *)p->logins.data + i;
}

static size_t login_count(const struct player *p)
{
    return p->logins.len / sizeof(struct player_login);
}

/* Reads the luid of the challenger, and the challenge, from the answer to a login. */
static bool answer_challenge(const struct scenario_message *answer, int64_t *luid,
                             pb_span *challenge)
{
    pb_value *both = answer ? scenario_member(answer, ANSWER_VALUE) : NULL, *id;
    bool pair = both && scenario_is(answer, "answer") &&
                pb_value_kind(both) == PB_TUPLE && pb_len(both) == 2;
    return pair && pb_as_bytes(pb_item(both, 0), challenge) == 0 &&
           broker_expression_is(pb_item(both, 1), "remote", &id) &&
           pb_as_int(id, luid) == 0;
}

static const struct scenario_message *
find_response(const struct player *p, const struct scenario_message *from, int64_t luid)
{
    const struct scenario_message *end =
        scenario_message_at(p->s, scenario_message_count(p->s));
    int64_t id;
    for (const struct scenario_message *m = from; m < end; m++) {
        if (m->from == SIDE_CLIENT && scenario_is(m, "message") &&
            value_is_text(scenario_member(m, CALL_METHOD), "respond") &&
            pb_as_int(scenario_member(m, CALL_OBJECT), &id) == 0 && id == luid) {
            return m;
        }
    }
    return NULL;
}

static int logins_add(struct player *p, const struct scenario_message *m, bool anonymous)
{
    struct player_login l = {.first = m,
                             .end = scenario_reply_to(p->s, m),
                             .does = expected_step(p->s, "login(", login_count(p)),
                             .anonymous = anonymous};
    int64_t luid;
    pb_span challenge;
    if (!anonymous && answer_challenge(l.end, &luid, &challenge)) {
        l.challenge = l.end;
        l.respond = find_response(p, l.end, luid);
        l.end = l.respond ? scenario_reply_to(p->s, l.respond) : NULL;
    }
    return pb__buf_append(&p->logins, &l, sizeof l);
}

int logins_find(struct player *p)
{
    int e = 0;
    for (size_t i = 0; e == 0 && i < scenario_message_count(p->s); i++) {
        const struct scenario_message *m = scenario_message_at(p->s, i);
        bool anonymous = value_is_text(scenario_member(m, CALL_METHOD), "loginAnonymous");
        bool named = value_is_text(scenario_member(m, CALL_METHOD), "login");
        if (m->from == SIDE_CLIENT && scenario_is(m, "message") && !m->served &&
            !expected_call_of(p->s, m) &&
            value_is_text(scenario_member(m, CALL_OBJECT), "root") &&
            (anonymous || named)) {
            e = logins_add(p, m, anonymous);
        }
    }
    return e;
}

struct player_login *login_of_message(const struct player *p,
                                      const struct scenario_message *m)
{
    for (size_t i = 0; i < login_count(p); i++) {
        struct player_login *l = login_at(p, i);
        if (m == l->first || m == l->challenge || m == l->respond || m == l->end) {
            return l;
        }
    }
    return NULL;
}

bool is_avatar_luid(const struct player *p, int64_t luid)
{
    for (size_t i = 0; i < login_count(p); i++) {
        const struct scenario_message *end = login_at(p, i)->end;
        pb_value *id;
        int64_t avatar;
        if (end &&
            broker_expression_is(scenario_member(end, ANSWER_VALUE), "remote", &id) &&
            pb_as_int(id, &avatar) == 0 && avatar == luid) {
            return true;
        }
    }
    return false;
}

/* ---- The client ---- */

/* The arguments in the expectations' "login('alice', 'secret')", a *new* tuple; NULL if
 * there are none. */
static pb_value *login_words(const struct player_login *l)
{
    const char *does = json_string_value(json_object_get(l->does, "does"));
    const char *words = does ? strchr(does, '(') : NULL;
    pb_value *v = words ? pb_value_parse(words, NULL) : NULL;
    pb_span text;
    bool pair = v && pb_value_kind(v) == PB_TUPLE && pb_len(v) == 2 &&
                pb_as_text(pb_item(v, 1), &text) == 0;
    if (!pair) {
        pb_value_unref(v);
    }
    return pair ? v : NULL;
}

/* The client's mind, *new*. */
static pb_value *login_mind(struct player *p, const struct player_login *l, pb_error *err)
{
    const struct scenario_message *m = l->anonymous ? l->first : l->respond;
    pb_value *members = m ? application_values(p, m, err) : NULL;
    pb_value *args = members ? pb_item(members, CALL_ARGS) : NULL;
    pb_value *mind = args ? pb_item(args, l->anonymous ? 0 : 1) : NULL;
    mind = mind ? pb_value_ref(mind) : pb_none();
    pb_value_unref(members);
    return mind;
}

int login_start(struct player *p, struct player_login *l, pb_error *err)
{
    struct started_call *started = started_call_new(p, l->does);
    pb_value *mind = login_mind(p, l, err);
    pb_value *words = login_words(l);
    pb_value *name = scenario_argument(l->first, 0);
    pb_credentials c = {.anonymous = l->anonymous};
    pb_span text = {0};
    int e = started ? err->code : PB_ERR_NOMEM;
    if (e == 0 && !l->anonymous) {
        c.username_as_text = name && pb_value_kind(name) == PB_STR;
        e = name ? pb_as_text(name, &text) : PB_ERR_TYPE;
        c.username = (const char *)text.data;
        c.username_len = text.len;
    }
    if (words && pb_as_text(pb_item(words, 1), &text) == 0) {
        c.password = (const char *)text.data;
        c.password_len = text.len;
    }
    l->is_masked = !words;
    if (e == 0) {
        e = pb_login(p->session, &c, mind, NULL, started_call_ended, started, NULL, err);
    }
    if (e) {
        started_call_discard(started);
    }
    pb_value_unref(words);
    pb_value_unref(mind);
    return e;
}

/* ---- The server ---- */

static bool login_ended_by(const struct player_login *l, const char *type)
{
    return l->end && strcmp(failure_type(l->end), type) == 0;
}

static int portal_challenge(uint8_t out[PB_MD5_LEN], void *user_data)
{
    struct player *p = user_data;
    for (size_t i = 0; i < login_count(p); i++) {
        struct player_login *l = login_at(p, i);
        int64_t luid;
        pb_span challenge;
        if (l->challenge && !l->challenged &&
            answer_challenge(l->challenge, &luid, &challenge) &&
            challenge.len == PB_MD5_LEN) {
            l->challenged = true;
            memcpy(out, challenge.data, challenge.len);
            return 0;
        }
    }
    return PB_ERR_STATE;
}

/* The login that is checked now: the first of that user whose response has been
 * received. */
static struct player_login *login_checked_now(const struct player *p, pb_span name)
{
    for (size_t i = 0; i < login_count(p); i++) {
        struct player_login *l = login_at(p, i);
        const pb_value *user = scenario_argument(l->first, 0);
        pb_span text;
        if (l->respond && !l->checked && l->respond->line <= p->check->line && user &&
            pb_as_text(user, &text) == 0 && text.len == name.len &&
            memcmp(text.data, name.data, name.len) == 0) {
            return l;
        }
    }
    return NULL;
}

/* Accepts whom the checker in the capture accepted; the response must then be right. */
static int player_portal_check(pb_attempt *a, void *user_data)
{
    struct player *p = user_data;
    struct player_login *l = login_checked_now(p, pb_attempt_username(a));
    if (!l) {
        player_fail(p, p->check->line, "a login that is not in the capture");
        return PB_ERR_STATE;
    }
    l->checked = true;
    pb_span name = pb_attempt_username(a), password;
    pb_value *words = login_words(l);
    bool refused = login_ended_by(l, "twisted.cred.error.UnauthorizedLogin");
    bool right = !words || (pb_as_text(pb_item(words, 1), &password) == 0 &&
                            pb_attempt_check_password(a, password));
    pb_value_unref(words);
    if (!right) {
        player_fail(p, p->check->line, "the response does not fit the password");
    }
    l->granted = refused; /* no avatar follows */
    return refused ? pb_attempt_refuse(a) : pb_attempt_accept(a, name);
}

static int portal_grant(pb_attempt *a, void *user_data)
{
    struct player *p = user_data;
    for (size_t i = 0; i < login_count(p); i++) {
        struct player_login *l = login_at(p, i);
        if (l->granted || l->anonymous != pb_attempt_is_anonymous(a) ||
            (!l->anonymous && !l->checked)) {
            continue;
        }
        l->granted = true;
        held_add(p, pb_attempt_mind(a));
        answers_add(p, l->anonymous ? l->first : l->respond, l->end, NULL,
                    pb_attempt_ref(a));
        return 0;
    }
    player_fail(p, p->check->line, "an avatar that is not in the capture");
    return PB_ERR_STATE;
}

/* In Twisted, a kind of credentials without a checker fails with UnhandledCredentials. */
pb_object *login_portal_root(struct player *p)
{
    static const char none[] = "twisted.cred.error.UnhandledCredentials";
    p->portal = pb_portal_new(portal_grant, p);
    if (!p->portal) {
        return NULL;
    }
    pb__portal_set_challenge(p->portal, portal_challenge, p);
    pb_portal_accept_text_names(p->portal, true);
    for (size_t i = 0; i < login_count(p); i++) {
        const struct player_login *l = login_at(p, i);
        if (l->anonymous && !login_ended_by(l, none)) {
            pb_portal_allow_anonymous(p->portal);
        } else if (!l->anonymous && !login_ended_by(l, none)) {
            pb_portal_set_checker(p->portal, player_portal_check, p);
        }
    }
    return pb_portal_root(p->portal);
}
