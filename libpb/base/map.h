/* SPDX-License-Identifier: MIT
 *
 * A hash map from a 64-bit key (a pointer, a luid, a request id) to a pointer, with open
 * addressing and linear probing. Zeroed memory is an empty map and uses no other
 * memory. */
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
    size_t mask; /* number of slots minus one; 0 if slots is NULL */
};

/* The value under key; NULL if there is none. */
PB__SHARED void *pb__map_get(const struct pb__map *m, uint64_t key);
/* Sets the value (not NULL) under key. PB_ERR_NOMEM leaves the map unchanged. */
PB__SHARED int pb__map_set(struct pb__map *m, uint64_t key, void *value);
/* Removes the value under key and returns it; NULL if there is none. Never allocates. */
PB__SHARED void *pb__map_take(struct pb__map *m, uint64_t key);
/* Iterates over the map in no particular order: start with *pos = 0; returns false at the
 * end. Do not change the map during the iteration. */
PB__SHARED bool pb__map_next(const struct pb__map *m, size_t *pos, uint64_t *key,
                             void **value);
PB__SHARED void pb__map_fini(struct pb__map *m);

#endif
