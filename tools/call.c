/* SPDX-License-Identifier: MIT
 *
 * `pb call`: one call after the other on a connection of their own, the last answer
 * printed. */
#include <getopt.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/base/buf.h"
#include "libpb/base/mem.h"
#include "libpb/net/endpoint.h"
#include "pb/net.h"
#include "tools/args.h"
#include "tools/json.h"
#include "tools/pb.h"

struct options {
    pb_net_config config;
    int64_t timeout; /* milliseconds; 0: none was given */
    bool json, traceback;
    bool log_in;
    pb_credentials who;
    const char *password_file;
};

static const char help[] =
    "Usage: pb call [OPTION]... ENDPOINT METHOD [ARG]... [then METHOD [ARG]...]...\n"
    "Calls METHOD on the root of the server at ENDPOINT, and prints what it answers, as\n"
    "Python would. 'then' calls a method of the reference that was answered before it.\n"
    "\n"
    "ENDPOINT is HOST:PORT, tcp:HOST:PORT, tls:HOST:PORT, ssl:HOST:PORT or unix:PATH, "
    "and\n"
    "may go on as Twisted's (:timeout=5, :hostname=NAME, ...). ARG is a Python literal, "
    "or\n"
    "else text; NAME=ARG is a keyword argument.\n"
    "\n"
    "      --allow PATTERN     let types, modules and classes in whose whole name "
    "matches\n"
    "                          the regular expression\n"
    "      --anonymous         log in as nobody, and call the avatar\n"
    "      --ca FILE           trust the roots in FILE, or in a folder's *.pem, instead "
    "of "
    "the\n"
    "                          system's\n"
    "      --insecure          take any certificate\n"
    "      --json              print the answer as JSON, without loss\n"
    "      --login USER        log in, and call the avatar instead of the root; the "
    "password\n"
    "                          is in the environment, PB_PASSWORD, or in a file\n"
    "      --login-text        send the user's name as text instead of bytes\n"
    "      --password-file FILE  the password is the first line of FILE\n"
    "      --python2           the server runs on Python 2\n"
    "      --timeout SECONDS   give up when connecting, negotiating or a call takes "
    "longer\n"
    "      --traceback         print the traceback of a failure, if the server sent one\n"
    "      --help              print this text\n"
    "\n"
    "Exit status: 0 answered; 1 the server answered with a failure; 2 wrong usage;\n"
    "3 no connection, connection lost or protocol error; 4 time-out.\n"
    "\n"
    "Example: pb call localhost:8800 getTwo then three 12\n";

static int set_timeout(struct options *o, const char *text)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !(seconds > 0 && seconds < 1e9)) {
        tool_say("\"%s\" is no number of seconds", text);
        return TOOL_USAGE;
    }
    o->timeout = (int64_t)ceil(seconds * 1000);
    o->config.connect_timeout = o->config.session.negotiation_timeout = o->timeout;
    return TOOL_DONE;
}

static int allow(struct options *o, const char *pattern)
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
               : tool_usage(pattern, &err);
}

