/* SPDX-License-Identifier: MIT
 *
 * Showing a message, as a person reads it or as JSON. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "libpb/base/buf.h"
#include "libpb/base/error.h"
#include "tools/dump/dump.h"
#include "tools/json/json.h"
#include "tools/common/command.h"

enum { VALUE_MAX = 240 }; /* bytes of a value that are shown */

/* ---- As text ---- */

/* A value's repr, cut where it is long. NULL is a member that is malformed. */
static int put_value(struct pb__buf *out, const pb_value *v, bool full)
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
    int failed = pb__buf_append(out, shown, cut);
    if (!failed && cut < len) {
        failed = pb__buf_printf(out, "... (%zu bytes more)", len - cut);
    }
    pb_free(text);
    return failed;
}

static int put_text(struct pb__buf *out, const char *text)
{
    return pb__buf_append(out, text, strlen(text));
}

/* A name on the wire; what a terminal would take for more than a letter is escaped. */
static int put_name(struct pb__buf *out, pb_span name)
{
    int failed = 0;
    for (size_t i = 0; i < name.len && !failed; i++) {
        uint8_t c = name.data[i];
        failed = c < 0x20 || c == 0x7f ? pb__buf_printf(out, "\\x%02x", c)
                                       : pb__buf_append(out, &c, 1);
    }
    return failed;
}

static int put_called(struct pb__buf *out, const struct talk_call *c)
{
    const pb_value *object = talk_member(c->message, TALK_OBJECT);
    const pb_value *method = talk_member(c->message, TALK_METHOD);
    int64_t luid;
    pb_span name;
    int failed;
    if (object && pb_as_int(object, &luid) == 0) {
        failed =
            pb__buf_printf(out, "<%s %" PRId64 ">", c->cache ? "cache" : "ref", luid);
    } else if (object && pb_as_text(object, &name) == 0) {
        failed = put_name(out, name);
    } else {
        failed = put_value(out, object, false);
    }
    failed = failed ? failed : put_text(out, ".");
    if (!failed) {
        failed = method && pb_as_text(method, &name) == 0 ? put_name(out, name)
                                                          : put_value(out, method, false);
    }
    return failed;
}

char *dump_name(const struct talk_call *c)
{
    struct pb__buf out = {0};
    if (put_called(&out, c) != 0 || pb__buf_append(&out, "", 1) != 0) {
        pb__buf_fini(&out);
    }
    return (char *)out.data;
}

char *dump_method(const struct talk_call *c)
{
    char *name = dump_name(c), *dot = name ? strrchr(name, '.') : NULL;
    char *method = dot ? tool_copy(dot + 1, strlen(dot + 1)) : NULL;
    pb_free(name);
    return method;
}

static int put_args(struct pb__buf *out, const pb_value *args, bool full, bool *first)
{
    bool list =
        args && (pb_value_kind(args) == PB_TUPLE || pb_value_kind(args) == PB_LIST);
    int failed = 0;
    if (!list) {
        *first = false;
        failed = put_text(out, "*");
        return failed ? failed : put_value(out, args, full);
    }
    for (size_t i = 0; i < pb_len(args) && !failed; i++, *first = false) {
        failed = put_text(out, *first ? "" : ", ");
        failed = failed ? failed : put_value(out, pb_item(args, i), full);
    }
    return failed;
}

static int put_kwargs(struct pb__buf *out, const pb_value *kwargs, bool full, bool first)
{
    size_t at = 0;
    pb_value *key, *value;
    pb_span name;
    int failed = 0;
    if (!kwargs || pb_value_kind(kwargs) != PB_DICT) {
        failed = put_text(out, first ? "**" : ", **");
        return failed ? failed : put_value(out, kwargs, full);
    }
    while (!failed && pb_dict_next(kwargs, &at, &key, &value)) {
        failed = put_text(out, first ? "" : ", ");
        if (!failed) {
            failed = pb_as_text(key, &name) == 0 ? put_name(out, name)
                                                 : put_value(out, key, full);
        }
        failed = failed ? failed : put_text(out, "=");
        failed = failed ? failed : put_value(out, value, full);
        first = false;
    }
    return failed;
}

