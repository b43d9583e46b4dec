/* SPDX-License-Identifier: MIT
 *
 * How values are laid out: what the layers above may see so that reading and writing a
 * message costs no function call per value. An int of up to 62 bits (30 where a pointer
 * has 32) is the pointer itself, with its lowest bit set; None and the booleans are
 * constants. All else starts with struct pb_value and lies in a slab or in a block. */
#ifndef PB__VALUE_H
#define PB__VALUE_H

#include <stdarg.h>

#include "libpb/base/block.h"
#include "libpb/base/export.h"
#include "libpb/base/mem.h"
#include "libpb/base/slab.h"
#include "pb/value.h"

enum {
    PB__IN_SLAB = 1,  /* memory is from a slab, not from pb__malloc */
    PB__LATE = 2,     /* while a reader is at work: a placeholder of its own */
    PB__IN_BLOCK = 4, /* memory is from a pool's block, likewise */
};

#define PB__IMMORTAL UINT32_MAX /* refs of constants; never counted */

struct pb_value {
    uint32_t refs; /* owners; of a tied value, see its island */
    uint8_t kind;  /* pb_kind */
    uint8_t flags;
};

/* An island: values that are tied share its count. The edges between its members are not
 * counted; all of it goes when its count falls to 0. See compat/island.h. */
struct pb__island;

/* Containers, instances and objects, whatever can be part of a cycle, go on with this. */
struct pb__node {
    struct pb_value head;
    struct pb__island *island; /* NULL: not tied */
};

/* bytes, str; and the text of class, module, function and Unpersistable. A NUL follows,
 * and behind texts of PB__TEXT_LONG bytes or more there is room for their hash: make them
 * with pb__text_new only. */
#define PB__TEXT_LONG 512
struct pb__text {
    struct pb_value head;
    size_t len;
    uint8_t data[];
};

/* Where a long text keeps its hash; 0: not known yet. */
static inline uint64_t *pb__text_hash(const struct pb__text *t)
{
    return (uint64_t *)(((uintptr_t)t->data + t->len + 8) & ~(uintptr_t)7);
}

struct pb__float {
    struct pb_value head;
    double d;
};

/* An int that does not fit the pointer: limbs of 32 bits, least first, none of them a
 * leading zero. */
struct pb__big {
    struct pb_value head;
    uint32_t negative;
    uint32_t len;
    uint32_t limbs[];
};

/* list and tuple. The items stand right behind the struct, until they outgrow it. Items,
 * keys and values may be NULL while a reader fills a container: freeing and repr bear it,
 * nothing else does. */
struct pb__seq {
    struct pb__node node;
    pb_value **items;
    uint32_t len, cap;
    uint64_t hash; /* of a tuple, once it was hashed; 0 before, 1 meanwhile */
    pb_value *inline_items[];
};

/* dict (key, value, key, value, ...), set and frozenset (members), in insertion order.
 * Up to PB__TABLE_LINEAR entries are searched one by one, while no key is a tuple or a
 * frozenset; others have an index. */
#define PB__TABLE_LINEAR 8
struct pb__table {
    struct pb__node node;
    pb_value **slots;
    uint32_t len, cap;       /* entries: pairs of a dict, members of a set */
    struct pb__index *index; /* NULL: the entries are searched one by one */
    pb_value *inline_slots[];
};

struct pb__method {
    struct pb__node node;
    union {
        struct {
            pb_value *name; /* str */
            pb_value *self, *cls;
        };
        pb_value *holds[3];
    };
};

struct pb__instance {
    struct pb__node node;
    union {
        struct {
            pb_value *name; /* str: the dotted name of the class */
            pb_value *state;
        };
        pb_value *holds[2];
    };
};

/* datetime, date, time (fields) and timedelta (days, seconds, microseconds). */
struct pb__datetime {
    struct pb_value head;
    int32_t year_or_days;
    int32_t second, microsecond; /* of a timedelta: seconds of the day */
    uint8_t month, day, hour, minute;
};

/* decimal.Decimal: (sign, digits, exponent) of its as_tuple(). */
struct pb__decimal {
    struct pb_value head;
    bool negative;
    char special; /* 0, or 'F' infinity, 'n' nan, 'N' signalling nan: the exponent */
    int64_t exponent;
    pb_value *digits; /* the coefficient, an int >= 0; of a nan its payload, 0 if none */
};

/* PB_OBJECT and PB_REMOTE: what the broker's objects start with. The first are nodes, for
 * a copy may hold itself. */
