/* SPDX-License-Identifier: MIT
 *
 * The inside of the reader. It converts tokens directly to values. A stack has one frame
 * for each open list; a frame records what the list will become, and its contents so far.
 *
 * read.c is the sink, and handles ordinary data inline. The other files handle what is
 * less frequent: read_head.c begins expressions, read_build.c builds their values at the
 * end, read_complete.c completes expressions and messages, read_refuse.c handles errors,
 * and crefs.c references and cycles. */
#ifndef PB__READ_H
#define PB__READ_H

#include <assert.h>

#include "compat/value.h"
#include "libpb/banana/vocab.h"
#include "libpb/base/error.h"
#include "libpb/jelly/jelly.h"

/* Items or pairs for which a container gets memory when it begins. More are only
 * allocated when they are received, whatever the peer has announced. */
#define PB__READ_ROOM 64

struct pb__crefs;

/* The heads of expressions. One row for each: its name here and on the wire, the shape of
 * its frame, how its members are read, how many members there must be at least, whether
 * the word is in banana's vocabulary, and for MEMBERS the function in read_build.c that
 * builds the value.
 *
 * Members: `r` is stored as it is, or as missing if it is a list; `w` is stored as it is,
 * also a list; `e` is an expression. Members after those are ignored, as in Twisted. */
#define PB__HEAD_MAP(X)                                                   \
    X(UNICODE, "unicode", TEXT, "w", 1, NO_WORD, end_unicode)             \
    X(BOOLEAN, "boolean", TEXT, "", 1, NO_WORD, NULL)                     \
    X(LIST, "list", SEQ, "", 0, WORD, NULL)                               \
    X(TUPLE, "tuple", SEQ, "", 0, WORD, NULL)                             \
    X(SET, "set", SEQ, "", 0, NO_WORD, NULL)                              \
    X(FROZENSET, "frozenset", SEQ, "", 0, NO_WORD, NULL)                  \
    X(DICTIONARY, "dictionary", DICT, "", 0, WORD, NULL)                  \
    X(NONE, "None", TEXT, "", 0, WORD, NULL)                              \
    X(DATETIME, "datetime", MEMBERS, "r", 1, NO_WORD, end_datetime)       \
    X(DATE, "date", MEMBERS, "r", 1, NO_WORD, end_datetime)               \
    X(TIME, "time", MEMBERS, "r", 1, NO_WORD, end_datetime)               \
    X(TIMEDELTA, "timedelta", MEMBERS, "r", 1, NO_WORD, end_datetime)     \
    X(DECIMAL, "decimal", MEMBERS, "rr", 2, NO_WORD, end_decimal)         \
    X(REFERENCE, "reference", MEMBERS, "re", 2, WORD, end_reference)      \
    X(DEREFERENCE, "dereference", MEMBERS, "r", 1, WORD, end_dereference) \
    X(CLASS, "class", MEMBERS, "r", 1, WORD, end_name)                    \
    X(MODULE, "module", MEMBERS, "r", 1, WORD, end_name)                  \
    X(FUNCTION, "function", MEMBERS, "r", 1, WORD, end_name)              \
    X(METHOD, "method", MEMBERS, "ree", 3, NO_WORD, end_method)           \
    X(INSTANCE, "instance", MEMBERS, "ee", 2, WORD, end_old_instance)     \
    X(PERSISTENT, "persistent", MEMBERS, "e", 0, WORD, end_persistent)    \
    X(UNPERSISTABLE, "unpersistable", MEMBERS, "w", 1, WORD, end_unpersistable)

enum pb__head {
    PB__HEAD_OTHER, /* none of these */
#define PB__HEAD_ENUM(name, ...) PB__HEAD_##name,
    PB__HEAD_MAP(PB__HEAD_ENUM)
#undef PB__HEAD_ENUM
        PB__HEAD_NAMED,  /* the head is the name of a class */
    PB__HEAD_BROKER,     /* the head belongs to the invoker */
    PB__HEAD_BROKER_ALL, /* the same, with all members: v[1] is the list of them */
    PB__HEADS,
};
static_assert(PB__HEADS <= 32, "pb__reader.allowed has a bit for each head");

