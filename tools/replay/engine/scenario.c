/* SPDX-License-Identifier: MIT
 *
 * A scenario: both sides' chunks are decoded in the order in which they crossed, each
 * expression is written again from its values and compared, and given to what stands for
 * the broker of the other side, which must end the connection where the file says so, and
 * nowhere else. */
#include "tools/replay/engine/scenario.h"

#include <stdio.h>

#include "libpb/banana/limits.h"
#include "libpb/base/error.h"
#include "tools/common/capture_file.h"
#include "tools/common/broker_expression.h"

/* A capture does not say which limits its programs raised. A side that accepts what is
 * past Twisted's own is taken to have raised them: the scenario runs again with these. */
static const pb_limits raised_limits = {
    .prefix = 1 << 16, .list = 1 << 26, .bytes = 1 << 28, .message = 1 << 30};

static int on_message(struct pb__message *m, void *ctx)
{
    struct side *side = ctx;
    side->value = m->value;
    side->refused = m->refused ? *m->refused : (pb_error){0};
    side->complete = true;
    pb_decoder_pause(side->decoder);
    return 0;
}

/* Notes what is handed out to the peer: a reference, or a cache. */
static int on_form(const struct pb__form *form, void *ctx)
{
    struct side *side = ctx;
    struct lent l = {.cache = true};
    bool remote = form->head.len == 6 && memcmp(form->head.data, "remote", 6) == 0;
    bool cached = form->head.len == 6 && memcmp(form->head.data, "cached", 6) == 0;
    if (!form->id || pb_as_int(form->id, &l.luid) != 0 ||
        !(remote || cached || form->state)) {
        return 0;
    }
    l.cache = !remote;
    l.again = cached;
    return pb__buf_append(&side->lent, &l, sizeof l);
}

static bool side_init(struct side *side, const pb_jelly_config *jelly,
                      struct form_watch *watch, const pb_limits *limits)
{
    *watch = (struct form_watch){on_form, side};
    side->keeper = form_keeper;
    side->keeper.ctx = watch;
    struct pb__reader_config config = {.jelly = jelly,
                                       .invoker = &side->keeper,
                                       .messages = true,
                                       .done = on_message,
                                       .ctx = side};
    side->reader = pb__reader_new(&config);
    if (!side->reader) {
        return false;
    }
    side->decoder =
        pb_decoder_new(PB_DIALECT_UNKNOWN, limits, pb__reader_sink(side->reader));
    side->encoder = pb_encoder_new(PB_DIALECT_UNKNOWN, &raised_limits);
    return side->decoder && side->encoder;
}

static void side_fini(struct side *side)
{
    pb_decoder_free(side->decoder);
    pb__reader_free(side->reader);
    pb_encoder_free(side->encoder);
    pb__buf_fini(&side->bytes);
    pb__buf_fini(&side->last);
    pb__buf_fini(&side->wire);
    pb__buf_fini(&side->lent);
    pb__map_fini(&side->waiting);
    pb__map_fini(&side->objects);
    pb__map_fini(&side->caches);
}

/* Writes an expression from its values. */
static int write_again(struct scenario *s, struct side *from, pb_value *value,
                       pb_error *err)
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

/* Writes it from its tokens: what there is to compare where it has no value. */
static int write_tokens(struct side *from, pb_dialect dialect, pb_error *err)
{
    pb_decoder *d =
        pb_decoder_new(dialect, &raised_limits, pb_encoder_sink(from->encoder));
    if (!d) {
        return pb__error_nomem(err);
    }
    int e = pb_decoder_recv(d, (pb_span){from->bytes.data, from->bytes.len}, err);
    pb_decoder_free(d);
    return e;
}

static bool is_written(struct side *from)
{
    pb_span out = pb_encoder_send(from->encoder);
    return out.len == from->bytes.len && memcmp(out.data, from->bytes.data, out.len) == 0;
}

/* What a broker wrote must come out again from the values. What was put on the wire raw
 * may be what no broker writes: then from its tokens, or, where even banana would write it
 * otherwise (zeros after the last digit), not at all. */
static void check_written(struct scenario *s, struct side *from, const struct spoken *m,
                          pb_dialect dialect)
{
    pb_error err = {0};
    pb_encoder_set_dialect(from->encoder, dialect);
    uint64_t mark = pb_encoder_mark(from->encoder);
    int e = m->refused.code ? m->refused.code : write_again(s, from, m->value, &err);
    if (m->refused.code || (from->raw && (e != 0 || !is_written(from)))) {
        pb_encoder_rewind(from->encoder, mark);
        err = (pb_error){0};
        e = write_tokens(from, dialect, &err);
    }
    if (e != 0) {
        pb_encoder_error(from->encoder, &err);
        replay_fail(s->r, "what the %s wrote cannot be written: %s", from->name,
                    err.text);
    } else if (from->raw && !is_written(from)) {
        replay_pass(s->r);
    } else {
        replay_same(s->r, from->name, (pb_span){from->bytes.data, from->bytes.len},
                    pb_encoder_send(from->encoder));
    }
    pb_encoder_rewind(from->encoder, mark);
    pb_encoder_sent(from->encoder, pb_encoder_send(from->encoder).len);
}

