/* SPDX-License-Identifier: MIT
 *
 * The answers of the application behind a session. A call, or a login, waits until the
 * capture's reply to it has its turn, and is answered with what that says: a value, an
 * exception, or an avatar. */
#include "libpb/base/error.h"
#include "tools/common/broker_expression.h"
#include "tools/replay/engine/player.h"

static struct pending *pending_at(const struct play *p, size_t i)
{
    return (struct pending *)(void *)p->pending.data + i;
}

static size_t pending_count(const struct play *p)
{
    return p->pending.len / sizeof(struct pending);
}

/* What waits for this reply; NULL: the broker gives it by itself. */
static struct pending *pending_of(const struct play *p, const struct spoken *reply)
{
    for (size_t i = 0; i < pending_count(p); i++) {
        if (reply_to(p->s, pending_at(p, i)->call) == reply) {
            return pending_at(p, i);
        }
    }
    return NULL;
}

static void free_pending(struct play *p, struct pending *w)
{
    pb_request_unref(w->request);
    pb_attempt_unref(w->attempt);
    *w = *pending_at(p, pending_count(p) - 1);
    p->pending.len -= sizeof *w;
}

/* ---- Failing ---- */

/* The class and its bases up to the first that is Python's own. */
static int write_bases(pb_value *state, struct pb__buf *mro)
{
    const pb_value *parents = pb_dict_get(state, "parents");
    const char *type = facts_text(state, "type");
    int e = pb__buf_puts(mro, type);
    bool builtin = facts_is_builtin(type);
    for (size_t i = 0; e == 0 && !builtin && parents && i < pb_len(parents); i++) {
        pb_span name;
        if (pb_as_text(pb_item(parents, i), &name) != 0 ||
            strcmp((const char *)name.data, type) == 0) {
            continue;
        }
        e = pb__buf_printf(mro, " %s", (const char *)name.data);
        builtin = facts_is_builtin((const char *)name.data);
    }
    return e ? e : pb__buf_append(mro, "", 1);
}

/* The `count` of the first failure from m on; 0 where there is none. */
static int64_t count_from(const struct play *p, const struct spoken *m)
{
    int64_t count = 0;
    const struct spoken *end = spoken_at(p->s, spoken_count(p->s));
    for (; m < end && count == 0; m++) {
        const pb_value *state = m->from == p->who ? facts_failure(m) : NULL;
        const pb_value *v = state ? pb_dict_get(state, "count") : NULL;
        if (v) {
            pb_as_int(v, &count);
        }
    }
    return count;
}

/* Whether a method fails only after it has returned, by the end of a Deferred. It shows
 * where Twisted logs the failure: of an exception that is raised it makes a second one
 * then, which the next one's count tells. */
static bool fails_later(const struct play *p, const struct spoken *reply)
{
    pb_value *state = facts_failure(reply);
    int64_t count = count_from(p, reply), next = count_from(p, reply + 1);
    return state && facts_is_builtin(facts_text(state, "type")) &&
           !pb_dict_get(state, "pickled") && next - count == 1;
}

/* In a method an exception is raised, unless its Failure came in a Deferred, which shows
 * in that it was pickled; afterwards it is the end of a Deferred. */
static int fail_request(struct play *p, struct pending *w, pb_value *state)
{
    struct pb__buf mro = {0};
    const char *text = facts_text(state, "value");
    bool raised = p->serving == w->request && !pb_dict_get(state, "pickled");
    int e = write_bases(state, &mro);
    if (e == 0 && w->attempt) {
        e = pb_attempt_fail(w->attempt, (const char *)mro.data, "%s", text);
    } else if (e == 0 && raised) {
        e = pb_request_fail(w->request, (const char *)mro.data, "%s", text);
    } else if (e == 0) {
        pb_failure *f =
            pb_failure_new((const char *)mro.data, text, facts_text(state, "traceback"));
        e = f ? pb_request_fail_with(w->request, f) : PB_ERR_NOMEM;
        pb_failure_unref(f);
    }
    pb__buf_fini(&mro);
    return e;
}

/* ---- Answering ---- */

