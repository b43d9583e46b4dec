/* SPDX-License-Identifier: MIT
 *
 * The reader as a token sink. It handles ordinary data (lists, dicts, texts, numbers)
 * without calls. The loop at the end of the file has all these functions inlined; the
 * same functions are the sink for any other caller. */
#include "libpb/banana/decode.h"
#include "libpb/jelly/crefs.h"
#include "libpb/jelly/read_ahead.h"

/* items for which a list allocates memory before they are received */
#define PLACED_LEAST 1024 /* shorter strings are not stored directly by the decoder */

typedef int put_slow(struct pb__reader *r, pb_value *v);

PB__ALWAYS_INLINE int push_head(struct pb__reader *r, size_t n)
{
    if (PB__UNLIKELY(r->top == r->last)) {
        return pb__read_push(r, PB__SHAPE_HEAD, n);
    }
    r->top++;
    r->top->shape = PB__SHAPE_HEAD;
    r->top->n = (uint32_t)n;
    return 0;
}

/* Adds a pair whose key is not text or may be in the dict already, or for which there is
 * no room. */
static int put_pair_slow(struct pb__reader *r, struct pb__table *t, pb_value *key,
                         pb_value *v)
{
    pb_value *kept = pb__ref(key);
    int e = pb__read_put_entry_steal(r, t, key, v);
    e = e ? pb__read_refuse_key(r, e, kept) : 0;
    pb__unref(kept);
    return e;
}

PB__ALWAYS_INLINE int put_pair(struct pb__reader *r, struct pb__frame *f, pb_value *v)
{
    struct pb__table *t = f->table;
    pb_value *key = f->key;
    f->shape = PB__SHAPE_DICT_END;
    if (PB__UNLIKELY(t->len >= pb__table_room_end(t) || !pb__value_is_text(key) ||
                     pb__read_has(f, key))) {
        return put_pair_slow(r, t, key, v);
    }
    pb__read_add(f, key, v);
    return 0;
}

/* Passes v, which is complete, to the top frame f. */
PB__ALWAYS_INLINE int put(struct pb__reader *r, struct pb__frame *f, pb_value *v,
                          put_slow *slow)
{
    switch (f->shape) {
    case PB__SHAPE_SEQ: {
        struct pb__seq *s = f->seq;
        if (PB__UNLIKELY(s->len == s->cap) && pb__read_grow_seq(r, s, f->n)) {
            pb__unref(v);
            return pb__read_refuse_nomem(r, 0);
        }
        s->items[s->len++] = v;
        return 0;
    }
    case PB__SHAPE_DICT_KEY:
        f->key = v;
        f->shape = PB__SHAPE_DICT_VALUE;
        return 0;
    case PB__SHAPE_DICT_VALUE:
        return put_pair(r, f, v);
    case PB__SHAPE_MESSAGE:
        if (PB__UNLIKELY(f->seq->len == f->seq->cap || pb__crefs_used(r))) {
            return slow(r, v);
        }
        pb__read_add_member(r, f, v);
        return 0;
    default:
        return slow(r, v);
    }
}

/* Reads ahead in the innermost list. */
PB__ALWAYS_INLINE int read_on(struct pb__reader *r)
{
    pb_decoder *d = r->decoder;
    struct pb__frame *f = r->top;
    return !d                              ? 0
           : f->shape == PB__SHAPE_SEQ     ? pb__ahead_items(r, d, f->seq, f->n)
           : f->shape == PB__SHAPE_DICT    ? pb__ahead_pairs(r, d, f)
           : f->shape == PB__SHAPE_MESSAGE ? pb__ahead_items(r, d, f->seq, f->seq->cap)
                                           : 0;
}

PB__ALWAYS_INLINE int put_scalar(struct pb__reader *r, pb_value *v)
{
    if (PB__UNLIKELY(!v)) {
        return pb__read_refuse_nomem(r, 0);
    }
    int e = put(r, r->top, v, pb__read_scalar_steal);
    return e ? e : read_on(r);
}

int pb__read_give_steal(struct pb__reader *r, pb_value *v)
{
    return pb__cref_of(v) ? pb__read_put_late_steal(r, v)
                          : put(r, r->top, v, pb__read_put_steal);
}

/* Begins a pair, and reads its key ahead if it is plain. */
static inline int begin_pair(struct pb__reader *r, struct pb__frame *f)
{
    pb_decoder *d = r->decoder;
    f->n--;
    f->shape = PB__SHAPE_DICT_KEY;
    f->slot = PB__READ_KEYS;
    if (!d) {
        return 0;
    }
    struct pb__ahead a = pb__ahead_begin(r, d);
    pb_value *key = a.lists ? pb__ahead_key(r, &a, &f->slot) : NULL;
    if (!key) {
        return 0;
    }
    pb__ahead_end(&a, d);
    f->key = key;
    f->shape = PB__SHAPE_DICT_VALUE;
    return 1;
}

