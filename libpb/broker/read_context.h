/* SPDX-License-Identifier: MIT
 *
 * The read context: the decoder and the reader that turn bytes into a message. A session
 * has one only while a message has arrived in part, so that an idle session needs no
 * decoder, reader or slab; between messages it lies in pb__shared.idle. */
#ifndef PB__READ_CONTEXT_H
#define PB__READ_CONTEXT_H

#include "libpb/banana/decode.h"
#include "libpb/base/list.h"
#include "libpb/jelly/jelly.h"
#include "pb/broker.h"

struct pb__read_context {
    pb_session *session; /* whose messages it reads, or read last; NULL: none */
    pb_decoder decoder;
    struct pb__reader *reader;
    struct pb__invoker invoker;
    struct pb__list arriving;     /* pb__copy.arriving: copies in the current message */
    struct pb__received *message; /* where the current message goes */
};

/* Sets s->read_context to one that continues where s stopped reading. A new reader calls
 * `done`, with the context, for each complete message, and member_name for the name of a
 * member in errors. PB_ERR_NOMEM. */
int pb__read_context_take(pb_session *s,
                          int (*done)(struct pb__message *message, void *context),
                          const char *(*member_name)(const pb_value *command, size_t i,
                                                     void *context));
/* Returns s->read_context to the shared configuration, between two messages. */
void pb__read_context_return(pb_session *s);
/* Frees s->read_context, also in the middle of a message. */
void pb__read_context_drop(pb_session *s);
/* The limits of s have changed, or s is freed: an idle context that served s must be set
 * up again before its next use. */
void pb__read_context_reset(pb_session *s);
void pb__read_context_free(struct pb__read_context *rc);

#endif