/* Reads the options; *done is set by those that leave nothing else to do. */
static int read_options(int argc, char **argv, struct options *o, bool *done)
{
    enum {
        ALLOW = 256,
        ANONYMOUS,
        CA,
        INSECURE,
        JSON,
        LOGIN,
        LOGIN_TEXT,
        PASSWORD_FILE,
        PYTHON2,
        TIMEOUT,
        TRACEBACK,
        HELP
    };
    static const struct option known[] = {
        {"allow", required_argument, NULL, ALLOW},
        {"anonymous", no_argument, NULL, ANONYMOUS},
        {"ca", required_argument, NULL, CA},
        {"insecure", no_argument, NULL, INSECURE},
        {"json", no_argument, NULL, JSON},
        {"login", required_argument, NULL, LOGIN},
        {"login-text", no_argument, NULL, LOGIN_TEXT},
        {"password-file", required_argument, NULL, PASSWORD_FILE},
        {"python2", no_argument, NULL, PYTHON2},
        {"timeout", required_argument, NULL, TIMEOUT},
        {"traceback", no_argument, NULL, TRACEBACK},
        {"help", no_argument, NULL, HELP},
        {0}};
    int got, status = TOOL_DONE;
    opterr = 0;
    while (status == TOOL_DONE &&
           (got = getopt_long(argc, argv, "+:", known, NULL)) != -1) {
        switch (got) {
        case ALLOW:
            status = allow(o, optarg);
            break;
        case ANONYMOUS:
            o->log_in = o->who.anonymous = true;
            break;
        case CA:
            o->config.tls_ca = optarg;
            break;
        case INSECURE:
            o->config.tls_insecure = true;
            break;
        case JSON:
            o->json = true;
            break;
        case LOGIN:
            o->log_in = true;
            o->who.username = pb_credentials_new(optarg, NULL).username;
            break;
        case LOGIN_TEXT:
            o->who.username_as_text = true;
            break;
        case PASSWORD_FILE:
            o->password_file = optarg;
            break;
        case PYTHON2:
            o->config.session.jelly.profile.python_major = 2;
            break;
        case TIMEOUT:
            status = set_timeout(o, optarg);
            break;
        case TRACEBACK:
            o->traceback = true;
            break;
        case HELP:
            fputs(help, stdout);
            *done = true;
            return TOOL_DONE;
        default:
            status = tool_bad_option(got, argv);
        }
    }
    return status;
}

/* What went wrong in a call: the status that says so. */
static int report(const struct options *o, const pb_error *err, const pb_failure *f)
{
    if (!f && err->code != PB_ERR_DEAD) {
        tool_say_error(err); /* nothing was sent */
        return TOOL_USAGE;
    }
    if (err->code != PB_ERR_REMOTE) {
        tool_say_error(err);
        return err->code == PB_ERR_TIMEOUT ? TOOL_TIMEOUT : TOOL_DISCONNECTED;
    }
    /* err may not have had room for all of it. */
    tool_say("%s: %s", pb_failure_type(f), pb_failure_text(f));
    if (o->traceback) {
        const char *text = pb_failure_traceback(f);
        size_t len = strlen(text);
        fprintf(stderr, "%s%s", text, len && text[len - 1] == '\n' ? "" : "\n");
    }
    return TOOL_FAILED;
}

static int print(const struct options *o, const pb_value *v)
{
    char *text;
    if (o->json) {
        json_t *j = json_from_value(v);
        text = json_dumps(j, JSON_ENCODE_ANY);
        json_decref(j);
    } else {
        text = pb_value_repr(v);
    }
    if (!text) {
        return tool_nomem();
    }
    puts(text);
    o->json ? free(text) : pb_free(text);
    if (fflush(stdout) != 0) {
        tool_say("cannot write the answer");
        return TOOL_DISCONNECTED;
    }
    return TOOL_DONE;
}

/* The first calls `first`. */
static int make_calls(const struct options *o, pb_client *client, pb_remote *first,
                      const struct args_call *calls, size_t count)
{
    pb_value *answer = NULL;
    int status = TOOL_DONE;
    for (size_t i = 0; i < count && status == TOOL_DONE; i++) {
        const struct args_call *c = &calls[i];
        pb_error err = {0};
        pb_remote *to = i ? pb_as_remote(answer) : first;
        if (!to) {
            tool_say("%s answered %s, which has no method %s", calls[i - 1].method,
                     pb_kind_name(pb_value_kind(answer)), c->method);
            status = TOOL_USAGE;
            break;
        }
        pb_value *next =
            pb_client_call_values(client, to, &err, c->method, c->args, c->kwargs);
        pb_value_unref(answer);
        answer = next;
        if (!answer) {
            status = report(o, &err, pb_client_failure(client));
        }
    }
    if (status == TOOL_DONE) {
        status = print(o, answer);
    }
    pb_value_unref(answer);
    return status;
}

