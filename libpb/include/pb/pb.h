/* SPDX-License-Identifier: MIT
 *
 * Includes all of libpb: libpb-core, and sockets on event loops. */
#ifndef PB_PB_H
#define PB_PB_H

#include "pb/core.h"
#include "pb/files.h"
#include "pb/loop.h"
#include "pb/net.h"
#include "pb/service.h"

#endif
