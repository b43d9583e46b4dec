/* SPDX-License-Identifier: MIT
 *
 * Under libev. */
#include "pb/adapters/libev.h"
#include "tests/support.h"

static struct ev_loop *base;

static pb_loop *open_base(void)
{
    base = ev_loop_new(EVFLAG_AUTO);
    return pb_loop_libev(base);
}

static void run_base(void)
{
    ev_run(base, EVRUN_ONCE);
}

static void drain_base(void)
{
    ev_run(base, 0);
}

static void close_base(void)
{
    ev_loop_destroy(base);
}

#define LOOP_NESTS
#include "libpb/net/tests/under_loop.h"
