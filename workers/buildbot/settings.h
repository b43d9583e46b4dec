/* SPDX-License-Identifier: MIT
 *
 * The file of settings: lines of NAME = VALUE, with the names that Buildbot's own worker
 * has in its buildbot.tac, and Python literals as values. */
#ifndef BUILDBOT_SETTINGS_H
#define BUILDBOT_SETTINGS_H

#include <pb/pb.h>

enum shutdown_kind { SHUTDOWN_BY_MASTER, SHUTDOWN_BY_SIGNAL, SHUTDOWN_BY_FILE };

/* Strings are borrowed from values. NULL, 0 and false are what an absent line and None
 * mean, but for umask, which is -1 then. */
typedef struct {
    const char *basedir, *buildmaster_host, *connection_string, *workername, *passwd;
    int64_t port, keepalive, umask, maxdelay, maxretries, numcpus;
    bool use_tls, delete_leftover_dirs;
    enum shutdown_kind allow_shutdown;
    pb_value *values; /* {name: value} */
} settings;

/* Reads a file; false with err, whose text names the line. */
bool settings_read(settings *s, const char *path, pb_error *err);
void settings_fini(settings *s);

#endif
