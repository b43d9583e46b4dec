/* SPDX-License-Identifier: MIT
 *
 * What Twisted would log. A line that there is no memory for is lost. */
#include "libpb/base/buf.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/log.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/requests.h"
#include "libpb/broker/session.h"

static void log_args(pb_session *s, pb_log_level level, const char *format, va_list args)
    PB_PRINTF(3, 0);

static void log_args(pb_session *s, pb_log_level level, const char *format, va_list args)
{
    const pb_session_config *c = &s->shared->config;
    struct pb__buf text = {0};
    if (pb__buf_vprintf(&text, format, args) == 0) {
        s->depth++; /* whatever it does, s is there when it returns */
        c->on_log(s, level, (const char *)text.data, c->user_data);
        s->depth--;
    }
    pb__buf_fini(&text);
}

void pb__log(pb_session *s, pb_log_level level, const char *format, ...)
{
    if (level <= s->shared->config.log_level) {
        va_list args;
        va_start(args, format);
        log_args(s, level, format, args);
        va_end(args);
    }
}

void pb__log_failure(pb_session *s, const char *before, const pb_failure *f)
{
    if (f->traceback && *f->traceback && !f->value) {
        pb__log(s, PB_LOG_ERROR, "%s %s", before, f->traceback);
    } else {
        const char *type = pb_failure_type(f);
        pb__log(s, PB_LOG_ERROR, "%s %s%.*s: %s", before,
                f->value ? "Traceback from remote host -- " : "", (int)strcspn(type, " "),
                type, f->text);
    }
}

void pb__log_refused(pb_session *s, const pb_request *r)
{
    if (s->shared->config.log_level >= PB_LOG_INFO) {
        char *args = pb_value_repr(pb_request_args(r));
        char *kwargs = pb_value_repr(pb_request_kwargs(r));
        pb__log(s, PB_LOG_INFO, "%s.%s%s didn't accept %s and %s",
                pb__class_name(r->callee.object->cls), pb__role_prefix(r->callee.role),
                pb_request_method(r), args ? args : "", kwargs ? kwargs : "");
        pb_free(args);
        pb_free(kwargs);
    }
}
