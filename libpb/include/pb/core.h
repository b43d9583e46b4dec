/* SPDX-License-Identifier: MIT
 *
 * Includes all of libpb-core: values, banana, jelly and the session. It uses no
 * sockets. */
#ifndef PB_CORE_H
#define PB_CORE_H

#include "pb/banana.h"
#include "pb/broker.h"
#include "pb/error.h"
#include "pb/flavors.h"
#include "pb/jelly.h"
#include "pb/local.h"
#include "pb/login.h"
#include "pb/paging.h"
#include "pb/profile.h"
#include "pb/publish.h"
#include "pb/value.h"
#include "pb/version.h"

#endif
