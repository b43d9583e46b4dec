/* SPDX-License-Identifier: MIT
 *
 * The decoder, except its loop, which is in decode.h: tokens that are cut by the end of
 * the input, long prefixes, every refusal, and the public functions. No byte of a token
 * is examined twice: the bytes of an incomplete token are in `held`, or in the memory
 * that the sink has provided. */
#include "libpb/banana/decode.h"

#include "libpb/base/error.h"
#include "libpb/base/span.h"

/* Larger buffers are freed while they are not in use. */
#define HELD_KEPT 64
#define STACK_KEPT 16

/* Sets the fault for the byte at p; returns its code. */
static int fail_at(pb_decoder *d, const uint8_t *p, enum pb__fault_kind kind,
                   uint64_t number, uint64_t limit)
{
    uint64_t offset = d->offset + (uint64_t)(p - d->mark);
    return pb__fault_set(&d->fault, kind, offset, number, limit);
}

/* Sets the fault for the type byte before d->at; returns its code. */
static int decoder_fail(pb_decoder *d, enum pb__fault_kind kind, uint64_t number,
                        uint64_t limit)
{
    return fail_at(d, d->at - 1, kind, number, limit);
}

/* The prefix is too long; p is its first digit beyond the limit. Twisted's text depends
 * on whether the type byte has been received. */
static int prefix_too_long(pb_decoder *d, const uint8_t *p)
{
    const uint8_t *q = p;
    while (q < d->end && *q < 0x80) {
        q++;
    }
    fail_at(d, p, q < d->end ? PB__FAULT_PREFIX : PB__FAULT_PREFIX_OPEN, 0,
            d->limits.prefix);
    return PB__TOKEN_DEAD;
}

static bool decoder_hold(pb_decoder *d, const uint8_t *p, size_t n)
{
    if (pb__buf_append(&d->held, p, n) != 0) {
        fail_at(d, p, PB__FAULT_NOMEM, 0, 0);
        return false;
    }
    return true;
}

/* Converts the digits before the type byte at d->at - 1 to d->number. The digits of an
 * int that does not fit into int64_t stay in d->token. */
static int number_of(pb_decoder *d, int type, pb_span digits)
{
    while (digits.len > 0 && digits.data[digits.len - 1] == 0) {
        digits.len--;
    }
    d->token = digits;
    d->number = 0;
    for (size_t i = 0; i < digits.len && i < 10; i++) {
        d->number |= (uint64_t)digits.data[i] << 7 * i;
    }
    if (digits.len < 10) {
        return type;
    }
    bool is_min =
        digits.len == 10 && digits.data[9] == 1 && d->number == UINT64_C(1) << 63;
    switch (type) {
    case PB__TYPE_NEG:
    case PB__TYPE_LONGNEG:
        return is_min ? type : PB__TOKEN_BIG_NEGATIVE;
    case PB__TYPE_INT:
    case PB__TYPE_LONGINT:
        return PB__TOKEN_BIG;
    default:
        d->number = UINT64_MAX; /* exceeds every limit, and is not the number of a word */
        return type;
    }
}

static int read_header(pb_decoder *d, const uint8_t *end)
{
    const uint8_t *p = d->at;
    const uint8_t *q = p;
    size_t held = d->held.len;
    while (q < end && *q < 0x80) {
        if (held + (size_t)(q - p) >= d->limits.prefix) {
            return prefix_too_long(d, q);
        }
        q++;
    }
    size_t n = (size_t)(q - p);
    if (q >= end && end < d->end) {
        fail_at(d, q, PB__FAULT_MESSAGE, 0, d->limits.message);
        return PB__TOKEN_DEAD;
    }
    if ((held > 0 || q == end) && !decoder_hold(d, p, n)) {
        return PB__TOKEN_DEAD;
    }
    d->at = q;
    if (q == end) {
        d->state = d->held.len > 0 ? PB__IN_PREFIX : PB__BETWEEN_TOKENS;
        return PB__TOKEN_MORE;
    }
    d->at++;
    d->state = PB__BETWEEN_TOKENS;
    d->held.len = 0; /* the bytes stay in memory until the next token */
    return number_of(d, *q,
                     held > 0 ? (pb_span){d->held.data, held + n} : (pb_span){p, n});
}

