/* SPDX-License-Identifier: MIT
 *
 * Under libevent. */
#include "pb/adapters/libevent.h"
#include "tests/support.h"

static struct event_base *base;

static pb_loop *open_base(void)
{
    base = event_base_new();
    return pb_loop_libevent(base);
}

static void run_base(void)
{
    event_base_loop(base, EVLOOP_ONCE);
}

static void drain_base(void)
{
    event_base_dispatch(base);
}

static void close_base(void)
{
    event_base_free(base);
}

#include "libpb/net/tests/under_loop.h"
