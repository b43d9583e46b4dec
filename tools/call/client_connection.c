/* SPDX-License-Identifier: MIT
 *
 * The connection of a client to its server, and the login. */
#include "tools/call/client_options.h"
#include "tools/common/command.h"

static void client_session_closed(pb_session *s, const pb_error *why, void *options)
{
    (void)s;
    (void)why;
    ((struct client_options *)options)->had_session = true;
}

static int client_connect(struct client_options *o)
{
    pb_error err = {0};
    o->config.session.on_close = client_session_closed;
    o->config.session.user_data = o;
    o->connection = pb_client_open(o->endpoint, &o->config, &err);
    if (o->connection) {
        pb_client_set_timeout(o->connection, o->timeout);
        return TOOL_DONE;
    }
    return client_report_connection(o, &err);
}

int client_options_connect(struct client_options *o)
{
    int status = client_connect(o);
    if (status != TOOL_DONE) {
        return status;
    }
    pb_error err = {0};
    o->callee = o->log_in ? pb_client_login(o->connection, &o->credentials, NULL, &err)
                          : pb_remote_ref(pb_client_root(o->connection));
    return o->callee ? TOOL_DONE : client_options_report(o, &err);
}
