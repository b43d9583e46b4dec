/* SPDX-License-Identifier: MIT
 *
 * Banana: bytes to tokens and back. The layers are joined by the token sink, a struct of
 * functions that receive tokens: a decoder calls a sink, and an encoder is one. So a
 * decoder that feeds an encoder reproduces its input byte for byte. Mirrors
 * twisted.spread.banana. */
#ifndef PB_BANANA_H
#define PB_BANANA_H

#include <stdbool.h>

#include "pb/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Converts received bytes to tokens. */
typedef struct pb_decoder pb_decoder;

/* ---- Tokens ---- */

/* The functions that receive tokens; all except `place` and `attach` are required. Each
 * returns 0 to continue. Any other number stops the decoder, which fails with that number
 * from then on. Spans are borrowed for the duration of the call. */
typedef struct {
    /* A list of n elements begins. n tokens or lists follow, then `end`. */
    int (*list)(void *ctx, size_t n);
    int (*end)(void *ctx);
    /* An INT, NEG, LONGINT or LONGNEG whose value fits into 64 bits. */
    int (*integer)(void *ctx, int64_t i);
    /* An integer that does not fit: its magnitude in base 128, least significant digit
     * first, without high zeros. */
    int (*big)(void *ctx, bool negative, pb_span base128);
    int (*real)(void *ctx, double d);
    /* A STRING, or in dialect pb a VOCAB: then s is the word, in storage that is never
     * freed. */
    int (*bytes)(void *ctx, pb_span s);
    /* May be NULL. Part of a string of len bytes has been received, and the rest is
     * missing. Returns the memory where the decoder stores the string, so that a large
     * string is copied only once. The memory must be valid until `bytes` is called with
     * this same pointer, or until the decoder is freed. If the result is NULL, the
     * decoder stores the bytes itself until the string is complete. */
    uint8_t *(*place)(void *ctx, size_t len);
    /* May be NULL. Called with the decoder that will call this sink, once the decoder has
     * been made, for a sink that pauses its decoder or reads its offset. No token may be
     * passed yet. */
    void (*attach)(void *ctx, pb_decoder *d);
    void *reserved[4];
} pb_sink_ops;

/* A receiver of tokens: its functions and their context. Frozen. */
typedef struct {
    const pb_sink_ops *ops;
    void *ctx;
} pb_sink;

/* ---- Limits and dialects ---- */

/* Limits for reading and writing; 0 means the default. `prefix`, `list` and `bytes` are
 * Twisted's own limits. The others limit the resources that a peer can make the library
 * use. The announced elements of a list count as tokens when the list begins, so that
 * memory for the list can be allocated then. */
typedef struct {
    size_t prefix;  /* bytes of a prefix: 64 (ints of 448 bits). banana.setPrefixLimit */
    size_t list;    /* elements of a list: 640 * 1024. banana.SIZE_LIMIT */
    size_t bytes;   /* bytes of a string: 640 * 1024. banana.SIZE_LIMIT */
    size_t depth;   /* lists within lists: 4096 */
    size_t message; /* bytes of one top-level expression: 256 MiB */
    size_t values;  /* tokens of one top-level expression: 16 Mi */
    /* Bytes of memory that the values of one top-level expression take while they are
     * read: 128 MiB, whatever their bytes on the wire. An expression beyond it is
     * refused. */
    size_t memory;
    size_t reserved[3];
} pb_limits;

/* Replaces every 0 in *limits by its default, and reduces a limit that is larger than a
 * decoder can count (list: UINT32_MAX; bytes, message, values, memory: PTRDIFF_MAX). NULL
 * is ignored. */
PB_API void pb_limits_default(pb_limits *limits);

/* The dialects of banana: PB has a vocabulary, NONE has not. Before the negotiation the
 * dialect is UNKNOWN. */
typedef enum {
    PB_DIALECT_UNKNOWN,
    PB_DIALECT_NONE,
    PB_DIALECT_PB,
} pb_dialect;

/* ---- Decoding ---- */

