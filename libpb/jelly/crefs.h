/* SPDX-License-Identifier: MIT
 *
 * References: ids, and the placeholders of what is referred to before it is complete.
 * Mirrors `references` of _Unjellier and twisted.persisted.crefutil, step by step, for
 * the order of the steps decides what a cycle becomes, and which cannot be read.
 *
 * A placeholder is an instance of one of crefutil's classes, and stays one where Twisted
 * leaves a place unfilled. Containers are counted as ever while a graph is read; every
 * cycle leads through a place that was filled late, so those are what is undone when an
 * expression is refused, and where the tying of cycles begins when it is whole. */
#ifndef PB__CREFS_H
#define PB__CREFS_H

#include "compat/value.h"
#include "libpb/base/buf.h"
#include "libpb/jelly/read.h"

/* Where a placeholder stands. */
enum pb__place {
    PB__IN_SEQ,  /* item `at` of node */
    PB__IN_DICT, /* the value of entry `at` of node */
    PB__AS_KEY,  /* the key of the pair that frame `at` is reading */
    PB__IN_CREF, /* item `at` of the placeholder node, or its self */
};

struct pb__dependant {
    struct pb__node *node; /* counted, but for a placeholder; NULL for a key */
    uint32_t at;
    uint8_t place;
    bool known; /* IN_CREF: was filled with something that is known */
};

struct pb__cref {
    struct pb__instance instance; /* what stands in places; its state is NULL */
    struct pb__cref *next;        /* of all of the expression */
    pb_value *object;             /* resolvedObject; NULL: not resolved */
    struct pb__dependant *dependants;
    uint32_t len, cap;
    uint8_t head;     /* DEREFERENCE, METHOD, or the container's */
    uint32_t missing; /* of a container: items not known yet */
    union {
        pb_value *id;          /* DEREFERENCE */
        struct pb__seq *items; /* of a container, as a list */
        pb_value *name;        /* METHOD */
    };
    pb_value *cls; /* METHOD */
};

struct pb__crefs {
    struct pb__table *ids; /* a set: the entry of an id is its place in objects */
    pb_value **objects;    /* counted; NULL: none */
    size_t cap;
    struct pb__cref *all; /* counted */
    pb_value *names[4];   /* of the classes of placeholders */
    struct pb__buf stack; /* of what is being resolved */
};

/* The placeholder that v is; NULL if it is none. */
static inline struct pb__cref *pb__cref_of(const pb_value *v)
{
    bool late = !pb__is_small(v) && v->kind == PB_INSTANCE && v->flags & PB__LATE;
    return late ? (struct pb__cref *)(uintptr_t)v : NULL;
}

/* All return 0, or a code: PB_ERR_NOMEM, or another with r->why set. */

/* ["dereference", id]: *out is the *new* object, or its placeholder. */
int pb__crefs_dereference(struct pb__reader *r, pb_value *id, pb_value **out);
/* ["reference", id, o]: o, which may be a placeholder, is complete. */
int pb__crefs_reference(struct pb__reader *r, pb_value *id, pb_value *o);
/* A tuple or set of items, one of which is or was a placeholder. Takes items. */
int pb__crefs_container_steal(struct pb__reader *r, enum pb__head head,
                              struct pb__seq *items, pb_value **out);
/* A method whose self is one. Takes name, self and cls. */
int pb__crefs_method_steal(struct pb__reader *r, pb_value *name, pb_value *self,
                           pb_value *cls, pb_value **out);
/* The placeholder is about to stand in that place. */
int pb__crefs_depend(struct pb__reader *r, struct pb__cref *c, enum pb__place place,
                     struct pb__node *node, size_t at);

/* A set or frozenset of the items of a list. Takes items. */
int pb__crefs_set_steal(struct pb__reader *r, enum pb__head head, struct pb__seq *items,
                        pb_value **out);

/* Whether an expression has had references so far. */
static inline bool pb__crefs_used(const struct pb__reader *r)
{
    return r->crefs && r->crefs->ids && r->crefs->ids->len;
}

/* The expression is whole: gives what stands in places that were never filled its state,
 * and ties what is cyclic. PB_ERR_NOMEM: call pb__crefs_undo. */
int pb__crefs_finish(struct pb__reader *r);
/* It is refused: takes every cycle apart, for what holds it to be let go then. */
void pb__crefs_undo(struct pb__reader *r);
/* Forgets all, for the next expression. */
void pb__crefs_clear(struct pb__reader *r);
void pb__crefs_free(struct pb__crefs *cs);

/* Ties the cycles that the roots, pointers to nodes, are part of or lead to. PB_ERR_NOMEM
 * leaves some cycles untied. */
int pb__cycles_tie(const struct pb__buf *roots);

#endif
