/* SPDX-License-Identifier: MIT
 *
 * What `pb replay --client` and `--server` are asked to do, and do: they read the capture,
 * reach the peer, and have stand_in.h play. */
#ifndef PB__TOOLS_REPLAY_LIVE_H
#define PB__TOOLS_REPLAY_LIVE_H

#include "pb/net.h"
#include "tools/replay/rules.h"

struct replay_live {
    pb_net_config config;
    size_t connection; /* of the capture */
    int64_t timeout;   /* milliseconds; 0: none was given */
    struct rules rules;
    struct pb__buf passwords; /* char *: NAME:PASSWORD */
};

/* Reads a file of rules: TOOL_DONE or TOOL_USAGE, as below after saying why. */
int replay_live_rules(struct replay_live *o, const char *path);
/* Plays a side, TALK_CLIENT or TALK_SERVER: the status to exit with. */
int replay_live(struct replay_live *o, int who, const char *file, const char *endpoint);
void replay_live_fini(struct replay_live *o);

#endif
