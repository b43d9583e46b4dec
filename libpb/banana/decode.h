/* SPDX-License-Identifier: MIT
 *
 * The decoder's insides, and its loop: inline, so that a sink can have one of its own with
 * its calls compiled in. The loop handles tokens that lie whole in the input; whatever is
 * cut by the input's end, long or refused goes through the functions in decode.c. */
#ifndef PB__DECODE_H
#define PB__DECODE_H

#include "libpb/banana/fault.h"
#include "libpb/banana/limits.h"
#include "libpb/banana/vocab.h"
#include "libpb/banana/type_bytes.h"
#include "libpb/base/buf.h"
#include "pb/banana.h"

/* What the loop may find in place of a type byte. */
enum pb__token {
    PB__TOKEN_MORE,         /* nothing: the input is used up */
    PB__TOKEN_DEAD,         /* nothing: d->fault is set */
    PB__TOKEN_BIG,          /* an int that is no int64_t: its digits in d->token */
    PB__TOKEN_BIG_NEGATIVE, /* the same below 0 */
    PB__TOKEN_STRING,       /* a string that was cut, whole now, in d->token */
    PB__TOKEN_FLOAT,        /* a float that was cut, likewise */
};

/* Where the last input ended. */
enum pb__decode_state {
    PB__BETWEEN_TOKENS,
    PB__IN_PREFIX, /* held has its beginning */
    PB__IN_STRING, /* `got` bytes of `want` are in place, or in held if that is NULL */
    PB__IN_FLOAT,  /* the same, in held */
};

/* Takes the input of one pb_decoder_recv, at least one byte: an instance of
 * pb__decode_loop. A sink of this library that has one of its own calls it with constant
 * ops, equal to its own, and d->ctx; its `attach` gives it to the decoder. */
typedef int pb__decode_fn(pb_decoder *d, const uint8_t *in, size_t len);

struct pb_decoder {
    const pb_sink_ops *ops;
    void *ctx;
    pb__decode_fn *run;
    struct pb__limits limits;
    struct pb__fault fault;

    /* The top-level expression that is being read. */
    uint64_t count;       /* those before it */
    uint64_t offset;      /* its bytes before `mark` */
    uint64_t tokens_left; /* how many more elements its lists may announce */
    uint32_t *stack;      /* of each open list but the innermost: elements to come */
    uint32_t left;       /* of the innermost list: elements to come; outside of lists 1 */
    uint32_t depth;      /* open lists */
    uint32_t depth_room; /* what depth may grow to without asking */
    uint32_t stack_cap;

    /* The input that is being read. */
    const uint8_t *mark; /* where it, or the expression if that began later, begins */
    const uint8_t *at;   /* just past the last type byte that was read */
    const uint8_t *end;
    const uint8_t *next; /* for a sink that reads on: what follows the token, */
    const uint8_t *stop; /* and up to where it may go */
    uint64_t number;     /* the prefix that pb__decode_slow read */
    pb_span token;
    size_t rest; /* left after a pause */

    /* The token that is cut. */
    struct pb__buf held;
    uint8_t *place; /* the sink's */
    size_t want, got;
    uint8_t state; /* enum pb__decode_state */

    uint8_t dialect;
    bool vocab_always; /* whatever the dialect */
    bool words;        /* VOCAB is allowed now */
    bool paused;
};

/* No memory is taken before the first bytes come. */
void pb__decoder_init(pb_decoder *d, pb_dialect dialect, const pb_limits *limits,
                      pb_sink out);
void pb__decoder_fini(pb_decoder *d);
/* Gives the decoder the loop of its sink. */
static inline void pb__decoder_set_loop(pb_decoder *d, pb__decode_fn *run)
{
    d->run = run;
}
/* pb_decoder_recv and pb_decoder_offset, where nothing is NULL. */
int pb__decoder_recv(pb_decoder *d, pb_span in, pb_error *err);
static inline uint64_t pb__decoder_offset(const pb_decoder *d)
{
    return d->offset + (uint64_t)(d->at - d->mark);
}
/* Reads VOCAB in every dialect, as Twisted did up to 13.2. */
void pb__decoder_allow_vocab(pb_decoder *d, bool always);

