/* SPDX-License-Identifier: MIT
 *
 * The expectations of a scenario against what was spoken in it: each call's arguments and
 * what came of it, and each call that an application's method served. */
#include <stdio.h>

#include "compat/profile.h"
#include "libpb/base/error.h"
#include "tools/capture.h"
#include "tools/expect.h"
#include "tools/json.h"
#include "tools/replay_scenario.h"

static const char *text(const json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));
    return s ? s : "";
}

static bool is_text(const pb_value *v, const char *want)
{
    pb_span s;
    return v && pb_as_text(v, &s) == 0 && s.len == strlen(want) &&
           memcmp(s.data, want, s.len) == 0;
}

static bool is_int(const pb_value *v, const json_t *want)
{
    int64_t i;
    return v && json_is_integer(want) && pb_as_int(v, &i) == 0 &&
           i == json_integer_value(want);
}

static bool is_call(const struct spoken *m)
{
    return spoken_is(m, "message") || spoken_is(m, "cachemessage");
}

/* -1 for what is no side. */
static int index_of(const char *side)
{
    return strcmp(side, "server") == 0   ? SERVER
           : strcmp(side, "client") == 0 ? CLIENT
                                         : -1;
}

const json_t *call_of(const struct scenario *s, const struct spoken *m)
{
    size_t i;
    json_t *call;
    if (!is_call(m)) {
        return NULL;
    }
    json_array_foreach(json_object_get(s->expect, "calls"), i, call)
    {
        if (index_of(text(call, "from")) == m->from &&
            is_int(spoken_member(m, 1), json_object_get(call, "request")) &&
            is_text(spoken_member(m, 3), text(call, "method"))) {
            return call;
        }
    }
    return NULL;
}

/* The message that a call of the expectations sent; NULL if there is none. */
static const struct spoken *message_of(const struct scenario *s, const json_t *call)
{
    for (size_t i = 0; i < spoken_count(s); i++) {
        const struct spoken *m = spoken_at(s, i);
        if (m->from == index_of(text(call, "from")) && is_call(m) && m->own &&
            is_int(spoken_member(m, 1), json_object_get(call, "request"))) {
            return m;
        }
    }
    return NULL;
}

const struct spoken *reply_to(const struct scenario *s, const struct spoken *m)
{
    for (const struct spoken *a = m; a < spoken_at(s, spoken_count(s)); a++) {
        const pb_value *id = spoken_member(a, 1), *request = spoken_member(m, 1);
        if (a->from != m->from && (spoken_is(a, "answer") || spoken_is(a, "error")) &&
            id && pb_value_equal(id, request)) {
            return a;
        }
    }
    return NULL;
}

static int complain(pb_error *err, const char *what, const pb_error *why)
{
    return pb__error_set(err, PB_ERR_TYPE, 0, "%s: %s", what, why->text);
}

static int compare(const struct scenario *s, enum expect_view view, const json_t *want,
                   pb_value *got, const char *what, pb_error *err)
{
    struct expect how = {view, pb__profile_has(s->r->profile, PB__PROFILE_DICT_ORDERED)};
    pb_error why = {0};
    return expect_value(&how, want, got, &why) ? complain(err, what, &why) : 0;
}

/* The keyword of that name, which may travel as text or as bytes: borrowed. */
static pb_value *keyword(const pb_value *kwargs, const json_t *name)
{
    struct pb__buf bytes = {0};
    const json_t *hex = json_object_get(name, "bytes");
    int e =
        hex ? capture_hex(hex, &bytes, NULL) : pb__buf_puts(&bytes, text(name, "str"));
    e = e ? e : pb__buf_append(&bytes, "", 1);
    pb_value *v = e ? NULL : pb_dict_get(kwargs, (const char *)bytes.data);
    pb__buf_fini(&bytes);
    return v;
}

