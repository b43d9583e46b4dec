/* SPDX-License-Identifier: MIT
 *
 * Endpoints with TLS where libpb is built without it: a clear error, at once. */
#include <sys/socket.h>
#include <unistd.h>

#include "libpb/net/target.h"
#include "tests/support.h"

static const char text[] = "this libpb was built without TLS";

static void check_refused(const char *endpoint, enum pb__endpoint_role role)
{
    pb_error err = {0};
    cr_expect_null(pb__target_new(endpoint, role, NULL, &err));
    cr_expect_eq(err.code, PB_ERR_TLS);
    cr_expect_str_eq(err.text, text);
}

PB_TEST(tls_none, endpoints_are_refused)
{
    pb_error err = {0};
    check_refused("tls:localhost:1", PB__ENDPOINT_CLIENT);
    check_refused("ssl:localhost:1", PB__ENDPOINT_CLIENT);
    check_refused("tls:1", PB__ENDPOINT_SERVER);
    check_refused("ssl:1:privateKey=a:certKey=b", PB__ENDPOINT_SERVER);
    cr_expect_null(pb_client_open("tls:localhost:1", NULL, &err));
    cr_expect_str_eq(err.text, text);
}

PB_TEST(tls_none, sockets_are_refused)
{
    const pb_net_config config = {.tls_host_name = "localhost"};
    pb_loop *loop = pb_loop_default();
    for (int flags = PB_ADOPT_TLS; flags <= (PB_ADOPT_TLS | PB_ADOPT_CLIENT); flags++) {
        pb_error err = {0};
        int pair[2];
        cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        cr_expect_null(pb_conn_adopt(loop, pair[0], flags, &config, &err));
        cr_expect_eq(err.code, PB_ERR_TLS);
        cr_expect_str_eq(err.text, text);
        close(pair[1]);
    }
}
