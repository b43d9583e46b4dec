/* SPDX-License-Identifier: MIT
 *
 * Back-pressure: when a session stops reading, and how much output it may queue. */
#ifndef PB__BACK_PRESSURE_H
#define PB__BACK_PRESSURE_H

#include <stdbool.h>

#include "pb/broker.h"

/* Whether messages of the peer are handled now: not while reading is paused, and not
 * while a message is being read or written. */
bool pb__session_may_read(const pb_session *s);
/* Whether answers were written that the peer does not read, and the session is full. */
bool pb__session_answers_wait(const pb_session *s);
/* Whether input is pending that can be handled now. */
bool pb__session_has_input(const pb_session *s);
/* Bytes that wait to be sent. */
size_t pb__session_queued(const pb_session *s);
/* PB_ERR_LIMIT if max_queued bytes or more wait to be sent. */
int pb__session_queue_check(const pb_session *s, pb_error *err);
/* To call after something was written, and after something was sent. */
void pb__session_wrote(pb_session *s);
void pb__session_drained(pb_session *s);

#endif
