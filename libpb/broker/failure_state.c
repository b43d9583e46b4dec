/* SPDX-License-Identifier: MIT
 *
 * The state that a failure is sent as: that of a CopyableFailure, as the profile's
 * Twisted makes it and in the order of its dict; or the state that was received from
 * another peer, with the changes that Twisted makes when it forwards it. */
#include <string.h>

#include "compat/profile.h"
#include "compat/repr.h"
#include "compat/value.h"
#include "libpb/base/buf.h"
#include "libpb/broker/exception.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/session.h"
#include "libpb/broker/write_message.h"

/* The members of the state. */
enum member {
    COUNT,
    TYPE,
    VALUE,
    CAPTURE_VARS,
    FRAMES,
    STACK,
    TB,
    PARENTS,
    PICKLED,
    UNSAFE,
    TRACEBACK,
    KEPT_FRAMES,
    MEMBERS
};

static const char *const names[MEMBERS] = {
    [COUNT] = "count",
    [TYPE] = "type",
    [VALUE] = "value",
    [CAPTURE_VARS] = "captureVars",
    [FRAMES] = "frames",
    [STACK] = "stack",
    [TB] = "tb",
    [PARENTS] = "parents",
    [PICKLED] = "pickled",
    [UNSAFE] = "unsafeTracebacks",
    [TRACEBACK] = "traceback",
    [KEPT_FRAMES] = "_frames",
};

/* The members in the order of each version's dict. state_has_member skips some. */
static const uint8_t order[MEMBERS] = {
    COUNT, TYPE,    VALUE,   CAPTURE_VARS, FRAMES,    STACK,
    TB,    PARENTS, PICKLED, UNSAFE,       TRACEBACK, KEPT_FRAMES,
};
static const uint8_t order_24_7[MEMBERS] = {
    COUNT, TYPE,    VALUE,  CAPTURE_VARS, FRAMES,    STACK,
    TB,    PICKLED, UNSAFE, PARENTS,      TRACEBACK, KEPT_FRAMES,
};
static const uint8_t order_24_10[MEMBERS] = {
    COUNT,       TYPE,   VALUE,   CAPTURE_VARS, TB,    PICKLED,
    KEPT_FRAMES, UNSAFE, PARENTS, FRAMES,       STACK, TRACEBACK,
};
static const uint8_t order_python2[MEMBERS] = {
    STACK, FRAMES, CAPTURE_VARS, PICKLED,   COUNT,   TYPE,
    TB,    UNSAFE, VALUE,        TRACEBACK, PARENTS, KEPT_FRAMES,
};

struct stating {
    const pb_session *s;
    const pb_failure *f;
    enum pb__failing how;
    struct pb__mro mro; /* at its first name */
};

static bool is_unsafe(const struct stating *g)
{
    return g->how != PB__FAILED_BESIDE && g->s->shared->config.unsafe_tracebacks;
}

/* For a Failure without frames, every Twisted writes this as the traceback. */
static pb_value *make_traceback(const struct stating *g)
{
    if (!is_unsafe(g)) {
        return pb__native(g->s, "Traceback unavailable\n");
    }
    if (g->f->traceback && *g->f->traceback) {
        return pb__native(g->s, g->f->traceback);
    }
    struct pb__buf b = {0};
    pb_value *v = NULL;
    if (pb__buf_printf(&b, "Traceback (most recent call last):\nFailure: %s: %s\n",
                       g->mro.name, pb_failure_text(g->f)) == 0) {
        v = pb__native(g->s, (const char *)b.data);
    }
    pb__buf_fini(&b);
    return v;
}

static pb_value *make_parents(const struct stating *g)
{
    bool class_last = pb__profile_has(pb__profile(g->s), PB__PROFILE_PARENTS_FIRST);
    struct pb__mro mro = g->mro;
    pb_value *list = pb_list();
    pb_value *class = pb__native(g->s, mro.name);
    int failed = list && class ? 0 : PB_ERR_NOMEM;
    if (!failed && !class_last) {
        failed = pb_append(list, class);
    }
    while (!failed && pb__mro_next(&mro)) {
        failed = pb_append_steal(list, pb__native(g->s, mro.name));
    }
    if (!failed && class_last) {
        failed = pb_append(list, class);
    }
    pb_value_unref(class);
    if (failed) {
        pb_value_unref(list);
        return NULL;
    }
    return list;
}

