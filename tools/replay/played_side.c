/* SPDX-License-Identifier: MIT
 *
 * The order of a replay: this side sends a message when all messages that precede it
 * in the capture have been received. So no message is sent before the numbers in it
 * are known, and no message is waited for that depends on one that was not sent. */
#include "tools/replay/played_side.h"

#include <stdio.h>

#include "tools/common/command.h"

enum { CHUNK = 64 << 10 };

/* ---- The peer ---- */

static void played_side_on_message(const struct conversation_message *m, void *ctx)
{
    struct played_side *s = ctx;
    if (m->kind == MESSAGE_DIALECT) {
        pb_encoder_set_dialect(s->encoder, dialect_by_name(m->value));
    }
    if (m->from != s->side) {
        played_side_receive(s, m);
    }
}

static void played_side_on_damage(int from, double time, uint64_t offset,
                                  const pb_error *why, void *ctx)
{
    struct played_side *s = ctx;
    char text[TOOL_ERROR_SIZE];
    (void)time;
    played_side_report(s, NULL, "the %s's stream is unreadable from byte %llu: %s",
                       side_names[from], (unsigned long long)offset,
                       tool_format_error(text, why));
    s->peer_ended = true;
}

/* Whether the replay has to wait for a message of the peer. */
static bool is_expected_message(const struct played_side *s,
                                const struct recorded_message *m)
{
    return !m->done && m->from != s->side && !played_side_is_optional(m->value);
}

/* The first message before index `end` to wait for; NULL if there is none. */
static const struct recorded_message *first_expected(struct played_side *s, size_t end)
{
    while (s->first < end &&
           !is_expected_message(s, recording_at(&s->recording, s->first))) {
        s->first++;
    }
    return s->first < end ? recording_at(&s->recording, s->first) : NULL;
}

/* Reports the first expected message before index `end`, and how many more there are. */
static void report_missing(struct played_side *s, size_t end, const char *how)
{
    const struct recorded_message *first = first_expected(s, end);
    size_t more = 0;
    for (size_t i = s->first + 1; i < end; i++) {
        more += is_expected_message(s, recording_at(&s->recording, i));
    }
    if (first) {
        played_side_report(s, first, "this %s", how);
    }
    if (more) {
        printf("%s: and %zu more\n", s->file, more);
        s->differences += more;
    }
}

/* Reads from the peer once. False at the end of its stream, and with PB_ERR_TIMEOUT. */
static bool peer_read(struct played_side *s, pb_error *err)
{
    static uint8_t chunk[CHUNK];
    int n = blocking_socket_read(&s->socket, chunk, sizeof chunk, s->timeout, err);
    if (n > 0 && conversation_receive(&s->live, !s->side, s->live.time,
                                      (pb_span){chunk, (size_t)n}) != 0) {
        s->status = tool_nomem();
    }
    if (n <= 0 && n != PB_ERR_TIMEOUT) {
        s->peer_ended = true;
    }
    return n > 0;
}

static bool played_side_is_active(const struct played_side *s)
{
    return !s->peer_ended && s->status == TOOL_DONE;
}

/* Waits for all expected messages before index `end`; false if they do not come. */
static bool wait_for_expected(struct played_side *s, size_t end)
{
    while (played_side_is_active(s) && first_expected(s, end)) {
        pb_error err = {0};
        if (peer_read(s, &err)) {
            continue;
        }
        if (err.code == PB_ERR_TIMEOUT) {
            report_missing(s, end, "did not come in time");
            s->status = TOOL_TIMEOUT;
        } else {
            s->why = err;
        }
    }
    return played_side_is_active(s);
}

/* ---- This side ---- */

static void send_message(struct played_side *s, struct recorded_message *m)
{
    const char *why;
    m->done = true;
    if (played_side_send(s, m, &why)) {
        return;
    }
    if (why) {
        played_side_report(s, m, "this message is not sent: %s", why);
    }
    if (m->kind == MESSAGE_CALL && m->answer != NO_MESSAGE) {
        recording_at(&s->recording, m->answer)->done = true; /* none can come */
    }
}

