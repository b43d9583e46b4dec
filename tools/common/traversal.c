/* SPDX-License-Identifier: MIT
 *
 * The traversal keeps a stack of values to visit, and a set of those that were
 * visited. */
#include "tools/common/traversal.h"

#include "libpb/base/buf.h"
#include "libpb/base/map.h"
#include "pb/broker.h"
#include "pb/flavors.h"
#include "tools/common/broker_expression.h"

struct traversal {
    struct pb__buf todo; /* pb_value *: a stack */
    struct pb__map seen;
};

static int traversal_push(struct traversal *w, pb_value *v)
{
    return v && pb_value_kind(v) >= PB_LIST ? pb__buf_append(&w->todo, &v, sizeof v) : 0;
}

static int traversal_push_items(struct traversal *w, pb_value *v)
{
    int e = 0;
    for (size_t i = pb_len(v); e == 0 && i-- > 0;) {
        e = traversal_push(w, pb_item(v, i));
    }
    return e;
}

/* Pushes the pairs in reverse order, as traversal_push_items does with items. */
static int traversal_push_pairs(struct traversal *w, const pb_value *dict)
{
    size_t pos = 0, begin = w->todo.len;
    pb_value *key, *value;
    int e = 0;
    while (e == 0 && pb_dict_next(dict, &pos, &key, &value)) {
        e = traversal_push(w, key);
        e = e ? e : traversal_push(w, value);
    }
    pb_value **v = (pb_value **)(void *)(w->todo.data + begin);
    for (size_t i = 0, n = (w->todo.len - begin) / sizeof *v; i < n / 2; i++) {
        pb_value *other = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = other;
    }
    return e;
}

static int traversal_push_content(struct traversal *w, pb_value *v)
{
    const struct pb__form *expression = broker_expression_of(v);
    const pb_object *o = pb_as_object(v);
    int e;
    switch (pb_value_kind(v)) {
    case PB_DICT:
        return traversal_push_pairs(w, v);
    case PB_INSTANCE:
        return traversal_push(w, pb_instance_state(v));
    case PB_METHOD:
        e = traversal_push(w, pb_method_class(v));
        return e ? e : traversal_push(w, pb_method_self(v));
    case PB_OBJECT:
        return traversal_push(w, expression ? expression->state
                                 : o        ? pb_object_state(o)
                                            : NULL);
    default:
        return traversal_push_items(w, v);
    }
}

int traverse_value(pb_value *v, int (*visit)(pb_value *v, void *ctx), void *ctx)
{
    struct traversal w = {0};
    int e = traversal_push(&w, v);
    while (e == 0 && w.todo.len) {
        w.todo.len -= sizeof v;
        memcpy(&v, w.todo.data + w.todo.len, sizeof v);
        uint64_t key = (uint64_t)(uintptr_t)v;
        if (!pb__map_get(&w.seen, key)) {
            e = pb__map_set(&w.seen, key, v);
            e = e ? e : visit(v, ctx);
            e = e ? e : traversal_push_content(&w, v);
        }
    }
    pb__buf_fini(&w.todo);
    pb__map_fini(&w.seen);
    return e;
}