static pb_value *state_make_member(const struct stating *g, enum member member)
{
    switch (member) {
    case COUNT:
        return pb_int((int64_t)g->s->failures);
    case TYPE:
        return pb_bytes((pb_span){(const uint8_t *)g->mro.name, strlen(g->mro.name)});
    case VALUE:
        return g->f->sent_text ? pb__native(g->s, g->f->sent_text)
                               : pb__native_span(g->s, pb_failure_text_span(g->f));
    case CAPTURE_VARS:
        return pb_bool(false);
    case FRAMES:
    case STACK:
    case KEPT_FRAMES:
        return pb_list();
    case PARENTS:
        return make_parents(g);
    case PICKLED:
        return pb_int(1);
    case UNSAFE:
        return pb_bool(is_unsafe(g));
    case TRACEBACK:
        return make_traceback(g);
    default:
        return pb_none();
    }
}

/* Whether Twisted copied the Failure by Failure.__getstate__: its cleanFailure does, and
 * from 24.10 on failure2Copyable too. */
static bool state_is_pickled(const struct stating *g)
{
    return g->how == PB__FAILED_BEFORE ||
           (g->how == PB__FAILED_LATER &&
            pb__profile_has(pb__profile(g->s), PB__PROFILE_FAILURE_PICKLED));
}

/* Whether the state has the member. */
static bool state_has_member(const struct stating *g, enum member member)
{
    switch (member) {
    case CAPTURE_VARS:
        return pb__profile_has(pb__profile(g->s), PB__PROFILE_FAILURE_CAPTURE_VARS);
    case PICKLED:
        return state_is_pickled(g);
    case KEPT_FRAMES:
        return state_is_pickled(g) &&
               pb__profile_has(pb__profile(g->s), PB__PROFILE_FAILURE_PICKLED);
    case UNSAFE:
        return g->how != PB__FAILED_BESIDE;
    default:
        return true;
    }
}

static const uint8_t *state_order(pb_profile p)
{
    if (!pb__profile_has(p, PB__PROFILE_DICT_ORDERED)) {
        return order_python2;
    }
    if (pb__profile_has(p, PB__PROFILE_FAILURE_PICKLED)) {
        return order_24_10;
    }
    return pb__profile_has(p, PB__PROFILE_PARENTS_AFTER_UNSAFE) ? order_24_7 : order;
}

/* The state of a failure of our own. */
static pb_value *make_state(const struct stating *g)
{
    const uint8_t *members = state_order(pb__profile(g->s));
    pb_value *state = pb_dict();
    int failed = state ? 0 : PB_ERR_NOMEM;
    for (size_t i = 0; !failed && i < MEMBERS; i++) {
        if (state_has_member(g, members[i])) {
            failed = pb_dict_set_value_steal(state, pb__native(g->s, names[members[i]]),
                                             state_make_member(g, members[i]));
        }
    }
    if (failed) {
        pb_value_unref(state);
        return NULL;
    }
    return state;
}

/* ---- Forwarding a received failure ---- */

/* A key as the profile's RemoteCopy stores it: Python 3 decodes bytes to text. */
static pb_value *forward_key(const struct stating *g, pb_value *key)
{
    pb_error err = {0};
    pb_span name;
    if (pb__profile_has(pb__profile(g->s), PB__PROFILE_NATIVE_STR_BARE) ||
        pb_as_bytes(key, &name) != 0) {
        return pb__ref(key);
    }
    pb_value *text = pb_strn(name, &err);
    return text || err.code != PB_ERR_SYNTAX ? text : pb__ref(key);
}

/* Python's str() of the value; for a value that is not text, as errors show it. */
static pb_value *forward_text(const struct stating *g, pb_value *v)
{
    bool bare = pb__profile_has(pb__profile(g->s), PB__PROFILE_NATIVE_STR_BARE);
    if (pb__kind(v) == (bare ? PB_BYTES : PB_STR)) {
        return pb__ref(v);
    }
    pb_span text;
    char *printed = NULL;
    if (!bare || pb_as_text(v, &text) != 0) {
        printed = pb__repr_shown(v);
        text = printed ? pb_span_of(printed) : (pb_span){0};
    }
    pb_value *native = text.data ? pb__native_span(g->s, text) : NULL;
    pb_free(printed);
    return native;
}