/* Marks ignored calls and their answers as done: such a call is answered when it
 * comes, and not waited for. */
static void skip_ignored_calls(struct played_side *s)
{
    for (size_t i = 0; i < recording_count(&s->recording); i++) {
        struct recorded_message *m = recording_at(&s->recording, i);
        if (m->kind == MESSAGE_CALL && m->from != s->side &&
            rules_is_ignored(&s->rules, m->method)) {
            m->done = true;
            if (m->answer != NO_MESSAGE) {
                recording_at(&s->recording, m->answer)->done = true;
            }
        }
    }
}

/* The first release of a reference in the capture that has not come; NULL if there is
 * none. */
static const struct recorded_message *first_release(const struct played_side *s)
{
    for (size_t i = 0; i < recording_count(&s->recording); i++) {
        const struct recorded_message *m = recording_at(&s->recording, i);
        pb_span command = {0};
        if (m->done || m->from == s->side || !played_side_is_optional(m->value)) {
            continue;
        }
        (void)pb_as_text(message_member(m->value, 0), &command);
        if (!rules_is_ignored(&s->rules, (const char *)command.data)) {
            return m;
        }
    }
    return NULL;
}

/* Waits for the releases of references, which may come at any time before the end. */
static void wait_for_releases(struct played_side *s)
{
    const struct recorded_message *missing;
    pb_error err = {0};
    while (played_side_is_active(s) && !err.code && first_release(s)) {
        (void)peer_read(s, &err);
    }
    while ((missing = first_release(s))) {
        played_side_report(s, missing, "this release did not come");
        recording_at(&s->recording, (size_t)(missing - recording_at(&s->recording, 0)))
            ->done = true;
    }
}

/* Ends the connection as it ended in the capture. */
static void end_connection(struct played_side *s)
{
    bool theirs = s->recording.closed_by == !s->side;
    pb_error err = {0};
    if (!theirs) {
        blocking_socket_finish(&s->socket);
    }
    while (played_side_is_active(s) && peer_read(s, &err)) {
    }
    if (theirs && err.code == PB_ERR_TIMEOUT) {
        played_side_report(s, NULL, "the %s does not end the connection",
                           side_names[!s->side]);
    }
}

static void play_messages(struct played_side *s)
{
    size_t n = recording_count(&s->recording);
    skip_ignored_calls(s);
    for (size_t i = 0; i < n && played_side_is_active(s); i++) {
        struct recorded_message *m = recording_at(&s->recording, i);
        if (m->from == s->side && !m->done && wait_for_expected(s, i)) {
            send_message(s, m);
        }
    }
    if (wait_for_expected(s, n)) {
        wait_for_releases(s);
        end_connection(s);
    } else if (s->status == TOOL_DONE && first_expected(s, n)) {
        played_side_report(s, NULL, "the %s ended the connection%s%s",
                           side_names[!s->side], s->why.code ? ": " : "", s->why.text);
        report_missing(s, n, "did not come");
    }
}

void played_side_run(struct played_side *s, struct blocking_socket socket)
{
    s->socket = socket;
    s->status = TOOL_DONE;
    if (conversation_init(&s->live) != 0 || played_side_begin(s) != 0) {
        s->status = tool_nomem();
    } else {
        s->live.message = played_side_on_message;
        s->live.damage = played_side_on_damage;
        s->live.ctx = s;
        play_messages(s);
    }
    if (s->status == TOOL_DONE && s->differences) {
        s->status = TOOL_FAILED;
    }
    pb_encoder_free(s->encoder);
    conversation_fini(&s->live);
    blocking_socket_fini(&s->socket);
    for (int i = 0; i < LUID_KINDS; i++) {
        pb__map_fini(&s->live_luids[i]);
        pb__map_fini(&s->recorded_luids[i]);
    }
    pb__map_fini(&s->requests);
}
