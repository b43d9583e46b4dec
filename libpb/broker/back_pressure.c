/* SPDX-License-Identifier: MIT
 *
 * Back-pressure. If the peer reads its answers too slowly, or the application has paused
 * reading, the session stops between two messages: it keeps the input that it has
 * already, and the driver reads no more. So a peer can make us store little more than
 * high_mark and one answer, however many calls it makes, and whether or not it owes an
 * answer itself. Deferred calls count towards max_memory and max_pending. */
#include "libpb/base/error.h"
#include "libpb/broker/back_pressure.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/session.h"

size_t pb__session_queued(const pb_session *s)
{
    return pb__encoder_unsent(&s->encoder).len;
}

bool pb__session_answers_wait(const pb_session *s)
{
    return s->full && s->answered > pb__encoder_mark(&s->encoder) - pb__session_queued(s);
}

/* Whether the peer does not read its answers. A session stops reading only while it has
 * no outstanding calls of its own (given up or not). So two peers can never both stop.
 * While it has some, it reads on for their answers, and defers the peer's calls. */
static bool is_held_up(const pb_session *s)
{
    return pb__session_answers_wait(s) && (!s->calls || s->calls->sent.len == 0);
}

bool pb__session_may_read(const pb_session *s)
{
    return pb__session_open(s) && !s->paused && !s->reading && !s->writing &&
           s->serving < s->shared->config.max_pending && !is_held_up(s);
}

bool pb__session_has_input(const pb_session *s)
{
    return (s->pending || (s->in && s->in->len > 0)) && pb__session_may_read(s);
}

int pb__session_queue_check(const pb_session *s, pb_error *err)
{
    size_t queued = pb__session_queued(s), limit = s->shared->config.max_queued;
    return queued < limit
               ? 0
               : pb__error_set(err, PB_ERR_LIMIT, 0,
                               "%zu bytes wait to be sent, limit %zu", queued, limit);
}

void pb__session_wrote(pb_session *s)
{
    s->full = s->full || pb__session_queued(s) > s->shared->config.high_mark;
}

void pb__session_drained(pb_session *s)
{
    const pb_session_config *c = &s->shared->config;
    if (s->full && pb__session_queued(s) <= c->low_mark) {
        s->full = false;
        if (c->on_drained && pb__session_open(s)) {
            c->on_drained(s, c->user_data);
        }
    }
}

bool pb_session_is_full(const pb_session *s)
{
    return s && s->full && pb__session_open(s);
}

bool pb_session_want_recv(const pb_session *s)
{
    return s && !s->pending && pb__session_may_read(s);
}

void pb_session_pause(pb_session *s)
{
    if (s) {
        s->paused = true;
    }
}

void pb_session_resume(pb_session *s)
{
    if (s) {
        s->paused = false;
        s->resumed = true;
        if (s->message_by < INT64_MAX && s->state == PB__OPEN) {
            pb__message_begun(s);
        }
        pb__session_wake(s);
    }
}