/* A decoder, *new* (pb_decoder_free). NULL if memory is exhausted, or if a required
 * function of the sink is NULL. limits may be NULL. */
PB_API pb_decoder *pb_decoder_new(pb_dialect d, const pb_limits *limits,
                                  pb_sink out) PB_MUST_USE;
/* Decodes all of `in`. 0, or the error that ended the stream, which every later call
 * returns again: PB_ERR_LIMIT (prefix, list, bytes, depth, message, values),
 * PB_ERR_SYNTAX (unknown type byte), PB_ERR_PROTOCOL (VOCAB in a dialect without
 * vocabulary, or with an unknown number), PB_ERR_NOMEM, or the number that the sink
 * returned (then the sink has to fill err). PB_ERR_ARG for a NULL decoder, or for a NULL
 * `in` with a length, does not end the stream. err->offset is the position of the refused
 * byte, usually a type byte, counted from the first byte of the top-level expression that
 * was being read. Mirrors Banana.dataReceived. */
PB_API int pb_decoder_recv(pb_decoder *d, pb_span in, pb_error *err);
/* Sets the dialect for the bytes that follow. The sink may call it. */
PB_API void pb_decoder_set_dialect(pb_decoder *d, pb_dialect dialect);
/* For use by the sink: makes pb_decoder_recv return 0 after this token, and after the
 * `end` of each list that this token completes. */
PB_API void pb_decoder_pause(pb_decoder *d);
/* The number of bytes at the end of its input that a paused decoder has not decoded. The
 * caller must pass them again. 0 if the decoder is not paused. */
PB_API size_t pb_decoder_rest(const pb_decoder *d);
/* The number of top-level expressions that have been completed. */
PB_API uint64_t pb_decoder_count(const pb_decoder *d);
/* The offset of the next byte within the expression that is being read; 0 between
 * expressions. During a call of the sink it is the offset of the byte after the last type
 * byte. */
PB_API uint64_t pb_decoder_offset(const pb_decoder *d);
/* Frees a decoder. The sink must not call it. NULL is allowed. */
PB_API void pb_decoder_free(pb_decoder *d);

/* ---- Encoding ---- */

/* Converts tokens to bytes to send. */
typedef struct pb_encoder pb_encoder;

/* An encoder, *new* (pb_encoder_free). NULL if memory is exhausted. limits may be
 * NULL. */
PB_API pb_encoder *pb_encoder_new(pb_dialect d, const pb_limits *limits) PB_MUST_USE;
/* The sink that writes to e; its ctx is e. Its functions return PB_ERR_LIMIT where
 * Twisted's banana refuses to send (an integer, string or list beyond the limits), or
 * PB_ERR_NOMEM. Use pb_encoder_rewind to remove the bytes of a refused expression. */
PB_API pb_sink pb_encoder_sink(pb_encoder *e);
/* Fills err with the reason why a call of the sink failed, and returns its code. 0 if
 * none has failed since the last pb_encoder_rewind. */
PB_API int pb_encoder_error(const pb_encoder *e, pb_error *err);
/* Returns a mark for the current position: the total number of bytes written. */
PB_API uint64_t pb_encoder_mark(const pb_encoder *e);
/* Removes the bytes that were written since the mark, and clears the error. Bytes that
 * have been sent stay sent. */
PB_API void pb_encoder_rewind(pb_encoder *e, uint64_t mark);
/* The bytes to send, borrowed until the next call on e. */
PB_API pb_span pb_encoder_send(const pb_encoder *e);
/* Reports that the first n of these bytes have been sent. n is at most their number. */
PB_API void pb_encoder_sent(pb_encoder *e, size_t n);
/* Sets the dialect for what follows. Call it between two expressions. */
PB_API void pb_encoder_set_dialect(pb_encoder *e, pb_dialect dialect);
/* Frees an encoder. NULL is allowed. */
PB_API void pb_encoder_free(pb_encoder *e);

#ifdef __cplusplus
}
#endif
#endif
