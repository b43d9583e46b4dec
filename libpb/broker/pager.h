/* SPDX-License-Identifier: MIT
 *
 * The pagers of a session: each sends a long value in pages, one page at a time. */
#ifndef PB__PAGER_H
#define PB__PAGER_H

#include <stdbool.h>

#include "pb/broker.h"

/* Whether a page can be written, as all other output has been sent. */
bool pb__pagers_ready(const pb_session *s);
/* Lets each pager that is ready write one page. */
void pb__pagers_turn(pb_session *s);
/* The session is over: ends the pagers. */
void pb__pagers_fini(pb_session *s);
size_t pb__pagers_count(const pb_session *s);

#endif
