/* SPDX-License-Identifier: MIT
 *
 * Error messages, option arguments, input and output of all subcommands. */
#include "tools/common/command.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "compat/repr.h"
#include "libpb/base/system.h"

/* Writes head, the escaped text and tail by one call, so that lines of several processes
 * at one terminal stay apart. */
static void tool_write_escaped(FILE *to, const char *head, const char *text, size_t len,
                               const char *tail)
{
    struct pb__buf line = {0};
    int failed = pb__buf_puts(&line, head);
    failed = failed ? failed : pb__repr_printable(&line, (const uint8_t *)text, len);
    failed = failed ? failed : pb__buf_puts(&line, tail);
    if (failed) {
        fputs("pb: out of memory\n", stderr);
    } else {
        fwrite(line.data, 1, line.len, to);
    }
    pb__buf_fini(&line);
}

static void tool_write_format(FILE *to, const char *head, const char *format,
                              va_list args, const char *tail)
{
    char *text;
    int len = vasprintf(&text, format, args);
    if (len < 0) {
        tool_write_escaped(to, head, format, strlen(format), tail);
        return;
    }
    tool_write_escaped(to, head, text, (size_t)len, tail);
    free(text);
}

void tool_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tool_write_format(stderr, "pb: ", format, args, "\n");
    va_end(args);
}

void tool_hint(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tool_write_format(stderr, "    ", format, args, "\n");
    va_end(args);
}

void tool_vprint(FILE *to, const char *format, va_list args)
{
    tool_write_format(to, "", format, args, "");
}

void tool_print(FILE *to, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tool_vprint(to, format, args);
    va_end(args);
}

void tool_print_lines(FILE *to, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        tool_write_escaped(to, "", text, len, "\n");
        text += len + (text[len] == '\n');
    }
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
    enum { SHOWN = 100 };
    size_t len = strlen(argument);
    tool_error("%.*s%s: %s (at byte %llu)", SHOWN, argument, len > SHOWN ? "..." : "",
               err->text, (unsigned long long)err->offset);
    return TOOL_USAGE;
}

void tool_show_place(const char *argument, uint64_t offset)
{
    enum { BEFORE = 48, SHOWN = 68 };
    size_t len = strlen(argument), at = offset < len ? (size_t)offset : len;
    size_t from = at > BEFORE ? at - BEFORE : 0;
    while (from > 0 && ((uint8_t)argument[from] & 0xc0) == 0x80) {
        from--;
    }
    size_t shown = strnlen(argument + from, SHOWN);
    while (shown > 0 && ((uint8_t)argument[from + shown] & 0xc0) == 0x80) {
        shown--;
    }
    struct pb__buf before = {0};
    if (pb__repr_printable(&before, (const uint8_t *)argument + from, at - from) == 0) {
        int columns = 0;
        for (size_t i = 0; i < before.len; i++) {
            columns += (before.data[i] & 0xc0) != 0x80;
        }
        tool_hint("%.*s", (int)shown, argument + from);
        tool_hint("%*s^", columns, "");
    }
    pb__buf_fini(&before);
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

int tool_parse_size(const char *size, size_t *out)
{
    static const char units[] = "KMG";
    char *end;
    errno = 0;
    unsigned long long n = strtoull(size, &end, 10);
    const char *unit = *end ? strchr(units, *end & ~0x20) : NULL;
    int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    end += unit != NULL;
    if (*size < '0' || *size > '9' || *end || errno || n == 0 ||
        n > ((unsigned long long)PTRDIFF_MAX >> shift)) {
        tool_error("\"%s\" is not a size, such as 640K, 10M or 1G", size);
        return TOOL_USAGE;
    }
    *out = (size_t)(n << shift);
    return TOOL_DONE;
}

void tool_raise_limits(pb_limits *limits, size_t size)
{
    enum { MESSAGE_LEAST = 256 << 20, VALUES_LEAST = 16 << 20 }; /* the defaults */
    limits->bytes = limits->list = size;
    /* Such a string, or list of values, has to fit in a message with what is around. */
    size_t message = size > SIZE_MAX / 16 ? SIZE_MAX : 16 * size;
    limits->message = message > MESSAGE_LEAST ? message : MESSAGE_LEAST;
    limits->values = 2 * size > VALUES_LEAST ? 2 * size : VALUES_LEAST;
}

int tool_nomem(void)
{
    tool_error("%s", pb_strerror(PB_ERR_NOMEM));
    return TOOL_DISCONNECTED;
}

const char *tool_last_dot(const char *from, const char *end)
{
    while (end > from) {
        if (*--end == '.') {
            return end;
        }
    }
    return NULL;
}

void tool_wipe(char *secret, size_t len)
{
    pb__wipe(secret, len);
}

void tool_print_listening(FILE *to, int port, const char *endpoint)
{
    if (port) {
        fprintf(to, "listening on tcp:%d\n", port);
    } else {
        fprintf(to, "listening on %s\n", endpoint);
    }
    fflush(to);
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

FILE *tool_open_passwords(const char *path)
{
    FILE *f = tool_open_input(path);
    struct stat s;
    if (f && fstat(fileno(f), &s) == 0 && S_ISREG(s.st_mode) && s.st_mode & S_IROTH) {
        tool_error("warning: everybody can read the passwords in %s: see chmod(1)", path);
    }
    return f;
}

char *tool_read_file(const char *path, size_t *len)
{
    FILE *f = tool_open_input(path);
    char *data = NULL;
    size_t room = 0;
    *len = 0;
    while (f && !feof(f) && !ferror(f)) {
        if (*len + 1 >= room) {
            room = room ? room * 2 : 65536;
            char *more = realloc(data, room);
            if (!more) {
                errno = ENOMEM;
                break;
            }
            data = more;
        }
        *len += fread(data + *len, 1, room - 1 - *len, f);
    }
    bool good = f && feof(f) && !ferror(f);
    if (f && !good) {
        tool_error("%s: %s", path, strerror(errno));
    }
    if (f && f != stdin) {
        fclose(f);
    }
    if (!good) {
        free(data);
        return NULL;
    }
    data[*len] = '\0';
    return data;
}

int tool_flush_output(int status)
{
    if (fflush(stdout) != 0 || ferror(stdout)) {
        tool_error("cannot write: %s", strerror(errno));
        return status == TOOL_DONE ? TOOL_DISCONNECTED : status;
    }
    return status;
}
