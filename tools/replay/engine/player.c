/* SPDX-License-Identifier: MIT
 *
 * Feeds a session with the chunks of the peer as they are in the capture. Before each
 * chunk, the session must have written what this side's broker had written by then,
 * and it must end the connection where that broker did. */
#include <stdarg.h>
#include <stdio.h>

#include "libpb/base/error.h"
#include "tools/common/capture_file.h"
#include "tools/replay/engine/player.h"

void player_fail(struct player *p, size_t line, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!p->failed) {
        p->check->line = line;
        check_fail(p->check, "%s", text);
    }
    p->failed = true;
}

static size_t capture_line_number(const json_t *line)
{
    return (size_t)json_integer_value(json_object_get(line, "line"));
}

static bool is_line_of_side(const json_t *line, const char *member,
                            const struct player *p, int side)
{
    const char *name = json_string_value(json_object_get(line, member));
    return name && strcmp(name, p->s->sides[side].name) == 0;
}

/* The next line after i that is not a chunk of this side: the chunks of this side
 * before it are the reaction to line i. */
static size_t next_peer_line(const struct player *p, const json_t *lines, size_t i)
{
    do {
        i++;
    } while (i < json_array_size(lines) &&
             is_line_of_side(json_array_get(lines, i), "from", p, p->side));
    return i;
}

/* Lets the application and the session write what is due before line i. */
static void player_speak(struct player *p, const json_t *lines, size_t i)
{
    p->due = i < json_array_size(lines) ? capture_line_number(json_array_get(lines, i))
                                        : SIZE_MAX;
    application_run(p, NULL);
    output_compare(p);
}

static void player_feed(struct player *p, const json_t *lines, size_t i)
{
    struct pb__buf in = {0};
    const json_t *line = json_array_get(lines, i);
    size_t next = next_peer_line(p, lines, i);
    const json_t *event = json_array_get(lines, next);
    bool ends =
        json_object_get(event, "event") && is_line_of_side(event, "by", p, p->side);
    p->due = capture_line_number(event);
    if (capture_decode_hex(json_object_get(line, "hex"), &in, NULL) != 0) {
        player_fail(p, capture_line_number(line), "hex");
        return;
    }
    int e = 0;
    size_t step = p->bytewise ? 1 : in.len;
    for (size_t at = 0; e == 0 && at < in.len; at += step) {
        e = pb_session_recv(p->session, (pb_span){in.data + at, step}, 0);
    }
    pb__buf_fini(&in);
    player_speak(p, lines, next);
    if (e && !ends) {
        const pb_error *why = pb_session_error(p->session);
        player_fail(p, capture_line_number(line),
                    "the session ends the connection, Twisted does not: %s: %s",
                    why->where, why->text);
    } else if (!e && ends && json_is_string(json_object_get(event, "error")) &&
               !p->refused) {
        player_fail(p, capture_line_number(line),
                    "Twisted ended the connection by %s, the session does "
                    "not",
                    json_string_value(json_object_get(event, "error")));
    }
}

static void player_close(struct player *p, const json_t *lines, size_t i)
{
    const json_t *event = json_array_get(lines, i);
    if (!is_line_of_side(event, "by", p, p->side)) {
        pb_session_lost(p->session, NULL);
    } else if (!pb_session_is_closed(p->session)) {
        pb_session_close(p->session);
    }
    check_pass(p->check);
    player_speak(p, lines, next_peer_line(p, lines, i));
}

static int player_begin(struct player *p, pb_error *err)
{
    pb_session_config c = {.user_data = p};
    int e = logins_find(p);
    e = e ? pb__error_nomem(err) : inferred_config(p, &c, err);
    if (e == 0 && p->side == SIDE_SERVER && p->logins.len) {
        c.root = login_portal_root(p);
    } else if (e == 0) {
        struct player_object *root = exported_root(p);
        c.root = root ? pb_object_ref(root->object) : NULL;
    }
    if (e == 0 && c.root) {
        p->session = (p->side == SIDE_CLIENT ? pb_session_client_new
                                             : pb_session_server_new)(&c, 0);
    }
    pb_object_unref(c.root);
    pb_taster_unref(c.jelly.taster);
    pb_registry_unref(c.registry);
    return e ? e : p->session ? 0 : pb__error_nomem(err);
}

/* Checks that each call that Twisted served was served here. */
static void player_check_served(struct player *p)
{
    size_t n = 0;
    for (size_t i = 0; i < scenario_message_count(p->s); i++) {
        const struct scenario_message *m = scenario_message_at(p->s, i);
        n += m->from != p->side && m->served;
    }
    if (n != p->served) {
        player_fail(p, p->check->line, "%zu calls were served, not %zu", p->served, n);
    }
}

static void player_end(struct player *p)
{
    if (p->session) {
        pb_session_close(p->session);
    }
    if (p->asked) {
        player_fail(p, p->check->line, "%zu calls never ended", p->asked);
    }
    answers_fini(p);
    held_fini(p);
    pb_portal_unref(p->portal);
    pb_session_free(p->session);
    objects_fini(p);
    output_fini(p);
    pb__buf_fini(&p->logins);
    pb__buf_fini(&p->pagers);
    json_decref(p->instances);
}

static void player_play(const struct scenario *s, const json_t *lines, int side,
                        bool bytewise)
{
    struct player p = {.check = s->check, .s = s, .side = side, .bytewise = bytewise};
    pb_error err = {0};
    s->check->role = s->sides[side].name;
    if (player_begin(&p, &err) != 0) {
        player_fail(&p, 1, "%s", err.text);
    } else {
        player_speak(&p, lines, next_peer_line(&p, lines, (size_t)-1));
    }
    for (size_t i = 0; !p.failed && i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        p.check->line = capture_line_number(line);
        if (json_object_get(line, "event")) {
            player_close(&p, lines, i);
        } else if (is_line_of_side(line, "from", &p, !side) &&
                   !pb_session_is_closed(p.session)) {
            player_feed(&p, lines, i);
        }
    }
    if (!p.failed) {
        application_make_refused_calls(&p, NULL);
        output_compare(&p);
        player_check_served(&p);
    }
    output_end(&p);
    player_end(&p);
    s->check->role = NULL;
}

void play_side_by_session(const struct scenario *s, const json_t *lines, int side)
{
    size_t failed = s->check->failed;
    player_play(s, lines, side, false);
    if (s->check->failed == failed) {
        player_play(s, lines, side, true);
    }
}
