/* SPDX-License-Identifier: MIT
 *
 * What of the capture a message of the live peer is. Answers belong to their calls; of
 * calls of one method on one object the first that is like it is taken, for what goes on
 * at the same time may come in another order. */
#include <string.h>

#include "libpb/base/error.h"
#include "tools/dump/dump.h"
#include "tools/common/command.h"
#include "tools/replay/played_side.h"

bool stand_in_is_loose(const pb_value *message)
{
    const pb_value *command = talk_member(message, 0);
    return talk_is_word(command, "decref") || talk_is_word(command, "decache");
}

/* ---- Numbers ---- */

static uintptr_t count_of(const struct pb__map *m, int64_t key)
{
    return (uintptr_t)pb__map_get(m, (uint64_t)key);
}

/* Whether what was sent under a luid of the peer's has been given back: its place may be
 * taken by another. Caches are numbered anew only when their owner has dropped them. */
static bool is_given_back(const struct stand_in *s, enum differ_luid kind, int64_t live)
{
    return kind == DIFFER_OBJECT && !count_of(&s->live.sides[!s->who].lent, live);
}

static bool same_luid(enum differ_luid kind, int64_t expected, int64_t got, void *ctx)
{
    struct stand_in *s = ctx;
    uintptr_t known = count_of(&s->luids[kind], expected);
    uintptr_t other = count_of(&s->back[kind], got);
    if (known && (int64_t)known - 1 == got) {
        return true;
    }
    bool free = !known || is_given_back(s, kind, (int64_t)known - 1);
    /* A number that comes for another one of the capture: one object, where it had two. */
    bool fresh = !other || count_of(&s->live.sides[!s->who].lent, got) <= 1;
    if (!free || !fresh || s->trying) {
        return free && fresh;
    }
    if (pb__map_set(&s->luids[kind], (uint64_t)expected, (void *)(uintptr_t)(got + 1)) ||
        pb__map_set(&s->back[kind], (uint64_t)got, (void *)(uintptr_t)(expected + 1))) {
        s->status = tool_nomem();
    }
    return true;
}

/* ---- Comparing ---- */

static bool is_asterisks(const pb_value *v)
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

/* What is another in every run: a challenge, a response that was masked, and the number of
 * failures that the peer's process has seen. */
static bool is_volatile(const struct stand_in *s, const char *method, const char *path,
                        const pb_value *expected)
{
    return (s->at->kind == TALK_ERROR && strcmp(path, ".count") == 0) ||
           (s->at->kind == TALK_ANSWER && method && strcmp(method, "login") == 0 &&
            strcmp(path, "[0]") == 0) ||
           (s->at->kind == TALK_CALL && strcmp(method, "respond") == 0 &&
            strcmp(path, "args[0]") == 0 && is_asterisks(expected));
}

struct comparing {
    struct stand_in *s;
    const char *method;
};

static bool on_luid(enum differ_luid kind, int64_t expected, int64_t got, void *ctx)
{
    return same_luid(kind, expected, got, ((struct comparing *)ctx)->s);
}

static void on_difference(const char *path, const pb_value *expected, const pb_value *got,
                          void *ctx)
{
    struct comparing *c = ctx;
    if (!is_volatile(c->s, c->method, path, expected)) {
        stand_in_differs(c->s, path, expected, got);
    }
}

static const char *method_of(const struct stand_in *s, const struct line *l)
{
    return l->call != NO_LINE ? script_line(&s->script, l->call)->method : l->method;
}

/* Compares a message with a line: how many differences there are. */
static size_t compare(struct stand_in *s, const struct line *l,
                      const struct talk_message *m)
{
    struct comparing c = {s, method_of(s, l)};
    const struct differ d = {.rules = &s->rules,
                             .method = c.method,
                             .same_luid = on_luid,
                             .report = on_difference,
                             .ctx = &c};
    bool reply = l->kind == TALK_ANSWER || l->kind == TALK_ERROR;
    int failed = 0;
    s->at = l;
    s->told = false;
    s->found = 0;
    if (l->kind == TALK_CALL) {
        failed = differ_compare(&d, "answer wanted", pb_bool(l->wants_answer),
                                pb_bool(m->call->wants_answer));
        failed = failed ? failed
                        : differ_compare(&d, "args", talk_member(l->value, TALK_ARGS),
                                         talk_member(m->value, TALK_ARGS));
        failed = failed ? failed
                        : differ_compare(&d, "kwargs", talk_member(l->value, TALK_KWARGS),
                                         talk_member(m->value, TALK_KWARGS));
    } else if (reply) {
        failed =
            differ_compare(&d, "", talk_member(l->value, 2), talk_member(m->value, 2));
        if (!failed && !s->found && l->kind != m->kind) {
            stand_in_differs(s, m->kind == TALK_ERROR ? "(an error)" : "(an answer)",
                             talk_member(l->value, 2), talk_member(m->value, 2));
        }
    } else {
        failed = differ_compare(&d, "", l->value, m->value);
    }
    s->status = failed ? tool_nomem() : s->status;
    return s->found;
}

