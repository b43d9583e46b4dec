/* SPDX-License-Identifier: MIT
 *
 * Decodes the bytes of both sides to messages, tells what kind of message each is, and
 * finds the call of each answer. Only what cannot be read is an error here. */
#include "tools/common/conversation.h"

#include <inttypes.h>

#include "compat/profile.h"
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/messages.h"
#include "tools/common/value_text.h"

const char *const side_names[SIDE_COUNT] = {"client", "server"};
const char side_letters[SIDE_COUNT] = {'C', 'S'};

const pb_limits conversation_limits = {
    .prefix = 1 << 16, .list = 1 << 26, .bytes = 1 << 28, .message = 1 << 30};

int side_by_name(const char *name)
{
    for (int side = 0; name && side < SIDE_COUNT; side++) {
        if (strcmp(name, side_names[side]) == 0) {
            return side;
        }
    }
    return -1;
}

pb_value *message_member(const pb_value *message, size_t i)
{
    return pb_value_kind(message) == PB_LIST ? pb_item(message, i) : NULL;
}

size_t message_arity(const pb_value *command)
{
#define ROW(name, arity, ...) {name, arity},
    static const struct {
        const char *command;
        size_t arity;
    } messages[] = {PB__MESSAGE_MAP(ROW)};
#undef ROW
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (value_is_bytes(command, messages[i].command)) {
            return messages[i].arity;
        }
    }
    return 0;
}

pb_dialect dialect_by_name(const pb_value *v)
{
    return value_is_bytes(v, "pb")     ? PB_DIALECT_PB
           : value_is_bytes(v, "none") ? PB_DIALECT_NONE
                                       : PB_DIALECT_UNKNOWN;
}

pb_dialect dialect_for_reading(pb_dialect d, pb_profile profile)
{
    bool vocabulary = pb__profile_has(profile, PB__PROFILE_VOCAB_IN_NONE);
    return d == PB_DIALECT_NONE && vocabulary ? PB_DIALECT_PB : d;
}

/* ---- References and calls ---- */

static void exported_change(struct conversation_side *side, int64_t luid, int by)
{
    struct pb__map *m = &side->exported;
    uintptr_t count = (uintptr_t)pb__map_get(m, (uint64_t)luid);
    if (by < 0 && count <= 1) {
        pb__map_take(m, (uint64_t)luid);
    } else if (pb__map_set(m, (uint64_t)luid, (void *)(count + (uintptr_t)by)) != 0) {
        side->conversation->status = PB_ERR_NOMEM;
    }
}

static int conversation_on_expression(const struct pb__form *form, void *ctx)
{
    struct conversation_side *side = ctx;
    int64_t luid;
    if (pb__span_is(form->head, "remote") && form->id &&
        pb_as_int(form->id, &luid) == 0) {
        exported_change(side, luid, 1);
    }
    return 0;
}

static void conversation_call_free(struct conversation_call *call)
{
    if (call) {
        pb_value_unref(call->message);
        pb__free(call);
    }
}

/* Describes a call in *unkept. One that will be answered is kept until then; returns that
 * copy, or unkept. */
static const struct conversation_call *
conversation_add_call(struct conversation *c, const struct conversation_message *m,
                      struct conversation_call *unkept)
{
    struct conversation_side *side = &c->sides[m->from];
    int64_t wanted = 1;
    pb_value *answer = message_member(m->value, CALL_ANSWER_WANTED);
    pb_value *request = message_member(m->value, CALL_REQUEST);
    *unkept = (struct conversation_call){
        .from = m->from,
        .time = m->time,
        .cache = value_is_bytes(message_member(m->value, 0), "cachemessage"),
        .message = m->value};
    bool numbered = request && pb_as_int(request, &unkept->request) == 0;
    unkept->wants_answer = !answer || pb_as_int(answer, &wanted) != 0 || wanted != 0;
    if (!numbered || !unkept->wants_answer) {
        return unkept;
    }
    struct conversation_call *call = pb__malloc(sizeof *call);
    uint64_t key = (uint64_t)unkept->request;
    conversation_call_free(pb__map_take(&side->calls, key));
    if (!call || pb__map_set(&side->calls, key, call) != 0) {
        pb__free(call);
        c->status = PB_ERR_NOMEM;
        return unkept;
    }
    *call = *unkept;
    pb_value_ref(call->message);
    return call;
}

