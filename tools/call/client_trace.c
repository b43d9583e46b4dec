/* SPDX-License-Identifier: MIT
 *
 * Prints the steps of a connection and the messages on it. */
#include "tools/call/client_trace.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/common/command.h"

static void trace_line(const char *format, ...) PB_PRINTF(1, 2);

static void trace_line(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tool_vprint(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void client_trace_step(const struct client_options *o, const char *format, ...)
{
    if (o->verbose) {
        va_list args;
        va_start(args, format);
        fputs("* ", stderr);
        tool_vprint(stderr, format, args);
        fputc('\n', stderr);
        va_end(args);
    }
}

static void trace_log(pb_session *s, pb_log_level level, const char *text,
                      void *user_data)
{
    (void)s;
    (void)level;
    (void)user_data;
    bool message = (*text == '<' || *text == '>') && text[1] == ' ';
    trace_line("%s%s", message ? "" : "* ", text);
}

static void trace_tls(const pb_peer_tls *tls)
{
    trace_line("* %s, cipher %s", tls->version ? tls->version : "TLS",
               tls->cipher ? tls->cipher : "unknown");
    if (tls->subject) {
        trace_line("* certificate: %s, %s", *tls->subject ? tls->subject : "no subject",
                   tls->verified ? "verified" : "not verified");
    }
    for (const char *const *name = tls->names; name && *name; name++) {
        trace_line("* certificate for %s", *name);
    }
}

void client_trace_peer(pb_session *s, void *user_data)
{
    (void)user_data;
    const pb_peer *peer = pb_session_peer(s);
    if (peer && peer->address) {
        trace_line("* connected to %s", peer->address);
    }
    if (peer && peer->tls) {
        trace_tls(peer->tls);
    }
}

/* Prints bytes as lines of sixteen: hexadecimal, and as text. */
static void trace_bytes(pb_session *s, bool sent, pb_span bytes, void *user_data)
{
    enum { WIDTH = 16 };
    (void)s;
    (void)user_data;
    for (size_t at = 0; at < bytes.len; at += WIDTH) {
        char hex[3 * WIDTH + 1] = "", text[WIDTH + 1] = "";
        for (size_t i = 0; i < WIDTH && at + i < bytes.len; i++) {
            uint8_t c = bytes.data[at + i];
            snprintf(hex + 3 * i, sizeof hex - 3 * i, " %02x", c);
            text[i] = c < 0x80 && isprint(c) ? (char)c : '.';
        }
        trace_line("%s %04zx:%-48s  %s", sent ? ">>" : "<<", at, hex, text);
    }
}

void client_trace_attach(struct client_options *o)
{
    if (o->verbose) {
        o->config.session.on_log = trace_log;
        o->config.session.log_level = PB_LOG_DEBUG;
        o->config.session.on_ready = client_trace_peer;
    }
    if (o->wire) {
        o->config.session.on_bytes = trace_bytes;
    }
}
