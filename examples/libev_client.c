/* SPDX-License-Identifier: MIT
 *
 * The client of one_two_server.c under libev. */
#include <pb/adapters/libev.h>

#include "examples/loop.h"

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    if (why->code) {
        fprintf(stderr, "%s\n", why->text);
    }
    ev_break(user_data, EVBREAK_ALL);
}

int main(int argc, char **argv)
{
    int fd = connect_to("127.0.0.1", argc > 1 ? argv[1] : "8800");
    struct ev_loop *base = EV_DEFAULT;
    const pb_session_config config = {.on_close = on_close, .user_data = base};
    pb_session *s = fd < 0 ? NULL : pb_libev_attach(base, fd, true, &config);
    if (s) {
        ask(s);
        ev_run(base, 0);
    }
    ev_loop_destroy(base);
    return s ? 0 : 1;
}
