/* SPDX-License-Identifier: MIT
 *
 * The answers of the application. A request or a login attempt is kept until the reply
 * to it in the capture is due, and is then answered with what that contains: a value,
 * an exception, or an avatar. */
#include "libpb/base/error.h"
#include "tools/common/broker_expression.h"
#include "tools/replay/engine/player.h"

static struct player_request *player_request_at(const struct player *p, size_t i)
{
    return (struct player_request *)(void *)p->pending.data + i;
}

static size_t player_request_count(const struct player *p)
{
    return p->pending.len / sizeof(struct player_request);
}

/* The request for which this is the reply; NULL: the broker answers it by itself. */
static struct player_request *player_request_for(const struct player *p,
                                                 const struct scenario_message *reply)
{
    for (size_t i = 0; i < player_request_count(p); i++) {
        if (scenario_reply_to(p->s, player_request_at(p, i)->call) == reply) {
            return player_request_at(p, i);
        }
    }
    return NULL;
}

static void player_request_free(struct player *p, struct player_request *w)
{
    pb_request_unref(w->request);
    pb_attempt_unref(w->attempt);
    *w = *player_request_at(p, player_request_count(p) - 1);
    p->pending.len -= sizeof *w;
}

/* ---- Failing ---- */

/* Appends the class of a failure and its bases, up to the first built-in one. */
static int append_class_bases(pb_value *state, struct pb__buf *mro)
{
    const pb_value *parents = pb_dict_get(state, "parents");
    const char *type = failure_text(state, "type");
    int e = pb__buf_puts(mro, type);
    bool builtin = is_builtin_exception(type);
    for (size_t i = 0; e == 0 && !builtin && parents && i < pb_len(parents); i++) {
        pb_span name;
        if (pb_as_text(pb_item(parents, i), &name) != 0 ||
            strcmp((const char *)name.data, type) == 0) {
            continue;
        }
        e = pb__buf_printf(mro, " %s", (const char *)name.data);
        builtin = is_builtin_exception((const char *)name.data);
    }
    return e ? e : pb__buf_append(mro, "", 1);
}

/* The `count` of the first failure from m on; 0 if there is none. */
static int64_t failure_count_from(const struct player *p,
                                  const struct scenario_message *m)
{
    int64_t count = 0;
    const struct scenario_message *end =
        scenario_message_at(p->s, scenario_message_count(p->s));
    for (; m < end && count == 0; m++) {
        const pb_value *state = m->from == p->side ? failure_state(m) : NULL;
        const pb_value *v = state ? pb_dict_get(state, "count") : NULL;
        if (v) {
            pb_as_int(v, &count);
        }
    }
    return count;
}

/* Whether a method failed after it had returned, by a Deferred. Of an exception that a
 * method raises, Twisted makes a second failure when it logs the first; the count of the
 * next failure shows whether it did. */
static bool is_deferred_failure(const struct player *p,
                                const struct scenario_message *reply)
{
    pb_value *state = failure_state(reply);
    int64_t count = failure_count_from(p, reply), next = failure_count_from(p, reply + 1);
    return state && is_builtin_exception(failure_text(state, "type")) &&
           !pb_dict_get(state, "pickled") && next - count == 1;
}

/* Fails a request as the application did: while its method runs, by raising an
 * exception, unless the failure was pickled, which shows that it came from a Deferred;
 * after that, by a Deferred. */
static int player_request_fail(struct player *p, struct player_request *w,
                               pb_value *state)
{
    struct pb__buf mro = {0};
    const char *text = failure_text(state, "value");
    bool raised = p->serving == w->request && !pb_dict_get(state, "pickled");
    int e = append_class_bases(state, &mro);
    if (e == 0 && w->attempt) {
        e = pb_attempt_fail(w->attempt, (const char *)mro.data, "%s", text);
    } else if (e == 0 && raised) {
        e = pb_request_fail(w->request, (const char *)mro.data, "%s", text);
    } else if (e == 0) {
        pb_failure *f = pb_failure_new((const char *)mro.data, text,
                                       failure_text(state, "traceback"));
        e = f ? pb_request_fail_with(w->request, f) : PB_ERR_NOMEM;
        pb_failure_unref(f);
    }
    pb__buf_fini(&mro);
    return e;
}

/* ---- Answering ---- */

