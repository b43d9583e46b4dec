/* SPDX-License-Identifier: MIT
 *
 * A model of the broker that receives a message, as far as its behaviour can be seen
 * from outside: which messages make Twisted drop the connection, and the references,
 * caches and requests that it counts to know that. Mirrors Broker.expressionReceived
 * and the proto_ methods. */
#include <assert.h>

#include "compat/profile.h"
#include "libpb/base/error.h"
#include "libpb/broker/messages.h"
#include "tools/replay/engine/scenario.h"

static int broker_drop(pb_error *err, const char *why)
{
    return pb__error_set(err, PB_ERR_PROTOCOL, 0, "%s", why);
}

static bool is_utf8_bytes(const pb_value *bytes)
{
    pb_span s;
    pb_value *text = pb_as_bytes(bytes, &s) == 0 ? pb_strn(s, NULL) : NULL;
    pb_value_unref(text);
    return text != NULL;
}

/* The count of a luid in a map; 0 if it is not an int. */
static uintptr_t luid_count(const struct pb__map *m, const pb_value *luid)
{
    int64_t i;
    return luid && pb_as_int(luid, &i) == 0 ? (uintptr_t)pb__map_get(m, (uint64_t)i) : 0;
}

static int luid_set_count(struct pb__map *m, int64_t luid, uintptr_t count)
{
    if (count == 0) {
        pb__map_take(m, (uint64_t)luid);
        return 0;
    }
    return pb__map_set(m, (uint64_t)luid, (void *)count);
}

static int luid_decrement(struct pb__map *m, const pb_value *luid, uintptr_t count)
{
    int64_t i = 0;
    pb_as_int(luid, &i);
    return luid_set_count(m, i, count - 1);
}

static struct scenario_side *sending_side(struct scenario *s,
                                          const struct scenario_message *m)
{
    return &s->sides[m->from];
}

static struct scenario_side *receiving_side(struct scenario *s,
                                            const struct scenario_message *m)
{
    return &s->sides[!m->from];
}

/* message and cachemessage: request, object, method, answer required, args, kwargs. */
static int broker_take_call(struct scenario *s, struct scenario_message *m, pb_error *err)
{
    const pb_value *method = scenario_member(m, CALL_METHOD),
                   *wanted = scenario_member(m, CALL_ANSWER_WANTED);
    if (!method || pb_value_kind(method) != PB_BYTES) {
        bool answered =
            pb__profile_has(s->check->profile, PB__PROFILE_INTEGER_METHOD_ANSWERED);
        return answered ? 0 : broker_drop(err, "a method that is not a string");
    }
    if (!pb__profile_has(s->check->profile, PB__PROFILE_NATIVE_STR_BARE) &&
        !is_utf8_bytes(method)) {
        return broker_drop(err, "a method that is not UTF-8");
    }
    int64_t request, want;
    bool answer = !(wanted && pb_as_int(wanted, &want) == 0 && want == 0);
    const pb_value *id = scenario_member(m, CALL_REQUEST);
    if (m->own && answer && id && pb_as_int(id, &request) == 0) {
        return luid_set_count(&sending_side(s, m)->waiting, request, 1);
    }
    return 0;
}

/* answer and error: request, value. A value that is refused is an error of the
 * message. */
static int broker_take_answer(struct scenario *s, struct scenario_message *m,
                              pb_error *err)
{
    struct pb__map *waiting = &receiving_side(s, m)->waiting;
    const pb_value *id = scenario_member(m, ANSWER_REQUEST);
    if (!luid_count(waiting, id)) {
        return broker_drop(err, "an answer to a call that was never made");
    }
    luid_decrement(waiting, id, 1);
    if (m->refused.code) {
        *err = m->refused;
    }
    return m->refused.code;
}

static int broker_take_decref(struct scenario *s, struct scenario_message *m,
                              pb_error *err)
{
    struct pb__map *objects = &receiving_side(s, m)->objects;
    const pb_value *luid = scenario_member(m, 1);
    uintptr_t count = luid_count(objects, luid);
    return count ? luid_decrement(objects, luid, count)
                 : broker_drop(err, "decref of an object that the peer does not hold");
}

static int broker_take_decache(struct scenario *s, struct scenario_message *m,
                               pb_error *err)
{
    struct pb__map *caches = &receiving_side(s, m)->caches;
    const pb_value *luid = scenario_member(m, 1);
    uintptr_t count = luid_count(caches, luid);
    return count > 1 ? luid_decrement(caches, luid, count)
                     : broker_drop(err, "decache of an object that is not cached");
}