/* Reads the password, where one is needed, into `password`. */
static int read_password(struct options *o, struct pb__buf *password)
{
    const char *given = getenv("PB_PASSWORD");
    if (!o->log_in || o->who.anonymous) {
        return TOOL_DONE;
    }
    if (o->password_file) {
        FILE *f = tool_open(o->password_file);
        int c, failed = f ? 0 : TOOL_USAGE;
        while (f && !failed && (c = getc(f)) != EOF && c != '\n') {
            uint8_t byte = (uint8_t)c;
            failed = pb__buf_append(password, &byte, 1) ? tool_nomem() : 0;
        }
        if (f && f != stdin) {
            fclose(f);
        }
        if (failed) {
            return failed;
        }
    } else if (!given) {
        tool_say("--login needs a password: in PB_PASSWORD, or with --password-file");
        return TOOL_USAGE;
    } else if (pb__buf_append(password, given, strlen(given)) != 0) {
        return tool_nomem();
    }
    o->who.password = (pb_span){password->data, password->len};
    return TOOL_DONE;
}

static int log_in_and_call(const struct options *o, pb_client *client,
                           const struct args_call *calls, size_t count)
{
    if (!o->log_in) {
        return make_calls(o, client, pb_client_root(client), calls, count);
    }
    pb_error err = {0};
    pb_remote *avatar = pb_client_login(client, &o->who, NULL, &err);
    int status = avatar ? make_calls(o, client, avatar, calls, count)
                        : report(o, &err, pb_client_failure(client));
    pb_remote_unref(avatar);
    return status;
}

static int connect_and_call(const struct options *o, const char *endpoint,
                            const struct args_call *calls, size_t count)
{
    pb_error err = {0};
    struct pb__endpoint parsed;
    if (pb__endpoint_parse(endpoint, PB__ENDPOINT_CLIENT, &parsed, &err) != 0) {
        return tool_usage(endpoint, &err);
    }
    pb__endpoint_fini(&parsed);
    pb_client *client = pb_client_open(endpoint, &o->config, &err);
    if (!client) {
        if (err.code == PB_ERR_SYNTAX || err.code == PB_ERR_LIMIT ||
            err.code == PB_ERR_PROTOCOL) {
            tool_say("%s speaks no Perspective Broker: %s", endpoint, err.text);
        } else {
            tool_say_error(&err);
        }
        return err.code == PB_ERR_TIMEOUT ? TOOL_TIMEOUT : TOOL_DISCONNECTED;
    }
    pb_client_set_timeout(client, o->timeout);
    int status = log_in_and_call(o, client, calls, count);
    pb_client_free(client);
    return status;
}

/* Reads the words after the options, and makes the calls. */
static int run(struct options *o, int count, char **words)
{
    if (count < 2) {
        tool_say("an endpoint and a method are needed; see pb call --help");
        return TOOL_USAGE;
    }
    struct args_call *calls = pb__calloc((size_t)count, sizeof *calls);
    if (!calls) {
        return tool_nomem();
    }
    size_t n = 0;
    int status = TOOL_DONE;
    for (int i = 1, took; i < count && status == TOOL_DONE; i += took, n++) {
        took = args_parse(count - i, words + i, &calls[n]);
        if (took < 0) {
            status = -took;
            break;
        }
    }
    if (status == TOOL_DONE) {
        struct pb__buf password = {0};
        status = read_password(o, &password);
        if (status == TOOL_DONE) {
            status = connect_and_call(o, words[0], calls, n);
        }
        if (password.data) {
            explicit_bzero(password.data, password.cap);
        }
        pb__buf_fini(&password);
    }
    while (n-- > 0) {
        args_fini(&calls[n]);
    }
    pb__free(calls);
    return status;
}

int call_main(int argc, char **argv)
{
    struct options o = {0};
    bool done = false;
    int status = read_options(argc, argv, &o, &done);
    if (status == TOOL_DONE && !done) {
        status = run(&o, argc - optind, argv + optind);
    }
    pb_taster_unref(o.config.session.jelly.taster);
    return status;
}
