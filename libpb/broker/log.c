/* SPDX-License-Identifier: MIT
 *
 * Log lines as Twisted writes them. If there is no memory for a line, it is lost. */
#include <string.h>

#include "compat/repr.h"
#include "libpb/base/buf.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/log.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/requests.h"
#include "libpb/broker/session.h"

/* Appends a text that may come from the peer, so that it neither acts on a terminal nor
 * looks like another line, and not all of a long one. With `lines`, it keeps its
 * lines. */
static int log_append(struct pb__buf *out, const char *text, bool lines)
{
    size_t len = strnlen(text, PB__SHOWN + 1);
    bool cut = len > PB__SHOWN;
    const char *end = text + (cut ? PB__SHOWN : len);
    int e = 0;
    while (e == 0 && text < end) {
        const char *stop = lines ? memchr(text, '\n', (size_t)(end - text)) : NULL;
        size_t n = (size_t)((stop ? stop : end) - text);
        e = pb__repr_printable(out, (const uint8_t *)text, n);
        e = e || !stop ? e : pb__buf_puts(out, "\n");
        text += n + (stop != NULL);
    }
    e = e || !cut ? e : pb__buf_puts(out, "...");
    return e ? e : pb__buf_append(out, "", 1);
}

static void log_line(pb_session *s, pb_log_level level, const char *text, bool lines)
{
    const pb_session_config *c = &s->shared->config;
    struct pb__buf shown = {0};
    if (log_append(&shown, text, lines) == 0) {
        s->depth++; /* s must survive the callback */
        c->on_log(s, level, (const char *)shown.data, c->user_data);
        s->depth--;
    }
    pb__buf_fini(&shown);
}

static void log_args(pb_session *s, pb_log_level level, bool lines, const char *format,
                     va_list args) PB_PRINTF(4, 0);

static void log_args(pb_session *s, pb_log_level level, bool lines, const char *format,
                     va_list args)
{
    struct pb__buf text = {0};
    if (pb__buf_vprintf(&text, format, args) == 0) {
        log_line(s, level, (const char *)text.data, lines);
    }
    pb__buf_fini(&text);
}

void pb__log(pb_session *s, pb_log_level level, const char *format, ...)
{
    if (pb__logs(s, level)) {
        va_list args;
        va_start(args, format);
        log_args(s, level, false, format, args);
        va_end(args);
    }
}

/* As pb__log, of several lines, which are our own. */
static void log_lines(pb_session *s, pb_log_level level, const char *format, ...)
    PB_PRINTF(3, 4);

static void log_lines(pb_session *s, pb_log_level level, const char *format, ...)
{
    if (pb__logs(s, level)) {
        va_list args;
        va_start(args, format);
        log_args(s, level, true, format, args);
        va_end(args);
    }
}

void pb__log_failure(pb_session *s, const char *before, const pb_failure *f)
{
    if (!pb__logs(s, PB_LOG_ERROR)) {
        return;
    }
    if (f->traceback && *f->traceback && !f->value) {
        log_lines(s, PB_LOG_ERROR, "%s %s", before, f->traceback);
    } else {
        const char *type = pb_failure_type(f);
        pb__log(s, PB_LOG_ERROR, "%s %s%.*s: %s", before,
                f->value ? "Traceback from remote host -- " : "", (int)strcspn(type, " "),
                type, pb_failure_text(f));
    }
}

void pb__log_refused(pb_session *s, const pb_request *r)
{
    if (pb__logs(s, PB_LOG_INFO)) {
        char *args = pb__repr_shown(pb_request_args(r));
        char *kwargs = pb__repr_shown(pb_request_kwargs(r));
        pb__log(s, PB_LOG_INFO, "%s.%s%s didn't accept %s and %s",
                pb__class_name(r->callee.object->cls), pb__role_prefix(r->callee.role),
                pb_request_method(r), args ? args : "", kwargs ? kwargs : "");
        pb_free(args);
        pb_free(kwargs);
    }
}
