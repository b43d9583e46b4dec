/* SPDX-License-Identifier: MIT
 *
 * Reading ahead: the reader reads plain, complete values directly from the input, without
 * a call from the decoder for each token. Anything that is not plain is left to the
 * functions of the sink, so that each error occurs in one place only.
 * libpb/banana/decode.h describes the contract. */
#ifndef PB__READ_AHEAD_H
#define PB__READ_AHEAD_H

#include "compat/table.h"
#include "libpb/banana/decode.h"
#include "libpb/jelly/read_text.h"

/* Grows a seq that is full. PB_ERR_NOMEM. */
int pb__read_grow_seq(struct pb__reader *r, struct pb__seq *s, uint32_t announced);

/* Returns whether a text is among the keys of a table without an index. */
bool pb__read_has_key(const struct pb__table *t, const struct pb__text *key);

/* The same for the key that the frame of a dict has just read. Keys with different slots
 * are different. A key without a slot, because it is long or came by a reference, is
 * always looked up. */
PB__ALWAYS_INLINE bool pb__read_has(const struct pb__frame *f, const pb_value *key)
{
    bool may = f->slot == PB__READ_KEYS || f->slots >> f->slot & 1;
    return PB__UNLIKELY(may) && pb__read_has_key(f->table, (const struct pb__text *)key);
}

/* Appends a pair whose key is text and not in the dict yet. */
PB__ALWAYS_INLINE void pb__read_add(struct pb__frame *f, pb_value *key, pb_value *v)
{
    pb__table_append_pair(f->table, key, v);
    f->slots |= f->slot < PB__READ_KEYS ? UINT64_C(1) << f->slot : UINT64_MAX;
}

/* The position in the input. It is separate from the decoder so that the compiler can
 * keep it in registers. */
struct pb__ahead {
    const uint8_t *p, *stop;
    uint64_t tokens_left;
    bool lists; /* lists of two elements, and lists in them, are within the limits */
    bool texts, booleans;
    bool words; /* a VOCAB is allowed */
};

PB__ALWAYS_INLINE struct pb__ahead pb__ahead_begin(const struct pb__reader *r,
                                                   const pb_decoder *d)
{
    struct pb__ahead_input in = pb__decoder_ahead(d);
    return (struct pb__ahead){.p = in.p,
                              .stop = in.stop,
                              .tokens_left = in.tokens_left,
                              .lists =
                                  pb__decoder_allows_ahead(d, 2, 2, PB__TEXT_LONG, 2),
                              .texts = r->allowed >> PB__HEAD_UNICODE & 1,
                              .booleans = r->allowed >> PB__HEAD_BOOLEAN & 1,
                              .words = pb__decoder_allows_vocab(d)};
}

PB__ALWAYS_INLINE void pb__ahead_end(const struct pb__ahead *a, pb_decoder *d)
{
    pb__decoder_advance(d, &(struct pb__ahead_input){a->p, a->stop, a->tokens_left});
}

/* The list header and head of two kinds of expressions, as 11 bytes. */
#define PB__AHEAD_HEAD 11
#define PB__AHEAD_UNICODE "\x02\x80\x07\x82unicode"
#define PB__AHEAD_BOOLEAN \
    "\x02\x80\x07\x82"    \
    "boolean"

/* Returns whether a head is next, followed by at least three bytes. */
PB__ALWAYS_INLINE bool pb__ahead_is(const struct pb__ahead *a, const char *head)
{
    return a->stop - a->p >= PB__AHEAD_HEAD + 3 &&
           ((pb__load_le64(a->p) ^ pb__load_le64(head)) |
            (pb__load_le64(a->p + 3) ^ pb__load_le64(head + 3))) == 0;
}

/* Reads the string at p, of less than PB__TEXT_LONG bytes. At least three bytes follow p.
 * Returns false if there is no such string. */
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

/* The value of a list whose only element is this word: None, or an empty container. NULL
 * if it has none, or if memory is exhausted. */
