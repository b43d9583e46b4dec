/* SPDX-License-Identifier: MIT
 *
 * A program that a command runs: what it prints goes to the step as it comes, and time
 * limits, interrupts and their signals are observed. Mirrors RunProcess. */
#ifndef BUILDBOT_PROCESS_H
#define BUILDBOT_PROCESS_H

#include "workers/buildbot/command.h"

typedef struct process process;

/* Zero is the default of every field. Times are in seconds; 0: no limit. All is borrowed
 * until process_start returns. */
typedef struct {
    char *const *argv;    /* ends with NULL */
    pb_value *shown;      /* what the step is told in place of argv; NULL: argv */
    char *const *environ; /* ends with NULL; NULL: that of the worker */
    const char *folder;   /* where it runs; made if it is absent */
    double timeout;       /* without output */
    double max_time;
    double sigterm_time; /* between SIGTERM and the signal */
    bool sigterm;        /* SIGTERM is sent first */
    int signal;          /* 0: SIGKILL */
    size_t max_lines;    /* of standard output and error; 0: no limit */
    bool drop_stdout, drop_stderr, hide_environ, pty;
    pb_span input;      /* of its standard input */
    pb_value *logfiles; /* {name: path or {"filename": path, "follow": bool}} */
    void (*done)(command *c, int rc);
} process_options;

/* Runs a program; `done` runs once, not before this returns. c->state is the process, and
 * c->interrupt ends it, until then. Returns 0, or an error code with a text. */
int process_start(command *c, const process_options *o, pb_error *err);
/* The signal with a name as "KILL" or "INT"; 0: there is none. */
int signal_by_name(const char *name);

#endif
