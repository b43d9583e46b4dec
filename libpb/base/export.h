/* SPDX-License-Identifier: MIT
 *
 * PB__SHARED marks internal functions that are shared between separately linked parts of
 * libpb: libpb uses those of libpb-core, and the pb command those of both. They have the
 * symbol version LIBPB_PRIVATE. Other programs must not use them, and they may change at
 * any time. */
#ifndef PB__EXPORT_H
#define PB__EXPORT_H

#include "pb/error.h"

#define PB__SHARED PB_API

#endif
