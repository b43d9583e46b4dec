/* SPDX-License-Identifier: MIT
 *
 * The inside of the decoder, and its loop. The loop is inline, so that a sink can have
 * its own instance with its functions inlined. The loop handles the tokens that are
 * complete in the input. The functions in decode.c handle all others: tokens that are cut
 * by the end of the input, long prefixes, and refused tokens. */
#ifndef PB__DECODE_H
#define PB__DECODE_H

#include "libpb/banana/fault.h"
#include "libpb/banana/limits.h"
#include "libpb/banana/vocab.h"
#include "libpb/banana/type_bytes.h"
#include "libpb/base/buf.h"
#include "pb/banana.h"

/* Results of pb__decode_slow other than a type byte. */
enum pb__token {
    PB__TOKEN_MORE, /* no token: the input is used up */
    PB__TOKEN_DEAD, /* no token: d->fault is set */
    /* an int that does not fit into int64_t; its digits are in d->token */
    PB__TOKEN_BIG,
    PB__TOKEN_BIG_NEGATIVE, /* a negative one */
    PB__TOKEN_STRING,       /* a string that was cut; now complete, in d->token */
    PB__TOKEN_FLOAT,        /* a float that was cut; now complete, in d->token */
};

/* The position in a token at which the last input ended. */
enum pb__decode_state {
    PB__BETWEEN_TOKENS,
    PB__IN_PREFIX, /* its first bytes are in `held` */
    /* `got` of `want` bytes are in `place`, or in `held` if that is NULL */
    PB__IN_STRING,
    PB__IN_FLOAT, /* `got` of `want` bytes are in `held` */
};

/* Decodes the input of one pb_decoder_recv, at least one byte. Each such function is an
 * instance of pb__decode_loop, for the sink whose context is ctx. The decoder has one
 * that calls any sink. A sink of this library may have its own instance, into which the
 * compiler inlines the functions of the sink; its `attach` passes that to
 * pb__decoder_set_loop. */
typedef int pb__decode_fn(pb_decoder *d, void *ctx, const uint8_t *in, size_t len);

/* The fields are private to banana/. Use the functions below. */
struct pb_decoder {
    const pb_sink_ops *ops;
    void *ctx;
    pb__decode_fn *run;
    struct pb__limits limits;
    struct pb__fault fault;

    /* The top-level expression that is being read. */
    uint64_t count;       /* top-level expressions before it */
    uint64_t offset;      /* its bytes before `mark` */
    uint64_t tokens_left; /* elements that further lists of it may have */
    uint32_t *stack;      /* for each open list except the innermost: missing elements */
    uint32_t left;        /* missing elements of the innermost list; outside of lists 1 */
    uint32_t depth;       /* open lists */
    uint32_t depth_room;  /* up to this depth, a list needs no further check */
    uint32_t stack_cap;

    /* The input that is being read. */
    /* the first byte of it, or of the expression if that began later */
    const uint8_t *mark;
    const uint8_t *at; /* the byte after the last type byte that was read */
    const uint8_t *end;
    const uint8_t *next; /* for a sink that reads ahead: the byte after the token, */
    const uint8_t *stop; /* and the end of what it may read */
    uint64_t number;     /* the prefix that pb__decode_slow has read */
    pb_span token;
    size_t rest; /* bytes that were not decoded because of a pause */

    /* A token that was cut by the end of the input. */
    struct pb__buf held;
    uint8_t *place; /* memory that the sink has provided for it */
    size_t want, got;
    uint8_t state; /* enum pb__decode_state */

    uint8_t dialect;
    bool vocab_always; /* allow VOCAB in every dialect */
    bool words;        /* VOCAB is allowed now */
    bool paused;
};

/* Allocates no memory until the first bytes are received. */
void pb__decoder_init(pb_decoder *d, pb_dialect dialect, const pb_limits *limits,
                      pb_sink out);
