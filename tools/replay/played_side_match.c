/* SPDX-License-Identifier: MIT
 *
 * Finds the message of the capture for each message of the live peer. An answer
 * belongs to its call. Of several calls of one method on one object, the first without
 * a difference is taken, because calls that run at the same time may come in another
 * order. */
#include <string.h>

#include "libpb/base/error.h"
#include "tools/common/command.h"
#include "tools/common/message_text.h"
#include "tools/common/value_text.h"
#include "tools/replay/played_side.h"

bool played_side_is_optional(const pb_value *message)
{
    const pb_value *command = message_member(message, 0);
    return value_is_bytes(command, "decref") || value_is_bytes(command, "decache");
}

static bool is_reply(enum message_kind kind)
{
    return kind == MESSAGE_ANSWER || kind == MESSAGE_ERROR;
}

/* ---- Numbers ---- */

static uintptr_t map_number(const struct pb__map *m, int64_t key)
{
    return (uintptr_t)pb__map_get(m, (uint64_t)key);
}

/* Whether all references under a luid of the peer have been released, so that the luid
 * may belong to another object now. The luid of a cache is used again only after its
 * owner has dropped the cache. */
static bool is_luid_released(const struct played_side *s, enum luid_kind kind,
                             int64_t live)
{
    return kind == LUID_OBJECT && !map_number(&s->live.sides[!s->side].exported, live);
}

/* Whether a live luid stands for the one in the capture. Binds the two if neither is
 * bound yet. */
static bool is_luid_matching(struct played_side *s, enum luid_kind kind, int64_t expected,
                             int64_t got)
{
    uintptr_t known = map_number(&s->live_luids[kind], expected);
    uintptr_t other = map_number(&s->recorded_luids[kind], got);
    if (known && (int64_t)known - 1 == got) {
        return true;
    }
    bool unbound = !known || is_luid_released(s, kind, (int64_t)known - 1);
    /* Else one object came where the capture has two. */
    bool fresh = !other || map_number(&s->live.sides[!s->side].exported, got) <= 1;
    if (!unbound || !fresh || s->dry_run) {
        return unbound && fresh;
    }
    if (pb__map_set(&s->live_luids[kind], (uint64_t)expected,
                    (void *)(uintptr_t)(got + 1)) ||
        pb__map_set(&s->recorded_luids[kind], (uint64_t)got,
                    (void *)(uintptr_t)(expected + 1))) {
        s->status = tool_nomem();
    }
    return true;
}

/* ---- Comparing ---- */

static bool is_masked_value(const pb_value *v)
{
    pb_span s;
    if (!v || pb_as_bytes(v, &s) != 0) {
        return false;
    }
    size_t i = 0;
    while (i < s.len && s.data[i] == '*') {
        i++;
    }
    return i == s.len;
}

/* Whether a place differs in every run: a challenge, a response that was masked, and the
 * number of failures in the peer's process. */
static bool is_volatile_place(const struct played_side *s, const char *method,
                              const char *path, const pb_value *expected)
{
    switch (s->current->kind) {
    case MESSAGE_ERROR:
        return strcmp(path, ".count") == 0;
    case MESSAGE_ANSWER:
        return method && strcmp(method, "login") == 0 && strcmp(path, "[0]") == 0;
    case MESSAGE_CALL:
        return strcmp(method, "respond") == 0 && strcmp(path, "args[0]") == 0 &&
               is_masked_value(expected);
    default:
        return false;
    }
}

struct comparison {
    struct played_side *s;
    const char *method;
};

static bool comparison_same_luid(enum luid_kind kind, int64_t expected, int64_t got,
                                 void *ctx)
{
    return is_luid_matching(((struct comparison *)ctx)->s, kind, expected, got);
}

static void comparison_difference(const char *path, const pb_value *expected,
                                  const pb_value *got, void *ctx)
{
    struct comparison *c = ctx;
    if (!is_volatile_place(c->s, c->method, path, expected)) {
        played_side_report_difference(c->s, path, expected, got);
    }
}

static int match_compare_member(const struct value_diff *d, const char *path, size_t i,
                                const struct recorded_message *recorded,
                                const struct conversation_message *m)
{
    return value_diff_compare(d, path, message_member(recorded->value, i),
                              message_member(m->value, i));
}

static int match_compare_call(const struct value_diff *d,
                              const struct recorded_message *recorded,
                              const struct conversation_message *m)
{
    int failed = value_diff_compare(d, "answer wanted", pb_bool(recorded->wants_answer),
                                    pb_bool(m->call->wants_answer));
    failed = failed ? failed : match_compare_member(d, "args", CALL_ARGS, recorded, m);
    return failed ? failed : match_compare_member(d, "kwargs", CALL_KWARGS, recorded, m);
}

static int match_compare_reply(struct played_side *s, const struct value_diff *d,
                               const struct recorded_message *recorded,
                               const struct conversation_message *m)
{
    int failed = match_compare_member(d, "", ANSWER_VALUE, recorded, m);
    if (!failed && !s->found && recorded->kind != m->kind) {
        played_side_report_difference(
            s, m->kind == MESSAGE_ERROR ? "(an error)" : "(an answer)",
            message_member(recorded->value, ANSWER_VALUE),
            message_member(m->value, ANSWER_VALUE));
    }
    return failed;
}