/* The first expression of each side: the dialects that the server offers, and the one that
 * the client takes. */
static void negotiate(struct scenario *s, const struct spoken *m)
{
    bool offered = false;
    pb_span name = {0};
    if (m->from == SERVER) {
        return;
    }
    for (size_t i = 0; i < spoken_count(s); i++) {
        const struct spoken *offer = spoken_at(s, i);
        pb_value *dialect;
        for (size_t k = 0; offer->from == SERVER && (dialect = spoken_member(offer, k));
             k++) {
            offered = offered || pb_value_equal(dialect, m->value);
        }
    }
    if (!offered || pb_as_bytes(m->value, &name) != 0) {
        struct side *server = &s->sides[SERVER];
        pb__error_set(&server->ends, PB_ERR_PROTOCOL, 0,
                      "a dialect that was not offered");
        server->quiet = true;
    }
    for (int i = 0; i < 2; i++) {
        pb_decoder_set_dialect(s->sides[i].decoder, pb__dialect_find(name));
    }
}

/* An expression that is complete. */
static void hear(struct scenario *s, int who, pb_dialect *dialect)
{
    struct side *from = &s->sides[who], *to = &s->sides[!who];
    struct spoken m = {.first = from->first,
                       .line = s->r->line,
                       .from = who,
                       .dialect = *dialect,
                       .at = from->wire.len,
                       .len = from->bytes.len,
                       .value = from->value,
                       .refused = from->refused};
    m.own = !from->raw || call_of(s, &m) != NULL;
    check_written(s, from, &m, *dialect);
    if (pb__buf_append(&from->wire, from->bytes.data, from->bytes.len) != 0 ||
        pb__buf_append(&s->spoken, &m, sizeof m) != 0) {
        replay_fail(s->r, "out of memory");
        pb_value_unref(m.value);
        return;
    }
    if (from->count++ == 0) {
        negotiate(s, &m);
    } else {
        broker_receive(s, spoken_at(s, spoken_count(s) - 1), &to->ends);
    }
    to->ends_line = s->r->line;
}

/* The dialect that the connection has by now. */
static pb_dialect dialect_of(const struct scenario *s)
{
    pb_span name;
    for (size_t i = 0; i < spoken_count(s); i++) {
        const struct spoken *m = spoken_at(s, i);
        if (m->from == CLIENT) {
            return pb_as_bytes(m->value, &name) == 0 ? pb__dialect_find(name)
                                                     : PB_DIALECT_UNKNOWN;
        }
    }
    return PB_DIALECT_UNKNOWN;
}

/* A chunk: until it is used up, or the other side ends the connection on it. */
static void take_chunk(struct scenario *s, int who, pb_span in)
{
    struct side *from = &s->sides[who], *to = &s->sides[!who];
    while (in.len && !to->ends.code) {
        pb_dialect dialect = dialect_of(s);
        from->complete = false;
        from->first = from->bytes.len ? from->first : s->r->line;
        int e = pb_decoder_recv(from->decoder, in, &to->ends);
        size_t used = in.len - (e ? 0 : pb_decoder_rest(from->decoder));
        if (pb__buf_append(&from->bytes, in.data, used) != 0) {
            pb__error_nomem(&to->ends);
        }
        in = (pb_span){in.data + used, in.len - used};
        to->ends_line = s->r->line;
        if (from->complete) {
            hear(s, who, &dialect);
            struct pb__buf bytes = from->last;
            from->last = from->bytes;
            from->bytes = bytes;
            from->bytes.len = 0;
            from->lent.len = 0;
        }
    }
}

static int side_index(const json_t *name)
{
    const char *s = json_string_value(name);
    return s && strcmp(s, "client") == 0   ? CLIENT
           : s && strcmp(s, "server") == 0 ? SERVER
                                           : -1;
}

/* The other side spoke on, or the file ended: a side that ends the connection by our
 * judgement should have been said to. */
static void blame(struct scenario *s, struct side *side)
{
    if (side->ends.code) {
        size_t line = s->r->line;
        s->r->line = side->ends_line;
        replay_fail(s->r, "the %s does not end the connection here, we do: %s%s%s",
                    side->name, side->ends.where, *side->ends.where ? ": " : "",
                    side->ends.text);
        s->r->line = line;
        s->over = true;
    }
}