void answer_ready(struct play *p, const struct spoken *reply)
{
    pb_error err = {0};
    const struct pending *w = pending_of(p, reply);
    if (!w || w->attempt || facts_failure(reply) || p->ready == reply) {
        return;
    }
    pb_value_unref(p->ready_value);
    p->ready = reply;
    p->ready_value = things_read(p, reply, &err);
    if (!p->ready_value) {
        play_fail(p, reply->line, "what was answered cannot be made: %s", err.text);
    }
}

void answer_one_more(struct play *p, pb_request *r)
{
    bool cache = strstr(p->strikes, "cache") != NULL;
    struct thing *t = cache ? things_cache(p, INT64_MAX) : things_object(p, INT64_MAX);
    if (t && cache && !t->state) {
        t->state = pb_dict();
    }
    pb_request_answer_steal(r, t ? pb_object_value(t->object) : NULL);
}

static void answer_attempt(struct play *p, struct pending *w, const struct spoken *reply)
{
    pb_value *id;
    int64_t luid;
    struct thing *avatar = NULL;
    if (form_is(spoken_member(reply, 2), "remote", &id) && pb_as_int(id, &luid) == 0) {
        avatar = things_object(p, luid);
    }
    if (!avatar) {
        play_fail(p, reply->line, "a login that is answered with no reference");
        return;
    }
    pb_attempt_grant(w->attempt, avatar->object, NULL, NULL);
}

static void answer_request(struct play *p, struct pending *w, const struct spoken *reply)
{
    answer_ready(p, reply);
    pb_value *value = p->ready_value ? pb_item(p->ready_value, 2) : NULL;
    if (!value) {
        return; /* that has been told */
    }
    pb_value_ref(value);
    pb_value_unref(p->ready_value);
    p->ready = NULL;
    p->ready_value = NULL;
    if (spoken_is(reply, "error")) {
        pb_request_fail_value_steal(w->request, value);
    } else {
        pb_request_answer_steal(w->request, value);
    }
}

void answer_give(struct play *p, const struct spoken *reply)
{
    struct pending *w = pending_of(p, reply);
    pb_value *state = facts_failure(reply);
    const char *text = facts_text(state, "value");
    if (!w) {
        return;
    }
    struct pending own = *w;
    if (own.request && strncmp(text, "Maximum PB ", 11) == 0) {
        p->strikes = text;
        answer_one_more(p, own.request);
    } else if (state && fail_request(p, &own, state) == PB_ERR_NOMEM) {
        play_fail(p, reply->line, "out of memory");
    } else if (own.attempt && !state) {
        answer_attempt(p, &own, reply);
    } else if (!state) {
        answer_request(p, &own, reply);
    }
    free_pending(p, pending_of(p, reply));
}

/* ---- Waiting ---- */

/* Whether all that comes before the reply may be said now: nothing of it answers a call
 * that is still to come. */
static bool may_answer(const struct play *p, const struct spoken *call,
                       const struct spoken *reply)
{
    if (!reply || reply->first >= p->due || reply < spoken_at(p->s, p->cursor) ||
        fails_later(p, reply)) {
        return false;
    }
    for (const struct spoken *m = call + 1; m < reply; m++) {
        const struct spoken *other = m->from != p->who ? reply_to(p->s, m) : NULL;
        if (spoken_is_call(m) && other && other < reply) {
            return false;
        }
    }
    return true;
}

void answer_later(struct play *p, const struct spoken *call, const struct spoken *reply,
                  pb_request *request, pb_attempt *attempt)
{
    struct pending w = {call, request, attempt};
    if (pb__buf_append(&p->pending, &w, sizeof w) != 0) {
        play_fail(p, call->line, "out of memory");
        pb_request_unref(request);
        pb_attempt_unref(attempt);
        return;
    }
    if (may_answer(p, call, reply)) {
        answer_ready(p, reply);
        app_do(p, reply);
    }
}

void answer_fini(struct play *p)
{
    while (pending_count(p)) {
        free_pending(p, pending_at(p, 0));
    }
    pb__buf_fini(&p->pending);
    pb_value_unref(p->ready_value);
}
