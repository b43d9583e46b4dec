/* SPDX-License-Identifier: MIT
 *
 * Connections that this side makes. */
#ifndef PB__DIAL_H
#define PB__DIAL_H

#include "libpb/net/conn.h"

/* For one who waits for a connection to end, as the blocking client does. */
struct pb__ending {
    bool over;    /* the pb_conn is gone */
    pb_error why; /* as on_close was told */
};

/* pb_connect; and with ending (or NULL) filled at the end, and output sent at once where
 * direct is set. */
pb_conn *pb__dial(uv_loop_t *loop, const char *endpoint, const pb_net_config *c,
                  bool direct, struct pb__ending *ending, pb_error *err);

#endif
