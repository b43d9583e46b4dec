/* SPDX-License-Identifier: MIT
 *
 * Long texts, new keys, and lists that outgrow their first memory. */
#include "compat/table.h"
#include "libpb/jelly/read_ahead.h"

struct pb__word_value pb__word_values[PB__WORD_END] = {
#define WORD_VALUE(name, number, word)                                              \
    [number] = {                                                                    \
        {.head = {.refs = PB__IMMORTAL, .kind = PB_BYTES}, .len = sizeof word - 1}, \
        word},
    PB__WORD_MAP(WORD_VALUE)
#undef WORD_VALUE
};

pb_value *pb__read_long_text(struct pb__reader *r, pb_kind kind, pb_span s)
{
    size_t bad;
    if (kind == PB_STR && !pb__utf8_check(s.data, s.len, &bad)) {
        return NULL;
    }
    struct pb__text *t = r->placed;
    if (t && s.data == t->data) {
        r->placed = NULL;
        t->head.kind = (uint8_t)kind;
        return &t->head;
    }
    return (pb_value *)pb__text_new(r->pool, kind, s.data, s.len);
}

pb_value *pb__read_new_key(struct pb__reader *r, pb_kind kind, pb_span s, uint8_t slot)
{
    if (!r->keys) {
        r->keys = pb__calloc(PB__READ_KEYS, sizeof *r->keys);
        if (!r->keys) {
            return NULL;
        }
    }
    struct pb__read_key *k = &r->keys[slot];
    struct pb__read_key as = pb__read_key_of(kind, s);
    bool again = !k->text && pb__read_key_same(k, &as);
    pb_value_unref((pb_value *)k->text);
    *k = as;
    size_t bad;
    if (again && (kind == PB_BYTES || pb__utf8_check(s.data, s.len, &bad))) {
        k->text = pb__text_new(NULL, kind, s.data, s.len);
    }
    return k->text ? pb__ref(&k->text->head) : pb__read_text(r, kind, s);
}

int pb__read_put_entry_steal(struct pb__reader *r, struct pb__table *t, pb_value *key,
                             pb_value *value)
{
    size_t before = pb__table_outside(t);
    int e = pb__table_put_steal(t, key, value);
    size_t after = pb__table_outside(t);
    bool fits = after <= before || pb__budget_charge(r->pool, after - before);
    return e || fits ? e : PB_ERR_NOMEM;
}

/* A full seq grows first to PB__READ_ROOM items, then to four times its size. So it never
 * uses more than a few times the memory of the received items, whatever the peer
 * announced. */
int pb__read_grow_seq(struct pb__reader *r, struct pb__seq *s, uint32_t announced)
{
    size_t cap = s->cap < PB__READ_ROOM ? PB__READ_ROOM : (size_t)s->cap * 4;
    cap = cap < announced ? cap : announced;
    bool inside = s->items == s->inline_items;
    if (!pb__budget_charge(r->pool, (cap - (inside ? 0 : s->cap)) * sizeof(pb_value *))) {
        return PB_ERR_NOMEM;
    }
    pb_value **items = pb__realloc(inside ? NULL : s->items, cap * sizeof *items);
    if (!items) {
        return PB_ERR_NOMEM;
    }
    if (inside && s->len) {
        memcpy(items, s->inline_items, s->len * sizeof *items);
    }
    s->items = items;
    s->cap = (uint32_t)cap;
    return 0;
}

bool pb__read_has_key(const struct pb__table *t, const struct pb__text *key)
{
    for (uint32_t i = 0; i < t->len; i++) {
        const pb_value *v = t->slots[2 * i];
        if (pb__kind(v) == (pb_kind)key->head.kind) {
            const struct pb__text *k = (const struct pb__text *)v;
            if (k->len == key->len && memcmp(k->data, key->data, k->len) == 0) {
                return true;
            }
        }
    }
    return false;
}
