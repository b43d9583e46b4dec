/* SPDX-License-Identifier: MIT
 *
 * The functions of struct pb__map. */
#include "libpb/base/map.h"

#include "libpb/base/mem.h"
#include "libpb/base/secret.h"
#include "pb/error.h"

/* The slot where the search for a key begins. It depends on the secret of the process, so
 * that a peer, which may choose its ids, cannot choose ids that all begin at the same
 * slot. */
static size_t map_home(const struct pb__map *m, uint64_t key)
{
    return (size_t)(pb__secret_spread(key) >> 32) & m->mask;
}

static size_t map_find(const struct pb__map *m, uint64_t key)
{
    size_t i = map_home(m, key);
    while (m->slots[i].value && m->slots[i].key != key) {
        i = (i + 1) & m->mask;
    }
    return i;
}

void *pb__map_get(const struct pb__map *m, uint64_t key)
{
    return m->slots ? m->slots[map_find(m, key)].value : NULL;
}

static int map_grow(struct pb__map *m)
{
    size_t slots = m->slots ? (m->mask + 1) * 2 : 8;
    struct pb__map bigger = {
        .slots = pb__calloc(slots, sizeof *m->slots), .len = m->len, .mask = slots - 1};
    if (!bigger.slots) {
        return PB_ERR_NOMEM;
    }
    for (size_t i = 0; m->slots && i <= m->mask; i++) {
        if (m->slots[i].value) {
            bigger.slots[map_find(&bigger, m->slots[i].key)] = m->slots[i];
        }
    }
    pb__free(m->slots);
    *m = bigger;
    return 0;
}

int pb__map_set(struct pb__map *m, uint64_t key, void *value)
{
    if (!m->slots || (m->len + 1) * 4 > (m->mask + 1) * 3) {
        int e = map_grow(m);
        if (e) {
            return e;
        }
    }
    struct pb__map_slot *slot = &m->slots[map_find(m, key)];
    m->len += slot->value == NULL;
    *slot = (struct pb__map_slot){key, value};
    return 0;
}

void *pb__map_take(struct pb__map *m, uint64_t key)
{
    if (!m->slots) {
        return NULL;
    }
    size_t hole = map_find(m, key);
    void *value = m->slots[hole].value;
    if (!value) {
        return NULL;
    }
    /* Moves back the entries that a search would no longer find beyond the hole. */
    for (size_t i = (hole + 1) & m->mask; m->slots[i].value; i = (i + 1) & m->mask) {
        size_t home = map_home(m, m->slots[i].key);
        if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
            m->slots[hole] = m->slots[i];
            hole = i;
        }
    }
    m->slots[hole].value = NULL;
    m->len--;
    return value;
}

bool pb__map_next(const struct pb__map *m, size_t *pos, uint64_t *key, void **value)
{
    while (m->slots && *pos <= m->mask) {
        const struct pb__map_slot *slot = &m->slots[(*pos)++];
        if (slot->value) {
            *key = slot->key;
            *value = slot->value;
            return true;
        }
    }
    return false;
}

void pb__map_fini(struct pb__map *m)
{
    pb__free(m->slots);
    *m = (struct pb__map){0};
}
