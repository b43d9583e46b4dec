/* SPDX-License-Identifier: MIT
 *
 * Received copies. The reader makes an object for each copy, which holds its state. Once
 * the message is complete, and every cycle in it is closed, the copy's self is made and
 * given the state, in Twisted's order. Mirrors flavors.RemoteCopy. */
#include <inttypes.h>
#include <stdio.h>

#include "compat/profile.h"
#include "libpb/base/error.h"
#include "libpb/broker/copyable.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/read_context.h"
#include "libpb/broker/registry.h"
#include "libpb/broker/remote_cache.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/session.h"
#include "libpb/jelly/crefs.h"

/* ---- The object ---- */

static void copy_release(struct pb__foreign *f)
{
    struct pb__copy *c = (struct pb__copy *)f;
    const pb_class *with = pb__class_with(c->object.cls, offsetof(pb_class, destroy));
    pb__list_remove(&c->arriving);
    if (c->publication) {
        pb__publication_end(c);
    }
    if (c->made && with) {
        with->destroy(c->object.self);
    }
}

static int copy_repr(const struct pb__foreign *f, char *out, size_t size)
{
    return snprintf(out, size, "<RemoteCopy %s>",
                    pb__class_name(((const pb_object *)f)->cls));
}

const struct pb__foreign_ops pb__copy_ops = {
    .release = copy_release,
    .destroy = pb__object_destroy,
    .equal = pb__object_equal,
    .hash = pb__object_hash,
    .repr = copy_repr,
    .plain = pb__copyable_plain,
};

void pb__copy_in_member(const pb_session *s, struct pb__copy *c)
{
    size_t member = pb__reader_member(s->read_context->reader);
    if (member < 64) { /* no message has as many members */
        c->members |= (uint64_t)1 << member;
    }
}

struct pb__copy *pb__copy_new_steal(pb_session *s, const pb_class *cls, pb_value *state)
{
    struct pb__copy *c = pb__local_new(sizeof *c, &pb__copy_ops, state);
    if (!c) {
        pb_value_unref(state);
        return NULL;
    }
    c->object.cls = cls;
    pb__copy_in_member(s, c);
    pb__list_init(&c->arriving);
    pb__list_push(&s->read_context->arriving, &c->arriving);
    return c;
}

/* ---- The state ---- */

/* Whether Python 3's setCopyableState, which copies the members into a dict of its own,
 * makes a visible difference: keys that are bytes become text, and placeholders for
 * values that are not known yet are never filled in there. */
static bool is_changed(const pb_session *s, const pb_value *state)
{
    size_t at = 0;
    pb_value *key, *value;
    if (pb__profile_has(pb__profile(s), PB__PROFILE_NATIVE_STR_BARE) ||
        pb__kind(state) != PB_DICT) {
        return false;
    }
    while (pb_dict_next(state, &at, &key, &value)) {
        if (pb__kind(key) == PB_BYTES || pb__cref_of(value)) {
            return true;
        }
    }
    return false;
}

pb_value *pb__copy_state(const pb_session *s, pb_value *state, pb_error *err)
{
    if (!is_changed(s, state)) {
        return pb__ref(state);
    }
    pb_value *own = pb_dict();
    int failed = own ? 0 : PB_ERR_NOMEM;
    size_t at = 0;
    pb_value *key, *value;
    while (!failed && pb_dict_next(state, &at, &key, &value)) {
        pb_span text;
        pb_error why = {0};
        pb_value *name =
            pb_as_bytes(key, &text) == 0 ? pb_strn(text, &why) : pb__ref(key);
        failed = why.code ? why.code : pb_dict_set_value_steal(own, name, pb__ref(value));
    }
    if (failed) {
        pb_value_unref(own);
        failed = failed == PB_ERR_ARG ? PB_ERR_NOMEM : failed;
        pb__error_set(err, failed, 0, "%s",
                      failed == PB_ERR_SYNTAX
                          ? "a key in the state of a copy is not UTF-8 text"
                          : pb_strerror(failed));
        return NULL;
    }
    return own;
}

