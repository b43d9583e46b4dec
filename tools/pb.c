/* SPDX-License-Identifier: MIT
 *
 * The `pb` command: finds the subcommand, and lets it go on. */
#include "tools/pb.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libpb/base/mem.h"

struct command {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *does;
};

static const struct command commands[] = {
    {"bench", bench_main, "measure the speed of this machine, or of a server"},
    {"call", call_main, "call a method, and print what it answers"},
    {"dump", dump_main, "show what went over the wire"},
    {"jelly", jelly_main, "turn JSON without loss into jelly in banana"},
    {"record", record_main, "stand between a client and a server, and record them"},
    {"replay", replay_main, "check captures against this library"},
    {"serve", serve_main, "a server to test against"},
    {"shell", shell_main, "call what is typed, on one connection"},
    {"unjelly", unjelly_main, "turn jelly in banana into JSON without loss"},
};

static void usage(FILE *to)
{
    fputs("Usage: pb COMMAND [ARGUMENT]...\n"
          "Perspective Broker from the command line.\n\n",
          to);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        fprintf(to, "  %-8s %s\n", commands[i].name, commands[i].does);
    }
    fputs("\n'pb COMMAND --help' tells more.\n\n"
          "Example: pb serve tcp:8800 &\n"
          "         pb call localhost:8800 add 1 2\n",
          to);
}

void tool_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("pb: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

void tool_say_error(const pb_error *err)
{
    if (*err->where) {
        tool_say("%s: %s", err->where, err->text);
    } else {
        tool_say("%s", err->text);
    }
}

int tool_usage(const char *argument, const pb_error *err)
{
    tool_say("%s: %s (at byte %llu)", argument, err->text,
             (unsigned long long)err->offset);
    return TOOL_USAGE;
}

int tool_bad_option(int got, char **argv)
{
    tool_say(got == ':' ? "option %s needs an argument" : "unknown option %s",
             argv[optind - 1]);
    return TOOL_USAGE;
}

int tool_milliseconds(const char *seconds, int64_t *out)
{
    char *end;
    double n = strtod(seconds, &end);
    if (end == seconds || *end || !(n > 0 && n < 1e9)) {
        tool_say("\"%s\" is no number of seconds", seconds);
        return TOOL_USAGE;
    }
    *out = (int64_t)ceil(n * 1000);
    return TOOL_DONE;
}

int tool_nomem(void)
{
    tool_say("%s", pb_strerror(PB_ERR_NOMEM));
    return TOOL_DISCONNECTED;
}

void tool_listening(int port, const char *endpoint)
{
    if (port) {
        printf("listening on tcp:%d\n", port);
    } else {
        printf("listening on %s\n", endpoint);
    }
    fflush(stdout);
}

int tool_lost(const pb_error *err)
{
    tool_say_error(err);
    return err->code == PB_ERR_TIMEOUT ? TOOL_TIMEOUT : TOOL_DISCONNECTED;
}

char *tool_copy(const char *from, size_t len)
{
    char *text = pb__malloc(len + 1);
    if (text) {
        memcpy(text, from, len);
        text[len] = '\0';
    }
    return text;
}

FILE *tool_open(const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!f) {
        tool_say("%s: %s", path, strerror(errno));
    }
    return f;
}

int tool_end_output(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        tool_say("cannot write: %s", strerror(errno));
        return status == TOOL_DONE ? TOOL_DISCONNECTED : status;
    }
    return status;
}

/* Opens those of descriptors 0, 1 and 2 that are closed, for no file or socket may get
 * what is meant for them. They refuse what they are for, as if they were closed still. */
static void open_standard_descriptors(void)
{
    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0) {
            (void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY);
        }
    }
}

int main(int argc, char **argv)
{
    open_standard_descriptors();
    if (argc < 2) {
        usage(stderr);
        return TOOL_USAGE;
    }
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) == 0) {
            return commands[i].main(argc - 1, argv + 1);
        }
    }
    if (strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return TOOL_DONE;
    }
    tool_say("unknown command \"%s\"; see pb --help", argv[1]);
    return TOOL_USAGE;
}
