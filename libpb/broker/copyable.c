/* SPDX-License-Identifier: MIT
 *
 * Writing Copyables of ours: their type tags and their states, for the perspective of the
 * message. Mirrors flavors.Copyable. */
#include <string.h>

#include "compat/profile.h"
#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "libpb/broker/copyable.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/session.h"

/* getStateToCopyFor. If the class of a copy has no such callback, the state is the one
 * that was received. */
static int copyable_state(pb_object *o, pb_object *perspective, pb_value **out,
                          pb_error *err)
{
    pb_error why = {0};
    const pb_class *with = pb__class_with(o->cls, offsetof(pb_class, state_to_copy));
    if (!with) {
        *out = o->base.holds ? pb__ref(o->base.holds) : pb_dict();
        return *out ? 0 : pb__error_nomem(err);
    }
    *out = with->state_to_copy(o->self, perspective, &why);
    return *out ? 0 : pb__error_of_callback(err, "state_to_copy", 0, &why);
}

int pb__copyable_state(pb_session *s, pb_object *o, pb_remote *observer,
                       struct pb__form *form, pb_error *err)
{
    pb_error why = {0};
    const pb_class *with = pb__class_with(o->cls, offsetof(pb_class, type_to_copy));
    const char *type = with ? with->type_to_copy(o->self, s->perspective) : NULL;
    type = type ? type : pb__class_name(o->cls);
    form->head = (pb_span){(const uint8_t *)type, strlen(type)};
    form->shared = true;
    with = observer ? pb__class_with(o->cls, offsetof(pb_class, state_to_cache)) : NULL;
    if (!with) {
        return copyable_state(o, s->perspective, &form->state, err);
    }
    form->state = with->state_to_cache(o->self, s->perspective, observer, &why);
    return form->state ? 0 : pb__error_of_callback(err, "state_to_cache", 0, &why);
}

int pb__copyable_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err)
{
    return pb__copyable_state(s, o, NULL, form, err);
}

/* A copy whose class is not Copyable is written like any instance, if the taster allows
 * its class. */
int pb__copy_form(pb_session *s, pb_object *o, struct pb__form *form, pb_error *err)
{
    pb_span name = pb_span_of(pb__class_name(o->cls));
    form->shared = true;
    if (pb_taster_class_allowed(s->shared->config.jelly.taster, name)) {
        const pb_value *state = o->base.holds;
        bool none = pb__kind(state) == PB_DICT && pb_len(state) == 0 &&
                    pb__profile_has(pb__profile(s), PB__PROFILE_EMPTY_STATE_NONE);
        form->head = name;
        form->state = none ? pb_none() : pb__ref(o->base.holds);
        return 0;
    }
    struct pb__buf reason = {0};
    int e = pb__buf_printf(&reason, "instance of class %s deemed insecure",
                           pb__class_name(o->cls));
    form->head = pb__word(PB__WORD_UNPERSISTABLE);
    form->id = e ? NULL : pb_bytes((pb_span){reason.data, reason.len});
    pb__buf_fini(&reason);
    return form->id ? 0 : pb__error_nomem(err);
}

int pb__copyable_plain(struct pb__foreign *f, const char **name, pb_value **state,
                       pb_error *err)
{
    pb_object *o = pb_as_object(&f->node.head);
    pb_flavor flavor = o->cls->flavor;
    bool copyable = flavor == PB_FLAVOR_COPYABLE || flavor == PB_FLAVOR_CACHEABLE;
    if (pb__class_with(o->cls, offsetof(pb_class, jelly_members))) {
        return 0;
    }
    if (!copyable && !o->base.holds) {
        return 0;
    }
    *name = pb__class_name(o->cls);
    return copyable_state(o, NULL, state, err);
}