static int broker_take_uncache(struct scenario *s, struct scenario_message *m,
                               pb_error *err)
{
    struct pb__map *caches = &sending_side(s, m)->caches;
    const pb_value *luid = scenario_member(m, 1);
    uintptr_t count = luid_count(caches, luid);
    return count ? luid_decrement(caches, luid, 1)
                 : broker_drop(err, "uncache of an object that is not cached");
}

static int broker_take_version(struct scenario *s, struct scenario_message *m,
                               pb_error *err)
{
    (void)s;
    int64_t version;
    const pb_value *v = scenario_member(m, 1);
    bool same = v && pb_as_int(v, &version) == 0 && version == 6;
    return same ? 0 : broker_drop(err, "another version of the protocol");
}

static int broker_take_nothing(struct scenario *s, struct scenario_message *m,
                               pb_error *err)
{
    (void)s;
    (void)m;
    (void)err;
    return 0;
}

/* The proto_ methods. */
static const struct {
    const char *command;
    int (*take)(struct scenario *s, struct scenario_message *m, pb_error *err);
} broker_commands[] = {
    {"message", broker_take_call},
    {"cachemessage", broker_take_call},
    {"answer", broker_take_answer},
    {"error", broker_take_answer},
    {"decref", broker_take_decref},
    {"decache", broker_take_decache},
    {"uncache", broker_take_uncache},
    {"version", broker_take_version},
    {"didNotUnderstand", broker_take_nothing},
};

#define ONE(...) +1
static_assert(sizeof broker_commands / sizeof *broker_commands == 0 PB__MESSAGE_MAP(ONE),
              "a row for each message");

/* An unknown command: answered with didNotUnderstand by some versions of Twisted. */
static int broker_take_unknown(struct scenario *s, const pb_value *head, pb_error *err)
{
    bool string = head && pb_value_kind(head) == PB_BYTES;
    bool answered =
        pb__profile_has(s->check->profile, string ? PB__PROFILE_UNKNOWN_COMMAND_ANSWERED
                                                  : PB__PROFILE_INTEGER_COMMAND_ANSWERED);
    return answered ? 0 : broker_drop(err, "a command that is unknown, or not a string");
}

/* Counts what a message exports. */
static int broker_count_exports(struct scenario *s, const struct scenario_message *m)
{
    struct scenario_side *from = sending_side(s, m);
    int e = 0;
    for (size_t i = 0; e == 0 && i < from->exports.len / sizeof(struct exported_luid);
         i++) {
        struct exported_luid *l = (struct exported_luid *)(void *)from->exports.data + i;
        struct pb__map *map = l->cache ? &from->caches : &from->objects;
        uintptr_t count = (uintptr_t)pb__map_get(map, (uint64_t)l->luid);
        if (!l->again || count) {
            e = luid_set_count(map, l->luid, count + 1 + (l->cache && !l->again));
        }
    }
    return e;
}

int receiving_broker_take(struct scenario *s, struct scenario_message *m, pb_error *err)
{
    if (pb_value_kind(m->value) != PB_LIST) {
        return broker_drop(err, "an expression that is not a list");
    }
    if (pb_len(m->value) == 0) {
        return broker_drop(err, "an expression that is an empty list");
    }
    if (m->own && broker_count_exports(s, m) != 0) {
        return pb__error_nomem(err);
    }
    for (size_t i = 0; i < sizeof broker_commands / sizeof *broker_commands; i++) {
        if (scenario_is(m, broker_commands[i].command)) {
            if (pb_len(m->value) - 1 != message_arity(scenario_member(m, 0))) {
                return broker_drop(err, "a message with too few or too many members");
            }
            return broker_commands[i].take(s, m, err);
        }
    }
    return broker_take_unknown(s, scenario_member(m, 0), err);
}

bool receiving_broker_refuses(struct scenario *s, const struct scenario_message *m,
                              pb_span bytes)
{
    const pb_jelly_config jelly = {.profile = s->check->profile};
    struct decoded_message decoded;
    if (!scenario_is_reply(m)) {
        return false;
    }
    scenario_decode(&jelly, &broker_expression_keep_known, PB_DIALECT_PB, NULL, bytes,
                    &decoded, NULL);
    pb_value_unref(decoded.value);
    return decoded.refused.code != 0;
}
