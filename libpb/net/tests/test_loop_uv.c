/* SPDX-License-Identifier: MIT
 *
 * Under a loop of libuv that the program has. */
#include <uv.h>

#include "pb/loop.h"
#include "tests/support.h"

static uv_loop_t base;

static pb_loop *open_base(void)
{
    cr_assert_eq(uv_loop_init(&base), 0);
    return pb_loop_uv(&base);
}

static void run_base(void)
{
    uv_run(&base, UV_RUN_ONCE);
}

static void drain_base(void)
{
    uv_run(&base, UV_RUN_DEFAULT);
}

static void close_base(void)
{
    cr_assert_eq(uv_loop_close(&base), 0);
}

#include "libpb/net/tests/under_loop.h"
