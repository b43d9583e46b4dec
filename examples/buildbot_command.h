/* SPDX-License-Identifier: MIT
 *
 * The commands of a Buildbot worker: a program is run, a file goes to the master or comes
 * from it. A command tells the master's step how it goes (update), and that it is over
 * (complete). */
#ifndef BUILDBOT_COMMAND_H
#define BUILDBOT_COMMAND_H

#include <pb/pb.h>

typedef struct command command;

/* Where a command runs and who waits for it. *command is the one that is running, and
 * NULL again when it is over. */
struct place {
    const char *folder; /* of the builder */
    command **command;
    pb_object *owner; /* of this, kept until then */
};

/* Starts a command for a step, with the arguments that the master gave. False: there is
 * no such command. */
bool command_start(struct place place, pb_remote *step, const char *name, pb_value *args);
/* Kills what it runs. */
void command_interrupt(command *c);
/* The names of all commands and their versions: a *new* dict. */
pb_value *command_versions(void);

#endif
