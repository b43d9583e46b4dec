/* SPDX-License-Identifier: MIT
 *
 * Compares the messages of a scenario with the expectations of its file: the arguments
 * and the end of each call, and the arguments of each call that a method served. */
#include <string.h>

#include "compat/profile.h"
#include "libpb/base/error.h"
#include "tools/common/capture_file.h"
#include "tools/common/value_text.h"
#include "tools/json/json.h"
#include "tools/replay/engine/expected_value.h"
#include "tools/replay/engine/scenario.h"

static const char *json_text(const json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));
    return s ? s : "";
}

static bool value_is_json_int(const pb_value *v, const json_t *want)
{
    int64_t i;
    return v && json_is_integer(want) && pb_as_int(v, &i) == 0 &&
           i == json_integer_value(want);
}

const json_t *expected_step(const struct scenario *s, const char *begin, size_t n)
{
    size_t i;
    json_t *call;
    json_array_foreach(json_object_get(s->expect, "calls"), i, call)
    {
        const char *does = json_string_value(json_object_get(call, "does"));
        if (does && strncmp(does, begin, strlen(begin)) == 0 && n-- == 0) {
            return call;
        }
    }
    return NULL;
}

const json_t *expected_call_of(const struct scenario *s, const struct scenario_message *m)
{
    size_t i;
    json_t *call;
    if (!scenario_is_call(m)) {
        return NULL;
    }
    json_array_foreach(json_object_get(s->expect, "calls"), i, call)
    {
        if (side_by_name(json_text(call, "from")) == m->from &&
            value_is_json_int(scenario_member(m, CALL_REQUEST),
                              json_object_get(call, "request")) &&
            value_is_text(scenario_member(m, CALL_METHOD), json_text(call, "method"))) {
            return call;
        }
    }
    return NULL;
}

/* The message of a call in the expectations; NULL if there is none. */
static const struct scenario_message *message_of_call(const struct scenario *s,
                                                      const json_t *call)
{
    for (size_t i = 0; i < scenario_message_count(s); i++) {
        const struct scenario_message *m = scenario_message_at(s, i);
        if (m->from == side_by_name(json_text(call, "from")) && scenario_is_call(m) &&
            m->own &&
            value_is_json_int(scenario_member(m, CALL_REQUEST),
                              json_object_get(call, "request"))) {
            return m;
        }
    }
    return NULL;
}

static int comparison_fail(pb_error *err, const char *what, const pb_error *why)
{
    return pb__error_set(err, PB_ERR_TYPE, 0, "%s: %s", what, why->text);
}

static int compare_value(const struct scenario *s, enum expected_view view,
                         const json_t *want, pb_value *got, const char *what,
                         pb_error *err)
{
    struct expectation how = {
        view, pb__profile_has(s->check->profile, PB__PROFILE_DICT_ORDERED)};
    pb_error why = {0};
    return expected_value_compare(&how, want, got, &why)
               ? comparison_fail(err, what, &why)
               : 0;
}

/* The keyword argument of that name, which may be text or bytes; borrowed. */
static pb_value *find_keyword(const pb_value *kwargs, const json_t *name)
{
    struct pb__buf bytes = {0};
    const json_t *hex = json_object_get(name, "bytes");
    int e = hex ? capture_decode_hex(hex, &bytes, NULL)
                : pb__buf_puts(&bytes, json_text(name, "str"));
    e = e ? e : pb__buf_append(&bytes, "", 1);
    pb_value *v = e ? NULL : pb_dict_get(kwargs, (const char *)bytes.data);
    pb__buf_fini(&bytes);
    return v;
}

/* Compares keyword arguments, in any order. Their values are compared as one list,
 * because they may share objects. */
static int compare_keywords(const struct scenario *s, enum expected_view view,
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
        pb_value *v = same ? find_keyword(got, json_array_get(pair, 0)) : NULL;
        same = v && pb_append(values, v) == 0 &&
               json_array_append(wanted, json_array_get(pair, 1)) == 0;
    }
    json_t *list = json_pack("{s:o}", "list", wanted);
    int e = same ? compare_value(s, view, list, values, "keywords", err)
                 : pb__error_set(err, PB_ERR_TYPE, 0, "the keywords differ");
    json_decref(list);
    pb_value_unref(values);
    return e;
}

