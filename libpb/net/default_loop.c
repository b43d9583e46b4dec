/* SPDX-License-Identifier: MIT
 *
 * Running the default loop of the process, for programs that have no loop of their
 * own. */
#include <signal.h>
#include <uv.h>

#include "libpb/net/loop.h"

static void run_on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    uv_stop(handle->loop);
}

/* Watches a signal without keeping the loop alive for it. */
static int run_watch_signal(uv_loop_t *loop, uv_signal_t *handle, int number)
{
    int e = uv_signal_init(loop, handle);
    if (e) {
        return e;
    }
    uv_unref((uv_handle_t *)handle);
    return uv_signal_start_oneshot(handle, run_on_signal, number);
}

int pb_run(void)
{
    static const int numbers[] = {SIGINT, SIGTERM};
    static bool is_running; /* libuv cannot run a loop inside itself */
    const pb_loop *own = pb_loop_default();
    uv_signal_t watched[2];
    int status = 0, count = 0;
    if (!own) {
        return PB_ERR_SYSTEM;
    }
    if (is_running || pb__loop_is_foreign(own)) {
        return PB_ERR_STATE;
    }
    uv_loop_t *loop = uv_default_loop();
    is_running = true;
    while (count < 2 && status == 0) {
        status = run_watch_signal(loop, &watched[count], numbers[count]);
        count++;
    }
    if (status == 0) {
        uv_run(loop, UV_RUN_DEFAULT);
    }
    while (count-- > 0) {
        uv_close((uv_handle_t *)&watched[count], NULL);
    }
    uv_run(loop, UV_RUN_NOWAIT); /* until the handles are closed */
    is_running = false;
    return status ? PB_ERR_SYSTEM : 0;
}
