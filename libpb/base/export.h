/* SPDX-License-Identifier: MIT
 *
 * What of the inside one part of libpb takes from another that is linked on its own: libpb
 * from libpb-core, and the pb command from both. No program can be linked with these: their
 * version is LIBPB_PRIVATE, and nothing of them is promised. */
#ifndef PB__EXPORT_H
#define PB__EXPORT_H

#include "pb/error.h"

#define PB__SHARED PB_API

#endif
