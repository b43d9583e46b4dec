/* SPDX-License-Identifier: MIT
 *
 * Logins in a scenario. The client's side logs in with what the expectations say, or with
 * a password that is unknown where they don't; the server's is a portal that gives out the
 * capture's challenges, and decides as the capture's did. */
#include <stdio.h>

#include "libpb/broker/login.h"
#include "libpb/base/error.h"
#include "tools/common/broker_expression.h"
#include "tools/replay/engine/player.h"

static struct login *login_at(const struct play *p, size_t i)
{
    return (struct login *)(void *)p->logins.data + i;
}

static size_t login_count(const struct play *p)
{
    return p->logins.len / sizeof(struct login);
}

static bool is_text(const pb_value *v, const char *text)
{
    pb_span s;
    return v && pb_as_text(v, &s) == 0 && s.len == strlen(text) &&
           memcmp(s.data, text, s.len) == 0;
}

/* The number of the challenger, and its challenge, in the answer to a login. */
static bool read_challenge(const struct spoken *answer, int64_t *luid, pb_span *challenge)
{
    pb_value *both = answer ? spoken_member(answer, 2) : NULL, *id;
    bool pair = both && spoken_is(answer, "answer") && pb_value_kind(both) == PB_TUPLE &&
                pb_len(both) == 2;
    return pair && pb_as_bytes(pb_item(both, 0), challenge) == 0 &&
           form_is(pb_item(both, 1), "remote", &id) && pb_as_int(id, luid) == 0;
}

static const struct spoken *find_respond(const struct play *p, const struct spoken *from,
                                         int64_t luid)
{
    const struct spoken *end = spoken_at(p->s, spoken_count(p->s));
    int64_t id;
    for (const struct spoken *m = from; m < end; m++) {
        if (m->from == CLIENT && spoken_is(m, "message") &&
            is_text(spoken_member(m, 3), "respond") &&
            pb_as_int(spoken_member(m, 2), &id) == 0 && id == luid) {
            return m;
        }
    }
    return NULL;
}

/* The n-th of the steps whose words begin so; NULL if there are not so many. */
static const json_t *find_step(const struct play *p, const char *begin, size_t n)
{
    size_t i;
    json_t *call;
    json_array_foreach(json_object_get(p->s->expect, "calls"), i, call)
    {
        const char *does = json_string_value(json_object_get(call, "does"));
        if (does && strncmp(does, begin, strlen(begin)) == 0 && n-- == 0) {
            return call;
        }
    }
    return NULL;
}

static int add_login(struct play *p, const struct spoken *m, bool anonymous)
{
    struct login l = {.first = m,
                      .end = reply_to(p->s, m),
                      .does = find_step(p, "login(", login_count(p)),
                      .anonymous = anonymous};
    int64_t luid;
    pb_span challenge;
    if (!anonymous && read_challenge(l.end, &luid, &challenge)) {
        l.challenge = l.end;
        l.respond = find_respond(p, l.end, luid);
        l.end = l.respond ? reply_to(p->s, l.respond) : NULL;
    }
    return pb__buf_append(&p->logins, &l, sizeof l);
}

int login_begin(struct play *p)
{
    int e = 0;
    for (size_t i = 0; e == 0 && i < spoken_count(p->s); i++) {
        const struct spoken *m = spoken_at(p->s, i);
        bool anonymous = is_text(spoken_member(m, 3), "loginAnonymous");
        bool named = is_text(spoken_member(m, 3), "login");
        if (m->from == CLIENT && spoken_is(m, "message") && !m->served &&
            !call_of(p->s, m) && is_text(spoken_member(m, 2), "root") &&
            (anonymous || named)) {
            e = add_login(p, m, anonymous);
        }
    }
    return e;
}

struct login *login_of(const struct play *p, const struct spoken *m)
{
    for (size_t i = 0; i < login_count(p); i++) {
        struct login *l = login_at(p, i);
        if (m == l->first || m == l->challenge || m == l->respond || m == l->end) {
            return l;
        }
    }
    return NULL;
}

bool login_is_avatar(const struct play *p, int64_t luid)
{
    for (size_t i = 0; i < login_count(p); i++) {
        const struct spoken *end = login_at(p, i)->end;
        pb_value *id;
        int64_t avatar;
        if (end && form_is(spoken_member(end, 2), "remote", &id) &&
            pb_as_int(id, &avatar) == 0 && avatar == luid) {
            return true;
        }
    }
    return false;
}

/* ---- The client ---- */

struct asked {
    struct play *p;
    const json_t *does;
};

static void on_login(pb_value *result, pb_failure *failure, void *user_data)
{
    struct asked *a = user_data;
    app_ended(a->p, a->does, result, failure);
    pb__free(a);
}