enum pb__shape {
    PB__SHAPE_TOP,        /* below the first list */
    PB__SHAPE_MESSAGE,    /* a message, whose members are expressions: seq */
    PB__SHAPE_HEAD,       /* the head is missing */
    PB__SHAPE_SEQ,        /* list, tuple, set, frozenset: the items are added to seq */
    PB__SHAPE_DICT,       /* between two pairs: table */
    PB__SHAPE_DICT_KEY,   /* in a pair, before the key */
    PB__SHAPE_DICT_VALUE, /* in a pair, before the value; the key is in `key` */
    PB__SHAPE_DICT_END,   /* in a pair, before its end */
    PB__SHAPE_DICT_LATE,  /* as DICT_VALUE, but the key is a placeholder */
    PB__SHAPE_TEXT,       /* unicode, boolean: v[0] */
    PB__SHAPE_MEMBERS,    /* v[], as described in PB__HEAD_MAP */
    PB__SHAPE_RAW,        /* a list that is stored as it is: seq */
    PB__SHAPE_SKIP,       /* ignored; n lists within it are open */
    PB__SHAPE_REFUSED,    /* the rest of a refused expression; n as in SKIP */
};

struct pb__frame {
    uint8_t shape; /* enum pb__shape */
    uint8_t head;  /* enum pb__head */
    /* MEMBERS: number of members read, up to 3; SEQ: contains a placeholder; REFUSED: a
     * list of two elements has just begun */
    uint8_t seen;
    /* MEMBERS: index in v of the current member; DICT: slot of the key in
     * pb__reader.keys; REFUSED: the word of a reference whose number follows */
    uint8_t slot;
    /* number of elements of the list; after its head, number of members; for a dict,
     * number of missing pairs */
    uint32_t n;
    union {
        pb_value *v[3];
        struct pb__seq *seq;
        struct {
            struct pb__table *table;
            pb_value *key;
            /* a bit for the slot of each key in the table; all bits if a key has no
             * slot */
            uint64_t slots;
        };
    };
};

/* The error is part of the stack, so that it need not be allocated when it occurs. */
struct pb__read_stack {
    pb_error err;
    struct pb__frame frames[];
};

/* Recent keys of dicts. The keys of similar records share one text. A key is stored when
 * it is read for the second time, in its own block, so that it keeps no slab in use. */
#define PB__READ_KEYS 64
#define PB__READ_KEY_MAX 32 /* longer keys have no slot */
struct pb__read_key {
    /* the first and last eight bytes, or four; or `first` has all of up to three */
    uint64_t first, last;
    struct pb__text *text; /* NULL: the key was read only once */
    uint32_t tag;          /* kind and length */
};

struct pb__reader {
    struct pb__frame *top;  /* frame of the innermost list */
    struct pb__frame *last; /* last frame for which there is room */
    /* NULL: values have their own blocks, or the pool is not made yet */
    struct pb__slab_pool *pool;
    struct pb__read_key *keys; /* NULL until the first */
    uint32_t allowed;          /* heads that the taster allows, one bit each */
    bool tasted;               /* `allowed` is set */
    bool python2;
    bool pooled; /* make a pool when it is first needed */
    bool messages;
    size_t charged; /* to the budget, by the complete expressions of the message */
    struct pb__text *placed; /* long text that the decoder is filling */
    struct pb__crefs *crefs; /* NULL until the first reference */
    const char *why;         /* the reason why the last call to crefs.c failed */
    /* the decoder, while it runs the reader's loop; otherwise NULL */
    struct pb_decoder *decoder;
    struct pb__read_stack *stack; /* NULL until the first list */
    struct pb__frame idle;        /* the bottom frame while there is no stack */
    struct pb__reader_config config;
};

void pb__reader_init(struct pb__reader *r, const struct pb__reader_config *c);
void pb__reader_fini(struct pb__reader *r);

/* The bottom frame of the stack. */
static inline struct pb__frame *pb__read_bottom(struct pb__reader *r)
{
    return r->stack ? r->stack->frames : &r->idle;
}

/* Whether a callback has ended what the reader reads for. */
static inline bool pb__read_ended(const struct pb__reader *r)
{
    return r->config.ended && r->config.ended(r->config.ctx);
}

/* The first frame of the current expression. Only valid while there is one. */
static inline struct pb__frame *pb__read_base(struct pb__reader *r)
{
    return r->stack->frames + 1 + r->messages;
}

/* The following functions are called by the sink, and return its result: 0, or the code
 * that ends the decoder. A refused expression does not end the decoder. */

/* pb__table_put_steal, within the budget. */
int pb__read_put_entry_steal(struct pb__reader *r, struct pb__table *t, pb_value *key,
                             pb_value *value);
