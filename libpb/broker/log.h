/* SPDX-License-Identifier: MIT
 *
 * The lines for on_log: those of the session (log.c), and one for each message
 * (trace.c). */
#ifndef PB__LOG_H
#define PB__LOG_H

#include "libpb/base/error.h"
#include "libpb/base/export.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/session.h"

/* ---- log.c ---- */

/* Whether the application reads lines of this level. Ask before a line is costly to
 * make. */
static inline bool pb__logs(const pb_session *s, pb_log_level level)
{
    return level <= s->shared->config.log_level;
}

PB__SHARED void pb__log(pb_session *s, pb_log_level level, const char *format, ...)
    PB_PRINTF(3, 4);
void pb__log_failure(pb_session *s, const char *before, const pb_failure *f);
/* Logs that the method did not accept its arguments. */
void pb__log_refused(pb_session *s, const pb_request *r);

/* ---- trace.c ---- */

/* Whether messages are logged. */
static inline bool pb__traces(const pb_session *s)
{
    return pb__logs(s, PB_LOG_DEBUG);
}

/* Logs a complete message that was received. The session may be closed afterwards, but is
 * not freed. */
void pb__trace_received(pb_session *s, const struct pb__received *m, uint64_t bytes);
/* Logs a message that was written, from mark on; members (borrowed) are those after the
 * command. The application may do anything in on_log, so no structure may be half changed
 * at the time of the call. */
void pb__trace_sent(pb_session *s, uint64_t mark, const char *command,
                    pb_value *const *members, size_t n);
/* The same for a message with one number. */
void pb__trace_sent_number(pb_session *s, uint64_t mark, const char *command, int64_t n);
/* The same for a call; args and kwargs may be NULL. */
void pb__trace_sent_call(pb_session *s, uint64_t mark, const pb_remote *to,
                         const char *method, bool answer, pb_value *args,
                         pb_value *kwargs);
/* The same for a failure. */
void pb__trace_sent_failure(pb_session *s, uint64_t mark, pb_value *id,
                            const pb_failure *f);

#endif
