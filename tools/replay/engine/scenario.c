/* SPDX-License-Identifier: MIT
 *
 * Checks a scenario: decodes the chunks of both sides in the order of the file,
 * encodes each message again from its values and compares the bytes, and gives it to
 * the model of the receiving broker, which must end the connection where the file says
 * so and nowhere else. */
#include "tools/replay/engine/scenario.h"

#include <string.h>

#include "libpb/base/error.h"
#include "tools/common/capture_file.h"
#include "tools/common/command.h"
#include "tools/common/value_text.h"

/* ---- Messages ---- */

pb_value *scenario_member(const struct scenario_message *m, size_t i)
{
    return message_member(m->value, i);
}

pb_value *scenario_argument(const struct scenario_message *m, size_t i)
{
    const pb_value *args = scenario_member(m, CALL_ARGS);
    return args ? pb_item(args, i) : NULL;
}

bool scenario_is(const struct scenario_message *m, const char *command)
{
    return value_is_bytes(scenario_member(m, 0), command);
}

bool scenario_is_call(const struct scenario_message *m)
{
    return scenario_is(m, "message") || scenario_is(m, "cachemessage");
}

bool scenario_is_reply(const struct scenario_message *m)
{
    return scenario_is(m, "answer") || scenario_is(m, "error");
}

const struct scenario_message *scenario_reply_to(const struct scenario *s,
                                                 const struct scenario_message *call)
{
    const pb_value *request = scenario_member(call, CALL_REQUEST);
    const struct scenario_message *end =
        scenario_message_at(s, scenario_message_count(s));
    for (const struct scenario_message *m = call; m < end; m++) {
        const pb_value *id = scenario_member(m, ANSWER_REQUEST);
        if (m->from != call->from && scenario_is_reply(m) && id &&
            pb_value_equal(id, request)) {
            return m;
        }
    }
    return NULL;
}

/* ---- Decoding ---- */

static int scenario_on_message(struct pb__message *m, void *ctx)
{
    struct scenario_side *side = ctx;
    side->value = m->value;
    side->refused = m->refused ? *m->refused : (pb_error){0};
    side->complete = true;
    pb_decoder_pause(side->decoder);
    return 0;
}

/* Notes an exported reference or cache. */
static int scenario_on_expression(const struct pb__form *form, void *ctx)
{
    struct scenario_side *side = ctx;
    struct exported_luid l = {.cache = true};
    bool remote = pb__span_is(form->head, "remote");
    bool cached = pb__span_is(form->head, "cached");
    if (!form->id || pb_as_int(form->id, &l.luid) != 0 ||
        !(remote || cached || form->state)) {
        return 0;
    }
    l.cache = !remote;
    l.again = cached;
    return pb__buf_append(&side->exports, &l, sizeof l);
}

static bool scenario_side_init(struct scenario_side *side, const pb_jelly_config *jelly,
                               const pb_limits *limits)
{
    side->observer =
        (struct broker_expression_observer){.seen = scenario_on_expression, .ctx = side};
    side->keeper = broker_expression_keep_all;
    side->keeper.ctx = &side->observer;
    struct pb__reader_config config = {.jelly = jelly,
                                       .invoker = &side->keeper,
                                       .messages = true,
                                       .done = scenario_on_message,
                                       .ctx = side};
    side->reader = pb__reader_new(&config);
    if (!side->reader) {
        return false;
    }
    side->decoder =
        pb_decoder_new(PB_DIALECT_UNKNOWN, limits, pb__reader_sink(side->reader));
    side->encoder = pb_encoder_new(PB_DIALECT_UNKNOWN, &conversation_limits);
    return side->decoder && side->encoder;
}

static void scenario_side_fini(struct scenario_side *side)
{
    pb_decoder_free(side->decoder);
    pb__reader_free(side->reader);
    pb_encoder_free(side->encoder);
    pb__buf_fini(&side->bytes);
    pb__buf_fini(&side->last);
    pb__buf_fini(&side->sent);
    pb__buf_fini(&side->exports);
    pb__map_fini(&side->waiting);
    pb__map_fini(&side->objects);
    pb__map_fini(&side->caches);
}

/* ---- Encoding again ---- */

