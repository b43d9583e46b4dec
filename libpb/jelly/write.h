/* SPDX-License-Identifier: MIT
 *
 * The writer's insides. write.c has the loop and the common kinds; write_rare.c the kinds
 * that are written token by token; write_share.c what is met more than once. */
#ifndef PB__WRITE_H
#define PB__WRITE_H

#include "libpb/jelly/jelly.h"

/* How an expression begins, as bytes: with the header of its list where its length is
 * fixed, else from the word on. PB__OPENING_COPIED bytes are copied whatever its length. */
struct pb__opening {
    char text[31];
    uint8_t len;
};

#define PB__OPENING_COPIED 24

/* Rows of the tables of openings: first the kinds, then these. */
enum {
    PB__OPENING_TRUE = PB_REMOTE + 1,
    PB__OPENING_FALSE,
    PB__OPENING_DEREFERENCE,
    PB__OPENING_PERSISTENT,
    PB__OPENING_UNPERSISTABLE,
    PB__OPENING_END,
};

/* In dialect pb, and in those without vocabulary. */
extern const struct pb__opening pb__openings_pb[PB__OPENING_END],
    pb__openings_plain[PB__OPENING_END];

/* What is being written: some values, and what they are of. */
struct pb__write_frame {
    pb_value **at, **end; /* the next one, and the end */
    const pb_value *of;   /* NULL: the root, or what a callback gave */
    size_t lists;         /* lists of banana around the values */
    bool pairs;           /* they are keys and values in turn */
    bool again;           /* they are of a method that may be written again */
};

/* What a callback gave: it must live until all is written, for its parts may be known by
 * their addresses. Mirrors _Jellier.cooker. */
struct pb__write_kept {
    struct pb__write_kept *next;
    pb_value *values[2];
};

#define PB__WRITE_FRAMES 16 /* before the stack leaves the C stack */

struct pb__writer {
    pb_encoder *e;
    const pb_jelly_config *config;
    const struct pb__invoker *invoker; /* NULL: none */
    pb_error *err;
    const struct pb__opening *openings; /* of the encoder's dialect */
    pb_value *root;
    uint64_t start;    /* the place of the root */
    size_t lists_most; /* limit of depth */
    size_t
        bytes_most; /* limit of a message: a text that is shared is written each time */
    size_t short_most; /* a text up to this is written in the loop */
    bool in_pb;        /* the dialect has the vocabulary */
    bool any_int;      /* no int that is its own pointer passes the limit of prefix */

    struct pb__map met;       /* value to 1 + index of its place */
    struct pb__patch *places; /* where they stand, ascending; number 0: met once */
    size_t places_len, places_cap;
    int64_t numbers; /* given so far */
    struct pb__write_kept *kept;

    struct pb__write_frame *top, *frames, *frames_end;
    struct pb__write_frame first_frames[PB__WRITE_FRAMES];
};

/* Of what is met, its number if it was met before, which the second meeting gives; 0 the
 * first time, or PB_ERR_NOMEM. The encoder stands where the value is to be written. */
int64_t pb__write_meet(struct pb__writer *w, const pb_value *v);
/* The number of v if it was met before; 0 if not, and then it stays unknown. */
int64_t pb__write_find(struct pb__writer *w, const pb_value *v);
/* Keeps up to two values until the end; takes them also when it fails. NULL for lack of
 * memory. */
struct pb__write_kept *pb__write_keep_steal(struct pb__writer *w, pb_value *a,
                                            pb_value *b);
/* Puts ["reference", n, ...] around what was met again. */
int pb__write_references(struct pb__writer *w);
void pb__write_share_fini(struct pb__writer *w);

/* Writes `n` values next, `lists` lists deeper than now. PB_ERR_LIMIT, PB_ERR_NOMEM. */
int pb__write_push(struct pb__writer *w, const pb_value *of, pb_value **values, size_t n,
                   size_t lists);
/* Writes ["dereference", number]. */
int pb__write_dereference(struct pb__writer *w, int64_t number);
/* Whether v, which is to be written next, may be met in several places: it has several
 * owners, or is part of an island; or what holds it is not itself known again. */
static inline bool pb__write_may_meet(const struct pb__writer *w, const pb_value *v)
{
    return v->refs != 1 || (pb__is_node(v) && ((const struct pb__node *)v)->island) ||
           w->top->again;
}

int pb__write_text(struct pb__writer *w, const pb_value *v);
/* Writes a value of a rare kind, and pushes what is in it. */
int pb__write_rare(struct pb__writer *w, pb_value *v);

#endif
