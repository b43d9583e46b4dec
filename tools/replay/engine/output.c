/* SPDX-License-Identifier: MIT
 *
 * Compares the output of a session with the messages of this side in the capture: the
 * same bytes in the same order, with the exceptions listed in docs/replay.md. */
#include <string.h>

#include "libpb/base/error.h"
#include "tools/replay/engine/player.h"

/* ---- Masking ---- */

/* The call for which a message of this side is the reply; NULL if there is none. */
static const struct scenario_message *call_of_reply(const struct player *p,
                                                    const struct scenario_message *reply)
{
    for (const struct scenario_message *m = scenario_message_at(p->s, 0); m < reply;
         m++) {
        if (m->from != p->side && scenario_is_call(m) &&
            scenario_reply_to(p->s, m) == reply) {
            return m;
        }
    }
    return NULL;
}

/* Whether the arguments of a call made Twisted itself raise an exception, before it
 * looked for a method. */
static bool is_dispatch_failure(const struct player *p,
                                const struct scenario_message *reply)
{
    const char *type = failure_type(reply);
    const struct scenario_message *call =
        is_builtin_exception(type) ? call_of_reply(p, reply) : NULL;
    return call && !call->served && (call->refused.code || !is_attribute_error(type));
}

/* Masks what Python made: the texts of its built-in exceptions, tracebacks, and all of a
 * failure that Twisted itself raised. */
