/* SPDX-License-Identifier: MIT
 *
 * Each setting has a row in the table; the values are checked when all lines are read. */
#include "workers/buildbot/settings.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workers/buildbot/command.h"

static const struct row {
    const char *name;
    char kind; /* s text, i int of at least 0, b boolean */
    bool needed;
    size_t offset;
} rows[] = {
    {"basedir", 's', true, offsetof(settings, basedir)},
    {"buildmaster_host", 's', false, offsetof(settings, buildmaster_host)},
    {"port", 'i', false, offsetof(settings, port)},
    {"connection_string", 's', false, offsetof(settings, connection_string)},
    {"workername", 's', true, offsetof(settings, workername)},
    {"passwd", 's', true, offsetof(settings, passwd)},
    {"keepalive", 'i', false, offsetof(settings, keepalive)},
    {"umask", 'i', false, offsetof(settings, umask)},
    {"maxdelay", 'i', false, offsetof(settings, maxdelay)},
    {"maxretries", 'i', false, offsetof(settings, maxretries)},
    {"numcpus", 'i', false, offsetof(settings, numcpus)},
    {"use_tls", 'b', false, offsetof(settings, use_tls)},
    {"delete_leftover_dirs", 'b', false, offsetof(settings, delete_leftover_dirs)},
    {"allow_shutdown", 0, false, 0},
};
enum { ROWS = sizeof rows / sizeof *rows };

static const struct row *row_find(const char *name)
{
    size_t i = 0;
    while (i < ROWS && strcmp(rows[i].name, name) != 0) {
        i++;
    }
    return i < ROWS ? &rows[i] : NULL;
}

/* Reads one line; an error without its number. */
static int line_read(settings *s, char *line, pb_error *err)
{
    pb_error why = {0};
    char *name = line + strspn(line, " \t");
    char *end = name + strcspn(name, "= \t\r\n");
    char *value = end + strspn(end, " \t");
    if (*name == '#' || *end == '\r' || *end == '\n' || *name == '\0') {
        return *end == '\0' || *name == '#' || end == name
                   ? 0
                   : refuse(err, PB_ERR_SYNTAX, "no NAME = VALUE");
    }
    if (*value != '=') {
        return refuse(err, PB_ERR_SYNTAX, "no NAME = VALUE");
    }
    *end = '\0';
    value += 1 + strspn(value + 1, " \t");
    value[strcspn(value, "\r\n")] = '\0';
    if (!row_find(name)) {
        return refuse(err, PB_ERR_ARG, "there is no setting '%.60s'", name);
    }
    pb_value *parsed = pb_value_parse(value, &why);
    return parsed ? pb_dict_set_steal(s->values, name, parsed)
                  : refuse(err, PB_ERR_SYNTAX, "%.60s: %.100s", name, why.text);
}

static int allow_shutdown_read(settings *s, const pb_value *v, pb_error *err)
{
    pb_span text = {0};
    (void)pb_as_text(v, &text);
    s->allow_shutdown = SHUTDOWN_BY_MASTER;
    if (text.len == 6 && memcmp(text.data, "signal", 6) == 0) {
        s->allow_shutdown = SHUTDOWN_BY_SIGNAL;
    } else if (text.len == 4 && memcmp(text.data, "file", 4) == 0) {
        s->allow_shutdown = SHUTDOWN_BY_FILE;
    } else {
        return refuse(err, PB_ERR_ARG, "allow_shutdown is neither 'signal' nor 'file'");
    }
    return 0;
}

/* Stores a value in its field. */
static int row_store(settings *s, const struct row *r, const pb_value *v, pb_error *err)
{
    char *field = (char *)s + r->offset;
    int e;
    switch (r->kind) {
    case 's':
        e = pb_unpack(v, NULL, "s", (const char **)field);
        return e ? refuse(err, e, "%s is no text", r->name) : 0;
    case 'i':
        e = pb_as_int(v, (int64_t *)field);
        return e || *(int64_t *)field < 0 || *(int64_t *)field > INT_MAX
                   ? refuse(err, PB_ERR_RANGE, "%s is no number from 0 on", r->name)
                   : 0;
    case 'b':
        e = pb_as_bool(v, (bool *)field);
        return e ? refuse(err, e, "%s is neither True nor False", r->name) : 0;
    default:
        return allow_shutdown_read(s, v, err);
    }
}

static int settings_check(settings *s, pb_error *err)
{
    for (size_t i = 0; i < ROWS; i++) {
        const pb_value *v = pb_dict_get(s->values, rows[i].name);
        int e = 0;
        if (v && !pb_is(v, PB_NONE)) {
            e = row_store(s, &rows[i], v, err);
        } else if (rows[i].needed) {
            e = refuse(err, PB_ERR_ARG, "the setting %s is missing", rows[i].name);
        }
        if (e) {
            return e;
        }
    }
    bool host = s->buildmaster_host && s->port;
    return host == !s->connection_string
               ? 0
               : refuse(err, PB_ERR_ARG,
                        "either buildmaster_host and port are needed, or "
                        "connection_string");
}

bool settings_read(settings *s, const char *path, pb_error *err)
{
    *s = (settings){.umask = -1, .values = pb_dict()};
    char *line = NULL;
    size_t room = 0;
    FILE *file = fopen(path, "re");
    int e = file ? 0 : refuse(err, PB_ERR_SYSTEM, "%.100s: %s", path, strerror(errno));
    for (int n = 1; !e && getline(&line, &room, file) >= 0; n++) {
        pb_error why = {0};
        e = line_read(s, line, &why);
        if (e) {
            refuse(err, e, "%.60s, line %d: %.100s", path, n, why.text);
        }
    }
    free(line);
    if (file) {
        fclose(file);
    }
    return !e && settings_check(s, err) == 0;
}

void settings_fini(settings *s)
{
    pb_value_unref(s->values);
}
