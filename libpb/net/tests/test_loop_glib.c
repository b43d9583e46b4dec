/* SPDX-License-Identifier: MIT
 *
 * Under GLib's main loop. */
#include "pb/adapters/glib.h"
#include "tests/support.h"

static GMainContext *base;

static pb_loop *open_base(void)
{
    base = g_main_context_new();
    return pb_loop_glib(base);
}

static void run_base(void)
{
    g_main_context_iteration(base, TRUE);
}

static void drain_base(void)
{
    while (g_main_context_iteration(base, FALSE)) {
    }
}

static void close_base(void)
{
    g_main_context_unref(base);
}

#define LOOP_NESTS
#include "libpb/net/tests/under_loop.h"