static void output_mask_failure(const struct player *p, const struct scenario_message *m,
                                pb_value *list)
{
    pb_value *state = failure_state(&(struct scenario_message){.value = list});
    pb_value *key, *value,
        *unsafe = state ? pb_dict_get(state, "unsafeTracebacks") : NULL;
    bool builtin = is_builtin_exception(failure_text(state, "type")), traced = false;
    size_t at = 0;
    pb_span name;
    if (state && is_dispatch_failure(p, m)) {
        pb_item_set_steal(list, ANSWER_VALUE, pb_none());
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

/* Masks the response to a challenge, if the password is unknown. */
static void output_mask_response(const struct player *p, const struct scenario_message *m,
                                 pb_value *list)
{
    const struct player_login *l = login_of_message(p, m);
    pb_value *args =
        l && l->is_masked && m == l->respond ? pb_item(list, CALL_ARGS) : NULL;
    pb_value *masked = args ? pb_list() : NULL;
    for (size_t i = 1; masked && i < pb_len(args); i++) {
        pb_append(masked, pb_item(args, i));
    }
    if (masked) {
        pb_item_set_steal(list, CALL_ARGS, masked);
    }
}

/* Removes unknown dialects from an offer: a session offers only known ones. */
static pb_value *output_mask_offer(pb_value *list)
{
    pb_value *known = pb_list();
    for (size_t i = 0; known && i < pb_len(list); i++) {
        if (dialect_by_name(pb_item(list, i)) != PB_DIALECT_UNKNOWN) {
            pb_append(known, pb_item(list, i));
        }
    }
    pb_value_unref(list);
    return known;
}

/* Decodes a message in the dialect of m, masks it, and appends its bytes to out; *len
 * is its length in `in`. */
static int output_encode_masked(const struct player *p, const struct scenario_message *m,
                                pb_span in, struct pb__buf *out, size_t *len)
{
    struct decoded_message decoded;
    scenario_decode(&p->s->jelly, &broker_expression_keep_all, m->dialect, &p->limits, in,
                    &decoded, NULL);
    pb_value *v = decoded.value;
    *len = decoded.len;
    pb_encoder *e = pb_encoder_new(m->dialect, &p->limits);
    int failed = v && e ? 0 : PB_ERR_NOMEM;
    bool list = v && pb_value_kind(v) == PB_LIST;
    if (list && m->dialect == PB_DIALECT_UNKNOWN) {
        v = output_mask_offer(v);
    } else if (list) {
        output_mask_failure(p, m, v);
        output_mask_response(p, m, v);
    }
    for (size_t i = 0; !failed && v && list && i < pb_len(v); i++) {
        pb_value *member = pb_item(v, i); /* NULL: it was refused */
        failed =
            member ? pb__jelly(member, &p->s->jelly, &broker_expression_keep_all, e, NULL)
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

/* Whether the output is m except for masked parts, and then its length. An offer without
 * any known dialect matches any offer, because a session cannot make it. */
static bool output_same_masked(const struct player *p, const struct scenario_message *m,
                               size_t *len)
{
    struct pb__buf want = {0}, got = {0};
    size_t ignored;
    bool same =
        output_encode_masked(p, m, scenario_message_bytes(p->s, m), &want, &ignored) ==
            0 &&
        output_encode_masked(p, m, (pb_span){p->out.data, p->out.len}, &got, len) == 0 &&
        ((want.len == got.len && memcmp(want.data, got.data, got.len) == 0) ||
         (want.len == 0 && m->dialect == PB_DIALECT_UNKNOWN));
    pb__buf_fini(&want);
    pb__buf_fini(&got);
    return same;
}

/* ---- Comparing ---- */

static bool output_starts_with(const struct player *p, pb_span begin)
{
    return p->out.len >= begin.len && memcmp(p->out.data, begin.data, begin.len) == 0;
}

static void output_consume(struct player *p, size_t n)
{
    memmove(p->out.data, p->out.data + n, p->out.len - n);
    p->out.len -= n;
    check_pass(p->check);
}

static const struct scenario_message **late_decref_at(const struct player *p, size_t i)
{
    return (const struct scenario_message **)(void *)p->late.data + i;
}

static size_t late_decref_count(const struct player *p)
{
    return p->late.len / sizeof(const struct scenario_message *);
}

/* Consumes a late decref, if the output begins with one. */
static bool output_consume_late(struct player *p)
{
    for (size_t i = 0; i < late_decref_count(p); i++) {
        const struct scenario_message *m = *late_decref_at(p, i);
        pb_span bytes = scenario_message_bytes(p->s, m);
        if (output_starts_with(p, bytes)) {
            output_consume(p, bytes.len);
            memmove(late_decref_at(p, i), late_decref_at(p, i + 1),
                    (late_decref_count(p) - i - 1) * sizeof m);
            p->late.len -= sizeof m;
            return true;
        }
    }
    return false;
}

/* Compares the output with one message; false if it failed. */
static bool output_compare_message(struct player *p, const struct scenario_message *m)
{
    pb_span want = scenario_message_bytes(p->s, m);
    size_t len = 0;
    while (!output_starts_with(p, want)) {
        if (scenario_is(m, "decref")) {
            return pb__buf_append(&p->late, &m, sizeof m) == 0;
        }
        if (!output_consume_late(p)) {
            break;
        }
    }
    if (output_starts_with(p, want)) {
        output_consume(p, want.len);
    } else if (output_same_masked(p, m, &len)) {
        output_consume(p, len);
    } else {
        p->check->line = m->line;
        p->failed = true;
        return check_same_bytes(p->check, "what it writes", want,
                                (pb_span){p->out.data, p->out.len});
    }
    return true;
}

/* Takes all output of the session, as a transport that is never full. */
static int output_collect(struct player *p)
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

void output_compare(struct player *p)
{
    bool fits = !p->failed && output_collect(p) == 0;
    while (fits && p->compared < scenario_message_count(p->s)) {
        const struct scenario_message *m = scenario_message_at(p->s, p->compared);
        if (m->first >= p->due) {
            break;
        }
        p->compared++;
        fits = m->from != p->side || output_compare_message(p, m);
    }
    while (fits && late_decref_count(p) && output_consume_late(p)) {
    }
    if (fits && late_decref_count(p)) {
        player_fail(p, (*late_decref_at(p, 0))->line,
                    "a decref is not written before the peer's "
                    "next bytes");
    }
}

void output_end(struct player *p)
{
    if (!p->failed && p->out.len) {
        check_same_bytes(p->check, "what it writes at the end", (pb_span){0},
                         (pb_span){p->out.data, p->out.len});
        p->failed = true;
    }
}

void output_fini(struct player *p)
{
    pb__buf_fini(&p->out);
    pb__buf_fini(&p->late);
}
