/* SPDX-License-Identifier: MIT
 *
 * Python's ==, without recursion. A pair of containers that has been visited is assumed
 * to be equal from then on, by merging them in a union-find forest. That terminates
 * cycles, and a shared container is not compared again. This is correct, because the
 * first difference ends the comparison. The exception is the search for a key: if a
 * candidate differs, the assumptions that were made for it are undone. That the two keys
 * differ is recorded, so that no two keys are compared twice. The record stays valid:
 * keys are hashable, so they are in no cycle, and it depends on no pair that is still
 * open. */
#include <string.h>

#include "compat/compare.h"
#include "compat/island.h"
#include "compat/number.h"
#include "compat/table.h"
#include "libpb/base/buf.h"
#include "libpb/base/map.h"

enum {
    DIFFERENT = 0,
    SAME = 1,
    DEEPER = 2, /* a frame was pushed: the result is not known yet */
};

static bool equal_is_container(pb_kind kind)
{
    return kind >= PB_LIST && kind <= PB_FROZENSET;
}

static bool is_set(pb_kind kind)
{
    return kind == PB_SET || kind == PB_FROZENSET;
}

static bool datetimes_equal(const pb_value *a, const pb_value *b)
{
    const struct pb__datetime *x = (const struct pb__datetime *)a;
    const struct pb__datetime *y = (const struct pb__datetime *)b;
    return x->year_or_days == y->year_or_days && x->month == y->month &&
           x->day == y->day && x->hour == y->hour && x->minute == y->minute &&
           x->second == y->second && x->microsecond == y->microsecond;
}

static bool classes_equal(const pb_value *a, const pb_value *b)
{
    return a == b ||
           (pb__kind(a) == PB_CLASS && pb__kind(b) == PB_CLASS && pb__texts_equal(a, b));
}

static bool methods_equal(const pb_value *a, const pb_value *b)
{
    const struct pb__method *x = (const struct pb__method *)a;
    const struct pb__method *y = (const struct pb__method *)b;
    return x->self == y->self && pb__texts_equal(x->name, y->name) &&
           classes_equal(x->cls, y->cls);
}

static bool foreign_equal(const pb_value *a, const pb_value *b)
{
    const struct pb__foreign *x = (const struct pb__foreign *)a;
    const struct pb__foreign *y = (const struct pb__foreign *)b;
    return x->ops == y->ops && x->ops->equal(x, y);
}

int pb__atoms_equal(const pb_value *a, const pb_value *b)
{
    if (a == b) {
        return SAME;
    }
    pb_kind kind = pb__kind(a);
    if (pb__is_number(kind) && pb__is_number(pb__kind(b))) {
        return pb__number_equal(a, b);
    }
    if (kind != pb__kind(b)) {
        return DIFFERENT;
    }
    switch (kind) {
    case PB_BYTES:
    case PB_STR:
    case PB_CLASS:
    case PB_MODULE:
    case PB_FUNCTION:
        return pb__texts_equal(a, b);
    case PB_DATETIME:
    case PB_DATE:
    case PB_TIME:
    case PB_TIMEDELTA:
        return datetimes_equal(a, b);
    case PB_METHOD:
        return methods_equal(a, b);
    case PB_OBJECT:
    case PB_REMOTE:
        return foreign_equal(a, b);
    default:
        return DIFFERENT;
    }
}

/* Two containers that are being compared. */
struct frame {
    const pb_value *a, *b;
    /* the next item, or the position in a's slots or index of the next entry */
    size_t i;
    size_t probe; /* the position in b's index of the candidate for a's key */
    size_t undo;  /* number of pairs that were assumed equal before the candidate */
    bool looking; /* the pair in the frame above is a candidate for a's key */
};

struct comparison {
    struct pb__buf frames;
    struct pb__map parents; /* the forest of containers that are assumed equal */
    struct pb__buf assumed; /* the containers that got a parent, in order */
    struct pb__map differ;  /* by pair_id: the first of two keys that are different */
};

/* Two pairs have the same number with a probability of 2 ** -64, and a peer cannot choose
 * such pairs, so the pair itself is not stored. */