static int put_call(struct pb__buf *out, const struct talk_message *m, bool full)
{
    bool first = true;
    int failed = pb__buf_printf(out, "call #%" PRId64 " ", m->call->request);
    failed = failed ? failed : put_called(out, m->call);
    failed = failed ? failed : put_text(out, "(");
    failed =
        failed ? failed : put_args(out, talk_member(m->value, TALK_ARGS), full, &first);
    failed = failed ? failed
                    : put_kwargs(out, talk_member(m->value, TALK_KWARGS), full, first);
    failed = failed ? failed : put_text(out, ")");
    return failed || m->call->wants_answer ? failed
                                           : put_text(out, "  (no answer wanted)");
}

/* Type and value of a failure; any other thing as it is. */
static int put_failure(struct pb__buf *out, const pb_value *v, bool full)
{
    pb_span head, type, value;
    const pb_value *state = v ? form_copy(v, &head) : NULL;
    const pb_value *t = state ? pb_dict_get(state, "type") : NULL;
    const pb_value *text = state ? pb_dict_get(state, "value") : NULL;
    if (!t || !text || pb_as_text(t, &type) != 0 || pb_as_text(text, &value) != 0) {
        return put_value(out, v, full);
    }
    int failed = put_name(out, type);
    failed = failed ? failed : put_text(out, ": ");
    return failed ? failed : put_name(out, value);
}

static int put_answer(struct pb__buf *out, const struct talk_message *m, bool full)
{
    const pb_value *result = talk_member(m->value, 2);
    bool error = m->kind == TALK_ERROR;
    int failed = put_text(out, "-> #");
    failed = failed ? failed : put_value(out, talk_member(m->value, 1), full);
    failed = failed ? failed : put_text(out, error ? " ! " : " = ");
    failed = failed  ? failed
             : error ? put_failure(out, result, full)
                     : put_value(out, result, full);
    failed = failed ? failed : put_text(out, "  (");
    if (!failed) {
        failed = m->call ? put_called(out, m->call)
                         : put_text(out, "to a call that was not heard");
    }
    if (!failed && m->call) {
        failed = pb__buf_printf(out, ", %.3f ms", (m->time - m->call->time) * 1e3);
    }
    return failed ? failed : put_text(out, ")");
}

/* Any other message: its command, and what follows it. */
static int put_other(struct pb__buf *out, const struct talk_message *m, bool full)
{
    pb_span command;
    const pb_value *first = talk_member(m->value, 0);
    if (m->kind != TALK_OTHER || !first || pb_as_text(first, &command) != 0) {
        int failed = put_text(out, m->kind == TALK_DIALECTS  ? "dialects "
                                   : m->kind == TALK_DIALECT ? "dialect "
                                                             : "no message: ");
        return failed ? failed : put_value(out, m->value, full);
    }
    int failed = put_name(out, command);
    for (size_t i = 1; i < pb_len(m->value) && !failed; i++) {
        failed = put_text(out, " ");
        failed = failed ? failed : put_value(out, talk_member(m->value, i), full);
    }
    return failed;
}

static int put_message(struct pb__buf *out, const struct talk_message *m, bool full)
{
    int failed = m->kind == TALK_CALL ? put_call(out, m, full)
                 : m->kind == TALK_ANSWER || m->kind == TALK_ERROR
                     ? put_answer(out, m, full)
                     : put_other(out, m, full);
    if (!failed && m->refused) {
        failed = pb__buf_printf(out, "  [%s%s%s]", m->refused->where,
                                *m->refused->where ? ": " : "", m->refused->text);
    }
    return failed;
}

int dump_text(struct pb__buf *out, const struct talk_message *m)
{
    return put_message(out, m, false);
}

int dump_value(struct pb__buf *out, const pb_value *v)
{
    return put_failure(out, v, true);
}

static void print_head(const struct dump_style *style, size_t connection, int from,
                       double time, const char *colour)
{
    printf("%10.6f ", time);
    if (style->numbered) {
        printf("[%zu] ", connection);
    }
    printf("%s%s%s ", colour, from == TALK_CLIENT ? "C>S" : "S>C",
           *colour ? "\033[0m" : "");
}

