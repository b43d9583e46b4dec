/* SPDX-License-Identifier: MIT
 *
 * The parts of `pb dump`: dump.c reads the source and chooses, dump_print.c shows a
 * message, dump_stats.c adds up. */
#ifndef PB__TOOLS_DUMP_DUMP_H
#define PB__TOOLS_DUMP_DUMP_H

#include "tools/common/conversation.h"

struct dump_style {
    bool json, full, colour;
    bool numbered; /* name the connection */
};

/* Object and method of a call, "root.getTwo": *new* (pb_free); NULL for lack of memory. */
char *dump_name(const struct talk_call *c);
/* The method alone, *new* (pb_free); NULL for lack of memory. */
char *dump_method(const struct talk_call *c);
/* Appends a message as a person reads it, and a value, a failure by its type and text.
 * PB_ERR_NOMEM. */
int dump_text(struct pb__buf *out, const struct talk_message *m);
int dump_value(struct pb__buf *out, const pb_value *v);
/* Shows a message, a line. PB_ERR_NOMEM, or PB_ERR_SYSTEM where it cannot be written. */
int dump_message(const struct dump_style *style, size_t connection,
                 const struct talk_message *m);
/* Shows why a side cannot be read on. */
void dump_damage(const struct dump_style *style, size_t connection, int from, double time,
                 uint64_t offset, const pb_error *why);
/* Whether standard output is a terminal, and NO_COLOR is not set. */
bool dump_wants_colour(void);

/* What went over the wire, by method. */
struct dump_stats;

struct dump_stats *dump_stats_new(void); /* NULL for lack of memory */
/* Adds a message; PB_ERR_NOMEM. */
int dump_stats_add(struct dump_stats *s, const struct talk_message *m);
/* Adds what a connection left behind when its stream ended. */
void dump_stats_end(struct dump_stats *s, const struct talk *t);
void dump_stats_damage(struct dump_stats *s);
/* Prints the summary. PB_ERR_NOMEM. */
int dump_stats_print(const struct dump_stats *s, bool json);
void dump_stats_free(struct dump_stats *s);

#endif