/* Takes the call that a message answers out of the calls of the other side. */
static struct conversation_call *
conversation_take_call(struct conversation *c, const struct conversation_message *m)
{
    int64_t request;
    pb_value *id = message_member(m->value, ANSWER_REQUEST);
    return id && pb_as_int(id, &request) == 0
               ? pb__map_take(&c->sides[!m->from].calls, (uint64_t)request)
               : NULL;
}

/* ---- Messages ---- */

/* Whether the message belongs to the negotiation: the first one of its side. */
static bool conversation_negotiates(struct conversation *c,
                                    struct conversation_message *m)
{
    bool offer = m->from == SIDE_SERVER &&
                 dialect_by_name(message_member(m->value, 0)) != PB_DIALECT_UNKNOWN;
    bool choice = m->from == SIDE_CLIENT && pb_value_kind(m->value) == PB_BYTES;
    if (c->sides[m->from].count > 1 || !(offer || choice)) {
        return false;
    }
    m->kind = offer ? MESSAGE_DIALECTS : MESSAGE_DIALECT;
    for (int i = 0; choice && i < SIDE_COUNT; i++) {
        pb_decoder_set_dialect(c->sides[i].decoder, dialect_by_name(m->value));
    }
    return true;
}

static void conversation_report(struct conversation *c, struct conversation_message *m)
{
    struct conversation_call unkept, *answered = NULL;
    const pb_value *command = message_member(m->value, 0);
    const pb_value *id = message_member(m->value, 1);
    int64_t luid;
    if (conversation_negotiates(c, m)) {
        c->message(m, c->ctx);
        return;
    }
    if (value_is_bytes(command, "message") || value_is_bytes(command, "cachemessage")) {
        m->kind = MESSAGE_CALL;
        m->call = conversation_add_call(c, m, &unkept);
    } else if (value_is_bytes(command, "answer") || value_is_bytes(command, "error")) {
        m->kind = value_is_bytes(command, "answer") ? MESSAGE_ANSWER : MESSAGE_ERROR;
        m->call = answered = conversation_take_call(c, m);
    } else if (value_is_bytes(command, "decref") && id && pb_as_int(id, &luid) == 0) {
        exported_change(&c->sides[!m->from], luid, -1);
    }
    c->message(m, c->ctx);
    conversation_call_free(answered);
}

/* Stops the decoder after each message, so that its length is known. */
static int conversation_on_message(struct pb__message *message, void *ctx)
{
    struct conversation_side *side = ctx;
    side->value = message->value;
    side->refused = message->refused ? *message->refused : (pb_error){0};
    side->complete = true;
    pb_decoder_pause(side->decoder);
    return 0;
}

static int conversation_side_init(struct conversation *c, int from)
{
    struct conversation_side *side = &c->sides[from];
    side->conversation = c;
    side->observer = (struct broker_expression_observer){
        conversation_on_expression, side, side_letters[from], side_letters[!from]};
    side->invoker = broker_expression_keep_all;
    side->invoker.ctx = &side->observer;
    side->reader =
        pb__reader_new(&(struct pb__reader_config){.jelly = &c->jelly,
                                                   .invoker = &side->invoker,
                                                   .messages = true,
                                                   .done = conversation_on_message,
                                                   .ctx = side});
    side->decoder = side->reader ? pb_decoder_new(PB_DIALECT_PB, &conversation_limits,
                                                  pb__reader_sink(side->reader))
                                 : NULL;
    return side->decoder ? 0 : PB_ERR_NOMEM;
}

/* Whether a value is what a broker may send. */
static bool is_broker_message(const pb_value *v)
{
    const pb_value *command = message_member(v, 0);
    return dialect_by_name(v) != PB_DIALECT_UNKNOWN ||
           dialect_by_name(command) != PB_DIALECT_UNKNOWN || message_arity(command) > 0;
}

/* Gives up what has been received of a side, but for the last bytes, which will be tried
 * again: a message may begin with a chunk. */
static void conversation_skip(struct conversation *c, int from, size_t again)
{
    struct conversation_side *side = &c->sides[from];
    pb_value_unref(side->value);
    side->value = NULL;
    side->complete = false;
    pb_decoder_free(side->decoder);
    pb__reader_free(side->reader);
    side->decoder = NULL;
    side->reader = NULL;
    side->skipped = side->message_start = side->received - again;
    if (conversation_side_init(c, from) != 0) {
        c->status = PB_ERR_NOMEM;
    }
}

