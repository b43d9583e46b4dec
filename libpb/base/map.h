/* SPDX-License-Identifier: MIT
 *
 * A hash map from a 64-bit key (a pointer, a luid, a request id) to a pointer, open
 * addressing with linear probing. Zeroed storage is an empty map and costs no memory. */
#ifndef PB__MAP_H
#define PB__MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "libpb/base/export.h"

struct pb__map_slot {
    uint64_t key;
    void *value; /* NULL: the slot is free */
};

struct pb__map {
    struct pb__map_slot *slots;
    size_t len;
    size_t mask; /* number of slots less one; 0 with slots NULL */
};

/* The value under key; NULL if there is none. */
PB__SHARED void *pb__map_get(const struct pb__map *m, uint64_t key);
/* Sets the value (not NULL) under key. PB_ERR_NOMEM leaves the map as it was. */
PB__SHARED int pb__map_set(struct pb__map *m, uint64_t key, void *value);
/* Takes the value out and returns it; NULL if there is none. Never allocates. */
PB__SHARED void *pb__map_take(struct pb__map *m, uint64_t key);
/* Walks the map in no order: start with *pos = 0; false at the end. Don't change the map
 * meanwhile. */
PB__SHARED bool pb__map_next(const struct pb__map *m, size_t *pos, uint64_t *key,
                             void **value);
PB__SHARED void pb__map_fini(struct pb__map *m);

#endif