/* ---- Reading ---- */

static int read_by_factory(const struct pb__registered *as, pb_value *state,
                           pb_value **out, pb_error *err)
{
    pb_error why = {0};
    *out = as->factory(state, &why, as->user_data);
    return *out ? 0 : pb__error_of_callback(err, "the factory of a copy", 0, &why);
}

int pb__copy_read(pb_session *s, const struct pb__registered *as,
                  const struct pb__form *form, pb_value **out, pb_error *err)
{
    if (as->cls && as->cls->flavor == PB_FLAVOR_CACHEABLE) {
        return pb__remote_cache_read(s, as, form, out, err);
    }
    if (form->flat) {
        return pb__jellyable_read(s, as, form, out, err);
    }
    pb_value *state =
        form->id ? form->id : form->state; /* the first member, whatever it is */
    if (!state) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "a copy without a state");
    }
    if (as->factory) {
        return read_by_factory(as, state, out, err);
    }
    state = pb__copy_state(s, state, err);
    if (!state) {
        return err->code;
    }
    *out = as->cls ? (pb_value *)pb__copy_new_steal(s, as->cls, state)
                   : pb_instance_steal(as->tag, state);
    return *out ? 0 : pb__error_nomem(err);
}

/* ---- Once the message is complete ---- */

/* Makes the self, and gives it the state. */
static int copy_tell(struct pb__copy *c, pb_error *err)
{
    const pb_class *cls = c->object.cls;
    const pb_class *with = pb__class_with(cls, offsetof(pb_class, construct));
    if (with) {
        c->object.self = with->construct();
        if (!c->object.self) {
            return pb__error_nomem(err);
        }
    }
    c->made = true;
    pb_error why = {0};
    with = pb__class_with(cls, offsetof(pb_class, set_state));
    int e = with ? with->set_state(c->object.self, c->object.base.holds, &why) : 0;
    if (e) {
        return pb__error_of_callback(err, "set_state", e, &why);
    }
    return c->publication ? pb__publication_begin(c, err) : 0;
}

static void copy_refuse(pb_value *list, const struct pb__copy *c, struct pb__received *m)
{
    struct pb__seq *members = (struct pb__seq *)list;
    for (uint32_t i = 0; i < members->len && i < 64; i++) {
        if (c->members >> i & 1) {
            pb_value *member = members->items[i];
            members->items[i] = NULL;
            pb_value_unref(member);
        }
    }
    m->refused = &m->why;
}

void pb__copies_arrived(pb_session *s, pb_value *list, struct pb__received *m)
{
    struct pb__list *arriving = &m->arriving;
    if (pb__list_empty(arriving)) {
        return;
    }
    if (!m->refused) {
        m->why = (pb_error){0};
    }
    do {
        struct pb__copy *c = PB__LIST_ENTRY(arriving->next, struct pb__copy, arriving);
        pb__list_remove(&c->arriving);
        pb_object_ref(&c->object);
        c->arrival = PB__ARRIVED;
        int e = pb__session_open(s) ? copy_tell(c, &m->why)
                                    : pb__error_set(&m->why, PB_ERR_LOST, 0, "%s",
                                                    pb__session_end_text(s));
        s->reading =
            true; /* so that decrefs of what is released are written after the failure */
        if (e) {
            c->arrival = PB__REFUSED;
            copy_refuse(list, c, m);
        }
        pb_object_unref(&c->object);
        s->reading = false;
    } while (!pb__list_empty(arriving));
}

void pb__copies_forget(struct pb__list *arriving)
{
    while (!pb__list_empty(arriving)) {
        struct pb__copy *c = PB__LIST_ENTRY(arriving->next, struct pb__copy, arriving);
        pb__list_remove(&c->arriving);
        c->arrival = PB__REFUSED;
    }
}