/* For the loop only. d->at is just past the type byte. */

/* The next token where it may be cut, or has a prefix of more than 9 digits; d->at is
 * where it begins, and is moved. */
int pb__decode_slow(pb_decoder *d, const uint8_t *end);
/* Makes room on the stack for a list of n elements, or refuses it. */
int pb__decode_make_room(pb_decoder *d, uint64_t n);

/* The rest end the loop and return what it returns. */

/* Refuses a string that is too long, or begins a string or float that is not whole. */
int pb__decode_cut(pb_decoder *d, uint32_t left, int type, uint64_t n);
/* Refuses a type byte, or the VOCAB n. */
int pb__decode_refuse(pb_decoder *d, uint32_t left, int type, uint64_t n);
/* The input is used up to p, or the sink refused with a number, or d->fault is set. */
int pb__decode_leave(pb_decoder *d, const uint8_t *p, uint32_t left, int refused);

/* Up to where the expression may go within this input. */
static inline const uint8_t *pb__decode_bound(const pb_decoder *d)
{
    uint64_t room = d->limits.message > d->offset ? d->limits.message - d->offset : 0;
    return room < (uint64_t)(d->end - d->mark) ? d->mark + room : d->end;
}

/* The type byte of the token at p, its number, and what comes next; 0 if it may be cut, or
 * has a prefix of more than 9 digits. The order of the tries is that of ordinary data. */
PB__ALWAYS_INLINE int pb__decode_header(const pb_decoder *d, const uint8_t *p,
                                        const uint8_t *end, const uint8_t **next,
                                        uint64_t *n)
{
    if (PB__LIKELY(end - p >= 2) && p[0] < 0x80 && p[1] >= 0x80) {
        *n = p[0];
        *next = p + 2;
        return p[1];
    }
    if (PB__LIKELY(end - p >= 10)) {
        uint64_t x = pb__load_le64(p);
        uint64_t types = x & 0x8080808080808080;
        if (PB__LIKELY(types != 0)) {
            unsigned digits = (unsigned)__builtin_ctzll(types) / 8;
            if (PB__LIKELY(digits <= d->limits.prefix)) {
                *n = pb__digits_gather(x & ((UINT64_C(1) << digits * 8) - 1));
                *next = p + digits + 1;
                return p[digits];
            }
        } else {
            unsigned digits = 8 + (p[8] < 0x80);
            if (p[digits] >= 0x80 && digits <= d->limits.prefix) {
                *n = pb__digits_gather(x) | (digits > 8 ? (uint64_t)p[8] << 56 : 0);
                *next = p + digits + 1;
                return p[digits];
            }
        }
    }
    return 0;
}

/* Begins an expression at p; returns up to where it may go within this input. */
static inline const uint8_t *pb__decode_begin(pb_decoder *d, const uint8_t *p)
{
    d->offset = 0;
    d->mark = p;
    d->tokens_left = d->limits.values - 1;
    return pb__decode_bound(d);
}

/* Reads the input, handing tokens to the sink; returns 0 or what ended the stream.
 *
 * A sink with a loop of its own may read on: its functions then return, in place of 0, how
 * many further elements of the list that is innermost after the token they have read from
 * d->next on, and move d->next past them; of a list that has just begun, not all. These
 * are whole, within d->stop, and within the limits: lists in them take their elements from
 * d->tokens_left, and are no deeper than d->depth_room. */
