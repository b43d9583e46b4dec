/* SPDX-License-Identifier: MIT
 *
 * The writer: values to the bytes of their expressions, in one pass, without a tree and
 * without recursion. The loop in this file keeps the end of the output in a register, and
 * writes the common kinds itself. Before it calls another function it commits the output
 * to the encoder. */
#include "libpb/jelly/write.h"

#include "libpb/base/error.h"
#include "libpb/jelly/path.h"

/* The most that one iteration of the loop writes without checking for room: the header of
 * a pair, that of a list, an opening, and the bytes that are copied beyond its end; or an
 * opening, the header of a short text, and the text. */
#define TURN ((size_t)80)
#define SHORT_MOST ((size_t)48)

/* The last position at which there is room for an iteration. */
static const uint8_t *last_turn(const struct pb__writer *w)
{
    return pb__encoder_room_end(w->e) - TURN;
}

int pb__write_push(struct pb__writer *w, const pb_value *of, pb_value **values, size_t n,
                   size_t lists)
{
    lists += w->top->lists;
    if (lists > w->depth_limit) {
        return pb__encode_refuse(w->e, PB__FAULT_DEPTH, lists, w->depth_limit);
    }
    w->deepest = lists > w->deepest ? lists : w->deepest;
    if (w->top + 1 == w->frames_end) {
        size_t used = (size_t)(w->frames_end - w->frames);
        bool first = w->frames == w->first_frames;
        size_t size;
        struct pb__write_frame *more = pb__mul(used, 2 * sizeof *more, &size)
                                           ? pb__realloc(first ? NULL : w->frames, size)
                                           : NULL;
        if (!more) {
            return PB_ERR_NOMEM;
        }
        if (first) {
            memcpy(more, w->first_frames, sizeof w->first_frames);
        }
        w->frames = more;
        w->top = more + used - 1;
        w->frames_end = more + 2 * used;
    }
    *++w->top = (struct pb__write_frame){.at = values,
                                         .end = values + n,
                                         .of = of,
                                         .lists = lists,
                                         .pairs = of && of->kind == PB_DICT};
    return 0;
}

static inline uint8_t *writer_put_opening(const struct pb__writer *w, uint8_t *p, int row)
{
    const struct pb__opening *h = &w->openings[row];
    memcpy(p, h->text, PB__OPENING_COPIED);
    return p + h->len;
}

/* Begins a list, tuple, dict or set; there is room for an iteration. */
static int write_container(struct pb__writer *w, pb_value *v)
{
    if (pb__write_may_meet(w, v)) {
        int64_t number = pb__write_meet(w, v);
        if (number != 0) {
            return number < 0 ? (int)number : pb__write_dereference(w, number);
        }
    }
    bool is_seq = v->kind == PB_LIST || v->kind == PB_TUPLE;
    bool is_dict = v->kind == PB_DICT;
    struct pb__seq *s = (struct pb__seq *)v;
    struct pb__table *t = (struct pb__table *)v;
    pb_value **values = is_seq ? s->items : t->slots;
    size_t n = is_seq ? s->len : t->len;
    size_t limit = pb__encoder_limits(w->e)->list;
    if (PB__UNLIKELY(n >= limit)) {
        return pb__encode_refuse(w->e, PB__FAULT_SEND_LIST, n + 1, limit);
    }
    uint8_t *p = pb__put_header(pb__encoder_cursor(w->e), n + 1, PB__TYPE_LIST);
    pb__encoder_commit(w->e, writer_put_opening(w, p, v->kind));
    return n ? pb__write_push(w, v, values, n << is_dict, 1u + is_dict) : 0;
}

/* Writes a short text; NULL if t is not one. */
static inline uint8_t *put_short(const struct pb__writer *w, uint8_t *p,
                                 const struct pb__text *t)
{
    size_t len = t->len;
    if (PB__UNLIKELY(len > w->short_most)) {
        return NULL;
    }
    unsigned number = w->in_pb ? pb__vocab_find(t->data, len) : 0;
    if (PB__UNLIKELY(number)) {
        p[0] = (uint8_t)number;
        p[1] = PB__TYPE_VOCAB;
        return p + 2;
    }
    p[0] = (uint8_t)len;
    p[1] = PB__TYPE_STRING;
    memcpy(p + 2, t->data, len);
    return p + 2 + len;
}

/* Writes a value of a common kind; there is room for an iteration. NULL if it is not of a
 * common kind. */
