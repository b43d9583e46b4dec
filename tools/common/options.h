/* SPDX-License-Identifier: MIT
 *
 * The options of all subcommands: tables from which a command line is parsed and --help
 * is printed. Options may stand before, between and after the other words; "--" ends
 * them. */
#ifndef PB__TOOLS_COMMON_OPTIONS_H
#define PB__TOOLS_COMMON_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

struct tool_option {
    const char *name;     /* without "--" */
    const char *argument; /* "FILE", ...; NULL: it takes none; "[=FORM]": it may */
    const char *help;     /* one or more sentences, without line ends */
    int id;
    char letter; /* of its short form; 0: none */
};

/* Options that belong together. */
struct tool_options {
    const struct tool_option *options; /* ended by a row without a name */
    /* Handles an option; argument is NULL if it has none. Returns TOOL_DONE, or the exit
     * status after an error message. */
    int (*take)(void *ctx, int id, const char *argument);
    void *ctx;
};

enum { TOOL_GROUPS = 3 };
struct tool_usage {
    const char *command;                     /* "call", for messages */
    const char *before;                      /* the part of --help above the options */
    const char *after;                       /* the part below */
    struct tool_options groups[TOOL_GROUPS]; /* ended by one without options */
};

/* Parses the words after argv[0]: handles the options, and moves the other words to the
 * beginning of argv, *count of them. *done is set if --help was given, which prints it.
 * A word that begins with "-" and is a number is no option, neither is "-". Returns
 * TOOL_DONE, or the exit status after an error message. */
int tool_parse_options(const struct tool_usage *u, int argc, char **argv, int *count,
                       bool *done);
/* The option of that name, without "--"; NULL if there is none in the group. */
const struct tool_option *tool_find_option(const struct tool_options *group,
                                           const char *name);
void tool_print_usage(FILE *to, const struct tool_usage *u);

/* The one of the words that is most like a mistyped one; NULL if none is. next returns
 * the word of that index, or NULL behind the last. */
const char *tool_closest_word(const char *typed,
                              const char *(*next)(size_t i, const void *ctx),
                              const void *ctx);

#endif
