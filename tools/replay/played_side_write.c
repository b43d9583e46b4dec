/* SPDX-License-Identifier: MIT
 *
 * What is said to the live peer: messages of the capture, with the peer's numbers of this
 * connection in the places of those in the capture, and a login's response to the challenge
 * of this one. */
#include <string.h>

#include "libpb/banana/limits.h"
#include "libpb/base/error.h"
#include "libpb/base/span.h"
#include "pb/login.h"
#include "tools/dump/dump.h"
#include "tools/common/command.h"
#include "tools/replay/played_side.h"
#include "tools/common/traversal.h"

/* What a number of the capture's is here; false if the peer has not sent it yet. */
static bool find_number(const struct pb__map *m, const pb_value *v, int64_t *out)
{
    int64_t number;
    uintptr_t here =
        v && pb_as_int(v, &number) == 0 ? (uintptr_t)pb__map_get(m, (uint64_t)number) : 0;
    *out = (int64_t)here - 1;
    return here != 0;
}

/* pb__invoker.jelly: what is sent home has the peer's number. */
static int jelly_form(pb_value *v, struct pb__form *form, pb_error *err, void *ctx)
{
    struct stand_in *s = ctx;
    int failed = form_keeper.jelly(v, form, err, NULL);
    bool local = !failed && pb__span_is(form->head, "local");
    if (!failed && form->id && (local || pb__span_is(form->head, "lcache"))) {
        int64_t here;
        if (find_number(&s->luids[local ? DIFFER_OBJECT : DIFFER_CACHE], form->id,
                        &here)) {
            pb_value_unref(form->id);
            form->id = pb_int(here);
        }
    }
    return failed;
}

/* ---- Logins ---- */

static bool is_text(const pb_value *v, const char *text)
{
    pb_span s;
    return v && pb_as_text(v, &s) == 0 && pb__span_is(s, text);
}

/* The answer to a login that gave out the challenger which is called. */
static const struct line *find_challenge(const struct stand_in *s,
                                         const struct line *call)
{
    const pb_value *object = talk_member(call->value, TALK_OBJECT);
    pb_value *id;
    for (const struct line *l = call; l-- > script_line(&s->script, 0);) {
        const pb_value *answer = talk_member(l->value, 2);
        bool login = l->kind == TALK_ANSWER && l->from != s->who && l->call != NO_LINE &&
                     strcmp(script_line(&s->script, l->call)->method, "login") == 0;
        if (login && answer && pb_len(answer) == 2 &&
            form_is(pb_item(answer, 1), "remote", &id) && pb_value_equal(id, object)) {
            return l;
        }
    }
    return NULL;
}

static bool find_password(const struct stand_in *s, const pb_value *name, pb_span *out)
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

/* Whether the password was wrong in the capture. */
static bool was_refused(const struct stand_in *s, const struct line *call)
{
    const struct line *l =
        call->answer == NO_LINE ? NULL : script_line(&s->script, call->answer);
    pb_span head;
    const pb_value *failure =
        l && l->kind == TALK_ERROR ? talk_member(l->value, 2) : NULL;
    const pb_value *state = failure ? form_copy(failure, &head) : NULL;
    const pb_value *type = state ? pb_dict_get(state, "type") : NULL;
    return is_text(type, "twisted.cred.error.UnauthorizedLogin");
}

/* The arguments of a response that was right in the capture, with the one that is right
 * here: *new*. NULL: they are to be sent as they are. */
static pb_value *respond(const struct stand_in *s, const struct line *call)
{
    pb_value *args = talk_member(call->value, TALK_ARGS);
    if (strcmp(call->method, "respond") != 0 || was_refused(s, call) || !args ||
        pb_len(args) < 1) {
        return NULL;
    }
    const struct line *l = find_challenge(s, call);
    pb_span challenge, password;
    const pb_value *came = l && l->live ? talk_member(l->live, 2) : NULL;
    const pb_value *login = l ? script_line(&s->script, l->call)->value : NULL;
    const pb_value *names = login ? talk_member(login, TALK_ARGS) : NULL;
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

/* Sends what the encoder holds. */
static int send_all(struct stand_in *s)
{
    pb_span out = pb_encoder_send(s->encoder);
    int failed = wire_send(&s->wire, out);
    failed = failed ? failed : talk_hear(&s->live, s->who, s->live.time, out);
    pb_encoder_sent(s->encoder, out.len);
    return failed;
}

static int write_value(struct stand_in *s, pb_value *v, pb_error *err)
{
    return pb__jelly(v, &s->live.jelly, &s->invoker, s->encoder, err);
}

/* Writes a message, its members from `numbered` and `args` where these are not NULL:
 * numbered has those in the places TALK_REQUEST and TALK_OBJECT. */
static bool write_message(struct stand_in *s, pb_value *message,
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
            pb_value *own = i == TALK_REQUEST || i == TALK_OBJECT ? numbered[i]
                            : i == TALK_ARGS                      ? args
                                                                  : NULL;
            failed = write_value(s, own ? own : pb_item(message, i), &err);
        }
        failed = failed ? failed : out.ops->end(out.ctx);
    } else {
        failed = write_value(s, message, &err);
    }
    if (failed) {
        pb_encoder_rewind(s->encoder, mark);
        *why = pb_strerror(failed);
        return false;
    }
    if (send_all(s) != 0) {
        s->status = tool_nomem();
    }
    return true;
}

