/* SPDX-License-Identifier: MIT
 *
 * Deadlines of calls, and of the negotiation. A session takes the time from its driver.
 * If the driver has no `now` callback, a call's timeout begins at the time that the
 * driver passed to the function that is on the stack, or else at the next time that it
 * passes. */
#include "libpb/base/error.h"
#include "libpb/broker/back_pressure.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/pager.h"
#include "libpb/broker/requests.h"
#include "libpb/broker/session.h"

static pb_call *first_of(const struct pb__list *list)
{
    return PB__LIST_ENTRY(list->next, pb_call, timer);
}

/* Inserts c in the order of deadlines; mostly that is the end. */
static void deadline_insert(pb_session *s, pb_call *c)
{
    struct pb__list *at = s->calls->timers.prev;
    while (at != &s->calls->timers &&
           PB__LIST_ENTRY(at, pb_call, timer)->deadline > c->deadline) {
        at = at->prev;
    }
    pb__list_push(at->next, &c->timer);
}

static void count_from(pb_session *s, pb_call *c, int64_t now)
{
    if (__builtin_add_overflow(now, c->deadline, &c->deadline)) {
        c->deadline = INT64_MAX;
    }
    deadline_insert(s, c);
}

int64_t pb__session_now(const pb_session *s)
{
    const pb_session_config *c = &s->shared->config;
    return c->now ? c->now(s->driver) : s->now;
}

void pb__deadline_now(pb_session *s, int64_t now)
{
    s->now = now;
    while (s->calls && !pb__list_empty(&s->calls->untimed)) {
        pb_call *c = first_of(&s->calls->untimed);
        pb__list_remove(&c->timer);
        count_from(s, c, now);
    }
}

void pb__deadline_add(pb_call *c, int64_t timeout)
{
    pb_session *s = c->session;
    c->deadline = timeout;
    s->deadline_changed = true;
    if (s->time_is_known || s->shared->config.now) {
        count_from(s, c, pb__session_now(s));
    } else {
        pb__list_push(&s->calls->untimed, &c->timer);
    }
}

/* The deadline of the message that is awaited. There is none while this side does not
 * read. */
static int64_t message_deadline(const pb_session *s)
{
    bool reads = s->state == PB__NEGOTIATING || (!s->pending && pb__session_may_read(s));
    return reads ? s->message_by : INT64_MAX;
}

/* The negotiation takes too long, or nothing arrives in the middle of a message. */
static void message_expire(pb_session *s)
{
    pb_error why = {0};
    if (pb__negotiating(s)) {
        pb__error_set(&why, PB_ERR_TIMEOUT, 0, "the peer did not negotiate in time");
    } else {
        pb__error_set(&why, PB_ERR_TIMEOUT, 0,
                      "the peer stopped in the middle of a message");
    }
    pb__session_end(s, &why);
}

static bool message_has_expired(const pb_session *s, int64_t now)
{
    int64_t by = message_deadline(s);
    return by < INT64_MAX && now >= by;
}

static bool call_has_expired(const pb_session *s, int64_t now)
{
    return s->calls && !pb__list_empty(&s->calls->timers) &&
           first_of(&s->calls->timers)->deadline <= now;
}

bool pb__deadline_has_passed(const pb_session *s, int64_t now)
{
    return pb__session_open(s) &&
           (message_has_expired(s, now) || call_has_expired(s, now));
}

void pb__deadline_expire(pb_session *s)
{
    if (message_has_expired(s, s->now)) {
        message_expire(s);
    }
    while (pb__session_open(s) && call_has_expired(s, s->now)) {
        pb__call_give_up(first_of(&s->calls->timers), PB_ERR_TIMEOUT,
                         "the call was not answered in time");
    }
}

int64_t pb_session_deadline(const pb_session *s)
{
    if (!s || !pb__session_open(s)) {
        return INT64_MAX;
    }
    if (pb__pagers_ready(s) || pb__session_has_input(s) || pb__deferred_ready(s)) {
        return s->now;
    }
    if (!s->calls) {
        return message_deadline(s);
    }
    if (!pb__list_empty(&s->calls->untimed)) {
        return s->now;
    }
    int64_t call = pb__list_empty(&s->calls->timers)
                       ? INT64_MAX
                       : first_of(&s->calls->timers)->deadline;
    int64_t message = message_deadline(s);
    return call < message ? call : message;
}
