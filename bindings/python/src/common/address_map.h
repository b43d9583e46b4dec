/* SPDX-License-Identifier: MIT
 *
 * Places by address: what the converters of values have met already. Zeroed storage is an
 * empty map. */
#ifndef PBPY_MAP_H
#define PBPY_MAP_H

#include "common/state.h"

struct pbpy_map {
    struct pbpy_place {
        const void *key; /* NULL: free */
        size_t at;
    } * places;
    size_t len, cap; /* cap is 0 or a power of two */
};

static inline struct pbpy_place *pbpy_map_find(const struct pbpy_map *m, const void *key)
{
    size_t i = (size_t)((uintptr_t)key * UINT64_C(0x9e3779b97f4a7c15) >> 20);
    while (m->places[i & (m->cap - 1)].key && m->places[i & (m->cap - 1)].key != key) {
        i++;
    }
    return &m->places[i & (m->cap - 1)];
}

static inline bool pbpy_map_get(const struct pbpy_map *m, const void *key, size_t *at)
{
    const struct pbpy_place *p = m->len ? pbpy_map_find(m, key) : NULL;
    if (!p || !p->key) {
        return false;
    }
    *at = p->at;
    return true;
}

/* Adds what is not in it yet; false with an exception set. */
static inline bool pbpy_map_add(struct pbpy_map *m, const void *key, size_t at)
{
    if (m->len * 2 >= m->cap) {
        struct pbpy_map grown = {.len = m->len, .cap = m->cap ? m->cap * 2 : 16};
        grown.places = PyMem_Calloc(grown.cap, sizeof *grown.places);
        if (!grown.places) {
            PyErr_NoMemory();
            return false;
        }
        for (size_t i = 0; i < m->cap; i++) {
            if (m->places[i].key) {
                *pbpy_map_find(&grown, m->places[i].key) = m->places[i];
            }
        }
        PyMem_Free(m->places);
        *m = grown;
    }
    *pbpy_map_find(m, key) = (struct pbpy_place){key, at};
    m->len++;
    return true;
}

#endif
