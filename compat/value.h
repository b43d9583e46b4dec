/* SPDX-License-Identifier: MIT
 *
 * The layout of values. The layers above use it to read and write a message without a
 * function call for each value. An int of up to 62 bits (30 if a pointer has 32) is
 * stored in the pointer itself, with its lowest bit set. None and the booleans are
 * constants. All other values begin with struct pb_value, and their memory is in a slab
 * or a block. */
#ifndef PB__VALUE_H
#define PB__VALUE_H

#include <assert.h>
#include <stdarg.h>

#include "libpb/base/block.h"
#include "libpb/base/export.h"
#include "libpb/base/mem.h"
#include "libpb/base/slab.h"
#include "pb/value.h"

/* One row for each kind, in the order of pb_kind: its name in Python, whether its struct
 * begins with struct pb__node, and whether a value of it can be unhashable. */
#define PB__KIND_MAP(X)                     \
    X(NONE, "NoneType", 0, 0)               \
    X(BOOL, "bool", 0, 0)                   \
    X(INT, "int", 0, 0)                     \
    X(FLOAT, "float", 0, 0)                 \
    X(BYTES, "bytes", 0, 0)                 \
    X(STR, "str", 0, 0)                     \
    X(LIST, "list", 1, 1)                   \
    X(TUPLE, "tuple", 1, 1)                 \
    X(DICT, "dict", 1, 1)                   \
    X(SET, "set", 1, 1)                     \
    X(FROZENSET, "frozenset", 1, 1)         \
    X(DATETIME, "datetime", 0, 0)           \
    X(DATE, "date", 0, 0)                   \
    X(TIME, "time", 0, 0)                   \
    X(TIMEDELTA, "timedelta", 0, 0)         \
    X(DECIMAL, "Decimal", 0, 1)             \
    X(CLASS, "type", 0, 0)                  \
    X(MODULE, "module", 0, 0)               \
    X(FUNCTION, "function", 0, 0)           \
    X(METHOD, "method", 1, 0)               \
    X(INSTANCE, "instance", 1, 0)           \
    X(UNPERSISTABLE, "Unpersistable", 0, 0) \
    X(OBJECT, "Referenceable", 1, 0)        \
    X(REMOTE, "RemoteReference", 0, 0)      \
    X(NOTHING, "nothing", 0, 0)

