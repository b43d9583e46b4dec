/* SPDX-License-Identifier: MIT
 *
 * Messages as text: calls as Python would write them, answers with the call that they
 * belong to, failures by their type and text. */
#include "tools/common/message_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "compat/repr.h"
#include "libpb/base/buf.h"
#include "libpb/base/span.h"
#include "tools/common/command.h"

enum { VALUE_MAX = 240 }; /* bytes of a value that are written unless `full` is set */

/* Appends the repr of a value, cut if it is long. NULL is a malformed member. */
static int append_value(struct pb__buf *out, const pb_value *v, bool full)
{
    char *text = v ? pb_value_repr(v) : NULL;
    if (v && !text) {
        return PB_ERR_NOMEM;
    }
    const char *shown = v ? text : "<malformed>";
    size_t len = strlen(shown), cut = len;
    if (!full && len > VALUE_MAX) {
        cut = VALUE_MAX;
        while (cut > 0 && ((uint8_t)shown[cut] & 0xc0) == 0x80) {
            cut--;
        }
    }
    /* A repr has names of the peer in it: of classes, of expressions. */
    int failed = pb__repr_printable(out, (const uint8_t *)shown, cut);
    if (!failed && cut < len) {
        failed = pb__buf_printf(out, "... (%zu bytes more)", len - cut);
    }
    pb_free(text);
    return failed;
}

/* Appends a name from the wire on one line, harmless to a terminal. */
static int append_escaped_name(struct pb__buf *out, pb_span name)
{
    return pb__repr_printable(out, name.data, name.len);
}

static int append_call_name(struct pb__buf *out, const struct conversation_call *c)
{
    const pb_value *object = message_member(c->message, CALL_OBJECT);
    const pb_value *method = message_member(c->message, CALL_METHOD);
    int64_t luid;
    pb_span name;
    int failed;
    if (object && pb_as_int(object, &luid) == 0) {
        failed = pb__buf_printf(out, "<%s %c%" PRId64 ">", c->cache ? "cache" : "ref",
                                side_letters[c->cache ? c->from : !c->from], luid);
    } else if (object && pb_as_text(object, &name) == 0) {
        failed = append_escaped_name(out, name);
    } else {
        failed = append_value(out, object, false);
    }
    failed = failed ? failed : pb__buf_puts(out, ".");
    if (!failed) {
        failed = method && pb_as_text(method, &name) == 0
                     ? append_escaped_name(out, name)
                     : append_value(out, method, false);
    }
    return failed;
}

char *message_call_name(const struct conversation_call *c)
{
    struct pb__buf out = {0};
    if (append_call_name(&out, c) != 0 || pb__buf_append(&out, "", 1) != 0) {
        pb__buf_fini(&out);
    }
    return (char *)out.data;
}

char *message_method_name(const struct conversation_call *c)
{
    char *name = message_call_name(c), *dot = name ? strrchr(name, '.') : NULL;
    if (dot) {
        memmove(name, dot + 1, strlen(dot + 1) + 1);
    }
    return name;
}

static int append_args(struct pb__buf *out, const pb_value *args, bool full, bool *first)
{
    bool list =
        args && (pb_value_kind(args) == PB_TUPLE || pb_value_kind(args) == PB_LIST);
    int failed = 0;
    if (!list) {
        *first = false;
        failed = pb__buf_puts(out, "*");
        return failed ? failed : append_value(out, args, full);
    }
    for (size_t i = 0; i < pb_len(args) && !failed; i++, *first = false) {
        failed = pb__buf_puts(out, *first ? "" : ", ");
        failed = failed ? failed : append_value(out, pb_item(args, i), full);
    }
    return failed;
}

static int append_kwargs(struct pb__buf *out, const pb_value *kwargs, bool full,
                         bool first)
{
    size_t at = 0;
    pb_value *key, *value;
    pb_span name;
    int failed = 0;
    if (!kwargs || pb_value_kind(kwargs) != PB_DICT) {
        failed = pb__buf_puts(out, first ? "**" : ", **");
        return failed ? failed : append_value(out, kwargs, full);
    }
    while (!failed && pb_dict_next(kwargs, &at, &key, &value)) {
        failed = pb__buf_puts(out, first ? "" : ", ");
        if (!failed) {
            failed = pb_as_text(key, &name) == 0 ? append_escaped_name(out, name)
                                                 : append_value(out, key, full);
        }
        failed = failed ? failed : pb__buf_puts(out, "=");
        failed = failed ? failed : append_value(out, value, full);
        first = false;
    }
    return failed;
}

