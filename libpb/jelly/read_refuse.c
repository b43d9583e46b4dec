/* SPDX-License-Identifier: MIT
 *
 * How expressions are refused: the error with the path to its position, and skipping the
 * rest of the expression. */
#include <inttypes.h>

#include "libpb/banana/decode.h"
#include "libpb/base/span.h"
#include "libpb/jelly/crefs.h"
#include "libpb/jelly/path.h"
#include "libpb/jelly/read.h"

/* Appends the member of f that is being read. */
static void path_frame(pb_error *err, const struct pb__frame *f)
{
    switch (f->shape) {
    case PB__SHAPE_SEQ:
        pb__error_where(err, "[%" PRIu32 "]", f->seq->len);
        break;
    case PB__SHAPE_DICT:
        pb__error_where(err, ".pairs[%" PRIu32 "]", f->table->len);
        break;
    case PB__SHAPE_DICT_KEY:
    case PB__SHAPE_DICT_END: /* its key was refused */
        pb__error_where(err, ".keys[%" PRIu32 "]", f->table->len);
        break;
    case PB__SHAPE_DICT_VALUE:
    case PB__SHAPE_DICT_LATE:
        pb__path_key(err, f->key, f->table->len);
        break;
    case PB__SHAPE_MEMBERS:
        if (f->head == PB__HEAD_METHOD && f->seen > 1) {
            pb__error_where(err, f->seen == 2 ? ".self" : ".class");
        }
        break;
    default:
        break;
    }
}

/* Appends the member of a message that is being read. */
static void path_member(struct pb__reader *r, pb_error *err)
{
    const struct pb__seq *s = r->stack->frames[1].seq;
    const char *name = NULL;
    if (r->config.member_name && s->len > 0 && s->items[0]) {
        name = r->config.member_name(s->items[0], s->len, r->config.ctx);
    }
    if (name) {
        pb__error_where(err, "%s", name);
    } else {
        pb__error_where(err, "[%" PRIu32 "]", s->len);
    }
}

static void fill_path(struct pb__reader *r, pb_error *err, int open)
{
    if (r->messages && r->top > r->stack->frames) {
        path_member(r, err);
    }
    /* If a list has just ended, the error concerns all of it. */
    const struct pb__frame *end = r->top + (open >= 0);
    for (const struct pb__frame *f = pb__read_base(r); f < end; f++) {
        path_frame(err, f);
    }
}

void pb__reader_where(struct pb__reader *r, pb_error *err)
{
    const struct pb__frame *first = r->stack ? r->stack->frames + 1 : NULL;
    if (!first || r->top < first) {
        return;
    }
    bool at_command = first->shape == PB__SHAPE_MESSAGE && first->seq->len == 0;
    if (!at_command) {
        pb__error_where(err, "%s", *err->where ? ": " : "");
        fill_path(r, err, 0);
    }
}

size_t pb__reader_member(const struct pb__reader *r)
{
    return r->stack->frames[1].seq->len;
}

static void release_frame(struct pb__frame *f)
{
    switch (f->shape) {
    case PB__SHAPE_MESSAGE:
    case PB__SHAPE_SEQ:
    case PB__SHAPE_RAW:
        pb__unref(&f->seq->node.head);
        break;
    case PB__SHAPE_DICT_VALUE:
    case PB__SHAPE_DICT_LATE:
        pb__unref(f->key);
        pb__unref(&f->table->node.head);
        break;
    case PB__SHAPE_DICT:
    case PB__SHAPE_DICT_KEY:
    case PB__SHAPE_DICT_END:
        pb__unref(&f->table->node.head);
        break;
    case PB__SHAPE_TEXT:
        pb_value_unref(f->v[0]);
        break;
    case PB__SHAPE_MEMBERS:
        for (int i = 0; i < 3; i++) {
            pb_value_unref(f->v[i]);
        }
        break;
    default:
        break;
    }
}

/* The number of open lists of a frame. */
static uint32_t lists_of(const struct pb__frame *f)
{
    switch (f->shape) {
    case PB__SHAPE_SKIP:
        return f->n + 1;
    case PB__SHAPE_DICT_KEY:
    case PB__SHAPE_DICT_VALUE:
    case PB__SHAPE_DICT_LATE:
    case PB__SHAPE_DICT_END:
        return 2;
    default:
        return 1;
    }
}

static bool is_text_of(const pb_value *v, const char *text)
{
    pb_span s;
    return v && text && pb_as_text(v, &s) == 0 && pb__span_is(s, text);
}

/* Returns whether the current position is in a member that may be refused alone: the
 * value of a pair in the state of a copy. The rest of the value may have references to
 * it, so there must be none. */
static bool is_lenient_member(const struct pb__reader *r, const struct pb__frame *copy)
{
    const struct pb__frame *pair = copy + 1;
    return r->config.lenient_copy && r->top > pair && copy->shape == PB__SHAPE_MEMBERS &&
           copy->head == PB__HEAD_BROKER && pair->shape == PB__SHAPE_DICT_VALUE &&
           is_text_of(copy->v[2], r->config.lenient_copy) &&
           is_text_of(pair->key, r->config.lenient_key) && !pb__crefs_used(r);
}