void pb__decoder_fini(pb_decoder *d);
/* Sets the loop that calls the sink. */
static inline void pb__decoder_set_loop(pb_decoder *d, pb__decode_fn *run)
{
    d->run = run;
}
/* pb_decoder_recv and pb_decoder_offset, for arguments that are not NULL. */
int pb__decoder_recv(pb_decoder *d, pb_span in, pb_error *err);
static inline uint64_t pb__decoder_offset(const pb_decoder *d)
{
    return d->offset + (uint64_t)(d->at - d->mark);
}
/* Allows VOCAB in every dialect, as in Twisted up to 13.2. */
void pb__decoder_allow_vocab(pb_decoder *d, bool always);
/* Sets the number of top-level expressions that count as completed. */
static inline void pb__decoder_set_count(pb_decoder *d, uint64_t count)
{
    d->count = count;
}

/* ---- Sinks that read ahead ----
 *
 * Calling the sink for every token costs more than reading most tokens. So the jelly
 * reader does not wait for the calls: when the decoder has passed it a token, the reader
 * itself reads the values that follow in the input, up to the first one that is not
 * plain, and reports how many elements it has read. For ["list", 7, 8, 9, None, ...]:
 *
 *     input   list 6 | "list" |   7    8    9   | list 1 | "None" | ...
 *                    |        |                 |
 *     decoder list(6)  bytes("list")            |   continues here:  list(1), ...
 *     sink               `----> reads 7, 8, 9 --'   bytes() has returned 3
 *
 * The contract:
 * - Only a loop with reads_ahead (pb__decode_loop) accepts such a result.
 * - After a token, `list`, `integer`, `real`, `bytes` or `end` may call
 *   pb__decoder_ahead, which returns the position after the token. The function reads
 *   from there, and reports the new position with pb__decoder_advance.
 * - It returns the number of elements of the innermost list that it has read; 0 is none.
 *   The innermost list is that which contains the token, or for `list` the new list, or
 *   for `end` the list around the one that has ended. For `list` the number must be
 *   smaller than that of the list's elements.
 * - What it has read must be complete, must end at or before `stop`, and must keep the
 *   limits: the elements of lists in it count in tokens_left, and
 *   pb__decoder_allows_ahead says how deep and long they may be.
 * - Anything else, and every error, is left to the decoder. */
struct pb__ahead_input {
    const uint8_t *p;     /* the next byte */
    const uint8_t *stop;  /* the end of the input, or of what the expression may have */
    uint64_t tokens_left; /* elements that further lists may have */
};

static inline struct pb__ahead_input pb__decoder_ahead(const pb_decoder *d)
{
    return (struct pb__ahead_input){d->next, d->stop, d->tokens_left};
}

static inline void pb__decoder_advance(pb_decoder *d, const struct pb__ahead_input *in)
{
    d->next = in->p;
    d->tokens_left = in->tokens_left;
}

/* Returns whether lists may be nested `depth` levels deeper than now, lists may have
 * `list` elements, strings `bytes` bytes, and prefixes `prefix` bytes. */
static inline bool pb__decoder_allows_ahead(const pb_decoder *d, uint32_t depth,
                                            size_t list, size_t bytes, size_t prefix)
{
    return d->depth + depth <= d->depth_room && d->limits.list >= list &&
           d->limits.bytes >= bytes && d->limits.prefix >= prefix;
}

/* Returns whether a VOCAB is allowed now. */
static inline bool pb__decoder_allows_vocab(const pb_decoder *d)
{
    return d->words;
}

/* The limit for the bytes of a string. */
static inline size_t pb__decoder_bytes_limit(const pb_decoder *d)
{
    return d->limits.bytes;
}

/* ---- The loop ---- */

/* The following functions are for the loop only. d->at is the byte after the type
 * byte. */

/* Reads the next token if it may be cut, or if its prefix has more than 9 digits. The
 * token begins at d->at, which is moved. */
