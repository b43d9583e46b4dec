/* SPDX-License-Identifier: MIT
 *
 * A side of a scenario, played by a session: it gets the peer's chunks as the capture has
 * them, and must write, before each next one, what this side's broker had written by then,
 * and end where that ended. */
#include <stdarg.h>
#include <stdio.h>

#include "libpb/base/error.h"
#include "tools/common/capture_file.h"
#include "tools/replay/engine/player.h"

void play_fail(struct play *p, size_t line, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!p->failed) {
        p->r->line = line;
        replay_fail(p->r, "%s", text);
    }
    p->failed = true;
}

static size_t line_of(const json_t *line)
{
    return (size_t)json_integer_value(json_object_get(line, "line"));
}

static bool is_from(const json_t *line, const char *member, const struct play *p, int who)
{
    const char *name = json_string_value(json_object_get(line, member));
    return name && strcmp(name, p->s->sides[who].name) == 0;
}

/* The next line after i that is not a chunk of this side's: what it says before that is a
 * consequence of what came until now. */
static size_t next_line(const struct play *p, const json_t *lines, size_t i)
{
    do {
        i++;
    } while (i < json_array_size(lines) &&
             is_from(json_array_get(lines, i), "from", p, p->who));
    return i;
}

/* Lets the session and the application say what is due before line i. */
static void speak(struct play *p, const json_t *lines, size_t i)
{
    p->due = i < json_array_size(lines) ? line_of(json_array_get(lines, i)) : SIZE_MAX;
    app_do(p, NULL);
    output_compare(p);
}

static void feed(struct play *p, const json_t *lines, size_t i)
{
    struct pb__buf in = {0};
    const json_t *line = json_array_get(lines, i);
    size_t next = next_line(p, lines, i);
    const json_t *event = json_array_get(lines, next);
    bool ends = json_object_get(event, "event") && is_from(event, "by", p, p->who);
    p->due = line_of(event);
    if (capture_hex(json_object_get(line, "hex"), &in, NULL) != 0) {
        play_fail(p, line_of(line), "hex");
        return;
    }
    int e = 0;
    size_t step = p->bytewise ? 1 : in.len;
    for (size_t at = 0; e == 0 && at < in.len; at += step) {
        e = pb_session_recv(p->session, (pb_span){in.data + at, step}, 0);
    }
    pb__buf_fini(&in);
    speak(p, lines, next);
    if (e && !ends) {
        const pb_error *why = pb_session_error(p->session);
        play_fail(p, line_of(line),
                  "the session ends the connection, Twisted does not: %s: %s", why->where,
                  why->text);
    } else if (!e && ends && json_is_string(json_object_get(event, "error")) &&
               !p->refused) {
        play_fail(p, line_of(line),
                  "Twisted ended the connection by %s, the session does "
                  "not",
                  json_string_value(json_object_get(event, "error")));
    }
}

static void close_it(struct play *p, const json_t *lines, size_t i)
{
    const json_t *event = json_array_get(lines, i);
    if (!is_from(event, "by", p, p->who)) {
        pb_session_lost(p->session, NULL);
    } else if (!pb_session_is_closed(p->session)) {
        pb_session_close(p->session);
    }
    replay_pass(p->r);
    speak(p, lines, next_line(p, lines, i));
}

static int begin(struct play *p, pb_error *err)
{
    pb_session_config c = {.user_data = p};
    int e = login_begin(p);
    e = e ? pb__error_nomem(err) : facts_config(p, &c, err);
    if (e == 0 && p->who == SERVER && p->logins.len) {
        c.root = login_root(p);
    } else if (e == 0) {
        struct thing *root = things_root(p);
        c.root = root ? pb_object_ref(root->object) : NULL;
    }
    if (e == 0 && c.root) {
        p->session =
            (p->who == CLIENT ? pb_session_client_new : pb_session_server_new)(&c, 0);
    }
    pb_object_unref(c.root);
    pb_taster_unref(c.jelly.taster);
    pb_registry_unref(c.registry);
    return e ? e : p->session ? 0 : pb__error_nomem(err);
}

/* Each call that Twisted served must have been served here. */
static void check_served(struct play *p)
{
    size_t n = 0;
    for (size_t i = 0; i < spoken_count(p->s); i++) {
        const struct spoken *m = spoken_at(p->s, i);
        n += m->from != p->who && m->served;
    }
    if (n != p->served) {
        play_fail(p, p->r->line, "%zu calls were served, not %zu", p->served, n);
    }
}

static void end(struct play *p)
{
    if (p->session) {
        pb_session_close(p->session);
    }
    if (p->asked) {
        play_fail(p, p->r->line, "%zu calls never ended", p->asked);
    }
    answer_fini(p);
    hold_fini(p);
    pb_portal_unref(p->portal);
    pb_session_free(p->session);
    things_fini(p);
    output_fini(p);
    pb__buf_fini(&p->logins);
    json_decref(p->instances);
}

static void play(const struct scenario *s, const json_t *lines, int who, bool bytewise)
{
    struct play p = {.r = s->r, .s = s, .who = who, .bytewise = bytewise};
    pb_error err = {0};
    s->r->role = s->sides[who].name;
    if (begin(&p, &err) != 0) {
        play_fail(&p, 1, "%s", err.text);
    } else {
        speak(&p, lines, next_line(&p, lines, (size_t)-1));
    }
    for (size_t i = 0; !p.failed && i < json_array_size(lines); i++) {
        const json_t *line = json_array_get(lines, i);
        p.r->line = line_of(line);
        if (json_object_get(line, "event")) {
            close_it(&p, lines, i);
        } else if (is_from(line, "from", &p, !who) && !pb_session_is_closed(p.session)) {
            feed(&p, lines, i);
        }
    }
    if (!p.failed) {
        app_raise(&p, NULL);
        output_compare(&p);
        check_served(&p);
    }
    output_end(&p);
    end(&p);
    s->r->role = NULL;
}

void replay_session(const struct scenario *s, const json_t *lines, int who)
{
    size_t failed = s->r->failed;
    play(s, lines, who, false);
    if (s->r->failed == failed) {
        play(s, lines, who, true);
    }
}