/* Keywords have no order. Their values are compared as one, for they may share objects. */
static int compare_keywords(const struct scenario *s, enum expect_view view,
                            const json_t *want, const pb_value *got, pb_error *err)
{
    const json_t *pairs = json_object_get(want, "dict");
    json_t *wanted = json_array();
    pb_value *values = pb_list();
    bool same = got && values && pb_len(got) == json_array_size(pairs);
    size_t i;
    json_t *pair;
    json_array_foreach(pairs, i, pair)
    {
        pb_value *v = same ? keyword(got, json_array_get(pair, 0)) : NULL;
        same = v && pb_append(values, v) == 0 &&
               json_array_append(wanted, json_array_get(pair, 1)) == 0;
    }
    json_t *list = json_pack("{s:o}", "list", wanted);
    int e = same ? compare(s, view, list, values, "keywords", err)
                 : pb__error_set(err, PB_ERR_TYPE, 0, "other keywords");
    json_decref(list);
    pb_value_unref(values);
    return e;
}

static int compare_message(const struct scenario *s, const json_t *call,
                           const struct spoken *m, pb_error *err)
{
    const json_t *object = json_object_get(call, "object");
    const pb_value *id = spoken_member(m, 2);
    bool named = json_is_string(object);
    if (named ? !is_text(id, json_string_value(object)) : !is_int(id, object)) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "the call is to another object");
    }
    if (!is_text(spoken_member(m, 3), text(call, "method"))) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "the call is of another method");
    }
    if (m->refused.code) {
        /* The peer refused it, or ended the connection: what it said is compared below. */
        return 0;
    }
    int e = compare(s, EXPECT_SENT, json_object_get(call, "args"), spoken_member(m, 5),
                    "arguments", err);
    return e ? e
             : compare_keywords(s, EXPECT_SENT, json_object_get(call, "kwargs"),
                                spoken_member(m, 6), err);
}

/* A text of a failure's state. */
static int compare_text(const json_t *failure, const char *name, const pb_value *state,
                        const char *member, pb_error *err)
{
    const pb_value *got = pb_dict_get(state, member);
    if (!json_is_string(json_object_get(failure, name)) ||
        is_text(got, text(failure, name))) {
        return 0;
    }
    char *repr = got ? pb_value_repr(got) : NULL;
    pb__error_set(err, PB_ERR_TYPE, 0, "the failure's %s: expected \"%.60s\", got %.60s",
                  member, text(failure, name), repr ? repr : "nothing");
    pb_free(repr);
    return PB_ERR_TYPE;
}

static int compare_parents(const json_t *failure, const pb_value *state, pb_error *err)
{
    const json_t *want = json_object_get(failure, "parents");
    const pb_value *got = pb_dict_get(state, "parents");
    bool same = got && pb_len(got) == json_array_size(want);
    for (size_t i = 0; same && i < json_array_size(want); i++) {
        same = is_text(pb_item(got, i), json_string_value(json_array_get(want, i)));
    }
    return same ? 0 : pb__error_set(err, PB_ERR_TYPE, 0, "the failure's parents differ");
}

/* A failure that has parents came over the wire as a copy of one; one that has none was
 * made by the caller, or is a copy of an exception of its own kind. */
static int compare_failure(const struct scenario *s, const json_t *failure,
                           const struct spoken *reply, pb_error *err)
{
    bool error = reply && spoken_is(reply, "error");
    pb_value *value = error ? spoken_member(reply, 2) : NULL;
    const json_t *instance = json_object_get(failure, "instance");
    if (instance) {
        return compare(s, EXPECT_RECEIVED, instance, value, "failure", err);
    }
    if (!json_object_get(failure, "parents")) {
        return 0;
    }
    pb_value *state = value ? pb_instance_state(value) : NULL;
    if (!state) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "no failure came");
    }
    int e = compare_text(failure, "type", state, "type", err);
    e = e ? e : compare_text(failure, "value", state, "value", err);
    e = e ? e : compare_text(failure, "traceback_text", state, "traceback", err);
    return e ? e : compare_parents(failure, state, err);
}

/* The parents of a failure that came. */
static int compare_failure_parents(const json_t *want, const pb_failure *f, pb_error *err)
{
    pb_value *state = pb_build(err, "{s:O}", "parents", pb_failure_parents(f));
    int e = state ? compare_parents(want, state, err) : err->code;
    pb_value_unref(state);
    return e;
}

static int same_text(const json_t *failure, const char *name, const char *got,
                     pb_error *err)
{
    const char *want = json_string_value(json_object_get(failure, name));
    return !want || strcmp(want, got) == 0
               ? 0
               : pb__error_set(err, PB_ERR_TYPE, 0,
                               "the failure's %s: expected \"%.60s\", got \"%.60s\"",
                               name, want, got);
}

