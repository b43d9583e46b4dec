/* SPDX-License-Identifier: MIT
 *
 * Hashes. Tuples are processed with an explicit stack and store their hash; a set stores
 * those of its members. So nothing is hashed twice. */
#include <string.h>

#include "compat/compare.h"
#include "compat/number.h"
#include "compat/table.h"
#include "libpb/base/buf.h"

/* in pb__seq.hash: if such a tuple is found again, it contains itself */
#define BEING_HASHED 1

/* The stored hash of a long text is never 0, which means that it is not known. */
uint64_t pb__hash_text(pb_kind kind, const uint8_t *data, size_t len)
{
    const uint64_t key[2] = {pb__secret[0], pb__secret[1] ^ (uint64_t)kind};
    return pb__siphash(key, data, len) | (len >= PB__TEXT_LONG);
}

static uint64_t text_hash(const pb_value *v)
{
    const struct pb__text *t = (const struct pb__text *)v;
    if (t->len < PB__TEXT_LONG) {
        return pb__hash_text(pb__kind(v), t->data, t->len);
    }
    uint64_t *kept = pb__text_hash(t);
    if (*kept == 0) {
        *kept = pb__hash_text(pb__kind(v), t->data, t->len);
    }
    return *kept;
}

static uint64_t hash_datetime(const pb_value *v)
{
    const struct pb__datetime *m = (const struct pb__datetime *)v;
    uint64_t day = (uint64_t)m->year_or_days << 32 | (uint64_t)m->month << 24 |
                   (uint64_t)m->day << 16 | (uint64_t)m->hour << 8 | m->minute;
    return pb__hash_words(v->kind, day,
                          (uint64_t)m->second << 32 | (uint64_t)m->microsecond);
}

/* Equal methods have the same self, and classes with equal names. */
static uint64_t method_hash(const struct pb__method *m)
{
    uint64_t cls = pb__kind(m->cls) == PB_CLASS ? text_hash(m->cls) : (uintptr_t)m->cls;
    return pb__hash_words(PB_METHOD, text_hash(m->name),
                          pb__hash_words(PB_METHOD, (uintptr_t)m->self, cls));
}

static int hash_frozenset(const struct pb__table *t, uint64_t *out);

/* Hashes a value that is not a tuple. */
static int hash_flat(const pb_value *v, uint64_t *out)
{
    pb_kind kind = pb__kind(v);
    switch (kind) {
    case PB_BOOL:
    case PB_INT:
    case PB_FLOAT:
    case PB_DECIMAL:
        return pb__number_hash(v, out);
    case PB_BYTES:
    case PB_STR:
    case PB_CLASS:
    case PB_MODULE:
    case PB_FUNCTION:
        *out = text_hash(v);
        return 0;
    case PB_FROZENSET:
        return hash_frozenset((const struct pb__table *)v, out);
    case PB_DATETIME:
    case PB_DATE:
    case PB_TIME:
    case PB_TIMEDELTA:
        *out = hash_datetime(v);
        return 0;
    case PB_METHOD:
        *out = method_hash((const struct pb__method *)v);
        return 0;
    case PB_OBJECT:
    case PB_REMOTE:
        *out = pb__hash_words(
            kind,
            ((const struct pb__foreign *)v)->ops->hash((const struct pb__foreign *)v), 0);
        return 0;
    case PB_NONE:
    case PB_INSTANCE:
    case PB_UNPERSISTABLE:
        *out = pb__hash_words(kind, (uintptr_t)v, 0);
        return 0;
    default:
        return PB_ERR_TYPE;
    }
}

/* Hashes a frozenset, independent of the order of its members. */
static int hash_frozenset(const struct pb__table *t, uint64_t *out)
{
    if (t->index && t->index->hash) {
        *out = t->index->hash;
        return 0;
    }
    uint64_t sum = 0;
    size_t places = t->index ? (size_t)t->index->mask + 1 : t->len;
    for (size_t i = 0; i < places; i++) {
        uint32_t kept;
        if (t->index) {
            if (t->index->slots[i].entry == 0) {
                continue;
            }
            kept = t->index->slots[i].hash;
        } else {
            uint64_t h;
            int e = hash_flat(t->slots[i], &h); /* no index: no frozensets inside */
            if (e) {
                return e;
            }
            kept = pb__hash_kept(h);
        }
        sum += pb__hash_words(PB_FROZENSET, kept, 1);
    }
    *out = pb__hash_words(PB_FROZENSET, sum, t->len) | 1;
    if (t->index) {
        t->index->hash = *out;
    }
    return 0;
}

struct frame {
    struct pb__seq *tuple;
    uint32_t i;
    uint64_t sum;
};

static void tuple_hash_begin(struct frame *f, struct pb__seq *tuple)
{
    *f = (struct frame){tuple, 0, tuple->len};
    tuple->hash = BEING_HASHED;
}

static bool tuple_hash_pop(struct pb__buf *stack, struct frame *f)
{
    if (stack->len == 0) {
        return false;
    }
    stack->len -= sizeof *f;
    memcpy(f, stack->data + stack->len, sizeof *f);
    return true;
}

/* Continues with the tuple of f up to the next tuple in it whose hash is not known yet:
 * *inner. */
static int tuple_hash_go_on(struct frame *f, struct pb__seq **inner)
{
    for (; f->i < f->tuple->len; f->i++) {
        const pb_value *item = f->tuple->items[f->i];
        uint64_t h;
        if (pb__kind(item) == PB_TUPLE) {
            struct pb__seq *t = (struct pb__seq *)item;
            if (t->hash == BEING_HASHED) {
                return PB_ERR_TYPE;
            }
            if (t->hash == 0 && t->len != 0) {
                *inner = t;
                return 0;
            }
            h = t->len != 0 ? t->hash : pb__hash_words(PB_TUPLE, 0, 0);
        } else {
            int e = hash_flat(item, &h);
            if (e) {
                return e;
            }
        }
        f->sum = pb__hash_words(PB_TUPLE, f->sum, pb__hash_kept(h));
    }
    *inner = NULL;
    f->tuple->hash = f->sum | 2; /* neither 0 (not known) nor BEING_HASHED */
    return 0;
}

static int hash_tuple(struct pb__seq *tuple, uint64_t *out)
{
    struct pb__buf stack = {0};
    struct frame f;
    tuple_hash_begin(&f, tuple);
    int e = 0;
    bool done = false;
    while (e == 0 && !done) {
        struct pb__seq *inner;
        e = tuple_hash_go_on(&f, &inner);
        if (e == 0 && inner) {
            e = pb__buf_append(&stack, &f, sizeof f);
            if (e == 0) {
                tuple_hash_begin(&f, inner);
            }
        } else if (e == 0) {
            done = !tuple_hash_pop(&stack, &f);
        }
    }
    if (e) {
        do {
            f.tuple->hash = 0;
        } while (tuple_hash_pop(&stack, &f));
    }
    pb__buf_fini(&stack);
    *out = tuple->hash;
    return e;
}

int pb__hash(const pb_value *v, uint64_t *out)
{
    if (pb__kind(v) != PB_TUPLE) {
        return hash_flat(v, out);
    }
    struct pb__seq *t = (struct pb__seq *)v;
    if (t->len == 0) {
        *out = pb__hash_words(PB_TUPLE, 0, 0);
        return 0;
    }
    if (t->hash != 0) {
        *out = t->hash;
        return 0;
    }
    return hash_tuple(t, out);
}