/* The name and password, *new* bytes in a tuple, by the expectations' "login('alice',
 * 'secret')"; NULL where they do not say. */
static pb_value *read_words(const struct login *l)
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

/* What the client gives for a mind, *new*. */
static pb_value *read_mind(struct play *p, const struct login *l, pb_error *err)
{
    const struct spoken *m = l->anonymous ? l->first : l->respond;
    pb_value *members = m ? things_read(p, m, err) : NULL;
    pb_value *args = members ? pb_item(members, 5) : NULL;
    pb_value *mind = args ? pb_item(args, l->anonymous ? 0 : 1) : NULL;
    mind = mind ? pb_value_ref(mind) : pb_none();
    pb_value_unref(members);
    return mind;
}

int login_call(struct play *p, struct login *l, pb_error *err)
{
    struct asked *a = pb__malloc(sizeof *a);
    pb_value *mind = read_mind(p, l, err);
    pb_value *words = read_words(l);
    pb_value *name = spoken_argument(l->first, 0);
    pb_credentials c = {.anonymous = l->anonymous};
    pb_span text = {0};
    int e = a ? err->code : PB_ERR_NOMEM;
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
        *a = (struct asked){p, l->does};
        e = pb_login(p->session, &c, mind, NULL, on_login, a, NULL, err);
        p->asked += e == 0;
    }
    if (e) {
        pb__free(a);
    }
    pb_value_unref(words);
    pb_value_unref(mind);
    return e;
}

/* ---- The server ---- */

static bool ended_by(const struct login *l, const char *type)
{
    return l->end && strcmp(facts_failure_type(l->end), type) == 0;
}

static int give_challenge(uint8_t out[PB_MD5_LEN], void *user_data)
{
    struct play *p = user_data;
    for (size_t i = 0; i < login_count(p); i++) {
        struct login *l = login_at(p, i);
        int64_t luid;
        pb_span challenge;
        if (l->challenge && !l->challenged &&
            read_challenge(l->challenge, &luid, &challenge) &&
            challenge.len == PB_MD5_LEN) {
            l->challenged = true;
            memcpy(out, challenge.data, challenge.len);
            return 0;
        }
    }
    return PB_ERR_STATE;
}

/* Lets in whom the capture's checker let in, whose password must then be right. */
static int check(pb_attempt *a, void *user_data)
{
    struct play *p = user_data;
    struct login *l = NULL;
    for (size_t i = 0; !l && i < login_count(p); i++) {
        l = login_at(p, i);
        l = l->respond && !l->checked ? l : NULL;
    }
    if (!l) {
        play_fail(p, p->r->line, "a login that is not in the capture");
        return PB_ERR_STATE;
    }
    l->checked = true;
    pb_span name = pb_attempt_username(a), password;
    pb_value *words = read_words(l);
    bool refused = ended_by(l, "twisted.cred.error.UnauthorizedLogin");
    bool right = !words || (pb_as_text(pb_item(words, 1), &password) == 0 &&
                            pb_attempt_check_password(a, password));
    pb_value_unref(words);
    if (!right) {
        play_fail(p, p->r->line, "the password is not the one that was given");
    }
    return refused ? pb_attempt_refuse(a) : pb_attempt_accept(a, name);
}

static int grant(pb_attempt *a, void *user_data)
{
    struct play *p = user_data;
    for (size_t i = 0; i < login_count(p); i++) {
        struct login *l = login_at(p, i);
        if (l->granted || l->anonymous != pb_attempt_is_anonymous(a) ||
            (!l->anonymous && !l->checked)) {
            continue;
        }
        l->granted = true;
        hold(p, pb_attempt_mind(a));
        answer_later(p, l->anonymous ? l->first : l->respond, l->end, NULL,
                     pb_attempt_ref(a));
        return 0;
    }
    play_fail(p, p->r->line, "an avatar that is not in the capture");
    return PB_ERR_STATE;
}

/* Twisted has a checker for each kind of credentials, or says that it has none. */
pb_object *login_root(struct play *p)
{
    static const char none[] = "twisted.cred.error.UnhandledCredentials";
    p->portal = pb_portal_new(grant, p);
    if (!p->portal) {
        return NULL;
    }
    pb__portal_set_challenge(p->portal, give_challenge, p);
    pb_portal_accept_text_names(p->portal, true);
    for (size_t i = 0; i < login_count(p); i++) {
        const struct login *l = login_at(p, i);
        if (l->anonymous && !ended_by(l, none)) {
            pb_portal_allow_anonymous(p->portal);
        } else if (!l->anonymous && !ended_by(l, none)) {
            pb_portal_set_checker(p->portal, check, p);
        }
    }
    return pb_portal_root(p->portal);
}