/* Makes room for a frame. PB_ERR_NOMEM. */
int pb__read_grow(struct pb__reader *r);
/* Pushes a frame for a list of n elements that has just begun. */
int pb__read_push(struct pb__reader *r, enum pb__shape shape, size_t n);
/* Handle a token in a frame whose shape read.c does not handle. */
int pb__read_list(struct pb__reader *r, size_t n);
int pb__read_end(struct pb__reader *r);
int pb__read_scalar_steal(struct pb__reader *r, pb_value *scalar);
/* Pass a complete value to the top frame, whose shape read.c does not handle; or a
 * placeholder, to a frame of any shape. */
int pb__read_put_steal(struct pb__reader *r, pb_value *v);
int pb__read_put_late_steal(struct pb__reader *r, pb_value *late);

/* Passes any value to any top frame. */
int pb__read_give_steal(struct pb__reader *r, pb_value *v);

/* Determines the head of the top frame. If it returns PB__HEAD_OTHER there is nothing
 * left to do, because the expression was refused or the frame was made a MEMBERS frame,
 * and *result is the result of the sink. */
enum pb__head pb__read_head(struct pb__reader *r, pb_span s, int *result);
extern const uint8_t pb__head_shapes[PB__HEADS];
extern const uint8_t pb__head_of_word[PB__WORD_END];
extern const struct pb__head_row {
    const char *text;
    uint8_t len;
    uint8_t least;
    char members[4];
} pb__head_rows[PB__HEADS];
/* Asks the taster about every head in PB__HEAD_MAP. */
void pb__read_taste(struct pb__reader *r);

/* Build the value of the top frame at the end of its list: a SEQ that is not a list, or
 * MEMBERS. */
int pb__read_end_seq(struct pb__reader *r);
int pb__read_end_members(struct pb__reader *r);

/* Makes a method. PB_ERR_NOMEM. */
int pb__read_method_steal(struct pb__reader *r, pb_value *name, pb_value *self,
                          pb_value *cls, pb_value **out);
/* Make values from members that were stored as they are; *new*. NULL with err. */
pb_value *pb__read_datetime(enum pb__head head, pb_span text, bool python2,
                            pb_error *err);
pb_value *pb__read_decimal(const pb_value *value, const pb_value *exponent, bool python2,
                           pb_error *err);
/* Makes a text as Python formats it: the prefix, then the str of v. */
pb_value *pb__read_formatted(pb_kind kind, const char *prefix, const pb_value *v,
                             bool python2, pb_error *err);

/* Refuses the current expression: removes its frames, and skips the rest of it. `open` is
 * the number of lists without a frame that the refused token has opened (1 or 0), or -1
 * if the token is the end of the top frame's list. */
int pb__read_refuse(struct pb__reader *r, int open, int code, const char *format, ...)
    PB_PRINTF(4, 5);
/* The same for lack of memory, or of what the budget allows. */
int pb__read_refuse_nomem(struct pb__reader *r, int open);
/* The same for a code of crefs.h, and for a key that a table has refused. */
int pb__read_refuse_cref(struct pb__reader *r, int open, int code);
int pb__read_refuse_key(struct pb__reader *r, int code, const pb_value *key);
/* The text of the error for a key or member that is unhashable. */
const char *pb__read_unhashable(const pb_value *v);
/* Handle a token of a refused expression. References in it are still read, and released,
 * because the peer counts them. */
int pb__read_pass_list(struct pb__reader *r, size_t n);
int pb__read_pass_end(struct pb__reader *r);
int pb__read_pass_bytes(struct pb__reader *r, pb_span s);
int pb__read_pass_scalar_steal(struct pb__reader *r, pb_value *v);
/* Adds a complete member, or NULL if it was refused, to a message that has room. */
static inline void pb__read_add_member(struct pb__reader *r, struct pb__frame *f,
                                       pb_value *v)
{
    r->charged = r->pool ? r->pool->charged : 0;
    f->seq->items[f->seq->len++] = v;
}

/* Completes an expression. v, or NULL if it was refused, becomes a member of the message,
 * or is passed to the owner. */
int pb__read_complete_steal(struct pb__reader *r, pb_value *v);
/* Passes a complete top-level expression to the owner. */
int pb__read_done_steal(struct pb__reader *r, pb_value *v);
/* Removes all frames. */
void pb__read_reset(struct pb__reader *r);

/* The sink. Its `attach` sets a loop of the decoder into which these functions are
 * inlined. */
extern const pb_sink_ops pb__read_ops;

#endif
