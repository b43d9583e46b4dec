/* SPDX-License-Identifier: MIT
 *
 * The client of one_two_server.c under GLib's main loop. */
#include <pb/adapters/glib.h>

#include "examples/loop.h"

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    if (why->code) {
        fprintf(stderr, "%s\n", why->text);
    }
    g_main_loop_quit(user_data);
}

int main(int argc, char **argv)
{
    int fd = connect_to("127.0.0.1", argc > 1 ? argv[1] : "8800");
    GMainLoop *base = g_main_loop_new(NULL, FALSE);
    const pb_session_config config = {.on_close = on_close, .user_data = base};
    pb_session *s = fd < 0 ? NULL : pb_glib_attach(NULL, fd, true, &config);
    if (s) {
        ask(s);
        g_main_loop_run(base);
    }
    g_main_loop_unref(base);
    return s ? 0 : 1;
}
