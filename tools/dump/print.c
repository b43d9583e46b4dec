/* SPDX-License-Identifier: MIT
 *
 * Prints a message, or the end of a stream that cannot be read, as text or as JSON. */
#include "tools/dump/dump.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tools/common/command.h"
#include "tools/common/message_text.h"
#include "tools/json/json.h"
#include "tools/json/json_text.h"

enum { CLOCK_SIZE = 48 };

/* ---- As text ---- */

/* Formats seconds since 1970: as a local time of day, or in full, in UTC. */
static const char *dump_clock(char out[CLOCK_SIZE], double time, bool full)
{
    time_t seconds = (time_t)floor(time);
    struct tm parts;
    size_t n =
        full ? strftime(out, CLOCK_SIZE, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &parts))
             : strftime(out, CLOCK_SIZE, "%H:%M:%S", localtime_r(&seconds, &parts));
    snprintf(out + n, CLOCK_SIZE - n, ".%06d%s", (int)((time - (double)seconds) * 1e6),
             full ? "Z" : "");
    return out;
}

static void dump_print_head(const struct dump_style *style, size_t connection, int from,
                            double time, const char *colour)
{
    if (style->clock && style->epoch > 0) {
        char clock[CLOCK_SIZE];
        printf("%s ", dump_clock(clock, style->epoch + time, false));
    } else {
        printf("%10.6f ", time);
    }
    if (style->numbered) {
        printf("[%zu] ", connection);
    }
    printf("%s%s%s ", colour, from == SIDE_CLIENT ? "C>S" : "    S>C",
           *colour ? "\033[0m" : "");
}

static const char *dump_colour(const struct dump_style *style,
                               const struct conversation_message *m)
{
    return !style->colour             ? ""
           : m->kind == MESSAGE_ERROR ? "\033[31m"
           : m->from == SIDE_CLIENT   ? "\033[36m"
                                      : "\033[32m";
}

/* ---- As JSON ---- */

static json_t *dump_value_json(const pb_value *v)
{
    return v ? value_to_json(v) : json_pack("{s:b}", "malformed", 1);
}

/* Adds where a line comes from: the file and the time of day, as far as they are
 * known. */
static void dump_add_origin(const struct dump_style *style, json_t *j, double time)
{
    if (j && style->file) {
        json_object_set_new(j, "file", json_string(style->file));
    }
    if (j && style->epoch > 0) {
        char clock[CLOCK_SIZE];
        json_object_set_new(j, "time",
                            json_string(dump_clock(clock, style->epoch + time, true)));
    }
}

static json_t *dump_message_json(const struct dump_style *style, size_t connection,
                                 const struct conversation_message *m)
{
    static const char *const kinds[] = {
        [MESSAGE_DIALECTS] = "dialects", [MESSAGE_DIALECT] = "dialect",
        [MESSAGE_CALL] = "call",         [MESSAGE_ANSWER] = "answer",
        [MESSAGE_ERROR] = "error",       [MESSAGE_OTHER] = "other"};
    json_t *j = json_pack("{s:f, s:i, s:s, s:s, s:i}", "t", m->time, "connection",
                          (int)connection, "from", side_names[m->from], "kind",
                          kinds[m->kind], "bytes", (int)m->bytes);
    int failed = j ? 0 : -1;
    dump_add_origin(style, j, m->time);
    if (!failed && m->call) {
        char *name = message_call_name(m->call);
        failed = json_object_set_new(j, "request", json_integer(m->call->request)) |
                 json_object_set_new(j, "name", json_string(name ? name : ""));
        pb_free(name);
    }
    if (!failed && m->kind == MESSAGE_CALL) {
        failed =
            json_object_set_new(j, "args",
                                dump_value_json(message_member(m->value, CALL_ARGS))) |
            json_object_set_new(j, "kwargs",
                                dump_value_json(message_member(m->value, CALL_KWARGS))) |
            json_object_set_new(j, "answer_wanted", json_boolean(m->call->wants_answer));
    } else if (!failed && (m->kind == MESSAGE_ANSWER || m->kind == MESSAGE_ERROR)) {
        failed =
            json_object_set_new(j, m->kind == MESSAGE_ERROR ? "failure" : "result",
                                dump_value_json(message_member(m->value, ANSWER_VALUE)));
        if (!failed && m->call) {
            failed =
                json_object_set_new(j, "seconds", json_real(m->time - m->call->time));
        }
    } else if (!failed) {
        failed = json_object_set_new(j, "message", dump_value_json(m->value));
    }
    if (failed) {
        json_decref(j);
        return NULL;
    }
    return j;
}

int dump_json(json_t *j)
{
    struct pb__buf text = {0};
    int failed = json_tree_append(&text, j, true);
    if (!failed) {
        fwrite(text.data, 1, text.len, stdout);
        putchar('\n');
    }
    json_tree_free(j);
    pb__buf_fini(&text);
    return failed;
}

/* ---- Both ---- */

bool dump_wants_colour(void)
{
    const char *no_colour = getenv("NO_COLOR");
    return !(no_colour && *no_colour) && isatty(STDOUT_FILENO);
}

int dump_message(const struct dump_style *style, size_t connection,
                 const struct conversation_message *m)
{
    int failed;
    if (style->json) {
        failed = dump_json(dump_message_json(style, connection, m));
    } else {
        struct pb__buf out = {0};
        failed = message_append_text(&out, m, style->full);
        if (!failed) {
            dump_print_head(style, connection, m->from, m->time, dump_colour(style, m));
            fwrite(out.data, 1, out.len, stdout);
            putchar('\n');
        }
        pb__buf_fini(&out);
    }
    return failed ? failed : ferror(stdout) ? PB_ERR_SYSTEM : 0;
}

void dump_damage(const struct dump_style *style, size_t connection, int from, double time,
                 uint64_t offset, const pb_error *why)
{
    char text[TOOL_ERROR_SIZE];
    tool_format_error(text, why);
    if (style->json) {
        json_t *j = json_pack("{s:f, s:i, s:s, s:s, s:I, s:s}", "t", time, "connection",
                              (int)connection, "from", side_names[from], "kind", "damage",
                              "offset", (json_int_t)offset, "why", text);
        dump_add_origin(style, j, time);
        dump_json(j);
        return;
    }
    dump_print_head(style, connection, from, time, style->colour ? "\033[31m" : "");
    tool_print(stdout, "the %s's stream is unreadable from byte %" PRIu64 ": %s",
               side_names[from], offset, text);
    putchar('\n');
}

void dump_joined(const struct dump_style *style, size_t connection, int from, double time,
                 uint64_t offset)
{
    if (!style->json) {
        dump_print_head(style, connection, from, time, "");
        printf("the %s's stream is read from byte %" PRIu64
               " on; what is before began earlier\n",
               side_names[from], offset);
    }
}
