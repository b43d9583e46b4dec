/* SPDX-License-Identifier: MIT
 *
 * Profiles: which Python and which Twisted a peer is, or is to be taken for. */
#ifndef PB_PROFILE_H
#define PB_PROFILE_H

#include "pb/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A kind of peer. Frozen. A 0 is the default: Python 3.11 (or 2.7, for python_major 2),
 * and the rules of the newest Twisted that is known, 26.4 (or 20.3, the last for Python 2). */
typedef struct {
    uint8_t python_major, python_minor;
    uint16_t twisted; /* year * 100 + month, as in 2204 for 22.4; 802 for 8.2 */
} pb_profile;

/* Reads "22.4.0-py3", "8.2.0-py2", "22.4", "23.10.0-py3.11", "24.10.0rc1", "24.7.0.post0",
 * "python2", "python3". Without a Python, it is 3. 0, or PB_ERR_SYNTAX for anything else. */
PB_API int pb_profile_parse(const char *text, pb_profile *out, pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
