/* SPDX-License-Identifier: MIT
 *
 * Islands: values that share one count, because they are part of cycles. Edges between
 * two members are not counted; `refs` counts the owners and edges from outside. Each
 * member points to its island. When an island is merged into a larger one, its members
 * point to the larger one, and it is freed at once. */
#ifndef PB__ISLAND_H
#define PB__ISLAND_H

#include "compat/value.h"

struct pb__island {
    size_t refs;
    size_t len, cap;
    struct pb__node **members;
    struct pb__island *next_dead; /* the next island that waits to be freed */
};

/* The edges of a node: the values that it holds. An edge may be NULL while a reader fills
 * a value. */
struct pb__edges {
    pb_value **to;
    size_t len;
};

static inline struct pb__edges pb__edges(struct pb__node *n)
{
    switch (n->head.kind) {
    case PB_LIST:
    case PB_TUPLE: {
        struct pb__seq *s = (struct pb__seq *)n;
        return (struct pb__edges){s->items, s->len};
    }
    case PB_METHOD:
        return (struct pb__edges){((struct pb__method *)n)->holds, 3};
    case PB_INSTANCE:
        return (struct pb__edges){((struct pb__instance *)n)->holds, 2};
    case PB_OBJECT: {
        struct pb__local *l = (struct pb__local *)n;
        return (struct pb__edges){&l->holds, l->holds != NULL};
    }
    default: {
        struct pb__table *t = (struct pb__table *)n;
        return (struct pb__edges){t->slots, (size_t)t->len << (n->head.kind == PB_DICT)};
    }
    }
}

/* Returns whether v, which may be NULL, is a member of the island. */
static inline bool pb__is_inside(const struct pb__island *island, const pb_value *v)
{
    return v && !pb__is_small(v) && pb__is_node(v) &&
           ((const struct pb__node *)v)->island == island;
}

/* Returns whether a traversal may visit n more than once. */
static inline bool pb__is_shared(const struct pb__node *n)
{
    return n->island || n->head.refs > 1;
}

void pb__island_free(struct pb__island *island);

#endif
