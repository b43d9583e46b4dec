/* SPDX-License-Identifier: MIT
 *
 * Tokens and values in frames that read.c does not handle: messages, members, lists that
 * are stored as they are, skipped expressions, and placeholders in any frame. */
#include "compat/table.h"
#include "libpb/jelly/crefs.h"
#include "libpb/jelly/read_ahead.h"

#define FRAMES_AT_FIRST 14 /* with the error, slightly less than 1 KiB */
/* bytes that the pool of a connection keeps for reuse */
#define BLOCK_KEEP ((size_t)1 << 20)

int pb__read_grow(struct pb__reader *r)
{
    if (!r->pool && r->pooled) {
        r->pool = pb__slab_pool_new();
        if (!r->pool) {
            return PB_ERR_NOMEM;
        }
        if (r->messages) {
            r->pool->block_keep = BLOCK_KEEP;
        }
        if (r->decoder) {
            r->pool->most = r->decoder->limits.memory;
        }
    }
    if (!r->tasted) {
        pb__read_taste(r);
    }
    size_t used = (size_t)(r->top - pb__read_bottom(r)) + 1;
    size_t cap = r->stack ? used * 2 : FRAMES_AT_FIRST;
    struct pb__read_stack *stack =
        pb__realloc(r->stack, sizeof *stack + cap * sizeof *stack->frames);
    if (!stack) {
        return PB_ERR_NOMEM;
    }
    if (!r->stack) {
        stack->err = (pb_error){0};
        stack->frames[0] = r->idle;
    }
    r->stack = stack;
    r->top = stack->frames + used - 1;
    r->last = stack->frames + cap - 1;
    return 0;
}

/* Returns whether there is room for a frame; otherwise *result is the result of the sink.
 * Without a stack there is no expression yet that could be refused. */
static bool make_room(struct pb__reader *r, int *result)
{
    if (r->top < r->last || pb__read_grow(r) == 0) {
        return true;
    }
    *result = r->stack ? pb__read_refuse_nomem(r, 1) : PB_ERR_NOMEM;
    return false;
}

int pb__read_push(struct pb__reader *r, enum pb__shape shape, size_t n)
{
    int result = 0;
    if (make_room(r, &result)) {
        *++r->top = (struct pb__frame){.shape = (uint8_t)shape, .n = (uint32_t)n};
    }
    return result;
}

/* Pushes a frame with a list to store items in: a message, or a list that is stored as it
 * is. */
static int push_list(struct pb__reader *r, enum pb__shape shape, size_t n)
{
    int result = 0;
    if (!make_room(r, &result)) {
        return result;
    }
    struct pb__seq *s =
        pb__seq_new(r->pool, PB_LIST, n < PB__READ_ROOM ? n : PB__READ_ROOM);
    if (!s) {
        return shape != PB__SHAPE_MESSAGE ? pb__read_refuse_nomem(r, 1)
               : r->pool && r->pool->over ? PB_ERR_LIMIT
                                          : PB_ERR_NOMEM;
    }
    *++r->top = (struct pb__frame){.shape = (uint8_t)shape, .n = (uint32_t)n, .seq = s};
    return 0;
}

/* Returns how the next member is read (a letter of pb__head_row, or 0 to ignore it), and
 * sets its index in v. Expressions of the broker have an id (v[0]), then a state (v[1]),
 * and either may be missing; a list cannot be an id. */
static char next_member(const struct pb__reader *r, struct pb__frame *f, bool list)
{
    if (f->head == PB__HEAD_BROKER_ALL) {
        return list ? 'e' : 'r';
    }
    f->slot = f->seen;
    if (f->seen == 3) {
        return 0;
    }
    f->seen++;
    switch (f->head) {
    case PB__HEAD_BROKER:
        if (f->slot == 0) {
            f->slot = list;
            return list ? 'e' : 'r';
        }
        return f->slot == 1 && !f->v[1] ? 'e' : 0;
    case PB__HEAD_PERSISTENT:
        return r->config.jelly->persistent_load && f->slot == 0 ? 'e' : 0;
    case PB__HEAD_NAMED:
        /* A Cacheable has its number before its state; v[1] is the name of the class. */
        if (f->slot == 1 && list && pb__kind(f->v[0]) == PB_INT) {
            f->slot = 2;
            return 'e';
        }
        return f->slot == 0 ? 'e' : 0;
    default:
        return pb__head_rows[f->head].members[f->slot];
    }
}

static int list_in_members(struct pb__reader *r, size_t n)
{
    switch (next_member(r, r->top, true)) {
    case 'e':
        return pb__read_push(r, PB__SHAPE_HEAD, n);
    case 'w':
        return push_list(r, PB__SHAPE_RAW, n);
    default:
        return pb__read_push(r, PB__SHAPE_SKIP, 0);
    }
}

/* Python 2 allows any member in "unicode". Makes the frame a MEMBERS frame if it does. */
static bool takes_anything(struct pb__reader *r, struct pb__frame *f)
{
    bool takes = r->python2 && f->head == PB__HEAD_UNICODE;
    if (takes) {
        *f = (struct pb__frame){
            .shape = PB__SHAPE_MEMBERS, .head = PB__HEAD_UNICODE, .n = f->n};
    }
    return takes;
}

