/* SPDX-License-Identifier: MIT
 *
 * The reader's insides. Tokens go straight to values: a stack has a frame for each open
 * list, which says what the list is to become and holds what has come of it so far.
 *
 * read.c is the sink, with all that ordinary data needs inlined; whatever is rare goes
 * through the functions below. read_head.c begins expressions, read_build.c ends them,
 * read_refuse.c gives them up, crefs.c has references and cycles. */
#ifndef PB__READ_H
#define PB__READ_H

#include "compat/value.h"
#include "libpb/banana/vocab.h"
#include "libpb/base/error.h"
#include "libpb/jelly/jelly.h"

struct pb__crefs;

/* What a head begins: name, text, shape, members, and how many there must be at least. Of
 * the members, an `r` is taken as it stands (a list there is remembered as such), a `w`
 * likewise, lists whole, an `e` is an expression. What follows them is ignored, as
 * Twisted does. */
#define PB__HEAD_MAP(X)                            \
    X(UNICODE, "unicode", TEXT, "w", 1)            \
    X(BOOLEAN, "boolean", TEXT, "", 1)             \
    X(LIST, "list", SEQ, "", 0)                    \
    X(TUPLE, "tuple", SEQ, "", 0)                  \
    X(SET, "set", SEQ, "", 0)                      \
    X(FROZENSET, "frozenset", SEQ, "", 0)          \
    X(DICTIONARY, "dictionary", DICT, "", 0)       \
    X(NONE, "None", TEXT, "", 0)                   \
    X(DATETIME, "datetime", MEMBERS, "r", 1)       \
    X(DATE, "date", MEMBERS, "r", 1)               \
    X(TIME, "time", MEMBERS, "r", 1)               \
    X(TIMEDELTA, "timedelta", MEMBERS, "r", 1)     \
    X(DECIMAL, "decimal", MEMBERS, "rr", 2)        \
    X(REFERENCE, "reference", MEMBERS, "re", 2)    \
    X(DEREFERENCE, "dereference", MEMBERS, "r", 1) \
    X(CLASS, "class", MEMBERS, "r", 1)             \
    X(MODULE, "module", MEMBERS, "r", 1)           \
    X(FUNCTION, "function", MEMBERS, "r", 1)       \
    X(METHOD, "method", MEMBERS, "ree", 3)         \
    X(INSTANCE, "instance", MEMBERS, "ee", 2)      \
    X(PERSISTENT, "persistent", MEMBERS, "e", 0)   \
    X(UNPERSISTABLE, "unpersistable", MEMBERS, "w", 1)

enum pb__head {
    PB__HEAD_OTHER, /* none of those below */
#define PB__HEAD_ENUM(name, text, shape, members, least) PB__HEAD_##name,
    PB__HEAD_MAP(PB__HEAD_ENUM)
#undef PB__HEAD_ENUM
        PB__HEAD_NAMED, /* a class: the head has its name */
    PB__HEAD_BROKER,    /* whatever the invoker knows */
    PB__HEADS,
};

enum pb__shape {
    PB__SHAPE_TOP,        /* no list: what is below the first */
    PB__SHAPE_MESSAGE,    /* its members are expressions: seq */
    PB__SHAPE_HEAD,       /* the head is to come */
    PB__SHAPE_SEQ,        /* list, tuple, set, frozenset: the items go to seq */
    PB__SHAPE_DICT,       /* a pair is to come: table */
    PB__SHAPE_DICT_KEY,   /* in a pair, the key is to come */
    PB__SHAPE_DICT_VALUE, /* the value is; key has its key */
    PB__SHAPE_DICT_END,   /* the pair's end is */
    PB__SHAPE_DICT_LATE,  /* as DICT_VALUE, but the key is not known yet */
    PB__SHAPE_TEXT,       /* unicode, boolean: v[0] */
    PB__SHAPE_MEMBERS,    /* v[], as PB__HEAD_MAP says */
    PB__SHAPE_RAW,        /* a list that is taken as it stands: seq */
    PB__SHAPE_SKIP,       /* n lists within it are open, and all is ignored */
    PB__SHAPE_REFUSED,    /* the same, in place of an expression that was refused */
};

struct pb__frame {
    uint8_t shape; /* enum pb__shape */
    uint8_t head;  /* enum pb__head */
    uint8_t seen;  /* MEMBERS: how many have come, up to 3; SEQ: any placeholder; REFUSED:
                    * a list of two began just now */
    uint8_t
        slot;   /* MEMBERS: where in v what is being read goes; DICT: the key's; REFUSED:
                    * the word of a reference, whose number is to come */
    uint32_t n; /* elements that the list announced; once it has its head, its members,
                    * or of a dict the pairs to come */
    union {
        pb_value *v[3];
        struct pb__seq *seq;
        struct {
            struct pb__table *table;
            pb_value *key;
            uint64_t slots; /* of the keys that are there; all, if one has none */
        };
    };
};

/* An error lies here so that it need not be allocated when it happens. */
struct pb__read_stack {
    pb_error err;
    struct pb__frame frames[];
};

/* Recent keys of dicts, so that the keys of alike records are one text. A key is kept
 * when it is met for the second time, in a block of its own, so that it pins no slab. */
#define PB__READ_KEYS 64
#define PB__READ_KEY_MAX 32 /* bytes of a key that has a slot */
struct pb__read_key {
    uint64_t first, last;  /* eight bytes of it, or four, or the first is all three */
    struct pb__text *text; /* NULL: met once */
    uint32_t tag;          /* its kind and length */
};

