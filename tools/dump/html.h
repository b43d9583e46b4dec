/* SPDX-License-Identifier: MIT
 *
 * One self-contained page of recorded traffic, for a browser: page.html with the messages
 * in it as JSON. */
#ifndef PB__TOOLS_DUMP_HTML_H
#define PB__TOOLS_DUMP_HTML_H

#include "tools/common/conversation.h"

struct dump_html;

/* NULL for lack of memory. The path is where the page will be written ("-": standard
 * output); title is its heading. Both are borrowed. */
struct dump_html *dump_html_new(const char *path, const char *title);
/* Adds a message. PB_ERR_NOMEM. */
int dump_html_add(struct dump_html *h, size_t connection,
                  const struct conversation_message *m);
/* Adds why the stream of a side cannot be read on. PB_ERR_NOMEM. */
int dump_html_damage(struct dump_html *h, size_t connection, int from, double time,
                     const pb_error *why);
/* Writes the page. PB_ERR_NOMEM, PB_ERR_SYSTEM with errno. */
int dump_html_write(struct dump_html *h);
void dump_html_free(struct dump_html *h);

#endif
