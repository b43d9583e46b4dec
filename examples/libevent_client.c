/* SPDX-License-Identifier: MIT
 *
 * The client of one_two_server.c under libevent. */
#include <pb/adapters/libevent.h>

#include "examples/loop.h"

static void on_close(pb_session *s, const pb_error *why, void *user_data)
{
    (void)s;
    if (why->code) {
        fprintf(stderr, "%s\n", why->text);
    }
    event_base_loopbreak(user_data);
}

int main(int argc, char **argv)
{
    int fd = connect_to("127.0.0.1", argc > 1 ? argv[1] : "8800");
    struct event_base *base = event_base_new();
    const pb_session_config config = {.on_close = on_close, .user_data = base};
    pb_session *s = fd < 0 ? NULL : pb_libevent_attach(base, fd, true, &config);
    if (s) {
        ask(s);
        event_base_dispatch(base);
    }
    event_base_free(base);
    return s ? 0 : 1;
}