struct pb__reader {
    struct pb__frame *top;      /* the innermost */
    struct pb__frame *last;     /* the last that there is room for */
    struct pb__slab_pool *pool; /* NULL: blocks of their own, or not made yet */
    struct pb__read_key *keys;  /* NULL until the first */
    uint32_t allowed;           /* heads that the taster lets pass, one bit each */
    bool tasted;                /* allowed is set */
    bool python2;
    bool pooled; /* make a pool when it is needed */
    bool messages;
    struct pb__text *placed; /* what the decoder is filling */
    struct pb__crefs *crefs; /* NULL until the first reference */
    const char *why;         /* what the last call to crefs.c that failed found wrong */
    struct pb_decoder *decoder;   /* while it is at work with our loop; else NULL */
    struct pb__read_stack *stack; /* NULL until the first list */
    struct pb__frame idle;        /* the bottom while there is no stack */
    struct pb__reader_config config;
};

void pb__reader_init(struct pb__reader *r, const struct pb__reader_config *c);
void pb__reader_fini(struct pb__reader *r);

/* The bottom of the stack. */
static inline struct pb__frame *pb__read_bottom(struct pb__reader *r)
{
    return r->stack ? r->stack->frames : &r->idle;
}

/* The frame of the innermost whole expression. Only while there is one. */
static inline struct pb__frame *pb__read_base(struct pb__reader *r)
{
    return r->stack->frames + 1 + r->messages;
}

/* All of these are called by the sink, and return what it is to return: 0, or what ends
 * the decoder. A refused expression does not. */

/* Makes room for a frame. PB_ERR_NOMEM. */
int pb__read_grow(struct pb__reader *r);
/* Pushes a frame for a list of n elements that has just begun. */
int pb__read_push(struct pb__reader *r, enum pb__shape shape, size_t n);
/* A token in a frame of a shape that read.c leaves to others. */
int pb__read_list(struct pb__reader *r, size_t n);
int pb__read_end(struct pb__reader *r);
int pb__read_scalar_steal(struct pb__reader *r, pb_value *scalar);
/* A value is complete, and the top frame gets it, of a shape that read.c leaves to
 * others; or a placeholder, whatever the shape. */
int pb__read_put_steal(struct pb__reader *r, pb_value *v);
int pb__read_put_late_steal(struct pb__reader *r, pb_value *late);

/* The same for any value and frame. */
int pb__read_give_steal(struct pb__reader *r, pb_value *v);

/* Finds out which head it is, for the top frame. PB__HEAD_OTHER if that was all there is
 * to do, with the sink's result in *result: it is refused, or was made a MEMBERS frame. */
enum pb__head pb__read_head(struct pb__reader *r, pb_span s, int *result);
extern const uint8_t pb__head_shapes[PB__HEADS];
extern const uint8_t pb__head_of_word[PB__WORD_END];
extern const struct pb__head_row {
    const char *text;
    uint8_t len;
    uint8_t least;
    char members[4];
} pb__head_rows[PB__HEADS];
/* Asks the taster about every head. */
void pb__read_taste(struct pb__reader *r);

/* The end of a SEQ that is no list, and of MEMBERS, the top frame. */
int pb__read_end_seq(struct pb__reader *r);
int pb__read_end_members(struct pb__reader *r);

/* A method. PB_ERR_NOMEM. */
int pb__read_method_steal(struct pb__reader *r, pb_value *name, pb_value *self,
                          pb_value *cls, pb_value **out);
/* Values of what was read raw; *new*. NULL with err. */
pb_value *pb__read_datetime(enum pb__head head, pb_span text, bool python2,
                            pb_error *err);
pb_value *pb__read_decimal(const pb_value *value, const pb_value *exponent, bool python2,
                           pb_error *err);
/* A text that Python formats: the prefix, then the str of v. */
pb_value *pb__read_formatted(pb_kind kind, const char *prefix, const pb_value *v,
                             bool python2, pb_error *err);

/* Refuses the expression that is being read: its frames go, and what is left of it is
 * skipped. `open` is how many lists the token that is at fault opened for which there is
 * no frame (1, 0), or -1 where it is the end of the top frame's. */
int pb__read_refuse(struct pb__reader *r, int open, int code, const char *format, ...)
    PB_PRINTF(4, 5);
int pb__read_refuse_nomem(struct pb__reader *r, int open);
/* The same for the codes of crefs.h; and of a table that did not take a key. */
int pb__read_refuse_cref(struct pb__reader *r, int open, int code);
int pb__read_refuse_key(struct pb__reader *r, int code, const pb_value *key);
/* What is wrong with a key or member that cannot be hashed. */
const char *pb__read_unhashable(const pb_value *v);
/* A token of an expression that was refused: references in it are read all the same, and
 * let go of, for the peer counts them. */
int pb__read_pass_list(struct pb__reader *r, size_t n);
int pb__read_pass_end(struct pb__reader *r);
int pb__read_pass_bytes(struct pb__reader *r, pb_span s);
int pb__read_pass_scalar_steal(struct pb__reader *r, pb_value *v);
/* A whole expression is there, or (NULL) refused: for the message, or the owner. */
int pb__read_complete_steal(struct pb__reader *r, pb_value *v);
/* A top-level expression is done. */
int pb__read_done_steal(struct pb__reader *r, pb_value *v);
/* Forgets all that is being read. */
void pb__read_reset(struct pb__reader *r);

/* The sink. It brings a loop of the decoder's that has it compiled in. */
extern const pb_sink_ops pb__read_ops;

#endif
