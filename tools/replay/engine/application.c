/* SPDX-License-Identifier: MIT
 *
 * The application behind a session. It goes through what its side's broker said, in that
 * order: makes the calls, gives the answers, lets references go. What a broker says by
 * itself (versions, decrefs and uncaches that follow from it, refusals) it leaves to the
 * session. Answers are given while the call is being served, as far as the capture has
 * them before the peer's next bytes. */
#include <stdio.h>

#include "libpb/broker/session.h"
#include "tools/common/broker_expression.h"
#include "tools/json/json.h"
#include "tools/replay/engine/player.h"

/* ---- Calling ---- */

/* A call that is under way. */
struct asked {
    struct play *p;
    const json_t *call; /* of the expectations; NULL: it is not in them */
};

void app_ended(struct play *p, const json_t *call, pb_value *result, pb_failure *failure)
{
    pb_error err = {0};
    p->asked--;
    hold(p, result ? result : pb_failure_value(failure));
    p->refused |= failure && pb_failure_code(failure) == PB_ERR_INSECURE;
    if (!call || p->failed) {
        return;
    }
    if (replay_ended(p->s, call, result, failure, &err) != 0) {
        const char *method = json_string_value(json_object_get(call, "method"));
        play_fail(p, p->r->line, "%s: %s", method ? method : "a step", err.text);
    } else {
        replay_pass(p->r);
    }
}

static void on_answer(pb_value *result, pb_failure *failure, void *user_data)
{
    struct asked *a = user_data;
    app_ended(a->p, a->call, result, failure);
    pb__free(a);
}

/* What a message is sent to, *new*. */
static pb_remote *callee(struct play *p, const struct spoken *m)
{
    int64_t luid;
    pb_span name;
    const pb_value *to = spoken_member(m, 2);
    if (!to) {
        return NULL;
    }
    if (pb_as_int(to, &luid) != 0) {
        return pb_as_text(to, &name) == 0
                   ? pb_session_remote_for_name(p->session, (const char *)name.data)
                   : NULL;
    }
    if (spoken_is(m, "cachemessage")) {
        struct thing *t = pb__map_get(&p->caches, (uint64_t)luid);
        return t && t->observer ? pb_remote_ref(t->observer) : NULL;
    }
    pb_remote *r = hold_remote(p, luid);
    return r ? pb_remote_ref(r) : NULL;
}

static int call_one(struct play *p, const struct spoken *m, pb_value *members,
                    pb_error *err)
{
    struct asked *a = pb__malloc(sizeof *a);
    pb_remote *to = callee(p, m);
    pb_span method;
    int64_t wanted = 1;
    pb_as_int(pb_item(members, 4), &wanted);
    pb_call_options quiet = {.no_answer = true};
    int e = to ? 0 : pb__error_set(err, PB_ERR_STATE, 0, "to what is not there");
    e = e ? e : pb_as_text(pb_item(members, 3), &method);
    if (e == 0 && a) {
        *a = (struct asked){p, call_of(p->s, m)};
        e = pb_remote_call_values(to, (const char *)method.data, pb_item(members, 5),
                                  pb_item(members, 6), wanted ? NULL : &quiet,
                                  wanted ? on_answer : NULL, wanted ? a : NULL, NULL,
                                  err);
        p->asked += e == 0 && wanted;
    }
    if (e || !wanted) {
        pb__free(a);
    }
    pb_remote_unref(to);
    return e;
}

static void call(struct play *p, const struct spoken *m)
{
    pb_error err = {0};
    struct login *login = login_of(p, m);
    app_raise(p, call_of(p->s, m));
    if (login && m != login->first) {
        return; /* a part of it */
    }
    int e = 0;
    pb_value *members = NULL;
    if (login) {
        e = login_call(p, login, &err);
    } else {
        members = things_read(p, m, &err);
        e = members ? 0 : err.code;
        if (members && !pages_call(p, m, members, &e, &err)) {
            e = call_one(p, m, members, &err);
        }
    }
    pb_value_unref(members);
    if (e) {
        play_fail(p, m->line, "the call cannot be made: %s", err.text);
    }
}

/* ---- Calls that were never sent ---- */

/* A dead reference is the root's, for whatever it was. */
static int raise_one(struct play *p, const json_t *call, pb_error *err)
{
    pb_value *args = json_to_value(json_object_get(call, "args"), err);
    pb_value *kwargs = json_to_value(json_object_get(call, "kwargs"), err);
    const char *name = json_string_value(json_object_get(call, "object"));
    const char *raised = json_string_value(json_object_get(call, "raised"));
    bool dead = raised && strcmp(raised, "DeadReferenceError") == 0;
    pb_error why = {0};
    pb_remote *to = pb_session_remote_for_name(p->session, name ? name : "root");
    int e = args && kwargs && to ? 0 : pb__error_nomem(err);
    if (e == 0 &&
        pb_remote_call_values(to, json_string_value(json_object_get(call, "method")),
                              args, kwargs, NULL, NULL, NULL, NULL, &why) == 0) {
        e = pb__error_set(err, PB_ERR_STATE, 0, "can be sent, where Twisted refuses");
    } else if (e == 0 && dead != (why.code == PB_ERR_DEAD)) {
        e = pb__error_set(err, PB_ERR_STATE, 0, "refused otherwise: %s", why.text);
    }
    pb_value_unref(args);
    pb_value_unref(kwargs);
    pb_remote_unref(to);
    return e;
}