struct pb__foreign {
    struct pb__node node;
    const struct pb__foreign_ops *ops;
};

struct pb__local {
    struct pb__foreign foreign;
    pb_value *holds; /* NULL: nothing */
};

struct pb__foreign_ops {
    /* The last owner of a PB_OBJECT is gone, but what it holds is still there. NULL: there
     * is nothing to do. */
    void (*release)(struct pb__foreign *f);
    void (*destroy)(struct pb__foreign *f); /* frees f, which holds nothing any more */
    bool (*equal)(const struct pb__foreign *a,
                  const struct pb__foreign *b); /* same ops */
    uint64_t (*hash)(const struct pb__foreign *f);
    int (*repr)(const struct pb__foreign *f, char *out, size_t size); /* as snprintf */
    /* What is sent where there is no broker: the name of a class, borrowed, and its *new*
     * state. NULL: nothing can be; non-zero likewise. */
    int (*plain)(struct pb__foreign *f, const char **name, pb_value **state,
                 pb_error *err);
};

/* Small ints. */

#define PB__SMALL_MAX ((int64_t)(INTPTR_MAX >> 1))
#define PB__SMALL_MIN ((int64_t)(INTPTR_MIN >> 1))

static inline bool pb__is_small(const pb_value *v)
{
    return (uintptr_t)v & 1;
}

static inline bool pb__fits_small(int64_t i)
{
    return i >= PB__SMALL_MIN && i <= PB__SMALL_MAX;
}

static inline pb_value *pb__small(int64_t i)
{
    return (pb_value *)(((uintptr_t)i << 1) | 1);
}

static inline int64_t pb__small_of(const pb_value *v)
{
    return (int64_t)(intptr_t)v >> 1;
}

static inline pb_kind pb__kind(const pb_value *v)
{
    return pb__is_small(v) ? PB_INT : (pb_kind)v->kind;
}

/* The same if v may be NULL: for public functions. */
static inline pb_kind pb__kind_or_nothing(const pb_value *v)
{
    return v ? pb__kind(v) : PB_NOTHING;
}

/* The error of a public function that got a value of a wrong kind. */
static inline int pb__wrong_kind(const pb_value *v)
{
    return v ? PB_ERR_TYPE : PB_ERR_ARG;
}

/* The constants. */
extern struct pb_value pb__none_value, pb__false_value, pb__true_value;

/* The arguments of a call, by a pb_build format without its parentheses in which `name=`
 * before a unit makes it a keyword argument: a tuple and a dict, or NULL where there are
 * none of the latter, both *new*. Non-zero with both NULL: PB_ERR_ARG for a positional one
 * behind a keyword argument, a name that comes twice or is none, or lacks a value; else as
 * pb_build: the format may be NULL. */
PB__SHARED int pb__build_arguments(pb_value **args, pb_value **kwargs, pb_error *err,
                                   const char *format, va_list values);
/* pb_unpack of a tuple, by a format without its parentheses. */
int pb__unpack_tuple(const pb_value *v, pb_error *err, const char *format, va_list args);
/* What a format asks for. In that of pb_unpack `$` means nothing, and a NULL item of a
 * tuple is one that is left out. */
struct pb__format {
    size_t units;
    size_t required;   /* before `|` */
    size_t positional; /* before `$` */
    bool one;          /* it is of the value itself, not of the items of a tuple */
};
void pb__format_count(const char *format, struct pb__format *out);

/* Counting. */

void pb__value_unref_slow(pb_value *v);

static inline bool pb__is_node(const pb_value *v)
{
    return (1u << v->kind) &
           (1u << PB_LIST | 1u << PB_TUPLE | 1u << PB_DICT | 1u << PB_SET |
            1u << PB_FROZENSET | 1u << PB_METHOD | 1u << PB_INSTANCE | 1u << PB_OBJECT);
}

void pb__value_ref_tied(struct pb__node *n);

static inline pb_value *pb__ref(pb_value *v)
{
    if (!pb__is_small(v) && v->refs != PB__IMMORTAL) {
        if (pb__is_node(v) && ((struct pb__node *)v)->island) {
            pb__value_ref_tied((struct pb__node *)v);
        } else {
            v->refs++;
        }
    }
    return v;
}

/* v is not NULL. */
static inline void pb__unref(pb_value *v)
{
    if (!pb__is_small(v) && v->refs != PB__IMMORTAL) {
        if (v->refs > 1 && !(pb__is_node(v) && ((struct pb__node *)v)->island)) {
            v->refs--;
        } else {
            pb__value_unref_slow(v);
        }
    }
}