static const char *colour_of(const struct dump_style *style, const struct talk_message *m)
{
    return !style->colour           ? ""
           : m->kind == TALK_ERROR  ? "\033[31m"
           : m->from == TALK_CLIENT ? "\033[36m"
                                    : "\033[32m";
}

/* ---- As JSON ---- */

static json_t *value_json(const pb_value *v)
{
    return v ? json_from_value(v) : json_pack("{s:b}", "malformed", 1);
}

static json_t *message_json(size_t connection, const struct talk_message *m)
{
    static const char *const kinds[] = {"dialects", "dialect", "call",
                                        "answer",   "error",   "other"};
    json_t *j = json_pack("{s:f, s:i, s:s, s:s, s:i}", "t", m->time, "connection",
                          (int)connection, "from", talk_sides[m->from], "kind",
                          kinds[m->kind], "bytes", (int)m->bytes);
    int failed = j ? 0 : -1;
    if (!failed && m->call) {
        char *name = dump_name(m->call);
        failed = json_object_set_new(j, "request", json_integer(m->call->request)) |
                 json_object_set_new(j, "name", json_string(name ? name : ""));
        pb_free(name);
    }
    if (!failed && m->kind == TALK_CALL) {
        failed =
            json_object_set_new(j, "args", value_json(talk_member(m->value, TALK_ARGS))) |
            json_object_set_new(j, "kwargs",
                                value_json(talk_member(m->value, TALK_KWARGS))) |
            json_object_set_new(j, "answer_wanted", json_boolean(m->call->wants_answer));
    } else if (!failed && (m->kind == TALK_ANSWER || m->kind == TALK_ERROR)) {
        failed = json_object_set_new(j, m->kind == TALK_ERROR ? "failure" : "result",
                                     value_json(talk_member(m->value, 2)));
        if (!failed && m->call) {
            failed =
                json_object_set_new(j, "seconds", json_real(m->time - m->call->time));
        }
    } else if (!failed) {
        failed = json_object_set_new(j, "message", value_json(m->value));
    }
    if (failed) {
        json_decref(j);
        return NULL;
    }
    return j;
}

static int print_json(json_t *j)
{
    char *text = j ? json_dumps(j, JSON_SORT_KEYS) : NULL;
    json_decref(j);
    if (text) {
        puts(text);
    }
    free(text);
    return text ? 0 : PB_ERR_NOMEM;
}

/* ---- Either ---- */

bool dump_wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return !(no_colour && *no_colour) && isatty(STDOUT_FILENO);
}

int dump_message(const struct dump_style *style, size_t connection,
                 const struct talk_message *m)
{
    int failed;
    if (style->json) {
        failed = print_json(message_json(connection, m));
    } else {
        struct pb__buf out = {0};
        failed = put_message(&out, m, style->full);
        if (!failed) {
            print_head(style, connection, m->from, m->time, colour_of(style, m));
            fwrite(out.data, 1, out.len, stdout);
            putchar('\n');
        }
        pb__buf_fini(&out);
    }
    return failed ? failed : ferror(stdout) ? PB_ERR_SYSTEM : 0;
}

void dump_damage(const struct dump_style *style, size_t connection, int from, double time,
                 uint64_t offset, const pb_error *err)
{
    char why[sizeof err->where + sizeof err->text + 2];
    snprintf(why, sizeof why, "%s%s%s", err->where, *err->where ? ": " : "", err->text);
    if (style->json) {
        print_json(json_pack("{s:f, s:i, s:s, s:s, s:I, s:s}", "t", time, "connection",
                             (int)connection, "from", talk_sides[from], "kind", "damage",
                             "offset", (json_int_t)offset, "why", why));
        return;
    }
    print_head(style, connection, from, time, style->colour ? "\033[31m" : "");
    printf("cannot be read on from byte %" PRIu64 " of what the %s sent: %s\n", offset,
           talk_sides[from], why);
}