int pb__decode_slow(pb_decoder *d, const uint8_t *end);
/* Makes room on the stack for a list of n elements, or refuses the list. */
int pb__decode_make_room(pb_decoder *d, uint64_t n);

/* The next three functions end the loop, which returns their result. */

/* Refuses a string that is too long, or begins a string or float that is not complete. */
int pb__decode_cut(pb_decoder *d, uint32_t left, int type, uint64_t n);
/* Refuses a type byte, or the VOCAB n. */
int pb__decode_refuse(pb_decoder *d, uint32_t left, int type, uint64_t n);
/* Ends the loop: the input is used up to p, or the sink has failed with `refused`, or
 * d->fault is set. */
int pb__decode_leave(pb_decoder *d, const uint8_t *p, uint32_t left, int refused);

/* The position up to which the expression may extend within this input. */
static inline const uint8_t *pb__decode_bound(const pb_decoder *d)
{
    uint64_t room = d->limits.message > d->offset ? d->limits.message - d->offset : 0;
    return room < (uint64_t)(d->end - d->mark) ? d->mark + room : d->end;
}

/* Reads the header of the token at p: returns its type byte, its number in *n, and the
 * following position in *next. Returns 0 if the header may be cut, or if its prefix has
 * more than 9 digits. The cases are tried in the order of their frequency in ordinary
 * data. */
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
            if (digits <= d->limits.prefix && p[digits] >= 0x80) {
                *n = pb__digits_gather(x) | (digits > 8 ? (uint64_t)p[8] << 56 : 0);
                *next = p + digits + 1;
                return p[digits];
            }
        }
    }
    return 0;
}

/* Begins an expression at p; returns the position up to which it may extend within this
 * input. */
static inline const uint8_t *pb__decode_begin(pb_decoder *d, const uint8_t *p)
{
    d->offset = 0;
    d->mark = p;
    d->tokens_left = d->limits.values - 1;
    return pb__decode_bound(d);
}

/* The variables of the loop, which the compiler keeps in registers. */
struct pb__decode_locals {
    const uint8_t *p;   /* the next byte */
    const uint8_t *end; /* the end of the input, or of what the expression may have */
    uint32_t left;      /* missing elements of the innermost list */
};

/* Subtracts the elements that a sink has read ahead, its result, from those that are
 * missing. Returns 0, or the error of the sink. */
PB__ALWAYS_INLINE int pb__decode_skip_ahead(const pb_decoder *d,
                                            struct pb__decode_locals *l, int result,
                                            bool reads_ahead)
{
    if (reads_ahead && result > 0) {
        l->left -= (uint32_t)result;
        l->p = d->next;
        return 0;
    }
    return result;
}

/* Passes a token other than a list to the sink, whose result is *result. Returns false if
 * the loop must end and return *result. */
PB__ALWAYS_INLINE bool pb__decode_scalar(pb_decoder *d, const pb_sink_ops *ops, void *ctx,
                                         struct pb__decode_locals *l, int type,
                                         uint64_t n, int *result)
{
    switch (type) {
    case PB__TYPE_STRING:
        if (PB__UNLIKELY(n > d->limits.bytes || n > (uint64_t)(l->end - l->p))) {
            *result = pb__decode_cut(d, l->left, type, n);
            return false;
        }
        l->p += n;
        d->next = l->p;
        *result = ops->bytes(ctx, (pb_span){l->p - n, (size_t)n});
        return true;
    case PB__TYPE_INT:
    case PB__TYPE_NEG:
    case PB__TYPE_LONGINT:
    case PB__TYPE_LONGNEG:
        n = type == PB__TYPE_NEG || type == PB__TYPE_LONGNEG ? 0 - n : n;
        *result = ops->integer(ctx, (int64_t)n);
        return true;
    case PB__TYPE_FLOAT:
        if (PB__UNLIKELY(l->end - l->p < 8)) {
            *result = pb__decode_cut(d, l->left, type, 8);
            return false;
        }
        l->p += 8;
        d->next = l->p;
        *result = ops->real(ctx, pb__load_real(l->p - 8));
        return true;
    case PB__TYPE_VOCAB:
        if (PB__UNLIKELY(n - 1 >= PB__WORD_END - 1 || !d->words)) {
            break;
        }
        *result = ops->bytes(ctx, pb__word((unsigned)n));
        return true;
    case PB__TOKEN_BIG:
    case PB__TOKEN_BIG_NEGATIVE:
        *result = ops->big(ctx, type == PB__TOKEN_BIG_NEGATIVE, d->token);
        return true;
    case PB__TOKEN_STRING:
        *result = ops->bytes(ctx, d->token);
        return true;
    case PB__TOKEN_FLOAT:
        *result = ops->real(ctx, pb__load_real(d->token.data));
        return true;
    case PB__TOKEN_MORE:
    case PB__TOKEN_DEAD:
        *result = pb__decode_leave(d, l->p, l->left, 0);
        return false;
    default:
        break;
    }
    *result = pb__decode_refuse(d, l->left, type, n);
    return false;
}