/* The member as it is forwarded: as received, or NULL if Twisted makes a new one. */
static pb_value *state_forward_member(const struct stating *g, enum member member,
                                      pb_value *came)
{
    switch (member) {
    case VALUE:
        return forward_text(g, came);
    case TYPE:
        return pb__kind(came) == PB_BYTES ? pb__ref(came) : state_make_member(g, TYPE);
    case FRAMES:
    case STACK:
    case TB:
    case UNSAFE:
    case TRACEBACK:
        return state_make_member(g, member);
    default:
        return pb__ref(came);
    }
}

/* The member with that name; MEMBERS for any other name. */
static enum member find_member(const pb_value *key)
{
    pb_span name;
    enum member m = COUNT;
    bool text = pb_as_text(key, &name) == 0;
    while (m < MEMBERS && !(text && strcmp(names[m], (const char *)name.data) == 0)) {
        m++;
    }
    return m;
}

/* Whether Failure.__getstate__ and __setstate__ move the member to the end of the
 * state. */
static bool forward_moves(const struct stating *g, enum member member)
{
    return (member == PARENTS || member == FRAMES || member == STACK ||
            member == KEPT_FRAMES) &&
           state_has_member(g, KEPT_FRAMES);
}

/* A member that was not received, or that moves to the end of the state. */
static pb_value *state_add_member(const struct stating *g, enum member member,
                                  const pb_value *received)
{
    pb_value *v = member == PARENTS || member == KEPT_FRAMES
                      ? pb_dict_get(received, names[member])
                      : NULL;
    return v ? pb__ref(v) : state_make_member(g, member);
}

/* Mirrors failure2Copyable of a CopiedFailure. */
static pb_value *forward_state(const struct stating *g)
{
    /* The order in which Twisted sets the members that were not received, or moved. */
    static const uint8_t set[] = {PICKLED, UNSAFE, TB,   FRAMES,
                                  STACK,   VALUE,  TYPE, TRACEBACK};
    static const uint8_t set_24_10[] = {TB,     PICKLED, KEPT_FRAMES, UNSAFE, PARENTS,
                                        FRAMES, STACK,   VALUE,       TYPE,   TRACEBACK};
    bool moves = state_has_member(g, KEPT_FRAMES);
    const uint8_t *last = moves ? set_24_10 : set;
    size_t last_count = moves ? sizeof set_24_10 : sizeof set;
    bool seen[MEMBERS + 1] = {0};
    const pb_value *received = pb_instance_state(g->f->value);
    pb_value *state = pb_dict();
    int failed = state ? 0 : PB_ERR_NOMEM;
    size_t at = 0;
    pb_value *key, *value;
    while (!failed && pb_dict_next(received, &at, &key, &value)) {
        enum member m = find_member(key);
        if (forward_moves(g, m)) {
            continue;
        }
        seen[m] = true;
        failed = pb_dict_set_value_steal(state, forward_key(g, key),
                                         state_forward_member(g, m, value));
    }
    for (size_t i = 0; !failed && i < last_count; i++) {
        if (!seen[last[i]] && state_has_member(g, last[i])) {
            failed = pb_dict_set_value_steal(state, pb__native(g->s, names[last[i]]),
                                             state_add_member(g, last[i], received));
        }
    }
    if (failed) {
        pb_value_unref(state);
        return NULL;
    }
    return state;
}

pb_value *pb__failure_state(const pb_session *s, const pb_failure *f,
                            enum pb__failing how)
{
    struct stating g = {.s = s, .f = f, .how = how};
    pb__mro_begin(&g.mro, pb__failure_mro(f), pb__profile(s));
    pb__mro_next(&g.mro);
    bool came = f->value && pb__is_copied_failure(f->value) &&
                pb__kind(pb_instance_state(f->value)) == PB_DICT;
    return came ? forward_state(&g) : make_state(&g);
}
