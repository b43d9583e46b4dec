/* SPDX-License-Identifier: MIT
 *
 * The defaults of pb_net_config and pb_service_config, named like their fields.
 * tests/check-limits compares them with the public headers and docs/guide-c.md. */
#ifndef PB__NET_DEFAULTS_H
#define PB__NET_DEFAULTS_H

enum {
    PB__DEFAULT_CONNECT_TIMEOUT = 30000, /* milliseconds */
    PB__DEFAULT_KEEP_ALIVE = 60,         /* seconds */
    PB__DEFAULT_FIRST_DELAY = 1000,      /* milliseconds, as the next three */
    PB__DEFAULT_MAX_DELAY = 60000,
    PB__DEFAULT_JITTER = 1000,
    PB__DEFAULT_LOGIN_TIMEOUT = 30000,
    PB__DEFAULT_MAX_WAITING = 65536,
};

#endif