/* Reports the message that a side has completed at an offset of its stream. */
static void conversation_complete(struct conversation *c, struct conversation_side *side,
                                  uint64_t end)
{
    struct conversation_message m = {
        .kind = MESSAGE_OTHER,
        .from = side == &c->sides[SIDE_SERVER] ? SIDE_SERVER : SIDE_CLIENT,
        .time = c->time,
        .bytes = (size_t)(end - side->message_start),
        .value = side->value,
        .refused = side->refused.code ? &side->refused : NULL};
    side->message_start = end;
    side->count++;
    conversation_report(c, &m);
    pb_value_unref(side->value);
    side->value = NULL;
}

static void conversation_report_damage(struct conversation *c, int from,
                                       const pb_error *why)
{
    struct conversation_side *side = &c->sides[from];
    pb_error found = *why;
    if (!*found.where) {
        pb__reader_where(side->reader, &found);
    }
    side->damaged = true;
    c->damage(from, c->time, side->message_start + found.offset, &found, c->ctx);
}

/* Whether what a side sent so far is no message, and is to be skipped. */
static bool conversation_is_lost(const struct conversation *c,
                                 const struct conversation_side *side, int failed)
{
    return c->joins && side->count == 0 && failed != PB_ERR_NOMEM &&
           (failed || (side->complete && !is_broker_message(side->value)));
}

int conversation_receive(struct conversation *c, int from, double time, pb_span in)
{
    struct conversation_side *side = &c->sides[from];
    const pb_span chunk = in;
    bool begun = pb_decoder_offset(side->decoder) > 0;
    side->received += in.len;
    c->time = time;
    while (in.len && !side->damaged && !c->status) {
        pb_error err = {0};
        side->complete = false;
        int failed = pb_decoder_recv(side->decoder, in, &err);
        size_t rest = failed ? 0 : pb_decoder_rest(side->decoder);
        in = (pb_span){in.data + (in.len - rest), rest};
        if (failed == PB_ERR_NOMEM) {
            c->status = failed;
        } else if (conversation_is_lost(c, side, failed)) {
            in = begun ? chunk : (pb_span){0};
            begun = false;
            conversation_skip(c, from, in.len);
        } else if (failed) {
            pb__error_set(&err, failed, 0, "%s", pb_strerror(failed));
            conversation_report_damage(c, from, &err);
        } else if (side->complete) {
            conversation_complete(c, side, side->received - in.len);
        }
    }
    return c->status;
}

void conversation_end(struct conversation *c, int from)
{
    struct conversation_side *side = &c->sides[from];
    uint64_t offset = pb_decoder_offset(side->decoder);
    bool foreign = c->joins && side->count == 0;
    if (!side->damaged && offset > 0 && !foreign) {
        pb_error err = {0};
        pb__error_set(&err, PB_ERR_SYNTAX, offset,
                      "the stream ends in the middle of a message, %" PRIu64
                      " bytes into it",
                      offset);
        conversation_report_damage(c, from, &err);
    }
}

size_t conversation_exported(const struct conversation *c, int from)
{
    size_t total = 0, at = 0;
    uint64_t luid;
    void *count;
    while (pb__map_next(&c->sides[from].exported, &at, &luid, &count)) {
        total += (uintptr_t)count;
    }
    return total;
}

/* ---- Begin and end ---- */

int conversation_init(struct conversation *c)
{
    *c = (struct conversation){.jelly.taster = pb_taster_new()};
    int failed = c->jelly.taster ? pb_taster_allow_all(c->jelly.taster) : PB_ERR_NOMEM;
    for (int i = 0; !failed && i < SIDE_COUNT; i++) {
        failed = conversation_side_init(c, i);
    }
    if (failed) {
        conversation_fini(c);
    }
    return failed;
}

void conversation_fini(struct conversation *c)
{
    for (int i = 0; i < SIDE_COUNT; i++) {
        struct conversation_side *side = &c->sides[i];
        size_t at = 0;
        uint64_t request;
        void *call;
        while (pb__map_next(&side->calls, &at, &request, &call)) {
            conversation_call_free(call);
        }
        pb__map_fini(&side->calls);
        pb__map_fini(&side->exported);
        pb_decoder_free(side->decoder);
        pb__reader_free(side->reader);
    }
    pb_taster_unref(c->jelly.taster);
}
