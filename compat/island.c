/* SPDX-License-Identifier: MIT
 *
 * Tying values into islands, and the edges of values that may be part of one. When two
 * islands are merged, the members of the smaller one are moved, so n ties take n log n
 * steps. */
#include "compat/island.h"

void pb__island_free(struct pb__island *island)
{
    pb__free(island->members);
    pb__free(island);
}

struct pb__island *pb__island_of(const struct pb__node *n)
{
    return n->island;
}

void pb__value_ref_tied(struct pb__node *n)
{
    n->island->refs++;
}

void pb__hold(struct pb__node *holder, pb_value *item)
{
    if (holder->island && pb__is_inside(holder->island, item)) {
        pb__unref(item);
    }
}

void pb__let_go(struct pb__node *holder, pb_value *item)
{
    if (item && !(holder->island && pb__is_inside(holder->island, item))) {
        pb__unref(item);
    }
}

/* One side of a tie: an island, or a single node without one. */
struct side {
    struct pb__node *single;
    struct pb__node **members;
    size_t len, refs;
};

static struct side side_of(struct pb__node **n)
{
    struct pb__island *island = (*n)->island;
    if (island) {
        return (struct side){NULL, island->members, island->len, island->refs};
    }
    return (struct side){*n, n, 1, (*n)->head.refs};
}

/* Makes room in the island for n more members. */
static int island_reserve(struct pb__island *island, size_t n)
{
    size_t want;
    if (!pb__add(island->len, n, &want)) {
        return PB_ERR_NOMEM;
    }
    if (want <= island->cap) {
        return 0;
    }
    size_t cap = island->cap < 2 ? 2 : island->cap * 2;
    cap = cap < want ? want : cap;
    size_t size;
    struct pb__node **members = pb__mul(cap, sizeof(struct pb__node *), &size)
                                    ? pb__realloc(island->members, size)
                                    : NULL;
    if (!members) {
        return PB_ERR_NOMEM;
    }
    island->members = members;
    island->cap = cap;
    return 0;
}

/* Makes a and b one island. `uncounted` is the number of their counts that are edges
 * inside the new island. */
static int island_join(struct pb__node *a, struct pb__node *b, size_t uncounted)
{
    if (!a->island || (b->island && b->island->len > a->island->len)) {
        struct pb__node *swap = a;
        a = b;
        b = swap;
    }
    struct side smaller = side_of(&b);
    struct pb__island *from = b->island;
    struct pb__island *into = a->island ? a->island : pb__calloc(1, sizeof *into);
    if (!into || island_reserve(into, smaller.len + 1)) {
        if (into && !a->island) {
            pb__island_free(into);
        }
        return PB_ERR_NOMEM;
    }
    if (!a->island) {
        into->members[into->len++] = a;
        into->refs = a->head.refs;
        a->island = into;
    }
    if (a != b) {
        for (size_t i = 0; i < smaller.len; i++) {
            into->members[into->len++] = smaller.members[i];
            smaller.members[i]->island = into;
        }
        into->refs += smaller.refs;
    }
    into->refs -= uncounted;
    if (from) {
        pb__island_free(from);
    }
    return 0;
}

static bool is_constant(const struct pb__node *n)
{
    return n->head.refs == PB__IMMORTAL && !n->island;
}

int pb__tie_fresh(struct pb__node *a, struct pb__node *b)
{
    if (is_constant(a) || is_constant(b) || (a->island && a->island == b->island)) {
        return 0;
    }
    return island_join(a, b, 0);
}

static bool is_in(const struct side *s, const pb_value *v)
{
    return s->single ? v == &s->single->head : pb__is_inside((*s->members)->island, v);
}

/* The number of edges from one side to the other. */
static size_t count_edges(const struct side *from, const struct side *to)
{
    size_t count = 0;
    for (size_t m = 0; m < from->len; m++) {
        struct pb__edges e = pb__edges(from->members[m]);
        for (size_t i = 0; i < e.len; i++) {
            count += is_in(to, e.to[i]);
        }
    }
    return count;
}

int pb_value_tie(pb_value *a, pb_value *b)
{
    if (!a || !b) {
        return PB_ERR_ARG;
    }
    if (pb__is_small(a) || pb__is_small(b) || !pb__is_node(a) || !pb__is_node(b)) {
        return PB_ERR_TYPE;
    }
    struct pb__node *x = (struct pb__node *)a;
    struct pb__node *y = (struct pb__node *)b;
    if (is_constant(x) || is_constant(y) || (x->island && x->island == y->island)) {
        return 0;
    }
    struct side from = side_of(&x);
    struct side to = side_of(&y);
    size_t uncounted = from.single ? count_edges(&from, &from) : 0;
    if (x != y) {
        uncounted += to.single ? count_edges(&to, &to) : 0;
        uncounted += count_edges(&from, &to) + count_edges(&to, &from);
    }
    /* Temporary owner: if there is no other owner, removing this one frees the island. */
    pb__ref(a);
    int e = island_join(x, y, uncounted);
    pb__unref(a);
    return e;
}