PB__ALWAYS_INLINE int begin_list(void *ctx, size_t n)
{
    struct pb__reader *r = ctx;
    struct pb__frame *f = r->top;
    switch (f->shape) {
    case PB__SHAPE_SEQ:
    case PB__SHAPE_DICT_KEY:
    case PB__SHAPE_DICT_VALUE:
        return push_head(r, n);
    case PB__SHAPE_DICT:
        return PB__LIKELY(n == 2)
                   ? begin_pair(r, f)
                   : pb__read_refuse(r, 1, PB_ERR_SYNTAX,
                                     "a pair of a dictionary has %zu members", n);
    default:
        return pb__read_list(r, n);
    }
}

PB__ALWAYS_INLINE int end_list(void *ctx)
{
    struct pb__reader *r = ctx;
    struct pb__frame *f = r->top;
    pb_value *v;
    switch (f->shape) {
    case PB__SHAPE_DICT_END:
        f->shape = PB__SHAPE_DICT;
        return read_on(r);
    case PB__SHAPE_SEQ:
        if (PB__UNLIKELY(f->head != PB__HEAD_LIST) &&
            (f->head != PB__HEAD_TUPLE || f->seen || f->seq->len == 0)) {
            return pb__read_end_seq(r);
        }
        v = &f->seq->node.head;
        break;
    case PB__SHAPE_DICT:
        v = &f->table->node.head;
        break;
    case PB__SHAPE_TEXT:
        if (PB__UNLIKELY(!f->v[0])) {
            return pb__read_end(r);
        }
        v = f->v[0];
        break;
    default:
        return pb__read_end(r);
    }
    r->top = f - 1;
    int e = put(r, f - 1, v, pb__read_put_steal);
    return e ? e : read_on(r);
}

PB__ALWAYS_INLINE int take_integer(void *ctx, int64_t i)
{
    struct pb__reader *r = ctx;
    return put_scalar(r, PB__LIKELY(pb__fits_small(i)) ? pb__small(i)
                                                       : pb__int_new(r->pool, i));
}

static int take_big(void *ctx, bool negative, pb_span base128)
{
    struct pb__reader *r = ctx;
    return put_scalar(r, pb__int_base128(r->pool, negative, base128));
}

PB__ALWAYS_INLINE int take_real(void *ctx, double d)
{
    struct pb__reader *r = ctx;
    struct pb__float *v = pb__value_new(r->pool, sizeof *v, PB_FLOAT);
    if (PB__LIKELY(v != NULL)) {
        v->d = d;
    }
    return put_scalar(r, (pb_value *)v);
}

/* Refuses a text that could not be made: it is not UTF-8, or memory is exhausted. */
static int bad_text(struct pb__reader *r, pb_span s)
{
    size_t bad;
    if (pb__utf8_check(s.data, s.len, &bad)) {
        return pb__read_refuse_nomem(r, 0);
    }
    return pb__read_refuse(r, 0, PB_ERR_SYNTAX,
                           "text is not UTF-8: byte 0x%02x at offset %zu", s.data[bad],
                           bad);
}

/* Takes the member of ["unicode", s] or ["boolean", s]. */
static inline int reader_take_text(struct pb__reader *r, struct pb__frame *f, pb_span s)
{
    if (PB__UNLIKELY(f->v[0] != NULL)) {
        return 0;
    }
    if (f->head == PB__HEAD_BOOLEAN) {
        f->v[0] = pb__read_boolean(s);
        return f->v[0] ? 0
                       : pb__read_refuse(r, 0, PB_ERR_SYNTAX,
                                         "a boolean is neither 'true' nor 'false'");
    }
    bool is_key = f[-1].shape == PB__SHAPE_DICT_KEY && s.len <= PB__READ_KEY_MAX;
    pb_value *v =
        is_key ? pb__read_key(r, PB_STR, s, &f[-1].slot) : pb__read_text(r, PB_STR, s);
    f->v[0] = v;
    return PB__LIKELY(v != NULL) ? 0 : bad_text(r, s);
}

/* Takes a key that is a bare string, as Python 2 sends them. */
static inline int take_bare_key(struct pb__reader *r, struct pb__frame *f, pb_span s)
{
    pb_value *v = s.len <= PB__READ_KEY_MAX ? pb__read_key(r, PB_BYTES, s, &f->slot)
                                            : pb__read_text(r, PB_BYTES, s);
    if (PB__UNLIKELY(!v)) {
        return pb__read_refuse_nomem(r, 0);
    }
    f->key = v;
    f->shape = PB__SHAPE_DICT_VALUE;
    return 0;
}