/* ---- Finding ---- */

static bool same_object(struct stand_in *s, const struct line *l, const pb_value *got)
{
    const pb_value *expected = talk_member(l->value, TALK_OBJECT);
    int64_t a, b;
    if (!expected || !got) {
        return false;
    }
    if (l->cache && pb_as_int(expected, &a) == 0 && pb_as_int(got, &b) == 0) {
        return count_of(&s->luids[DIFFER_CACHE], a) == (uintptr_t)(b + 1);
    }
    return pb_value_equal(expected, got);
}

static bool may_be(struct stand_in *s, const struct line *l, const struct talk_message *m)
{
    bool reply = m->kind == TALK_ANSWER || m->kind == TALK_ERROR;
    const pb_value *a = talk_member(l->value, reply ? TALK_REQUEST : 0);
    const pb_value *b = talk_member(m->value, reply ? TALK_REQUEST : 0);
    if (reply) {
        return (l->kind == TALK_ANSWER || l->kind == TALK_ERROR) && a && b &&
               pb_value_equal(a, b);
    }
    if (l->kind != m->kind) {
        return false;
    }
    if (m->kind == TALK_CALL) {
        a = talk_member(l->value, TALK_METHOD);
        b = talk_member(m->value, TALK_METHOD);
        return l->cache == m->call->cache && a && b && pb_value_equal(a, b) &&
               same_object(s, l, talk_member(m->value, TALK_OBJECT));
    }
    return m->kind != TALK_OTHER || (a && b && pb_value_equal(a, b));
}

/* The line that the message is; NULL if there is none. */
static struct line *find(struct stand_in *s, const struct talk_message *m)
{
    struct line *first = NULL;
    for (size_t i = s->first; i < script_count(&s->script); i++) {
        struct line *l = script_line(&s->script, i);
        if (l->done || l->from == s->who || !may_be(s, l, m)) {
            continue;
        }
        if (m->kind != TALK_CALL) {
            return l;
        }
        s->trying = true;
        size_t differences = compare(s, l, m);
        s->trying = false;
        if (differences == 0) {
            return l;
        }
        first = first ? first : l;
    }
    return first;
}

/* ---- Hearing ---- */

/* The peer's request has another number here. */
static void note_request(struct stand_in *s, const struct line *l,
                         const struct talk_message *m)
{
    int64_t request;
    const pb_value *id = talk_member(l->value, TALK_REQUEST);
    if (id && pb_as_int(id, &request) == 0 &&
        pb__map_set(&s->requests, (uint64_t)request,
                    (void *)(uintptr_t)(m->call->request + 1)) != 0) {
        s->status = tool_nomem();
    }
}

static void hear_unexpected(struct stand_in *s, const struct talk_message *m)
{
    struct pb__buf text = {0};
    if (stand_in_is_loose(m->value)) {
        return;
    }
    if (dump_text(&text, m) != 0) {
        s->status = tool_nomem();
    } else {
        stand_in_tell(s, NULL, "the capture does not have this\n+ %.*s", (int)text.len,
                      (const char *)text.data);
    }
    pb__buf_fini(&text);
    if (m->kind == TALK_CALL && m->call->wants_answer) {
        stand_in_answer(s, m);
    }
}

static bool is_ignored(struct stand_in *s, const struct talk_message *m)
{
    char *method = m->kind == TALK_CALL ? dump_method(m->call) : NULL;
    bool ignored = method && rules_ignore(&s->rules, method);
    pb_free(method);
    return ignored;
}

void stand_in_hear(struct stand_in *s, const struct talk_message *m)
{
    if (is_ignored(s, m)) {
        if (m->call->wants_answer) {
            stand_in_answer(s, m);
        }
        return;
    }
    struct line *l = find(s, m);
    if (!l) {
        hear_unexpected(s, m);
        return;
    }
    l->done = true;
    l->live = pb_value_ref(m->value);
    s->compared++;
    if (!stand_in_is_loose(l->value)) {
        (void)compare(s, l, m);
    }
    if (m->kind == TALK_CALL) {
        note_request(s, l, m);
    }
}
