/* SPDX-License-Identifier: MIT
 *
 * An intrusive doubly linked list. A node that is in no list points to itself. */
#ifndef PB__LIST_H
#define PB__LIST_H

#include <stdbool.h>
#include <stddef.h>

struct pb__list {
    struct pb__list *next, *prev;
};

#define PB__LIST_ENTRY(node, type, member) \
    ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void pb__list_init(struct pb__list *l)
{
    l->next = l->prev = l;
}

static inline bool pb__list_empty(const struct pb__list *l)
{
    return l->next == l;
}

/* Appends node to l. */
static inline void pb__list_push(struct pb__list *l, struct pb__list *node)
{
    node->prev = l->prev;
    node->next = l;
    l->prev->next = node;
    l->prev = node;
}

/* Moves all nodes of `from` to l, which must be empty. */
static inline void pb__list_take_all(struct pb__list *l, struct pb__list *from)
{
    if (!pb__list_empty(from)) {
        *l = *from;
        l->next->prev = l->prev->next = l;
        pb__list_init(from);
    }
}

/* Removes a node from its list, if it is in one. */
static inline void pb__list_remove(struct pb__list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    pb__list_init(node);
}

#endif