/* One that has no parents was made here, in words of our own. */
static int compare_held_failure(const struct scenario *s, const json_t *failure,
                                const pb_failure *f, pb_error *err)
{
    const json_t *instance = json_object_get(failure, "instance");
    if (instance) {
        return compare(s, EXPECT_HELD, instance, pb_failure_value(f), "failure", err);
    }
    int e = same_text(failure, "type", pb_failure_type(f), err);
    if (e || !json_object_get(failure, "parents")) {
        return e;
    }
    e = same_text(failure, "value", pb_failure_text(f), err);
    e = e ? e : same_text(failure, "traceback_text", pb_failure_traceback(f), err);
    return e ? e : compare_failure_parents(failure, f, err);
}

int replay_ended(const struct scenario *s, const json_t *call, pb_value *result,
                 const pb_failure *failure, pb_error *err)
{
    const json_t *answer = json_object_get(call, "answer");
    const json_t *failed = json_object_get(call, "failure");
    if (!answer && !failed) {
        return 0; /* nothing came of it while the program ran */
    }
    if (!answer != !result) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "ended by %s instead",
                             result ? "an answer" : pb_failure_type(failure));
    }
    return result ? compare(s, EXPECT_HELD, answer, result, "answer", err)
                  : compare_held_failure(s, failed, failure, err);
}

static int compare_reply(const struct scenario *s, const json_t *call,
                         const struct spoken *m, pb_error *err)
{
    const struct spoken *reply = reply_to(s, m);
    const json_t *answer = json_object_get(call, "answer");
    const json_t *failure = json_object_get(call, "failure");
    const pb_value *required = spoken_member(m, 4);
    int64_t wanted;
    if (!required || pb_as_int(required, &wanted) != 0 ||
        wanted != !json_object_get(call, "noanswer")) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "asks otherwise for an answer");
    }
    if (answer) {
        if (!reply || !spoken_is(reply, "answer")) {
            return pb__error_set(err, PB_ERR_TYPE, 0, "no answer came");
        }
        return compare(s, EXPECT_RECEIVED, answer, spoken_member(reply, 2), "answer",
                       err);
    }
    if (failure) {
        return compare_failure(s, failure, reply, err);
    }
    if (reply && !reply->ended) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "something came where nothing should");
    }
    return 0;
}

/* A call that was never sent, because banana refuses it: so must we. */
static int compare_raised(const struct scenario *s, const json_t *call, pb_error *err)
{
    uint8_t *out = NULL;
    size_t len;
    int e = 0;
    pb_jelly_config config = {.profile = s->r->profile, .taster = s->jelly.taster};
    if (strcmp(text(call, "raised"), "BananaError") == 0) {
        /* What only a broker can send has no value here, and is passed over. */
        pb_value *args = json_to_value(json_object_get(call, "args"), NULL);
        pb_value *kwargs = json_to_value(json_object_get(call, "kwargs"), NULL);
        if (args && kwargs &&
            pb_jelly_bytes(args, &config, PB_DIALECT_PB, &out, &len, NULL) == 0) {
            pb_free(out);
            out = NULL;
            if (pb_jelly_bytes(kwargs, &config, PB_DIALECT_PB, &out, &len, NULL) == 0) {
                e = pb__error_set(err, PB_ERR_TYPE, 0,
                                  "can be sent, where Twisted refuses");
            }
        }
        pb_value_unref(args);
        pb_value_unref(kwargs);
    }
    pb_free(out);
    return e;
}

static int compare_call(const struct scenario *s, const json_t *call, pb_error *err)
{
    if (index_of(text(call, "from")) < 0) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "a call from no side");
    }
    if (json_object_get(call, "raised")) {
        return compare_raised(s, call, err);
    }
    if (!json_object_get(call, "request")) {
        return json_object_get(call, "skipped")
                   ? 0
                   : pb__error_set(err, PB_ERR_SYNTAX, 0, "a call without its request");
    }
    const struct spoken *m = message_of(s, call);
    if (!m) {
        /* Unless it was written to a side that had ended the connection. */
        return s->sides[!index_of(text(call, "from"))].ended &&
                       !json_object_get(call, "answer")
                   ? 0
                   : pb__error_set(err, PB_ERR_TYPE, 0, "the call was not sent");
    }
    int e = compare_message(s, call, m, err);
    return e ? e : compare_reply(s, call, m, err);
}