/* Encodes a message from its values. */
static int scenario_encode_values(struct scenario *s, struct scenario_side *from,
                                  pb_value *value, pb_error *err)
{
    pb_sink out = pb_encoder_sink(from->encoder);
    if (pb_value_kind(value) != PB_LIST) {
        return pb__jelly(value, &s->jelly, &from->keeper, from->encoder, err);
    }
    size_t n = pb_len(value);
    int e = out.ops->list(out.ctx, n);
    for (size_t i = 0; e == 0 && i < n; i++) {
        e = pb__jelly(pb_item(value, i), &s->jelly, &from->keeper, from->encoder, err);
    }
    return e ? e : out.ops->end(out.ctx);
}

/* Encodes a message from its tokens, for one that has no values. */
static int scenario_encode_tokens(struct scenario_side *from, pb_dialect dialect,
                                  pb_error *err)
{
    pb_decoder *d =
        pb_decoder_new(dialect, &conversation_limits, pb_encoder_sink(from->encoder));
    if (!d) {
        return pb__error_nomem(err);
    }
    int e = pb_decoder_recv(d, (pb_span){from->bytes.data, from->bytes.len}, err);
    pb_decoder_free(d);
    return e;
}

static bool is_encoded_same(struct scenario_side *from)
{
    pb_span out = pb_encoder_send(from->encoder);
    return out.len == from->bytes.len && memcmp(out.data, from->bytes.data, out.len) == 0;
}

/* Checks that encoding a message again gives its bytes: from its values, if a broker
 * wrote it. Raw bytes may be such that no broker writes them: these are encoded from
 * their tokens, and may even then differ (high zeros in a prefix). */
static void scenario_check_encoding(struct scenario *s, struct scenario_side *from,
                                    const struct scenario_message *m, pb_dialect dialect)
{
    pb_error err = {0};
    pb_encoder_set_dialect(from->encoder, dialect);
    uint64_t mark = pb_encoder_mark(from->encoder);
    int e = m->refused.code ? m->refused.code
                            : scenario_encode_values(s, from, m->value, &err);
    if (m->refused.code || (from->raw && (e != 0 || !is_encoded_same(from)))) {
        pb_encoder_rewind(from->encoder, mark);
        err = (pb_error){0};
        e = scenario_encode_tokens(from, dialect, &err);
    }
    if (e != 0) {
        pb_encoder_error(from->encoder, &err);
        check_fail(s->check, "a message of the %s cannot be encoded: %s", from->name,
                   err.text);
    } else if (from->raw && !is_encoded_same(from)) {
        check_pass(s->check);
    } else {
        check_same_bytes(s->check, from->name,
                         (pb_span){from->bytes.data, from->bytes.len},
                         pb_encoder_send(from->encoder));
    }
    pb_encoder_rewind(from->encoder, mark);
    pb_encoder_sent(from->encoder, pb_encoder_send(from->encoder).len);
}

/* ---- The negotiation ---- */

/* Handles the first expression of each side: the dialects that the server offers, and the
 * one that the client chooses. */
static void scenario_negotiate(struct scenario *s, const struct scenario_message *m)
{
    bool offered = false;
    if (m->from == SIDE_SERVER) {
        return;
    }
    for (size_t i = 0; i < scenario_message_count(s); i++) {
        const struct scenario_message *offer = scenario_message_at(s, i);
        pb_value *dialect;
        for (size_t k = 0;
             offer->from == SIDE_SERVER && (dialect = scenario_member(offer, k)); k++) {
            offered = offered || pb_value_equal(dialect, m->value);
        }
    }
    if (!offered || pb_value_kind(m->value) != PB_BYTES) {
        struct scenario_side *server = &s->sides[SIDE_SERVER];
        pb__error_set(&server->ends, PB_ERR_PROTOCOL, 0,
                      "a dialect that was not offered");
        server->quiet = true;
    }
    for (int i = 0; i < SIDE_COUNT; i++) {
        pb_decoder_set_dialect(s->sides[i].decoder, dialect_by_name(m->value));
    }
}

/* ---- Lines of the file ---- */

/* A side has completed a message. */
static void scenario_message_complete(struct scenario *s, int side, pb_dialect *dialect)
{
    struct scenario_side *from = &s->sides[side], *to = &s->sides[!side];
    struct scenario_message m = {.first = from->first,
                                 .line = s->check->line,
                                 .from = side,
                                 .dialect = *dialect,
                                 .at = from->sent.len,
                                 .len = from->bytes.len,
                                 .value = from->value,
                                 .refused = from->refused};
    m.own = !from->raw || expected_call_of(s, &m) != NULL;
    scenario_check_encoding(s, from, &m, *dialect);
    if (pb__buf_append(&from->sent, from->bytes.data, from->bytes.len) != 0 ||
        pb__buf_append(&s->messages, &m, sizeof m) != 0) {
        check_fail(s->check, "out of memory");
        pb_value_unref(m.value);
        return;
    }
    if (from->count++ == 0) {
        scenario_negotiate(s, &m);
    } else {
        receiving_broker_take(s, scenario_message_at(s, scenario_message_count(s) - 1),
                              &to->ends);
    }
    to->ends_line = s->check->line;
}