static inline uint8_t *put_common(const struct pb__writer *w, uint8_t *p,
                                  const pb_value *v)
{
    if (pb__is_small(v)) {
        int64_t i = pb__small_of(v);
        uint64_t n = i < 0 ? 0 - (uint64_t)i : (uint64_t)i;
        return PB__LIKELY(w->any_int) ? pb__put_header(p, n, pb__int_type(i)) : NULL;
    }
    switch (v->kind) {
    case PB_NONE:
        return writer_put_opening(w, p, PB_NONE);
    case PB_BOOL:
        return writer_put_opening(
            w, p, v == &pb__true_value ? PB__OPENING_TRUE : PB__OPENING_FALSE);
    case PB_FLOAT:
        p[0] = PB__TYPE_FLOAT;
        pb__store_real(p + 1, ((const struct pb__float *)v)->d);
        return p + 9;
    case PB_STR:
        p = writer_put_opening(w, p, PB_STR);
        return put_short(w, p, (const struct pb__text *)v);
    case PB_BYTES:
        return put_short(w, p, (const struct pb__text *)v);
    default:
        return NULL;
    }
}

/* Writes a value that put_common does not write. */
static int write_uncommon(struct pb__writer *w, pb_value *v)
{
    switch (pb__kind(v)) {
    case PB_LIST:
    case PB_TUPLE:
    case PB_DICT:
    case PB_SET:
    case PB_FROZENSET:
        return write_container(w, v);
    case PB_STR:
    case PB_BYTES:
        return pb__write_text(w, v);
    case PB_INT:
        return pb__write_int(w, v);
    case PB_DATETIME:
    case PB_DATE:
    case PB_TIME:
    case PB_TIMEDELTA:
        return pb__write_datetime(w, v);
    case PB_DECIMAL:
        return pb__write_decimal(w, v);
    case PB_CLASS:
    case PB_MODULE:
    case PB_FUNCTION:
        return pb__write_name(w, v);
    case PB_METHOD:
        return pb__write_method(w, v);
    case PB_INSTANCE:
    case PB_UNPERSISTABLE:
        return pb__write_instance(w, v);
    case PB_OBJECT:
    case PB_REMOTE:
        return pb__write_object(w, v);
    case PB_NONE: /* always written by put_common */
    case PB_BOOL:
    case PB_FLOAT:
    case PB_NOTHING: /* no value has it */
        break;
    }
    return PB_ERR_TYPE;
}

static int check_length(const struct pb__writer *w)
{
    uint64_t len = pb__encoder_mark(w->e) - w->start;
    return len <= w->message_limit
               ? 0
               : pb__encode_refuse(w->e, PB__FAULT_MESSAGE, len, w->message_limit);
}

/* Writes the root and all that it contains. The encoder has room for an iteration. */
static int write_values(struct pb__writer *w)
{
    pb_value **at = w->top->at;
    pb_value **end = w->top->end;
    bool pairs = false;
    uint8_t *p = pb__encoder_cursor(w->e);
    const uint8_t *last = last_turn(w);
    for (;;) {
        while (at == end) {
            if (w->top == w->frames) {
                pb__encoder_commit(w->e, p);
                return 0;
            }
            w->top--;
            at = w->top->at;
            end = w->top->end;
            pairs = w->top->pairs;
        }
        pb_value *v = *at++;
        if (pairs && (end - at) % 2 != 0) {
            *p++ = 2;
            *p++ = PB__TYPE_LIST;
        }
        uint8_t *next = put_common(w, p, v);
        if (PB__LIKELY(next && next <= last)) {
            p = next;
            continue;
        }
        pb__encoder_commit(w->e, next ? next : p);
        w->top->at = at;
        int e = next ? 0 : write_uncommon(w, v);
        e = e ? e : check_length(w);
        e = e ? e : pb__encoder_reserve(w->e, TURN);
        if (e) {
            return e;
        }
        p = pb__encoder_cursor(w->e);
        last = last_turn(w);
        at = w->top->at;
        end = w->top->end;
        pairs = w->top->pairs;
    }
}

/* Appends to err->where the path to the value that could not be written. */
static void write_path(const struct pb__writer *w)
{
    for (const struct pb__write_frame *f = w->frames + 1; f <= w->top; f++) {
        if (!f->of) {
            continue;
        }
        size_t left = (size_t)(f->end - f->at);
        size_t len = pb_len(f->of);
        switch (f->of->kind) {
        case PB_DICT:
            if (left % 2 == 0) {
                pb__path_key(w->err, f->at[-2], len - left / 2 - 1);
            } else {
                pb__error_where(w->err, ".keys[%zu]", len - left / 2 - 1);
            }
            break;
        case PB_METHOD:
            pb__error_where(w->err, left ? ".self" : ".class");
            break;
        /* its state is not a step: the path shows the members as its own */
        case PB_INSTANCE:
            break;
        default:
            pb__error_where(w->err, "[%zu]", len - left - 1);
            break;
        }
    }
}

