/* SPDX-License-Identifier: MIT
 *
 * Values that are known by name, because no name is ever resolved: classes, modules,
 * functions, methods, instances, and jelly's Unpersistable. */
#include <string.h>

#include "compat/value.h"
#include "libpb/base/error.h"

static struct pb__text *name_text(pb_kind kind, const char *s)
{
    pb_span text = pb_span_of(s);
    size_t bad;
    if (!s || !pb__utf8_check(text.data, text.len, &bad)) {
        return NULL;
    }
    return pb__text_new(NULL, kind, text.data, text.len);
}

pb_value *pb_name(pb_kind kind, const char *dotted)
{
    if (kind != PB_CLASS && kind != PB_MODULE && kind != PB_FUNCTION) {
        return NULL;
    }
    return (pb_value *)name_text(kind, dotted);
}

pb_value *pb_unpersistable(const char *reason)
{
    return (pb_value *)name_text(PB_UNPERSISTABLE, reason);
}

static const char *text_in(const pb_value *v)
{
    return (const char *)((const struct pb__text *)v)->data;
}

const char *pb_unpersistable_reason(const pb_value *v)
{
    return pb__kind_or_nothing(v) == PB_UNPERSISTABLE ? text_in(v) : NULL;
}

const char *pb_name_of(const pb_value *v)
{
    switch (pb__kind_or_nothing(v)) {
    case PB_CLASS:
    case PB_MODULE:
    case PB_FUNCTION:
        return text_in(v);
    case PB_METHOD:
        return text_in(((const struct pb__method *)v)->name);
    case PB_INSTANCE:
        return text_in(((const struct pb__instance *)v)->name);
    default:
        return NULL;
    }
}

pb_value *pb_method_steal(const char *name, pb_value *self, pb_value *cls)
{
    struct pb__method *m = NULL;
    pb_value *text = self && cls ? pb_str(name) : NULL;
    if (text) {
        m = pb__value_new(NULL, sizeof *m, PB_METHOD);
    }
    if (!m) {
        pb_value_unref(text);
        pb_value_unref(self);
        pb_value_unref(cls);
        return NULL;
    }
    m->node.island = NULL;
    m->name = text;
    m->self = self;
    m->cls = cls;
    return &m->node.head;
}

static const struct pb__method *method_of(const pb_value *v)
{
    return pb__kind_or_nothing(v) == PB_METHOD ? (const struct pb__method *)v : NULL;
}

pb_value *pb_method_self(const pb_value *method)
{
    const struct pb__method *m = method_of(method);
    return m ? m->self : NULL;
}

pb_value *pb_method_class(const pb_value *method)
{
    const struct pb__method *m = method_of(method);
    return m ? m->cls : NULL;
}

pb_value *pb__instance_new_steal(struct pb__slab_pool *pool, pb_value *name,
                                 pb_value *state)
{
    struct pb__instance *i = NULL;
    if (name && state) {
        i = pb__value_new(pool, sizeof *i, PB_INSTANCE);
    }
    if (!i) {
        pb_value_unref(name);
        pb_value_unref(state);
        return NULL;
    }
    i->node.island = NULL;
    i->name = name;
    i->state = state;
    return &i->node.head;
}

pb_value *pb_instance_steal(const char *class_name, pb_value *state)
{
    return pb__instance_new_steal(NULL, pb_str(class_name), state);
}

pb_value *pb_instance(const char *class_name, pb_value *state)
{
    return pb_instance_steal(class_name, pb_value_ref(state));
}

pb_value *pb_instance_state(const pb_value *instance)
{
    return pb__kind_or_nothing(instance) == PB_INSTANCE
               ? ((const struct pb__instance *)instance)->state
               : NULL;
}
