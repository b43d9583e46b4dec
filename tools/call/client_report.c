/* SPDX-License-Identifier: MIT
 *
 * Prints why a connection, a login or a call failed, and what to do about it. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tools/call/client_options.h"
#include "tools/common/command.h"
#include "tools/common/first_contact.h"

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

/* The words of the taster, and what stands for the name in them is to be given to
 * --allow: a type or class, a module with all that is in it, or the module of a class
 * with that class. */
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
        const char *dot = tool_last_dot(at, at + len);
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

static void client_hint_limit(int code)
{
    if (code == PB_ERR_LIMIT) {
        tool_hint("for larger values: --limit SIZE");
    }
}

/* A hint on how to mend an error of TLS. */
static void client_hint_tls(const struct client_options *o, const pb_error *err)
{
    if (err->code != PB_ERR_TLS || !strstr(err->text, "certificate")) {
        return;
    }
    if (strstr(err->text, "mismatch")) {
        first_contact_print_names(o->endpoint, &o->config);
        tool_hint("to expect another name: %s:hostname=NAME", o->endpoint);
    } else {
        tool_hint("to trust its root: --ca FILE; to accept any certificate: --insecure");
    }
}

int client_report_connection(const struct client_options *o, const pb_error *err)
{
    bool tls =
        strncmp(o->endpoint, "tls:", 4) == 0 || strncmp(o->endpoint, "ssl:", 4) == 0;
    bool foreign = err->code == PB_ERR_SYNTAX || err->code == PB_ERR_LIMIT ||
                   err->code == PB_ERR_PROTOCOL;
    bool certificate = strstr(err->text, "certificate") != NULL;
    if (foreign && !o->had_session) {
        return tool_bad_argument(o->endpoint, err);
    }
    bool failed_tls =
        tls && !certificate && (err->code == PB_ERR_TLS || err->code == PB_ERR_LOST);
    if (o->had_session && (foreign || failed_tls) && first_contact_explain(o->endpoint)) {
        return TOOL_DISCONNECTED;
    }
    if (foreign) {
        tool_error("%s does not speak Perspective Broker: %s", o->endpoint, err->text);
        return TOOL_DISCONNECTED;
    }
    int status = tool_connection_error(err);
    client_hint_tls(o, err);
    return status;
}

/* A hint on the cause of a failure of the server. */
static void client_hint_login(const struct client_options *o, const pb_failure *f)
{
    bool unknown = pb_failure_check(f, "twisted.cred.error.UnauthorizedLogin");
    bool unwanted = pb_failure_check(f, "twisted.cred.error.UnhandledCredentials");
    if (pb_failure_check(f, "twisted.spread.flavors.NoSuchMethod") && !o->log_in) {
        tool_hint("nobody is logged in: a server with users needs --login USER or "
                  "--anonymous");
    } else if ((unknown || unwanted) && o->credentials.anonymous) {
        tool_hint("the server wants a name: --login USER");
    } else if (unknown) {
        tool_hint("the name or the password is wrong%s",
                  o->credentials.username_as_text
                      ? ""
                      : ", or the service wants names as text: --login-text");
    }
}

int client_report_failure(const struct client_options *o, const pb_failure *f)
{
    int code = pb_failure_code(f);
    if (code == PB_ERR_INSECURE) {
        tool_error("refused by the taster: %s", pb_failure_text(f));
        client_hint_allow(pb_failure_text(f));
        return TOOL_DISCONNECTED;
    }
    if (code) {
        tool_error("%s", pb_failure_text(f));
        return code == PB_ERR_TIMEOUT ? TOOL_TIMEOUT : TOOL_DISCONNECTED;
    }
    tool_error("%s: %s", pb_failure_type(f), pb_failure_text(f));
    client_hint_login(o, f);
    if (o->traceback) {
        tool_print_lines(stderr, pb_failure_traceback(f));
    }
    return TOOL_FAILED;
}

/* A connection that has ended after it was there. */
static int client_report_lost(const pb_error *err)
{
    int status = tool_connection_error(err);
    client_hint_limit(err->code);
    return status;
}

int client_options_report(const struct client_options *o, const pb_error *err)
{
    const pb_failure *f = pb_client_failure(o->connection);
    if (!f && err->code != PB_ERR_DEAD) {
        tool_error_from(err); /* nothing was sent */
        client_hint_limit(err->code);
        return TOOL_USAGE;
    }
    /* The text of a peer's failure may have been cut in err. */
    return f && (err->code == PB_ERR_REMOTE || err->code == PB_ERR_INSECURE)
               ? client_report_failure(o, f)
               : client_report_lost(err);
}
