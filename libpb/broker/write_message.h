/* SPDX-License-Identifier: MIT
 *
 * Writing one message: begin, head, members, end. Between begin and end nothing else is
 * written: decrefs wait, and calls are refused. */
#ifndef PB__WRITE_MESSAGE_H
#define PB__WRITE_MESSAGE_H

#include "pb/broker.h"

/* Returns where the message begins. Until the end, s->perspective is the given one (may
 * be NULL): Twisted's serializingPerspective. */
uint64_t pb__write_begin(pb_session *s, pb_object *perspective);
/* Ends the message. If failed is not 0, the message is taken back with its counts of
 * references, and err is filled. Returns failed. */
int pb__write_end(pb_session *s, uint64_t mark, int failed, pb_error *err);
/* The same for an answer or an error. */
int pb__write_answer_end(pb_session *s, uint64_t mark, int failed, pb_error *err);
/* The head of a message of n members, its command included. */
int pb__write_head(pb_session *s, size_t n, unsigned word);
/* A byte string; a word of the vocabulary goes as its number. */
int pb__write_string(pb_session *s, const char *text);
/* Any value as jelly. */
int pb__write_value(pb_session *s, pb_value *v, pb_error *err);
/* Text as the peer's native string: str, or bytes for Python 2. Invalid UTF-8 becomes
 * '?'. NULL for lack of memory. */
pb_value *pb__native(const pb_session *s, const char *text);
pb_value *pb__native_span(const pb_session *s, pb_span text);

#endif
