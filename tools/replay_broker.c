/* SPDX-License-Identifier: MIT
 *
 * What a broker makes of a message, as far as that can be seen from outside: which
 * messages Twisted drops the connection on, and the references, caches and requests that
 * it counts to know. Mirrors Broker.expressionReceived and the proto_ methods. */
#include "compat/profile.h"
#include "compat/value.h"
#include "libpb/base/error.h"
#include "tools/form.h"
#include "tools/replay_scenario.h"

static int drop(pb_error *err, const char *why)
{
    return pb__error_set(err, PB_ERR_PROTOCOL, 0, "%s", why);
}

pb_value *spoken_member(const struct spoken *m, size_t i)
{
    return m->value && pb_value_kind(m->value) == PB_LIST ? pb_item(m->value, i) : NULL;
}

static bool text_is(const pb_value *v, const char *text)
{
    pb_span s;
    return v && pb_as_bytes(v, &s) == 0 && s.len == strlen(text) &&
           memcmp(s.data, text, s.len) == 0;
}

bool spoken_is(const struct spoken *m, const char *command)
{
    return text_is(spoken_member(m, 0), command);
}

static bool is_utf8(const pb_value *bytes)
{
    pb_span s;
    pb_value *text = pb_as_bytes(bytes, &s) == 0 ? pb_strn(s, NULL) : NULL;
    pb_value_unref(text);
    return text != NULL;
}

/* A count in a map of luids; 0 for what is no int. */
static uintptr_t count_of(const struct pb__map *m, const pb_value *luid)
{
    int64_t i;
    return luid && pb_as_int(luid, &i) == 0 ? (uintptr_t)pb__map_get(m, (uint64_t)i) : 0;
}

static int set_count(struct pb__map *m, int64_t luid, uintptr_t count)
{
    if (count == 0) {
        pb__map_take(m, (uint64_t)luid);
        return 0;
    }
    return pb__map_set(m, (uint64_t)luid, (void *)count);
}

static int less_one(struct pb__map *m, const pb_value *luid, uintptr_t count)
{
    int64_t i = 0;
    pb_as_int(luid, &i);
    return set_count(m, i, count - 1);
}

static struct side *speaker(struct scenario *s, const struct spoken *m)
{
    return &s->sides[m->from];
}

static struct side *listener(struct scenario *s, const struct spoken *m)
{
    return &s->sides[!m->from];
}

/* message and cachemessage: request, object, method, answer required, args, kwargs. */
static int take_message(struct scenario *s, struct spoken *m, pb_error *err)
{
    const pb_value *method = spoken_member(m, 3), *wanted = spoken_member(m, 4);
    if (!method || pb_value_kind(method) != PB_BYTES) {
        bool answered =
            pb__profile_has(s->r->profile, PB__PROFILE_INTEGER_METHOD_ANSWERED);
        return answered ? 0 : drop(err, "a method that is no string");
    }
    if (!pb__profile_has(s->r->profile, PB__PROFILE_NATIVE_STR_BARE) &&
        !is_utf8(method)) {
        return drop(err, "a method that is no UTF-8");
    }
    int64_t request, want;
    bool answer = !(wanted && pb_as_int(wanted, &want) == 0 && want == 0);
    const pb_value *id = spoken_member(m, 1);
    if (m->own && answer && id && pb_as_int(id, &request) == 0) {
        return set_count(&speaker(s, m)->waiting, request, 1);
    }
    return 0;
}

/* answer and error: request, value. Reading the value is part of taking it. */
static int take_answer(struct scenario *s, struct spoken *m, pb_error *err)
{
    struct pb__map *waiting = &listener(s, m)->waiting;
    const pb_value *id = spoken_member(m, 1);
    if (!count_of(waiting, id)) {
        return drop(err, "an answer to a call that was never made");
    }
    less_one(waiting, id, 1);
    if (m->refused.code) {
        *err = m->refused;
    }
    return m->refused.code;
}

static int take_decref(struct scenario *s, struct spoken *m, pb_error *err)
{
    struct pb__map *objects = &listener(s, m)->objects;
    const pb_value *luid = spoken_member(m, 1);
    uintptr_t count = count_of(objects, luid);
    return count ? less_one(objects, luid, count)
                 : drop(err, "decref of an object that the peer does not hold");
}

static int take_decache(struct scenario *s, struct spoken *m, pb_error *err)
{
    struct pb__map *caches = &listener(s, m)->caches;
    const pb_value *luid = spoken_member(m, 1);
    uintptr_t count = count_of(caches, luid);
    return count > 1 ? less_one(caches, luid, count)
                     : drop(err, "decache of an object that is not cached");
}

