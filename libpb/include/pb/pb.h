/* SPDX-License-Identifier: MIT
 *
 * All of libpb. */
#ifndef PB_PB_H
#define PB_PB_H

#include "pb/banana.h"
#include "pb/broker.h"
#include "pb/error.h"
#include "pb/files.h"
#include "pb/flavors.h"
#include "pb/jelly.h"
#include "pb/local.h"
#include "pb/login.h"
#include "pb/loop.h"
#include "pb/net.h"
#include "pb/paging.h"
#include "pb/profile.h"
#include "pb/publish.h"
#include "pb/service.h"
#include "pb/value.h"

#endif
