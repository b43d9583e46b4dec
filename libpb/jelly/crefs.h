/* SPDX-License-Identifier: MIT
 *
 * References: their ids, and placeholders for objects that are referred to before they
 * are complete. Mirrors `references` of _Unjellier and twisted.persisted.crefutil step by
 * step, because the order of the steps determines the result of a cycle, and which cycles
 * cannot be read.
 *
 * A placeholder is an instance of one of crefutil's classes, and it remains in the value
 * where Twisted leaves a place unfilled. While a graph is read, containers are counted as
 * usual. Every cycle leads through a place that was filled later. So when an expression
 * is refused, these places are emptied, and when it is complete, the search for cycles
 * begins at them. */
#ifndef PB__CREFS_H
#define PB__CREFS_H

#include "compat/value.h"
#include "libpb/base/buf.h"
#include "libpb/jelly/read.h"

/* The places of a placeholder. */
enum pb__place {
    PB__IN_SEQ,  /* item `at` of node */
    PB__IN_DICT, /* the value of entry `at` of node */
    PB__AS_KEY,  /* the key of the pair that frame `at` is reading */
    PB__IN_CREF, /* item `at` of the placeholder `node`, or its self */
};

struct pb__dependant {
    struct pb__node *node; /* counted, unless it is a placeholder; NULL for a key */
    uint32_t at;
    uint8_t place;
    bool known; /* IN_CREF: a known value was stored there */
};

struct pb__cref {
    /* the value that is stored in places; its state is NULL */
    struct pb__instance instance;
    struct pb__cref *next;        /* in the list of all placeholders of the expression */
    pb_value *object;             /* resolvedObject; NULL: not resolved yet */
    struct pb__dependant first;   /* of its dependants; most have one */
    struct pb__dependant *others; /* the dependants after the first */
    uint32_t len, cap;            /* all dependants; room for others */
    uint8_t head;                 /* DEREFERENCE, METHOD, or the head of the container */
    uint32_t missing; /* of a container: number of items that are not known yet */
    union {
        pb_value *id;          /* DEREFERENCE */
        struct pb__seq *items; /* of a container: its items, as a list */
        pb_value *name;        /* METHOD */
    };
    pb_value *cls; /* METHOD */
};

/* Beyond these, an expression is refused: ordinary graphs have no more references to what
 * is not complete than their depth, and none that stays so. */
#define PB__CREFS_PENDING 16384 /* placeholders that are not resolved, at once */
#define PB__CREFS_SHOWN 4096    /* placeholders and their places, where some stay */

struct pb__crefs {
    struct pb__table *ids; /* a set; the number of an id in it is its index in objects */
    pb_value **objects;    /* counted; NULL: not known yet */
    size_t cap;
    struct pb__cref *all; /* counted */
    pb_value *names[4];   /* names of the classes of placeholders */
    struct pb__buf stack; /* pending steps of resolving */
    size_t pending;       /* placeholders that are not resolved yet */
};

static inline struct pb__dependant *pb__cref_dependant(struct pb__cref *c, size_t i)
{
    return i == 0 ? &c->first : &c->others[i - 1];
}

/* Returns v as a placeholder; NULL if it is none. */
static inline struct pb__cref *pb__cref_of(const pb_value *v)
{
    bool late = !pb__is_small(v) && v->kind == PB_INSTANCE && v->flags & PB__LATE;
    return late ? (struct pb__cref *)(uintptr_t)v : NULL;
}

/* The following functions return 0, or a code: PB_ERR_NOMEM (no memory, or more than the
 * budget allows), or another, and then r->why is set. */

/* Reads ["dereference", id]: *out is the *new* object or its placeholder. */
int pb__crefs_dereference(struct pb__reader *r, pb_value *id, pb_value **out);
/* Ends ["reference", id, o]: o, which may be a placeholder, is complete. */
int pb__crefs_reference(struct pb__reader *r, pb_value *id, pb_value *o);
/* Makes the placeholder of a tuple or set whose items contain or contained a placeholder.
 * Takes items. */
int pb__crefs_container_steal(struct pb__reader *r, enum pb__head head,
                              struct pb__seq *items, pb_value **out);
/* Makes the placeholder of a method whose self is a placeholder. Takes name, self and
 * cls. */
int pb__crefs_method_steal(struct pb__reader *r, pb_value *name, pb_value *self,
                           pb_value *cls, pb_value **out);
/* Registers a place in which the placeholder will be stored. */
int pb__crefs_depend(struct pb__reader *r, struct pb__cref *c, enum pb__place place,
                     struct pb__node *node, size_t at);

/* Makes a set or frozenset from the items of a list. Takes items. */
int pb__crefs_set_steal(struct pb__reader *r, enum pb__head head, struct pb__seq *items,
                        pb_value **out);

/* Returns whether the expression has contained references so far. */
static inline bool pb__crefs_used(const struct pb__reader *r)
{
    return r->crefs && r->crefs->ids && r->crefs->ids->len;
}

/* Completes an expression: gives placeholders that remain in places their state, and ties
 * the cycles. After an error, call pb__crefs_undo. */
int pb__crefs_finish(struct pb__reader *r);
/* Refuses an expression: breaks every cycle, so that its values can be released. */
void pb__crefs_undo(struct pb__reader *r);
/* Removes all ids and placeholders, before the next expression. */
void pb__crefs_clear(struct pb__reader *r);
void pb__crefs_free(struct pb__crefs *cs);

/* Ties the cycles that contain a root or can be reached from one; roots are pointers to
 * nodes. After PB_ERR_NOMEM (no memory, or more than the budget of the pool allows; the
 * pool may be NULL) some cycles are not tied. */
int pb__cycles_tie(const struct pb__buf *roots, struct pb__slab_pool *pool);

#endif