static bool is_number(const pb_value *v)
{
    int64_t number;
    return v && pb_as_int(v, &number) == 0;
}

/* Whether the peer waits for its object to be given back. One that it has sent less often
 * than in the capture it would not forgive. */
static bool is_held(const struct stand_in *s, int64_t luid)
{
    return pb__map_get(&s->live.sides[!s->who].lent, (uint64_t)luid) != NULL;
}

static int visit_remote(pb_value *v, void *luid)
{
    pb_value *id;
    return form_is(v, "remote", &id) && pb_value_equal(id, luid);
}

/* Whether the peer has sent that number in the capture. */
static bool was_sent(const struct stand_in *s, const struct line *l, pb_value *luid)
{
    while (l-- > script_line(&s->script, 0)) {
        if (l->from != s->who && walk_value(l->value, visit_remote, luid) != 0) {
            return true;
        }
    }
    return false;
}

/* Puts this connection's numbers in place: new values, or NULL to leave those of the
 * capture. False where the message makes no sense here; then *why, NULL where nobody
 * misses it. */
static bool map_numbers(struct stand_in *s, const struct line *l, pb_value **numbered,
                        const char **why)
{
    const pb_value *first = talk_member(l->value, TALK_REQUEST);
    pb_value *object = talk_member(l->value, TALK_OBJECT),
             *command = talk_member(l->value, 0);
    int64_t here;
    *why = NULL;
    if (l->kind == TALK_ANSWER || l->kind == TALK_ERROR) {
        if (!find_number(&s->requests, first, &here)) {
            return false; /* the call never came, which was told */
        }
        numbered[TALK_REQUEST] = pb_int(here);
    } else if (l->kind == TALK_CALL && !l->cache && is_number(object)) {
        if (find_number(&s->luids[DIFFER_OBJECT], object, &here)) {
            numbered[TALK_OBJECT] = pb_int(here);
        } else if (was_sent(s, l, object)) {
            *why = "nothing came that this could be called on";
            return false;
        }
    } else if (is_text(command, "decref")) {
        if (!find_number(&s->luids[DIFFER_OBJECT], first, &here) || !is_held(s, here)) {
            return false;
        }
        numbered[TALK_REQUEST] = pb_int(here);
    } else if (is_text(command, "decache")) {
        if (!find_number(&s->luids[DIFFER_CACHE], first, &here)) {
            return false;
        }
        numbered[TALK_REQUEST] = pb_int(here);
    }
    return true;
}

/* The dialect to choose: the capture's, or if the peer offers it not, the first of its. */
static pb_value *choose_dialect(const struct stand_in *s, const struct line *l)
{
    pb_value *first = NULL;
    for (size_t i = 0; i < script_count(&s->script); i++) {
        const struct line *offer = script_line(&s->script, i);
        pb_value *dialect;
        for (size_t k = 0; offer->kind == TALK_DIALECTS && offer->live &&
                           (dialect = talk_member(offer->live, k));
             k++) {
            pb_span name;
            if (pb_value_equal(dialect, l->value)) {
                return dialect;
            }
            if (!first && pb_as_bytes(dialect, &name) == 0 &&
                pb__dialect_find(name) != PB_DIALECT_UNKNOWN) {
                first = dialect;
            }
        }
    }
    return first ? first : l->value;
}

bool stand_in_write(struct stand_in *s, const struct line *l, const char **why)
{
    pb_value *numbered[TALK_OBJECT + 1] = {0};
    *why = "a part of it is malformed";
    if (l->refused || !map_numbers(s, l, numbered, why)) {
        return false;
    }
    pb_value *args = l->kind == TALK_CALL ? respond(s, l) : NULL;
    pb_value *message = l->kind == TALK_DIALECT ? choose_dialect(s, l) : l->value;
    bool done = write_message(s, message, numbered, args, why);
    pb_value_unref(args);
    pb_value_unref(numbered[TALK_REQUEST]);
    pb_value_unref(numbered[TALK_OBJECT]);
    return done;
}

void stand_in_answer(struct stand_in *s, const struct talk_message *call)
{
    char *method = dump_method(call->call);
    const struct line *like = NULL;
    for (size_t i = 0; method && !like && i < script_count(&s->script); i++) {
        const struct line *l = script_line(&s->script, i);
        bool same = l->kind == TALK_CALL && l->from != s->who && l->answer != NO_LINE &&
                    strcmp(l->method, method) == 0;
        like = same ? script_line(&s->script, l->answer) : NULL;
    }
    pb_free(method);
    pb_value *none = pb_build(NULL, "[yzz]", "answer", NULL, NULL);
    pb_value *numbered[TALK_OBJECT + 1] = {[TALK_REQUEST] = pb_int(call->call->request)};
    const char *why = NULL;
    if (!none || !numbered[TALK_REQUEST]) {
        s->status = tool_nomem();
    } else if (!(like && !like->refused &&
                 write_message(s, like->value, numbered, NULL, &why))) {
        (void)write_message(s, none, numbered, NULL, &why);
    }
    pb_value_unref(numbered[TALK_REQUEST]);
    pb_value_unref(none);
}

int stand_in_begin(struct stand_in *s)
{
    s->invoker = form_keeper;
    s->invoker.jelly = jelly_form;
    s->invoker.ctx = s;
    s->encoder = pb_encoder_new(PB_DIALECT_UNKNOWN, &talk_limits);
    return s->encoder ? 0 : PB_ERR_NOMEM;
}
