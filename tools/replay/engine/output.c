/* SPDX-License-Identifier: MIT
 *
 * What a session wrote against what the capture's broker did: the same bytes, in the same
 * order, but for what docs/replay.md names. */
#include "libpb/banana/limits.h"
#include "libpb/base/error.h"
#include "tools/common/broker_expression.h"
#include "tools/replay/engine/player.h"

/* ---- What is masked ---- */

struct reading {
    pb_value *value;
    pb_decoder *decoder;
};

static int on_message(struct pb__message *m, void *ctx)
{
    struct reading *r = ctx;
    r->value = m->value;
    pb_decoder_pause(r->decoder);
    return 0;
}

/* The first expression of in, *new*, and its length; NULL where there is none. */
static pb_value *read_one(const struct play *p, pb_dialect dialect, pb_span in,
                          size_t *len)
{
    struct reading r = {0};
    struct pb__reader_config config = {.jelly = &p->s->jelly,
                                       .invoker = &form_keeper,
                                       .messages = true,
                                       .done = on_message,
                                       .ctx = &r};
    struct pb__reader *reader = pb__reader_new(&config);
    r.decoder =
        reader ? pb_decoder_new(dialect, &p->limits, pb__reader_sink(reader)) : NULL;
    if (r.decoder && pb_decoder_recv(r.decoder, in, NULL) == 0) {
        *len = in.len - pb_decoder_rest(r.decoder);
    }
    pb_decoder_free(r.decoder);
    pb__reader_free(reader);
    return r.value;
}

/* The call that a message of this side's replies to. */
static const struct spoken *call_for(const struct play *p, const struct spoken *reply)
{
    for (const struct spoken *m = spoken_at(p->s, 0); m < reply; m++) {
        if (m->from != p->who && spoken_is_call(m) && reply_to(p->s, m) == reply) {
            return m;
        }
    }
    return NULL;
}

/* Whether Twisted stumbled over the arguments of a call, before it looked for a method. */
static bool is_stumble(const struct play *p, const struct spoken *reply)
{
    const char *type = facts_failure_type(reply);
    const struct spoken *call = facts_is_builtin(type) ? call_for(p, reply) : NULL;
    bool no_method =
        strcmp(strrchr(type, '.') ? strrchr(type, '.') : "", ".AttributeError") == 0;
    return call && !call->served && (call->refused.code || !no_method);
}

/* The text of Python's own exceptions, and tracebacks, are Python's to make; and which
 * exception it is where Twisted stumbles. */
static void mask_failure(const struct play *p, const struct spoken *m, pb_value *list)
{
    pb_value *state = facts_failure(&(struct spoken){.value = list});
    pb_value *key, *value,
        *unsafe = state ? pb_dict_get(state, "unsafeTracebacks") : NULL;
    bool builtin = facts_is_builtin(facts_text(state, "type")), traced = false;
    size_t at = 0;
    pb_span name;
    if (state && is_stumble(p, m)) {
        pb_item_set_steal(list, 2, pb_none());
        return;
    }
    if (unsafe) {
        pb_as_bool(unsafe, &traced);
    }
    while (state && pb_dict_next(state, &at, &key, &value)) {
        bool text = pb_as_text(key, &name) == 0;
        if (text && ((builtin && strcmp((const char *)name.data, "value") == 0) ||
                     (traced && strcmp((const char *)name.data, "traceback") == 0))) {
            pb_dict_set_value_steal(state, pb_value_ref(key), pb_none());
        }
    }
}

/* What is responded to a challenge, where the password is unknown. */
static void mask_response(const struct play *p, const struct spoken *m, pb_value *list)
{
    const struct login *l = login_of(p, m);
    pb_value *args = l && l->is_masked && m == l->respond ? pb_item(list, 5) : NULL;
    pb_value *masked = args ? pb_list() : NULL;
    for (size_t i = 1; masked && i < pb_len(args); i++) {
        pb_append(masked, pb_item(args, i));
    }
    if (masked) {
        pb_item_set_steal(list, 5, masked);
    }
}

/* A session offers only dialects that there are. */
static pb_value *mask_offer(pb_value *list)
{
    pb_value *known = pb_list();
    pb_span name;
    for (size_t i = 0; known && i < pb_len(list); i++) {
        if (pb_as_bytes(pb_item(list, i), &name) == 0 && pb__dialect_find(name)) {
            pb_append(known, pb_item(list, i));
        }
    }
    pb_value_unref(list);
    return known;
}

