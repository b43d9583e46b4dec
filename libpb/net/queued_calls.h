/* SPDX-License-Identifier: MIT
 *
 * Calls that wait for a connection. */
#ifndef PB__QUEUED_CALLS_H
#define PB__QUEUED_CALLS_H

#include "libpb/base/list.h"
#include "pb/broker.h"

/* In the order in which they were made. */
struct pb__queued_calls {
    struct pb__list calls;
    size_t count;
};

void pb__queued_calls_init(struct pb__queued_calls *w);
/* Adds a call that must be made before `deadline` (INT64_MAX: none). PB_ERR_NOMEM. */
int pb__queued_calls_add(struct pb__queued_calls *w, const char *method, pb_value *args,
                         pb_value *kwargs, const pb_call_options *options,
                         int64_t deadline, pb_answer_cb cb, void *user_data);
/* The earliest deadline; INT64_MAX: none. */
int64_t pb__queued_calls_deadline(const struct pb__queued_calls *w);
/* Fails the calls whose deadline has passed. */
void pb__queued_calls_expire(struct pb__queued_calls *w, int64_t now);
/* Makes the first call, or fails it; false if there is none. */
bool pb__queued_calls_make(struct pb__queued_calls *w, pb_remote *to, int64_t now);
/* Fails all of them with that error. */
void pb__queued_calls_fail(struct pb__queued_calls *w, int code, const char *text);

#endif
