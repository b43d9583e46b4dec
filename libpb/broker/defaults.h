/* SPDX-License-Identifier: MIT
 *
 * The defaults of pb_session_config, named like its fields. tests/check-limits compares
 * them with the public headers and docs/guide-c.md. */
#ifndef PB__BROKER_DEFAULTS_H
#define PB__BROKER_DEFAULTS_H

enum {
    PB__DEFAULT_MAX_PENDING = 65536,
    PB__DEFAULT_MAX_REFS = 1024, /* Twisted's MAX_BROKER_REFS */
    PB__DEFAULT_MAX_CACHES = 65536,
    PB__DEFAULT_MAX_HELD = 65536,
    PB__DEFAULT_MAX_MEMORY = 256 << 20,
    PB__DEFAULT_MAX_QUEUED = 256 << 20,
    PB__DEFAULT_HIGH_MARK = 1 << 20,
    PB__DEFAULT_NEGOTIATION_TIMEOUT = 30000, /* milliseconds */
    PB__DEFAULT_MESSAGE_TIMEOUT = 120000,
    PB__DEFAULT_MAX_FAILED_LOGINS = 10,
};

#endif
