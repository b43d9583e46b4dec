/* SPDX-License-Identifier: MIT
 *
 * Listening to two brokers: each side's bytes to values, and from these what the messages
 * are and what belongs together. Nothing is judged but what cannot be read. */
#include "tools/talk.h"

#include <inttypes.h>

#include "libpb/banana/decode.h"
#include "libpb/banana/limits.h"
#include "libpb/base/error.h"
#include "libpb/base/span.h"

const char *const talk_sides[TALK_SIDES] = {"client", "server"};

const pb_limits talk_limits = {
    .prefix = 1 << 16, .list = 1 << 26, .bytes = 1 << 28, .message = 1 << 30};

pb_value *talk_member(const pb_value *message, size_t i)
{
    return pb_value_kind(message) == PB_LIST ? pb_item(message, i) : NULL;
}

bool talk_is_word(const pb_value *v, const char *word)
{
    pb_span s;
    return v && pb_as_bytes(v, &s) == 0 && pb__span_is(s, word);
}

static void change_count(struct talk_side *side, int64_t luid, int by)
{
    struct pb__map *m = &side->lent;
    uintptr_t count = (uintptr_t)pb__map_get(m, (uint64_t)luid);
    if (by < 0 && count <= 1) {
        pb__map_take(m, (uint64_t)luid);
    } else if (pb__map_set(m, (uint64_t)luid, (void *)(count + (uintptr_t)by)) != 0) {
        side->talk->status = PB_ERR_NOMEM;
    }
}

static int on_form(const struct pb__form *form, void *ctx)
{
    struct talk_side *side = ctx;
    int64_t luid;
    if (pb__span_is(form->head, "remote") && form->id &&
        pb_as_int(form->id, &luid) == 0) {
        change_count(side, luid, 1);
    }
    return 0;
}

static void free_call(struct talk_call *c)
{
    if (c) {
        pb_value_unref(c->message);
        pb__free(c);
    }
}

/* A call that is to be answered is kept; *now holds one that is not. */
static const struct talk_call *note_call(struct talk *t, const struct talk_message *m,
                                         struct talk_call *now)
{
    struct talk_side *side = &t->sides[m->from];
    int64_t wanted = 1;
    pb_value *answer = talk_member(m->value, TALK_WANTED);
    *now = (struct talk_call){.from = m->from,
                              .time = m->time,
                              .cache =
                                  talk_is_word(talk_member(m->value, 0), "cachemessage"),
                              .message = m->value};
    pb_value *request = talk_member(m->value, TALK_REQUEST);
    bool numbered = request && pb_as_int(request, &now->request) == 0;
    now->wants_answer = !answer || pb_as_int(answer, &wanted) != 0 || wanted != 0;
    if (!numbered || !now->wants_answer) {
        return now;
    }
    struct talk_call *c = pb__malloc(sizeof *c);
    free_call(pb__map_take(&side->calls, (uint64_t)now->request));
    if (!c || pb__map_set(&side->calls, (uint64_t)now->request, c) != 0) {
        pb__free(c);
        t->status = PB_ERR_NOMEM;
        return now;
    }
    *c = *now;
    pb_value_ref(c->message);
    return c;
}

/* The call of the other side that this answers, taken out. */
static struct talk_call *take_call(struct talk *t, const struct talk_message *m)
{
    int64_t request;
    pb_value *id = talk_member(m->value, TALK_REQUEST);
    return id && pb_as_int(id, &request) == 0
               ? pb__map_take(&t->sides[!m->from].calls, (uint64_t)request)
               : NULL;
}

/* The first words of a connection. */
static bool negotiates(struct talk *t, struct talk_message *m)
{
    pb_span name;
    bool offer = m->from == TALK_SERVER && pb_value_kind(m->value) == PB_LIST &&
                 (talk_is_word(talk_member(m->value, 0), "pb") ||
                  talk_is_word(talk_member(m->value, 0), "none"));
    bool choice = m->from == TALK_CLIENT && pb_value_kind(m->value) == PB_BYTES;
    if (t->sides[m->from].count > 1 || !(offer || choice)) {
        return false;
    }
    m->kind = offer ? TALK_DIALECTS : TALK_DIALECT;
    if (choice && pb_as_bytes(m->value, &name) == 0) {
        for (int i = 0; i < TALK_SIDES; i++) {
            pb_decoder_set_dialect(t->sides[i].decoder, pb__dialect_find(name));
        }
    }
    return true;
}

