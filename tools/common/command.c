/* SPDX-License-Identifier: MIT
 *
 * Error messages, option arguments, input and output of all subcommands. */
#include "tools/common/command.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void tool_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("pb: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

const char *tool_format_error(char out[TOOL_ERROR_SIZE], const pb_error *err)
{
    snprintf(out, TOOL_ERROR_SIZE, "%s%s%s", err->where, *err->where ? ": " : "",
             err->text);
    return out;
}

void tool_error_from(const pb_error *err)
{
    char text[TOOL_ERROR_SIZE];
    tool_error("%s", tool_format_error(text, err));
}

int tool_bad_argument(const char *argument, const pb_error *err)
{
    tool_error("%s: %s (at byte %llu)", argument, err->text,
               (unsigned long long)err->offset);
    return TOOL_USAGE;
}

int tool_bad_option(int got, char **argv)
{
    tool_error(got == ':' ? "option %s needs an argument" : "unknown option %s",
               argv[optind - 1]);
    return TOOL_USAGE;
}

int tool_parse_seconds(const char *seconds, int64_t *out)
{
    char *end;
    double n = strtod(seconds, &end);
    if (end == seconds || *end || !(n > 0 && n < 1e9)) {
        tool_error("\"%s\" is not a number of seconds", seconds);
        return TOOL_USAGE;
    }
    *out = (int64_t)ceil(n * 1000);
    return TOOL_DONE;
}

int tool_nomem(void)
{
    tool_error("%s", pb_strerror(PB_ERR_NOMEM));
    return TOOL_DISCONNECTED;
}

void tool_print_listening(int port, const char *endpoint)
{
    if (port) {
        printf("listening on tcp:%d\n", port);
    } else {
        printf("listening on %s\n", endpoint);
    }
    fflush(stdout);
}

int tool_connection_error(const pb_error *err)
{
    tool_error_from(err);
    return err->code == PB_ERR_TIMEOUT ? TOOL_TIMEOUT : TOOL_DISCONNECTED;
}

char *tool_copy_text(const char *from, size_t len)
{
    char *text = malloc(len + 1);
    if (text) {
        memcpy(text, from, len);
        text[len] = '\0';
    }
    return text;
}

FILE *tool_open_input(const char *path)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!f) {
        tool_error("%s: %s", path, strerror(errno));
    }
    return f;
}

int tool_flush_output(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        tool_error("cannot write: %s", strerror(errno));
        return status == TOOL_DONE ? TOOL_DISCONNECTED : status;
    }
    return status;
}