/* The bytes of an expression of m's dialect, masked, appended to out. */
static int write_masked(const struct play *p, const struct spoken *m, pb_span in,
                        struct pb__buf *out, size_t *len)
{
    pb_value *v = read_one(p, m->dialect, in, len);
    pb_encoder *e = pb_encoder_new(m->dialect, &p->limits);
    int failed = v && e ? 0 : PB_ERR_NOMEM;
    bool list = v && pb_value_kind(v) == PB_LIST;
    if (list && m->dialect == PB_DIALECT_UNKNOWN) {
        v = mask_offer(v);
    } else if (list) {
        mask_failure(p, m, v);
        mask_response(p, m, v);
    }
    for (size_t i = 0; !failed && v && list && i < pb_len(v); i++) {
        pb_value *member = pb_item(v, i); /* NULL: it was refused */
        failed = member ? pb__jelly(member, &p->s->jelly, &form_keeper, e, NULL)
                        : PB_ERR_SYNTAX;
    }
    if (!failed) {
        pb_span s = pb_encoder_send(e);
        failed = pb__buf_append(out, s.data, s.len);
    }
    pb_value_unref(v);
    pb_encoder_free(e);
    return failed;
}

/* Whether what was written is m but for what is masked; then its length. A server's offer
 * of nothing that there is cannot be made. */
static bool is_masked_same(const struct play *p, const struct spoken *m, size_t *len)
{
    struct pb__buf want = {0}, got = {0};
    size_t ignored;
    bool same = write_masked(p, m, spoken_bytes(p->s, m), &want, &ignored) == 0 &&
                write_masked(p, m, (pb_span){p->out.data, p->out.len}, &got, len) == 0 &&
                ((want.len == got.len && memcmp(want.data, got.data, got.len) == 0) ||
                 (want.len == 0 && m->dialect == PB_DIALECT_UNKNOWN));
    pb__buf_fini(&want);
    pb__buf_fini(&got);
    return same;
}

/* ---- Comparing ---- */

static bool starts_with(const struct play *p, pb_span begin)
{
    return p->out.len >= begin.len && memcmp(p->out.data, begin.data, begin.len) == 0;
}

static void take(struct play *p, size_t n)
{
    memmove(p->out.data, p->out.data + n, p->out.len - n);
    p->out.len -= n;
    replay_pass(p->r);
}

static const struct spoken **late_at(const struct play *p, size_t i)
{
    return (const struct spoken **)(void *)p->late.data + i;
}

static size_t late_count(const struct play *p)
{
    return p->late.len / sizeof(const struct spoken *);
}

/* Takes a decref that is late, if that is what was written next. */
static bool take_late(struct play *p)
{
    for (size_t i = 0; i < late_count(p); i++) {
        const struct spoken *m = *late_at(p, i);
        pb_span bytes = spoken_bytes(p->s, m);
        if (starts_with(p, bytes)) {
            take(p, bytes.len);
            memmove(late_at(p, i), late_at(p, i + 1), (late_count(p) - i - 1) * sizeof m);
            p->late.len -= sizeof m;
            return true;
        }
    }
    return false;
}

/* Compares with one message; false where it failed. */
static bool compare_one(struct play *p, const struct spoken *m)
{
    pb_span want = spoken_bytes(p->s, m);
    size_t len = 0;
    while (!starts_with(p, want)) {
        if (spoken_is(m, "decref")) {
            return pb__buf_append(&p->late, &m, sizeof m) == 0;
        }
        if (!take_late(p)) {
            break;
        }
    }
    if (starts_with(p, want)) {
        take(p, want.len);
    } else if (is_masked_same(p, m, &len)) {
        take(p, len);
    } else {
        p->r->line = m->line;
        p->failed = true;
        return replay_same(p->r, "what it writes", want,
                           (pb_span){p->out.data, p->out.len});
    }
    return true;
}

/* All that the session writes, as a transport that takes it at once. */
static int collect(struct play *p)
{
    pb_span s;
    int e = 0;
    pb_session_tick(p->session, 0);
    while (e == 0 && (s = pb_session_send(p->session)).len) {
        e = pb__buf_append(&p->out, s.data, s.len);
        pb_session_sent(p->session, s.len, 0);
        pb_session_tick(p->session, 0);
    }
    return e;
}

void output_compare(struct play *p)
{
    bool fits = !p->failed && collect(p) == 0;
    while (fits && p->compared < spoken_count(p->s)) {
        const struct spoken *m = spoken_at(p->s, p->compared);
        if (m->first >= p->due) {
            break;
        }
        p->compared++;
        fits = m->from != p->who || compare_one(p, m);
    }
    while (fits && late_count(p) && take_late(p)) {
    }
    if (fits && late_count(p)) {
        play_fail(p, (*late_at(p, 0))->line,
                  "a decref is not written before the peer's "
                  "next bytes");
    }
}

void output_end(struct play *p)
{
    if (!p->failed && p->out.len) {
        replay_same(p->r, "what it writes at the end", (pb_span){0},
                    (pb_span){p->out.data, p->out.len});
        p->failed = true;
    }
}

void output_fini(struct play *p)
{
    pb__buf_fini(&p->out);
    pb__buf_fini(&p->late);
}
