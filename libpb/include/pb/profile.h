/* SPDX-License-Identifier: MIT
 *
 * Profiles: the versions of Python and Twisted that a peer has, or is assumed to have. */
#ifndef PB_PROFILE_H
#define PB_PROFILE_H

#include "pb/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The versions of a peer. Frozen. 0 is the default: Python 3.11 (2.7 if python_major is
 * 2), and the rules of the newest known Twisted, 26.4 (20.3, the last version for
 * Python 2). Bugs of a single version are only reproduced if that version is set; for
 * example, 24.7 never answers a call whose Deferred fails late. */
typedef struct {
    uint8_t python_major, python_minor;
    uint16_t twisted; /* year * 100 + month, as in 2204 for 22.4; 802 for 8.2 */
} pb_profile;

/* Parses "22.4.0-py3", "8.2.0-py2", "22.4", "23.10.0-py3.11", "24.10.0rc1",
 * "24.7.0.post0", "python2" or "python3". Python 3 is assumed if no version of Python is
 * given. 0, or PB_ERR_SYNTAX for any other text. */
PB_API int pb_profile_parse(const char *text, pb_profile *out, pb_error *err);

#ifdef __cplusplus
}
#endif
#endif