/* Counts an element that is complete, and ends the lists that are complete with it.
 * `result` is that of the sink for the element; returns that for the last of the
 * lists. */
PB__ALWAYS_INLINE int pb__decode_complete(pb_decoder *d, const pb_sink_ops *ops,
                                          void *ctx, struct pb__decode_locals *l,
                                          int result, bool reads_ahead)
{
    for (;;) {
        result = pb__decode_skip_ahead(d, l, result, reads_ahead);
        if (--l->left != 0 || result) {
            return result;
        }
        if (d->depth == 0) {
            d->count++;
            d->stop = l->end = pb__decode_begin(d, l->p);
            l->left = 1;
            return 0;
        }
        result = ops->end(ctx);
        l->left = d->stack[--d->depth];
    }
}

/* Decodes the input and passes the tokens to the sink. Returns 0, or the code of the
 * error that ended the stream. If reads_ahead is set, a positive result of a function of
 * the sink is the number of elements that the sink has read; see above. */
PB__ALWAYS_INLINE int pb__decode_loop(pb_decoder *d, const pb_sink_ops *ops, void *ctx,
                                      const uint8_t *in, size_t len, bool reads_ahead)
{
    struct pb__decode_locals l = {.p = in, .left = d->left};
    d->mark = in;
    d->end = in + len;
    d->paused = false;
    d->stop = l.end = d->offset ? pb__decode_bound(d) : pb__decode_begin(d, l.p);
    bool cut = d->state != PB__BETWEEN_TOKENS;
    int result = 0;
    while (!result && !d->paused) {
        uint64_t n;
        int type = cut ? 0 : pb__decode_header(d, l.p, l.end, &l.p, &n);
        if (PB__UNLIKELY(type == 0)) {
            d->at = l.p;
            type = pb__decode_slow(d, l.end);
            l.p = d->at;
            n = d->number;
            cut = false;
        }
        d->at = d->next = l.p;
        if (type == PB__TYPE_LIST) {
            if (PB__UNLIKELY(n > d->limits.list || n > d->tokens_left ||
                             d->depth >= d->depth_room) &&
                pb__decode_make_room(d, n) != 0) {
                return pb__decode_leave(d, l.p, l.left, 0);
            }
            d->tokens_left -= n;
            result = ops->list(ctx, (size_t)n);
            if (n != 0) {
                d->stack[d->depth++] = l.left;
                l.left = (uint32_t)n;
                result = pb__decode_skip_ahead(d, &l, result, reads_ahead);
                continue;
            }
            result = result ? result : ops->end(ctx);
        } else if (!pb__decode_scalar(d, ops, ctx, &l, type, n, &result)) {
            return result;
        }
        result = pb__decode_complete(d, ops, ctx, &l, result, reads_ahead);
    }
    return pb__decode_leave(d, l.p, l.left, result);
}

#endif