static inline bool begin_seq(struct pb__reader *r, struct pb__frame *f,
                             enum pb__head head)
{
    uint32_t cap = f->n <= PB__READ_ROOM ? f->n : 0;
    pb_kind kind = head == PB__HEAD_TUPLE ? PB_TUPLE : PB_LIST;
    struct pb__seq *s =
        pb__value_new(r->pool, sizeof *s + cap * sizeof(pb_value *), kind);
    if (PB__UNLIKELY(!s)) {
        return false;
    }
    s->node.island = NULL;
    s->items = s->inline_items;
    s->len = 0;
    s->cap = cap;
    s->hash = 0;
    f->shape = PB__SHAPE_SEQ;
    f->seen = 0;
    f->seq = s;
    return true;
}

static inline bool begin_dict(struct pb__reader *r, struct pb__frame *f)
{
    uint32_t cap = f->n < PB__READ_ROOM ? f->n : PB__READ_ROOM;
    struct pb__table *t =
        pb__value_new(r->pool, sizeof *t + cap * 2 * sizeof(pb_value *), PB_DICT);
    if (PB__UNLIKELY(!t)) {
        return false;
    }
    t->node.island = NULL;
    t->slots = t->inline_slots;
    t->len = 0;
    t->cap = cap;
    t->index = NULL;
    f->shape = PB__SHAPE_DICT;
    f->table = t;
    f->slots = 0;
    return true;
}

static inline int take_head(struct pb__reader *r, struct pb__frame *f, pb_span s)
{
    unsigned word = pb__vocab_number(s);
    enum pb__head head = PB__HEAD_OTHER;
    if (word) {
        head = (enum pb__head)pb__head_of_word[word];
    } else if (s.len == 7 && memcmp(s.data, "unicode", 7) == 0) {
        head = PB__HEAD_UNICODE;
    }
    /* PB__HEAD_OTHER is never allowed. */
    if (PB__UNLIKELY(!(r->allowed >> head & 1) ||
                     pb__head_shapes[head] == PB__SHAPE_MEMBERS)) {
        int result = 0;
        head = pb__read_head(r, s, &result);
        if (head == PB__HEAD_OTHER) {
            return result;
        }
    }
    f->head = (uint8_t)head;
    f->n--;
    switch (pb__head_shapes[head]) {
    case PB__SHAPE_SEQ:
        if (PB__UNLIKELY(!begin_seq(r, f, head))) {
            return pb__read_refuse_nomem(r, 0);
        }
        return read_on(r);
    case PB__SHAPE_DICT:
        if (PB__UNLIKELY(!begin_dict(r, f))) {
            return pb__read_refuse_nomem(r, 0);
        }
        return read_on(r);
    default:
        f->shape = PB__SHAPE_TEXT;
        f->v[0] = head == PB__HEAD_NONE ? &pb__none_value : NULL;
        return 0;
    }
}

PB__ALWAYS_INLINE int take_bytes(void *ctx, pb_span s)
{
    struct pb__reader *r = ctx;
    struct pb__frame *f = r->top;
    switch (f->shape) {
    case PB__SHAPE_HEAD:
        return take_head(r, f, s);
    case PB__SHAPE_TEXT:
        return reader_take_text(r, f, s);
    case PB__SHAPE_DICT_KEY:
        return take_bare_key(r, f, s);
    case PB__SHAPE_SKIP:
        return 0;
    case PB__SHAPE_REFUSED:
        return pb__read_pass_bytes(r, s);
    default:
        return put_scalar(r, pb__read_bytes(r, s, pb__vocab_number(s)));
    }
}

static uint8_t *place_bytes(void *ctx, size_t len)
{
    struct pb__reader *r = ctx;
    const struct pb__frame *f = r->top;
    bool kept = f->shape == PB__SHAPE_SEQ || f->shape == PB__SHAPE_DICT_VALUE ||
                (f->shape == PB__SHAPE_TEXT && f->head == PB__HEAD_UNICODE && !f->v[0]);
    pb_value_unref((pb_value *)r->placed);
    r->placed =
        kept && len >= PLACED_LEAST ? pb__text_new(r->pool, PB_BYTES, NULL, len) : NULL;
    return r->placed ? r->placed->data : NULL;
}

static int reader_run(pb_decoder *d, void *ctx, const uint8_t *in, size_t len);

static void reader_attach(void *ctx, pb_decoder *d)
{
    (void)ctx;
    pb__decoder_set_loop(d, reader_run);
}

const pb_sink_ops pb__read_ops = {
    .list = begin_list,
    .end = end_list,
    .integer = take_integer,
    .big = take_big,
    .real = take_real,
    .bytes = take_bytes,
    .place = place_bytes,
    .attach = reader_attach,
};

static int reader_run(pb_decoder *d, void *ctx, const uint8_t *in, size_t len)
{
    struct pb__reader *r = ctx;
    r->decoder = d;
    if (r->pool) {
        r->pool->most = d->limits.memory;
    }
    int e = pb__decode_loop(d, &pb__read_ops, r, in, len, true);
    r->decoder = NULL;
    return e;
}
