/* SPDX-License-Identifier: MIT
 *
 * How the reader makes texts, and the recent keys. A key is looked up before it is
 * checked: a key that was read before is known to be UTF-8, and is already in memory. */
#ifndef PB__READ_TEXT_H
#define PB__READ_TEXT_H

#include <string.h>

#include "libpb/banana/type_bytes.h"
#include "libpb/jelly/read.h"

#define PB__COPY_SHORT 32 /* bytes that are copied inline */
#define PB__REFS_SHARED (PB__IMMORTAL / 2)

/* Makes a long text. If the decoder has stored it in r->placed, that is used. */
pb_value *pb__read_long_text(struct pb__reader *r, pb_kind kind, pb_span s);
/* Makes a key that is not among the recent ones. */
pb_value *pb__read_new_key(struct pb__reader *r, pb_kind kind, pb_span s, uint8_t slot);

/* Copies up to PB__COPY_SHORT bytes. Returns the bitwise or of them, 8 at a time, in any
 * order. */
PB__ALWAYS_INLINE uint64_t pb__copy_short(uint8_t *to, const uint8_t *from, size_t len)
{
    uint64_t a;
    uint64_t b;
    if (len >= 8) {
        uint64_t all = 0;
        for (size_t i = 0; i < len - 8; i += 8) {
            memcpy(&a, from + i, 8);
            memcpy(to + i, &a, 8);
            all |= a;
        }
        memcpy(&b, from + len - 8, 8);
        memcpy(to + len - 8, &b, 8);
        return all | b;
    }
    if (len >= 4) {
        uint32_t c;
        uint32_t d;
        memcpy(&c, from, 4);
        memcpy(&d, from + len - 4, 4);
        memcpy(to, &c, 4);
        memcpy(to + len - 4, &d, 4);
        return c | d;
    }
    if (len == 0) {
        return 0;
    }
    uint8_t first = from[0];
    uint8_t middle = from[len / 2];
    uint8_t last = from[len - 1];
    to[0] = first;
    to[len / 2] = middle;
    to[len - 1] = last;
    return first | middle | last;
}

/* Makes a bytes or str, *new*. NULL if it is not UTF-8, or if memory is exhausted. */
PB__ALWAYS_INLINE pb_value *pb__read_text(struct pb__reader *r, pb_kind kind, pb_span s)
{
    if (kind == PB_BYTES && PB__UNLIKELY(s.len == 0)) {
        return &pb__empty_bytes.text.head;
    }
    if (PB__UNLIKELY(s.len >= PB__TEXT_LONG)) {
        return pb__read_long_text(r, kind, s);
    }
    struct pb__text *t = pb__value_new(r->pool, sizeof *t + s.len + 1, kind);
    if (PB__UNLIKELY(!t)) {
        return NULL;
    }
    uint64_t all = 0x80;
    if (PB__LIKELY(s.len <= PB__COPY_SHORT)) {
        all = pb__copy_short(t->data, s.data, s.len);
    } else {
        memcpy(t->data, s.data, s.len);
    }
    t->len = s.len;
    t->data[s.len] = 0;
    size_t bad;
    if (kind == PB_STR && PB__UNLIKELY(all & 0x8080808080808080) &&
        !pb__utf8_check(s.data, s.len, &bad)) {
        pb__unref(&t->head);
        return NULL;
    }
    return &t->head;
}

/* The words of the vocabulary as bytes, which the reader uses instead of a copy: indexed
 * by number; the first is empty. */
extern struct pb__word_value {
    struct pb__text text;
    char word[sizeof pb__words->text + 1];
} pb__word_values[PB__WORD_END];

/* Makes a bytes, *new*. `word` is its number if the decoder has read it as a VOCAB,
 * otherwise 0. NULL if memory is exhausted. */
PB__ALWAYS_INLINE pb_value *pb__read_bytes(struct pb__reader *r, pb_span s, unsigned word)
{
    return word ? &pb__word_values[word].text.head : pb__read_text(r, PB_BYTES, s);
}

/* The boolean of the text "true" or "false"; NULL for any other. */
PB__ALWAYS_INLINE pb_value *pb__read_boolean(pb_span s)
{
    return s.len == 4 && memcmp(s.data, "true", 4) == 0    ? &pb__true_value
           : s.len == 5 && memcmp(s.data, "false", 5) == 0 ? &pb__false_value
                                                           : NULL;
}

/* The identity of a key. For up to 16 bytes it is exact. */
PB__ALWAYS_INLINE struct pb__read_key pb__read_key_of(pb_kind kind, pb_span s)
{
    struct pb__read_key k = {.tag = (uint32_t)(s.len << 8 | kind)};
    if (s.len >= 8) {
        k.first = pb__load_le64(s.data);
        k.last = pb__load_le64(s.data + s.len - 8);
    } else if (s.len >= 4) {
        k.first = pb__load_le32(s.data);
        k.last = pb__load_le32(s.data + s.len - 4);
    } else if (s.len > 0) {
        k.first = (uint64_t)s.data[0] | (uint64_t)s.data[s.len / 2] << 8 |
                  (uint64_t)s.data[s.len - 1] << 16;
    }
    return k;
}

PB__ALWAYS_INLINE bool pb__read_key_same(const struct pb__read_key *a,
                                         const struct pb__read_key *b)
{
    return ((a->first ^ b->first) | (a->last ^ b->last) | (a->tag ^ b->tag)) == 0;
}

/* The slot of a key. */
PB__ALWAYS_INLINE uint8_t pb__read_slot(const struct pb__read_key *k)
{
    uint64_t h = k->first ^ (k->last << 31 | k->last >> 33) ^ k->tag;
    return (uint8_t)((h * UINT64_C(0x9e3779b97f4a7c15)) >> 58);
}

/* Makes a key of at most PB__READ_KEY_MAX bytes, *new*; it shares a recent one if that is
 * equal. *slot is its slot. NULL if it is not UTF-8, or if memory is exhausted. */
PB__ALWAYS_INLINE pb_value *pb__read_key(struct pb__reader *r, pb_kind kind, pb_span s,
                                         uint8_t *slot)
{
    struct pb__read_key as = pb__read_key_of(kind, s);
    *slot = pb__read_slot(&as);
    if (PB__LIKELY(r->keys != NULL)) {
        const struct pb__read_key *k = &r->keys[*slot];
        if (PB__LIKELY(k->text && pb__read_key_same(k, &as) &&
                       k->text->head.refs < PB__REFS_SHARED &&
                       (s.len <= 16 || memcmp(k->text->data, s.data, s.len) == 0))) {
            k->text->head.refs++;
            return &k->text->head;
        }
    }
    return pb__read_new_key(r, kind, s, *slot);
}

#endif