/* Ends what was refused: the complete expression, or a member that may be refused
 * alone. */
static int end_refused(struct pb__reader *r)
{
    return r->top < pb__read_base(r) ? pb__read_complete_steal(r, NULL)
                                     : pb__read_give_steal(r, pb_none());
}

/* Removes the frames from `base` on. A frame that skips the rest replaces them. */
static int skip_rest(struct pb__reader *r, struct pb__frame *base, int open)
{
    int64_t lists = open;
    pb__crefs_undo(r);
    for (; r->top >= base; r->top--) {
        lists += lists_of(r->top);
        release_frame(r->top);
    }
    pb__crefs_clear(r);
    if (r->pool) {
        bool all = base == pb__read_base(r);
        r->pool->charged = all ? r->charged : r->pool->charged;
        r->pool->over = false;
    }
    if (lists == 0) {
        return end_refused(r);
    }
    r->top = base;
    *base = (struct pb__frame){.shape = PB__SHAPE_REFUSED, .n = (uint32_t)lists - 1};
    return 0;
}

int pb__read_refuse(struct pb__reader *r, int open, int code, const char *format, ...)
{
    pb_error *err = &r->stack->err;
    struct pb__frame *base = pb__read_base(r);
    if (code != PB_ERR_NOMEM && is_lenient_member(r, base)) {
        return skip_rest(r, base + 2, open);
    }
    if (err->code == 0) {
        uint64_t offset = r->decoder ? pb__decoder_offset(r->decoder) : 0;
        va_list args;
        va_start(args, format);
        pb__error_setv(err, code, offset > 0 ? offset - 1 : 0, format, args);
        va_end(args);
        if (r->messages && r->decoder) {
            pb__error_where(err, "message %" PRIu64 ": ",
                            pb_decoder_count(r->decoder) + 1);
        }
        fill_path(r, err, open);
    }
    return skip_rest(r, base, open);
}

int pb__read_pass_list(struct pb__reader *r, size_t n)
{
    struct pb__frame *f = r->top;
    f->n++;
    f->seen = n == 2;
    f->slot = 0;
    return 0;
}

int pb__read_pass_end(struct pb__reader *r)
{
    struct pb__frame *f = r->top;
    f->seen = f->slot = 0;
    if (f->n > 0) {
        f->n--;
        return 0;
    }
    r->top--;
    return end_refused(r);
}

int pb__read_pass_bytes(struct pb__reader *r, pb_span s)
{
    struct pb__frame *f = r->top;
    unsigned word = pb__vocab_find(s.data, s.len);
    bool counted = word == PB__WORD_REMOTE || word == PB__WORD_CACHED;
    f->slot = f->seen && counted && r->config.invoker ? (uint8_t)word : 0;
    f->seen = 0;
    return 0;
}

int pb__read_pass_scalar_steal(struct pb__reader *r, pb_value *v)
{
    struct pb__frame *f = r->top;
    const struct pb__invoker *invoker = r->config.invoker;
    int e = 0;
    if (f->slot) {
        struct pb__form form = {.head = pb__word(f->slot), .id = v};
        pb_value *reference = NULL;
        pb_error err = {0};
        e = invoker->unjelly(&form, &reference, &err, invoker->ctx);
        pb_value_unref(reference);
    }
    f->seen = f->slot = 0;
    pb__unref(v);
    return pb__read_ended(r) ? PB_ERR_DEAD : e == PB_ERR_NOMEM ? e : 0;
}

int pb__read_refuse_nomem(struct pb__reader *r, int open)
{
    if (r->pool && r->pool->over) {
        return pb__read_refuse(r, open, PB_ERR_LIMIT,
                               "values take more memory than the limit of %zu bytes",
                               r->pool->most);
    }
    /* Without a stack, the expression is a single number. */
    return r->stack
               ? pb__read_refuse(r, open, PB_ERR_NOMEM, "%s", pb_strerror(PB_ERR_NOMEM))
               : PB_ERR_NOMEM;
}

int pb__read_refuse_cref(struct pb__reader *r, int open, int code)
{
    return code == PB_ERR_NOMEM ? pb__read_refuse_nomem(r, open)
                                : pb__read_refuse(r, open, code, "%s", r->why);
}

const char *pb__read_unhashable(const pb_value *v)
{
    switch (pb__kind(v)) {
    case PB_LIST:
        return "unhashable type: 'list'";
    case PB_DICT:
        return "unhashable type: 'dict'";
    case PB_SET:
        return "unhashable type: 'set'";
    default:
        return "its contents are unhashable";
    }
}

int pb__read_refuse_key(struct pb__reader *r, int code, const pb_value *key)
{
    return code == PB_ERR_NOMEM
               ? pb__read_refuse_nomem(r, 0)
               : pb__read_refuse(r, 0, code, "%s", pb__read_unhashable(key));
}

void pb__read_reset(struct pb__reader *r)
{
    pb__crefs_undo(r);
    for (; r->top > pb__read_bottom(r); r->top--) {
        release_frame(r->top);
    }
    pb__crefs_clear(r);
}