/* The capture says that a side closed. */
static void take_event(struct scenario *s, const json_t *line)
{
    int by = side_index(json_object_get(line, "by"));
    const char *event = json_string_value(json_object_get(line, "event"));
    const char *error = json_string_value(json_object_get(line, "error"));
    if (by < 0 || strcmp(event ? event : "", "closed") != 0) {
        replay_fail(s->r, "an event that is unknown");
        return;
    }
    struct side *side = &s->sides[by], *peer = &s->sides[!by];
    if (!error && (side->quiet || s->r->recorded)) {
        replay_pass(s->r);
    } else if (!error) {
        blame(s, side);
    } else if (side->ends.code) {
        replay_pass(s->r);
    } else if (strcmp(error, "InsecureJelly") == 0 && spoken_count(s) &&
               broker_refuses(s, spoken_at(s, spoken_count(s) - 1),
                              (pb_span){peer->last.data, peer->last.len})) {
        replay_pass(s->r);
    } else {
        replay_fail(s->r, "the %s ended the connection by %s, we do not", side->name,
                    error);
    }
    if (error) {
        side->ended = true;
        if (spoken_count(s)) {
            spoken_at(s, spoken_count(s) - 1)->ended = true;
        }
    }
    side->ends = (pb_error){0};
}

static void take_line(struct scenario *s, const json_t *line)
{
    int who = side_index(json_object_get(line, "from"));
    struct pb__buf in = {0};
    pb_error err = {0};
    s->r->line = (size_t)json_integer_value(json_object_get(line, "line"));
    if (json_object_get(line, "event")) {
        take_event(s, line);
    } else if (json_object_get(line, "expect")) {
        blame(s, &s->sides[CLIENT]);
        blame(s, &s->sides[SERVER]);
        if (!s->over) {
            replay_calls(s);
        }
    } else if (who < 0) {
        replay_fail(s->r,
                    "a line that is neither a chunk, an event nor the expectations");
    } else if (capture_hex(json_object_get(line, "hex"), &in, &err) != 0) {
        replay_fail(s->r, "hex: %s", err.text);
    } else {
        if (!s->r->recorded) {
            blame(s, &s->sides[!who]); /* chunks of both sides do not cross in it */
        }
        if (!s->over) {
            take_chunk(s, who, (pb_span){in.data, in.len});
        }
    }
    pb__buf_fini(&in);
}

/* Whether a side met a limit on line i, and the file does not say that it closed, having
 * perhaps written something before. */
static bool met_limit(const struct side *side, const json_t *lines, size_t i)
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

/* Runs all lines; -1, or the side that must have raised its limits: then all of it is to
 * be run again. */
static int run(struct replay *r, const json_t *lines, const bool *raised)
{
    const json_t *last = json_array_get(lines, json_array_size(lines) - 1);
    bool raw = r->scenario && strncmp(r->scenario, "raw_", 4) == 0;
    struct scenario s = {.r = r,
                         .expect = json_object_get(last, "expect"),
                         .sides = {{.name = "client", .raw = raw}, {.name = "server"}},
                         .jelly = {.profile = r->profile, .taster = pb_taster_new()}};
    struct form_watch watch[2];
    size_t failed = r->failed;
    int again = -1;
    bool ready = s.jelly.taster && pb_taster_allow_all(s.jelly.taster) == 0;
    for (int i = 0; i < 2; i++) {
        ready = ready && side_init(&s.sides[i], &s.jelly, &watch[i],
                                   raised[!i] ? &raised_limits : NULL);
    }
    if (!ready) {
        replay_fail(r, "out of memory");
    }
    size_t n = ready ? json_array_size(lines) : 0;
    for (size_t i = 0; again < 0 && !s.over && i < n; i++) {
        take_line(&s, json_array_get(lines, i));
        for (int k = 0; k < 2; k++) {
            if (s.sides[k].ends.code == PB_ERR_LIMIT && !raised[k] &&
                met_limit(&s.sides[k], lines, i)) {
                again = k;
            }
        }
    }
    for (int k = 0; r->recorded && k < 2; k++) {
        blame(&s, &s.sides[k]);
    }
    bool sound = ready && again < 0 && !s.over && r->failed == failed && !r->recorded;
    for (int i = raw ? SERVER : CLIENT; sound && i <= SERVER; i++) {
        replay_session(&s, lines, i);
    }
    for (size_t i = 0; i < spoken_count(&s); i++) {
        pb_value_unref(spoken_at(&s, i)->value);
    }
    pb__buf_fini(&s.spoken);
    for (int i = 0; i < 2; i++) {
        side_fini(&s.sides[i]);
    }
    pb_taster_unref(s.jelly.taster);
    return again;
}

void replay_scenario(struct replay *r, const json_t *lines)
{
    const json_t *last = json_array_get(lines, json_array_size(lines) - 1);
    if (!r->recorded && !json_is_object(json_object_get(last, "expect"))) {
        replay_fail(r, "the file ends before its expectations");
        return;
    }
    bool raised[2] = {false, false};
    size_t passed = r->passed, failed = r->failed;
    int again;
    while ((again = run(r, lines, raised)) >= 0) {
        raised[again] = true;
        r->passed = passed;
        r->failed = failed;
    }
}