/* Continues a string or float. Its length was checked when it began. */
static int read_body(pb_decoder *d)
{
    size_t arrived = (size_t)(d->end - d->at);
    size_t missing = d->want - d->got;
    size_t n = arrived < missing ? arrived : missing;
    d->token = (pb_span){d->at, d->want};
    if (d->place) {
        memcpy(d->place + d->got, d->at, n);
        d->token.data = d->place;
    } else if (n < d->want) {
        if (!decoder_hold(d, d->at, n)) {
            return PB__TOKEN_DEAD;
        }
        d->token.data = d->held.data;
    }
    d->at += n;
    d->got += n;
    if (n < missing) {
        return PB__TOKEN_MORE;
    }
    int token = d->state == PB__IN_STRING ? PB__TOKEN_STRING : PB__TOKEN_FLOAT;
    d->state = PB__BETWEEN_TOKENS;
    d->held.len = 0;
    return token;
}

int pb__decode_slow(pb_decoder *d, const uint8_t *end)
{
    return d->state == PB__IN_STRING || d->state == PB__IN_FLOAT ? read_body(d)
                                                                 : read_header(d, end);
}

int pb__decode_cut(pb_decoder *d, uint32_t left, int type, uint64_t n)
{
    bool string = type == PB__TYPE_STRING;
    size_t limit = d->limits.message;
    if (string && n > d->limits.bytes) {
        decoder_fail(d, PB__FAULT_STRING, n, d->limits.bytes);
    } else if (n > limit || pb__decoder_offset(d) > limit - n) {
        decoder_fail(d, PB__FAULT_MESSAGE, 0, limit);
    } else {
        d->state = string ? PB__IN_STRING : PB__IN_FLOAT;
        d->want = (size_t)n;
        d->got = 0;
        d->place = string && d->ops->place ? d->ops->place(d->ctx, d->want) : NULL;
        read_body(d);
    }
    return pb__decode_leave(d, d->at, left, 0);
}

int pb__decode_make_room(pb_decoder *d, uint64_t n)
{
    if (n > d->limits.list) {
        return decoder_fail(d, PB__FAULT_LIST, n, d->limits.list);
    }
    if (n > d->tokens_left) {
        return decoder_fail(d, PB__FAULT_VALUES, 0, d->limits.values);
    }
    if (d->depth >= d->limits.depth) {
        return decoder_fail(d, PB__FAULT_DEPTH, 0, d->limits.depth);
    }
    if (d->depth == d->stack_cap) {
        size_t cap = d->stack_cap ? (size_t)d->stack_cap * 2 : STACK_KEPT;
        size_t size;
        uint32_t *stack = NULL;
        if (cap <= UINT32_MAX && pb__mul(cap, sizeof *stack, &size)) {
            stack = pb__realloc(d->stack, size);
        }
        if (!stack) {
            return decoder_fail(d, PB__FAULT_NOMEM, 0, 0);
        }
        d->stack = stack;
        d->stack_cap = (uint32_t)cap;
    }
    d->depth_room =
        d->stack_cap < d->limits.depth ? d->stack_cap : (uint32_t)d->limits.depth;
    return 0;
}

int pb__decode_refuse(pb_decoder *d, uint32_t left, int type, uint64_t n)
{
    if (type != PB__TYPE_VOCAB) {
        decoder_fail(d, PB__FAULT_TYPE, (uint64_t)type, 0);
    } else if (n == 0 || n >= PB__WORD_END) {
        decoder_fail(d, PB__FAULT_WORD, n, 0);
    } else {
        decoder_fail(d, PB__FAULT_VOCAB, n, 0);
    }
    return pb__decode_leave(d, d->at, left, 0);
}

