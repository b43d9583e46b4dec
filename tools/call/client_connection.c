/* SPDX-License-Identifier: MIT
 *
 * The connection of a client to its server, and the login. */
#include <string.h>

#include "tools/call/client_options.h"
#include "tools/call/client_trace.h"
#include "tools/common/command.h"
#include "tools/common/first_contact.h"

/* Milliseconds after which a server that is silent is looked at more closely: one that
 * speaks Perspective Broker speaks at once. */
enum { SILENCE = 400 };

static void client_session_closed(pb_session *s, const pb_error *why, void *options)
{
    struct client_options *o = options;
    (void)s;
    o->had_session = true;
    o->ending = *why;
}

/* Whether the connection was made, but the server then did not speak. */
static bool is_silence(const pb_error *err)
{
    return err->code == PB_ERR_TIMEOUT && strstr(err->text, "negotiat");
}

/* Opens the connection. If the server is silent at first, finds out whether it speaks
 * another protocol; if not, waits for it as long as it takes. *explained is set if an
 * error message was printed. */
static pb_client *client_open(struct client_options *o, pb_error *err, bool *explained)
{
    pb_net_config config = o->config;
    int64_t *patience = &config.session.negotiation_timeout;
    bool longer = *patience <= 0 || *patience > SILENCE;
    *patience = longer ? SILENCE : *patience;
    pb_client *client = pb_client_open(o->endpoint, &config, err);
    if (client || !longer || !is_silence(err)) {
        return client;
    }
    if (first_contact_explain(o->endpoint)) {
        *explained = true;
        return NULL;
    }
    *err = (pb_error){0};
    client_trace_step(o, "the server is silent; connecting again, to wait for it");
    return pb_client_open(o->endpoint, &o->config, err);
}

static int client_connect(struct client_options *o)
{
    pb_error err = {0};
    bool explained = false;
    client_trace_attach(o);
    o->config.session.on_close = client_session_closed;
    o->config.session.user_data = o;
    o->connection = client_open(o, &err, &explained);
    if (o->connection) {
        pb_client_set_timeout(o->connection, o->timeout);
        return TOOL_DONE;
    }
    return explained ? TOOL_DISCONNECTED : client_report_connection(o, &err);
}

int client_options_connect(struct client_options *o)
{
    int status = client_connect(o);
    if (status != TOOL_DONE) {
        return status;
    }
    pb_error err = {0};
    if (o->log_in) {
        client_trace_step(o, "logging in %s%s",
                          o->credentials.anonymous ? "anonymously" : "as ",
                          o->credentials.anonymous ? "" : o->credentials.username);
    }
    o->callee = o->log_in ? pb_client_login(o->connection, &o->credentials, NULL, &err)
                          : pb_remote_ref(pb_client_root(o->connection));
    if (o->callee && o->log_in) {
        client_trace_step(o, "logged in");
    }
    return o->callee ? TOOL_DONE : client_options_report(o, &err);
}