/* Making values for a reader. Each takes the pool to make them in, NULL for blocks of
 * their own; NULL for lack of memory. */

/* A raw block for a value of `size` bytes, its head filled: one owner, kind, flags. */
static inline void *pb__value_new(struct pb__slab_pool *pool, size_t size, pb_kind kind)
{
    uint8_t from = !pool ? 0 : size <= PB__SLAB_MAX ? PB__IN_SLAB : PB__IN_BLOCK;
    pb_value *v = from == PB__IN_SLAB ? pb__slab_take(pool, size)
                  : from              ? pb__block_take(pool, size)
                                      : pb__malloc(size);
    if (v) {
        *v = (pb_value){.refs = 1, .kind = (uint8_t)kind, .flags = from};
    }
    return v;
}

/* bytes or str of len bytes; with data NULL they are for the caller to fill (the NUL is
 * set). The caller has checked that a str is UTF-8. */
struct pb__text *pb__text_new(struct pb__slab_pool *pool, pb_kind kind,
                              const uint8_t *data, size_t len);
pb_value *pb__float_new(struct pb__slab_pool *pool, double d);
/* An int of any size; one that fits becomes a small one. */
pb_value *pb__int_new(struct pb__slab_pool *pool, int64_t i);
/* An int from base 128 digits, least first, as banana writes them. */
pb_value *pb__int_base128(struct pb__slab_pool *pool, bool negative, pb_span digits);
/* Base 128 digits of an int that is not small, or of any, least first, appended to out
 * (room for pb__int_base128_len bytes); the sign is the caller's to write. */
size_t pb__int_base128_len(const struct pb__big *b);
void pb__int_to_base128(const struct pb__big *b, uint8_t *out);
/* A raw block for a PB_OBJECT of `size` bytes, all of them zero but for struct pb__local. */
PB__SHARED void *pb__local_new(size_t size, const struct pb__foreign_ops *ops,
                               pb_value *holds);
/* An empty list or tuple with room for `cap` items behind it; the reader then fills
 * items and len itself. Always a fresh one; a tuple that stays empty should be the
 * constant `()` instead: see pb__empty_tuple. */
struct pb__seq *pb__seq_new(struct pb__slab_pool *pool, pb_kind kind, size_t cap);
/* Room for one more item at least. */
int pb__seq_grow(struct pb__seq *s);
/* dict, set or frozenset with room for `cap` entries. */
struct pb__table *pb__table_new(struct pb__slab_pool *pool, pb_kind kind, size_t cap);
/* Puts an entry (value NULL for sets); takes both, also when it fails. PB_ERR_TYPE for an
 * unhashable key. */
PB__SHARED int pb__table_put_steal(struct pb__table *t, pb_value *key, pb_value *value);
/* A Decimal from its parts, see struct pb__decimal; takes digits, NULL being lack of
 * memory. NULL with err: PB_ERR_RANGE for an exponent that Python has not, PB_ERR_NOMEM. */
pb_value *pb__decimal_new_steal(struct pb__slab_pool *pool, bool negative, char special,
                                int64_t exponent, pb_value *digits, pb_error *err);
/* Takes name and state also when it fails; a NULL one fails. */
pb_value *pb__instance_new_steal(struct pb__slab_pool *pool, pb_value *name,
                                 pb_value *state);

/* Python's () is one object, and so is frozenset(): they are one here too, so that jelly
 * finds them shared where Twisted does. Literals, pb_build and the reader give these;
 * pb_seq gives a fresh one to fill. They are never written to. */
extern struct pb__seq pb__empty_tuple;
extern struct pb__table pb__empty_frozenset;

/* Whether s is UTF-8 without surrogates; *bad is the offset of the first bad byte. */
PB__SHARED bool pb__utf8_check(const uint8_t *s, size_t len, size_t *bad);

/* Putting the pieces of a cycle together, for the reader: as pb_value_tie, but neither of
 * the two holds itself or the other yet, nor anything of the other's island. */
int pb__tie_fresh(struct pb__node *a, struct pb__node *b);
/* The island that n is part of; NULL if none. */
PB__SHARED struct pb__island *pb__island_of(const struct pb__node *n);
/* Takes over one count of item for an edge from holder to item: where both are of one
 * island the count is given back, for such an edge is not counted. */
PB__SHARED void pb__hold(struct pb__node *holder, pb_value *item);
/* The reverse: the edge from holder to item goes. */
void pb__let_go(struct pb__node *holder, pb_value *item);

#endif
