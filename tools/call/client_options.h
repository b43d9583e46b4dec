/* SPDX-License-Identifier: MIT
 *
 * What `pb call` and `pb shell` share: the options of a client, the connection to the
 * server and the login. */
#ifndef PB__TOOLS_CALL_CLIENT_OPTIONS_H
#define PB__TOOLS_CALL_CLIENT_OPTIONS_H

#include <getopt.h>

#include "pb/net.h"

struct client_options {
    pb_net_config config;
    int64_t timeout; /* milliseconds; 0: none was given */
    bool traceback;  /* print the traceback of a failure */
    bool log_in;
    pb_credentials credentials;
    const char *password_file;
    char *password; /* the memory of credentials.password */
    pb_client *connection;
    bool had_session;  /* the endpoint was valid: a session began, and has ended */
    pb_remote *callee; /* the root, or the avatar: the object to call; one count */
};

/* The values that getopt_long returns for these options, and their rows in its table. */
enum {
    CLIENT_OPTION_ALLOW = 512,
    CLIENT_OPTION_ANONYMOUS,
    CLIENT_OPTION_CA,
    CLIENT_OPTION_INSECURE,
    CLIENT_OPTION_LOGIN,
    CLIENT_OPTION_LOGIN_TEXT,
    CLIENT_OPTION_PASSWORD_FILE,
    CLIENT_OPTION_PYTHON2,
    CLIENT_OPTION_TIMEOUT,
    CLIENT_OPTION_TRACEBACK,
};

#define CLIENT_OPTIONS                                                           \
    {"allow", required_argument, NULL, CLIENT_OPTION_ALLOW},                     \
        {"anonymous", no_argument, NULL, CLIENT_OPTION_ANONYMOUS},               \
        {"ca", required_argument, NULL, CLIENT_OPTION_CA},                       \
        {"insecure", no_argument, NULL, CLIENT_OPTION_INSECURE},                 \
        {"login", required_argument, NULL, CLIENT_OPTION_LOGIN},                 \
        {"login-text", no_argument, NULL, CLIENT_OPTION_LOGIN_TEXT},             \
        {"password-file", required_argument, NULL, CLIENT_OPTION_PASSWORD_FILE}, \
        {"python2", no_argument, NULL, CLIENT_OPTION_PYTHON2},                   \
        {"timeout", required_argument, NULL, CLIENT_OPTION_TIMEOUT},             \
    {                                                                            \
        "traceback", no_argument, NULL, CLIENT_OPTION_TRACEBACK                  \
    }

/* The parts of --help about endpoints and about these options. */
extern const char client_endpoint_help[], client_options_help[];

/* Handles one option; got and argv are those of tool_bad_option, which reports any other
 * option. Returns TOOL_DONE, or the exit status after an error message. */
int client_options_take(struct client_options *o, int got, char **argv);
/* Connects, and logs in if that was asked for. Returns as above. */
int client_options_connect(struct client_options *o, const char *endpoint);
/* Prints why a call failed; returns the exit status for it. */
int client_options_report(const struct client_options *o, const pb_error *err);
void client_options_fini(struct client_options *o);

#endif