static int compare_message(const struct scenario *s, const json_t *call,
                           const struct scenario_message *m, pb_error *err)
{
    const json_t *object = json_object_get(call, "object");
    const pb_value *id = scenario_member(m, CALL_OBJECT);
    bool named = json_is_string(object);
    if (named ? !value_is_text(id, json_string_value(object))
              : !value_is_json_int(id, object)) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "the call is to another object");
    }
    if (!value_is_text(scenario_member(m, CALL_METHOD), json_text(call, "method"))) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "the call is of another method");
    }
    if (m->refused.code) {
        /* The peer refused it, or ended the connection: the reply is compared below. */
        return 0;
    }
    int e = compare_value(s, EXPECT_SENT, json_object_get(call, "args"),
                          scenario_member(m, CALL_ARGS), "arguments", err);
    return e ? e
             : compare_keywords(s, EXPECT_SENT, json_object_get(call, "kwargs"),
                                scenario_member(m, CALL_KWARGS), err);
}

/* Compares a text in the state of a failure. */
static int compare_text(const json_t *failure, const char *name, const pb_value *state,
                        const char *member, pb_error *err)
{
    const pb_value *got = pb_dict_get(state, member);
    if (!json_is_string(json_object_get(failure, name)) ||
        value_is_text(got, json_text(failure, name))) {
        return 0;
    }
    char *repr = got ? pb_value_repr(got) : NULL;
    pb__error_set(err, PB_ERR_TYPE, 0, "the failure's %s: expected \"%.60s\", got %.60s",
                  member, json_text(failure, name), repr ? repr : "nothing");
    pb_free(repr);
    return PB_ERR_TYPE;
}

static int compare_parents(const json_t *failure, const pb_value *state, pb_error *err)
{
    const json_t *want = json_object_get(failure, "parents");
    const pb_value *got = pb_dict_get(state, "parents");
    bool same = got && pb_len(got) == json_array_size(want);
    for (size_t i = 0; same && i < json_array_size(want); i++) {
        same = value_is_text(pb_item(got, i), json_string_value(json_array_get(want, i)));
    }
    return same ? 0 : pb__error_set(err, PB_ERR_TYPE, 0, "the failure's parents differ");
}

/* Compares a failure. One with parents was sent by the peer as a CopyableFailure. One
 * without was made by the caller's side, or is an exception that was sent as a copy. */
static int compare_failure(const struct scenario *s, const json_t *failure,
                           const struct scenario_message *reply, pb_error *err)
{
    bool error = reply && scenario_is(reply, "error");
    pb_value *value = error ? scenario_member(reply, ANSWER_VALUE) : NULL;
    const json_t *instance = json_object_get(failure, "instance");
    if (instance) {
        return compare_value(s, EXPECT_RECEIVED, instance, value, "failure", err);
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

/* Compares the parents of a failure of a session. */
static int compare_failure_parents(const json_t *want, const pb_failure *f, pb_error *err)
{
    pb_value *state = pb_build(err, "{s:O}", "parents", pb_failure_parents(f));
    int e = state ? compare_parents(want, state, err) : err->code;
    pb_value_unref(state);
    return e;
}

static int compare_held_text(const json_t *failure, const char *name, const char *got,
                             pb_error *err)
{
    const char *want = json_string_value(json_object_get(failure, name));
    return !want || strcmp(want, got) == 0
               ? 0
               : pb__error_set(err, PB_ERR_TYPE, 0,
                               "the failure's %s: expected \"%.60s\", got \"%.60s\"",
                               name, want, got);
}

/* Compares a failure of a session. Of one without parents, which was made here, only the
 * class is compared: its text is our own. */
static int compare_held_failure(const struct scenario *s, const json_t *failure,
                                const pb_failure *f, pb_error *err)
{
    const json_t *instance = json_object_get(failure, "instance");
    if (instance) {
        return compare_value(s, EXPECT_HELD, instance, pb_failure_value(f), "failure",
                             err);
    }
    int e = compare_held_text(failure, "type", pb_failure_type(f), err);
    if (e || !json_object_get(failure, "parents")) {
        return e;
    }
    e = compare_held_text(failure, "value", pb_failure_text(f), err);
    e = e ? e
          : compare_held_text(failure, "traceback_text", pb_failure_traceback(f), err);
    return e ? e : compare_failure_parents(failure, f, err);
}

int compare_call_end(const struct scenario *s, const json_t *call, pb_value *result,
                     const pb_failure *failure, pb_error *err)
{
    const json_t *answer = json_object_get(call, "answer");
    const json_t *failed = json_object_get(call, "failure");
    if (!answer && !failed) {
        return 0; /* it had not ended when the program did */
    }
    if (!answer != !result) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "ended by %s instead",
                             result ? "an answer" : pb_failure_type(failure));
    }
    return result ? compare_value(s, EXPECT_HELD, answer, result, "answer", err)
                  : compare_held_failure(s, failed, failure, err);
}

