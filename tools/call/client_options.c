/* SPDX-License-Identifier: MIT
 *
 * The options of a client, the connection to the server and the login. */
#include "tools/call/client_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/common/command.h"

const char client_endpoint_help[] =
    "ENDPOINT is HOST:PORT, tcp:HOST:PORT, tls:HOST:PORT, ssl:HOST:PORT or unix:PATH,\n"
    "with Twisted's parameters after it (:timeout=5, :hostname=NAME, ...).";

const char client_options_help[] =
    "      --allow PATTERN     accept types, modules and classes whose whole name "
    "matches\n"
    "                          the regular expression\n"
    "      --anonymous         log in anonymously, and call the avatar\n"
    "      --ca FILE           trust the root certificates in FILE, or in *.pem of a\n"
    "                          folder, instead of the system's\n"
    "      --insecure          accept any certificate\n"
    "      --login USER        log in, and call the avatar instead of the root; the\n"
    "                          password is in the environment, PB_PASSWORD, or in a "
    "file\n"
    "      --login-text        send the user's name as text instead of bytes\n"
    "      --password-file FILE  the password is the first line of FILE\n"
    "      --python2           the server runs on Python 2\n"
    "      --timeout SECONDS   give up if connecting, the negotiation or a call takes\n"
    "                          longer\n"
    "      --traceback         print the traceback of a failure, if the server sent "
    "one\n";

/* ---- Options ---- */

static int client_set_timeout(struct client_options *o, const char *text)
{
    int status = tool_parse_seconds(text, &o->timeout);
    o->config.connect_timeout = o->config.session.negotiation_timeout = o->timeout;
    return status;
}

static int client_allow(struct client_options *o, const char *pattern)
{
    pb_taster **taster = &o->config.session.jelly.taster;
    if (!*taster) {
        *taster = pb_taster_new();
        if (!*taster || pb_taster_allow_basic_types(*taster) != 0) {
            return tool_nomem();
        }
    }
    pb_error err = {0};
    return pb_taster_allow_pattern(*taster, pattern, &err) == 0
               ? TOOL_DONE
               : tool_bad_argument(pattern, &err);
}

int client_options_take(struct client_options *o, int got, char **argv)
{
    switch (got) {
    case CLIENT_OPTION_ALLOW:
        return client_allow(o, optarg);
    case CLIENT_OPTION_ANONYMOUS:
        o->log_in = o->credentials.anonymous = true;
        break;
    case CLIENT_OPTION_CA:
        o->config.tls_ca = optarg;
        break;
    case CLIENT_OPTION_INSECURE:
        o->config.tls_insecure = true;
        break;
    case CLIENT_OPTION_LOGIN:
        o->log_in = true;
        o->credentials.username = optarg;
        break;
    case CLIENT_OPTION_LOGIN_TEXT:
        o->credentials.username_as_text = true;
        break;
    case CLIENT_OPTION_PASSWORD_FILE:
        o->password_file = optarg;
        break;
    case CLIENT_OPTION_PYTHON2:
        o->config.session.jelly.profile.python_major = 2;
        break;
    case CLIENT_OPTION_TIMEOUT:
        return client_set_timeout(o, optarg);
    case CLIENT_OPTION_TRACEBACK:
        o->traceback = true;
        break;
    default:
        return tool_bad_option(got, argv);
    }
    return TOOL_DONE;
}

/* ---- The password ---- */

/* Reads the first line of a file, *new* (free) in *line with its length, without the
 * newline. */
static int password_file_read(const char *path, char **line, size_t *len)
{
    FILE *f = tool_open_input(path);
    size_t size = 0;
    if (!f) {
        return TOOL_USAGE;
    }
    int status = TOOL_DONE;
    ssize_t got = getline(line, &size, f);
    if (got < 0 && !feof(f)) {
        tool_error("%s: %s", path, strerror(errno));
        status = TOOL_USAGE;
    }
    *len = got > 0 ? (size_t)got : 0;
    *len -= *len && (*line)[*len - 1] == '\n';
    if (f != stdin) {
        fclose(f);
    }
    return status;
}

/* Reads the password, if one is needed. */
static int client_read_password(struct client_options *o)
{
    const char *given = getenv("PB_PASSWORD");
    int status = TOOL_DONE;
    if (!o->log_in || o->credentials.anonymous) {
        return TOOL_DONE;
    }
    if (o->password_file) {
        status = password_file_read(o->password_file, &o->password,
                                    &o->credentials.password_len);
    } else if (given) {
        o->credentials.password_len = strlen(given);
        o->password = tool_copy_text(given, strlen(given));
        status = o->password ? TOOL_DONE : tool_nomem();
    } else {
        tool_error("--login needs a password: in PB_PASSWORD, or with --password-file");
        status = TOOL_USAGE;
    }
    o->credentials.password = o->credentials.password_len ? o->password : "";
    return status;
}