static uint64_t pair_id(const pb_value *a, const pb_value *b)
{
    return pb__hash_words(PB_NONE, (uintptr_t)a, (uintptr_t)b);
}

static bool are_known_to_differ(const struct comparison *c, const pb_value *a,
                                const pb_value *b)
{
    return c->differ.len != 0 && pb__map_get(&c->differ, pair_id(a, b)) == a;
}

static struct frame *comparison_top(struct comparison *c)
{
    return (struct frame *)(void *)(c->frames.data + c->frames.len) - 1;
}

static uintptr_t comparison_root(const struct comparison *c, uintptr_t p)
{
    for (void *parent; (parent = pb__map_get(&c->parents, p)) != NULL;) {
        p = (uintptr_t)parent;
    }
    return p;
}

/* Assumes that a and b are equal. Returns SAME if that was assumed before, otherwise
 * DEEPER. */
static int comparison_assume(struct comparison *c, const pb_value *a, const pb_value *b)
{
    uintptr_t x = comparison_root(c, (uintptr_t)a);
    uintptr_t y = comparison_root(c, (uintptr_t)b);
    if (x == y) {
        return SAME;
    }
    if (pb__secret_spread(x) < pb__secret_spread(y)) {
        /* in an order that a peer cannot choose, so that the trees stay shallow */
        uintptr_t swap = x;
        x = y;
        y = swap;
    }
    int e = pb__buf_append(&c->assumed, &x, sizeof x);
    e = e ? e : pb__map_set(&c->parents, x, (void *)y);
    return e ? e : DEEPER;
}

static void take_back(struct comparison *c, size_t undo)
{
    while (c->assumed.len > undo) {
        uintptr_t x;
        c->assumed.len -= sizeof x;
        memcpy(&x, c->assumed.data + c->assumed.len, sizeof x);
        pb__map_take(&c->parents, x);
    }
}

/* Compares a pair without descending into containers. */
static int comparison_visit(struct comparison *c, const pb_value *a, const pb_value *b)
{
    pb_kind x = pb__kind(a);
    pb_kind y = pb__kind(b);
    if (a == b) {
        return SAME;
    }
    if (!equal_is_container(x) || !equal_is_container(y)) {
        return pb__atoms_equal(a, b);
    }
    if ((x != y && !(is_set(x) && is_set(y))) || pb_len(a) != pb_len(b)) {
        return DIFFERENT;
    }
    if (pb_len(a) == 0) {
        return SAME;
    }
    if (pb__is_shared((const struct pb__node *)a) ||
        pb__is_shared((const struct pb__node *)b)) {
        int e = comparison_assume(c, a, b);
        if (e != DEEPER) {
            return e;
        }
    }
    struct frame f = {.a = a, .b = b};
    int e = pb__buf_append(&c->frames, &f, sizeof f);
    return e ? e : DEEPER;
}

static int comparison_pop(struct comparison *c, int result)
{
    c->frames.len -= sizeof(struct frame);
    return result;
}

static int next_item(struct comparison *c, struct frame *f)
{
    const struct pb__seq *a = (const struct pb__seq *)f->a;
    const struct pb__seq *b = (const struct pb__seq *)f->b;
    while (f->i < a->len && f->i < b->len) {
        size_t i = f->i++;
        int result = comparison_visit(c, a->items[i], b->items[i]);
        if (result != SAME) {
            return result;
        }
    }
    return comparison_pop(c, SAME);
}

/* a's key was found at the entry of b: compares the values. */
static int comparison_found_key(struct comparison *c, const struct pb__table *a,
                                size_t a_entry, const struct pb__table *b, size_t b_entry)
{
    if (pb__table_width(a) == 1) {
        return SAME;
    }
    return comparison_visit(c, a->slots[a_entry * 2 + 1], b->slots[b_entry * 2 + 1]);
}

/* At least one of the two has no index: it has few keys, and none of them is a container.
 * So a key that is a container occurs only in the other one, and is not found. */
static int next_linear(struct comparison *c, struct frame *f)
{
    const struct pb__table *a = (const struct pb__table *)f->a;
    const struct pb__table *b = (const struct pb__table *)f->b;
    while (f->i < a->len) {
        size_t i = f->i++;
        int64_t at = pb__table_find(b, pb__table_key(a, i));
        int result = at > 0 ? comparison_found_key(c, a, i, b, (size_t)at - 1) : (int)at;
        if (result != SAME) {
            return result;
        }
    }
    return comparison_pop(c, SAME);
}