/* Compares a message with one of the capture; returns the number of differences. */
static size_t match_compare_message(struct played_side *s,
                                    const struct recorded_message *recorded,
                                    const struct conversation_message *m)
{
    const struct recorded_message *call =
        recorded->call != NO_MESSAGE ? recording_at(&s->recording, recorded->call)
                                     : recorded;
    struct comparison c = {s, call->method};
    const struct value_diff d = {.rules = &s->rules,
                                 .method = c.method,
                                 .same_luid = comparison_same_luid,
                                 .report = comparison_difference,
                                 .ctx = &c};
    s->current = recorded;
    s->heading_printed = false;
    s->found = 0;
    int failed = recorded->kind == MESSAGE_CALL ? match_compare_call(&d, recorded, m)
                 : is_reply(recorded->kind)
                     ? match_compare_reply(s, &d, recorded, m)
                     : value_diff_compare(&d, "", recorded->value, m->value);
    s->status = failed ? tool_nomem() : s->status;
    return s->found;
}

/* ---- Finding ---- */

static bool is_same_object(struct played_side *s, const struct recorded_message *recorded,
                           const pb_value *got)
{
    const pb_value *expected = message_member(recorded->value, CALL_OBJECT);
    int64_t a, b;
    if (!expected || !got) {
        return false;
    }
    if (recorded->cache && pb_as_int(expected, &a) == 0 && pb_as_int(got, &b) == 0) {
        return map_number(&s->live_luids[LUID_CACHE], a) == (uintptr_t)(b + 1);
    }
    return pb_value_equal(expected, got);
}

static bool is_same_member(const struct recorded_message *recorded,
                           const struct conversation_message *m, size_t i)
{
    const pb_value *a = message_member(recorded->value, i);
    const pb_value *b = message_member(m->value, i);
    return a && b && pb_value_equal(a, b);
}

/* Whether a message of the capture may be the one that was received. */
static bool is_candidate(struct played_side *s, const struct recorded_message *recorded,
                         const struct conversation_message *m)
{
    if (is_reply(m->kind)) {
        return is_reply(recorded->kind) && is_same_member(recorded, m, ANSWER_REQUEST);
    }
    if (recorded->kind != m->kind) {
        return false;
    }
    if (m->kind == MESSAGE_CALL) {
        return recorded->cache == m->call->cache &&
               is_same_member(recorded, m, CALL_METHOD) &&
               is_same_object(s, recorded, message_member(m->value, CALL_OBJECT));
    }
    return m->kind != MESSAGE_OTHER ||
           (is_same_member(recorded, m, 0) &&
            (!played_side_is_optional(m->value) || is_same_member(recorded, m, 1)));
}

/* The message of the capture for one that was received; NULL if there is none. */
static struct recorded_message *find_recorded(struct played_side *s,
                                              const struct conversation_message *m)
{
    struct recorded_message *first = NULL;
    /* Releases of references are not waited for where they stand. */
    size_t from = played_side_is_optional(m->value) ? 0 : s->first;
    for (size_t i = from; i < recording_count(&s->recording); i++) {
        struct recorded_message *recorded = recording_at(&s->recording, i);
        if (recorded->done || recorded->from == s->side ||
            !is_candidate(s, recorded, m)) {
            continue;
        }
        if (m->kind != MESSAGE_CALL) {
            return recorded;
        }
        s->dry_run = true;
        size_t differences = match_compare_message(s, recorded, m);
        s->dry_run = false;
        if (differences == 0) {
            return recorded;
        }
        first = first ? first : recorded;
    }
    return first;
}

/* ---- Receiving ---- */

/* Notes the number that a request of the peer has on this connection. */
static void bind_request(struct played_side *s, const struct recorded_message *recorded,
                         const struct conversation_message *m)
{
    int64_t request;
    const pb_value *id = message_member(recorded->value, CALL_REQUEST);
    if (id && pb_as_int(id, &request) == 0 &&
        pb__map_set(&s->requests, (uint64_t)request,
                    (void *)(uintptr_t)(m->call->request + 1)) != 0) {
        s->status = tool_nomem();
    }
}

static void receive_unexpected(struct played_side *s,
                               const struct conversation_message *m)
{
    struct pb__buf text = {0};
    if (played_side_is_optional(m->value)) {
        return;
    }
    if (message_append_text(&text, m, false) != 0) {
        s->status = tool_nomem();
    } else {
        played_side_report(s, NULL, "this message is not in the capture\n+ %.*s",
                           (int)text.len, (const char *)text.data);
    }
    pb__buf_fini(&text);
    if (m->kind == MESSAGE_CALL && m->call->wants_answer) {
        played_side_answer_unexpected(s, m);
    }
}

static bool is_ignored_call(struct played_side *s, const struct conversation_message *m)
{
    char *method = m->kind == MESSAGE_CALL ? message_method_name(m->call) : NULL;
    bool ignored = method && rules_is_ignored(&s->rules, method);
    pb_free(method);
    return ignored;
}

void played_side_receive(struct played_side *s, const struct conversation_message *m)
{
    if (is_ignored_call(s, m)) {
        if (m->call->wants_answer) {
            played_side_answer_unexpected(s, m);
        }
        return;
    }
    struct recorded_message *recorded = find_recorded(s, m);
    if (!recorded) {
        receive_unexpected(s, m);
        return;
    }
    recorded->done = true;
    recorded->received = pb_value_ref(m->value);
    s->compared++;
    if (!played_side_is_optional(recorded->value)) {
        (void)match_compare_message(s, recorded, m);
    }
    if (m->kind == MESSAGE_CALL) {
        bind_request(s, recorded, m);
    }
}