/* ---- The connection ---- */

static void client_session_closed(pb_session *s, const pb_error *why, void *options)
{
    (void)s;
    (void)why;
    ((struct client_options *)options)->had_session = true;
}

static int client_connect(struct client_options *o, const char *endpoint)
{
    pb_error err = {0};
    o->config.session.on_close = client_session_closed;
    o->config.session.user_data = o;
    o->connection = pb_client_open(endpoint, &o->config, &err);
    if (o->connection) {
        pb_client_set_timeout(o->connection, o->timeout);
        return TOOL_DONE;
    }
    if (err.code == PB_ERR_SYNTAX && !o->had_session) {
        return tool_bad_argument(endpoint, &err);
    }
    if (err.code == PB_ERR_SYNTAX || err.code == PB_ERR_LIMIT ||
        err.code == PB_ERR_PROTOCOL) {
        tool_error("%s does not speak Perspective Broker: %s", endpoint, err.text);
        return TOOL_DISCONNECTED;
    }
    return tool_connection_error(&err);
}

int client_options_connect(struct client_options *o, const char *endpoint)
{
    int status = client_read_password(o);
    status = status == TOOL_DONE ? client_connect(o, endpoint) : status;
    if (status != TOOL_DONE) {
        return status;
    }
    pb_error err = {0};
    o->callee = o->log_in ? pb_client_login(o->connection, &o->credentials, NULL, &err)
                          : pb_remote_ref(pb_client_root(o->connection));
    return o->callee ? TOOL_DONE : client_options_report(o, &err);
}

/* Writes text with the characters that have a meaning in a pattern escaped; returns the
 * end. */
static char *pattern_quote(char *out, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (strchr("\\^$.[|()?*+{", text[i])) {
            *out++ = '\\';
        }
        *out++ = text[i];
    }
    *out = '\0';
    return out;
}

/* The words of the taster, and what stands for the name in them is to be given to --allow:
 * a type or class, a module with all that is in it, or the module of a class with that
 * class. */
static const struct {
    const char *before, *after;
    enum { ALLOW_NAME, ALLOW_MODULE, ALLOW_CLASS } what;
} refusals[] = {
    {"(in type ", ").", ALLOW_CLASS},
    {"Class ", " not allowed.", ALLOW_NAME},
    {"class not allowed: ", "", ALLOW_NAME},
    {"module ", " not allowed", ALLOW_MODULE},
    {"Module not allowed: ", "", ALLOW_MODULE},
    {"module named '", "'", ALLOW_MODULE},
    {"b'", "'", ALLOW_NAME},
};

/* Says which --allow accepts what the taster refused by that text. */
static void client_hint_allow(const char *text)
{
    char pattern[2 * sizeof((pb_error *)0)->text + 16];
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const char *at = strstr(text, refusals[i].before), *end = text + strlen(text);
        size_t after = strlen(refusals[i].after);
        at += at ? strlen(refusals[i].before) : 0;
        if (!at || (size_t)(end - at) <= after ||
            strcmp(end - after, refusals[i].after) != 0) {
            continue;
        }
        size_t len = (size_t)(end - at) - after;
        const char *dot = memrchr(at, '.', len);
        if (refusals[i].what == ALLOW_MODULE) {
            strcpy(pattern_quote(pattern, at, len), "(\\..*)?");
        } else if (refusals[i].what == ALLOW_CLASS && dot) {
            char *out = pattern_quote(pattern, at, (size_t)(dot - at));
            out = stpcpy(out, "(");
            strcpy(pattern_quote(out, dot, len - (size_t)(dot - at)), ")?");
        } else {
            pattern_quote(pattern, at, len);
        }
        tool_hint("to accept it, as data: --allow '%s'", pattern);
        return;
    }
}

int client_options_report(const struct client_options *o, const pb_error *err)
{
    const pb_failure *f = pb_client_failure(o->connection);
    if (!f && err->code != PB_ERR_DEAD) {
        tool_error_from(err); /* nothing was sent */
        return TOOL_USAGE;
    }
    if (err->code != PB_ERR_REMOTE) {
        if (err->code != PB_ERR_INSECURE) {
            return tool_connection_error(err);
        }
        tool_error("refused by the taster: %s", err->text);
        client_hint_allow(err->text);
        return TOOL_DISCONNECTED;
    }
    /* The text may have been cut in err. */
    tool_error("%s: %s", pb_failure_type(f), pb_failure_text(f));
    if (o->traceback) {
        tool_print_lines(stderr, pb_failure_traceback(f));
    }
    return TOOL_FAILED;
}

void client_options_fini(struct client_options *o)
{
    pb_remote_unref(o->callee);
    pb_client_free(o->connection);
    pb_taster_unref(o->config.session.jelly.taster);
    if (o->password) {
        explicit_bzero(o->password, o->credentials.password_len);
    }
    free(o->password);
}
