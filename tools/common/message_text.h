/* SPDX-License-Identifier: MIT
 *
 * Messages and values as text for people. */
#ifndef PB__TOOLS_COMMON_MESSAGE_TEXT_H
#define PB__TOOLS_COMMON_MESSAGE_TEXT_H

#include "tools/common/conversation.h"

/* The object and method of a call, "root.getTwo": *new* (pb_free); NULL for lack of
 * memory. */
char *message_call_name(const struct conversation_call *c);
/* The method alone, *new* (pb_free); NULL for lack of memory. */
char *message_method_name(const struct conversation_call *c);
/* Appends a message on one line. Unless `full`, long values are cut. PB_ERR_NOMEM. */
int message_append_text(struct pb__buf *out, const struct conversation_message *m,
                        bool full);
/* Appends the repr of a value; of a failure, its type and text. PB_ERR_NOMEM. */
int message_append_value(struct pb__buf *out, const pb_value *v);

#endif
