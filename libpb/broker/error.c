/* SPDX-License-Identifier: MIT
 *
 * error, both ways. What is sent is the state of a CopyableFailure as the profile's
 * Twisted makes it, in the order in which that one's dict has it. */
#include <stdio.h>
#include <string.h>

#include "libpb/broker/copies.h"

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
    UNSAFE,
    TRACEBACK,
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
    [UNSAFE] = "unsafeTracebacks",
    [TRACEBACK] = "traceback",
};

static const uint8_t order[MEMBERS] = {
    COUNT, TYPE, VALUE, CAPTURE_VARS, FRAMES, STACK, TB, PARENTS, UNSAFE, TRACEBACK,
};
static const uint8_t order_24_7[MEMBERS] = {
    COUNT, TYPE, VALUE, CAPTURE_VARS, FRAMES, STACK, TB, UNSAFE, PARENTS, TRACEBACK,
};
static const uint8_t order_python2[MEMBERS] = {
    STACK, FRAMES, CAPTURE_VARS, COUNT, TYPE, TB, UNSAFE, VALUE, TRACEBACK, PARENTS,
};

struct failing {
    pb_session *s;
    const char *mro, *text;
};

/* Where a Failure has no frames, its traceback is this in every Twisted. */
static pb_value *make_traceback(const struct failing *f)
{
    if (!f->s->shared->config.unsafe_tracebacks) {
        return pb__native(f->s, "Traceback unavailable\n");
    }
    struct pb__mro m;
    pb__mro_begin(&m, f->mro, pb__profile(f->s));
    pb__mro_next(&m);
    struct pb__buf b = {0};
    pb_value *v = NULL;
    if (pb__buf_printf(&b, "Traceback (most recent call last):\nFailure: %s: %s\n",
                       m.name, f->text) == 0 &&
        pb__buf_append(&b, "", 1) == 0) {
        v = pb__native(f->s, (const char *)b.data);
    }
    pb__buf_fini(&b);
    return v;
}

static pb_value *make_parents(const struct failing *f)
{
    bool class_last = pb_profile_has(pb__profile(f->s), PB_PROFILE_PARENTS_FIRST);
    pb_value *list = pb_list();
    struct pb__mro m;
    pb__mro_begin(&m, f->mro, pb__profile(f->s));
    pb__mro_next(&m);
    pb_value *class = pb__native(f->s, m.name);
    int failed = list && class ? 0 : PB_ERR_NOMEM;
    if (!failed && !class_last) {
        failed = pb_append(list, class);
    }
    while (!failed && pb__mro_next(&m)) {
        failed = pb_append_steal(list, pb__native(f->s, m.name));
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

static pb_value *make_type(const struct failing *f)
{
    struct pb__mro m;
    pb__mro_begin(&m, f->mro, pb__profile(f->s));
    pb__mro_next(&m);
    return pb_bytes((pb_span){(const uint8_t *)m.name, strlen(m.name)});
}

static pb_value *make(const struct failing *f, enum member member)
{
    switch (member) {
    case COUNT:
        return pb_int((int64_t)f->s->failures);
    case TYPE:
        return make_type(f);
    case VALUE:
        return pb__native(f->s, f->text);
    case CAPTURE_VARS:
        return pb_bool(false);
    case FRAMES:
    case STACK:
        return pb_list();
    case PARENTS:
        return make_parents(f);
    case UNSAFE:
        return pb_bool(f->s->shared->config.unsafe_tracebacks);
    case TRACEBACK:
        return make_traceback(f);
    default:
        return pb_none();
    }
}

/* *new*; NULL for lack of memory. Mirrors CopyableFailure.getStateToCopy. */
static pb_value *make_state(const struct failing *f)
{
    pb_profile p = pb__profile(f->s);
    const uint8_t *members = !pb_profile_has(p, PB_PROFILE_DICT_ORDERED) ? order_python2
                             : pb_profile_has(p, PB_PROFILE_PARENTS_AFTER_UNSAFE)
                                 ? order_24_7
                                 : order;
    pb_value *state = pb_dict();
    int failed = state ? 0 : PB_ERR_NOMEM;
    for (size_t i = 0; !failed && i < MEMBERS; i++) {
        enum member member = members[i];
        if (member != CAPTURE_VARS ||
            pb_profile_has(p, PB_PROFILE_FAILURE_CAPTURE_VARS)) {
            failed = pb_dict_set_steal(state, pb__native(f->s, names[member]),
                                       make(f, member));
        }
    }
    if (failed) {
        pb_value_unref(state);
        return NULL;
    }
    return state;
}

/* Mirrors Broker._sendError. */
void pb__error_write(pb_session *s, pb_value *id, const char *mro, const char *text)
{
    struct failing f = {.s = s, .mro = mro, .text = text};
    pb_value *state = make_state(&f);
    uint64_t mark = pb__write_begin(s, NULL);
    int failed = state ? 0 : PB_ERR_NOMEM;
    failed = failed ? failed : pb__write_head(s, 3, PB__WORD_ERROR);
    failed = failed ? failed : pb__write_value(s, id, NULL);
    failed = failed ? failed : pb__encode_list(&s->encoder, 2);
    failed = failed ? failed : pb__write_string(s, PB__COPYABLE_FAILURE);
    failed = failed ? failed : pb__write_value(s, state, NULL);
    pb_error why = {0};
    if (pb__write_end(s, mark, failed, &why) != 0) {
        pb__session_end(s, &why);
    }
    pb_value_unref(state);
}

/* Mirrors Broker.proto_error. */
int pb__error_received(pb_session *s, struct pb__received *m)
{
    int failed = 0;
    pb_call *c = pb__answered_call(s, m, &failed);
    if (!c) {
        return failed;
    }
    pb__copies_arrived(s, m->list, m);
    pb_value *v = pb__member(m, 2);
    pb_failure *failure =
        v ? pb__failure_received(v) : pb__failure_new(m->refused->code, m->refused->text);
    pb__call_end(c, NULL, failure);
    pb_failure_unref(failure);
    return 0;
}