PB__ALWAYS_INLINE pb_value *pb__ahead_word(struct pb__reader *r, unsigned word)
{
    enum pb__head head =
        word < PB__WORD_END ? (enum pb__head)pb__head_of_word[word] : PB__HEAD_OTHER;
    if (!(r->allowed >> head & 1)) {
        return NULL;
    }
    switch (head) {
    case PB__HEAD_NONE:
        return &pb__none_value;
    case PB__HEAD_TUPLE:
        return &pb__empty_tuple.node.head;
    case PB__HEAD_LIST:
        return (pb_value *)pb__seq_new(r->pool, PB_LIST, 0);
    case PB__HEAD_DICTIONARY:
        return (pb_value *)pb__table_new(r->pool, PB_DICT, 0);
    default:
        return NULL;
    }
}

/* Reads a list of one or two elements that is a text, a boolean, None or an empty
 * container; NULL if it is anything else. */
PB__ALWAYS_INLINE pb_value *pb__ahead_list(struct pb__reader *r, struct pb__ahead *a)
{
    pb_span s;
    pb_value *v = NULL;
    if (pb__ahead_is(a, PB__AHEAD_UNICODE)) {
        if (a->texts && pb__ahead_string(a, a->p + PB__AHEAD_HEAD, &s)) {
            v = pb__read_text(r, PB_STR, s);
        }
    } else if (pb__ahead_is(a, PB__AHEAD_BOOLEAN)) {
        if (a->booleans && pb__ahead_string(a, a->p + PB__AHEAD_HEAD, &s)) {
            v = pb__read_boolean(s);
        }
    } else if (a->words && a->stop - a->p >= 4 && a->p[0] == 1 &&
               a->p[3] == PB__TYPE_VOCAB) {
        s = (pb_span){a->p, 4};
        v = pb__ahead_word(r, a->p[2]);
    }
    if (PB__LIKELY(v != NULL)) {
        a->tokens_left -= a->p[0];
        a->p = s.data + s.len;
    }
    return v;
}

/* Reads the next value if it is plain; otherwise NULL. */
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
        if (n < PB__TEXT_LONG && n <= pb__decoder_bytes_limit(d) &&
            n <= (uint64_t)(a->stop - at)) {
            v = pb__read_text(r, PB_BYTES, (pb_span){at, (size_t)n});
            at += n;
        }
        break;
    case PB__TYPE_VOCAB:
        if (a->words && n - 1 < PB__WORD_END - 1) {
            v = &pb__word_values[n].text.head;
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

/* Reads the next key if it is a text or a bare string that can have a slot; otherwise
 * NULL. *slot is its slot. */
PB__ALWAYS_INLINE pb_value *pb__ahead_key(struct pb__reader *r, struct pb__ahead *a,
                                          uint8_t *slot)
{
    pb_span s;
    pb_value *v = NULL;
    if (PB__LIKELY(pb__ahead_is(a, PB__AHEAD_UNICODE))) {
        if (a->texts && a->tokens_left >= 2 &&
            pb__ahead_string(a, a->p + PB__AHEAD_HEAD, &s) && s.len <= PB__READ_KEY_MAX) {
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

/* Reads items of a seq, up to n in all, as long as they are plain; returns their
 * number. */
PB__ALWAYS_INLINE int pb__ahead_items(struct pb__reader *r, pb_decoder *d,
                                      struct pb__seq *s, uint32_t n)
{
    struct pb__ahead a = pb__ahead_begin(r, d);
    uint32_t len = s->len;
    int count = 0;
    while (len < n && count < INT32_MAX) {
        if (PB__UNLIKELY(len == s->cap)) {
            s->len = len;
            if (pb__read_grow_seq(r, s, n)) {
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

/* Reads pairs of a small dict as long as they are plain; returns their number. */
PB__ALWAYS_INLINE int pb__ahead_pairs(struct pb__reader *r, pb_decoder *d,
                                      struct pb__frame *f)
{
    struct pb__table *t = f->table;
    struct pb__ahead a = pb__ahead_begin(r, d);
    uint32_t room_end = pb__table_room_end(t);
    int count = 0;
    if (!a.lists) {
        return 0;
    }
    while (f->n > 0 && t->len < room_end && a.tokens_left >= 2 && a.stop - a.p >= 2 &&
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