int pb__read_list(struct pb__reader *r, size_t n)
{
    struct pb__frame *f = r->top;
    switch (f->shape) {
    case PB__SHAPE_TOP:
        return r->messages ? push_list(r, PB__SHAPE_MESSAGE, n)
                           : pb__read_push(r, PB__SHAPE_HEAD, n);
    case PB__SHAPE_HEAD:
        return pb__read_refuse(r, 1, PB_ERR_SYNTAX,
                               "the head of an expression is a list");
    case PB__SHAPE_TEXT:
        if (f->v[0]) {
            return pb__read_push(r, PB__SHAPE_SKIP, 0);
        }
        return takes_anything(r, f)
                   ? list_in_members(r, n)
                   : pb__read_refuse(r, 1, PB_ERR_SYNTAX, "the member of '%s' is a list",
                                     pb__head_rows[f->head].text);
    case PB__SHAPE_MEMBERS:
        return list_in_members(r, n);
    case PB__SHAPE_RAW:
        return push_list(r, PB__SHAPE_RAW, n);
    case PB__SHAPE_SKIP:
        f->n++;
        return 0;
    case PB__SHAPE_REFUSED:
        return pb__read_pass_list(r, n);
    default: /* MESSAGE, DICT_LATE */
        return pb__read_push(r, PB__SHAPE_HEAD, n);
    }
}

int pb__read_end(struct pb__reader *r)
{
    struct pb__frame *f = r->top;
    switch (f->shape) {
    case PB__SHAPE_MESSAGE:
        r->top--;
        return pb__read_done_steal(r, &f->seq->node.head);
    case PB__SHAPE_HEAD:
        return pb__read_refuse(r, -1, PB_ERR_SYNTAX, "an expression is empty");
    case PB__SHAPE_MEMBERS:
        return pb__read_end_members(r);
    case PB__SHAPE_RAW:
        r->top--;
        return pb__read_put_steal(r, &f->seq->node.head);
    case PB__SHAPE_SKIP:
        r->top -= f->n == 0;
        f->n -= f->n != 0;
        return 0;
    case PB__SHAPE_REFUSED:
        return pb__read_pass_end(r);
    default: /* TEXT */
        return pb__read_refuse(r, -1, PB_ERR_SYNTAX, "'%s' has no member",
                               pb__head_rows[f->head].text);
    }
}

static int reader_append_steal(struct pb__reader *r, struct pb__seq *s, pb_value *v)
{
    if (s->len == s->cap && pb__read_grow_seq(r, s, UINT32_MAX)) {
        pb__unref(v);
        return pb__read_refuse_nomem(r, 0);
    }
    s->items[s->len++] = v;
    return 0;
}

/* A pair that is a string of two bytes: Python 3 reads two ints from it, Python 2 two
 * strings. */
static int put_string_pair(struct pb__reader *r, const struct pb__text *s)
{
    if (s->len != 2) {
        return pb__read_refuse(r, 0, PB_ERR_SYNTAX,
                               "a pair of a dictionary is a string of %zu bytes", s->len);
    }
    pb_value *pair[2];
    for (int i = 0; i < 2; i++) {
        pair[i] = r->python2 ? (pb_value *)pb__text_new(r->pool, PB_BYTES, s->data + i, 1)
                             : pb__small(s->data[i]);
    }
    int e = PB_ERR_NOMEM;
    if (pair[0] && pair[1]) {
        r->top->slots = UINT64_MAX; /* their slots are not known */
        r->top->n--;
        e = pb__read_put_entry_steal(r, r->top->table, pair[0], pair[1]);
    } else {
        pb_value_unref(pair[0]);
        pb_value_unref(pair[1]);
    }
    return e ? pb__read_refuse_nomem(r, 0) : 0;
}

static int put_in_members_steal(struct pb__reader *r, struct pb__frame *f, pb_value *v)
{
    if (f->head == PB__HEAD_BROKER_ALL) {
        return reader_append_steal(r, (struct pb__seq *)f->v[1], v);
    }
    f->v[f->slot] = v;
    return 0;
}

static int scalar_in_members_steal(struct pb__reader *r, struct pb__frame *f, pb_value *v)
{
    if (next_member(r, f, false)) {
        return put_in_members_steal(r, f, v);
    }
    pb__unref(v);
    return 0;
}

static int scalar_in_dict_steal(struct pb__reader *r, pb_value *v)
{
    int e = pb__kind(v) == PB_BYTES
                ? put_string_pair(r, (const struct pb__text *)v)
                : pb__read_refuse(r, 0, PB_ERR_SYNTAX, "a pair of a dictionary is a '%s'",
                                  pb_kind_name(pb__kind(v)));
    pb__unref(v);
    return e;
}

