/* SPDX-License-Identifier: MIT
 *
 * list and tuple, and the functions for all kinds of containers. */
#include <string.h>

#include "compat/table.h"

struct pb__seq *pb__seq_new(struct pb__slab_pool *pool, pb_kind kind, size_t cap)
{
    size_t size;
    if (cap > UINT32_MAX || !pb__mul(cap, sizeof(pb_value *), &size) ||
        !pb__add(size, sizeof(struct pb__seq), &size)) {
        return NULL;
    }
    struct pb__seq *s = pb__value_new(pool, size, kind);
    if (s) {
        s->node.island = NULL;
        s->items = s->inline_items;
        s->len = 0;
        s->cap = (uint32_t)cap;
        s->hash = 0;
    }
    return s;
}

int pb__grow_places(pb_value ***places, pb_value **inside, uint32_t *cap, size_t width)
{
    if (*cap > UINT32_MAX / 2) {
        return PB_ERR_NOMEM;
    }
    size_t more = *cap < 4 ? 4 : (size_t)*cap * 2;
    size_t entry = width * sizeof(pb_value *);
    size_t size;
    pb_value **bigger = pb__mul(more, entry, &size)
                            ? pb__realloc(*places == inside ? NULL : *places, size)
                            : NULL;
    if (!bigger) {
        return PB_ERR_NOMEM;
    }
    if (*places == inside && *cap != 0) {
        memcpy(bigger, inside, *cap * entry);
    }
    *places = bigger;
    *cap = (uint32_t)more;
    return 0;
}

int pb__seq_grow(struct pb__seq *s)
{
    return s->len < s->cap ? 0 : pb__grow_places(&s->items, s->inline_items, &s->cap, 1);
}

pb_value *pb_seq(pb_kind kind, size_t reserve)
{
    switch (kind) {
    case PB_LIST:
    case PB_TUPLE:
        return (pb_value *)pb__seq_new(NULL, kind, reserve);
    case PB_SET:
    case PB_FROZENSET:
        return (pb_value *)pb__table_new(NULL, kind, reserve);
    default:
        return NULL;
    }
}

pb_value *pb_list(void)
{
    return pb_seq(PB_LIST, 4);
}

pb_value *pb_dict(void)
{
    return (pb_value *)pb__table_new(NULL, PB_DICT, 4);
}

size_t pb_len(const pb_value *v)
{
    switch (pb__kind_or_nothing(v)) {
    case PB_LIST:
    case PB_TUPLE:
        return ((const struct pb__seq *)v)->len;
    case PB_DICT:
    case PB_SET:
    case PB_FROZENSET:
        return ((const struct pb__table *)v)->len;
    case PB_BYTES:
    case PB_STR:
        return ((const struct pb__text *)v)->len;
    default:
        return 0;
    }
}

pb_value *pb_item(const pb_value *seq, size_t i)
{
    switch (pb__kind_or_nothing(seq)) {
    case PB_LIST:
    case PB_TUPLE: {
        const struct pb__seq *s = (const struct pb__seq *)seq;
        return i < s->len ? s->items[i] : NULL;
    }
    case PB_SET:
    case PB_FROZENSET: {
        const struct pb__table *t = (const struct pb__table *)seq;
        return i < t->len ? t->slots[i] : NULL;
    }
    default:
        return NULL;
    }
}

/* Returns whether a value has a second owner, after which a tuple or frozenset cannot
 * change. Tied values count as shared, because their owners cannot be distinguished from
 * those of their island. */
static bool is_shared(const pb_value *v)
{
    return v->refs > 1 && !((const struct pb__node *)v)->island;
}

bool pb__seq_empty(pb_value *seq)
{
    struct pb__seq *s = (struct pb__seq *)seq;
    if (seq->refs != 1 || s->node.island || s->items != s->inline_items) {
        return false;
    }
    size_t len = s->len;
    s->len = 0;
    s->hash = 0;
    for (size_t i = 0; i < len; i++) {
        pb__unref(s->items[i]);
    }
    return true;
}

static int seq_append_steal(struct pb__seq *s, pb_value *item)
{
    int e = pb__seq_grow(s);
    if (e) {
        pb__unref(item);
        return e;
    }
    s->items[s->len++] = item;
    s->hash = 0;
    pb__hold(&s->node, item);
    return 0;
}

int pb_append_steal(pb_value *seq, pb_value *item)
{
    if (!item) {
        return PB_ERR_ARG;
    }
    pb_kind kind = pb__kind_or_nothing(seq);
    int e = pb__wrong_kind(seq);
    if ((kind == PB_TUPLE || kind == PB_FROZENSET) && is_shared(seq)) {
        e = PB_ERR_STATE;
    } else if (kind == PB_LIST || kind == PB_TUPLE) {
        return seq_append_steal((struct pb__seq *)seq, item);
    } else if (kind == PB_SET || kind == PB_FROZENSET) {
        return pb__table_put_steal((struct pb__table *)seq, item, NULL);
    }
    pb__unref(item);
    return e;
}

int pb_append(pb_value *seq, pb_value *item)
{
    return pb_append_steal(seq, pb_value_ref(item));
}

int pb_item_set_steal(pb_value *list, size_t i, pb_value *item)
{
    if (!item) {
        return PB_ERR_ARG;
    }
    struct pb__seq *s = (struct pb__seq *)list;
    bool is_list = pb__kind_or_nothing(list) == PB_LIST;
    int e = !is_list ? pb__wrong_kind(list) : i >= s->len ? PB_ERR_RANGE : 0;
    if (e) {
        pb__unref(item);
        return e;
    }
    pb_value *before = s->items[i];
    s->items[i] = item;
    pb__ref(list); /* the removed item may be the last owner of the list's island */
    pb__hold(&s->node, item);
    pb__let_go(&s->node, before);
    pb__unref(list);
    return 0;
}
