/* SPDX-License-Identifier: MIT
 *
 * Sends messages of the capture to the live peer: the numbers of the capture are replaced
 * by those of this connection, and the response of a login is computed for the challenge
 * that was received. */
#include <string.h>

#include "pb/login.h"
#include "tools/common/command.h"
#include "tools/common/message_text.h"
#include "tools/common/traversal.h"
#include "tools/common/value_text.h"
#include "tools/replay/played_side.h"

/* The number on this connection for one of the capture; false if the peer has not sent it
 * yet. */
static bool find_live_number(const struct pb__map *m, const pb_value *v, int64_t *out)
{
    int64_t number;
    uintptr_t live =
        v && pb_as_int(v, &number) == 0 ? (uintptr_t)pb__map_get(m, (uint64_t)number) : 0;
    *out = (int64_t)live - 1;
    return live != 0;
}

/* pb__invoker.jelly: references to objects and caches of the peer get their live
 * numbers. */
static int jelly_with_live_numbers(pb_value *v, struct pb__form *form, pb_error *err,
                                   void *ctx)
{
    struct played_side *s = ctx;
    int failed = broker_expression_keep_all.jelly(v, form, err, NULL);
    bool local = !failed && pb__span_is(form->head, "local");
    if (!failed && form->id && (local || pb__span_is(form->head, "lcache"))) {
        int64_t live;
        if (find_live_number(&s->live_luids[local ? LUID_OBJECT : LUID_CACHE], form->id,
                             &live)) {
            pb_value_unref(form->id);
            form->id = pb_int(live);
        }
    }
    return failed;
}

/* ---- Logins ---- */

/* The answer to a login, in the capture, with the challenger that this call is made
 * on. */
static const struct recorded_message *
find_login_answer(const struct played_side *s, const struct recorded_message *call)
{
    const pb_value *object = message_member(call->value, CALL_OBJECT);
    pb_value *id;
    for (const struct recorded_message *m = call; m-- > recording_at(&s->recording, 0);) {
        const pb_value *answer = message_member(m->value, ANSWER_VALUE);
        bool login = m->kind == MESSAGE_ANSWER && m->from != s->side &&
                     m->call != NO_MESSAGE &&
                     strcmp(recording_at(&s->recording, m->call)->method, "login") == 0;
        if (login && answer && pb_len(answer) == 2 &&
            broker_expression_is(pb_item(answer, 1), "remote", &id) &&
            pb_value_equal(id, object)) {
            return m;
        }
    }
    return NULL;
}

static bool find_password(const struct played_side *s, const pb_value *name, pb_span *out)
{
    pb_span user;
    if (!name || pb_as_text(name, &user) != 0) {
        return false;
    }
    for (size_t i = 0; i < s->password_count; i++) {
        const char *given = s->passwords[i], *colon = strchr(given, ':');
        if ((size_t)(colon - given) == user.len && !memcmp(given, user.data, user.len)) {
            *out = (pb_span){(const uint8_t *)colon + 1, strlen(colon + 1)};
            return true;
        }
    }
    *out = (pb_span){(const uint8_t *)s->password, s->password ? strlen(s->password) : 0};
    return s->password != NULL;
}

/* Whether the response was refused in the capture. */
static bool was_login_refused(const struct played_side *s,
                              const struct recorded_message *call)
{
    const struct recorded_message *m =
        call->answer == NO_MESSAGE ? NULL : recording_at(&s->recording, call->answer);
    pb_span head;
    const pb_value *failure =
        m && m->kind == MESSAGE_ERROR ? message_member(m->value, ANSWER_VALUE) : NULL;
    const pb_value *state = failure ? broker_expression_state(failure, &head) : NULL;
    const pb_value *type = state ? pb_dict_get(state, "type") : NULL;
    return value_is_text(type, "twisted.cred.error.UnauthorizedLogin");
}

/* The arguments of a call of respond that succeeded in the capture, with the response for
 * the live challenge: *new*. NULL: the arguments are to be sent as they are. */
