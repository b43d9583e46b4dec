/* SPDX-License-Identifier: MIT
 *
 * The `pb` command: looks up the subcommand in a table, and runs it. */
#include "tools/pb.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "pb/version.h"
#include "tools/common/command.h"
#include "tools/common/options.h"

struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *summary;
};

static const struct command commands[] = {
    {"bench", bench_main, "measure the speed of this machine, or of a server"},
    {"call", call_main, "call a method, and print the answer"},
    {"dump", dump_main, "print recorded traffic, one line per message"},
    {"jelly", jelly_main, "convert lossless JSON to jelly in banana"},
    {"record", record_main, "record the traffic between clients and a server"},
    {"replay", replay_main, "replay a capture against a live peer, or check captures"},
    {"serve", serve_main, "run a server to test against"},
    {"shell", shell_main, "call methods interactively, over one connection"},
    {"unjelly", unjelly_main, "convert jelly in banana to lossless JSON"},
};

static void usage_print(FILE *to)
{
    fputs("Usage: pb COMMAND [ARGUMENT]...\n"
          "Perspective Broker from the command line.\n\n",
          to);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n"
          "  -h, --help              print this text\n"
          "      --version           print the version\n"
          "\nRun 'pb help COMMAND' for the options of a command.\n\n"
          "Example: pb serve tcp:8800 &\n"
          "         pb call localhost:8800 add 1 2\n",
          to);
}

static const char *command_name(size_t i, const void *ctx)
{
    (void)ctx;
    return i < sizeof commands / sizeof *commands ? commands[i].name : NULL;
}

static int command_unknown(const char *name)
{
    const char *meant = tool_closest_word(name, command_name, NULL);
    tool_error("unknown command \"%s\"; see pb --help", name);
    if (meant) {
        tool_hint("did you mean %s?", meant);
    }
    return TOOL_USAGE;
}

/* Opens those of descriptors 0, 1 and 2 that are closed, so that no file or socket gets
 * one of them and with it output that is meant for the terminal. Reading from the new
 * standard input and writing to the new outputs fail, as on a closed descriptor. */
static void open_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        }
    }
}

static int command_run(int argc, char **argv)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[0], commands[i].name) == 0) {
            return commands[i].main(argc, argv);
        }
    }
    return command_unknown(argv[0]);
}

/* `pb help [COMMAND]`: the same as `pb [COMMAND] --help`. */
static int help_run(const char *name)
{
    if (name) {
        char *words[] = {(char *)(uintptr_t)name, "--help", NULL};
        return command_run(2, words);
    }
    usage_print(stdout);
    return TOOL_DONE;
}

static bool is_among(const char *word, const char *a, const char *b)
{
    return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int main(int argc, char **argv)
{
    open_standard_descriptors();
    if (argc < 2) {
        usage_print(stderr);
        return TOOL_USAGE;
    }
    if (strcmp(argv[1], "help") == 0) {
        return help_run(argv[2]);
    }
    if (is_among(argv[1], "--help", "-h")) {
        return help_run(NULL);
    }
    if (is_among(argv[1], "--version", "-V")) {
        printf("pb %s\n", pb_version());
        return tool_flush_output(TOOL_DONE);
    }
    return command_run(argc - 1, argv + 1);
}