static int writer_fail(struct pb__writer *w, int e, bool filled_before)
{
    pb_encoder_error(w->e, w->err);
    pb__error_set(w->err, e, 0, "%s", pb_strerror(e));
    if (w->err && !filled_before) {
        write_path(w);
    }
    pb_encoder_rewind(w->e, w->start);
    return e;
}

/* Around a value may be the lists of a message and of a failure; a value that is no list
 * has one or two of its own; and a list that is shared has a `reference` around it. */
static void note_depth(struct pb__writer *w)
{
    enum { AROUND = 3, WITHIN = 2 };
    size_t deepest = w->deepest + WITHIN;
    deepest = AROUND + (w->numbers > 0 ? 2 * deepest : deepest);
    deepest = deepest < UINT32_MAX ? deepest : UINT32_MAX;
    w->e->deepest = deepest > w->e->deepest ? (uint32_t)deepest : w->e->deepest;
}

static void writer_init(struct pb__writer *w, const pb_jelly_config *c, pb_encoder *e)
{
    static const pb_jelly_config by_default;
    w->e = e;
    w->config = c ? c : &by_default;
    w->in_pb = pb__encoder_dialect(e) == PB_DIALECT_PB;
    w->openings = w->in_pb ? pb__openings_pb : pb__openings_plain;
    w->start = pb__encoder_mark(e);
    const pb_limits *own = &w->config->limits;
    const struct pb__limits *limits = pb__encoder_limits(e);
    w->depth_limit = own->depth ? own->depth : limits->depth;
    w->message_limit = own->message ? own->message : limits->message;
    w->deepest = 0;
    w->short_most = limits->bytes < SHORT_MOST ? limits->bytes : SHORT_MOST;
    w->any_int = limits->prefix >= 9; /* for an int that is stored in the pointer */
    w->met = (struct pb__map){0};
    w->places = w->first_places;
    w->places_len = 0;
    w->places_cap = PB__WRITE_PLACES;
    w->numbers = 0;
    w->kept = NULL;
    w->top = w->frames = w->first_frames;
    w->frames_end = w->first_frames + PB__WRITE_FRAMES;
}

static void writer_fini(struct pb__writer *w)
{
    pb__write_share_fini(w);
    if (w->frames != w->first_frames) {
        pb__free(w->frames);
    }
}

int pb__jelly(pb_value *v, const pb_jelly_config *c, const struct pb__invoker *invoker,
              struct pb_encoder *e, pb_error *err)
{
    bool filled_before = err && err->code != PB_OK;
    struct pb__writer w;
    writer_init(&w, c, e);
    w.invoker = invoker;
    w.err = err;
    w.root = v;
    int failed = pb__encoder_reserve(e, TURN);
    const uint8_t *end = failed ? NULL : put_common(&w, pb__encoder_cursor(e), v);
    if (end) {
        pb__encoder_commit(e, end);
    } else {
        *w.top = (struct pb__write_frame){.at = &w.root, .end = &w.root + 1};
        failed = failed ? failed : write_values(&w);
        failed = failed ? failed : pb__write_references(&w);
    }
    failed = failed ? failed : check_length(&w);
    if (failed) {
        writer_fail(&w, failed, filled_before);
    }
    note_depth(&w);
    if (!end) {
        writer_fini(&w);
    }
    return failed;
}

int pb_jelly(pb_value *v, const pb_jelly_config *c, pb_encoder *e, pb_error *err)
{
    if (!v || !e) {
        return pb__error_null(err, v ? "the encoder" : "the value to write");
    }
    uint64_t mark = pb__encoder_mark(e);
    struct pb__limits limits = *pb__encoder_limits(e);
    limits.depth = c && c->limits.depth ? c->limits.depth : limits.depth;
    limits.message = c && c->limits.message ? c->limits.message : limits.message;
    int failed = pb__jelly(v, c, NULL, e, err);
    if (!failed && pb__encoder_check(e, mark, &limits) != 0) {
        failed = pb_encoder_error(e, err);
        pb_encoder_rewind(e, mark);
    }
    return failed;
}

int pb_jelly_bytes(pb_value *v, const pb_jelly_config *c, pb_dialect d, uint8_t **out,
                   size_t *len, pb_error *err)
{
    pb_encoder e;
    if (out) {
        *out = NULL;
    }
    if (len) {
        *len = 0;
    }
    if (!out || !len) {
        return pb__error_null(err, "the place for the bytes");
    }
    pb__encoder_init(&e, d, c ? &c->limits : NULL);
    int failed = pb_jelly(v, c, &e, err);
    if (failed) {
        pb__encoder_fini(&e);
    } else {
        *out = pb__encoder_take(&e, len);
    }
    return failed;
}
