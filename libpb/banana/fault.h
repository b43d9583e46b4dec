/* SPDX-License-Identifier: MIT
 *
 * An error of a decoder or an encoder in a few bytes. Every connection has one decoder
 * and one encoder, and in a full pb_error for each, an idle connection would have a third
 * of its memory. */
#ifndef PB__FAULT_H
#define PB__FAULT_H

#include <inttypes.h>

#include "pb/error.h"

/* Kind, code, and the text with its arguments, which are members of struct pb__fault *f.
 * If Twisted has a text for the error, this one begins with it. */
#define PB__FAULT_MAP(X)                                                                \
    X(NOMEM, NOMEM, "%s", pb_strerror(PB_ERR_NOMEM))                                    \
    X(PREFIX, LIMIT,                                                                    \
      "Security precaution: longer than %" PRIu64 " bytes worth of prefix", f->limit)   \
    X(PREFIX_OPEN, LIMIT, "Security precaution: more than %" PRIu64 " bytes of prefix", \
      f->limit)                                                                         \
    X(LIST, LIMIT,                                                                      \
      "Security precaution: List too long. (%" PRIu64 " elements, limit %" PRIu64 ")",  \
      f->number, f->limit)                                                              \
    X(STRING, LIMIT,                                                                    \
      "Security precaution: String too long. (%" PRIu64 " bytes, limit %" PRIu64 ")",   \
      f->number, f->limit)                                                              \
    X(DEPTH, LIMIT, "lists are nested too deep (limit %" PRIu64 ")", f->limit)          \
    X(MESSAGE, LIMIT, "expression is too long (limit %" PRIu64 " bytes)", f->limit)     \
    X(VALUES, LIMIT, "expression has too many elements (limit %" PRIu64 ")", f->limit)  \
    X(TYPE, SYNTAX, "Invalid Type Byte 0x%02" PRIx64, f->number)                        \
    X(WORD, PROTOCOL, "VOCAB %" PRIu64 " is not a word", f->number)                     \
    X(VOCAB, PROTOCOL, "VOCAB %" PRIu64 " in a dialect without vocabulary", f->number)  \
    X(SEND_LIST, LIMIT,                                                                 \
      "list/tuple is too long to send (%" PRIu64 " elements, limit %" PRIu64 ")",       \
      f->number, f->limit)                                                              \
    X(SEND_STRING, LIMIT,                                                               \
      "byte string is too long to send (%" PRIu64 " bytes, limit %" PRIu64 ")",         \
      f->number, f->limit)                                                              \
    X(SEND_INT, LIMIT,                                                                  \
      "int is too large to send (%" PRIu64 " bytes of prefix, limit %" PRIu64 ")",      \
      f->number, f->limit)

enum pb__fault_kind {
    PB__FAULT_SINK, /* the sink failed, and describes the error itself */
#define PB__FAULT_ENUM(kind, code, ...) PB__FAULT_##kind,
    PB__FAULT_MAP(PB__FAULT_ENUM)
#undef PB__FAULT_ENUM
        PB__FAULT_KINDS,
};

struct pb__fault {
    uint64_t offset, number, limit;
    int code; /* 0: no error */
    uint8_t kind;
};

/* Fills f, and returns the code. */
int pb__fault_set(struct pb__fault *f, enum pb__fault_kind kind, uint64_t offset,
                  uint64_t number, uint64_t limit);
/* Fills err from f, unless f is empty or the sink's. Returns the code. */
int pb__fault_report(const struct pb__fault *f, pb_error *err);

#endif
