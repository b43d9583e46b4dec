/* SPDX-License-Identifier: MIT
 *
 * Shallow copies like those of copy.copy: a new container or instance with the same
 * contents. */
#include <string.h>

#include "compat/table.h"

static void copy_places(pb_value **to, pb_value *const *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = pb__ref(from[i]);
    }
}

static pb_value *list_copy(const struct pb__seq *s)
{
    struct pb__seq *copy = pb__seq_new(NULL, PB_LIST, s->len);
    if (!copy) {
        return NULL;
    }
    copy_places(copy->items, s->items, s->len);
    copy->len = s->len;
    return &copy->node.head;
}

static pb_value *table_copy(const struct pb__table *t)
{
    struct pb__table *copy = pb__table_new(NULL, t->node.head.kind, t->len);
    if (copy && t->index) {
        size_t size = sizeof *t->index +
                      ((size_t)t->index->mask + 1) * sizeof(struct pb__index_slot);
        copy->index = pb__malloc(size);
        if (!copy->index) {
            pb__unref(&copy->node.head);
            return NULL;
        }
        memcpy(copy->index, t->index, size);
    }
    if (!copy) {
        return NULL;
    }
    copy_places(copy->slots, t->slots, t->len * pb__table_width(t));
    copy->len = t->len;
    return &copy->node.head;
}

static pb_value *instance_copy(const struct pb__instance *i)
{
    pb_value *state =
        pb__kind(i->state) == PB_DICT ? pb_value_copy(i->state) : pb__ref(i->state);
    return pb__instance_new_steal(NULL, pb__ref(i->name), state);
}

pb_value *pb_value_copy(pb_value *v)
{
    if (!v) {
        return NULL;
    }
    switch (pb__kind(v)) {
    case PB_LIST:
        return list_copy((const struct pb__seq *)v);
    case PB_DICT:
    case PB_SET:
        return table_copy((const struct pb__table *)v);
    case PB_INSTANCE:
        return instance_copy((const struct pb__instance *)v);
    default:
        return pb__ref(v);
    }
}
