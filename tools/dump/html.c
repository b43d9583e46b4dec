/* SPDX-License-Identifier: MIT
 *
 * Collects messages as rows of JSON, and writes them into the page. The page makes text
 * nodes of them, never HTML; and no "<" of a peer's can end the element that they are
 * in. */
#include "tools/dump/html.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libpb/base/error.h"
#include "tools/common/command.h"
#include "tools/common/message_text.h"
#include "tools/json/json_text.h"

enum { TEXT_MAX = 64 << 10 }; /* bytes of a message that are shown */

static const char page[] =
#include "tools/dump/page.inc"
    ;

struct dump_html {
    const char *path, *title;
    struct pb__buf rows;
};

struct dump_html *dump_html_new(const char *path, const char *title)
{
    struct dump_html *h = pb__calloc(1, sizeof *h);
    if (h) {
        h->path = path;
        h->title = title;
    }
    return h;
}

/* Appends text as a JSON string without any "<". */
static int html_append_text(struct pb__buf *out, pb_span text)
{
    struct pb__buf json = {0};
    int failed = json_append_string(&json, text);
    for (size_t i = 0; i < json.len && !failed; i++) {
        failed = json.data[i] == '<' ? pb__buf_puts(out, "\\u003c")
                                     : pb__buf_append(out, json.data + i, 1);
    }
    pb__buf_fini(&json);
    return failed;
}

static int html_append_row(struct dump_html *h, double time, size_t connection, int from,
                           const char *kind)
{
    return pb__buf_printf(&h->rows, "%s[%.6f,%zu,%d,\"%s\",", h->rows.len ? ",\n" : "",
                          time, connection, from, kind);
}

/* Cuts text that is too long, between two characters. */
static pb_span html_cut(const struct pb__buf *text)
{
    size_t len = text->len;
    if (len > TEXT_MAX) {
        len = TEXT_MAX;
        while (len > 0 && (text->data[len] & 0xc0) == 0x80) {
            len--;
        }
    }
    return (pb_span){text->data, len};
}

int dump_html_add(struct dump_html *h, size_t connection,
                  const struct conversation_message *m)
{
    static const char *const kinds[] = {
        [MESSAGE_DIALECTS] = "other", [MESSAGE_DIALECT] = "other",
        [MESSAGE_CALL] = "call",      [MESSAGE_ANSWER] = "answer",
        [MESSAGE_ERROR] = "error",    [MESSAGE_OTHER] = "other"};
    struct pb__buf text = {0};
    bool reply = m->kind == MESSAGE_ANSWER || m->kind == MESSAGE_ERROR;
    char *name = m->call ? message_call_name(m->call) : NULL;
    int failed = message_append_text(&text, m, true);
    failed = failed ? failed
                    : html_append_row(h, m->time, connection, m->from, kinds[m->kind]);
    failed =
        failed ? failed
               : pb__buf_printf(&h->rows, "%" PRId64 ",", m->call ? m->call->request : 0);
    failed = failed ? failed : html_append_text(&h->rows, pb_span_of(name ? name : ""));
    failed = failed ? failed : pb__buf_puts(&h->rows, ",");
    failed = failed ? failed : html_append_text(&h->rows, html_cut(&text));
    failed = failed ? failed
             : reply && m->call
                 ? pb__buf_printf(&h->rows, ",%.6f]", m->time - m->call->time)
                 : pb__buf_puts(&h->rows, ",null]");
    pb_free(name);
    pb__buf_fini(&text);
    return failed;
}

int dump_html_damage(struct dump_html *h, size_t connection, int from, double time,
                     const pb_error *why)
{
    char text[TOOL_ERROR_SIZE];
    int failed = html_append_row(h, time, connection, from, "error");
    failed = failed ? failed : pb__buf_puts(&h->rows, "0,\"\",");
    failed = failed
                 ? failed
                 : html_append_text(&h->rows, pb_span_of(tool_format_error(text, why)));
    return failed ? failed : pb__buf_puts(&h->rows, ",null]");
}

int dump_html_write(struct dump_html *h)
{
    static const char mark[] = "@DATA@";
    struct pb__buf title = {0};
    const char *at = strstr(page, mark);
    FILE *out = strcmp(h->path, "-") == 0 ? stdout : fopen(h->path, "wb");
    if (!out) {
        return PB_ERR_SYSTEM;
    }
    int failed = html_append_text(&title, pb_span_of(h->title));
    if (!failed) {
        fwrite(page, 1, (size_t)(at - page), out);
        fprintf(out, "{\"title\":%.*s,\"rows\":[\n", (int)title.len,
                (const char *)title.data);
        fwrite(h->rows.data, 1, h->rows.len, out);
        fputs("]}", out);
        fputs(at + sizeof mark - 1, out);
    }
    pb__buf_fini(&title);
    bool written = !ferror(out);
    bool closed = out == stdout ? fflush(out) == 0 : fclose(out) == 0;
    return failed ? failed : written && closed ? 0 : PB_ERR_SYSTEM;
}

void dump_html_free(struct dump_html *h)
{
    if (h) {
        pb__buf_fini(&h->rows);
        pb__free(h);
    }
}