/* The dialect that the connection has so far. */
static pb_dialect scenario_dialect(const struct scenario *s)
{
    for (size_t i = 0; i < scenario_message_count(s); i++) {
        const struct scenario_message *m = scenario_message_at(s, i);
        if (m->from == SIDE_CLIENT) {
            return dialect_by_name(m->value);
        }
    }
    return PB_DIALECT_UNKNOWN;
}

/* Takes a chunk, up to its end, or until the other side ends the connection. */
static void scenario_take_chunk(struct scenario *s, int side, pb_span in)
{
    struct scenario_side *from = &s->sides[side], *to = &s->sides[!side];
    while (in.len && !to->ends.code) {
        pb_dialect dialect = scenario_dialect(s);
        from->complete = false;
        from->first = from->bytes.len ? from->first : s->check->line;
        int e = pb_decoder_recv(from->decoder, in, &to->ends);
        size_t used = in.len - (e ? 0 : pb_decoder_rest(from->decoder));
        if (pb__buf_append(&from->bytes, in.data, used) != 0) {
            pb__error_nomem(&to->ends);
        }
        in = (pb_span){in.data + used, in.len - used};
        to->ends_line = s->check->line;
        if (from->complete) {
            scenario_message_complete(s, side, &dialect);
            struct pb__buf bytes = from->last;
            from->last = from->bytes;
            from->bytes = bytes;
            from->bytes.len = 0;
            from->exports.len = 0;
        }
    }
}

/* Fails if a side should have ended the connection by our judgement: called when the file
 * shows that it did not, because the other side goes on, or the file ends. */
static void scenario_check_no_end(struct scenario *s, struct scenario_side *side)
{
    if (side->ends.code) {
        size_t line = s->check->line;
        s->check->line = side->ends_line;
        char why[TOOL_ERROR_SIZE];
        check_fail(s->check, "the %s does not end the connection here, we do: %s",
                   side->name, tool_format_error(why, &side->ends));
        s->check->line = line;
        s->over = true;
    }
}

/* Takes an event: a side ended the connection. */
static void scenario_take_event(struct scenario *s, const json_t *line)
{
    int by = side_by_name(json_string_value(json_object_get(line, "by")));
    const char *event = json_string_value(json_object_get(line, "event"));
    const char *error = json_string_value(json_object_get(line, "error"));
    if (by < 0 || strcmp(event ? event : "", "closed") != 0) {
        check_fail(s->check, "unknown event");
        return;
    }
    struct scenario_side *side = &s->sides[by], *peer = &s->sides[!by];
    if (!error && (side->quiet || s->check->recorded)) {
        check_pass(s->check);
    } else if (!error) {
        scenario_check_no_end(s, side);
    } else if (side->ends.code) {
        check_pass(s->check);
    } else if (strcmp(error, "InsecureJelly") == 0 && scenario_message_count(s) &&
               receiving_broker_refuses(
                   s, scenario_message_at(s, scenario_message_count(s) - 1),
                   (pb_span){peer->last.data, peer->last.len})) {
        check_pass(s->check);
    } else {
        check_fail(s->check, "the %s ended the connection by %s, we do not", side->name,
                   error);
    }
    if (error) {
        side->ended = true;
        if (scenario_message_count(s)) {
            scenario_message_at(s, scenario_message_count(s) - 1)->ended = true;
        }
    }
    side->ends = (pb_error){0};
}

static void scenario_take_line(struct scenario *s, const json_t *line)
{
    int side = side_by_name(json_string_value(json_object_get(line, "from")));
    struct pb__buf in = {0};
    pb_error err = {0};
    s->check->line = (size_t)json_integer_value(json_object_get(line, "line"));
    if (json_object_get(line, "event")) {
        scenario_take_event(s, line);
    } else if (json_object_get(line, "expect")) {
        scenario_check_no_end(s, &s->sides[SIDE_CLIENT]);
        scenario_check_no_end(s, &s->sides[SIDE_SERVER]);
        if (!s->over) {
            check_expectations(s);
        }
    } else if (side < 0) {
        check_fail(s->check,
                   "the line is neither a chunk, an event nor the expectations");
    } else if (capture_decode_hex(json_object_get(line, "hex"), &in, &err) != 0) {
        check_fail(s->check, "hex: %s", err.text);
    } else {
        if (!s->check->recorded) {
            scenario_check_no_end(s, &s->sides[!side]); /* its chunks never cross */
        }
        if (!s->over) {
            scenario_take_chunk(s, side, (pb_span){in.data, in.len});
        }
    }
    pb__buf_fini(&in);
}

