/* SPDX-License-Identifier: MIT
 *
 * A child process, in a process group of its own, with pipes or a terminal. */
#ifndef BUILDBOT_SPAWN_H
#define BUILDBOT_SPAWN_H

#include <sys/types.h>

#include "workers/buildbot/process.h"

/* The worker's ends of its descriptors: -1 for those that it does not have. */
typedef struct {
    pid_t pid;
    int input, output[2];
} spawned;

/* Starts a program: 0 or an error number. A program that is missing ends with the status
 * 1, and says so on its standard error. */
int spawn(const process_options *o, spawned *out);

#endif
