/* SPDX-License-Identifier: MIT
 *
 * Reading on: where the reader knows its decoder, values that are plain and whole are read
 * from the input in a loop here, without going through the decoder for each token. What
 * is anything else, even only nearly, is left to the sink's functions, so that there is
 * one place for every error. See pb__decode_loop for the contract. */
#ifndef PB__READ_AHEAD_H
#define PB__READ_AHEAD_H

#include "libpb/banana/decode.h"
#include "libpb/jelly/read_long.h"

/* Room in a seq that is full. PB_ERR_NOMEM. */
int pb__read_grow_seq(struct pb__seq *s, uint32_t announced);

/* Whether a text is among the keys of a table that is searched one by one. */
bool pb__read_has_key(const struct pb__table *t, const struct pb__text *key);

/* The same for the key that the frame of a dict has just read, by its slot: keys of
 * different slots differ. One that came by a reference, or is long, has none. */
PB__ALWAYS_INLINE bool pb__read_has(const struct pb__frame *f, const pb_value *key)
{
    bool may = f->slot == PB__READ_KEYS || f->slots >> f->slot & 1;
    return PB__UNLIKELY(may) && pb__read_has_key(f->table, (const struct pb__text *)key);
}

/* A pair whose key is a text that is not there yet. */
PB__ALWAYS_INLINE void pb__read_add(struct pb__frame *f, pb_value *key, pb_value *v)
{
    struct pb__table *t = f->table;
    t->slots[2 * t->len] = key;
    t->slots[2 * t->len + 1] = v;
    t->len++;
    f->slots |= f->slot < PB__READ_KEYS ? UINT64_C(1) << f->slot : UINT64_MAX;
}

/* What is ahead. Kept apart from the decoder so that it can stay in registers. */
struct pb__ahead {
    const uint8_t *p, *stop;
    uint64_t tokens_left;
    bool lists; /* lists of two may be read, and one level further down */
    bool texts, booleans, nones;
};

PB__ALWAYS_INLINE struct pb__ahead pb__ahead_begin(const struct pb__reader *r,
                                                   const pb_decoder *d)
{
    bool lists = d->depth + 2 <= d->depth_room && d->limits.list >= 2 &&
                 d->limits.bytes >= PB__TEXT_LONG && d->limits.prefix >= 2;
    return (struct pb__ahead){.p = d->next,
                              .stop = d->stop,
                              .tokens_left = d->tokens_left,
                              .lists = lists,
                              .texts = r->allowed >> PB__HEAD_UNICODE & 1,
                              .booleans = r->allowed >> PB__HEAD_BOOLEAN & 1,
                              .nones = r->allowed >> PB__HEAD_NONE & 1 && d->words};
}

PB__ALWAYS_INLINE void pb__ahead_end(const struct pb__ahead *a, pb_decoder *d)
{
    d->next = a->p;
    d->tokens_left = a->tokens_left;
}

/* Of the constant s of len bytes, whether it is ahead, and three bytes more. */
#define PB__AHEAD_IS(a, s, len) \
    ((size_t)((a)->stop - (a)->p) >= (len) + 3 && memcmp((a)->p, (s), (len)) == 0)

/* The string at p, of less than PB__TEXT_LONG bytes, before which there are three at
 * least; false if it is none. */
PB__ALWAYS_INLINE bool pb__ahead_string(const struct pb__ahead *a, const uint8_t *p,
                                        pb_span *out)
{
    if (PB__LIKELY(p[1] == PB__TYPE_STRING && p[0] < 0x80)) {
        *out = (pb_span){p + 2, p[0]};
    } else if (p[2] == PB__TYPE_STRING && p[1] < PB__TEXT_LONG >> 7 && p[0] < 0x80) {
        *out = (pb_span){p + 3, (size_t)p[1] << 7 | p[0]};
    } else {
        return false;
    }
    return out->len <= (size_t)(a->stop - out->data);
}

/* What a list of one or two is: a text, a boolean or None; NULL if it is anything else. */
PB__ALWAYS_INLINE pb_value *pb__ahead_list(struct pb__reader *r, struct pb__ahead *a)
{
    pb_span s;
    pb_value *v = NULL;
    if (PB__AHEAD_IS(a, "\x02\x80\x07\x82unicode", 11)) {
        if (a->texts && pb__ahead_string(a, a->p + 11, &s)) {
            v = pb__read_text(r, PB_STR, s);
        }
    } else if (PB__AHEAD_IS(a,
                            "\x02\x80\x07\x82"
                            "boolean",
                            11)) {
        if (a->booleans && pb__ahead_string(a, a->p + 11, &s)) {
            v = s.len == 4 && memcmp(s.data, "true", 4) == 0    ? &pb__true_value
                : s.len == 5 && memcmp(s.data, "false", 5) == 0 ? &pb__false_value
                                                                : NULL;
        }
    } else if (a->nones && a->stop - a->p >= 4 &&
               memcmp(a->p, "\x01\x80\x01\x87", 4) == 0) {
        s = (pb_span){a->p, 4};
        v = &pb__none_value;
    }
    if (PB__LIKELY(v != NULL)) {
        a->tokens_left -= a->p[0];
        a->p = s.data + s.len;
    }
    return v;
}

