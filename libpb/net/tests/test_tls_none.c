/* SPDX-License-Identifier: MIT
 *
 * Endpoints with TLS where libpb is built without it: a clear error, at once. */
#include "libpb/net/target.h"
#include "pb/driver.h"
#include "tests/support.h"

static const char text[] = "this libpb was built without TLS";

PB_TEST(tls_none, endpoints_are_refused)
{
    static const char *const endpoints[] = {"tls:localhost:1", "ssl:localhost:1"};
    for (size_t i = 0; i < sizeof endpoints / sizeof *endpoints; i++) {
        pb_error err = {0};
        cr_expect_null(pb_client_open(endpoints[i], NULL, &err));
        cr_expect_eq(err.code, PB_ERR_TLS);
        cr_expect_str_eq(err.text, text);
        err = (pb_error){0};
        cr_expect_null(pb__target_new(endpoints[i], PB__ENDPOINT_SERVER, NULL, &err));
        cr_expect_eq(err.code, PB_ERR_TLS);
        cr_expect_str_eq(err.text, text);
    }
}

PB_TEST(tls_none, drivers_get_none)
{
    static const pb_net_config plain;
    pb_error err = {0};
    cr_expect_null(pb_tls_new(&plain, true, &err));
    cr_expect_eq(err.code, PB_ERR_TLS);
    cr_expect_str_eq(err.text, text);
    pb_tls_unref(NULL);
}
