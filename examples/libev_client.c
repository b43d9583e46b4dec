/* SPDX-License-Identifier: MIT
 *
 * The client of one_two_server.c under libev, whose loop ends when the connection has. */
#include <pb/adapters/libev.h>

#include "examples/loop.h"

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    *(pb_error *)user_data = *why;
}

int main(int argc, char **argv)
{
    pb_error err = {0};
    const pb_net_config config = {.session = {.on_close = on_close, .user_data = &err}};
    struct ev_loop *base = EV_DEFAULT;
    pb_loop *loop = pb_loop_libev(base);
    pb_conn *conn =
        pb_connect(loop, argc > 1 ? argv[1] : "tcp:localhost:8800", &config, &err);
    if (conn) {
        ask(pb_conn_session(conn));
        ev_run(base, 0);
    }
    pb_loop_unref(loop);
    ev_loop_destroy(base);
    return say_end(&err);
}