static int append_call(struct pb__buf *out, const struct conversation_message *m,
                       bool full)
{
    bool first = true;
    int failed = pb__buf_printf(out, "call #%" PRId64 " ", m->call->request);
    failed = failed ? failed : append_call_name(out, m->call);
    failed = failed ? failed : pb__buf_puts(out, "(");
    failed = failed ? failed
                    : append_args(out, message_member(m->value, CALL_ARGS), full, &first);
    failed = failed
                 ? failed
                 : append_kwargs(out, message_member(m->value, CALL_KWARGS), full, first);
    failed = failed ? failed : pb__buf_puts(out, ")");
    return failed || m->call->wants_answer ? failed
                                           : pb__buf_puts(out, "  (no answer wanted)");
}

/* Appends the type and the text of a failure; any other value as it is. */
static int append_failure(struct pb__buf *out, const pb_value *v, bool full)
{
    pb_span head, type, value;
    const pb_value *state = v ? broker_expression_state(v, &head) : NULL;
    const pb_value *t = state ? pb_dict_get(state, "type") : NULL;
    const pb_value *text = state ? pb_dict_get(state, "value") : NULL;
    if (!t || !text || pb_as_text(t, &type) != 0 || pb_as_text(text, &value) != 0) {
        return append_value(out, v, full);
    }
    int failed = append_escaped_name(out, type);
    failed = failed ? failed : pb__buf_puts(out, ": ");
    return failed ? failed : append_escaped_name(out, value);
}

static int append_answer(struct pb__buf *out, const struct conversation_message *m,
                         bool full)
{
    const pb_value *result = message_member(m->value, ANSWER_VALUE);
    bool error = m->kind == MESSAGE_ERROR;
    int failed = pb__buf_puts(out, "-> #");
    failed = failed ? failed
                    : append_value(out, message_member(m->value, ANSWER_REQUEST), full);
    failed = failed ? failed : pb__buf_puts(out, error ? " ! " : " = ");
    failed = failed  ? failed
             : error ? append_failure(out, result, full)
                     : append_value(out, result, full);
    failed = failed ? failed : pb__buf_puts(out, "  (");
    if (!failed) {
        failed = m->call ? append_call_name(out, m->call)
                         : pb__buf_puts(out, "to a call that was not captured");
    }
    if (!failed && m->call) {
        failed = pb__buf_printf(out, ", %.3f ms", (m->time - m->call->time) * 1e3);
    }
    return failed ? failed : pb__buf_puts(out, ")");
}

/* Any other message: its command and its other members. */
static int append_other(struct pb__buf *out, const struct conversation_message *m,
                        bool full)
{
    pb_span command;
    const pb_value *first = message_member(m->value, 0);
    if (m->kind != MESSAGE_OTHER || !first || pb_as_text(first, &command) != 0) {
        int failed = pb__buf_puts(out, m->kind == MESSAGE_DIALECTS  ? "dialects "
                                       : m->kind == MESSAGE_DIALECT ? "dialect "
                                                                    : "not a message: ");
        return failed ? failed : append_value(out, m->value, full);
    }
    int failed = append_escaped_name(out, command);
    int64_t luid;
    const pb_value *id = message_member(m->value, 1);
    bool releases = pb__span_is(command, "decref") || pb__span_is(command, "decache");
    if (!failed && (releases || pb__span_is(command, "uncache")) && id &&
        pb_as_int(id, &luid) == 0) {
        return pb__buf_printf(out, " %c%" PRId64,
                              side_letters[releases ? !m->from : m->from], luid);
    }
    for (size_t i = 1; i < pb_len(m->value) && !failed; i++) {
        failed = pb__buf_puts(out, " ");
        failed = failed ? failed : append_value(out, message_member(m->value, i), full);
    }
    return failed;
}

int message_append_text(struct pb__buf *out, const struct conversation_message *m,
                        bool full)
{
    int failed = m->kind == MESSAGE_CALL ? append_call(out, m, full)
                 : m->kind == MESSAGE_ANSWER || m->kind == MESSAGE_ERROR
                     ? append_answer(out, m, full)
                     : append_other(out, m, full);
    if (!failed && m->refused) {
        char why[TOOL_ERROR_SIZE];
        tool_format_error(why, m->refused);
        failed = pb__buf_puts(out, "  [");
        failed = failed ? failed : append_escaped_name(out, pb_span_of(why));
        failed = failed ? failed : pb__buf_puts(out, "]");
    }
    return failed;
}

int message_append_value(struct pb__buf *out, const pb_value *v)
{
    return append_failure(out, v, true);
}
