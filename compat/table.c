/* SPDX-License-Identifier: MIT
 *
 * dict, set and frozenset: entries in insertion order. Small tables with simple keys are
 * searched linearly, others by an index. remove.c removes entries. */
#include "compat/table.h"

#include <string.h>

#include "compat/compare.h"

struct pb__table *pb__table_new(struct pb__slab_pool *pool, pb_kind kind, size_t cap)
{
    size_t size;
    size_t entry = (kind == PB_DICT ? 2 : 1) * sizeof(pb_value *);
    if (cap > UINT32_MAX || !pb__mul(cap, entry, &size) ||
        !pb__add(size, sizeof(struct pb__table), &size)) {
        return NULL;
    }
    struct pb__table *t = pb__value_new(pool, size, kind);
    if (t) {
        t->node.island = NULL;
        t->slots = t->inline_slots;
        t->len = 0;
        t->cap = (uint32_t)cap;
        t->index = NULL;
    }
    return t;
}

/* The entry of a text key plus one; 0 if there is none. */
static inline uint32_t find_text(const struct pb__table *t, size_t width,
                                 const pb_value *key)
{
    for (uint32_t i = 0; i < t->len; i++) {
        const pb_value *k = t->slots[i * width];
        if (k == key ||
            (pb__value_is_text(k) && k->kind == key->kind && pb__texts_equal(k, key))) {
            return i + 1;
        }
    }
    return 0;
}

static int64_t find_linear(const struct pb__table *t, const pb_value *key)
{
    size_t width = pb__table_width(t);
    if (pb__value_is_text(key)) {
        return find_text(t, width, key);
    }
    for (uint32_t i = 0; i < t->len; i++) {
        int same = pb__atoms_equal(t->slots[i * width], key);
        if (same != 0) {
            return same < 0 ? same : (int64_t)i + 1;
        }
    }
    return 0;
}

static int64_t find_indexed(const struct pb__table *t, const pb_value *key, uint32_t hash)
{
    const struct pb__index *index = t->index;
    for (uint32_t i = hash & index->mask; index->slots[i].entry;
         i = (i + 1) & index->mask) {
        if (index->slots[i].hash == hash) {
            int same = pb__equal(pb__table_key(t, index->slots[i].entry - 1), key);
            if (same != 0) {
                return same < 0 ? same : (int64_t)index->slots[i].entry;
            }
        }
    }
    return 0;
}

static inline bool is_compound(const pb_value *v)
{
    return !pb__is_small(v) && (v->kind == PB_TUPLE || v->kind == PB_FROZENSET);
}

/* Returns whether hashing can fail for another reason than exhausted memory. */
static inline bool may_be_unhashable(const pb_value *v)
{
    return !pb__is_small(v) && pb__kind_in((pb_kind)v->kind, PB__UNHASHABLE_KINDS);
}

static int kept_hash(const pb_value *key, uint32_t *out)
{
    uint64_t h;
    int e = pb__hash(key, &h);
    *out = e ? 0 : pb__hash_kept(h);
    return e;
}

/* Returns whether a search for the key needs its hash, or has to check that it has
 * one. */
static inline bool wants_hash(const struct pb__table *t, const pb_value *key)
{
    return t->index || may_be_unhashable(key);
}

/* As pb__table_find; *hash is set to the hash of the key if the search needs it. */
static int64_t table_find(const struct pb__table *t, const pb_value *key, uint32_t *hash)
{
    if (wants_hash(t, key)) {
        int e = kept_hash(key, hash);
        if (e) {
            return e;
        }
    }
    if (t->index) {
        return find_indexed(t, key, *hash);
    }
    return is_compound(key) ? 0 : find_linear(t, key);
}

int64_t pb__table_find(const struct pb__table *t, const pb_value *key)
{
    uint32_t hash = 0;
    return table_find(t, key, &hash);
}

