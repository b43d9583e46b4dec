/* SPDX-License-Identifier: MIT
 *
 * The options of a client: from the command line, from the file of endpoints, and from
 * the environment, in that order. Then the password. */
#include "tools/call/client_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/call/endpoint_file.h"
#include "tools/call/password.h"
#include "tools/common/command.h"

const char client_endpoint_help[] =
    "ENDPOINT is HOST:PORT, tcp:HOST:PORT, tls:HOST:PORT, ssl:HOST:PORT or\n"
    "unix:PATH, with Twisted's parameters after it (:timeout=5, :hostname=NAME, ...);\n"
    "or a name from ~/.config/pb/endpoints.ini. Without ENDPOINT, the environment\n"
    "variable PB_ENDPOINT is used.\n";

enum {
    CLIENT_ALLOW,
    CLIENT_ANONYMOUS,
    CLIENT_CA,
    CLIENT_INSECURE,
    CLIENT_LIMIT,
    CLIENT_LOGIN,
    CLIENT_LOGIN_TEXT,
    CLIENT_PASSWORD,
    CLIENT_PASSWORD_FILE,
    CLIENT_PYTHON2,
    CLIENT_TIMEOUT,
    CLIENT_TRACEBACK,
    CLIENT_VERBOSE,
    CLIENT_WIRE,
};

const struct tool_option client_option_rows[] = {
    {"allow", "PATTERN",
     "accept types, modules and classes whose whole name matches the regular expression",
     CLIENT_ALLOW, 0},
    {"anonymous", NULL, "log in anonymously, and call the avatar", CLIENT_ANONYMOUS, 0},
    {"ca", "FILE",
     "trust the root certificates in FILE, or in *.pem of a folder, instead of the "
     "system's",
     CLIENT_CA, 0},
    {"insecure", NULL, "accept any certificate", CLIENT_INSECURE, 0},
    {"limit", "SIZE",
     "read and send strings and lists of up to SIZE bytes or elements (640K): 10M, 1G",
     CLIENT_LIMIT, 0},
    {"login", "USER",
     "log in, and call the avatar instead of the root; the password comes from "
     "--password or --password-file, or PB_PASSWORD in the environment",
     CLIENT_LOGIN, 0},
    {"login-text", NULL, "send the user's name as text instead of bytes",
     CLIENT_LOGIN_TEXT, 0},
    {"password", NULL, "ask for the password at the terminal, without echo",
     CLIENT_PASSWORD, 0},
    {"password-file", "FILE", "read the password from the first line of FILE",
     CLIENT_PASSWORD_FILE, 0},
    {"python2", NULL, "the server runs on Python 2", CLIENT_PYTHON2, 0},
    {"timeout", "SECONDS", "fail if connecting, the negotiation or a call takes longer",
     CLIENT_TIMEOUT, 0},
    {"traceback", NULL, "print the traceback of a failure, if the server sent one",
     CLIENT_TRACEBACK, 0},
    {"verbose", NULL, "print each step of the connection and each message",
     CLIENT_VERBOSE, 'v'},
    {"wire", NULL, "as --verbose, and print the bytes without TLS", CLIENT_WIRE, 0},
    {0}};

/* ---- Options ---- */

static int client_set_timeout(struct client_options *o, const char *text)
{
    int status = tool_parse_seconds(text, &o->timeout);
    o->config.connect_timeout = o->config.session.negotiation_timeout = o->timeout;
    return status;
}

static int client_set_limit(struct client_options *o, const char *text)
{
    size_t size;
    int status = tool_parse_size(text, &size);
    if (status == TOOL_DONE) {
        tool_raise_limits(&o->config.session.jelly.limits, size);
    }
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

static int client_apply(struct client_options *o, int id, const char *argument)
{
    switch (id) {
    case CLIENT_ALLOW:
        return client_allow(o, argument);
    case CLIENT_ANONYMOUS:
        o->log_in = o->credentials.anonymous = true;
        break;
    case CLIENT_CA:
        o->config.tls_ca = argument;
        break;
    case CLIENT_INSECURE:
        o->config.tls_insecure = true;
        break;
    case CLIENT_LIMIT:
        return client_set_limit(o, argument);
    case CLIENT_LOGIN:
        o->log_in = true;
        o->credentials.username = argument;
        break;
    case CLIENT_LOGIN_TEXT:
        o->credentials.username_as_text = true;
        break;
    case CLIENT_PASSWORD:
        o->password_prompt = true;
        break;
    case CLIENT_PASSWORD_FILE:
        o->password_file = argument;
        break;
    case CLIENT_PYTHON2:
        o->config.session.jelly.profile.python_major = 2;
        break;
    case CLIENT_TIMEOUT:
        return client_set_timeout(o, argument);
    case CLIENT_TRACEBACK:
        o->traceback = true;
        break;
    default:
        o->verbose = true;
        o->wire = o->wire || id == CLIENT_WIRE;
    }
    return TOOL_DONE;
}

int client_options_take(void *ctx, int id, const char *argument)
{
    struct client_options *o = ctx;
    o->given |= UINT64_C(1) << id;
    return client_apply(o, id, argument);
}

static bool client_was_given(const struct client_options *o, int id)
{
    return o->given >> id & 1;
}

/* ---- Named endpoints ---- */

/* The value of a key that is an option without an argument. */
static int entry_is_set(const struct endpoint_section *s, const struct endpoint_entry *e,
                        bool *set)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcasecmp(e->value, words[i]) == 0) {
            *set = i % 2;
            return TOOL_DONE;
        }
    }
    tool_error("%s: line %d: %s is yes or no, not \"%s\"", s->path, e->line, e->key,
               e->value);
    return TOOL_USAGE;
}

