/* SPDX-License-Identifier: MIT
 *
 * The inside of the writer. write.c has the loop and the common kinds, write_scalar.c,
 * write_instance.c and write_object.c the others, and write_share.c handles values that
 * occur more than once. */
#ifndef PB__WRITE_H
#define PB__WRITE_H

#include "compat/profile.h"
#include "libpb/jelly/jelly.h"

/* How an expression begins, as bytes: with the header of its list if the length of the
 * list is fixed, otherwise from the word on. PB__OPENING_COPIED bytes are copied,
 * whatever the length. */
struct pb__opening {
    char text[31];
    uint8_t len;
};

#define PB__OPENING_COPIED 24

/* Rows of the tables of openings after those for the kinds. */
enum {
    PB__OPENING_TRUE = PB__KIND_ROWS,
    PB__OPENING_FALSE,
    PB__OPENING_DEREFERENCE,
    PB__OPENING_PERSISTENT,
    PB__OPENING_REASON,
    PB__OPENING_END,
};

/* The openings in dialect pb, and in dialects without vocabulary. */
extern const struct pb__opening pb__openings_pb[PB__OPENING_END],
    pb__openings_plain[PB__OPENING_END];

/* A sequence of values that is being written, and the value that contains them. */
struct pb__write_frame {
    pb_value **at, **end; /* the next one, and the end */
    const pb_value *of;   /* NULL: the root, or values that a callback made */
    size_t lists;         /* number of lists of banana around the values */
    bool pairs;           /* keys and values alternate */
    bool again;           /* part of a method that may be written again */
};

/* Values that a callback made. They are freed only when everything is written, because
 * their parts are identified by address. Mirrors _Jellier.cooker. */
struct pb__write_kept {
    struct pb__write_kept *next;
    pb_value *values[2];
};

#define PB__WRITE_FRAMES 16 /* frames before the stack is allocated */
#define PB__WRITE_PLACES 8  /* places before their table and map are allocated */

struct pb__writer {
    pb_encoder *e;
    const pb_jelly_config *config;
    const struct pb__invoker *invoker; /* NULL: none */
    pb_error *err;
    const struct pb__opening *openings; /* of the dialect of the encoder */
    pb_value *root;
    uint64_t start;       /* the position of the root */
    size_t depth_limit;   /* limit of depth */
    size_t deepest;       /* of the lists around what was written */
    size_t message_limit; /* limit of a message; a shared text is written each time */
    size_t short_most;    /* longest text that the loop writes */
    bool in_pb;           /* the dialect has the vocabulary */
    /* every int that is stored in its pointer is within the limit of prefix */
    bool any_int;

    /* The values that have occurred, by their places: the first few are searched one by
     * one, more of them in the map, value to 1 + index of its place. */
    const pb_value *first_met[PB__WRITE_PLACES];
    struct pb__map met;
    /* their positions, ascending; number 0: occurs once so far */
    struct pb__patch *places;
    size_t places_len, places_cap;
    struct pb__patch first_places[PB__WRITE_PLACES];
    int64_t numbers; /* reference numbers used so far */
    struct pb__write_kept *kept;

    struct pb__write_frame *top, *frames, *frames_end;
    struct pb__write_frame first_frames[PB__WRITE_FRAMES];
};

/* Records that v occurs at the current position of the encoder. Returns the number of v
 * if it has occurred before (the second occurrence assigns it), 0 at the first
 * occurrence, or PB_ERR_NOMEM. */
int64_t pb__write_meet(struct pb__writer *w, const pb_value *v);
/* The number of v if it has occurred before, otherwise 0. v is not recorded. */
int64_t pb__write_find(struct pb__writer *w, const pb_value *v);
/* Holds up to two values until everything is written; takes them also if it fails. NULL
 * if memory is exhausted. */
struct pb__write_kept *pb__write_keep_steal(struct pb__writer *w, pb_value *a,
                                            pb_value *b);
/* Inserts ["reference", n, ...] around the first occurrence of each value that has
 * occurred again. */
int pb__write_references(struct pb__writer *w);
void pb__write_share_fini(struct pb__writer *w);

/* Writes `n` values next, `lists` lists deeper than the current ones. PB_ERR_LIMIT,
 * PB_ERR_NOMEM. */
int pb__write_push(struct pb__writer *w, const pb_value *of, pb_value **values, size_t n,
                   size_t lists);
/* Writes ["dereference", number]. */
int pb__write_dereference(struct pb__writer *w, int64_t number);
/* Returns whether v may occur in several places: it has several owners, or is part of an
 * island, or its container may be written again. */
static inline bool pb__write_may_meet(const struct pb__writer *w, const pb_value *v)
{
    return v->refs != 1 || (pb__is_node(v) && ((const struct pb__node *)v)->island) ||
           w->top->again;
}

/* ---- The kinds ----
 *
 * Each function writes a value of its kinds. If the value contains others, they are
 * pushed, and written next. */

int pb__write_text(struct pb__writer *w, const pb_value *v);
int pb__write_int(struct pb__writer *w, const pb_value *v);
int pb__write_datetime(struct pb__writer *w, const pb_value *v); /* all four kinds */
int pb__write_decimal(struct pb__writer *w, const pb_value *v);
int pb__write_name(struct pb__writer *w, const pb_value *v);
int pb__write_method(struct pb__writer *w, pb_value *v);
int pb__write_instance(struct pb__writer *w, pb_value *v); /* or an Unpersistable */
int pb__write_object(struct pb__writer *w, pb_value *v);   /* or a reference */

/* ---- Parts of them ---- */

/* Writes an opening: a kind, or one of the numbers above. */
int pb__write_opening(struct pb__writer *w, int row);
/* Refuses a value where jelly leaves a str in the expression: the error that Twisted has
 * then on Python 3. */
int pb__write_refuse_str(struct pb__writer *w, const char *text);
/* Returns e, the result of a callback. If it has failed without a text, fills the
 * error. */
int pb__write_called(struct pb__writer *w, int e, const char *what);

static inline int pb__write_chars(struct pb__writer *w, const char *s, size_t len)
{
    return pb__encode_bytes(w->e, (pb_span){(const uint8_t *)s, len});
}

static inline const struct pb__text *pb__write_text_of(const pb_value *v)
{
    return (const struct pb__text *)v;
}

static inline bool pb__write_has(const struct pb__writer *w, enum pb__profile_row row)
{
    return pb__profile_has(w->config->profile, row);
}

#endif
