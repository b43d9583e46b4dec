/* SPDX-License-Identifier: MIT
 *
 * Reads a section of the file of endpoints. */
#include "tools/call/endpoint_file.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tools/common/command.h"

enum { FILE_MAX = 1 << 20 };

/* The path of the file, *new* (free); NULL for lack of memory, or without a home. */
static char *endpoint_file_path(void)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    char *path = NULL;
    bool given = config && *config == '/';
    if (given || home) {
        int len = asprintf(&path, "%s%s/pb/endpoints.ini", given ? config : home,
                           given ? "" : "/.config");
        path = len < 0 ? NULL : path;
    }
    return path;
}

/* Reads the file whole; s->text stays NULL if there is none. */
static int endpoint_file_load(struct endpoint_section *s)
{
    struct stat about;
    FILE *f = s->path ? fopen(s->path, "rb") : NULL;
    if (!f) {
        bool absent = !s->path || errno == ENOENT || errno == ENOTDIR || errno == EACCES;
        if (!absent) {
            tool_error("%s: %s", s->path, strerror(errno));
        }
        return absent ? TOOL_DONE : TOOL_USAGE;
    }
    s->text = calloc(1, FILE_MAX + 2);
    s->len = s->text ? fread(s->text, 1, FILE_MAX + 1, f) : 0;
    bool failed = ferror(f) || fstat(fileno(f), &about) != 0;
    fclose(f);
    if (!s->text) {
        return tool_nomem();
    }
    if (failed || s->len > FILE_MAX) {
        tool_error("%s: %s", s->path, failed ? strerror(errno) : "the file is too large");
        return TOOL_USAGE;
    }
    s->is_open = (about.st_mode & (S_IRWXG | S_IRWXO)) != 0;
    return TOOL_DONE;
}

/* Ends text before white space at its end, and returns its first other character. */
static char *trim_line(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        text[--len] = '\0';
    }
    while (isspace((unsigned char)*text)) {
        text++;
    }
    return text;
}

static int endpoint_entry_add(struct endpoint_section *s, char *line, int number)
{
    char *equals = strchr(line, '=');
    if (!equals) {
        tool_error("%s: line %d: KEY = VALUE is expected: %s", s->path, number, line);
        return TOOL_USAGE;
    }
    struct endpoint_entry *more =
        realloc(s->entries, (size_t)(s->count + 1) * sizeof *more);
    if (!more) {
        return tool_nomem();
    }
    *equals = '\0';
    s->entries = more;
    more[s->count++] =
        (struct endpoint_entry){trim_line(line), trim_line(equals + 1), number};
    return TOOL_DONE;
}

/* Whether a line is the head of a section, and in *wanted, of the one of that name. */
static bool is_section_head(char *line, const char *name, bool *wanted)
{
    size_t len = strlen(line);
    if (*line != '[' || line[len - 1] != ']') {
        return false;
    }
    line[len - 1] = '\0';
    *wanted = strcmp(trim_line(line + 1), name) == 0;
    return true;
}

int endpoint_section_read(const char *name, struct endpoint_section *out)
{
    *out = (struct endpoint_section){.path = endpoint_file_path()};
    int status = endpoint_file_load(out);
    bool wanted = false;
    char *next = status == TOOL_DONE ? out->text : NULL;
    for (int number = 1; next && status == TOOL_DONE; number++) {
        char *line = next;
        next = strchr(line, '\n');
        if (next) {
            *next++ = '\0';
        }
        line = trim_line(line);
        bool empty = !*line || *line == '#' || *line == ';';
        if (!empty && is_section_head(line, name, &wanted)) {
            out->is_found = out->is_found || wanted;
        } else if (!empty && wanted) {
            status = endpoint_entry_add(out, line, number);
        }
    }
    return status;
}

void endpoint_section_fini(struct endpoint_section *s)
{
    free(s->path);
    free(s->entries);
    if (s->text) {
        tool_wipe(s->text, s->len);
    }
    free(s->text);
}
