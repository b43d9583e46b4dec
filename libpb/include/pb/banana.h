/* SPDX-License-Identifier: MIT
 *
 * Banana: bytes to tokens and back. The token sink is the one joint between the layers:
 * a decoder calls one, an encoder is one, so a decoder that feeds an encoder gives back
 * the bytes that went in. Mirrors twisted.spread.banana. */
#ifndef PB_BANANA_H
#define PB_BANANA_H

#include <stdbool.h>

#include "pb/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes to tokens: a stream that is read. */
typedef struct pb_decoder pb_decoder;

/* ---- Tokens ---- */

/* The functions that receive tokens; all but `place` and `attach` are required. Each returns
 * 0, or anything else to stop the decoder, which is then dead with that number. Spans are
 * borrowed for the time of the call. */
typedef struct {
    /* A list of n elements begins; that many tokens or lists follow, then `end`. */
    int (*list)(void *ctx, size_t n);
    int (*end)(void *ctx);
    /* INT, NEG, LONGINT, LONGNEG whose value fits. */
    int (*integer)(void *ctx, int64_t i);
    /* One that does not: its magnitude as base 128 digits, least first, without high
     * zeros. */
    int (*big)(void *ctx, bool negative, pb_span base128);
    int (*real)(void *ctx, double d);
    /* STRING, or VOCAB in dialect pb (the word then, from storage that lasts). */
    int (*bytes)(void *ctx, pb_span s);
    /* May be NULL. A string of len bytes has begun to arrive and is not here yet: the
     * place where its bytes shall go (valid until the `bytes` that follows with this very
     * pointer, or until the decoder is freed), so that a large string is copied once.
     * NULL: the decoder keeps the bytes itself until they are complete. */
    uint8_t *(*place)(void *ctx, size_t len);
    /* May be NULL. The decoder that the tokens will come from has been made: for a sink
     * that pauses it, or asks it for an offset. No token may be expected yet. */
    void (*attach)(void *ctx, pb_decoder *d);
    void *reserved[4];
} pb_sink_ops;

/* A receiver of tokens: what it does, and for whom. Frozen. */
typedef struct {
    const pb_sink_ops *ops;
    void *ctx;
} pb_sink;

/* ---- Limits and dialects ---- */

/* Limits of what is read or written; 0 is the default. Prefix, list and bytes are
 * Twisted's own; the rest bounds what a peer can make us spend. The elements that a list
 * announces count as tokens at once, so that a list can be made room for when it begins. */
typedef struct {
    size_t prefix;  /* bytes of a prefix: 64 (ints of 448 bits). banana.setPrefixLimit */
    size_t list;    /* elements of a list: 640 * 1024. banana.SIZE_LIMIT */
    size_t bytes;   /* bytes of a string: 640 * 1024. banana.SIZE_LIMIT */
    size_t depth;   /* lists within lists: 4096 */
    size_t message; /* bytes of one top-level expression: 256 MiB */
    size_t values;  /* tokens of one top-level expression: 16 Mi */
    size_t reserved[4];
} pb_limits;

/* Replaces every 0 in *limits by its default, and a limit past what a decoder can count
 * (list: UINT32_MAX; bytes, message, values: PTRDIFF_MAX) by that. NULL is ignored. */
PB_API void pb_limits_default(pb_limits *limits);

/* NONE has no vocabulary; PB has; before the negotiation there is neither. */
typedef enum {
    PB_DIALECT_UNKNOWN,
    PB_DIALECT_NONE,
    PB_DIALECT_PB,
} pb_dialect;

/* ---- Decoding ---- */

/* A decoder, *new* (pb_decoder_free); NULL for lack of memory, or of a function of the
 * sink's. limits may be NULL. */
PB_API pb_decoder *pb_decoder_new(pb_dialect d, const pb_limits *limits, pb_sink out);
/* Takes all of `in`. 0, or the error that ended the stream, which is said again by every
 * further call: PB_ERR_LIMIT (prefix, list, bytes, depth, message, values), PB_ERR_SYNTAX
 * (unknown type byte), PB_ERR_PROTOCOL (VOCAB where it may not be, or of no word),
 * PB_ERR_NOMEM, or the number that the sink returned (err is then the sink's to fill).
 * PB_ERR_ARG for a NULL decoder, or a NULL `in` that has a length, ends nothing.
 * err->offset counts from the first byte of the top-level expression that was being read
 * to the byte at which it was refused: mostly a type byte.
 * Mirrors Banana.dataReceived. */
PB_API int pb_decoder_recv(pb_decoder *d, pb_span in, pb_error *err);
/* The dialect from now on; may be called by the sink. */
PB_API void pb_decoder_set_dialect(pb_decoder *d, pb_dialect dialect);
/* Called by the sink: pb_decoder_recv returns 0 after this token, and after the ends of
 * the lists that it completes. */
PB_API void pb_decoder_pause(pb_decoder *d);
/* How many bytes at the end of its input a decoder that was paused has left, for the
 * caller to give again; else 0. */
PB_API size_t pb_decoder_rest(const pb_decoder *d);
/* How many top-level expressions were completed. */
PB_API uint64_t pb_decoder_count(const pb_decoder *d);
/* The offset of the next byte within the expression that is being read (0 between
 * expressions); in a call of the sink, of the byte that follows the last type byte. */
PB_API uint64_t pb_decoder_offset(const pb_decoder *d);
/* Ends a decoder; not from within the sink. NULL is allowed. */
PB_API void pb_decoder_free(pb_decoder *d);

/* ---- Encoding ---- */

/* Tokens to bytes: a stream that is written. */
typedef struct pb_encoder pb_encoder;

/* An encoder, *new* (pb_encoder_free); NULL for lack of memory. limits may be NULL. */
PB_API pb_encoder *pb_encoder_new(pb_dialect d, const pb_limits *limits);
/* The sink that writes; its ctx is e. Errors: PB_ERR_LIMIT where Twisted's banana refuses
 * to send (integer, string or list past the limits), PB_ERR_NOMEM. What a refused
 * expression had written is taken back with pb_encoder_rewind. */
PB_API pb_sink pb_encoder_sink(pb_encoder *e);
/* Fills err with why a call of the sink failed, and returns its code; 0 if none did since
 * the last pb_encoder_rewind. */
PB_API int pb_encoder_error(const pb_encoder *e, pb_error *err);
/* Marks a place: the number of bytes written in all. */
PB_API uint64_t pb_encoder_mark(const pb_encoder *e);
/* Goes back to a place that was marked, and clears the error. Bytes that were sent stay. */
PB_API void pb_encoder_rewind(pb_encoder *e, uint64_t mark);
/* The bytes to write, borrowed until the next call on e. */
PB_API pb_span pb_encoder_send(const pb_encoder *e);
/* How many of them have gone; not more than there are. */
PB_API void pb_encoder_sent(pb_encoder *e, size_t n);
/* The dialect from now on, between two expressions. */
PB_API void pb_encoder_set_dialect(pb_encoder *e, pb_dialect dialect);
/* Ends an encoder. NULL is allowed. */
PB_API void pb_encoder_free(pb_encoder *e);

#ifdef __cplusplus
}
#endif
#endif