static int compare_reply(const struct scenario *s, const json_t *call,
                         const struct scenario_message *m, pb_error *err)
{
    const struct scenario_message *reply = scenario_reply_to(s, m);
    const json_t *answer = json_object_get(call, "answer");
    const json_t *failure = json_object_get(call, "failure");
    const pb_value *required = scenario_member(m, CALL_ANSWER_WANTED);
    int64_t wanted;
    if (!required || pb_as_int(required, &wanted) != 0 ||
        wanted != !json_object_get(call, "noanswer")) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "whether an answer is wanted differs");
    }
    if (answer) {
        if (!reply || !scenario_is(reply, "answer")) {
            return pb__error_set(err, PB_ERR_TYPE, 0, "no answer came");
        }
        return compare_value(s, EXPECT_RECEIVED, answer,
                             scenario_member(reply, ANSWER_VALUE), "answer", err);
    }
    if (failure) {
        return compare_failure(s, failure, reply, err);
    }
    if (reply && !reply->ended) {
        return pb__error_set(err, PB_ERR_TYPE, 0,
                             "an answer came where none is expected");
    }
    return 0;
}

/* A call that was not sent, because banana refused it: we must refuse it, too. */
static int compare_raised(const struct scenario *s, const json_t *call, pb_error *err)
{
    uint8_t *out = NULL;
    size_t len;
    int e = 0;
    pb_jelly_config config = {.profile = s->check->profile, .taster = s->jelly.taster};
    if (strcmp(json_text(call, "raised"), "BananaError") == 0) {
        /* Values that only a broker can make are skipped. */
        pb_value *args = value_from_json(json_object_get(call, "args"), NULL);
        pb_value *kwargs = value_from_json(json_object_get(call, "kwargs"), NULL);
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
    if (side_by_name(json_text(call, "from")) < 0) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "a call without the name of a side");
    }
    if (json_object_get(call, "raised")) {
        return compare_raised(s, call, err);
    }
    if (!json_object_get(call, "request")) { /* nothing was sent */
        bool received = json_object_get(call, "answer") ||
                        json_object_get(json_object_get(call, "failure"), "parents");
        return received ? pb__error_set(err, PB_ERR_SYNTAX, 0,
                                        "a call that was answered, without its request")
                        : 0;
    }
    const struct scenario_message *m = message_of_call(s, call);
    if (!m) {
        /* It may have been sent after the other side had ended the connection. */
        return s->sides[!side_by_name(json_text(call, "from"))].ended &&
                       !json_object_get(call, "answer")
                   ? 0
                   : pb__error_set(err, PB_ERR_TYPE, 0, "the call was not sent");
    }
    int e = compare_message(s, call, m, err);
    return e ? e : compare_reply(s, call, m, err);
}