static void index_add(struct pb__index *index, uint32_t hash, uint32_t entry)
{
    uint32_t i = hash & index->mask;
    while (index->slots[i].entry) {
        i = (i + 1) & index->mask;
    }
    index->slots[i] = (struct pb__index_slot){hash, entry};
}

/* Makes the index, or a larger one, for as many entries as the table has memory for. */
static int build_index(struct pb__table *t)
{
    size_t slots = 16;
    while (slots / 2 < t->cap) {
        slots *= 2;
    }
    if (t->index && slots <= (size_t)t->index->mask + 1) {
        return 0;
    }
    if (slots - 1 > UINT32_MAX) {
        return PB_ERR_NOMEM;
    }
    size_t size;
    struct pb__index *index = pb__mul(slots, sizeof(struct pb__index_slot), &size) &&
                                      pb__add(size, sizeof *index, &size)
                                  ? pb__calloc(1, size)
                                  : NULL;
    if (!index) {
        return PB_ERR_NOMEM;
    }
    index->mask = (uint32_t)(slots - 1);
    for (uint32_t i = 0; !t->index && i < t->len; i++) {
        uint32_t hash;
        int e = kept_hash(pb__table_key(t, i), &hash);
        if (e) {
            pb__free(index);
            return e;
        }
        index_add(index, hash, i + 1);
    }
    for (size_t i = 0; t->index && i <= t->index->mask; i++) {
        struct pb__index_slot slot = t->index->slots[i];
        if (slot.entry) {
            index_add(index, slot.hash, slot.entry);
        }
    }
    pb__free(t->index);
    t->index = index;
    return 0;
}

/* Ends a put: counts the edges to key and value, and releases `gone`, which was
 * replaced. */
static int table_finish_put(struct pb__table *t, pb_value *key, pb_value *value,
                            pb_value *gone)
{
    if (t->node.island) {
        pb_value *self =
            pb__ref(&t->node.head); /* the next calls may release its last owner */
        pb__hold(&t->node, key);
        pb__hold(&t->node, value);
        pb__let_go(&t->node, gone);
        pb__unref(self);
    } else {
        pb_value_unref(gone);
    }
    return 0;
}

static int table_give_up(pb_value *key, pb_value *value, int e)
{
    pb_value_unref(key);
    pb_value_unref(value);
    return e;
}

/* Adds an entry whose key is not in the table yet; hash is that from the search. */
static int table_add(struct pb__table *t, pb_value *key, pb_value *value, uint32_t hash)
{
    size_t width = pb__table_width(t);
    int e = 0;
    if (t->len == t->cap) {
        e = pb__grow_places(&t->slots, t->inline_slots, &t->cap, width);
    }
    bool indexed = t->index || t->len >= PB__TABLE_LINEAR || is_compound(key);
    if (e == 0 && indexed && !wants_hash(t, key)) {
        e = kept_hash(key, &hash);
    }
    if (e == 0 && indexed) {
        e = build_index(t);
    }
    if (e) {
        return table_give_up(key, value, e);
    }
    pb_value **place = t->slots + t->len * width;
    place[0] = key;
    if (width == 2) {
        place[1] = value;
    }
    t->len++;
    if (indexed) {
        t->index->hash = 0;
        index_add(t->index, hash, t->len);
    }
    return table_finish_put(t, key, value, NULL);
}

int pb__table_put_steal(struct pb__table *t, pb_value *key, pb_value *value)
{
    /* The common case: a new text key in a small dict with room. */
    if (pb__value_is_text(key) && t->len < pb__table_room_end(t) && !t->node.island &&
        t->node.head.kind == PB_DICT && find_text(t, 2, key) == 0) {
        pb__table_append_pair(t, key, value);
        return 0;
    }
    uint32_t hash = 0;
    int64_t found = table_find(t, key, &hash);
    if (found == 0) {
        return table_add(t, key, value, hash);
    }
    if (found < 0) {
        return table_give_up(key, value, (int)found);
    }
    pb_value *gone = NULL;
    if (t->node.head.kind == PB_DICT) {
        pb_value **place = t->slots + (found - 1) * 2 + 1;
        gone = *place;
        *place = value;
    }
    pb__unref(key);
    return table_finish_put(t, NULL, value, gone);
}

