/* SPDX-License-Identifier: MIT
 *
 * `pb replay --client` and `--server`: the options, and the replay from the capture
 * and the endpoint to the exit status. */
#ifndef PB__TOOLS_REPLAY_LIVE_H
#define PB__TOOLS_REPLAY_LIVE_H

#include "pb/net.h"
#include "tools/replay/rules.h"

struct live_replay {
    pb_net_config config;
    size_t connection;            /* which one of the capture to replay, from 1; 0: all */
    size_t compared, differences; /* messages so far */
    struct pb__target *local;     /* where it listens; NULL: nowhere yet */
    int listener;
    int64_t timeout; /* milliseconds; 0: none was given */
    struct rules rules;
    struct pb__buf passwords; /* char *: NAME:PASSWORD */
};

/* Reads a file of rules: TOOL_DONE, or TOOL_USAGE after an error message. */
int live_replay_add_rules(struct live_replay *o, const char *path);
/* Plays a side, SIDE_CLIENT or SIDE_SERVER, of each file; returns the exit status. */
int live_replay_run(struct live_replay *o, int side, int count, char **files,
                    const char *endpoint);
void live_replay_fini(struct live_replay *o);

#endif