/* ---- Running ---- */

/* A capture does not contain the limits that its programs set. If a side accepts a
 * message beyond Twisted's limits, it must have raised them, and the scenario runs
 * again with conversation_limits for that side. This is the case if the side does not
 * end the connection after line i, on which it met a limit. */
static bool is_limit_unmet(const struct scenario_side *side, const json_t *lines,
                           size_t i)
{
    const json_t *next;
    const char *name;
    do {
        next = json_array_get(lines, ++i);
        name = json_string_value(json_object_get(next, "from"));
    } while (name && strcmp(name, side->name) == 0);
    const char *by = json_string_value(json_object_get(next, "by"));
    return !(by && strcmp(by, side->name) == 0);
}

static bool scenario_init(struct scenario *s, const bool *raised)
{
    s->jelly = (pb_jelly_config){.profile = s->check->profile, .taster = pb_taster_new()};
    bool ready = s->jelly.taster && pb_taster_allow_all(s->jelly.taster) == 0;
    for (int i = 0; i < SIDE_COUNT; i++) {
        s->sides[i].name = side_names[i];
        ready = ready && scenario_side_init(&s->sides[i], &s->jelly,
                                            raised[!i] ? &conversation_limits : NULL);
    }
    return ready;
}

static void scenario_fini(struct scenario *s)
{
    for (size_t i = 0; i < scenario_message_count(s); i++) {
        pb_value_unref(scenario_message_at(s, i)->value);
    }
    pb__buf_fini(&s->messages);
    for (int i = 0; i < SIDE_COUNT; i++) {
        scenario_side_fini(&s->sides[i]);
    }
    pb_taster_unref(s->jelly.taster);
}

/* Takes all lines. Returns -1, or a side that must have raised its limits. */
static int scenario_take_lines(struct scenario *s, const json_t *lines,
                               const bool *raised)
{
    for (size_t i = 0; !s->over && i < json_array_size(lines); i++) {
        scenario_take_line(s, json_array_get(lines, i));
        for (int k = 0; k < SIDE_COUNT; k++) {
            if (s->sides[k].ends.code == PB_ERR_LIMIT && !raised[k] &&
                is_limit_unmet(&s->sides[k], lines, i)) {
                return k;
            }
        }
    }
    return -1;
}

/* Checks the scenario. Returns -1, or a side that must have raised its limits. */
static int scenario_run(struct check *c, const json_t *lines, const bool *raised)
{
    const json_t *last = json_array_get(lines, json_array_size(lines) - 1);
    struct scenario s = {.check = c, .expect = json_object_get(last, "expect")};
    s.sides[SIDE_CLIENT].raw = c->scenario && strncmp(c->scenario, "raw_", 4) == 0;
    size_t failed = c->failed;
    int again = -1;
    if (scenario_init(&s, raised)) {
        again = scenario_take_lines(&s, lines, raised);
    } else {
        check_fail(c, "out of memory");
    }
    for (int k = 0; c->recorded && k < SIDE_COUNT; k++) {
        scenario_check_no_end(&s, &s.sides[k]);
    }
    bool sound = again < 0 && !s.over && c->failed == failed && !c->recorded;
    for (int side = 0; sound && side < SIDE_COUNT; side++) {
        if (!s.sides[side].raw) {
            play_side_by_session(&s, lines, side);
        }
    }
    scenario_fini(&s);
    return again;
}

void check_scenario(struct check *c, const json_t *lines)
{
    const json_t *last = json_array_get(lines, json_array_size(lines) - 1);
    if (!c->recorded && !json_is_object(json_object_get(last, "expect"))) {
        check_fail(c, "the file ends before its expectations");
        return;
    }
    bool raised[SIDE_COUNT] = {false, false};
    size_t passed = c->passed, failed = c->failed;
    int again;
    while ((again = scenario_run(c, lines, raised)) >= 0) {
        raised[again] = true;
        c->passed = passed;
        c->failed = failed;
    }
}
