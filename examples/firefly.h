/* SPDX-License-Identifier: MIT
 *
 * The part that the nodes and the root of a Firefly tree share: a service, which is a
 * table of targets. A target is called by its command, a name or a number, with whatever
 * arguments follow it. */
#ifndef FIREFLY_H
#define FIREFLY_H

#include <pb/pb.h>

/* Firefly runs on Python 2. Takes "--python3", for ports of it, off the command line, and
 * tells which Python it is. */
uint8_t firefly_python(int *argc, char ***argv);

/* args are those behind the command, borrowed like kwargs. Returns as a pb_method. */
struct firefly_target {
    const char *command;
    int (*call)(void *self, pb_request *req, pb_value *args, pb_value *kwargs);
};

/* The methods callTarget and callChild. targets ends with a row of zeros. An unknown
 * command is answered with None. */
int firefly_call(const struct firefly_target *targets, void *self, pb_request *req);
/* Answers as Firefly's services do: with None in place of 0, False and what is empty.
 * Takes result. */
int firefly_answer_steal(pb_request *req, pb_value *result);
/* The target that answers [args, kwargs]. */
int firefly_echo(void *self, pb_request *req, pb_value *args, pb_value *kwargs);
/* Items of a tuple from `from` on: a *new* tuple. */
pb_value *firefly_rest(pb_value *args, size_t from);
/* Writes v after a text on a line of its own. */
void firefly_print(const char *before, const pb_value *v);

#endif
