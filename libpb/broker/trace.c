/* SPDX-License-Identifier: MIT
 *
 * Logs each message that is received or sent as one line, if pb_session_config.log_level
 * asks for it:
 *
 *     > message 1 root.add(1, 2), 34 bytes
 *     < answer 1 3, 6 bytes
 *
 * Long values are cut, and control characters are escaped, so that a line cannot affect a
 * terminal. A line for which there is no memory is lost. */
#include <inttypes.h>
#include <string.h>

#include "compat/repr.h"
#include "libpb/base/buf.h"
#include "libpb/broker/calls.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/log.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/requests.h"
#include "libpb/broker/session.h"

/* Maximum length of a value in bytes. */
enum { MOST = 200 };

/* The member of an error. */
enum { FAILURE = 1 };

static int trace_value(struct pb__buf *line, const pb_value *v)
{
    return v ? pb__repr_cut(line, v, MOST) : pb__buf_puts(line, "<refused>");
}

/* Appends text without quotes. */
static int trace_plain(struct pb__buf *line, const pb_value *v)
{
    pb_span text;
    if (!v || pb_as_text(v, &text) != 0) {
        return trace_value(line, v);
    }
    bool all = text.len <= MOST;
    int e = pb__buf_append(line, text.data, all ? text.len : MOST);
    return e || all ? e : pb__buf_puts(line, "...");
}

static int trace_failure(struct pb__buf *line, const pb_failure *f)
{
    const char *mro = pb__failure_mro(f);
    pb_span text = pb_failure_text_span(f);
    int e = pb__buf_append(line, mro, strcspn(mro, " "));
    e = e ? e : pb__buf_puts(line, ": ");
    e = e ? e : pb__buf_append(line, text.data, text.len < MOST ? text.len : MOST);
    return e || text.len <= MOST ? e : pb__buf_puts(line, "...");
}

/* For message and cachemessage. */
static int trace_call(struct pb__buf *line, pb_value *const *m)
{
    const pb_value *kwargs = m[PB__KWARGS - 1];
    int64_t answer = 1;
    int e = trace_plain(line, m[PB__REQUEST - 1]);
    e = e ? e : pb__buf_puts(line, " ");
    e = e ? e : trace_plain(line, m[PB__OBJECT - 1]);
    e = e ? e : pb__buf_puts(line, ".");
    e = e ? e : trace_plain(line, m[PB__METHOD - 1]);
    e = e ? e : trace_value(line, m[PB__ARGS - 1]);
    if (!e && (!kwargs || pb_len(kwargs) > 0)) {
        e = pb__buf_puts(line, " ");
        e = e ? e : trace_value(line, kwargs);
    }
    if (!e && m[PB__WANTS_ANSWER - 1] &&
        pb_as_int(m[PB__WANTS_ANSWER - 1], &answer) == 0 && answer == 0) {
        e = pb__buf_puts(line, ", no answer wanted");
    }
    return e;
}

static int trace_error(struct pb__buf *line, pb_value *const *m)
{
    int e = trace_plain(line, m[0]);
    e = e ? e : pb__buf_puts(line, " ");
    if (e || !m[FAILURE]) {
        return e ? e : trace_value(line, NULL);
    }
    pb_failure *f = pb__failure_received(m[FAILURE]);
    e = trace_failure(line, f);
    pb_failure_unref(f);
    return e;
}

static int trace_members(struct pb__buf *line, const char *command, pb_value *const *m,
                         size_t n)
{
    if (n == PB__KWARGS) {
        return trace_call(line, m);
    }
    if (strcmp(command, "error") == 0) {
        return trace_error(line, m);
    }
    int e = 0;
    for (size_t i = 0; !e && i < n; i++) {
        e = i ? pb__buf_puts(line, " ") : 0;
        e = e ? e : trace_value(line, m[i]);
    }
    return e;
}

/* Completes a line that was made without an error, and logs it. */
static void trace_end(pb_session *s, struct pb__buf *line, uint64_t bytes, int e)
{
    if (!e) {
        pb__log(s, PB_LOG_DEBUG, "%.*s, %" PRIu64 " bytes", (int)line->len,
                (const char *)line->data, bytes);
    }
    pb__buf_fini(line);
}

void pb__trace_received(pb_session *s, const struct pb__received *m, uint64_t bytes)
{
    struct pb__buf line = {0};
    int e = pb__buf_printf(&line, "< %s ", m->proto->name);
    e = e ? e
          : trace_members(&line, m->proto->name,
                          ((const struct pb__seq *)m->list)->items + 1, m->proto->arity);
    trace_end(s, &line, bytes, e);
}

static uint64_t written_since(const pb_session *s, uint64_t mark)
{
    return pb_encoder_mark(&s->encoder) - mark;
}

void pb__trace_sent(pb_session *s, uint64_t mark, const char *command,
                    pb_value *const *members, size_t n)
{
    struct pb__buf line = {0};
    uint64_t bytes = written_since(s, mark);
    int e = pb__buf_printf(&line, "> %s ", command);
    e = e ? e : trace_members(&line, command, members, n);
    trace_end(s, &line, bytes, e);
}

void pb__trace_sent_number(pb_session *s, uint64_t mark, const char *command, int64_t n)
{
    struct pb__buf line = {0};
    uint64_t bytes = written_since(s, mark);
    trace_end(s, &line, bytes, pb__buf_printf(&line, "> %s %" PRId64, command, n));
}

void pb__trace_sent_call(pb_session *s, uint64_t mark, const pb_remote *to,
                         const char *method, bool answer, pb_value *args,
                         pb_value *kwargs)
{
    pb_value *members[] = {
        pb_int(s->calls->last_request),
        to->counted || to->observed ? pb_int(pb_remote_luid(to)) : pb_str(to->name),
        pb_str(method),
        pb_bool(answer),
        args ? args : &pb__empty_tuple.node.head,
        kwargs ? kwargs : pb_none(),
    };
    pb__trace_sent(s, mark, to->observed ? "cachemessage" : "message", members,
                   PB__KWARGS);
    for (size_t i = 0; i < PB__METHOD; i++) {
        pb_value_unref(members[i]);
    }
}

void pb__trace_sent_failure(pb_session *s, uint64_t mark, pb_value *id,
                            const pb_failure *f)
{
    struct pb__buf line = {0};
    uint64_t bytes = written_since(s, mark);
    int e = pb__buf_puts(&line, "> error ");
    e = e ? e : trace_plain(&line, id);
    e = e ? e : pb__buf_puts(&line, " ");
    e = e ? e : trace_failure(&line, f);
    trace_end(s, &line, bytes, e);
}