/* A kind without a row, or a row in the wrong place, does not compile. */
enum {
#define PB__KIND_ROW(kind, name, node, unhashable) PB__ROW_##kind,
    PB__KIND_MAP(PB__KIND_ROW)
#undef PB__KIND_ROW
        PB__KIND_ROWS,
};
#define PB__KIND_CHECK(kind, name, node, unhashable) \
    static_assert((int)PB__ROW_##kind == (int)PB_##kind, "a kind has no row");
PB__KIND_MAP(PB__KIND_CHECK)
#undef PB__KIND_CHECK
static_assert((int)PB__KIND_ROWS == (int)PB_NOTHING + 1, "a kind has no row");
static_assert(PB__KIND_ROWS <= 32, "sets of kinds are bits of an unsigned int");

/* Sets of kinds: a bit each. */
enum {
#define PB__KIND_NODE(kind, name, node, unhashable) | (unsigned)(node) << PB_##kind
    PB__NODE_KINDS = 0u PB__KIND_MAP(PB__KIND_NODE),
#undef PB__KIND_NODE
#define PB__KIND_UNHASHABLE(kind, name, node, unhashable) \
    | (unsigned)(unhashable) << PB_##kind
    PB__UNHASHABLE_KINDS = 0u PB__KIND_MAP(PB__KIND_UNHASHABLE),
#undef PB__KIND_UNHASHABLE
};

static inline bool pb__kind_in(pb_kind kind, unsigned kinds)
{
    return kinds >> kind & 1;
}

enum {
    PB__IN_SLAB = 1,  /* its memory is from a slab, not from pb__malloc */
    PB__LATE = 2,     /* a placeholder of a reader that is at work */
    PB__IN_BLOCK = 4, /* its memory is from a block of a pool */
};

#define PB__IMMORTAL UINT32_MAX /* refs of constants; never counted */

struct pb_value {
    uint32_t refs; /* number of owners; for a tied value, see its island */
    uint8_t kind;  /* pb_kind */
    uint8_t flags;
};

/* An island: tied values, which share one count. The edges between its members are not
 * counted. When the count becomes 0, all members are freed. See compat/island.h. */
struct pb__island;

/* Every value that can be part of a cycle begins with this: containers, instances and
 * objects. */
struct pb__node {
    struct pb_value head;
    struct pb__island *island; /* NULL: not tied */
};

/* bytes, str, and the text of class, module, function and Unpersistable. A NUL follows.
 * After a text of PB__TEXT_LONG bytes or more there is room for its hash, so make texts
 * with pb__text_new only. */
#define PB__TEXT_LONG 512
struct pb__text {
    struct pb_value head;
    size_t len;
    uint8_t data[];
};

/* Where a long text stores its hash; 0: not known yet. */
static inline uint64_t *pb__text_hash(const struct pb__text *t)
{
    return (uint64_t *)(((uintptr_t)t->data + t->len + 8) & ~(uintptr_t)7);
}

struct pb__float {
    struct pb_value head;
    double d;
};

/* An int that does not fit into the pointer: limbs of 32 bits, least significant first,
 * without high zeros. */
struct pb__big {
    struct pb_value head;
    uint32_t negative;
    uint32_t len;
    uint32_t limbs[];
};

/* list and tuple. The items follow the struct directly, until they need more memory.
 * Items, keys and values may be NULL while a reader fills a container; only freeing and
 * repr allow that. */
struct pb__seq {
    struct pb__node node;
    pb_value **items;
    uint32_t len, cap;
    uint64_t hash; /* of a tuple, once computed; 0 before, 1 during the computation */
    pb_value *inline_items[];
};

/* dict (key, value, key, value, ...), set and frozenset (members), in insertion order. A
 * table of up to PB__TABLE_LINEAR entries is searched linearly, unless a key is a tuple
 * or a frozenset; all others have an index. */
#define PB__TABLE_LINEAR 8
struct pb__table {
    struct pb__node node;
    pb_value **slots;
    uint32_t len, cap;       /* entries: pairs of a dict, members of a set */
    struct pb__index *index; /* NULL: the table is searched linearly */
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

/* PB_OBJECT and PB_REMOTE: the objects of the broker begin with this. A PB_OBJECT is a
 * node, because a copy may contain itself. */
struct pb__foreign {
    struct pb__node node;
    const struct pb__foreign_ops *ops;
};

struct pb__local {
    struct pb__foreign foreign;
    pb_value *holds; /* NULL: nothing */
};

struct pb__foreign_ops {
    /* The last owner of a PB_OBJECT was removed, but what it holds still exists. NULL:
     * nothing to do. */
    void (*release)(struct pb__foreign *f);
    void (*destroy)(struct pb__foreign *f); /* frees f, which no longer holds anything */
    bool (*equal)(const struct pb__foreign *a,
                  const struct pb__foreign *b); /* same ops */
    uint64_t (*hash)(const struct pb__foreign *f);
    int (*repr)(const struct pb__foreign *f, char *out, size_t size); /* as snprintf */
    /* Without a broker: returns the name of a class, borrowed, and its *new* state, to
     * send instead. If the function is NULL or returns non-zero, the object cannot be
     * sent. */
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

/* Returns whether v is a str or bytes. */
static inline bool pb__value_is_text(const pb_value *v)
{
    return !pb__is_small(v) && (v->kind == PB_STR || v->kind == PB_BYTES);
}

/* The same for v that may be NULL: for public functions. */
static inline pb_kind pb__kind_or_nothing(const pb_value *v)
{
    return v ? pb__kind(v) : PB_NOTHING;
}

/* The error of a public function for a value of the wrong kind. */
static inline int pb__wrong_kind(const pb_value *v)
{
    return v ? PB_ERR_TYPE : PB_ERR_ARG;
}

/* The constants. */
extern struct pb_value pb__none_value, pb__false_value, pb__true_value;

/* Builds the arguments of a call, by a pb_build format without its parentheses in which
 * `name=` before a unit makes it a keyword argument: a tuple, and a dict or NULL if there
 * are no keyword arguments, both *new*. *args is NULL, or an empty tuple to fill, which
 * is taken. If it fails, both are NULL: PB_ERR_ARG for a positional argument after a
 * keyword argument, for a name that occurs twice or is not a name, or that has no value;
 * otherwise as pb_build. The format may be NULL. */
PB__SHARED int pb__build_arguments(pb_value **args, pb_value **kwargs, pb_error *err,
                                   const char *format, va_list values);
/* As pb_unpack for a tuple, by a format without its parentheses. */
int pb__unpack_tuple(const pb_value *v, pb_error *err, const char *format, va_list args);
/* The number of values that a format reads. In pb_unpack itself `$` has no meaning, and a
 * NULL item of a tuple counts as missing. */
struct pb__format {
    size_t units;
    size_t required;   /* before `|` */
    size_t positional; /* before `$` */
    bool one;          /* it describes the value itself, not the items of a tuple */
};
void pb__format_count(const char *format, struct pb__format *out);

/* Counting. */

void pb__value_unref_slow(pb_value *v);

static inline bool pb__is_node(const pb_value *v)
{
    return pb__kind_in((pb_kind)v->kind, PB__NODE_KINDS);
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

/* Making values for a reader. Each function takes a pool for the memory, or NULL for
 * separate blocks; NULL is returned if memory is exhausted. */

/* Allocates a value of `size` bytes, and fills its head: one owner, kind, flags. */
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

/* Makes a bytes or str of len bytes. If data is NULL, the caller fills them (the NUL is
 * set). The caller has checked that a str is UTF-8. */
struct pb__text *pb__text_new(struct pb__slab_pool *pool, pb_kind kind,
                              const uint8_t *data, size_t len);
pb_value *pb__float_new(struct pb__slab_pool *pool, double d);
/* Makes an int; if it fits, a small one. */
pb_value *pb__int_new(struct pb__slab_pool *pool, int64_t i);
/* Makes an int from base 128 digits, least significant first, as in banana. */
pb_value *pb__int_base128(struct pb__slab_pool *pool, bool negative, pb_span digits);
/* Converts the magnitude of an int with limbs to base 128 digits, least significant
 * first. `out` has room for pb__int_base128_len bytes. */
size_t pb__int_base128_len(const struct pb__big *b);
void pb__int_to_base128(const struct pb__big *b, uint8_t *out);
/* Allocates a PB_OBJECT of `size` bytes, which are zero except for struct pb__local. */
PB__SHARED void *pb__local_new(size_t size, const struct pb__foreign_ops *ops,
                               pb_value *holds);
/* An empty list or tuple with room for `cap` items after the struct. The reader fills
 * items and len itself. It is always a new one; for a tuple that stays empty use the
 * constant pb__empty_tuple. */
struct pb__seq *pb__seq_new(struct pb__slab_pool *pool, pb_kind kind, size_t cap);
/* Removes all items of a list or tuple that was made without a pool, so that it can be
 * filled again. Returns false, and does nothing, if it has another owner, or has needed
 * more memory. */
bool pb__seq_empty(pb_value *seq);
/* Makes room for at least one more item. */
int pb__seq_grow(struct pb__seq *s);
/* An empty dict, set or frozenset with room for `cap` entries. */
struct pb__table *pb__table_new(struct pb__slab_pool *pool, pb_kind kind, size_t cap);
/* Adds or replaces an entry (value is NULL for sets). Takes both, also if it fails.
 * PB_ERR_TYPE for an unhashable key. */
PB__SHARED int pb__table_put_steal(struct pb__table *t, pb_value *key, pb_value *value);
/* Makes a Decimal from its parts (see struct pb__decimal). Takes digits; NULL digits mean
 * that memory is exhausted. NULL with err: PB_ERR_RANGE for an exponent that Python does
 * not allow, PB_ERR_NOMEM. */
pb_value *pb__decimal_new_steal(struct pb__slab_pool *pool, bool negative, char special,
                                int64_t exponent, pb_value *digits, pb_error *err);
/* Makes an instance. Takes name and state, also if it fails; it fails if one is NULL. */
pb_value *pb__instance_new_steal(struct pb__slab_pool *pool, pb_value *name,
                                 pb_value *state);

/* In Python, () is a single object, and so is frozenset(). They are constants here too,
 * so that jelly finds them shared where Twisted does. Literals, pb_build and the reader
 * return them; pb_seq returns a new one to fill. They are never changed. */
extern struct pb__seq pb__empty_tuple;
extern struct pb__table pb__empty_frozenset;

/* b"". It takes one byte on the wire, so the reader uses this constant. */
extern struct pb__empty_text {
    struct pb__text text;
    uint64_t nul;
} pb__empty_bytes;

/* Returns whether s is UTF-8 without surrogates; otherwise *bad is the offset of the
 * first bad byte. */
PB__SHARED bool pb__utf8_check(const uint8_t *s, size_t len, size_t *bad);

/* Ties two values of a new cycle, for the reader. As pb_value_tie, but neither of them
 * may hold itself, the other, or a member of the other's island yet. */
int pb__tie_fresh(struct pb__node *a, struct pb__node *b);
/* The island of n; NULL if it has none. */
PB__SHARED struct pb__island *pb__island_of(const struct pb__node *n);
/* Takes over one count of item for an edge from holder to item. If both are in the same
 * island, the count is released, because such an edge is not counted. */
PB__SHARED void pb__hold(struct pb__node *holder, pb_value *item);
/* Removes the edge from holder to item. */
void pb__let_go(struct pb__node *holder, pb_value *item);

#endif
