/* SPDX-License-Identifier: MIT
 *
 * Reaching a server, for the subcommands that call one: their common options, the
 * connection, the login. */
#ifndef PB__TOOLS_CALL_CLIENT_OPTIONS_H
#define PB__TOOLS_CALL_CLIENT_OPTIONS_H

#include <getopt.h>

#include "libpb/base/buf.h"
#include "pb/net.h"

struct reach {
    pb_net_config config;
    int64_t timeout; /* milliseconds; 0: none was given */
    bool traceback;  /* of failures, to be shown */
    bool log_in;
    pb_credentials who;
    const char *password_file;
    struct pb__buf password;
    pb_client *client;
    pb_remote *first; /* what is called: the root, or the avatar; one count */
};

/* What getopt_long returns for the common options, and its rows for them. */
enum {
    REACH_ALLOW = 512,
    REACH_ANONYMOUS,
    REACH_CA,
    REACH_INSECURE,
    REACH_LOGIN,
    REACH_LOGIN_TEXT,
    REACH_PASSWORD_FILE,
    REACH_PYTHON2,
    REACH_TIMEOUT,
    REACH_TRACEBACK,
};

#define REACH_OPTIONS                                                    \
    {"allow", required_argument, NULL, REACH_ALLOW},                     \
        {"anonymous", no_argument, NULL, REACH_ANONYMOUS},               \
        {"ca", required_argument, NULL, REACH_CA},                       \
        {"insecure", no_argument, NULL, REACH_INSECURE},                 \
        {"login", required_argument, NULL, REACH_LOGIN},                 \
        {"login-text", no_argument, NULL, REACH_LOGIN_TEXT},             \
        {"password-file", required_argument, NULL, REACH_PASSWORD_FILE}, \
        {"python2", no_argument, NULL, REACH_PYTHON2},                   \
        {"timeout", required_argument, NULL, REACH_TIMEOUT},             \
    {                                                                    \
        "traceback", no_argument, NULL, REACH_TRACEBACK                  \
    }

/* What --help says of them, and of endpoints. */
extern const char reach_endpoint_help[], reach_options_help[];

/* Takes one of the options; argv and got as tool_bad_option has them, for any other. */
int reach_option(struct reach *r, int got, char **argv);
/* Connects, and logs in if that is wanted: TOOL_DONE, or the status after saying why not. */
int reach_open(struct reach *r, const char *endpoint);
/* Says what went wrong in a call: the status that says so. */
int reach_report(const struct reach *r, const pb_error *err);
void reach_fini(struct reach *r);

#endif