static int take_uncache(struct scenario *s, struct spoken *m, pb_error *err)
{
    struct pb__map *caches = &speaker(s, m)->caches;
    const pb_value *luid = spoken_member(m, 1);
    uintptr_t count = count_of(caches, luid);
    return count ? less_one(caches, luid, 1)
                 : drop(err, "uncache of an object that is not cached");
}

static int take_version(struct scenario *s, struct spoken *m, pb_error *err)
{
    (void)s;
    int64_t version;
    const pb_value *v = spoken_member(m, 1);
    bool same = v && pb_as_int(v, &version) == 0 && version == 6;
    return same ? 0 : drop(err, "another version of the protocol");
}

static int take_nothing(struct scenario *s, struct spoken *m, pb_error *err)
{
    (void)s;
    (void)m;
    (void)err;
    return 0;
}

/* The proto_ methods, and how many arguments each has. */
static const struct {
    const char *command;
    size_t arguments;
    int (*take)(struct scenario *s, struct spoken *m, pb_error *err);
} commands[] = {
    {"message", 6, take_message},
    {"cachemessage", 6, take_message},
    {"answer", 2, take_answer},
    {"error", 2, take_answer},
    {"decref", 1, take_decref},
    {"decache", 1, take_decache},
    {"uncache", 1, take_uncache},
    {"version", 1, take_version},
    {"didNotUnderstand", 1, take_nothing},
};

/* A command that is none: answered with didNotUnderstand, by those that can. */
static int take_unknown(struct scenario *s, const pb_value *head, pb_error *err)
{
    bool string = head && pb_value_kind(head) == PB_BYTES;
    bool answered =
        pb__profile_has(s->r->profile, string ? PB__PROFILE_UNKNOWN_COMMAND_ANSWERED
                                              : PB__PROFILE_INTEGER_COMMAND_ANSWERED);
    return answered ? 0 : drop(err, "a command that is unknown, or no string");
}

/* The counts of what the speaker's expression hands out. */
static int count_lent(struct scenario *s, const struct spoken *m)
{
    struct side *from = speaker(s, m);
    int e = 0;
    for (size_t i = 0; e == 0 && i < from->lent.len / sizeof(struct lent); i++) {
        struct lent *l = (struct lent *)(void *)from->lent.data + i;
        struct pb__map *map = l->cache ? &from->caches : &from->objects;
        uintptr_t count = (uintptr_t)pb__map_get(map, (uint64_t)l->luid);
        if (!l->again || count) {
            e = set_count(map, l->luid, count + 1 + (l->cache && !l->again));
        }
    }
    return e;
}

int broker_receive(struct scenario *s, struct spoken *m, pb_error *err)
{
    if (pb_value_kind(m->value) != PB_LIST) {
        return drop(err, "an expression that is no list");
    }
    if (pb_len(m->value) == 0) {
        return drop(err, "an expression that is an empty list");
    }
    if (m->own && count_lent(s, m) != 0) {
        return pb__error_nomem(err);
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (spoken_is(m, commands[i].command)) {
            if (pb_len(m->value) != commands[i].arguments + 1) {
                return drop(err, "a message with too few or too many members");
            }
            return commands[i].take(s, m, err);
        }
    }
    return take_unknown(s, spoken_member(m, 0), err);
}

struct refusal {
    bool refused;
};

static int note_refusal(struct pb__message *m, void *ctx)
{
    struct refusal *r = ctx;
    r->refused = m->refused != NULL;
    pb_value_unref(m->value);
    return 0;
}

bool broker_refuses(struct scenario *s, const struct spoken *m, pb_span bytes)
{
    struct refusal r = {false};
    pb_jelly_config jelly = {.profile = s->r->profile};
    struct pb__reader_config config = {.jelly = &jelly,
                                       .invoker = &form_plain,
                                       .messages = true,
                                       .done = note_refusal,
                                       .ctx = &r};
    if (!spoken_is(m, "answer") && !spoken_is(m, "error")) {
        return false;
    }
    struct pb__reader *reader = pb__reader_new(&config);
    pb_decoder *d =
        reader ? pb_decoder_new(PB_DIALECT_PB, NULL, pb__reader_sink(reader)) : NULL;
    if (d) {
        pb_decoder_recv(d, bytes, NULL);
    }
    pb_decoder_free(d);
    pb__reader_free(reader);
    return r.refused;
}
