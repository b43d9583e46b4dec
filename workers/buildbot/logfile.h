/* SPDX-License-Identifier: MIT
 *
 * Log files that a program writes, and that the step of the master is told as they grow.
 * Mirrors LogFileWatcher. */
#ifndef BUILDBOT_LOGFILE_H
#define BUILDBOT_LOGFILE_H

#include "workers/buildbot/command.h"

typedef struct logfile_set logfile_set;

/* Checks the dict of an argument `logfiles`, and notes how the files are now. *out is
 * *new*, NULL if there are none. Returns 0, or an error code with a text. */
int logfile_set_new(command *c, const char *folder, pb_value *logfiles, logfile_set **out,
                    pb_error *err);
/* Frees a set that was never watched. NULL is allowed. */
void logfile_set_free(logfile_set *s);
/* Looks at the files every two seconds from now on. */
void logfile_set_watch(logfile_set *s);
/* Tells the rest of the files, and frees the set; then `done` runs. */
void logfile_set_finish(logfile_set *s, void (*done)(void *user_data), void *user_data);

#endif