int pb__read_scalar_steal(struct pb__reader *r, pb_value *v)
{
    struct pb__frame *f = r->top;
    pb_kind kind = pb__kind(v);
    switch (f->shape) {
    case PB__SHAPE_HEAD:
        pb__unref(v);
        return pb__read_refuse(r, 0, PB_ERR_SYNTAX, "the head of an expression is a '%s'",
                               pb_kind_name(kind));
    case PB__SHAPE_DICT:
        return scalar_in_dict_steal(r, v);
    case PB__SHAPE_TEXT:
        if (!f->v[0] && takes_anything(r, f)) {
            return scalar_in_members_steal(r, f, v);
        }
        pb__unref(v);
        return f->v[0]
                   ? 0
                   : pb__read_refuse(r, 0, PB_ERR_SYNTAX, "the member of '%s' is a '%s'",
                                     pb__head_rows[f->head].text, pb_kind_name(kind));
    case PB__SHAPE_MEMBERS:
        return scalar_in_members_steal(r, f, v);
    case PB__SHAPE_SKIP:
        pb__unref(v);
        return 0;
    case PB__SHAPE_REFUSED:
        return pb__read_pass_scalar_steal(r, v);
    default: /* TOP, MESSAGE, DICT_LATE, RAW */
        return pb__read_put_steal(r, v);
    }
}

int pb__read_put_steal(struct pb__reader *r, pb_value *v)
{
    struct pb__frame *f = r->top;
    switch (f->shape) {
    case PB__SHAPE_MEMBERS:
        return put_in_members_steal(r, f, v);
    case PB__SHAPE_RAW:
        return reader_append_steal(r, f->seq, v);
    case PB__SHAPE_DICT_LATE:
        pb__unref(v);
        pb__unref(f->key);
        f->shape = PB__SHAPE_DICT_END;
        return pb__read_refuse(r, 0, PB_ERR_SYNTAX,
                               "I am not to be used as a dictionary key.");
    default: /* TOP, MESSAGE */
        return pb__read_complete_steal(r, v);
    }
}

/* Registers that a placeholder is stored in a place. If it returns false, the placeholder
 * was released, and *result is the result of the sink. */
static bool reader_depend(struct pb__reader *r, pb_value *late, enum pb__place place,
                          struct pb__node *node, size_t at, int *result)
{
    int e = pb__crefs_depend(r, pb__cref_of(late), place, node, at);
    if (e) {
        pb__unref(late);
        *result = pb__read_refuse_cref(r, 0, e);
    }
    return e == 0;
}

/* A tuple with placeholders is a list until all of them are resolved. */
static int put_late_in_seq(struct pb__reader *r, struct pb__frame *f, pb_value *late)
{
    int result = 0;
    struct pb__seq *s = f->seq;
    s->node.head.kind = PB_LIST;
    f->seen = 1;
    return reader_depend(r, late, PB__IN_SEQ, &s->node, s->len, &result)
               ? reader_append_steal(r, s, late)
               : result;
}

static int put_late_as_key(struct pb__reader *r, struct pb__frame *f, pb_value *late)
{
    int result = 0;
    size_t at = (size_t)(f - pb__read_bottom(r));
    if (reader_depend(r, late, PB__AS_KEY, NULL, at, &result)) {
        f->key = late;
        f->shape = PB__SHAPE_DICT_LATE;
    }
    return result;
}

static int put_late_in_dict(struct pb__reader *r, struct pb__frame *f, pb_value *late)
{
    struct pb__table *t = f->table;
    int result = 0;
    int64_t found = pb__table_find(t, f->key);
    if (found < 0) {
        pb__unref(late);
        return pb__read_refuse_key(r, (int)found, f->key);
    }
    size_t at = found > 0 ? (size_t)found - 1 : t->len;
    if (!reader_depend(r, late, PB__IN_DICT, &t->node, at, &result)) {
        return result;
    }
    f->shape = PB__SHAPE_DICT_END;
    f->slots = UINT64_MAX;
    return pb__read_put_entry_steal(r, t, f->key, late) ? pb__read_refuse_nomem(r, 0) : 0;
}

static int put_late_in_members(struct pb__reader *r, struct pb__frame *f, pb_value *late)
{
    bool state = f->head == PB__HEAD_NAMED || f->head == PB__HEAD_BROKER ||
                 f->head == PB__HEAD_BROKER_ALL ||
                 (f->head == PB__HEAD_INSTANCE && f->slot == 1);
    if (state) {
        pb__unref(late);
        return pb__read_refuse(r, 0, PB_ERR_TYPE,
                               "the state of an instance is not known yet");
    }
    f->v[f->slot] = late;
    return 0;
}

int pb__read_put_late_steal(struct pb__reader *r, pb_value *late)
{
    struct pb__frame *f = r->top;
    switch (f->shape) {
    case PB__SHAPE_SEQ:
        return put_late_in_seq(r, f, late);
    case PB__SHAPE_DICT_KEY:
        return put_late_as_key(r, f, late);
    case PB__SHAPE_DICT_VALUE:
        return put_late_in_dict(r, f, late);
    case PB__SHAPE_MEMBERS:
        return put_late_in_members(r, f, late);
    default: /* TOP, MESSAGE, DICT_LATE */
        return pb__read_put_steal(r, late);
    }
}
