/* SPDX-License-Identifier: MIT
 *
 * Two sessions that talk to each other in memory, with a made-up clock, and a log of
 * events. A conversation is a function that runs three ways: with all bytes at once, byte
 * by byte, and cut in two at every place. Its log must be the same each time, and no
 * memory may be left. */
#ifndef PB__TEST_PAIR_H
#define PB__TEST_PAIR_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libpb/broker/calls.h"
#include "libpb/broker/session.h"
#include "pb/flavors.h"
#include "tests/support.h"

/* The bytes of a string literal, NULs included. */
#define BYTES(text) ((pb_span){(const uint8_t *)(text), sizeof(text) - 1})

struct pair {
    pb_session *client, *server;
    int64_t now;
    size_t step;      /* bytes at a time; 0: all that there is */
    size_t cut;       /* or: cut in two after this many bytes in all; 0: nowhere */
    size_t delivered; /* bytes in all */
    char log[16384];
    size_t log_len;
};

/* Appends a line to the log. */
static inline void note(struct pair *p, const char *format, ...) PB_PRINTF(2, 3);

static inline void note(struct pair *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = sizeof p->log - p->log_len;
    int n = vsnprintf(p->log + p->log_len, room, format, args);
    va_end(args);
    cr_assert(n >= 0 && (size_t)n + 1 < room, "the log is full");
    p->log_len += (size_t)n;
    p->log[p->log_len++] = '\n';
    p->log[p->log_len] = '\0';
}

/* Appends the repr of a value. */
static inline void note_value(struct pair *p, const char *what, const pb_value *v)
{
    char *text = pb_value_repr(v);
    if (text) {
        note(p, "%s %s", what, text);
    }
    pb_free(text);
}

/* Moves some bytes; false if there were none. Each read is an allocation of its own, so
 * that a sanitizer sees reading past its end. */
static inline bool move(struct pair *p, pb_session *from, pb_session *to)
{
    pb_span out = pb_session_send(from);
    if (out.len == 0) {
        return false;
    }
    size_t n = out.len;
    if (p->step && p->step < n) {
        n = p->step;
    }
    if (p->cut > p->delivered && p->cut - p->delivered < n) {
        n = p->cut - p->delivered;
    }
    uint8_t *bytes = malloc(n);
    memcpy(bytes, out.data, n);
    pb_session_sent(from, n, p->now);
    p->delivered += n;
    pb_session_recv(to, (pb_span){bytes, n}, p->now);
    free(bytes);
    return true;
}

static inline bool move_all(struct pair *p, pb_session *from, pb_session *to)
{
    bool any = false;
    while (move(p, from, to)) {
        any = true;
    }
    return any;
}

/* Lets the two talk in turns until neither has anything to send. */
static inline void talk(struct pair *p)
{
    bool any;
    do {
        any = move_all(p, p->client, p->server);
        any |= move_all(p, p->server, p->client);
    } while (any);
}

/* The same after some time. */
static inline void later(struct pair *p, int64_t milliseconds)
{
    p->now += milliseconds;
    pb_session_tick(p->client, p->now);
    pb_session_tick(p->server, p->now);
    talk(p);
}

static inline void pair_ready(pb_session *s, void *user_data)
{
    struct pair *p = user_data;
    note(p, "%s ready", s == p->client ? "client" : "server");
}

static inline void pair_close(pb_session *s, const pb_error *why, void *user_data)
{
    struct pair *p = user_data;
    const char *who = s == p->client ? "client" : "server";
    if (why->code) {
        note(p, "%s closed %d %s: %s", who, why->code, why->where, why->text);
    } else {
        note(p, "%s closed", who);
    }
}

/* Fills in the missing fields of the two configurations. False for lack of memory. */
static inline bool pair_open(struct pair *p, pb_session_config client,
                             pb_session_config server)
{
    pb_session_config *each[] = {&client, &server};
    for (size_t i = 0; i < 2; i++) {
        each[i]->user_data = p;
        each[i]->on_ready = each[i]->on_ready ? each[i]->on_ready : pair_ready;
        each[i]->on_close = each[i]->on_close ? each[i]->on_close : pair_close;
    }
    p->client = pb_session_client_new(&client, p->now);
    p->server = pb_session_server_new(&server, p->now);
    return p->client && p->server;
}

/* Ends both sessions. Nothing may be left, except what a closed session keeps. */
static inline void pair_close_both(struct pair *p)
{
    pb_session *both[] = {p->client, p->server};
    for (size_t i = 0; i < 2; i++) {
        if (both[i] && !pb_session_is_closed(both[i])) {
            pb_session_stats stats;
            pb_session_get_stats(both[i], &stats);
            cr_assert_eq(stats.pending + stats.serving + stats.exported + stats.held +
                             stats.queued,
                         0,
                         "%s: pending %zu serving %zu exported %zu held %zu queued %zu",
                         i ? "server" : "client", stats.pending, stats.serving,
                         stats.exported, stats.held, stats.queued);
            cr_assert(!both[i]->calls || both[i]->calls->sent.len == 0);
        }
    }
    pb_session_free(p->client);
    pb_session_free(p->server);
    p->client = p->server = NULL;
}

/* Runs a conversation in all three ways; it opens and closes the pair itself. */
static inline void converse(void (*conversation)(struct pair *p), const char *expected)
{
    struct pair *p = calloc(1, sizeof *p);
    size_t total = 0;
    for (size_t run = 0; run <= total + 1; run++) {
        *p = (struct pair){.step = run == 1, .cut = run > 1 ? run - 1 : 0, .now = 1000};
        conversation(p);
        cr_assert_str_eq(p->log, expected, "run %zu:\n%s", run, p->log);
        cr_assert_eq(pb__test_live(), 0, "run %zu: %ld blocks left", run,
                     pb__test_live());
        if (run == 0) {
            total = p->delivered < 1500 ? p->delivered : 0;
        }
    }
    free(p);
}

/* A callback that notes how a call ended; its user_data is the pair. */
static inline void noted(pb_value *result, pb_failure *failure, void *user_data)
{
    struct pair *p = user_data;
    if (result) {
        note_value(p, "answer", result);
    } else {
        note(p, "failure %d %s: %s", pb_failure_code(failure), pb_failure_type(failure),
             pb_failure_text(failure));
    }
}

/* Calls a method of the peer's root, and notes the end. Steals the arguments. */
static inline int call_root(struct pair *p, pb_session *s, const char *method,
                            pb_value *args, pb_value *kwargs)
{
    pb_remote *root = pb_session_root(s);
    int e = root && args ? pb_remote_call_values(root, method, args, kwargs, NULL, noted,
                                                 p, NULL, NULL)
                         : PB_ERR_NOMEM;
    pb_value_unref(args);
    pb_value_unref(kwargs);
    pb_remote_unref(root);
    return e;
}

#endif
