/* SPDX-License-Identifier: MIT
 *
 * The parts that the clients among the subcommands share: the options, the names of
 * endpoints, the connection to the server, the login, and the report of what failed. */
#ifndef PB__TOOLS_CALL_CLIENT_OPTIONS_H
#define PB__TOOLS_CALL_CLIENT_OPTIONS_H

#include "pb/net.h"
#include "tools/common/options.h"

struct client_options {
    pb_net_config config;
    int64_t timeout; /* milliseconds; 0: none was given */
    bool traceback;  /* print the traceback of a failure */
    bool verbose;    /* print each step and each message */
    bool wire;       /* and the bytes */
    bool log_in;
    pb_credentials credentials;
    bool password_prompt; /* ask for the password at the terminal */
    const char *password_file;
    char *password;       /* the memory of credentials.password */
    uint64_t given;       /* the options that were given, 1 << id each */
    const char *endpoint; /* as it was written, or as its name stands for */
    char *endpoint_file;  /* the memory of what was read from the file of endpoints */
    size_t endpoint_file_len;
    pb_client *connection;
    bool had_session;  /* the endpoint was valid: a session began, and has ended */
    pb_error ending;   /* why it has ended */
    pb_remote *callee; /* the root, or the avatar: the object to call; one count */
};

/* The options, for tool_usage.groups; ctx is a struct client_options. */
extern const struct tool_option client_option_rows[];
int client_options_take(void *ctx, int id, const char *argument);
#define CLIENT_OPTIONS(options)                          \
    {                                                    \
        client_option_rows, client_options_take, options \
    }

/* The part of --help about endpoints. */
extern const char client_endpoint_help[];

/* Takes the endpoint from the first of the words: an endpoint, or the name of one in the
 * file of endpoints, with the options that stand there. If PB_ENDPOINT is set, a word
 * that can be neither is the method, and the endpoint is that. Also reads the password.
 * *used is the number of words. Returns TOOL_DONE, or the exit status after an error
 * message. */
int client_options_finish(struct client_options *o, int count, char **words, int *used);
/* Connects, and logs in if that was asked for. Returns as above. */
int client_options_connect(struct client_options *o);
/* Prints why a connection failed; returns the exit status for it. */
int client_report_connection(const struct client_options *o, const pb_error *err);
/* Prints why a call failed; returns the exit status for it. */
int client_options_report(const struct client_options *o, const pb_error *err);
/* The same for a failure. */
int client_report_failure(const struct client_options *o, const pb_failure *f);
void client_options_fini(struct client_options *o);

#endif
