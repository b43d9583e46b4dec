/* SPDX-License-Identifier: MIT
 *
 * The parts of `pb dump`: dump.c reads the files and selects messages, print.c prints
 * them, and statistics.c makes the summary of --stats. */
#ifndef PB__TOOLS_DUMP_DUMP_H
#define PB__TOOLS_DUMP_DUMP_H

#include <jansson.h>

#include "tools/common/conversation.h"

/* ---- print.c ---- */

struct dump_style {
    bool json, full, colour;
    bool numbered;    /* print the number of the connection */
    bool clock;       /* print the time of day, if it is known */
    double epoch;     /* seconds since 1970 at time 0; 0: not known */
    const char *file; /* its name, in JSON; NULL: none */
};

/* Prints a message on a line. PB_ERR_NOMEM, or PB_ERR_SYSTEM if it cannot be written. */
int dump_message(const struct dump_style *style, size_t connection,
                 const struct conversation_message *m);
/* Prints why the stream of a side cannot be read from that offset on. */
void dump_damage(const struct dump_style *style, size_t connection, int from, double time,
                 uint64_t offset, const pb_error *why);
/* Prints from which offset on the stream of a side is read, which began before. */
void dump_joined(const struct dump_style *style, size_t connection, int from, double time,
                 uint64_t offset);
/* Prints a JSON value on a line, and frees it. PB_ERR_NOMEM. */
int dump_json(json_t *j);
/* Whether standard output is a terminal and NO_COLOR is not set. */
bool dump_wants_colour(void);

/* ---- statistics.c ---- */

/* Calls, times and bytes, by method. */
struct dump_stats;

/* Of each method, keeps the times of the last `window` answers (0: of all). NULL for lack
 * of memory. */
struct dump_stats *dump_stats_new(size_t window);
/* Adds a message; PB_ERR_NOMEM. */
int dump_stats_add(struct dump_stats *s, const struct conversation_message *m);
/* Adds the unanswered calls and unreleased references of a connection that has ended. */
void dump_stats_end(struct dump_stats *s, const struct conversation *c);
/* Takes the references that are not released now, instead of those that were added:
 * first, then a connection after the other. */
void dump_stats_reset_open(struct dump_stats *s);
void dump_stats_add_open(struct dump_stats *s, const struct conversation *c);
/* All calls and all failures so far. */
uint64_t dump_stats_calls(const struct dump_stats *s, uint64_t *errors);
/* Counts a stream that cannot be read to its end. */
void dump_stats_damage(struct dump_stats *s);
/* Prints the summary. PB_ERR_NOMEM. */
int dump_stats_print(const struct dump_stats *s, bool json);
void dump_stats_free(struct dump_stats *s);

#endif