PB__ALWAYS_INLINE int pb__decode_loop(pb_decoder *d, const pb_sink_ops *ops, void *ctx,
                                      const uint8_t *in, size_t len, bool reads_on)
{
    d->mark = in;
    d->end = in + len;
    d->paused = false;
    const uint8_t *p = in;
    const uint8_t *end = d->offset ? pb__decode_bound(d) : pb__decode_begin(d, p);
    d->stop = end;
    uint32_t left = d->left;
    bool cut = d->state != PB__BETWEEN_TOKENS;
    int refused = 0;
    while (!refused && !d->paused) {
        uint64_t n;
        int type = cut ? 0 : pb__decode_header(d, p, end, &p, &n);
        if (PB__UNLIKELY(type == 0)) {
            d->at = p;
            type = pb__decode_slow(d, end);
            p = d->at;
            n = d->number;
            cut = false;
        }
        d->at = d->next = p;
        switch (type) {
        case PB__TYPE_LIST:
            if (PB__UNLIKELY(n > d->limits.list || n > d->tokens_left ||
                             d->depth >= d->depth_room) &&
                pb__decode_make_room(d, n) != 0) {
                return pb__decode_leave(d, p, left, 0);
            }
            d->tokens_left -= n;
            refused = ops->list(ctx, (size_t)n);
            if (n != 0) {
                d->stack[d->depth++] = left;
                left = (uint32_t)n;
                if (reads_on && refused > 0) {
                    left -= (uint32_t)refused;
                    p = d->next;
                    refused = 0;
                }
                continue;
            }
            refused = refused ? refused : ops->end(ctx);
            break;
        case PB__TYPE_STRING:
            if (PB__UNLIKELY(n > d->limits.bytes || n > (uint64_t)(end - p))) {
                return pb__decode_cut(d, left, type, n);
            }
            p += n;
            d->next = p;
            refused = ops->bytes(ctx, (pb_span){p - n, (size_t)n});
            break;
        case PB__TYPE_INT:
        case PB__TYPE_NEG:
        case PB__TYPE_LONGINT:
        case PB__TYPE_LONGNEG:
            n = type == PB__TYPE_NEG || type == PB__TYPE_LONGNEG ? 0 - n : n;
            refused = ops->integer(ctx, (int64_t)n);
            break;
        case PB__TYPE_FLOAT:
            if (PB__UNLIKELY(end - p < 8)) {
                return pb__decode_cut(d, left, type, 8);
            }
            p += 8;
            d->next = p;
            refused = ops->real(ctx, pb__load_real(p - 8));
            break;
        case PB__TYPE_VOCAB:
            if (PB__UNLIKELY(n - 1 >= PB__WORD_END - 1 || !d->words)) {
                return pb__decode_refuse(d, left, type, n);
            }
            refused = ops->bytes(ctx, pb__word((unsigned)n));
            break;
        case PB__TOKEN_BIG:
        case PB__TOKEN_BIG_NEGATIVE:
            refused = ops->big(ctx, type == PB__TOKEN_BIG_NEGATIVE, d->token);
            break;
        case PB__TOKEN_STRING:
            refused = ops->bytes(ctx, d->token);
            break;
        case PB__TOKEN_FLOAT:
            refused = ops->real(ctx, pb__load_real(d->token.data));
            break;
        case PB__TOKEN_MORE:
        case PB__TOKEN_DEAD:
            return pb__decode_leave(d, p, left, 0);
        default:
            return pb__decode_refuse(d, left, type, n);
        }
        for (;;) {
            if (reads_on && refused > 0) {
                left -= (uint32_t)refused;
                p = d->next;
                refused = 0;
            }
            if (--left != 0 || refused) {
                break;
            }
            if (d->depth == 0) {
                d->count++;
                d->stop = end = pb__decode_begin(d, p);
                left = 1;
                break;
            }
            refused = ops->end(ctx);
            left = d->stack[--d->depth];
        }
    }
    return pb__decode_leave(d, p, left, refused);
}

/* The same for a sink that takes token by token. */
PB__ALWAYS_INLINE int pb__decode_run(pb_decoder *d, const pb_sink_ops *ops, void *ctx,
                                     const uint8_t *in, size_t len)
{
    return pb__decode_loop(d, ops, ctx, in, len, false);
}

#endif
