/* SPDX-License-Identifier: MIT
 *
 * Reports, as a diff has them: the message and the place, what the capture has after "-",
 * and what came after "+". */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "libpb/base/error.h"
#include "tools/dump/dump.h"
#include "tools/common/command.h"
#include "tools/replay/played_side.h"

enum {
    SHOWN_BEFORE = 60,
    SHOWN = 300
}; /* bytes of a long value, and before they differ */

/* What a line is, for a person. */
static void print_line(const struct stand_in *s, const struct line *l)
{
    size_t number = (size_t)(l - script_line(&s->script, 0)) + 1;
    printf("%s: message %zu, %.6f s, %s: ", s->file, number, l->time,
           l->from == TALK_CLIENT ? "C>S" : "S>C");
    const struct line *call =
        l->call == NO_LINE ? NULL : script_line(&s->script, l->call);
    pb_span command;
    switch (l->kind) {
    case TALK_CALL:
        printf("call %s", l->name);
        break;
    case TALK_ANSWER:
    case TALK_ERROR:
        printf("answer to %s", call ? call->name : "a call that was not heard");
        break;
    case TALK_DIALECTS:
    case TALK_DIALECT:
        printf("negotiation");
        break;
    default:
        if (talk_member(l->value, 0) &&
            pb_as_text(talk_member(l->value, 0), &command) == 0) {
            printf("%.*s", (int)command.len, (const char *)command.data);
        } else {
            printf("no message");
        }
    }
}

static void print_head(struct stand_in *s)
{
    if (!s->told) {
        s->told = true;
        print_line(s, s->at);
        putchar('\n');
    }
}

/* The part of a text from about `at` on, on a line of its own. */
static void print_part(char sign, const struct pb__buf *text, size_t at)
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

/* Values that print alike are told apart by their kinds. */
static void print_both(const pb_value *expected, const pb_value *got)
{
    struct pb__buf a = {0}, b = {0};
    size_t at = 0;
    if ((expected && dump_value(&a, expected) != 0) ||
        (got && dump_value(&b, got) != 0)) {
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
        print_part('-', &a, at);
    }
    if (b.len) {
        print_part('+', &b, at);
    }
    pb__buf_fini(&a);
    pb__buf_fini(&b);
}

void stand_in_differs(struct stand_in *s, const char *path, const pb_value *expected,
                      const pb_value *got)
{
    s->found++;
    if (s->trying) {
        return;
    }
    s->differences++;
    print_head(s);
    if (*path) {
        printf("  at %s\n", path);
    }
    print_both(expected, got);
}

void stand_in_tell(struct stand_in *s, const struct line *l, const char *format, ...)
{
    va_list args;
    s->differences++;
    if (l) {
        print_line(s, l);
    } else {
        printf("%s", s->file);
    }
    printf(": ");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
}
