/* SPDX-License-Identifier: MIT
 *
 * Removing entries from lists, dicts and sets. The following entries move up, so that the
 * order stays, and an index is updated. The container is consistent again before anything
 * is released, because that may call the application (`destroy`), or free the
 * container. */
#include <string.h>

#include "compat/island.h"
#include "compat/table.h"

/* Removes `width` of the `len` places, from `at` on. */
static void places_remove(pb_value **places, size_t len, size_t at, size_t width)
{
    memmove(places + at, places + at + width, (len - at - width) * sizeof *places);
}

/* Removes the edges from a container to values that it held; `second` may be NULL. It
 * checks which edges were counted before it releases anything, because the application,
 * which may then be called, can tie values. */
static void removed_let_go(struct pb__node *holder, pb_value *first, pb_value *second)
{
    bool inside = holder->island && pb__is_inside(holder->island, second);
    pb_value *self = pb__ref(&holder->head);
    pb__let_go(holder, first);
    if (second && !inside) {
        pb__unref(second);
    }
    pb__unref(self);
}

int pb_item_remove(pb_value *list, size_t i)
{
    if (!list) {
        return PB_ERR_ARG;
    }
    if (pb__kind(list) != PB_LIST) {
        return PB_ERR_TYPE;
    }
    struct pb__seq *s = (struct pb__seq *)list;
    if (i >= s->len) {
        return PB_ERR_RANGE;
    }
    pb_value *gone = s->items[i];
    places_remove(s->items, s->len, i, 1);
    s->len--;
    removed_let_go(&s->node, gone, NULL);
    return 0;
}

/* Removes an entry (its number plus one) from the index, and decreases the numbers after
 * it. In a sequence of slots without a gap, each entry must remain reachable from the
 * slot where the search for its hash begins. */
static void index_remove(struct pb__index *index, uint32_t entry)
{
    uint32_t hole = 0;
    for (uint32_t i = 0; i <= index->mask; i++) {
        hole = index->slots[i].entry == entry ? i : hole;
        index->slots[i].entry -= index->slots[i].entry > entry;
    }
    index->slots[hole].entry = 0;
    for (uint32_t i = (hole + 1) & index->mask; index->slots[i].entry;
         i = (i + 1) & index->mask) {
        uint32_t moved = (i - index->slots[i].hash) & index->mask;
        if (moved >= ((i - hole) & index->mask)) {
            index->slots[hole] = index->slots[i];
            index->slots[i].entry = 0;
            hole = i;
        }
    }
}

/* Removes the entry that pb__table_find has found. */
static int table_remove(struct pb__table *t, int64_t found)
{
    if (found <= 0) {
        return found < 0 ? (int)found : PB_ERR_RANGE;
    }
    size_t width = pb__table_width(t);
    size_t at = (size_t)(found - 1) * width;
    pb_value *key = t->slots[at];
    pb_value *value = width == 2 ? t->slots[at + 1] : NULL;
    places_remove(t->slots, t->len * width, at, width);
    t->len--;
    if (t->index) {
        index_remove(t->index, (uint32_t)found);
    }
    removed_let_go(&t->node, key, value);
    return 0;
}

int pb_dict_remove_value(pb_value *dict, const pb_value *key)
{
    if (!dict || !key) {
        return PB_ERR_ARG;
    }
    if (pb__kind(dict) != PB_DICT) {
        return PB_ERR_TYPE;
    }
    struct pb__table *t = (struct pb__table *)dict;
    return table_remove(t, pb__table_find(t, key));
}

int pb_dict_remove(pb_value *dict, const char *key)
{
    if (!dict || !key) {
        return PB_ERR_ARG;
    }
    if (pb__kind(dict) != PB_DICT) {
        return PB_ERR_TYPE;
    }
    struct pb__table *t = (struct pb__table *)dict;
    return table_remove(t, pb__table_find_text(t, key));
}

int pb_set_remove(pb_value *set, const pb_value *member)
{
    if (!set || !member) {
        return PB_ERR_ARG;
    }
    if (pb__kind(set) != PB_SET) {
        return PB_ERR_TYPE;
    }
    struct pb__table *t = (struct pb__table *)set;
    return table_remove(t, pb__table_find(t, member));
}
