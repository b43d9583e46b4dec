/* SPDX-License-Identifier: MIT
 *
 * The application behind a session. It goes through the messages of its side in the
 * order of the capture: makes the calls, gives the answers, releases references.
 * Messages that a broker sends by itself (version, decrefs and uncaches that follow,
 * refusals) are left to the session. A call is answered while it is served, if the
 * capture has the answer before the next bytes of the peer. */
#include <string.h>

#include "libpb/base/error.h"
#include "libpb/broker/requests.h"
#include "tools/json/json.h"
#include "tools/replay/engine/player.h"

/* ---- Calling ---- */

struct started_call {
    struct player *p;
    const json_t *call; /* of the expectations; NULL: it is not in them */
};

struct started_call *started_call_new(struct player *p, const json_t *call)
{
    struct started_call *started = pb__malloc(sizeof *started);
    if (started) {
        *started = (struct started_call){p, call};
        p->asked++;
    }
    return started;
}

void started_call_discard(struct started_call *started)
{
    if (started) {
        started->p->asked--;
        pb__free(started);
    }
}

void started_call_ended(pb_value *result, pb_failure *failure, void *started)
{
    struct started_call *s = started;
    struct player *p = s->p;
    const json_t *call = s->call;
    pb_error err = {0};
    started_call_discard(s);
    held_add(p, result ? result : pb_failure_value(failure));
    p->refused |= failure && pb_failure_code(failure) == PB_ERR_INSECURE;
    if (!call || p->failed) {
        return;
    }
    if (compare_call_end(p->s, call, result, failure, &err) != 0) {
        const char *method = json_string_value(json_object_get(call, "method"));
        player_fail(p, p->check->line, "%s: %s", method ? method : "a step", err.text);
    } else {
        check_pass(p->check);
    }
}

/* The reference that a call is made on, *new*. */
static pb_remote *captured_call_target(struct player *p, const struct scenario_message *m)
{
    int64_t luid;
    pb_span name;
    const pb_value *to = scenario_member(m, CALL_OBJECT);
    if (!to) {
        return NULL;
    }
    if (pb_as_int(to, &luid) != 0) {
        return pb_as_text(to, &name) == 0
                   ? pb_session_remote_for_name(p->session, (const char *)name.data)
                   : NULL;
    }
    if (scenario_is(m, "cachemessage")) {
        struct player_object *t = pb__map_get(&p->caches, (uint64_t)luid);
        return t && t->observer ? pb_remote_ref(t->observer) : NULL;
    }
    pb_remote *r = held_remote(p, luid);
    return r ? pb_remote_ref(r) : NULL;
}

static int call_start(struct player *p, const struct scenario_message *m,
                      pb_value *members, pb_error *err)
{
    static const pb_call_options quiet = {.no_answer = true};
    pb_value *args = pb_item(members, CALL_ARGS);
    pb_value *kwargs = pb_item(members, CALL_KWARGS);
    int64_t wanted = 1;
    pb_as_int(pb_item(members, CALL_ANSWER_WANTED), &wanted);
    struct started_call *started =
        wanted ? started_call_new(p, expected_call_of(p->s, m)) : NULL;
    pb_remote *to = captured_call_target(p, m);
    pb_span method;
    int e =
        to ? 0 : pb__error_set(err, PB_ERR_STATE, 0, "the object to call does not exist");
    e = e || started || !wanted ? e : pb__error_nomem(err);
    e = e ? e : pb_as_text(pb_item(members, CALL_METHOD), &method);
    if (e == 0) {
        e = pb_remote_call_values(to, (const char *)method.data, args, kwargs,
                                  wanted ? NULL : &quiet,
                                  wanted ? started_call_ended : NULL, started, NULL, err);
    }
    if (e) {
        started_call_discard(started);
    }
    pb_remote_unref(to);
    return e;
}

static void call_message(struct player *p, const struct scenario_message *m)
{
    pb_error err = {0};
    struct player_login *login = login_of_message(p, m);
    application_make_refused_calls(p, expected_call_of(p->s, m));
    if (login && m != login->first) {
        return; /* login_start makes it */
    }
    int e = 0;
    pb_value *members = NULL;
    if (login) {
        e = login_start(p, login, &err);
    } else {
        members = application_values(p, m, &err);
        e = members ? 0 : err.code;
        if (members && !paging_take_call(p, m, members, &e, &err)) {
            e = call_start(p, m, members, &err);
        }
    }
    pb_value_unref(members);
    if (e) {
        player_fail(p, m->line, "the call cannot be made: %s", err.text);
    }
}

/* ---- Calls that are refused before they are sent ---- */

/* Makes one. The reference to the root serves for any dead reference. */
static int refused_call_make(struct player *p, const json_t *call, pb_error *err)
{
    pb_value *args = value_from_json(json_object_get(call, "args"), err);
    pb_value *kwargs = value_from_json(json_object_get(call, "kwargs"), err);
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
        e = pb__error_set(err, PB_ERR_STATE, 0, "refused with another error: %s",
                          why.text);
    }
    pb_value_unref(args);
    pb_value_unref(kwargs);
    pb_remote_unref(to);
    return e;
}

