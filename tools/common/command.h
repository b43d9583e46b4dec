/* SPDX-License-Identifier: MIT
 *
 * The functions that every subcommand of `pb` needs: exit statuses, error messages, the
 * parsing of common option arguments, and opening input. */
#ifndef PB__TOOLS_COMMON_COMMAND_H
#define PB__TOOLS_COMMON_COMMAND_H

#include <stdarg.h>
#include <stdio.h>

#include "pb/banana.h"

enum tool_status {
    TOOL_DONE,
    TOOL_FAILED, /* the peer answered with a failure, or a check did not pass */
    TOOL_USAGE,
    TOOL_DISCONNECTED, /* no connection, connection lost, or protocol error */
    TOOL_TIMEOUT,
};

/* ---- Error messages ---- */

/* Prints a message on standard error, after "pb: ", on one line. Control
 * characters and line ends are escaped, as parts of the message come from a peer. */
void tool_error(const char *format, ...) PB_PRINTF(1, 2);
/* Prints a line below a message, indented: what to do about it. Escapes likewise. */
void tool_hint(const char *format, ...) PB_PRINTF(1, 2);
/* Prints text in which there may be parts of a peer's, escaped likewise. */
void tool_print(FILE *to, const char *format, ...) PB_PRINTF(2, 3);
void tool_vprint(FILE *to, const char *format, va_list args) PB_PRINTF(2, 0);
/* Prints text of a peer that may have several lines, such as a traceback. Each line is
 * escaped likewise, and ends in a newline. */
void tool_print_lines(FILE *to, const char *text);
enum { TOOL_ERROR_SIZE = sizeof((pb_error *)0)->where + sizeof((pb_error *)0)->text + 2 };
/* Writes the text of err, after its path into the message if it has one; returns out. */
const char *tool_format_error(char out[TOOL_ERROR_SIZE], const pb_error *err);
/* Prints that text. */
void tool_error_from(const pb_error *err);
/* Prints the text of a connection's error; returns TOOL_TIMEOUT or TOOL_DISCONNECTED. */
int tool_connection_error(const pb_error *err);
/* Prints that memory ran out. Returns TOOL_DISCONNECTED: there is no status of its
 * own. */
int tool_nomem(void);
/* Overwrites a password. */
void tool_wipe(char *secret, size_t len);
/* The last dot between two places of a text, or NULL. */
const char *tool_last_dot(const char *from, const char *end);

/* ---- Arguments ---- */

/* Prints why an argument is malformed, and the offset in it; returns TOOL_USAGE. */
int tool_bad_argument(const char *argument, const pb_error *err);
/* Prints the argument on a line of its own, and under it a mark at that offset. */
void tool_show_place(const char *argument, uint64_t offset);
/* Parses a number of seconds above 0 into milliseconds. Returns TOOL_DONE, or TOOL_USAGE
 * after an error message. */
int tool_parse_seconds(const char *seconds, int64_t *out);

/* Parses a size above 0, with K, M or G after it for powers of 1024. Returns likewise. */
int tool_parse_size(const char *size, size_t *out);
/* Sets the limits that stand in the way of a string of that many bytes, or of a list of
 * that many elements. */
void tool_raise_limits(pb_limits *limits, size_t size);

/* ---- Input and output ---- */

/* Opens a file for reading; "-" is standard input. NULL after an error message. */
FILE *tool_open_input(const char *path);
/* The same for a file with passwords: warns if everybody can read it. */
FILE *tool_open_passwords(const char *path);
/* The whole content of a file ("-": standard input), *new* (free), with a NUL behind it.
 * NULL after an error message. */
char *tool_read_file(const char *path, size_t *len);
/* Flushes standard output. Returns status, or TOOL_DISCONNECTED if the output cannot be
 * written and status is TOOL_DONE. */
int tool_flush_output(int status);
/* Prints where a server listens: its TCP port, or its endpoint if port
 * is 0. */
void tool_print_listening(FILE *to, int port, const char *endpoint);
/* A NUL-terminated copy of len bytes, *new* (free); NULL for lack of memory. */
char *tool_copy_text(const char *from, size_t len);

#endif
