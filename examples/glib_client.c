/* SPDX-License-Identifier: MIT
 *
 * The client of one_two_server.c under GLib's main loop. */
#include <pb/adapters/glib.h>

#include "examples/loop.h"

struct program {
    GMainLoop *base;
    pb_error err;
};

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    struct program *p = user_data;
    (void)s;
    p->err = *why;
    g_main_loop_quit(p->base);
}

int main(int argc, char **argv)
{
    struct program p = {.base = g_main_loop_new(NULL, FALSE)};
    const pb_net_config config = {.session = {.on_close = on_close, .user_data = &p}};
    pb_loop *loop = pb_loop_glib(NULL);
    pb_conn *conn =
        pb_connect(loop, argc > 1 ? argv[1] : "tcp:localhost:8800", &config, &p.err);
    if (conn) {
        ask(pb_conn_session(conn));
        g_main_loop_run(p.base);
    }
    pb_loop_unref(loop);
    g_main_loop_unref(p.base);
    return say_end(&p.err);
}