void application_make_refused_calls(struct player *p, const json_t *next)
{
    const json_t *calls = json_object_get(p->s->expect, "calls");
    size_t end = 0;
    while (end < json_array_size(calls) && json_array_get(calls, end) != next) {
        end++;
    }
    if (next && end == json_array_size(calls)) {
        return;
    }
    for (; p->next_refused < end && !p->failed; p->next_refused++) {
        const json_t *call = json_array_get(calls, p->next_refused);
        const char *from = json_string_value(json_object_get(call, "from"));
        pb_error err = {0};
        if (!json_object_get(call, "raised") || !from ||
            strcmp(from, p->s->sides[p->side].name) != 0) {
            continue;
        }
        if (refused_call_make(p, call, &err) != 0) {
            player_fail(p, p->check->line, "call %zu: %s", p->next_refused + 1, err.text);
        } else {
            check_pass(p->check);
        }
    }
}

/* ---- In the order of the capture ---- */

/* The next message of this side, decref and decache apart, if it is a reply that is due;
 * else NULL. */
static const struct scenario_message *next_due_reply(const struct player *p, size_t i)
{
    for (; i < scenario_message_count(p->s); i++) {
        const struct scenario_message *m = scenario_message_at(p->s, i);
        if (m->from == p->side && !scenario_is(m, "decref") &&
            !scenario_is(m, "decache")) {
            return m->first < p->due && scenario_is_reply(m) ? m : NULL;
        }
    }
    return NULL;
}

static void release_reference(struct player *p, const struct scenario_message *m)
{
    int64_t luid;
    const struct scenario_message *reply = next_due_reply(p, p->position);
    if (reply) {
        answers_prepare(p, reply);
    }
    if (scenario_member(m, 1) && pb_as_int(scenario_member(m, 1), &luid) == 0) {
        held_release(p, luid, scenario_is(m, "decache"));
    }
}

static void application_do(struct player *p, const struct scenario_message *m)
{
    if (scenario_is_call(m)) {
        call_message(p, m);
    } else if (scenario_is_reply(m)) {
        answers_send(p, m);
    } else if (scenario_is(m, "decref") || scenario_is(m, "decache")) {
        release_reference(p, m);
    }
}

void application_run(struct player *p, const struct scenario_message *last)
{
    while (!p->failed && p->position < scenario_message_count(p->s)) {
        const struct scenario_message *m = scenario_message_at(p->s, p->position);
        if (m->first >= p->due || (last && m > last)) {
            return;
        }
        p->position++;
        if (m->from == p->side) {
            application_do(p, m);
        }
    }
}

/* ---- Serving ---- */

/* The message of a call that is served: the next one with its request number. */
static const struct scenario_message *message_of_request(struct player *p,
                                                         pb_request *req)
{
    while (p->next_call < scenario_message_count(p->s)) {
        const struct scenario_message *m = scenario_message_at(p->s, p->next_call++);
        if (m->from != p->side && scenario_is_call(m) && m->line <= p->check->line &&
            pb_value_equal(scenario_member(m, CALL_REQUEST),
                           pb_item(req->list, PB__REQUEST))) {
            return m;
        }
    }
    return NULL;
}

/* Whether a reply shows that Twisted refused the call before it looked for a method,
 * so that none may serve it here. A built-in exception may have been raised by the
 * method. A call that Twisted 8.2 refuses because it cannot read a class may be
 * served: in C it is not known whether a class is of that kind. */
static bool is_broker_refusal(const struct scenario_message *reply)
{
    const char *type = reply ? failure_type(reply) : "";
    const char *text = reply ? failure_text(failure_state(reply), "value") : "";
    return *type && !is_builtin_exception(type) &&
           !strstr(text, "unjellied to something that isn't a class");
}

static void compare_served_request(struct player *p, const struct scenario_message *m,
                                   const struct scenario_message *reply, pb_request *req)
{
    pb_error err = {0};
    p->served += m->served != NULL;
    if (!m->served && is_broker_refusal(reply)) {
        player_fail(p, m->line, "%s was served, where Twisted answers with %s",
                    pb_request_method(req), failure_type(reply));
    } else if (!m->served) {
        return;
    } else if (compare_served_call(p->s, m->served, pb_request_args(req),
                                   pb_request_kwargs(req), &err) != 0) {
        player_fail(p, m->line, "%s was served: %s", pb_request_method(req), err.text);
    } else {
        check_pass(p->check);
    }
}

int application_serve(void *self, pb_request *req)
{
    (void)self;
    struct player *p = pb_session_user_data(pb_request_session(req));
    const struct scenario_message *m = message_of_request(p, req);
    if (!m) {
        player_fail(p, p->check->line, "%s was called by no message",
                    pb_request_method(req));
        return 0;
    }
    const struct scenario_message *reply = scenario_reply_to(p->s, m);
    compare_served_request(p, m, reply, req);
    held_add(p, pb_request_args(req));
    held_add(p, pb_request_kwargs(req));
    if (!reply && p->strikes) {
        answers_exceed_limit(p, req);
    } else if (pb_request_wants_answer(req)) {
        const pb_request *outer = p->serving;
        p->serving = req;
        answers_add(p, m, reply, pb_request_ref(req), NULL);
        p->serving = outer;
    }
    return 0;
}