/* Whether only the owner can read what is secret; else it is an error. */
static int entry_check_secret(const struct endpoint_section *s,
                              const struct endpoint_entry *e, const char *path,
                              bool is_open)
{
    if (!is_open) {
        return TOOL_DONE;
    }
    tool_error("%s: line %d: %s is not used, for others can read %s", s->path, e->line,
               e->key, path);
    tool_hint("chmod 600 %s", path);
    return TOOL_USAGE;
}

static int entry_take_password(struct client_options *o, const struct endpoint_section *s,
                               const struct endpoint_entry *e)
{
    int status = entry_check_secret(s, e, s->path, s->is_open);
    if (status == TOOL_DONE && !o->password) {
        o->credentials.password_len = strlen(e->value);
        o->password = tool_copy_text(e->value, strlen(e->value));
        status = o->password ? TOOL_DONE : tool_nomem();
    }
    return status;
}

/* Applies an entry, unless the command line has that option. */
static int entry_apply(struct client_options *o, const struct endpoint_section *s,
                       const struct endpoint_entry *e)
{
    static const struct tool_options group = {client_option_rows, NULL, NULL};
    const struct tool_option *row = tool_find_option(&group, e->key);
    bool set = true;
    struct stat about;
    if (strcmp(e->key, "endpoint") == 0) {
        o->endpoint = e->value;
        return TOOL_DONE;
    }
    bool password = strcmp(e->key, "password") == 0;
    if (password && (client_was_given(o, CLIENT_PASSWORD) ||
                     client_was_given(o, CLIENT_PASSWORD_FILE))) {
        return TOOL_DONE;
    }
    if (password) {
        return entry_take_password(o, s, e);
    }
    if (!row) {
        tool_error("%s: line %d: unknown key \"%s\"", s->path, e->line, e->key);
        return TOOL_USAGE;
    }
    bool login = row->id == CLIENT_LOGIN || row->id == CLIENT_ANONYMOUS;
    bool given =
        client_was_given(o, row->id) ||
        (login &&
         (client_was_given(o, CLIENT_LOGIN) || client_was_given(o, CLIENT_ANONYMOUS))) ||
        (row->id == CLIENT_PASSWORD_FILE && client_was_given(o, CLIENT_PASSWORD));
    if (given && row->id != CLIENT_ALLOW) {
        return TOOL_DONE;
    }
    int status = TOOL_DONE;
    if (row->id == CLIENT_PASSWORD_FILE && stat(e->value, &about) == 0) {
        status = entry_check_secret(s, e, e->value,
                                    (about.st_mode & (S_IRWXG | S_IRWXO)) != 0);
    } else if (!row->argument) {
        status = entry_is_set(s, e, &set);
    }
    return status == TOOL_DONE && set ? client_apply(o, row->id, e->value) : status;
}

/* Looks a name up in the file of endpoints. *found tells whether it is there. */
static int client_look_up(struct client_options *o, const char *name, bool *found)
{
    struct endpoint_section section;
    int status = endpoint_section_read(name, &section);
    *found = status == TOOL_DONE && section.is_found;
    for (int i = 0; status == TOOL_DONE && i < section.count; i++) {
        status = entry_apply(o, &section, &section.entries[i]);
    }
    if (status == TOOL_DONE && *found && !o->endpoint) {
        tool_error("%s: [%s] has no endpoint", section.path, name);
        status = TOOL_USAGE;
    }
    if (*found) {
        o->endpoint_file = section.text;
        o->endpoint_file_len = section.len;
        section.text = NULL;
    }
    endpoint_section_fini(&section);
    return status;
}

/* Takes a word as the endpoint: one that has no colon may be a name. */
static int client_take_endpoint(struct client_options *o, const char *word, bool *found)
{
    int status = TOOL_DONE;
    *found = true;
    if (!strchr(word, ':')) {
        status = client_look_up(o, word, found);
    }
    o->endpoint = o->endpoint ? o->endpoint : word;
    return status;
}

static void client_take_environment(struct client_options *o)
{
    const char *login = getenv("PB_LOGIN");
    if (!o->log_in && login && *login) {
        o->log_in = true;
        o->credentials.username = login;
    }
}

int client_options_finish(struct client_options *o, int count, char **words, int *used)
{
    const char *other = getenv("PB_ENDPOINT");
    bool found = false;
    int status = TOOL_DONE;
    *used = count > 0;
    if (count > 0) {
        status = client_take_endpoint(o, words[0], &found);
    }
    if (status == TOOL_DONE && !found && other && *other) {
        *used = 0;
        o->endpoint = NULL;
        status = client_take_endpoint(o, other, &found);
    }
    if (status == TOOL_DONE && !o->endpoint) {
        tool_error("one endpoint is needed: ENDPOINT, or PB_ENDPOINT in the environment");
        status = TOOL_USAGE;
    }
    client_take_environment(o);
    return status == TOOL_DONE ? client_read_password(o) : status;
}

void client_options_fini(struct client_options *o)
{
    pb_remote_unref(o->callee);
    pb_client_free(o->connection);
    pb_taster_unref(o->config.session.jelly.taster);
    if (o->password) {
        tool_wipe(o->password, o->credentials.password_len);
    }
    if (o->endpoint_file) {
        tool_wipe(o->endpoint_file, o->endpoint_file_len);
    }
    free(o->password);
    free(o->endpoint_file);
}