static void hear(struct talk *t, struct talk_message *m)
{
    struct talk_call now, *answered = NULL;
    const pb_value *command = talk_member(m->value, 0);
    int64_t luid;
    if (negotiates(t, m)) {
        t->message(m, t->ctx);
        return;
    }
    if (talk_is_word(command, "message") || talk_is_word(command, "cachemessage")) {
        m->kind = TALK_CALL;
        m->call = note_call(t, m, &now);
    } else if (talk_is_word(command, "answer") || talk_is_word(command, "error")) {
        m->kind = talk_is_word(command, "answer") ? TALK_ANSWER : TALK_ERROR;
        m->call = answered = take_call(t, m);
    } else if (talk_is_word(command, "decref") && talk_member(m->value, 1) &&
               pb_as_int(talk_member(m->value, 1), &luid) == 0) {
        change_count(&t->sides[!m->from], luid, -1);
    }
    t->message(m, t->ctx);
    free_call(answered);
}

static int on_message(struct pb__message *message, void *ctx)
{
    struct talk_side *side = ctx;
    struct talk *t = side->talk;
    const pb_decoder *d = side->decoder;
    uint64_t end = side->begun + d->offset + (uint64_t)(d->next - d->mark);
    struct talk_message m = {.kind = TALK_OTHER,
                             .from = side == &t->sides[TALK_SERVER],
                             .time = t->time,
                             .bytes = (size_t)(end - side->begun),
                             .value = message->value,
                             .refused = message->refused};
    side->begun = end;
    side->count++;
    hear(t, &m);
    pb_value_unref(message->value);
    return t->status;
}

static int side_init(struct talk *t, struct talk_side *side)
{
    side->talk = t;
    side->watch = (struct form_watch){on_form, side};
    side->invoker = form_keeper;
    side->invoker.ctx = &side->watch;
    side->reader = pb__reader_new(&(struct pb__reader_config){.jelly = &t->jelly,
                                                              .invoker = &side->invoker,
                                                              .messages = true,
                                                              .done = on_message,
                                                              .ctx = side});
    side->decoder = side->reader ? pb_decoder_new(PB_DIALECT_PB, &talk_limits,
                                                  pb__reader_sink(side->reader))
                                 : NULL;
    return side->decoder ? 0 : PB_ERR_NOMEM;
}

int talk_init(struct talk *t)
{
    *t = (struct talk){.jelly.taster = pb_taster_new()};
    int failed = t->jelly.taster ? pb_taster_allow_all(t->jelly.taster) : PB_ERR_NOMEM;
    for (int i = 0; !failed && i < TALK_SIDES; i++) {
        failed = side_init(t, &t->sides[i]);
    }
    if (failed) {
        talk_fini(t);
    }
    return failed;
}

static void damage(struct talk *t, int from, const pb_error *why)
{
    struct talk_side *side = &t->sides[from];
    pb_error found = *why;
    if (!*found.where) {
        pb__reader_where(side->reader, &found);
    }
    side->damaged = true;
    t->damage(from, t->time, side->begun + found.offset, &found, t->ctx);
}

int talk_hear(struct talk *t, int from, double time, pb_span in)
{
    struct talk_side *side = &t->sides[from];
    side->heard += in.len;
    t->time = time;
    if (side->damaged || t->status) {
        return t->status;
    }
    pb_error err = {0};
    int failed = pb_decoder_recv(side->decoder, in, &err);
    if (failed == PB_ERR_NOMEM) {
        t->status = failed;
    } else if (failed) {
        pb__error_set(&err, failed, 0, "%s", pb_strerror(failed));
        damage(t, from, &err);
    }
    return t->status;
}

void talk_end(struct talk *t, int from)
{
    struct talk_side *side = &t->sides[from];
    uint64_t offset = pb_decoder_offset(side->decoder);
    if (!side->damaged && offset > 0) {
        pb_error err = {0};
        pb__error_set(&err, PB_ERR_SYNTAX, offset,
                      "the stream ends in the middle of a message, %" PRIu64
                      " bytes into it",
                      offset);
        damage(t, from, &err);
    }
}

size_t talk_lent(const struct talk *t, int from)
{
    size_t total = 0, at = 0;
    uint64_t luid;
    void *count;
    while (pb__map_next(&t->sides[from].lent, &at, &luid, &count)) {
        total += (uintptr_t)count;
    }
    return total;
}

void talk_fini(struct talk *t)
{
    for (int i = 0; i < TALK_SIDES; i++) {
        struct talk_side *side = &t->sides[i];
        size_t at = 0;
        uint64_t request;
        void *call;
        while (pb__map_next(&side->calls, &at, &request, &call)) {
            free_call(call);
        }
        pb__map_fini(&side->calls);
        pb__map_fini(&side->lent);
        pb_decoder_free(side->decoder);
        pb__reader_free(side->reader);
    }
    pb_taster_unref(t->jelly.taster);
}