static pb_value *respond_arguments(const struct played_side *s,
                                   const struct recorded_message *call)
{
    pb_value *args = message_member(call->value, CALL_ARGS);
    if (strcmp(call->method, "respond") != 0 || was_login_refused(s, call) || !args ||
        pb_len(args) < 1) {
        return NULL;
    }
    const struct recorded_message *m = find_login_answer(s, call);
    pb_span challenge, password;
    const pb_value *came =
        m && m->received ? message_member(m->received, ANSWER_VALUE) : NULL;
    const pb_value *login = m ? recording_at(&s->recording, m->call)->value : NULL;
    const pb_value *names = login ? message_member(login, CALL_ARGS) : NULL;
    if (!came || !pb_item(came, 0) || pb_as_bytes(pb_item(came, 0), &challenge) != 0 ||
        !names || !find_password(s, pb_item(names, 0), &password)) {
        return NULL;
    }
    uint8_t response[PB_MD5_LEN];
    pb_respond(challenge, password, response);
    pb_value *own = pb_seq(PB_TUPLE, pb_len(args));
    int failed = pb_append_steal(own, pb_bytes((pb_span){response, sizeof response}));
    for (size_t i = 1; i < pb_len(args) && !failed; i++) {
        failed = pb_append(own, pb_item(args, i));
    }
    if (failed) {
        pb_value_unref(own);
        return NULL;
    }
    return own;
}

/* ---- Writing ---- */

/* Sends the encoded bytes. */
static int flush_encoder(struct played_side *s)
{
    pb_span out = pb_encoder_send(s->encoder);
    int failed = blocking_socket_send(&s->socket, out);
    failed = failed ? failed : conversation_receive(&s->live, s->side, s->live.time, out);
    pb_encoder_sent(s->encoder, out.len);
    return failed;
}

static int encode_value(struct played_side *s, pb_value *v, pb_error *err)
{
    return pb__jelly(v, &s->live.jelly, &s->invoker, s->encoder, err);
}

/* Sends a message. Where they are not NULL, numbered[CALL_REQUEST], numbered[CALL_OBJECT]
 * and args replace these members. */
static bool encode_message(struct played_side *s, pb_value *message,
                           pb_value *const *numbered, pb_value *args, const char **why)
{
    pb_sink out = pb_encoder_sink(s->encoder);
    uint64_t mark = pb_encoder_mark(s->encoder);
    pb_error err = {0};
    int failed;
    if (pb_value_kind(message) == PB_LIST) {
        size_t n = pb_len(message);
        failed = out.ops->list(out.ctx, n);
        for (size_t i = 0; i < n && !failed; i++) {
            pb_value *own = i == CALL_REQUEST || i == CALL_OBJECT ? numbered[i]
                            : i == CALL_ARGS                      ? args
                                                                  : NULL;
            failed = encode_value(s, own ? own : pb_item(message, i), &err);
        }
        failed = failed ? failed : out.ops->end(out.ctx);
    } else {
        failed = encode_value(s, message, &err);
    }
    if (failed) {
        pb_encoder_rewind(s->encoder, mark);
        *why = pb_strerror(failed);
        return false;
    }
    if (flush_encoder(s) != 0) {
        s->status = tool_nomem();
    }
    return true;
}

static bool is_int_value(const pb_value *v)
{
    int64_t number;
    return v && pb_as_int(v, &number) == 0;
}

/* Whether the peer counts a reference to its object. If it sent fewer references than in
 * the capture, one decref too many would end the connection. */
static bool is_reference_held(const struct played_side *s, int64_t luid)
{
    return pb__map_get(&s->live.sides[!s->side].exported, (uint64_t)luid) != NULL;
}

static int visit_reference(pb_value *v, void *luid)
{
    pb_value *id;
    return broker_expression_is(v, "remote", &id) && pb_value_equal(id, luid);
}

/* Whether the peer sent a reference with that luid before, in the capture. */
static bool was_luid_sent(const struct played_side *s, const struct recorded_message *m,
                          pb_value *luid)
{
    while (m-- > recording_at(&s->recording, 0)) {
        if (m->from != s->side && traverse_value(m->value, visit_reference, luid) != 0) {
            return true;
        }
    }
    return false;
}

/* Finds the live numbers of a message: *new* in numbered, or NULL to keep the number
 * of the capture. False if the message cannot be sent; then *why as in
 * played_side_send. */
