/* SPDX-License-Identifier: MIT
 *
 * The containers that a conversion between values and Python objects has visited: what
 * each one has become, and which containers that are not complete yet it leads back
 * to. */
#ifndef PBPY_VISITED_H
#define PBPY_VISITED_H

#include "common/address_map.h"
#include "session/session.h"

struct pbpy_visit {
    PyObject *object; /* one count; NULL: not known before it is complete */
    pb_value *value;  /* likewise; where objects become values, one count when complete */
    bool complete;    /* else it is being filled */
    size_t back;      /* 1 + the outermost incomplete container that it holds; 0: none */
};

/* Zeroed storage is empty. */
struct pbpy_visited {
    struct pbpy_map
        map; /* from the address of what is converted to the index of its visit */
    struct pbpy_visit *list;
    size_t len, cap;
};

/* Adds a visit, whose object (but not its value) is taken over also on failure: false
 * with an exception set. Its index is `len` before the call. */
static inline bool pbpy_visited_add(struct pbpy_visited *visited, const void *key,
                                    struct pbpy_visit visit)
{
    if (!pbpy_reserve((void **)&visited->list, visited->len, &visited->cap,
                      sizeof *visited->list) ||
        !pbpy_map_put(&visited->map, key, visited->len)) {
        Py_XDECREF(visit.object);
        return false;
    }
    visited->list[visited->len++] = visit;
    return true;
}

/* The visit of what is converted, or NULL. */
static inline struct pbpy_visit *pbpy_visited_get(const struct pbpy_visited *visited,
                                                  const void *key)
{
    size_t at;
    return pbpy_map_get(&visited->map, key, &at) ? &visited->list[at] : NULL;
}

/* 1 + the outermost incomplete container that a visited one is or leads to; 0: none. */
static inline size_t pbpy_visited_back(const struct pbpy_visited *visited,
                                       const struct pbpy_visit *visit)
{
    while (visit->complete && visit->back != 0) {
        visit = &visited->list[visit->back - 1];
    }
    return visit->complete ? 0 : (size_t)(visit - visited->list) + 1;
}

/* Notes that a container that is being filled holds one with that `back`. */
static inline void pbpy_visit_add_back(struct pbpy_visit *holder, size_t back)
{
    if (back && (!holder->back || back < holder->back)) {
        holder->back = back;
    }
}

/* Notes that a container is complete. */
static inline void pbpy_visited_complete(struct pbpy_visited *visited, size_t index)
{
    struct pbpy_visit *visit = &visited->list[index];
    visit->complete = true;
    if (visit->back == index + 1) {
        visit->back = 0; /* it leads to itself only */
    }
}

static inline void pbpy_visited_fini(struct pbpy_visited *visited)
{
    for (size_t i = 0; i < visited->len; i++) {
        Py_XDECREF(visited->list[i].object);
        if (visited->list[i].complete) {
            pb_value_unref(visited->list[i].value);
        }
    }
    PyMem_Free(visited->list);
    PyMem_Free(visited->map.places);
}

#endif
