/* SPDX-License-Identifier: MIT
 *
 * The options, the connection and the login that `pb call` and `pb shell` share. */
#include "tools/call/client_options.h"

#include <stdlib.h>
#include <string.h>

#include "libpb/net/endpoint.h"
#include "tools/common/command.h"

const char reach_endpoint_help[] =
    "ENDPOINT is HOST:PORT, tcp:HOST:PORT, tls:HOST:PORT, ssl:HOST:PORT or unix:PATH,\n"
    "and may go on as Twisted's (:timeout=5, :hostname=NAME, ...).";

const char reach_options_help[] =
    "      --allow PATTERN     let types, modules and classes in whose whole name\n"
    "                          matches the regular expression\n"
    "      --anonymous         log in as nobody, and call the avatar\n"
    "      --ca FILE           trust the roots in FILE, or in a folder's *.pem, and not\n"
    "                          the system's\n"
    "      --insecure          take any certificate\n"
    "      --login USER        log in, and call the avatar instead of the root; the\n"
    "                          password is in the environment, PB_PASSWORD, or a file\n"
    "      --login-text        send the user's name as text instead of bytes\n"
    "      --password-file FILE  the password is the first line of FILE\n"
    "      --python2           the server runs on Python 2\n"
    "      --timeout SECONDS   give up when connecting, negotiating or a call takes\n"
    "                          longer\n"
    "      --traceback         print the traceback of a failure, if the server sent "
    "one\n";

static int set_timeout(struct reach *r, const char *text)
{
    int status = tool_milliseconds(text, &r->timeout);
    r->config.connect_timeout = r->config.session.negotiation_timeout = r->timeout;
    return status;
}

static int allow(struct reach *r, const char *pattern)
{
    pb_taster **taster = &r->config.session.jelly.taster;
    if (!*taster) {
        *taster = pb_taster_new();
        if (!*taster || pb_taster_allow_basic_types(*taster) != 0) {
            return tool_nomem();
        }
    }
    pb_error err = {0};
    return pb_taster_allow_pattern(*taster, pattern, &err) == 0
               ? TOOL_DONE
               : tool_usage(pattern, &err);
}

int reach_option(struct reach *r, int got, char **argv)
{
    switch (got) {
    case REACH_ALLOW:
        return allow(r, optarg);
    case REACH_ANONYMOUS:
        r->log_in = r->who.anonymous = true;
        break;
    case REACH_CA:
        r->config.tls_ca = optarg;
        break;
    case REACH_INSECURE:
        r->config.tls_insecure = true;
        break;
    case REACH_LOGIN:
        r->log_in = true;
        r->who.username = optarg;
        break;
    case REACH_LOGIN_TEXT:
        r->who.username_as_text = true;
        break;
    case REACH_PASSWORD_FILE:
        r->password_file = optarg;
        break;
    case REACH_PYTHON2:
        r->config.session.jelly.profile.python_major = 2;
        break;
    case REACH_TIMEOUT:
        return set_timeout(r, optarg);
    case REACH_TRACEBACK:
        r->traceback = true;
        break;
    default:
        return tool_bad_option(got, argv);
    }
    return TOOL_DONE;
}

static int read_line(const char *path, struct pb__buf *out)
{
    FILE *f = tool_open(path);
    int c, status = f ? TOOL_DONE : TOOL_USAGE;
    while (status == TOOL_DONE && (c = getc(f)) != EOF && c != '\n') {
        uint8_t byte = (uint8_t)c;
        status = pb__buf_append(out, &byte, 1) ? tool_nomem() : TOOL_DONE;
    }
    if (f && f != stdin) {
        fclose(f);
    }
    return status;
}

/* Reads the password, where one is needed. */
static int read_password(struct reach *r)
{
    const char *given = getenv("PB_PASSWORD");
    int status = TOOL_DONE;
    if (!r->log_in || r->who.anonymous) {
        return TOOL_DONE;
    }
    if (r->password_file) {
        status = read_line(r->password_file, &r->password);
    } else if (!given) {
        tool_say("--login needs a password: in PB_PASSWORD, or with --password-file");
        status = TOOL_USAGE;
    } else if (pb__buf_append(&r->password, given, strlen(given)) != 0) {
        status = tool_nomem();
    }
    r->who.password = r->password.len ? (const char *)r->password.data : NULL;
    r->who.password_len = r->password.len;
    return status;
}

static int connect_to(struct reach *r, const char *endpoint)
{
    pb_error err = {0};
    struct pb__endpoint parsed;
    if (pb__endpoint_parse(endpoint, PB__ENDPOINT_CLIENT, &parsed, &err) != 0) {
        return tool_usage(endpoint, &err);
    }
    pb__endpoint_fini(&parsed);
    r->client = pb_client_open(endpoint, &r->config, &err);
    if (r->client) {
        pb_client_set_timeout(r->client, r->timeout);
        return TOOL_DONE;
    }
    if (err.code == PB_ERR_SYNTAX || err.code == PB_ERR_LIMIT ||
        err.code == PB_ERR_PROTOCOL) {
        tool_say("%s speaks no Perspective Broker: %s", endpoint, err.text);
        return TOOL_DISCONNECTED;
    }
    return tool_lost(&err);
}

int reach_open(struct reach *r, const char *endpoint)
{
    int status = read_password(r);
    status = status == TOOL_DONE ? connect_to(r, endpoint) : status;
    if (status != TOOL_DONE) {
        return status;
    }
    pb_error err = {0};
    r->first = r->log_in ? pb_client_login(r->client, &r->who, NULL, &err)
                         : pb_remote_ref(pb_client_root(r->client));
    return r->first ? TOOL_DONE : reach_report(r, &err);
}

int reach_report(const struct reach *r, const pb_error *err)
{
    const pb_failure *f = pb_client_failure(r->client);
    if (!f && err->code != PB_ERR_DEAD) {
        tool_say_error(err); /* nothing was sent */
        return TOOL_USAGE;
    }
    if (err->code != PB_ERR_REMOTE) {
        return tool_lost(err);
    }
    /* err may not have had room for all of it. */
    tool_say("%s: %s", pb_failure_type(f), pb_failure_text(f));
    if (r->traceback) {
        const char *text = pb_failure_traceback(f);
        size_t len = strlen(text);
        fprintf(stderr, "%s%s", text, len && text[len - 1] == '\n' ? "" : "\n");
    }
    return TOOL_FAILED;
}

void reach_fini(struct reach *r)
{
    pb_remote_unref(r->first);
    pb_client_free(r->client);
    pb_taster_unref(r->config.session.jelly.taster);
    if (r->password.data) {
        explicit_bzero(r->password.data, r->password.cap);
    }
    pb__buf_fini(&r->password);
}