void app_raise(struct play *p, const json_t *next)
{
    const json_t *calls = json_object_get(p->s->expect, "calls");
    size_t end = 0;
    while (end < json_array_size(calls) && json_array_get(calls, end) != next) {
        end++;
    }
    if (next && end == json_array_size(calls)) {
        return;
    }
    for (; p->raised < end && !p->failed; p->raised++) {
        const json_t *call = json_array_get(calls, p->raised);
        const char *from = json_string_value(json_object_get(call, "from"));
        pb_error err = {0};
        if (!json_object_get(call, "raised") || !from ||
            strcmp(from, p->s->sides[p->who].name) != 0) {
            continue;
        }
        if (raise_one(p, call, &err) != 0) {
            play_fail(p, p->r->line, "call %zu: %s", p->raised + 1, err.text);
        } else {
            replay_pass(p->r);
        }
    }
}

/* ---- In the order of the capture ---- */

/* The next of this side's messages that is no decref or decache; NULL: none is due. */
static const struct spoken *next_reply(const struct play *p, size_t i)
{
    for (; i < spoken_count(p->s); i++) {
        const struct spoken *m = spoken_at(p->s, i);
        if (m->from == p->who && !spoken_is(m, "decref") && !spoken_is(m, "decache")) {
            return m->first < p->due && spoken_is_reply(m) ? m : NULL;
        }
    }
    return NULL;
}

static void let_go(struct play *p, const struct spoken *m)
{
    int64_t luid;
    const struct spoken *reply = next_reply(p, p->cursor);
    if (reply) {
        answer_ready(p, reply);
    }
    if (spoken_member(m, 1) && pb_as_int(spoken_member(m, 1), &luid) == 0) {
        hold_drop(p, luid, spoken_is(m, "decache"));
    }
}

static void do_one(struct play *p, const struct spoken *m)
{
    if (spoken_is_call(m)) {
        call(p, m);
    } else if (spoken_is_reply(m)) {
        answer_give(p, m);
    } else if (spoken_is(m, "decref") || spoken_is(m, "decache")) {
        let_go(p, m);
    }
}

void app_do(struct play *p, const struct spoken *last)
{
    while (!p->failed && p->cursor < spoken_count(p->s)) {
        const struct spoken *m = spoken_at(p->s, p->cursor);
        if (m->first >= p->due || (last && m > last)) {
            return;
        }
        p->cursor++;
        if (m->from == p->who) {
            do_one(p, m);
        }
    }
}

/* ---- Serving ---- */

/* The message of a call that is served: the next with that number. */
static const struct spoken *message_of(struct play *p, pb_request *req)
{
    while (p->heard < spoken_count(p->s)) {
        const struct spoken *m = spoken_at(p->s, p->heard++);
        if (m->from != p->who && spoken_is_call(m) && m->line <= p->r->line &&
            pb_value_equal(spoken_member(m, 1), pb_item(req->list, PB__REQUEST))) {
            return m;
        }
    }
    return NULL;
}

/* Whether a reply is such that its call may not have come to a method: what Twisted
 * refuses before it looks for one. Python's own refusals of arguments are the method's;
 * and whether a class is of the new style, which 8.2 cannot read, is not known in C. */
static bool is_refusal(const struct spoken *reply)
{
    const char *type = reply ? facts_failure_type(reply) : "";
    const char *text = reply ? facts_text(facts_failure(reply), "value") : "";
    return *type && !facts_is_builtin(type) &&
           !strstr(text, "unjellied to something that isn't a class");
}

static void compare_served(struct play *p, const struct spoken *m,
                           const struct spoken *reply, pb_request *req)
{
    pb_error err = {0};
    p->served += m->served != NULL;
    if (!m->served && is_refusal(reply)) {
        play_fail(p, m->line, "%s was served, where Twisted answers with %s",
                  pb_request_method(req), facts_failure_type(reply));
    } else if (!m->served) {
        return;
    } else if (replay_served(p->s, m->served, pb_request_args(req),
                             pb_request_kwargs(req), &err) != 0) {
        play_fail(p, m->line, "%s was served: %s", pb_request_method(req), err.text);
    } else {
        replay_pass(p->r);
    }
}

int app_called(void *self, pb_request *req)
{
    (void)self;
    struct play *p = pb_session_user_data(pb_request_session(req));
    const struct spoken *m = message_of(p, req);
    if (!m) {
        play_fail(p, p->r->line, "%s was called by no message", pb_request_method(req));
        return 0;
    }
    const struct spoken *reply = reply_to(p->s, m);
    compare_served(p, m, reply, req);
    hold(p, pb_request_args(req));
    hold(p, pb_request_kwargs(req));
    if (!reply && p->strikes) {
        answer_one_more(p, req);
    } else if (pb_request_wants_answer(req)) {
        const pb_request *outer = p->serving;
        p->serving = req;
        answer_later(p, m, reply, pb_request_ref(req), NULL);
        p->serving = outer;
    }
    return 0;
}