/* The name of a method without its prefix; NULL if it has none. */
static const char *method_bare_name(const char *method)
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

/* Compares the arguments of a method, which gets a tuple, also if a list was sent. */
static int compare_served_arguments(const struct scenario *s, enum expected_view view,
                                    const json_t *served, pb_value *args,
                                    pb_value *kwargs, pb_error *err)
{
    json_t *tuple = json_copy(json_object_get(json_object_get(served, "args"), "tuple"));
    if (strncmp(json_text(served, "method"), "view_", 5) == 0) {
        json_array_remove(tuple, 0); /* the perspective */
    }
    bool list = args && pb_value_kind(args) == PB_LIST && view != EXPECT_HELD;
    json_t *want = json_pack("{s:o}", list ? "list" : "tuple", tuple);
    int e = compare_value(s, view, want, args, "arguments", err);
    json_decref(want);
    return e ? e
             : compare_keywords(s, view, json_object_get(served, "kwargs"), kwargs, err);
}

int compare_served_call(const struct scenario *s, const json_t *served, pb_value *args,
                        pb_value *kwargs, pb_error *err)
{
    return compare_served_arguments(s, EXPECT_HELD, served, args, kwargs, err);
}

/* Compares a message with a served call. */
static int compare_served_message(const struct scenario *s, const json_t *served,
                                  const struct scenario_message *m, pb_error *err)
{
    const char *bare = method_bare_name(json_text(served, "method"));
    if (!bare || !value_is_text(scenario_member(m, CALL_METHOD), bare)) {
        return pb__error_set(err, PB_ERR_TYPE, 0, "another method");
    }
    return compare_served_arguments(s, EXPECT_RECEIVED, served,
                                    scenario_member(m, CALL_ARGS),
                                    scenario_member(m, CALL_KWARGS), err);
}

/* Checks that the served calls are among the messages, in the same order. Calls that
 * Twisted's own objects serve, and calls without a method, are between them. */
static void check_served_calls(struct scenario *s)
{
    size_t i, at = 0;
    json_t *served;
    json_array_foreach(json_object_get(s->expect, "served"), i, served)
    {
        pb_error first = {0};
        bool found = false;
        while (!found && at < scenario_message_count(s)) {
            struct scenario_message *m = scenario_message_at(s, at++);
            pb_error err = {0};
            found =
                scenario_is_call(m) && compare_served_message(s, served, m, &err) == 0;
            m->served = found ? served : NULL;
            if (err.code && !first.code && strcmp(err.text, "another method") != 0) {
                first = err;
            }
        }
        if (!found) {
            check_fail(
                s->check, "no message for the call that was served as %s, number %zu%s%s",
                json_text(served, "method"), i + 1, first.code ? ": " : "", first.text);
            return;
        }
        check_pass(s->check);
    }
}

/* Checks that we refuse no call that the broker in the capture read and answered. */
static void check_refused_messages(struct scenario *s)
{
    for (size_t i = 0; i < scenario_message_count(s); i++) {
        const struct scenario_message *m = scenario_message_at(s, i);
        const struct scenario_message *reply =
            m->refused.code && scenario_is_call(m) ? scenario_reply_to(s, m) : NULL;
        if (reply && scenario_is(reply, "answer")) {
            size_t line = s->check->line;
            s->check->line = m->line;
            check_fail(s->check, "refused, though it was answered: %s", m->refused.text);
            s->check->line = line;
        }
    }
}

void check_expectations(struct scenario *s)
{
    size_t i;
    json_t *call;
    json_array_foreach(json_object_get(s->expect, "calls"), i, call)
    {
        pb_error err = {0};
        if (json_object_get(call, "does")) {
            continue; /* a step of several messages, whose end only the program saw */
        }
        if (compare_call(s, call, &err) == 0) {
            check_pass(s->check);
        } else {
            check_fail(s->check, "call %zu, %s: %s", i + 1, json_text(call, "method"),
                       err.text);
        }
    }
    check_served_calls(s);
    check_refused_messages(s);
}
