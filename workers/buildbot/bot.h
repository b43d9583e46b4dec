/* SPDX-License-Identifier: MIT
 *
 * The object that a master calls first, and those of its builders. They stay when the
 * master changes their list, and when the connection is lost. */
#ifndef BUILDBOT_BOT_H
#define BUILDBOT_BOT_H

#include <pb/pb.h>

typedef struct bot bot;

/* Zero is the default of every field; folder is needed. Borrowed for the life of the
 * bot. */
typedef struct {
    const char *folder; /* absolute */
    int cpus;           /* 0: those of the machine */
    bool delete_leftover_dirs;
} bot_config;

/* A bot: an object, *new*. NULL if memory is exhausted. */
pb_object *bot_new(const bot_config *config);

#endif
