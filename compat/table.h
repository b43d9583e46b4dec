/* SPDX-License-Identifier: MIT
 *
 * The inside of dicts and sets: their index, and functions that find and append
 * entries. */
#ifndef PB__TABLE_H
#define PB__TABLE_H

#include "compat/value.h"

/* Open addressing with linear probing over (hash, entry). */
struct pb__index {
    uint32_t mask;
    uint64_t hash; /* of a frozenset, once computed; 0 before */
    struct pb__index_slot {
        uint32_t hash;
        uint32_t entry; /* plus one; 0: free */
    } slots[];
};

static inline size_t pb__table_width(const struct pb__table *t)
{
    return t->node.head.kind == PB_DICT ? 2 : 1;
}

/* The bytes of memory that a table takes outside of itself. */
static inline size_t pb__table_outside(const struct pb__table *t)
{
    bool outside = t->slots != t->inline_slots;
    size_t places = outside ? t->cap * pb__table_width(t) * sizeof(pb_value *) : 0;
    const struct pb__index *index = t->index;
    return places +
           (index ? sizeof *index + ((size_t)index->mask + 1) * sizeof *index->slots : 0);
}

/* The half of a hash that is stored in an index. */
static inline uint32_t pb__hash_kept(uint64_t h)
{
    return (uint32_t)(h ^ h >> 32);
}

static inline pb_value *pb__table_key(const struct pb__table *t, size_t entry)
{
    return t->slots[entry * pb__table_width(t)];
}

/* The length up to which entries can be appended without an index and without more
 * memory; 0 if the table has an index. */
static inline uint32_t pb__table_room_end(const struct pb__table *t)
{
    uint32_t end = t->cap < PB__TABLE_LINEAR ? t->cap : PB__TABLE_LINEAR;
    return t->index ? 0 : end;
}

/* Appends a pair to a dict that is not tied and has such room. The key is text, and the
 * dict has no equal key. Takes both. */
static inline void pb__table_append_pair(struct pb__table *t, pb_value *key,
                                         pb_value *value)
{
    pb_value **place = t->slots + 2 * (size_t)t->len++;
    place[0] = key;
    place[1] = value;
}

/* The entry of an equal key: its number plus one; 0 if there is none; PB_ERR_TYPE for an
 * unhashable key, PB_ERR_NOMEM. */
int64_t pb__table_find(const struct pb__table *t, const pb_value *key);
/* The same for a key of a dict that is text: a str, or else bytes. */
int64_t pb__table_find_text(const struct pb__table *t, const char *key);
/* Doubles `places`, which are `inside` the struct at first, in entries of `width`. */
int pb__grow_places(pb_value ***places, pb_value **inside, uint32_t *cap, size_t width);

#endif