static bool map_live_numbers(struct played_side *s, const struct recorded_message *m,
                             pb_value **numbered, const char **why)
{
    const pb_value *first = message_member(m->value, CALL_REQUEST);
    pb_value *object = message_member(m->value, CALL_OBJECT),
             *command = message_member(m->value, 0);
    int64_t live;
    *why = NULL;
    if (m->kind == MESSAGE_ANSWER || m->kind == MESSAGE_ERROR) {
        if (!find_live_number(&s->requests, first, &live)) {
            return false; /* the call never came, which has been reported */
        }
        numbered[CALL_REQUEST] = pb_int(live);
    } else if (m->kind == MESSAGE_CALL && !m->cache && is_int_value(object)) {
        if (find_live_number(&s->live_luids[LUID_OBJECT], object, &live)) {
            numbered[CALL_OBJECT] = pb_int(live);
        } else if (was_luid_sent(s, m, object)) {
            *why = "the object to call was not received";
            return false;
        }
    } else if (value_is_text(command, "decref")) {
        if (!find_live_number(&s->live_luids[LUID_OBJECT], first, &live) ||
            !is_reference_held(s, live)) {
            return false;
        }
        numbered[CALL_REQUEST] = pb_int(live);
    } else if (value_is_text(command, "decache")) {
        if (!find_live_number(&s->live_luids[LUID_CACHE], first, &live)) {
            return false;
        }
        numbered[CALL_REQUEST] = pb_int(live);
    }
    return true;
}

/* The dialect to choose: that of the capture, or, if the peer does not offer it, the
 * first known one that it offers. */
static pb_value *choose_dialect(const struct played_side *s,
                                const struct recorded_message *m)
{
    pb_value *first = NULL;
    for (size_t i = 0; i < recording_count(&s->recording); i++) {
        const struct recorded_message *offer = recording_at(&s->recording, i);
        pb_value *dialect;
        for (size_t k = 0; offer->kind == MESSAGE_DIALECTS && offer->received &&
                           (dialect = message_member(offer->received, k));
             k++) {
            if (pb_value_equal(dialect, m->value)) {
                return dialect;
            }
            if (!first && dialect_by_name(dialect) != PB_DIALECT_UNKNOWN) {
                first = dialect;
            }
        }
    }
    return first ? first : m->value;
}

bool played_side_send(struct played_side *s, const struct recorded_message *m,
                      const char **why)
{
    pb_value *numbered[CALL_OBJECT + 1] = {0};
    *why = "it is malformed in the capture";
    if (m->refused || !map_live_numbers(s, m, numbered, why)) {
        return false;
    }
    pb_value *args = m->kind == MESSAGE_CALL ? respond_arguments(s, m) : NULL;
    pb_value *message = m->kind == MESSAGE_DIALECT ? choose_dialect(s, m) : m->value;
    bool done = encode_message(s, message, numbered, args, why);
    pb_value_unref(args);
    pb_value_unref(numbered[CALL_REQUEST]);
    pb_value_unref(numbered[CALL_OBJECT]);
    return done;
}

void played_side_answer_unexpected(struct played_side *s,
                                   const struct conversation_message *call)
{
    char *method = message_method_name(call->call);
    const struct recorded_message *like = NULL;
    for (size_t i = 0; method && !like && i < recording_count(&s->recording); i++) {
        const struct recorded_message *m = recording_at(&s->recording, i);
        bool same = m->kind == MESSAGE_CALL && m->from != s->side &&
                    m->answer != NO_MESSAGE && strcmp(m->method, method) == 0;
        like = same ? recording_at(&s->recording, m->answer) : NULL;
    }
    pb_free(method);
    pb_value *none = pb_build(NULL, "[yzz]", "answer", NULL, NULL);
    pb_value *numbered[CALL_OBJECT + 1] = {[CALL_REQUEST] = pb_int(call->call->request)};
    const char *why = NULL;
    if (!none || !numbered[CALL_REQUEST]) {
        s->status = tool_nomem();
    } else if (!(like && !like->refused &&
                 encode_message(s, like->value, numbered, NULL, &why))) {
        (void)encode_message(s, none, numbered, NULL, &why);
    }
    pb_value_unref(numbered[CALL_REQUEST]);
    pb_value_unref(none);
}

int played_side_begin(struct played_side *s)
{
    s->invoker = broker_expression_keep_all;
    s->invoker.jelly = jelly_with_live_numbers;
    s->invoker.ctx = s;
    s->encoder = pb_encoder_new(PB_DIALECT_UNKNOWN, &conversation_limits);
    return s->encoder ? 0 : PB_ERR_NOMEM;
}
