/* SPDX-License-Identifier: MIT
 *
 * The constants, the kinds, counting, and freeing of values without an owner. Freeing
 * neither recurses nor allocates. Dead containers are in a list that uses their `island`
 * fields, which a dead container outside of an island does not need; dead islands are in
 * a second list. */
#include "compat/value.h"

#include "compat/island.h"
#include "compat/table.h"

struct pb_value pb__none_value = {.refs = PB__IMMORTAL, .kind = PB_NONE};
struct pb_value pb__false_value = {.refs = PB__IMMORTAL, .kind = PB_BOOL};
struct pb_value pb__true_value = {.refs = PB__IMMORTAL, .kind = PB_BOOL};
struct pb__empty_text pb__empty_bytes = {
    .text = {.head = {.refs = PB__IMMORTAL, .kind = PB_BYTES}}};
struct pb__seq pb__empty_tuple = {.node.head = {.refs = PB__IMMORTAL, .kind = PB_TUPLE}};
struct pb__table pb__empty_frozenset = {
    .node.head = {.refs = PB__IMMORTAL, .kind = PB_FROZENSET}};

const char *pb_kind_name(pb_kind kind)
{
    switch (kind) {
#define KIND_NAME(kind, name, node, unhashable) \
    case PB_##kind:                             \
        return name;
        PB__KIND_MAP(KIND_NAME)
#undef KIND_NAME
    }
    return "?";
}

pb_kind pb_value_kind(const pb_value *v)
{
    return pb__kind_or_nothing(v);
}

pb_value *pb_none(void)
{
    return &pb__none_value;
}

pb_value *pb_value_ref(pb_value *v)
{
    return v ? pb__ref(v) : NULL;
}

void pb_value_unref(pb_value *v)
{
    if (v) {
        pb__unref(v);
    }
}

/* Values without an owner that are not freed yet. */
struct dead {
    struct pb__node *nodes;
    struct pb__island *islands;
};

static inline void give_back(pb_value *v)
{
    if (v->flags & PB__IN_SLAB) {
        pb__slab_give(v);
    } else if (v->flags & PB__IN_BLOCK) {
        pb__block_give(v);
    } else {
        pb__free(v);
    }
}

static inline bool is_plain(const pb_value *v)
{
    return v->kind != PB_DECIMAL && v->kind != PB_REMOTE;
}

/* Frees v, which is not a node, and has no owner. */
static inline void free_leaf(pb_value *v)
{
    if (is_plain(v)) {
        give_back(v);
    } else if (v->kind == PB_DECIMAL) {
        pb_value *digits = ((struct pb__decimal *)v)->digits;
        if (!pb__is_small(digits) && --digits->refs == 0) {
            give_back(digits);
        }
        give_back(v);
    } else {
        struct pb__foreign *f = (struct pb__foreign *)v;
        f->ops->destroy(f);
    }
}

/* Removes an edge to v, or an owner of it. */
static inline void dead_drop(struct dead *d, pb_value *v)
{
    if (!v || pb__is_small(v) || v->refs == PB__IMMORTAL) {
        return;
    }
    if (!pb__is_node(v)) {
        if (--v->refs == 0) {
            free_leaf(v);
        }
        return;
    }
    struct pb__node *n = (struct pb__node *)v;
    if (n->island) {
        if (--n->island->refs == 0) {
            n->island->next_dead = d->islands;
            d->islands = n->island;
        }
    } else if (--v->refs == 0) {
        n->island = (struct pb__island *)d->nodes;
        d->nodes = n;
    }
}

/* Tells the owner of a PB_OBJECT that the object is freed. The callback may add and
 * remove owners of the object and of its contents, but must not keep any. */
static inline void node_release(struct pb__node *n)
{
    if (n->head.kind == PB_OBJECT) {
        struct pb__foreign *f = (struct pb__foreign *)n;
        if (f->ops->release) {
            f->ops->release(f);
        }
    }
}

/* Frees the memory of n, whose edges have been removed. */
static inline void node_bury(struct pb__node *n)
{
    switch (n->head.kind) {
    case PB_OBJECT: {
        struct pb__foreign *f = (struct pb__foreign *)n;
        f->ops->destroy(f);
        return;
    }
    case PB_LIST:
    case PB_TUPLE: {
        struct pb__seq *s = (struct pb__seq *)n;
        if (s->items != s->inline_items) {
            pb__free(s->items);
        }
        break;
    }
    case PB_DICT:
    case PB_SET:
    case PB_FROZENSET: {
        struct pb__table *t = (struct pb__table *)n;
        if (t->slots != t->inline_slots) {
            pb__free(t->slots);
        }
        if (t->index) {
            pb__free(t->index);
        }
        break;
    }
    default:
        break;
    }
    give_back(&n->head);
}

static void bury_island(struct dead *d, struct pb__island *island)
{
    island->refs = 1;
    for (size_t m = 0; m < island->len; m++) {
        node_release(island->members[m]);
    }
    for (size_t m = 0; m < island->len; m++) {
        struct pb__edges e = pb__edges(island->members[m]);
        for (size_t i = 0; i < e.len; i++) {
            if (!pb__is_inside(island, e.to[i])) {
                dead_drop(d, e.to[i]);
            }
        }
    }
    for (size_t m = 0; m < island->len; m++) {
        node_bury(island->members[m]);
    }
    pb__island_free(island);
}

static void bury_all(struct dead *d)
{
    for (;;) {
        struct pb__node *n = d->nodes;
        if (n) {
            d->nodes = (struct pb__node *)n->island;
            n->island = NULL;
            n->head.refs = 1;
            node_release(n);
            struct pb__edges e = pb__edges(n);
            for (size_t i = 0; i < e.len; i++) {
                dead_drop(d, e.to[i]);
            }
            node_bury(n);
        } else if (d->islands) {
            struct pb__island *island = d->islands;
            d->islands = island->next_dead;
            bury_island(d, island);
        } else {
            return;
        }
    }
}

void *pb__local_new(size_t size, const struct pb__foreign_ops *ops, pb_value *holds)
{
    struct pb__local *l = pb__calloc(1, size);
    if (l) {
        l->foreign.node.head = (pb_value){.refs = 1, .kind = PB_OBJECT};
        l->foreign.ops = ops;
        l->holds = holds;
    }
    return l;
}

void pb__value_unref_slow(pb_value *v)
{
    struct dead d = {0};
    dead_drop(&d, v);
    bury_all(&d);
}
