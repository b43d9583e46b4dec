/* SPDX-License-Identifier: MIT
 *
 * What the subcommands of `pb` share: each has its main, which gets its own name in
 * argv[0], and ends with one of these. */
#ifndef PB__TOOLS_COMMON_COMMAND_H
#define PB__TOOLS_COMMON_COMMAND_H

#include <stdio.h>

#include "pb/error.h"

enum tool_status {
    TOOL_DONE,
    TOOL_FAILED, /* the peer answered with a failure; a check did not pass */
    TOOL_USAGE,
    TOOL_DISCONNECTED, /* no connection, connection lost, protocol error */
    TOOL_TIMEOUT,
};

/* Says on standard error, after "pb: ", what is wrong. */
void tool_say(const char *format, ...) PB_PRINTF(1, 2);
/* Says what err has, with its place in the message if it has one. */
void tool_say_error(const pb_error *err);
/* The same for a malformed argument, with the place in it; TOOL_USAGE. */
int tool_usage(const char *argument, const pb_error *err);
/* Says what is wrong with an option, for what getopt_long returned with ":" leading its
 * short options; TOOL_USAGE. */
int tool_bad_option(int got, char **argv);
/* A number of seconds above 0, in milliseconds; TOOL_USAGE after saying that it is none. */
int tool_milliseconds(const char *seconds, int64_t *out);
/* Says so; TOOL_DISCONNECTED, for there is no status for it. */
int tool_nomem(void);

/* Says on standard output where a server listens: the port, or where there is none (0) the
 * endpoint. */
void tool_listening(int port, const char *endpoint);
/* Says what err has of a connection: TOOL_TIMEOUT or TOOL_DISCONNECTED. */
int tool_lost(const pb_error *err);
/* Part of a text, *new* (pb__free); NULL for lack of memory. */
char *tool_copy(const char *from, size_t len);

/* The file, or standard input for "-"; NULL after saying why not. */
FILE *tool_open(const char *path);
/* Writes out what is printed: status, or where that fails TOOL_DISCONNECTED. */
int tool_end_output(int status);

int bench_main(int argc, char **argv);
int call_main(int argc, char **argv);
int dump_main(int argc, char **argv);
int jelly_main(int argc, char **argv);
int record_main(int argc, char **argv);
int replay_main(int argc, char **argv);
int serve_main(int argc, char **argv);
int shell_main(int argc, char **argv);
int unjelly_main(int argc, char **argv);

#endif
