/* SPDX-License-Identifier: MIT
 *
 * The client of one_two_server.c under libevent, whose loop ends when the connection
 * has. */
#include <pb/adapters/libevent.h>

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
    struct event_base *base = event_base_new();
    pb_loop *loop = pb_loop_libevent(base);
    pb_conn *conn =
        pb_connect(loop, argc > 1 ? argv[1] : "tcp:localhost:8800", &config, &err);
    if (conn) {
        ask(pb_conn_session(conn));
        event_base_dispatch(base);
    }
    pb_loop_unref(loop);
    event_base_free(base);
    return say_end(&err);
}