/* A method's name without its prefix; NULL where it has none. */
static const char *bare_name(const char *method)
{
    static const char *const prefixes[] = {"remote_", "perspective_", "view_",
                                           "observe_"};
    const char *bare = NULL;
    for (size_t i = 0; !bare && i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t len = strlen(prefixes[i]);
        bare = strncmp(method, prefixes[i], len) == 0 ? method + len : NULL;
    }
    return bare;
}

/* The arguments of a method, to which a tuple is given whether one was sent or a list. */
static int compare_arguments(const struct scenario *s, enum expect_view view,
                             const json_t *served, pb_value *args, pb_value *kwargs,
                             pb_error *err)
{
    json_t *tuple = json_copy(json_object_get(json_object_get(served, "args"), "tuple"));
    if (strncmp(text(served, "method"), "view_", 5) == 0) {
        json_array_remove(tuple, 0); /* the perspective */
    }
    bool list = args && pb_value_kind(args) == PB_LIST && view != EXPECT_HELD;
    json_t *want = json_pack("{s:o}", list ? "list" : "tuple", tuple);
    int e = compare(s, view, want, args, "arguments", err);
    json_decref(want);
    return e ? e
             : compare_keywords(s, view, json_object_get(served, "kwargs"), kwargs, err);
}

int replay_served(const struct scenario *s, const json_t *served, pb_value *args,
                  pb_value *kwargs, pb_error *err)
{
    return compare_arguments(s, EXPECT_HELD, served, args, kwargs, err);
}

/* Whether a message is the one that a method served. */
static int compare_served(const struct scenario *s, const json_t *served,
                          const struct spoken *m, pb_error *err)
{
    const char *bare = bare_name(text(served, "method"));
    if (!bare || !is_text(spoken_member(m, 3), bare)) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "another method");
    }
    return compare_arguments(s, EXPECT_RECEIVED, served, spoken_member(m, 5),
                             spoken_member(m, 6), err);
}

/* Served calls are among the messages, in their order: those that Twisted's own objects
 * serve, and those that no method is found for, stand between them. */
static void check_served(struct scenario *s)
{
    size_t i, at = 0;
    json_t *served;
    json_array_foreach(json_object_get(s->expect, "served"), i, served)
    {
        pb_error first = {0};
        bool found = false;
        while (!found && at < spoken_count(s)) {
            struct spoken *m = spoken_at(s, at++);
            pb_error err = {0};
            found = is_call(m) && compare_served(s, served, m, &err) == 0;
            m->served = found ? served : NULL;
            if (err.code && !first.code && strcmp(err.text, "another method") != 0) {
                first = err;
            }
        }
        if (!found) {
            replay_fail(
                s->r, "no message for the call that was served as %s, number %zu%s%s",
                text(served, "method"), i + 1, first.code ? ": " : "", first.text);
            return;
        }
        replay_pass(s->r);
    }
}

/* What a broker has read and answered we must not refuse. */
static void check_refused(struct scenario *s)
{
    for (size_t i = 0; i < spoken_count(s); i++) {
        const struct spoken *m = spoken_at(s, i);
        const struct spoken *reply =
            m->refused.code && is_call(m) ? reply_to(s, m) : NULL;
        if (reply && spoken_is(reply, "answer")) {
            size_t line = s->r->line;
            s->r->line = m->line;
            replay_fail(s->r, "refused, though it was answered: %s", m->refused.text);
            s->r->line = line;
        }
    }
}

void replay_calls(struct scenario *s)
{
    size_t i;
    json_t *call;
    json_array_foreach(json_object_get(s->expect, "calls"), i, call)
    {
        pb_error err = {0};
        if (json_object_get(call, "does")) {
            continue; /* several messages, with an end that is the program's own */
        }
        if (compare_call(s, call, &err) == 0) {
            replay_pass(s->r);
        } else {
            replay_fail(s->r, "call %zu, %s: %s", i + 1, text(call, "method"), err.text);
        }
    }
    check_served(s);
    check_refused(s);
}
