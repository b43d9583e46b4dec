/* SPDX-License-Identifier: MIT
 *
 * Endpoints with TLS where libpb is built without it: a clear error, at once. */
#include <sys/socket.h>

#include "libpb/net/target.h"
#include "libpb/net/tests/loop.h"

static const char text[] = "this libpb was built without TLS";

PB_TEST(tls_none, endpoints_are_refused)
{
    static const char *const clients[] = {"tls:localhost:1", "ssl:localhost:1"};
    static const char *const servers[] = {"tls:1", "ssl:1"};
    for (int i = 0; i < 2; i++) {
        pb_error err = {0};
        cr_expect_null(pb_client_open(clients[i], NULL, &err));
        cr_expect_eq(err.code, PB_ERR_TLS);
        cr_expect_str_eq(err.text, text);
        err = (pb_error){0};
        cr_expect_null(pb__target_new(servers[i], PB__ENDPOINT_SERVER, NULL, &err));
        cr_expect_eq(err.code, PB_ERR_TLS);
        cr_expect_str_eq(err.text, text);
    }
}

PB_TEST(tls_none, sockets_are_refused)
{
    for (int is_client = 0; is_client < 2; is_client++) {
        const pb_net_config config = {.tls_host_name = "localhost"};
        struct loop loop;
        pb_error err = {0};
        begin_loop(&loop);
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        int flags = PB_ADOPT_TLS | (is_client ? PB_ADOPT_CLIENT : 0);
        cr_expect_null(pb_conn_adopt(loop.pb, fd, flags, &config, &err));
        cr_expect_eq(err.code, PB_ERR_TLS);
        cr_expect_str_eq(err.text, text);
        end_loop(&loop);
    }
}