/* Tries the candidates for the key of a at f->i, from f->probe on. */
static int comparison_find_key(struct comparison *c, struct frame *f)
{
    const struct pb__table *a = (const struct pb__table *)f->a;
    const struct pb__table *b = (const struct pb__table *)f->b;
    const struct pb__index_slot *wanted = &a->index->slots[f->i];
    for (;; f->probe = (f->probe + 1) & b->index->mask) {
        const struct pb__index_slot *slot = &b->index->slots[f->probe];
        if (slot->entry == 0) {
            return comparison_pop(c, DIFFERENT);
        }
        if (slot->hash != wanted->hash) {
            continue;
        }
        const pb_value *key = pb__table_key(a, wanted->entry - 1);
        const pb_value *candidate = pb__table_key(b, slot->entry - 1);
        if (are_known_to_differ(c, key, candidate)) {
            continue;
        }
        f->looking = true;
        f->undo = c->assumed.len;
        int result = comparison_visit(c, key, candidate);
        if (result != DIFFERENT) {
            return result;
        }
    }
}

/* For tables with an index: the stored hashes show which keys can be equal. */
static int next_indexed(struct comparison *c, struct frame *f)
{
    const struct pb__table *a = (const struct pb__table *)f->a;
    const struct pb__table *b = (const struct pb__table *)f->b;
    while (f->i <= a->index->mask && a->index->slots[f->i].entry == 0) {
        f->i++;
    }
    if (f->i > a->index->mask) {
        return comparison_pop(c, SAME);
    }
    f->probe = a->index->slots[f->i].hash & b->index->mask;
    return comparison_find_key(c, f);
}

/* Compares the next pair of the top frame. */
static int comparison_next(struct comparison *c)
{
    struct frame *f = comparison_top(c);
    if (f->a->kind == PB_LIST || f->a->kind == PB_TUPLE) {
        return next_item(c, f);
    }
    const struct pb__table *a = (const struct pb__table *)f->a;
    const struct pb__table *b = (const struct pb__table *)f->b;
    return a->index && b->index ? next_indexed(c, f) : next_linear(c, f);
}

/* Applies the result of the pair that was compared last to the top frame. */
static int comparison_go_on(struct comparison *c, int result)
{
    struct frame *f = comparison_top(c);
    if (!f->looking) {
        if (result == DIFFERENT) {
            return comparison_pop(c, DIFFERENT);
        }
        return comparison_next(c);
    }
    const struct pb__table *a = (const struct pb__table *)f->a;
    const struct pb__table *b = (const struct pb__table *)f->b;
    size_t a_entry = a->index->slots[f->i].entry - 1;
    size_t b_entry = b->index->slots[f->probe].entry - 1;
    if (result == DIFFERENT) {
        pb_value *key = pb__table_key(a, a_entry);
        int e = pb__map_set(&c->differ, pair_id(key, pb__table_key(b, b_entry)), key);
        take_back(c, f->undo);
        f->probe = (f->probe + 1) & b->index->mask;
        return e ? e : comparison_find_key(c, f);
    }
    f->looking = false;
    f->i++;
    return comparison_found_key(c, a, a_entry, b, b_entry);
}

int pb__equal(const pb_value *a, const pb_value *b)
{
    struct comparison c = {0};
    int result = comparison_visit(&c, a, b);
    while (result >= 0 && c.frames.len != 0) {
        result = result == DEEPER ? comparison_next(&c) : comparison_go_on(&c, result);
    }
    pb__buf_fini(&c.frames);
    pb__buf_fini(&c.assumed);
    pb__map_fini(&c.parents);
    pb__map_fini(&c.differ);
    return result;
}

bool pb_value_equal(const pb_value *a, const pb_value *b)
{
    if (!a || !b) {
        return false;
    }
    if (pb__is_number(pb__kind(a)) && pb__is_number(pb__kind(b))) {
        return pb__number_equal(a, b) == SAME;
    }
    return pb__equal(a, b) == SAME;
}