int pb_dict_set_value_steal(pb_value *dict, pb_value *key, pb_value *value)
{
    if (!dict || !key || !value) {
        return table_give_up(key, value, PB_ERR_ARG);
    }
    if (pb__kind(dict) != PB_DICT) {
        return table_give_up(key, value, PB_ERR_TYPE);
    }
    return pb__table_put_steal((struct pb__table *)dict, key, value);
}

int pb_dict_set_steal(pb_value *dict, const char *key, pb_value *value)
{
    pb_error err = {0};
    if (!key) {
        return table_give_up(NULL, value, PB_ERR_ARG);
    }
    pb_value *k = pb_strn(pb_span_of(key), &err);
    return k ? pb_dict_set_value_steal(dict, k, value)
             : table_give_up(NULL, value, err.code);
}

int pb_dict_set(pb_value *dict, const char *key, pb_value *value)
{
    return pb_dict_set_steal(dict, key, pb_value_ref(value));
}

/* The entry of a text key of that kind, plus one; 0 if there is none. */
static int64_t find_text_of(const struct pb__table *t, pb_kind kind, const char *key,
                            size_t len)
{
    const struct pb__index *index = t->index;
    uint32_t hash =
        index ? pb__hash_kept(pb__hash_text(kind, (const uint8_t *)key, len)) : 0;
    uint32_t i = index ? hash & index->mask : 0;
    while (index ? index->slots[i].entry != 0 : i < t->len) {
        uint32_t entry = index ? index->slots[i].entry - 1 : i;
        const pb_value *k = t->slots[(size_t)entry * 2];
        if (pb__kind(k) == kind && (!index || index->slots[i].hash == hash) &&
            ((const struct pb__text *)k)->len == len &&
            memcmp(((const struct pb__text *)k)->data, key, len) == 0) {
            return (int64_t)entry + 1;
        }
        i = index ? (i + 1) & index->mask : i + 1;
    }
    return 0;
}

int64_t pb__table_find_text(const struct pb__table *t, const char *key)
{
    size_t len = strlen(key);
    int64_t found = find_text_of(t, PB_STR, key, len);
    return found ? found : find_text_of(t, PB_BYTES, key, len);
}

static pb_value *table_value(const struct pb__table *t, int64_t found)
{
    return found > 0 ? t->slots[(found - 1) * 2 + 1] : NULL;
}

pb_value *pb_dict_get(const pb_value *dict, const char *key)
{
    if (pb__kind_or_nothing(dict) != PB_DICT || !key) {
        return NULL;
    }
    const struct pb__table *t = (const struct pb__table *)dict;
    return table_value(t, pb__table_find_text(t, key));
}

pb_value *pb_dict_get_value(const pb_value *dict, const pb_value *key)
{
    if (pb__kind_or_nothing(dict) != PB_DICT || !key) {
        return NULL;
    }
    const struct pb__table *t = (const struct pb__table *)dict;
    return table_value(t, pb__table_find(t, key));
}

bool pb_dict_next(const pb_value *dict, size_t *pos, pb_value **key, pb_value **value)
{
    const struct pb__table *t = (const struct pb__table *)dict;
    bool more = pos && pb__kind_or_nothing(dict) == PB_DICT && *pos < t->len;
    if (key) {
        *key = more ? t->slots[*pos * 2] : NULL;
    }
    if (value) {
        *value = more ? t->slots[*pos * 2 + 1] : NULL;
    }
    if (more) {
        (*pos)++;
    }
    return more;
}

bool pb_set_has(const pb_value *set, const pb_value *member)
{
    pb_kind kind = pb__kind_or_nothing(set);
    return member && (kind == PB_SET || kind == PB_FROZENSET) &&
           pb__table_find((const struct pb__table *)set, member) > 0;
}
