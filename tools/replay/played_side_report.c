/* SPDX-License-Identifier: MIT
 *
 * Prints differences in the manner of diff: the message and the place, the value in the
 * capture after "-", and the received value after "+". */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/command.h"
#include "tools/common/message_text.h"
#include "tools/replay/played_side.h"

enum {
    SHOWN_BEFORE = 60, /* bytes of a long value before the difference */
    SHOWN = 300,       /* and in all */
};

/* Prints which message of the capture it is. */
static void report_message(const struct played_side *s, const struct recorded_message *m)
{
    size_t number = (size_t)(m - recording_at(&s->recording, 0)) + 1;
    printf("%s: message %zu, %.6f s, %s: ", s->file, number, m->time,
           m->from == SIDE_CLIENT ? "C>S" : "S>C");
    const struct recorded_message *call =
        m->call == NO_MESSAGE ? NULL : recording_at(&s->recording, m->call);
    pb_span command;
    switch (m->kind) {
    case MESSAGE_CALL:
        printf("call %s", m->name);
        break;
    case MESSAGE_ANSWER:
    case MESSAGE_ERROR:
        printf("answer to %s", call ? call->name : "a call that was not captured");
        break;
    case MESSAGE_DIALECTS:
    case MESSAGE_DIALECT:
        printf("negotiation");
        break;
    default:
        if (message_member(m->value, 0) &&
            pb_as_text(message_member(m->value, 0), &command) == 0) {
            tool_print(stdout, "%.*s", (int)command.len, (const char *)command.data);
        } else {
            printf("not a message");
        }
    }
}

static void report_heading(struct played_side *s)
{
    if (!s->heading_printed) {
        s->heading_printed = true;
        report_message(s, s->current);
        putchar('\n');
    }
}

/* Prints a part of a text, around the offset `at`, on a line of its own. */
static void report_excerpt(char sign, const struct pb__buf *text, size_t at)
{
    size_t from = at > SHOWN_BEFORE + 20 ? at - SHOWN_BEFORE : 0, end = text->len;
    while (from > 0 && (text->data[from] & 0xc0) == 0x80) {
        from--;
    }
    if (end - from > SHOWN) {
        end = from + SHOWN;
        while ((text->data[end] & 0xc0) == 0x80) {
            end--;
        }
    }
    printf("%c %s%.*s%s\n", sign, from ? "..." : "", (int)(end - from),
           (const char *)text->data + from, end < text->len ? "..." : "");
}

/* Prints both values; with their kinds, if their texts are equal. */
static void report_values(const pb_value *expected, const pb_value *got)
{
    struct pb__buf a = {0}, b = {0};
    size_t at = 0;
    if ((expected && message_append_value(&a, expected) != 0) ||
        (got && message_append_value(&b, got) != 0)) {
        (void)tool_nomem();
    }
    while (at < a.len && at < b.len && a.data[at] == b.data[at]) {
        at++;
    }
    if (a.len && b.len && a.len == b.len && at == a.len) {
        (void)pb__buf_printf(&a, " (%s)", pb_kind_name(pb_value_kind(expected)));
        (void)pb__buf_printf(&b, " (%s)", pb_kind_name(pb_value_kind(got)));
    }
    if (a.len) {
        report_excerpt('-', &a, at);
    }
    if (b.len) {
        report_excerpt('+', &b, at);
    }
    pb__buf_fini(&a);
    pb__buf_fini(&b);
}

void played_side_report_difference(struct played_side *s, const char *path,
                                   const pb_value *expected, const pb_value *got)
{
    s->found++;
    if (s->dry_run) {
        return;
    }
    s->differences++;
    report_heading(s);
    if (*path) {
        tool_print(stdout, "  at %s", path);
        putchar('\n');
    }
    report_values(expected, got);
}

void played_side_report(struct played_side *s, const struct recorded_message *m,
                        const char *format, ...)
{
    va_list args;
    s->differences++;
    if (m) {
        report_message(s, m);
    } else {
        printf("%s", s->file);
    }
    printf(": ");
    va_start(args, format);
    tool_vprint(stdout, format, args);
    va_end(args);
    putchar('\n');
}
