/* SPDX-License-Identifier: MIT
 *
 * A map from addresses to indices, for what a conversion has met already. Zeroed storage
 * is an empty map; PyMem_Free(m->places) frees it. */
#ifndef PBPY_ADDRESS_MAP_H
#define PBPY_ADDRESS_MAP_H

#include "common/state.h"

struct pbpy_map {
    struct pbpy_place {
        const void *key; /* NULL: free */
        size_t index;
    } * places;
    size_t len, cap; /* cap is 0 or a power of two */
};

/* The place of a key, or the free one where it would be. Not for a map without places. */
static inline struct pbpy_place *pbpy_map_find(const struct pbpy_map *m, const void *key)
{
    size_t i = (size_t)((uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 20);
    while (m->places[i & (m->cap - 1)].key && m->places[i & (m->cap - 1)].key != key) {
        i++;
    }
    return &m->places[i & (m->cap - 1)];
}

static inline bool pbpy_map_get(const struct pbpy_map *m, const void *key, size_t *index)
{
    const struct pbpy_place *p = m->len ? pbpy_map_find(m, key) : NULL;
    if (!p || !p->key) {
        return false;
    }
    *index = p->index;
    return true;
}

/* The place of a key, with this index if the key was not in the map yet; NULL with an
 * exception set. */
static inline struct pbpy_place *pbpy_map_put(struct pbpy_map *m, const void *key,
                                              size_t index)
{
    if (m->len * 2 >= m->cap) {
        struct pbpy_map grown = {.len = m->len, .cap = m->cap ? m->cap * 2 : 16};
        grown.places = PyMem_Calloc(grown.cap, sizeof *grown.places);
        if (!grown.places) {
            PyErr_NoMemory();
            return NULL;
        }
        for (size_t i = 0; i < m->cap; i++) {
            if (m->places[i].key) {
                *pbpy_map_find(&grown, m->places[i].key) = m->places[i];
            }
        }
        PyMem_Free(m->places);
        *m = grown;
    }
    struct pbpy_place *place = pbpy_map_find(m, key);
    if (!place->key) {
        *place = (struct pbpy_place){key, index};
        m->len++;
    }
    return place;
}

#endif
