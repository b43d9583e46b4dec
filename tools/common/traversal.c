/* SPDX-License-Identifier: MIT
 *
 * The walk over a value keeps a stack of what is still to be seen, and remembers the
 * containers that were. */
#include "tools/common/traversal.h"

#include "libpb/base/buf.h"
#include "libpb/base/map.h"
#include "pb/broker.h"
#include "pb/flavors.h"
#include "tools/common/broker_expression.h"

struct walk {
    struct pb__buf todo; /* pb_value *: a stack */
    struct pb__map seen;
};

static int push(struct walk *w, pb_value *v)
{
    return v && pb_value_kind(v) >= PB_LIST ? pb__buf_append(&w->todo, &v, sizeof v) : 0;
}

static int push_items(struct walk *w, pb_value *v)
{
    int e = 0;
    for (size_t i = pb_len(v); e == 0 && i-- > 0;) {
        e = push(w, pb_item(v, i));
    }
    return e;
}

/* The pairs come last first, as the items do. */
static int push_pairs(struct walk *w, const pb_value *dict)
{
    size_t pos = 0, begin = w->todo.len;
    pb_value *key, *value;
    int e = 0;
    while (e == 0 && pb_dict_next(dict, &pos, &key, &value)) {
        e = push(w, key);
        e = e ? e : push(w, value);
    }
    pb_value **v = (pb_value **)(void *)(w->todo.data + begin);
    for (size_t i = 0, n = (w->todo.len - begin) / sizeof *v; i < n / 2; i++) {
        pb_value *other = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = other;
    }
    return e;
}

static int push_inside(struct walk *w, pb_value *v)
{
    const struct pb__form *form = form_of(v);
    const pb_object *o = pb_as_object(v);
    int e;
    switch (pb_value_kind(v)) {
    case PB_DICT:
        return push_pairs(w, v);
    case PB_INSTANCE:
        return push(w, pb_instance_state(v));
    case PB_METHOD:
        e = push(w, pb_method_class(v));
        return e ? e : push(w, pb_method_self(v));
    case PB_OBJECT:
        return form ? push(w, form->state) : o ? push(w, pb_object_state(o)) : 0;
    default:
        return push_items(w, v);
    }
}

int walk_value(pb_value *v, int (*visit)(pb_value *v, void *ctx), void *ctx)
{
    struct walk w = {0};
    int e = push(&w, v);
    while (e == 0 && w.todo.len) {
        w.todo.len -= sizeof v;
        memcpy(&v, w.todo.data + w.todo.len, sizeof v);
        uint64_t key = (uint64_t)(uintptr_t)v;
        if (!pb__map_get(&w.seen, key)) {
            e = pb__map_set(&w.seen, key, v);
            e = e ? e : visit(v, ctx);
            e = e ? e : push_inside(&w, v);
        }
    }
    pb__buf_fini(&w.todo);
    pb__map_fini(&w.seen);
    return e;
}