/* The plain value ahead, which is passed; NULL if there is none. */
PB__ALWAYS_INLINE pb_value *pb__ahead_value(struct pb__reader *r, const pb_decoder *d,
                                            struct pb__ahead *a)
{
    if (PB__UNLIKELY(a->stop - a->p < 2)) {
        return NULL;
    }
    if (a->p[1] == PB__TYPE_LIST) {
        return PB__LIKELY(a->lists && a->tokens_left >= 2) ? pb__ahead_list(r, a) : NULL;
    }
    uint64_t n;
    const uint8_t *at;
    pb_value *v = NULL;
    int type = pb__decode_header(d, a->p, a->stop, &at, &n);
    switch (type) {
    case PB__TYPE_INT:
    case PB__TYPE_LONGINT:
    case PB__TYPE_NEG:
    case PB__TYPE_LONGNEG: {
        int64_t i =
            (int64_t)(type == PB__TYPE_NEG || type == PB__TYPE_LONGNEG ? 0 - n : n);
        v = PB__LIKELY(pb__fits_small(i)) ? pb__small(i) : pb__int_new(r->pool, i);
        break;
    }
    case PB__TYPE_STRING:
        if (n < PB__TEXT_LONG && n <= d->limits.bytes && n <= (uint64_t)(a->stop - at)) {
            v = pb__read_text(r, PB_BYTES, (pb_span){at, (size_t)n});
            at += n;
        }
        break;
    case PB__TYPE_FLOAT:
        if (a->stop - at >= 8) {
            struct pb__float *f = pb__value_new(r->pool, sizeof *f, PB_FLOAT);
            if (PB__LIKELY(f != NULL)) {
                f->d = pb__load_real(at);
            }
            v = (pb_value *)f;
            at += 8;
        }
        break;
    default:
        break;
    }
    if (PB__LIKELY(v != NULL)) {
        a->p = at;
    }
    return v;
}

/* The key ahead, if it is text or a bare string and may be a recent one; and its slot. */
PB__ALWAYS_INLINE pb_value *pb__ahead_key(struct pb__reader *r, struct pb__ahead *a,
                                          uint8_t *slot)
{
    pb_span s;
    pb_value *v = NULL;
    if (PB__LIKELY(PB__AHEAD_IS(a, "\x02\x80\x07\x82unicode", 11))) {
        if (a->texts && a->tokens_left >= 2 && pb__ahead_string(a, a->p + 11, &s) &&
            s.len <= PB__READ_KEY_MAX) {
            v = pb__read_key(r, PB_STR, s, slot);
            a->tokens_left -= v ? 2 : 0;
        }
    } else if (a->stop - a->p >= 3 && pb__ahead_string(a, a->p, &s) &&
               s.len <= PB__READ_KEY_MAX) {
        v = pb__read_key(r, PB_BYTES, s, slot);
    }
    if (PB__LIKELY(v != NULL)) {
        a->p = s.data + s.len;
    }
    return v;
}

/* The items of a seq, as far as they are plain; how many there were. */
PB__ALWAYS_INLINE int pb__ahead_items(struct pb__reader *r, pb_decoder *d,
                                      struct pb__frame *f)
{
    struct pb__seq *s = f->seq;
    struct pb__ahead a = pb__ahead_begin(r, d);
    uint32_t n = f->n;
    uint32_t len = s->len;
    int count = 0;
    while (len < n && count < INT32_MAX) {
        if (PB__UNLIKELY(len == s->cap)) {
            s->len = len;
            if (pb__read_grow_seq(s, n)) {
                break;
            }
        }
        pb_value *v = pb__ahead_value(r, d, &a);
        if (PB__UNLIKELY(!v)) {
            break;
        }
        s->items[len++] = v;
        count++;
    }
    s->len = len;
    pb__ahead_end(&a, d);
    return count;
}

/* The pairs of a dict likewise, while they are few. */
PB__ALWAYS_INLINE int pb__ahead_pairs(struct pb__reader *r, pb_decoder *d,
                                      struct pb__frame *f)
{
    struct pb__table *t = f->table;
    struct pb__ahead a = pb__ahead_begin(r, d);
    uint32_t most = t->cap < PB__TABLE_LINEAR ? t->cap : PB__TABLE_LINEAR;
    int count = 0;
    if (!a.lists || t->index) {
        return 0;
    }
    while (f->n > 0 && t->len < most && a.tokens_left >= 2 && a.stop - a.p >= 2 &&
           a.p[0] == 2 && a.p[1] == PB__TYPE_LIST) {
        struct pb__ahead in = a;
        in.p += 2;
        in.tokens_left -= 2;
        pb_value *key = pb__ahead_key(r, &in, &f->slot);
        pb_value *v = key && !pb__read_has(f, key) ? pb__ahead_value(r, d, &in) : NULL;
        if (PB__UNLIKELY(!v)) {
            pb_value_unref(key);
            break;
        }
        pb__read_add(f, key, v);
        f->n--;
        count++;
        a = in;
    }
    pb__ahead_end(&a, d);
    return count;
}

#endif