void answers_prepare(struct player *p, const struct scenario_message *reply)
{
    pb_error err = {0};
    const struct player_request *w = player_request_for(p, reply);
    if (!w || w->attempt || failure_state(reply) || p->prepared == reply) {
        return;
    }
    pb_value_unref(p->prepared_values);
    p->prepared = reply;
    p->prepared_values = application_values(p, reply, &err);
    if (!p->prepared_values) {
        player_fail(p, reply->line, "the values of the answer cannot be made: %s",
                    err.text);
    }
}

void answers_exceed_limit(struct player *p, pb_request *r)
{
    bool cache = strstr(p->strikes, "cache") != NULL;
    struct player_object *t =
        cache ? exported_cache(p, INT64_MAX) : exported_object(p, INT64_MAX);
    if (t && cache && !t->state) {
        t->state = pb_dict();
    }
    pb_request_answer_steal(r, t ? pb_object_value(t->object) : NULL);
}

static void login_answer(struct player *p, struct player_request *w,
                         const struct scenario_message *reply)
{
    pb_value *id;
    int64_t luid;
    struct player_object *avatar = NULL;
    if (broker_expression_is(scenario_member(reply, ANSWER_VALUE), "remote", &id) &&
        pb_as_int(id, &luid) == 0) {
        avatar = exported_object(p, luid);
    }
    if (!avatar) {
        player_fail(p, reply->line, "the answer to a login is not a reference");
        return;
    }
    pb_attempt_grant(w->attempt, avatar->object, NULL, NULL);
}

static void player_request_answer(struct player *p, struct player_request *w,
                                  const struct scenario_message *reply)
{
    answers_prepare(p, reply);
    pb_value *value = p->prepared_values ? pb_item(p->prepared_values, 2) : NULL;
    if (!value) {
        return; /* which has been reported */
    }
    pb_value_ref(value);
    pb_value_unref(p->prepared_values);
    p->prepared = NULL;
    p->prepared_values = NULL;
    if (scenario_is(reply, "error")) {
        pb_request_fail_value_steal(w->request, value);
    } else {
        pb_request_answer_steal(w->request, value);
    }
}

void answers_send(struct player *p, const struct scenario_message *reply)
{
    struct player_request *w = player_request_for(p, reply);
    pb_value *state = failure_state(reply);
    const char *text = failure_text(state, "value");
    if (!w) {
        return;
    }
    struct player_request own = *w;
    if (own.request && strncmp(text, "Maximum PB ", 11) == 0) {
        p->strikes = text;
        answers_exceed_limit(p, own.request);
    } else if (state && player_request_fail(p, &own, state) == PB_ERR_NOMEM) {
        player_fail(p, reply->line, "out of memory");
    } else if (own.attempt && !state) {
        login_answer(p, &own, reply);
    } else if (!state) {
        player_request_answer(p, &own, reply);
    }
    player_request_free(p, player_request_for(p, reply));
}

/* ---- Keeping ---- */

/* Whether the reply may be sent while the call is served: no message before it answers a
 * call that has not been received yet. */
static bool is_answer_due(const struct player *p, const struct scenario_message *call,
                          const struct scenario_message *reply)
{
    if (!reply || reply->first >= p->due ||
        reply < scenario_message_at(p->s, p->position) || is_deferred_failure(p, reply)) {
        return false;
    }
    for (const struct scenario_message *m = call + 1; m < reply; m++) {
        const struct scenario_message *other =
            m->from != p->side ? scenario_reply_to(p->s, m) : NULL;
        if (scenario_is_call(m) && other && other < reply) {
            return false;
        }
    }
    return true;
}

void answers_add(struct player *p, const struct scenario_message *call,
                 const struct scenario_message *reply, pb_request *request,
                 pb_attempt *attempt)
{
    struct player_request w = {call, request, attempt};
    if (pb__buf_append(&p->pending, &w, sizeof w) != 0) {
        player_fail(p, call->line, "out of memory");
        pb_request_unref(request);
        pb_attempt_unref(attempt);
        return;
    }
    if (is_answer_due(p, call, reply)) {
        answers_prepare(p, reply);
        application_run(p, reply);
    }
}

void answers_fini(struct player *p)
{
    while (player_request_count(p)) {
        player_request_free(p, player_request_at(p, 0));
    }
    pb__buf_fini(&p->pending);
    pb_value_unref(p->prepared_values);
}
