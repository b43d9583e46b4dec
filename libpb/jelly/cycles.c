/* SPDX-License-Identifier: MIT
 *
 * Finds the cycles in a graph of values, and makes each of them an island, so that it
 * owns itself. A cycle here is a strongly connected component; they are found by Tarjan's
 * algorithm, with an explicit stack. */
#include "compat/island.h"
#include "libpb/base/map.h"
#include "libpb/jelly/crefs.h"

/* A node that was visited. */
struct visit {
    struct pb__node *node;
    size_t low;    /* the earliest open visit that it leads back to */
    size_t edge;   /* index of its next edge */
    size_t parent; /* index of the parent's visit plus one; 0: a root */
    bool open;     /* its component is not complete */
    bool own;      /* it contains itself */
};

/* Bytes that a node takes while cycles are looked for, and in its island. */
#define NODE_COST (sizeof(struct visit) + 2 * sizeof(struct pb__map_slot) + 64)

struct cycles {
    struct pb__slab_pool *pool; /* whose budget is charged; NULL: none */
    struct pb__map numbers;     /* by node: index of its visit plus one */
    struct pb__buf visits, open;
};

static struct visit *visit_at(struct cycles *c, size_t i)
{
    return (struct visit *)(void *)c->visits.data + i;
}

static size_t *open_at(struct cycles *c, size_t i)
{
    return (size_t *)(void *)c->open.data + i;
}

/* Begins the visit of a node. */
static int cycles_enter(struct cycles *c, struct pb__node *node, size_t parent)
{
    size_t number = c->visits.len / sizeof(struct visit);
    struct visit v = {.node = node, .low = number, .parent = parent, .open = true};
    if (!pb__budget_charge(c->pool, NODE_COST)) {
        return PB_ERR_NOMEM;
    }
    int e = pb__map_set(&c->numbers, (uintptr_t)node, (void *)(number + 1));
    e = e ? e : pb__buf_append(&c->visits, &v, sizeof v);
    return e ? e : pb__buf_append(&c->open, &number, sizeof number);
}

/* The node of v, if it can be part of a new cycle. Tied values are complete, or were not
 * made by this reader. */
static struct pb__node *node_of(pb_value *v)
{
    bool fresh = v && !pb__is_small(v) && pb__is_node(v) && v->refs != PB__IMMORTAL &&
                 !((struct pb__node *)v)->island;
    return fresh ? (struct pb__node *)v : NULL;
}

/* Makes an island of the open nodes from `first` on: all of them or none. If only some
 * were tied, they would still be held by the others. */
static int cycles_tie(struct cycles *c, size_t first)
{
    size_t n = c->open.len / sizeof(size_t);
    struct pb__node *head = visit_at(c, *open_at(c, first))->node;
    int e = 0;
    size_t tied = first;
    do {
        e = pb__tie_fresh(head, visit_at(c, *open_at(c, tied))->node);
    } while (e == 0 && ++tied < n);
    struct pb__island *island = pb__island_of(head);
    for (size_t i = first; i < tied; i++) {
        struct pb__node *node = visit_at(c, *open_at(c, i))->node;
        if (e) {
            node->island = NULL; /* its count has not changed */
            continue;
        }
        struct pb__edges edges = pb__edges(node);
        for (size_t k = 0; k < edges.len; k++) {
            if (edges.to[k]) {
                pb__hold(node, edges.to[k]);
            }
        }
    }
    if (e && island) {
        pb__island_free(island);
    }
    return e;
}

/* Ends the visit of `at`, whose edges are done. If it is the first node of its component,
 * ties that. */
static int cycles_leave(struct cycles *c, size_t at)
{
    struct visit *v = visit_at(c, at);
    if (v->low < at) {
        struct visit *parent = visit_at(c, v->parent - 1);
        parent->low = v->low < parent->low ? v->low : parent->low;
        return 0;
    }
    size_t n = c->open.len / sizeof(size_t);
    size_t first = n;
    do {
        first--;
        visit_at(c, *open_at(c, first))->open = false;
    } while (*open_at(c, first) != at);
    int e = n - first > 1 || v->own ? cycles_tie(c, first) : 0;
    c->open.len = first * sizeof(size_t);
    return e;
}

/* Follows the next edge of *at, or ends its visit. *at is set to the visit to continue
 * with, plus one. */
static int cycles_step(struct cycles *c, size_t *at)
{
    struct visit *v = visit_at(c, *at - 1);
    struct pb__edges edges = pb__edges(v->node);
    while (v->edge < edges.len) {
        struct pb__node *to = node_of(edges.to[v->edge++]);
        if (!to) {
            continue;
        }
        size_t number = (size_t)pb__map_get(&c->numbers, (uintptr_t)to);
        if (number == 0) {
            int e = cycles_enter(c, to, *at);
            *at = c->visits.len / sizeof *v;
            return e;
        }
        v->own |= to == v->node;
        if (visit_at(c, number - 1)->open && number - 1 < v->low) {
            v->low = number - 1;
        }
    }
    size_t parent = v->parent;
    int e = cycles_leave(c, *at - 1);
    *at = parent;
    return e;
}

int pb__cycles_tie(const struct pb__buf *roots, struct pb__slab_pool *pool)
{
    struct cycles c = {.pool = pool};
    int e = 0;
    for (size_t i = 0; e == 0 && i < roots->len; i += sizeof(pb_value *)) {
        pb_value *v;
        memcpy(&v, roots->data + i, sizeof v);
        struct pb__node *node = node_of(v);
        if (!node || pb__map_get(&c.numbers, (uintptr_t)node)) {
            continue;
        }
        e = cycles_enter(&c, node, 0);
        size_t at = c.visits.len / sizeof(struct visit);
        while (e == 0 && at != 0) {
            e = cycles_step(&c, &at);
        }
    }
    pb__map_fini(&c.numbers);
    pb__buf_fini(&c.visits);
    pb__buf_fini(&c.open);
    return e;
}