/* Frees buffers that an idle decoder does not need. */
static void decoder_trim(pb_decoder *d)
{
    if (d->held.cap > HELD_KEPT && d->state == PB__BETWEEN_TOKENS) {
        pb__buf_fini(&d->held);
    }
    if (d->stack_cap > STACK_KEPT && d->depth == 0) {
        pb__free(d->stack);
        d->stack = NULL;
        d->stack_cap = d->depth_room = 0;
    }
}

int pb__decode_leave(pb_decoder *d, const uint8_t *p, uint32_t left, int refused)
{
    if (refused) {
        d->fault = (struct pb__fault){.code = refused, .kind = PB__FAULT_SINK};
    }
    d->at = p;
    d->offset = pb__decoder_offset(d);
    d->rest = (size_t)(d->end - p);
    d->mark = d->at = d->end = NULL;
    d->left = left;
    decoder_trim(d);
    return d->fault.code;
}

/* The loop for any sink. */
static int decoder_run(pb_decoder *d, void *ctx, const uint8_t *in, size_t len)
{
    return pb__decode_loop(d, d->ops, ctx, in, len, false);
}

void pb__decoder_init(pb_decoder *d, pb_dialect dialect, const pb_limits *limits,
                      pb_sink out)
{
    *d = (pb_decoder){.ops = out.ops, .ctx = out.ctx, .run = decoder_run, .left = 1};
    pb__decoder_set_limits(d, limits);
    pb_decoder_set_dialect(d, dialect);
    if (out.ops->attach) {
        out.ops->attach(out.ctx, d);
    }
}

void pb__decoder_fini(pb_decoder *d)
{
    pb__buf_fini(&d->held);
    pb__free(d->stack);
    d->stack = NULL;
}

void pb__decoder_allow_vocab(pb_decoder *d, bool always)
{
    d->vocab_always = always;
    d->words = always || d->dialect == PB_DIALECT_PB;
}

static bool is_complete(const pb_sink_ops *o)
{
    return o && o->list && o->end && o->integer && o->big && o->real && o->bytes;
}

pb_decoder *pb_decoder_new(pb_dialect d, const pb_limits *limits, pb_sink out)
{
    pb_decoder *decoder = out.ops ? pb__malloc(sizeof *decoder) : NULL;
    if (decoder) {
        pb__decoder_init(decoder, d, limits, out);
    }
    /* No other caller uses a sink that has its own loop, so it need not be complete. */
    if (decoder && decoder->run == decoder_run && !is_complete(out.ops)) {
        pb_decoder_free(decoder);
        return NULL;
    }
    return decoder;
}

int pb_decoder_recv(pb_decoder *d, pb_span in, pb_error *err)
{
    return d && !pb__span_is_null(in)
               ? pb__decoder_recv(d, in, err)
               : pb__error_null(err, d ? "the input" : "the decoder");
}

int pb__decoder_recv(pb_decoder *d, pb_span in, pb_error *err)
{
    d->rest = 0;
    if (d->fault.code != 0 || (in.len > 0 && d->run(d, d->ctx, in.data, in.len) != 0)) {
        return pb__fault_report(&d->fault, err);
    }
    return 0;
}

void pb_decoder_set_dialect(pb_decoder *d, pb_dialect dialect)
{
    if (d) {
        d->dialect = (uint8_t)dialect;
        pb__decoder_allow_vocab(d, d->vocab_always);
    }
}

void pb__decoder_set_limits(pb_decoder *d, const pb_limits *limits)
{
    d->limits = pb__limits_resolve(limits);
    d->depth_room = 0; /* so the next list is checked */
}

void pb_decoder_pause(pb_decoder *d)
{
    if (d) {
        d->paused = true;
    }
}

size_t pb_decoder_rest(const pb_decoder *d)
{
    return d ? d->rest : 0;
}

uint64_t pb_decoder_count(const pb_decoder *d)
{
    return d ? d->count : 0;
}

uint64_t pb_decoder_offset(const pb_decoder *d)
{
    return d ? pb__decoder_offset(d) : 0;
}

void pb_decoder_free(pb_decoder *d)
{
    if (d) {
        pb__decoder_fini(d);
        pb__free(d);
    }
}
